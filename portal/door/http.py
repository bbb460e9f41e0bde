"""The one HTTP client to the demos, and the address of each."""

import httpx
from django.conf import settings

from door.demos import Demo

# A demo on this machine or in the next container answers in milliseconds, or something is wrong with it.
TIMEOUT = httpx.Timeout(3.0, connect=1.0)

# No kept connections: a demo that was restarted would be met through a dead one. No proxy either: they are next door.
_client = httpx.Client(timeout=TIMEOUT, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False, follow_redirects=False)


def ask(method: str, demo: Demo, path: str) -> httpx.Response:
    """One request to a demo. Raises httpx.HTTPError when there is no answer."""
    # where TLS ends in front of the demos, they redirect what does not come through it: say that we stand behind it too
    headers = {"X-Forwarded-Proto": "https"} if settings.HTTPS else {}
    return _client.request(method, settings.INTERNAL_URLS[demo.name] + path, headers=headers)
