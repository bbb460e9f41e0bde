"""All settings of this demo, read from the environment. With nothing set, `manage.py` runs it on SQLite in debug mode."""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from patterns.database.timeouts import with_timeouts
from patterns.http.access_token import Verifier
from patterns.http.cors import ALLOW_HEADERS, DEV_ORIGINS, EXPOSE_HEADERS
from patterns.http.json_logs import json_logs

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="insecure-key-for-debug-mode-only" if DEBUG else "")
if not DEBUG and (not SECRET_KEY or SECRET_KEY.startswith("insecure")):
    raise ImproperlyConfigured("SECRET_KEY is missing or a default: outside debug mode set it to 50 random characters")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
TOKEN_VERIFIER = Verifier(env("TOKEN_PUBLIC_KEYS", default=""), issuer="nexus", audience="nexus", debug=DEBUG)
ALIVE_FILE = env("ALIVE_FILE", default="")  # processes without a port touch it, for a health check to look at its age
LAB = env.bool("LAB", default=False)  # mounts /lab/, where anyone may start an experiment

INSTALLED_APPS = [
    "corsheaders",
    "django.contrib.auth",  # the first migrations refer to its users
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "patterns.caching.write_behind",
    "catalogue",
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
    "catalogue.middleware.CacheStatus",
    "catalogue.middleware.ConditionalGet",
    "patterns.http.append_slash.AppendSlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "patterns.http.unavailable.UnavailableMiddleware",  # last: the view's own exceptions
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if not DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES["default"] = with_timeouts(
    DATABASES["default"],
    statement_seconds=env.float("STATEMENT_TIMEOUT_SECONDS", default=10),
    lock_seconds=env.float("LOCK_TIMEOUT_SECONDS", default=5),
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Which store keeps the pages. Unset: the one whose address is known; neither: each page comes from the database.
REDIS_URL, MEMCACHED_URL = env("REDIS_URL", default=""), env("MEMCACHED_URL", default="")
# Counted views, the trending list and locks: a server that evicts nothing. Unset: the one of the pages.
COUNTERS_URL = env("COUNTERS_URL", default="")
CACHE = env("CACHE", default="") or ("redis" if REDIS_URL else "memcached" if MEMCACHED_URL else "off")
if CACHE not in ("redis", "memcached", "off") or (CACHE != "off" and not {"redis": REDIS_URL, "memcached": MEMCACHED_URL}[CACHE]):
    raise ImproperlyConfigured(f"CACHE={CACHE} is not valid: use redis (with REDIS_URL), memcached (with MEMCACHED_URL) or off")
# beside those of patterns/caching/failover
REDIS_OPTIONS: dict[str, Any] = {}
CACHE_KEY_PREFIX = "catalogue"
BACKENDS = {
    "redis": ("patterns.caching.fail_open.FailOpenRedisCache", REDIS_URL),
    "memcached": ("patterns.caching.fail_open.FailOpenMemcachedCache", MEMCACHED_URL),
    "off": ("django.core.cache.backends.dummy.DummyCache", ""),  # in a process's own memory two workers would show two prices
}
PAGES: dict[str, Any] = {"BACKEND": BACKENDS[CACHE][0], "LOCATION": BACKENDS[CACHE][1], "KEY_PREFIX": CACHE_KEY_PREFIX}
# an invalidation must not be lost: this one raises
CACHES = {"default": PAGES} | ({} if CACHE == "off" else {"strict": {**PAGES, "OPTIONS": {"strict": True}}})

# Empty: no broker, and no prices from other services
RABBITMQ_URL, EVENTS_EXCHANGE = env("RABBITMQ_URL", default=""), env("EVENTS_EXCHANGE", default="shop.events")
QUEUE_PREFIX = env("QUEUE_PREFIX", default="catalogue")

# Pages of these origins may call the API from a browser. No cookies: tokens.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=DEV_ORIGINS if DEBUG else [])
CORS_ALLOW_HEADERS, CORS_EXPOSE_HEADERS, CORS_PREFLIGHT_MAX_AGE = ALLOW_HEADERS, EXPOSE_HEADERS, 3600
MAX_BODY_BYTES = 1_000_000

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # serves packages' files (Swagger UI) without a collectstatic step

# TLS ends at a proxy in front. HTTPS=0 only where there is none: on one's own machine.
HTTPS = env.bool("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^live$", r"^ready$"]  # health checks come from inside, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "patterns.http.problem_details.drf.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["patterns.http.strict_json.drf.StrictJSONParser"],
    # closed until a view opens itself: only what is the same for everybody may come from a shared cache
    "DEFAULT_AUTHENTICATION_CLASSES": ["patterns.http.access_token.drf.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Nexus catalogue",
    "VERSION": "1.0.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "patterns.http.problem_details.openapi.describe_errors",
    ],
}
PROBLEM_CODES = ["page_is_being_loaded", "cache_refuses_writes"]

CSRF_FAILURE_VIEW = "patterns.http.problem_details.handlers.csrf_failure"
LOGGING = json_logs(pika="CRITICAL")  # pika: several lines per refused connection; catch_up says it in one
