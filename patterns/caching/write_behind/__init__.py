"""Write-behind: many small increments are kept in Redis, and reach the database as a few rows, each exactly once.

Problem         Every page view writes a row: the most read page has the hottest row, and readers wait for writers. Counting in
                Redis and writing now and then loses what was taken out when the writer dies, or counts it twice.
Guarantee       What Redis has counted reaches `apply` exactly once, although a flush be killed at any step, and though several
                flush at once. A batch is taken out under an id, and stays in Redis until the database has it; its id is
                committed in the transaction that applies it, so the next flush sees that it is done, and only removes it.
Not guaranteed  What Redis loses (a restart without a disk, an eviction): keep it where `maxmemory-policy` is noeviction. An increment
                that timed out: it may have been counted, so it must not be repeated. An order among increments.
Cost            One round trip for an increment. A flush is two round trips and one transaction of `apply`'s statements and
                one row, whatever the number of increments. The database is behind by the time between two flushes.
Use instead     A row for each event and a sum at night, when the events are wanted anyhow; `F("views") + 1`, below some tens
                of writes a second; a stream with consumer groups, when each event carries more than a number.

On Memcached it raises NotSupportedError: it cannot take out many counters in one step.

Sources: Redis documentation, RENAME ("Lists: reliable queue"); the inbox of patterns for messages, whose id is an event's.
"""
