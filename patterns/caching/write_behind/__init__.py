"""Write-behind: count in Redis, write to the database in batches, exactly once.

Problem
    An update per page view makes popular rows hot. A counter copied from Redis is lost
    or counted twice when the process dies.

Guarantee
    - Counts reach `apply` exactly once, wherever a flush is killed and however many
      run.
    - `apply` runs in a transaction with the batch's id. If it raises, the batch stays.
    - A late flush does not remove another's batch.

Not guaranteed
    What Redis loses. An increment that timed out: do not retry it.

Cost
    One round trip per increment. Two and a row per flush: keep it longer than Redis
    snapshots.

Use instead
    `F("views") + 1`, below some tens of writes per second. Redis Streams, for whole
    events.

Source: Redis documentation, RENAME.

Use
    # settings.py
    INSTALLED_APPS += ["patterns.caching.write_behind"]

    # your code
    from django.conf import settings
    from patterns.caching.failover import connect
    from patterns.caching.write_behind.buffer import Buffer

    client = connect(settings.REDIS_URL)
    views = Buffer(client, "views")
    views.add("product:1")
    while views.flush(lambda counts: print(counts)):  # UPDATE your rows here
        pass

    $ python manage.py prune_write_behind --older-than 7d
"""

REQUIRES = ("failover",)
