"""What the server of forks imports once: Django, and the demo's URLs with all that they import. No connection is opened here."""

from importlib import import_module

import django
from django.conf import settings

django.setup()
import_module(settings.ROOT_URLCONF)
