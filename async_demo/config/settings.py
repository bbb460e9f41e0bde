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

CARRIERS_URL = env.str("CARRIERS_URL", default="http://127.0.0.1:8061")  # where fake_carriers listens
CARRIER_TIMEOUT_SECONDS = 2.0  # a customer waits at the checkout: a carrier that takes longer is left out

INSTALLED_APPS = ["corsheaders", "quotes"]
# All of these can run in the event loop. One that cannot would give each request a thread for its whole length.
MIDDLEWARE = [
    "patterns.http.request_id.middleware",  # first: the other middlewares' answers have an id too
    "corsheaders.middleware.CorsMiddleware",  # before all that may answer: pages can read errors too
    "patterns.http.problem_details.middleware",
    "patterns.http.body_limit.middleware",
    "patterns.http.utf8_only.middleware",
    "django.middleware.security.SecurityMiddleware",
    "patterns.http.http_caching.middleware",
    "patterns.http.append_slash.AppendSlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "patterns.http.unavailable.UnavailableMiddleware",  # last: the view's own exceptions
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

# No CONN_MAX_AGE: under ASGI each request has a thread of its own, and would leave its connection behind with it.
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # take the write lock at BEGIN: a transaction that reads first and writes later would fail instead of waiting
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 5}
DATABASES["default"] = with_timeouts(
    DATABASES["default"],
    statement_seconds=env.float("STATEMENT_TIMEOUT_SECONDS", default=10),
    lock_seconds=env.float("LOCK_TIMEOUT_SECONDS", default=5),
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Pages of these origins may call the API from a browser. No cookies: tokens.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=DEV_ORIGINS if DEBUG else [])
CORS_ALLOW_HEADERS, CORS_EXPOSE_HEADERS, CORS_PREFLIGHT_MAX_AGE = ALLOW_HEADERS, EXPOSE_HEADERS, 3600
MAX_BODY_BYTES = 1_000_000

USE_TZ = True
TIME_ZONE = "UTC"

# TLS ends at a proxy in front. HTTPS=0 only where there is none: on one's own machine.
HTTPS = env.bool("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^live$", r"^ready$"]  # health checks come from inside, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS

CSRF_FAILURE_VIEW = "patterns.http.problem_details.handlers.csrf_failure"
LOGGING = json_logs(httpx="WARNING")
