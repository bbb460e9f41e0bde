"""Write-behind: count in Redis, then write the counts to the database in batches, exactly once.

Problem
    Every page view updates a row, so the most popular page has the hottest row. Counting
    in Redis and copying now and then loses what was taken out when the process dies, or
    counts it twice.

Guarantee
    - What Redis counted reaches `apply` exactly once, wherever a flush is killed and
      however many flushes run at once.
    - `apply` runs in the transaction that also stores the batch's id. If it raises, the
      batch stays for the next flush.
    - A late flush does not remove another flush's batch.

Not guaranteed
    What Redis loses: use persistence and `maxmemory-policy noeviction`. An increment that
    timed out may have been counted: do not retry it. Any order among increments.

Cost
    One round trip per increment. A flush costs two, one transaction and one row. The
    database lags by the time between two flushes. Rows stay until you prune them: keep
    them longer than the oldest Redis snapshot that you would restore.

Use instead
    `F("views") + 1`, below some tens of writes per second. An event table with a nightly
    sum, if you need the events anyway. Redis Streams, if an event is more than a number.
    Memcached cannot take out many counters in one step: NotSupportedError.

Source: Redis documentation, RENAME.

Use
    # settings.py
    INSTALLED_APPS += ["patterns.caching.write_behind"]

    # your code
    import redis
    from django.conf import settings
    from patterns.caching.write_behind.buffer import Buffer

    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.2, retry=None)
    views = Buffer(client, "views")
    views.add("product:1")
    while views.flush(lambda counts: print(counts)):  # UPDATE your rows here
        pass

    $ python manage.py prune_write_behind --older-than 7d
"""
