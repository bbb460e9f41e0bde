"""What the experiments of this demo share: keys of their own, and a child process that knows Django."""

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings
from django.utils.module_loading import import_string


@contextlib.contextmanager
def own_keys() -> Iterator[str]:
    """A running service may use the same Redis: what the block stores has a prefix of its own, and is removed."""
    from catalogue import store

    if settings.CACHE != "redis":
        raise RuntimeError("the experiments need Redis: `make lab` starts one, or set REDIS_URL=redis://:password@host:port")
    before, settings.CACHE_KEY_PREFIX = settings.CACHE_KEY_PREFIX, f"lab-{secrets.token_hex(8)}"
    try:
        yield settings.CACHE_KEY_PREFIX
    finally:
        client = store.client(settings.REDIS_URL)
        if keys := list(client.scan_iter(match=f"*{settings.CACHE_KEY_PREFIX}*", count=1000)):
            client.delete(*keys)
        settings.CACHE_KEY_PREFIX = before


def in_child(function: str, prefix: str, *words: Any) -> None:
    """To be a process's target: `function` is named, for what it imports needs Django set up."""
    django.setup()
    settings.CACHE_KEY_PREFIX = prefix
    import_string(function)(*words)
