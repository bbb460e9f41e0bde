"""Shared by the experiments: private keys, longer time-outs, a test client, the start of a child process."""

import contextlib
import json
import secrets
import time
from collections.abc import Iterator
from typing import Any

import django
import redis
from django.conf import settings
from django.test import Client, override_settings
from django.test.client import ClientHandler
from django.utils.module_loading import import_string

# Far above what a busy machine needs. The service's own 0.2 s would cause fallbacks there, and change the counts.
PATIENCE_SECONDS = 10


@contextlib.contextmanager
def own_keys() -> Iterator[str]:
    """A prefix for the keys of this block, which are deleted at its end: a running service may use the same Redis."""
    from catalogue import store

    if settings.CACHE != "redis":
        raise RuntimeError("the experiments need Redis: `make lab` starts one, or set REDIS_URL=redis://:password@host:port")
    before, settings.CACHE_KEY_PREFIX = settings.CACHE_KEY_PREFIX, f"lab-{secrets.token_hex(8)}"
    try:
        yield settings.CACHE_KEY_PREFIX
    finally:
        for url in {settings.REDIS_URL, store.counters_server()}:
            client = store.client(url)
            if keys := list(client.scan_iter(match=f"*{settings.CACHE_KEY_PREFIX}*", count=1000)):
                client.delete(*keys)
        settings.CACHE_KEY_PREFIX = before


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """Long time-outs, for experiments that are not about time-outs."""
    from catalogue import store

    longer = {"socket_connect_timeout": PATIENCE_SECONDS, "socket_timeout": PATIENCE_SECONDS}
    pages = settings.CACHES["default"]
    caches = {**settings.CACHES, "default": {**pages, "OPTIONS": longer}, "strict": {**pages, "OPTIONS": {**longer, "strict": True}}}
    with override_settings(REDIS_OPTIONS={**settings.REDIS_OPTIONS, **longer}, CACHES=caches):
        store.client.cache_clear()
        try:
            yield
        finally:
            store.client.cache_clear()


def expire(client: redis.Redis, key: str, seconds: float = 1) -> None:
    """Makes a page of single flight stale: as old as it will be so many seconds after it expired."""
    entry = json.loads(client.get(key) or b"")
    passed = entry["fresh_until"] - time.time() + seconds
    aged = {name: entry[name] - passed for name in ("fresh_until", "loaded_at")}
    client.set(key, json.dumps({**entry, **aged}), keepttl=True)


def browser(handler: ClientHandler, **headers: str) -> Client:
    """A client for one visitor. All share a handler: creating one makes whitenoise look for every static file."""
    client = Client(headers=headers, raise_request_exception=False)
    client.handler = handler
    return client


def in_child(function: str, prefix: str, *words: Any) -> None:
    """The target of a child process. `function` is a dotted name, because importing it needs Django to be set up."""
    django.setup()
    settings.CACHE_KEY_PREFIX = prefix
    with patience():
        import_string(function)(*words)
