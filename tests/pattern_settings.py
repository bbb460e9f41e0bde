"""One project that installs every pattern: for their tests at home, and for mypy."""

from pathlib import Path

import environ

from patterns.http.access_token import Verifier

env = environ.Env()
SECRET_KEY = "only the tests of the patterns use this"
APPS = sorted(Path(__file__).parent.parent.glob("patterns/*/*/apps.py"))
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    *(f"patterns.{path.parent.parent.name}.{path.parent.name}" for path in APPS),
]
DATABASES = {"default": env.db("DATABASE_URL", default="sqlite://:memory:")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
MAX_BODY_BYTES = 1_000_000
ROOT_URLCONF = "tests.pattern_urls"
TOKEN_VERIFIER = Verifier("", issuer="tests", audience="tests", debug=True)
