import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_asgi_application()

# only now: the domain needs Django set up
from patterns.asyncio.lifespan import Lifespan  # noqa: E402
from quotes.carriers import open_client  # noqa: E402

application = Lifespan(django_application, carriers=open_client)
