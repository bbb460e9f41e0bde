"""Rate limits: a sliding window in Redis, exact across all processes.

Problem
    Read a counter, compare, write it back: racing requests all pass. A fixed window
    passes twice the limit around its edge. A counter in memory multiplies the limit by
    the processes.

Guarantee
    - Of racing requests, exactly `quota` pass in any window of `window_seconds`.
    - Several limits are one round trip, counted all or none, by Redis's clock.
    - Keys are hashed, hold at most `quota` entries, and expire.
    - Responses have RateLimit and RateLimit-Policy; a 429 has Retry-After.
    - While Redis is down, requests are counted per process or allowed, as
      `count_locally` says; one request per `retry_seconds` waits for a timeout.

Not guaranteed
    A failover loses counts. The client must not retry: a lost reply may have counted.

Cost
    One EVALSHA; about 10 bytes per counted request.

Use instead
    nginx limit_req, for limits that need no user. The `limits` package, for other
    strategies and stores. (Checked 2026-11.)

Source: RFC 6585, section 4; draft-ietf-httpapi-ratelimit-headers-11.

Use
    # your code
    import redis
    from django.conf import settings

    from patterns.http.rate_limit.limiter import Limit, Limiter
    from patterns.http.rate_limit.throttle import RateLimitThrottle

    CLIENT = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.2)


    class WriteThrottle(RateLimitThrottle):  # for a view's throttle_classes
        limiter, count_locally = Limiter(CLIENT, prefix="shop"), False

        def checks(self, request, view):
            return [(Limit("writes", 600, 60), str(request.user.pk))]
"""
