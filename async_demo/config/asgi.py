import os

from django.core.asgi import get_asgi_application

from patterns.http import utf8_only

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = utf8_only.asgi(get_asgi_application())

# only now: the domain needs Django set up
from patterns.asyncio.lifespan import Lifespan  # noqa: E402
from quotes.carriers import open_client  # noqa: E402

application = Lifespan(django_application, carriers=open_client)
