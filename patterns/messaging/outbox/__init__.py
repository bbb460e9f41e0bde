"""Transactional outbox: an event leaves when, and only when, the change that it tells of was committed.

Problem         The order is saved, then the publish fails: nobody downstream ever hears of it. Published first, and
                then the transaction rolls back: they hear of an order that is none.
Guarantee       An event is stored in the transaction of its change, or refused outside of one. It is marked as
                published only after `publish` returned; whatever comes between (an outage, SIGKILL), it is published
                later, by itself. Relays that run side by side publish no event twice, and one aggregate's
                events leave in the order of their ids. An event that the broker refuses holds back only its own aggregate's.
Not guaranteed  Exactly once: a relay killed between `publish` and the mark publishes up to a batch again, with the same
                `event_id`. Order of two transactions that write for one aggregate at once: lock the aggregate's row first.
                On SQLite, which has no row locks: run one relay only.
Cost            One insert a change. Two statements and a transaction a batch, one round trip to the broker an event, at
                most one event of an aggregate a batch. Latency: up to `idle_seconds`. Published rows stay until you
                delete them.
Use instead     django-jaiminho, when its one relay a queue and its signals fit; Debezium on the database's log, when
                somebody runs Kafka Connect anyway; `transaction.on_commit`, when losing an event now and then is fine.

Source: Chris Richardson, microservices.io, "Transactional outbox" and "Polling publisher".
"""
