"""Writes of the catalogue, and the cached values that they invalidate."""

import hashlib
import logging
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import redis
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catalogue import store
from catalogue.models import Product, RecentView, TrendingList, ViewCount
from catalogue.pages import TRENDING_COUNT
from catalogue.serializers import ProductSerializer
from patterns.caching.breaker import CircuitOpen
from patterns.caching.fenced_lock import FencedLock, NotAcquired, write_fenced
from patterns.caching.write_behind.prune import prune

logger = logging.getLogger(__name__)

RECENT_COUNT = 20
TRENDING_LOCK_SECONDS = 10  # saving takes milliseconds; a slower process was paused, and its write is rejected
BATCHES_KEPT = timedelta(days=7)  # longer than the oldest snapshot of Redis that would be restored


@transaction.atomic
def change_price(*, sku: str, price: Decimal, priced_at: datetime | None = None) -> Product:
    """Invalidates every page on commit. A price that was decided earlier than the present one changes nothing.

    Raises Product.DoesNotExist, NotInvalidated.
    """
    product = Product.objects.select_for_update().get(sku=sku)
    if priced_at is None or product.priced_at is None or priced_at > product.priced_at:
        product.price, product.priced_at = price, priced_at or timezone.now()
        product.save(update_fields=["price", "priced_at"])
    return product


def record_view(*, sku: str, user: str | None = None) -> None:
    """Counts a view: in Redis, for `flush_views`; otherwise in the database. Raises Product.DoesNotExist."""
    if user is not None:
        remember_view(sku=sku, user=user)
    if settings.CACHE == "redis":
        try:
            with store.counters_breaker():
                store.views().add(sku)
                add_to_trending(sku)
            return
        except CircuitOpen:
            pass  # it was not counted in Redis
        except redis.ResponseError as error:  # full, a replica: it answers that it did not count
            logger.warning("a view of %s is counted in the database (%s)", sku, type(error).__name__)
        except redis.RedisError as error:
            # it may have been counted: losing a view is better than counting it again with each retry
            logger.warning("a view of %s may not have been counted (%s)", sku, type(error).__name__)
            return
    with transaction.atomic():
        ViewCount.objects.add({sku: 1})


def add_to_trending(sku: str) -> None:
    """The list is an estimate, and the view itself is counted."""
    try:
        store.trending().add(sku)
    except redis.RedisError as error:
        logger.warning("a view of %s is missing in the trending list (%s)", sku, type(error).__name__)


@transaction.atomic
def remember_view(*, sku: str, user: str) -> None:
    """Raises Product.DoesNotExist."""
    product = Product.objects.get(sku=sku)
    RecentView.objects.update_or_create(user=user, product=product, defaults={"viewed_at": timezone.now()})
    old = RecentView.objects.filter(user=user).values_list("pk", flat=True)[RECENT_COUNT:]
    RecentView.objects.filter(pk__in=list(old)).delete()
    transaction.on_commit(lambda: forget_recent(user), robust=True)


def load_recent(user: str) -> list[dict[str, Any]]:
    views = RecentView.objects.filter(user=user).select_related("product")[:RECENT_COUNT]
    return [dict(each) for each in ProductSerializer([view.product for view in views], many=True).data]


def recent_products(*, user: str) -> tuple[list[dict[str, Any]], str]:
    """What this user viewed, the last first, and what the cache did. The user is part of the key."""
    if settings.CACHE == "off":
        return load_recent(user), "catalogue; fwd=bypass; detail=off"
    if not store.generation().is_known():
        return load_recent(user), "catalogue; fwd=bypass; detail=invalidation-pending"
    key = recent_key(user)
    try:
        with store.breaker():
            found, is_hit = store.leases().get(key, lambda: load_recent(user))
            return found, f"catalogue; {'hit' if is_hit else 'fwd=miss'}"
    except store.AWAY:
        return load_recent(user), f"catalogue; fwd=bypass; detail={settings.CACHE}-unreachable"


def forget_recent(user: str) -> None:
    if settings.CACHE == "off":
        return
    try:
        store.leases().invalidate(recent_key(user))
    except store.AWAY:
        store.generation().bump()  # it is repeated until it arrives, and the list's key has the generation


def recent_key(user: str) -> str:
    """The generation too: the list shows prices."""
    name = hashlib.blake2b(user.encode(), digest_size=16).hexdigest()  # memcached takes no space in a key
    return f"{settings.CACHE_KEY_PREFIX}:recent:v2:{store.generation().current()}:{name}"


def flush_views() -> int:
    """Writes the views that Redis counted, and saves the trending list. Returns the number of products."""
    flushed = store.views().flush(ViewCount.objects.add)
    save_trending()
    prune(BATCHES_KEPT)
    return flushed


def trending_now() -> list[str]:
    return [sku for sku, _ in store.trending().top(TRENDING_COUNT)]


def trending_lock(ttl_seconds: float) -> FencedLock:
    return FencedLock(
        client=store.client(store.counters_server()), name=f"{settings.CACHE_KEY_PREFIX}:save-trending", ttl_seconds=ttl_seconds
    )


def save_trending() -> bool:
    """For when Redis is unavailable. False: another process is saving it, or did since we got the lock."""
    TrendingList.objects.get_or_create(name="now")
    try:
        with trending_lock(TRENDING_LOCK_SECONDS).hold() as token:
            return write_fenced(TrendingList.objects.filter(name="now"), token, skus=trending_now())
    except NotAcquired:
        return False
