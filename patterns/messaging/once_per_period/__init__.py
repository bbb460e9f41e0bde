"""Once per period: however many schedulers say that it is time, the work of a period is done once.

Problem         A second beat is started by a deploy that overlaps, by a scaled service, by hand. Each sends the nightly task:
                the restock is ordered twice. A scheduler that must be alone is one that is missing on the night when its
                machine is.
Guarantee       `Period.objects.claim(name=…, now=…, length=…)` is true for one transaction of each period. Who asks at the
                same time waits for that one's end. When it rolls back, the claim is free again, for the next who asks.
                Outside a transaction it refuses: claim and effect must become true together. A task that was sent in a period
                and runs in the next one belongs to the first, if it carries the time at which it was sent.
Not guaranteed  That somebody asks: a period in which no scheduler ran is not made up for. That clocks agree: a beat whose
                clock is wrong by more than a period claims another one. Effects outside of the database: see the inbox.
Cost            One INSERT a run, and one row a period until you delete it.
Use instead     RedBeat or `celery-singleton`, whose locks in Redis keep the second beat from sending at all; a lock can
                expire while its holder works, so the claim stays useful behind it. pg_cron or a Kubernetes CronJob with
                `concurrencyPolicy: Forbid`, when nothing else needs a beat.

Periods are counted from 1970-01-01 00:00 UTC: those of a day begin at midnight UTC.
Source: Google, "Site Reliability Engineering", chapter 24, "Distributed Periodic Scheduling with Cron".
"""
