"""Rate limits: at most so many requests in any window of so many seconds, counted in Redis, all processes together.

Problem         A limiter that reads a counter, compares, and writes it back lets through whoever reads before the others have
                written; one with a fixed window lets twice the limit through around its edge; and one in each process's memory
                multiplies the limit by the processes.
Guarantee       Of requests at the same moment, over any number of processes, exactly `quota` are allowed in any window of
                `window_seconds`. Several limits are checked at once and counted all or none: a refused request counts
                nowhere. One round trip, however many limits. The clock is Redis's, so the processes' own may differ. A key
                holds at most `quota` entries, and expires. A refused request learns when its next attempt may succeed; with
                the throttle, each limited answer has RateLimit and RateLimit-Policy. While Redis is away, requests are let
                through, refused (503) or counted by each process alone, as `when_away` says; that costs one time-out of the
                client for each `ask_again_seconds`, and one line of the log for each outage.
Not guaranteed  A failover loses what was not replicated, and a step of Redis's clock shifts the window. A command whose
                answer was lost may have counted, so the client must not retry. In Redis Cluster all keys of one check need one
                hash slot: put a {hash tag} into `prefix`. Without Redis, each process counts for itself, and forgets the
                least recently counted keys beyond `MOST_KEYS`. Two throttles of one view are two checks.
Cost            One EVALSHA; about 10 bytes an entry and 200 a key: under 500 bytes for a quota of 20. For quotas of many thousands
                prefer an approximation: GCRA or two fixed windows take two numbers a key.
Use instead     Your gateway's limiter, for what needs no user (nginx limit_req, Envoy). The `limits` package, for other
                strategies and stores, one limit a round trip. DRF's own throttles, when a few too many do no harm.

Sources: RFC 6585, section 4 (429); draft-ietf-httpapi-ratelimit-headers-11; redis.io, "Scripting with Lua".
"""
