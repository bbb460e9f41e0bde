"""What is written in the catalogue, and what a write forgets."""

import logging
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from catalogue import store
from catalogue.models import Product, RecentView, TrendingList, ViewCount
from catalogue.pages import TRENDING_COUNT
from catalogue.serializers import ProductSerializer
from patterns.caching.breaker import CircuitOpen
from patterns.caching.fenced_lock import FencedLock, NotAcquired, write_fenced
from patterns.caching.write_behind.buffer import prune

logger = logging.getLogger(__name__)

RECENT_COUNT = 20
TRENDING_LOCK_SECONDS = 10  # saving takes some milliseconds; who needs longer has been paused, and is refused


@transaction.atomic
def change_price(*, sku: str, price: Decimal, priced_at: datetime | None = None) -> Product:
    """Every page is forgotten when this commits. A price that was decided before the present one changes nothing.

    Raises Product.DoesNotExist.
    """
    product = Product.objects.select_for_update().get(sku=sku)
    decided_at = priced_at or timezone.now()
    if product.priced_at is None or decided_at > product.priced_at:
        product.price, product.priced_at = price, decided_at
        product.save(update_fields=["price", "priced_at"])
    return product


def record_view(*, sku: str, user: User | None = None) -> None:
    """Counts a view: in Redis, from where `flush_views` brings it here; without Redis, here. Raises Product.DoesNotExist."""
    if user is not None:
        remember_view(sku=sku, user=user)
    if settings.CACHE == "redis":
        try:
            with store.breaker():
                store.views().add(sku)
                store.trending().add(sku)
            return
        except CircuitOpen:
            pass  # surely not counted: so it is counted here
        except redis.RedisError as error:
            # it may have been counted: a view too few is better than a view that counts again with each retry
            logger.warning("a view of %s may not have been counted (%s)", sku, type(error).__name__)
            return
    with transaction.atomic():
        ViewCount.objects.add({sku: 1})


@transaction.atomic
def remember_view(*, sku: str, user: User) -> None:
    """Raises Product.DoesNotExist."""
    product = Product.objects.get(sku=sku)
    RecentView.objects.update_or_create(user=user, product=product, defaults={"viewed_at": timezone.now()})
    old = RecentView.objects.filter(user=user).values_list("pk", flat=True)[RECENT_COUNT:]
    RecentView.objects.filter(pk__in=list(old)).delete()
    transaction.on_commit(lambda: forget_recent(user), robust=True)


def load_recent(user: User) -> list[dict[str, Any]]:
    views = RecentView.objects.filter(user=user).select_related("product")[:RECENT_COUNT]
    return [dict(each) for each in ProductSerializer([view.product for view in views], many=True).data]


def recent_products(*, user: User, load: Callable[[User], list[dict[str, Any]]] = load_recent) -> tuple[list[dict[str, Any]], str]:
    """What this user has looked at, the last first, and what the cache did. The key has the user in it."""
    if settings.CACHE == "off":
        return load(user), "catalogue; fwd=bypass; detail=off"
    key = recent_key(user)
    try:
        with store.breaker():
            found, is_hit = store.leases().get(key, lambda: load(user))
            return found, f"catalogue; {'hit' if is_hit else 'fwd=miss'}"
    except store.AWAY:
        return load(user), f"catalogue; fwd=bypass; detail={settings.CACHE}-unreachable"


def forget_recent(user: User) -> None:
    if settings.CACHE != "off":
        with store.breaker():
            store.leases().invalidate(recent_key(user))


def recent_key(user: User) -> str:
    """The generation too: what is in the list has a price."""
    return f"{settings.CACHE_KEY_PREFIX}:recent:v1:{store.generation().current()}:{user.pk}"


def flush_views() -> int:
    """Brings what Redis has counted into the database, and saves the trending list. Returns the number of products."""
    flushed = store.views().flush(ViewCount.objects.add)
    save_trending()
    prune()
    return flushed


def trending_now() -> list[str]:
    return [sku for sku, _ in store.trending().top(TRENDING_COUNT)]


def trending_lock(ttl_seconds: float) -> FencedLock:
    return FencedLock(client=store.client(store.server()), name=f"{settings.CACHE_KEY_PREFIX}:save-trending", ttl_seconds=ttl_seconds)


def save_trending(*, ttl_seconds: float = TRENDING_LOCK_SECONDS, find: Callable[[], list[str]] = trending_now) -> bool:
    """For when Redis is away. False when another is doing it, or has done it since we got the lock."""
    TrendingList.objects.get_or_create(name="now")
    try:
        with trending_lock(ttl_seconds).hold() as token:
            return write_fenced(TrendingList.objects.filter(name="now"), token, skus=find())
    except NotAcquired:
        return False
