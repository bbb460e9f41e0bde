import os

from django.core.asgi import get_asgi_application
from django.urls import get_resolver

from patterns.http import utf8_only

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = utf8_only.asgi(get_asgi_application())
_ = get_resolver().url_patterns  # imports all views: the first request is as fast as the others

# only now: the domain needs Django set up
from patterns.asyncio.lifespan import Lifespan  # noqa: E402
from quotes.carriers import open_client  # noqa: E402

application = Lifespan(django_application, carriers=open_client)
