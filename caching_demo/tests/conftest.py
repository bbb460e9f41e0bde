import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from catalogue.models import Category, Product
from catalogue.services import client


@pytest.fixture(autouse=True)
def own_keys(settings: Any) -> Iterator[str]:
    """A running service may use the same Redis: each test has keys of its own, and leaves none behind."""
    if not settings.REDIS_URL:
        pytest.fail("these tests need Redis: `make test` starts one, or set REDIS_URL")
    url, settings.CACHE_KEY_PREFIX = settings.REDIS_URL, f"test-{secrets.token_hex(8)}"
    yield settings.CACHE_KEY_PREFIX
    redis = client(url)
    if keys := list(redis.scan_iter(match=f"*{settings.CACHE_KEY_PREFIX}*", count=1000)):
        redis.delete(*keys)


@pytest.fixture
def kitchen(db: None) -> Category:
    return Category.objects.create(slug="kitchen", name="Kitchen")


@pytest.fixture
def mug(kitchen: Category) -> Product:
    return Product.objects.create(sku="SKU-000001", name="Mug", price="4.90", category=kitchen)
