"""The least Django that a crowd's processes need."""

SECRET_KEY = "for the crowd's processes"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
ROOT_URLCONF = "tests.crowd_settings"
urlpatterns: list[object] = []
