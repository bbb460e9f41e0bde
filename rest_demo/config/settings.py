"""All settings of this demo, read from the environment. With nothing set, `manage.py` runs it on SQLite in debug mode."""

from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from redis.backoff import NoBackoff
from redis.retry import Retry

from patterns.database.timeouts import with_timeouts
from patterns.http.access_token import Signer, Verifier
from patterns.http.cors import ALLOW_HEADERS, DEV_ORIGINS, EXPOSE_HEADERS
from patterns.http.json_logs import json_logs
from patterns.http.signed_webhook.signature import key_of

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="insecure-key-for-debug-mode-only" if DEBUG else "")
if not DEBUG and (not SECRET_KEY or SECRET_KEY.startswith("insecure")):
    raise ImproperlyConfigured("SECRET_KEY is missing or a default: outside debug mode set it to 50 random characters")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
TOKEN_VERIFIER = Verifier(env("TOKEN_PUBLIC_KEYS", default=""), issuer="nexus", audience="nexus", debug=DEBUG)
TOKEN_SIGNER = Signer(env("TOKEN_SIGNING_KEY", default=""), TOKEN_VERIFIER, lifetime=timedelta(minutes=10), debug=DEBUG)
LAB = env.bool("LAB", default=False)  # mounts /lab/, where anyone may start an experiment

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "corsheaders",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "shop",  # before the outbox, whose command relay_outbox it extends
    "patterns.http.idempotency",
    "patterns.messaging.outbox",
    "patterns.http.refresh_rotation",
    "patterns.http.signed_webhook",
]
MIDDLEWARE = [
    "patterns.http.request_id.middleware",  # first: the other middlewares' answers have an id too
    "corsheaders.middleware.CorsMiddleware",  # before all that may answer: pages can read errors too
    "patterns.http.problem_details.middleware",
    "patterns.http.body_limit.middleware",
    "patterns.http.utf8_only.middleware",
    "django.middleware.security.SecurityMiddleware",
    "patterns.http.http_caching.middleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "patterns.http.append_slash.AppendSlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "patterns.http.unavailable.UnavailableMiddleware",  # last: the view's own exceptions
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # take the write lock at BEGIN: a transaction that reads first and writes later would fail instead of waiting
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 5}
else:
    # parameters go to the server, which then keeps the plans of what it is asked often
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": {"server_side_binding": True}}
DATABASES["default"] = with_timeouts(
    DATABASES["default"],
    statement_seconds=env.float("STATEMENT_TIMEOUT_SECONDS", default=10),
    lock_seconds=env.float("LOCK_TIMEOUT_SECONDS", default=5),
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["shop.authentication.NulRefusingBackend"]
PASSWORD_HASHERS = [f"django.contrib.auth.hashers.{name}PasswordHasher" for name in ("Argon2", "PBKDF2")]  # the second reads old ones
REFRESH_FAMILY_LIFETIME = timedelta(days=30)  # after it, a password is asked for again

# Empty: no broker. Events wait in the outbox.
RABBITMQ_URL = env("RABBITMQ_URL", default="")
EVENTS_EXCHANGE = env("EVENTS_EXCHANGE", default="shop.events")
# Empty: no payments. The provider's calls are signed with one of the secrets; there are two while one is exchanged for the other.
PAYMENT_PROVIDER_URL = env("PAYMENT_PROVIDER_URL", default="").rstrip("/")
WEBHOOK_SECRETS = env.list("WEBHOOK_SECRETS", default=[])
if PAYMENT_PROVIDER_URL and not WEBHOOK_SECRETS:
    raise ImproperlyConfigured("PAYMENT_PROVIDER_URL needs WEBHOOK_SECRETS")
try:
    [key_of(secret) for secret in WEBHOOK_SECRETS]
except ValueError as error:
    raise ImproperlyConfigured(f"WEBHOOK_SECRETS: {error}") from None
ALIVE_FILE = env("ALIVE_FILE", default="")  # touched on each turn of a process's loop, so that its age tells whether it turns

# Empty: each process counts for itself. Nothing but the rate limits is in Redis.
REDIS_URL = env("REDIS_URL", default="")
# No retries: a count whose answer was lost would be counted twice. redis-py's own waits add up to a minute.
REDIS_OPTIONS = {"socket_connect_timeout": 0.2, "socket_timeout": 0.2, "retry": Retry(NoBackoff(), 0)}
RATE_LIMIT_PREFIX = f"rest:{DATABASES['default']['NAME']}"  # users are counted by id, and each database has a user 1
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)  # how many of ours append to X-Forwarded-For; 0: nobody does, it is ignored
LOGINS_PER_MINUTE_AND_ADDRESS = env.int("LOGINS_PER_MINUTE_AND_ADDRESS", default=20)
LOGINS_PER_MINUTE_AND_USER = env.int("LOGINS_PER_MINUTE_AND_USER", default=10)
WRITES_PER_MINUTE = env.int("WRITES_PER_MINUTE", default=600)  # by one user: no person clicks ten times a second


MAX_BODY_BYTES = 1_000_000  # the largest honest one is an import of 1,000 products

# Pages of these origins may call the API from a browser. No cookies: tokens.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=DEV_ORIGINS if DEBUG else [])
CORS_ALLOW_HEADERS, CORS_EXPOSE_HEADERS, CORS_PREFLIGHT_MAX_AGE = ALLOW_HEADERS, EXPOSE_HEADERS, 3600

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # serves packages' files (Swagger UI) without a collectstatic step

# TLS ends at a proxy in front. HTTPS=0 only where there is none: on one's own machine.
HTTPS = env.bool("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^live$", r"^ready$"]  # health checks come from inside, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS

CSRF_FAILURE_VIEW = "patterns.http.problem_details.handlers.csrf_failure"
LOGGING = json_logs(pika="CRITICAL")  # pika: several lines per refused connection; the relay says it in one
REST_FRAMEWORK = {
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "patterns.http.problem_details.drf.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["shop.api.renderers.FastJSONRenderer", "rest_framework.renderers.BrowsableAPIRenderer"],
    "DEFAULT_PARSER_CLASSES": ["patterns.http.strict_json.drf.StrictJSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "shop.authentication.BearerAuthentication",  # first: it says how to log in, in a 401
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["shop.api.throttles.WriteThrottle"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Nexus shop",
    "VERSION": "1.0.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,  # what goes in has limits that what comes out has not
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "patterns.http.problem_details.openapi.add_problem",
        "shop.api.schema.complete",
    ],
}
PROBLEM_CODES = [
    "wrong_login", "invalid_refresh_token", "out_of_stock", "mixed_currencies", "not_cancellable",
    "not_payable", "payments_unavailable", "payments_not_configured", "payment_refused",
    "webhook_unsigned", "webhook_stale", "webhook_forged",
]  # fmt: skip
