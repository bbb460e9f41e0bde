"""Transactional outbox, the writing half: an event is kept when, and only when, the change that it tells of was committed.

Problem         The review is saved, then the publish fails: nobody downstream ever hears of it. Published first, and
                then the transaction rolls back: they hear of a review that is none.
Guarantee       An event is stored in the transaction of its change, or refused outside of one; a rollback takes both. Those
                that wait are found in the order in which they were stored, and an `event_id` is stored once.
Not guaranteed  That anybody publishes it: the reading half is a relay, as queue_demo/patterns/outbox has it. Order of two
                transactions that write for one aggregate at once: lock the aggregate's row first.
Cost            One insert a change. Without a relay rows stay until you delete them.
Use instead     django-jaiminho, when its one relay a queue and its signals fit; Debezium on the database's log, when
                somebody runs Kafka Connect anyway; `transaction.on_commit`, when losing an event now and then is fine.

Source: Chris Richardson, microservices.io, "Transactional outbox".
"""
