"""The page /cache/: reads, hits, loads and memory per namespace."""

from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from catalogue import store

LOADS = ("miss", "refresh")
LOOKED_AT = 2_000  # keys; with more, the page says "at least": scanning a million keys would load Redis
FRESH_SECONDS = 2


@dataclass(frozen=True)
class Figures:
    """One namespace. `bytes` as Redis says it (MEMORY USAGE), with its overhead."""

    namespace: str
    reads: int = 0
    hits: int = 0
    stale: int = 0
    loads: int = 0
    keys: int = 0
    bytes: int = 0

    @property
    def hit_percent(self) -> int:
        return round(100 * (self.hits + self.stale) / self.reads) if self.reads else 0


def figures() -> list[Figures]:
    """Raises RedisError, NotSupportedError."""
    store.counters().flush()
    sizes, found = held(), {}
    for namespace, tally in store.counters().read().items():
        found[namespace] = Figures(
            namespace,
            reads=sum(tally.counts.values()),
            hits=tally.counts.get("hit", 0),
            stale=tally.counts.get("stale", 0) + tally.counts.get("stale-if-error", 0),
            loads=sum(tally.counts.get(name, 0) for name in LOADS),
            **sizes.pop(namespace, {}),
        )
    found |= {namespace: Figures(namespace, **size) for namespace, size in sizes.items()}
    return [found[namespace] for namespace in sorted(found)]


def held() -> dict[str, dict[str, int]]:
    """Keys and bytes of each namespace, of the first LOOKED_AT keys that Redis names."""
    client: Any = store.client(store.server())
    names: list[bytes] = []
    for name in client.scan_iter(match=f"*{settings.CACHE_KEY_PREFIX}:*", count=500):
        names.append(name)
        if len(names) == LOOKED_AT:
            break
    pipeline = client.pipeline(transaction=False)
    for name in names:
        pipeline.memory_usage(name, samples=0)
    sizes: dict[str, dict[str, int]] = {}
    for name, size in zip(names, pipeline.execute(), strict=True):
        namespace = name.decode(errors="replace").partition(f"{settings.CACHE_KEY_PREFIX}:")[2].partition(":")[0].rstrip("}")
        entry = sizes.setdefault(namespace, {"keys": 0, "bytes": 0})
        entry["keys"] += 1
        entry["bytes"] += size or 0  # None: it has expired since
    return sizes


def look() -> tuple[list[Figures], str]:
    """The figures, at most two seconds old, and the reason if there are none."""
    if settings.CACHE != "redis":
        return [], f"CACHE={settings.CACHE}: these figures need Redis."
    name = f"{settings.CACHE_KEY_PREFIX}-figures"
    if (kept := cache.get(name)) is None:
        try:
            with store.breaker():
                kept = [asdict(each) for each in figures()]
        except store.AWAY:
            return [], "Redis is unavailable: pages are loaded from the database."
        cache.set(name, kept, FRESH_SECONDS)
    return [Figures(**each) for each in kept], ""


def page(request: HttpRequest) -> HttpResponse:
    """The whole page; htmx asks for its table every two seconds."""
    found, words = look()
    template = "table" if request.headers.get("HX-Request") == "true" else "cache"
    context = {"figures": found, "words": words, "store": settings.CACHE, "looked_at": LOOKED_AT}
    return render(request, f"catalogue/{template}.html", context)
