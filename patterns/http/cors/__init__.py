"""CORS for an API with tokens: pages of named origins may call it, and read its errors.

Problem
    The frontend's dev server runs on another port. The API answers its preflight with
    404 or 405, and the call never happens. `CORS_ALLOW_ALL_ORIGINS` works on the laptop
    and stays in production.

Guarantee
    - Preflights of the named origins are answered. They allow Authorization,
      Idempotency-Key, If-Match and X-Request-ID.
    - No other origin is allowed.
    - Their pages can read ETag, Location, Retry-After, RateLimit and X-Request-ID, of
      errors too.

Not guaranteed
    Protection of the API: only browsers follow CORS. Cookies are not sent.

Cost
    One preflight per URL and hour in a browser.

Use instead
    A proxy that serves both from one origin. (Checked 2026-11.)

Source: Fetch standard, "HTTP CORS protocol"; django-cors-headers.

Use
    # settings.py
    from patterns.http.cors import ALLOW_HEADERS, DEV_ORIGINS, EXPOSE_HEADERS

    INSTALLED_APPS += ["corsheaders"]
    MIDDLEWARE.insert(0, "corsheaders.middleware.CorsMiddleware")  # after the request's id
    CORS_ALLOWED_ORIGINS = DEV_ORIGINS  # in production: your own
    CORS_ALLOW_HEADERS, CORS_EXPOSE_HEADERS = ALLOW_HEADERS, EXPOSE_HEADERS
    CORS_PREFLIGHT_MAX_AGE = 3600
"""

from corsheaders.defaults import default_headers

# React and Next, Angular, Vite, Vue
DEV_ORIGINS = [
    f"http://{host}:{port}"
    for port in (3000, 4200, 5173, 8080)
    for host in ("localhost", "127.0.0.1")
]
ALLOW_HEADERS = (
    *default_headers,
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "x-request-id",
)
EXPOSE_HEADERS = [
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-ID",
]
