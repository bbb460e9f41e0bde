import os

from django.core.asgi import get_asgi_application

from patterns.http import utf8_only

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = utf8_only.asgi(get_asgi_application())
