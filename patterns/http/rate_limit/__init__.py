"""Rate limits: a sliding window in Redis, exact across all processes.

Problem
    Read, compare, write back: racing requests all pass. A fixed window passes twice the
    limit around its edge.

Guarantee
    - Of racing requests, exactly `quota` pass in any window, by Redis's clock.
    - Several limits are one round trip, counted all or none.
    - Keys are hashed, hold at most `quota` entries, and expire.
    - Responses have RateLimit and RateLimit-Policy; a 429 has Retry-After.
    - Without Redis, requests are allowed or counted per process; one per
      `retry_seconds` tries Redis.

Not guaranteed
    A failover loses counts. A client must not retry: it may count twice.

Cost
    One EVALSHA per request.

Use instead
    nginx limit_req, for limits without a user. The `limits` package. (Checked 2026-11.)

Source: RFC 6585; draft-ietf-httpapi-ratelimit-headers-11.

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
