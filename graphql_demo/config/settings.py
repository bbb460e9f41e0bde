"""All settings of this demo, read from the environment. With nothing set, `manage.py` runs it on SQLite in debug mode."""

from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="insecure-key-for-debug-mode-only" if DEBUG else "")
if not DEBUG and (not SECRET_KEY or SECRET_KEY.startswith("insecure")):
    raise ImproperlyConfigured("SECRET_KEY is missing or a default: outside debug mode set it to 50 random characters")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
GRAPHIQL = env.bool("GRAPHIQL", default=DEBUG)  # the explorer at /graphql/, for browsers
INTROSPECTION = env.bool("INTROSPECTION", default=GRAPHIQL)  # the schema may be read, and errors make suggestions
TRUSTED_DOCUMENTS_ONLY = env.bool("TRUSTED_DOCUMENTS_ONLY", default=False)  # those of trusted_documents.json, and no others
TOKEN_SIGNING_KEY = env("TOKEN_SIGNING_KEY", default="") or SECRET_KEY  # the same for all services that read our access tokens
LOGINS_PER_MINUTE_AND_ADDRESS = env.int("LOGINS_PER_MINUTE_AND_ADDRESS", default=20)  # 0 lifts the limit
LOGINS_PER_MINUTE_AND_USER = env.int("LOGINS_PER_MINUTE_AND_USER", default=10)
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)  # how many of ours append to X-Forwarded-For; 0: nobody does, it is ignored
# Empty: no broker. Events wait in the outbox.
RABBITMQ_URL = env("RABBITMQ_URL", default="")
EVENTS_EXCHANGE = env("EVENTS_EXCHANGE", default="shop.events")
ALIVE_FILE = env("ALIVE_FILE", default="")  # touched on each turn of a process's loop, so that its age tells whether it turns
ACCESS_TOKEN_LIFETIME = timedelta(minutes=10)  # how long a stolen one is good, as nothing revokes it
LAB = env.bool("LAB", default=False)  # mounts /lab/, where anyone may start an experiment

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "graphene_django",
    "patterns.messaging.outbox",
    "patterns.http.attempt_limit",
    "community",
]
MIDDLEWARE = [
    "patterns.http.request_id.middleware",  # first: the others' answers have an id too
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # take the write lock at BEGIN: a transaction that reads first and writes later would fail instead of waiting
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 5}
else:
    # parameters go to the server, which then keeps the plans of what it is asked often
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "OPTIONS": {"server_side_binding": True}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # serves packages' files (GraphiQL) without a collectstatic step

# TLS ends at a proxy in front. HTTPS=0 only where there is none: on one's own machine.
HTTPS = env.bool("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^live$", r"^ready$"]  # health checks come from inside, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "patterns.http.request_id.RequestIdFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "filters": ["request_id"], "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"level": "INFO"},  # no handlers of its own: Django's would print all a second time, without the id
        "pika": {"level": "CRITICAL"},  # several lines and a traceback for each refused connection; the relay says it in one
    },
}
LOGIN_REDIRECT_URL = "/graphql/"
GRAPHENE = {
    "SCHEMA": "community.schema.schema.schema",
    "MIDDLEWARE": [],  # in debug mode the default wraps each field of each row
}
