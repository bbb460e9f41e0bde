"""Rate limits: a sliding window in Redis, exact across all processes.

Problem
    Read a counter, compare, write it back: racing requests all pass (a limit of 20 let
    187 through). A fixed window passes twice the limit around its edge. A counter in
    memory multiplies the limit by the processes.

Guarantee
    - Of racing requests, exactly `quota` pass in any window of `window_seconds`.
    - Several limits are checked in one round trip, and counted all or none.
    - The clock is Redis's. A key is hashed, holds at most `quota` entries, and expires.
    - Responses have RateLimit and RateLimit-Policy; a 429 has Retry-After.
    - During an outage of Redis, requests are counted per process, or allowed, as
      `count_locally` says. It costs one timeout per `retry_seconds` and one log line.

Not guaranteed
    A failover loses counts. The client must not retry: a lost reply may have counted.
    In Redis Cluster, put a {hash tag} into `prefix`.

Cost
    One EVALSHA; about 10 bytes per counted request.

Use instead
    nginx limit_req or your gateway, for limits that need no user. The `limits` package,
    for other strategies and stores. (Checked 2026-11.)

Source: RFC 6585, section 4; draft-ietf-httpapi-ratelimit-headers-11.

Use
    # your code
    import redis
    from django.conf import settings

    from patterns.http.rate_limit.limiter import Limit, Limiter
    from patterns.http.rate_limit.throttle import RateLimitThrottle

    LIMITER = Limiter(redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.2), prefix="shop")


    class WriteThrottle(RateLimitThrottle):  # for a view's throttle_classes
        limiter, count_locally = LIMITER, False

        def checks(self, request, view):
            return [(Limit("writes", 600, 60), str(request.user.pk))]
"""
