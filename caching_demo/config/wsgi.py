import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from patterns.http import utf8_only

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = utf8_only.wsgi(get_wsgi_application())
_ = get_resolver().url_patterns  # imports all views: the first request is as fast as the others
