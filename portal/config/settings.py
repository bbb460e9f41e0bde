"""All settings of the portal, read from the environment. With nothing set, `manage.py` runs it in debug mode. It keeps no data."""

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

from door.demos import DEMOS
from patterns.http.json_logs import json_logs

env = environ.Env()
REPOSITORY = Path(__file__).resolve().parents[2]  # where the challenges' pages are: <demo>/lab/<name>.md

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env("SECRET_KEY", default="insecure-key-for-debug-mode-only" if DEBUG else "")
if not DEBUG and (not SECRET_KEY or SECRET_KEY.startswith("insecure")):
    raise ImproperlyConfigured("SECRET_KEY is missing or a default: outside debug mode set it to 50 random characters")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])

# Where a browser finds the demos: the host that it asked us at, and a port counted from this one.
PORT_BASE = env.int("PORT_BASE", default=8000)
# Where we find them, e.g. REST_DEMO_INTERNAL_URL=http://rest:8000
INTERNAL_URLS = {
    demo.name: env.str(f"{demo.name.upper()}_INTERNAL_URL", default=f"http://127.0.0.1:{PORT_BASE + demo.port_offset}").rstrip("/")
    for demo in DEMOS
}
# The servers behind the demos, e.g. postgres=127.0.0.1:5432,redis=127.0.0.1:6379
SERVERS = env.dict("SERVERS", default={})
# Where links to the code lead, e.g. https://example.org/nexus/blob/main; empty: paths are shown as text
SOURCE_URL = env.str("SOURCE_URL", default="").rstrip("/")
for name, url in {**{f"{demo}_INTERNAL_URL".upper(): url for demo, url in INTERNAL_URLS.items()}, "SOURCE_URL": SOURCE_URL}.items():
    if url and not url.startswith(("http://", "https://")):
        raise ImproperlyConfigured(f"{name} is not an http(s) URL: {url}")
for name, address in SERVERS.items():
    if not address.rpartition(":")[2].isdecimal():
        raise ImproperlyConfigured(f"SERVERS must be name=host:port, separated by commas; {name}={address} is not")

INSTALLED_APPS = ["django.contrib.staticfiles", "django_htmx", "door"]
MIDDLEWARE = [
    "patterns.http.request_id.middleware",  # first: the other middlewares' answers have an id too
    "door.errors.ProblemsForPrograms",
    "patterns.http.body_limit.middleware",
    "patterns.http.utf8_only.middleware",
    "django.middleware.security.SecurityMiddleware",
    "patterns.http.http_caching.middleware",
    "door.security.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "patterns.http.append_slash.AppendSlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
CSRF_FAILURE_VIEW = "door.views.refuse"
CSRF_COOKIE_HTTPONLY = True

MAX_BODY_BYTES = 1_000_000

USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # serves packages' files (htmx) without a collectstatic step

# TLS ends at a proxy in front. HTTPS=0 only where there is none: on one's own machine.
HTTPS = env.bool("HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^live$", r"^ready$"]  # health checks come from inside, without TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS

LOGGING = json_logs()
