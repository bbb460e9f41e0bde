"""All settings of this demo, read from the environment. With nothing set, `manage.py` runs it on SQLite in debug mode."""

from pathlib import Path

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
LAB = env.bool("LAB", default=False)  # mounts /lab/, where anyone may start an experiment

INSTALLED_APPS = [
    "corsheaders",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_htmx",
    "fulfilment",  # before the outbox, whose command relay_outbox it extends
    "patterns.messaging.inbox",
    "patterns.messaging.once_per_period",
    "patterns.messaging.outbox",
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
    "patterns.http.append_slash.AppendSlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
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
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES["default"] = with_timeouts(
    DATABASES["default"],
    statement_seconds=env.float("STATEMENT_TIMEOUT_SECONDS", default=10),
    lock_seconds=env.float("LOCK_TIMEOUT_SECONDS", default=5),
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Empty: no broker. Orders are still accepted, and their events wait in the outbox.
RABBITMQ_URL = env("RABBITMQ_URL", default="")
EVENTS_EXCHANGE = env("EVENTS_EXCHANGE", default="shop.events")
QUEUE_PREFIX = env("QUEUE_PREFIX", default="fulfilment")  # another one, and a second copy can live on the same broker
TASK_EVENTS = env.bool("TASK_EVENTS", default=False)  # what Flower shows; a worker that publishes stops during a broker's alarm
RESTOCK_SECONDS = env.int("RESTOCK_SECONDS", default=60)  # a shop would say 86_400; so one sees it in a demo
RECONCILE_AFTER_SECONDS = env.int("RECONCILE_AFTER_SECONDS", default=900)  # an order that is open for longer is stuck, and sent again
vars().update(env.email_url("SMTP_URL", default="consolemail://"))  # smtp://host:port; unset: mails are printed
EMAIL_TIMEOUT = 5  # seconds; a mail server that hangs holds a worker's child for that long
DEFAULT_FROM_EMAIL = "orders@shop.example"
ALIVE_FILE = env("ALIVE_FILE", default="")  # touched on each turn of a process's loop, so that its age tells whether it turns

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
    # no endpoint needs a login; an invalid token is refused all the same
    "DEFAULT_AUTHENTICATION_CLASSES": ["patterns.http.access_token.drf.BearerAuthentication"],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_PARSER_CLASSES": ["patterns.http.strict_json.drf.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Nexus fulfilment",
    "VERSION": "1.0.0",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "patterns.http.problem_details.openapi.describe_errors",
    ],
}

CSRF_FAILURE_VIEW = "patterns.http.problem_details.handlers.csrf_failure"
LOGGING = json_logs(
    **{
        "pika": "CRITICAL",  # several lines per refused connection; our processes say it in one
        "celery.worker.strategy": "WARNING",  # "received" is said by the parent, which knows no request
    }
)
