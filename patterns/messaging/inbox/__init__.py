"""Inbox: a message that is delivered again has no second effect.

Problem         Every broker that loses nothing delivers some messages twice: the relay was killed after the confirm, the
                consumer before the ack, the connection broke in between. The customer gets two emails.
Guarantee       `Inbox.objects.new(consumer=…, message_ids=…)` names each id once, to one transaction: of consumers that
                ask for the same id at once, one is told it, the others wait for that one's end. When its transaction
                rolls back, nothing is remembered, and the next delivery is new again. Outside a transaction it refuses: the id
                and the effect must become true together. An id that stands twice in one batch is new once. Consumers
                of other names are not concerned.
Not guaranteed  Effects outside of the database: an email that was sent stays sent when the transaction rolls back.
                Send it under an id that the provider knows repetitions by, or accept the rare second one. Order. And an id
                that you have deleted is new again: keep them for longer than the broker and the dead letters keep a message.
Cost            One INSERT a batch, whatever its size, in the effect's transaction; one row a message until you delete it.
Use instead     A condition in the UPDATE (`… WHERE fulfilled_at IS NULL`) or a unique constraint on the effect's own row,
                when the effect has one: it needs no second table.

Source: Chris Richardson, microservices.io, "Idempotent consumer"; PostgreSQL, "INSERT … ON CONFLICT".
"""
