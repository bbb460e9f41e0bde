"""Idempotency-Key: a POST that is sent twice takes effect once.

Problem         A customer clicks twice, a phone repeats a request whose answer was lost: two orders.
Guarantee       One effect and one answer for each key, also when the requests race, also when the process is killed
                between the effect and the answer: key, effect and answer are one transaction. The same key with
                another body is refused (422), a key is required (400), and two users' keys never meet; visitors are refused.
Not guaranteed  Effects outside the database (an email, a charge) are not undone by a rollback: put them in an outbox.
                Only 2xx answers are kept; a refused request may be corrected and sent again with its key.
Cost            Four statements more on PostgreSQL (a time limit, the insert, the limit's end, the answer), and a
                savepoint; a request that races waits for the first, at most `wait_seconds`, then 409.
Use instead     A natural key with a unique constraint, when the request has one (an order number of the client's);
                drf-idempotency, when answers may live in a cache and be lost with it.

Source: IETF draft-ietf-httpapi-idempotency-key-header, sections 2.1 to 2.7.
"""
