import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from rest_framework.test import APIClient

from shop.api.throttles import client
from shop.models import Product


@pytest.fixture(autouse=True)
def own_keys(settings: Any) -> Iterator[str]:
    """The rate limits count in Redis, which outlives a test: each test has keys of its own, and leaves none behind."""
    if not settings.REDIS_URL:
        pytest.fail("these tests need Redis: `make test` starts one, or set REDIS_URL")
    url, settings.RATE_LIMIT_PREFIX = settings.REDIS_URL, f"test-{secrets.token_hex(8)}"
    yield settings.RATE_LIMIT_PREFIX
    if keys := list(client(url).scan_iter(match=f"{settings.RATE_LIMIT_PREFIX}*", count=1000)):
        client(url).delete(*keys)


@pytest.fixture
def mug(db: None) -> Product:
    return Product.objects.create(sku="SKU-000001", name="Mug", price="4.90", stock=1000)


@pytest.fixture
def customer(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("customer")  # no password: hashing one takes longer than the rest


@pytest.fixture
def api(customer: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(customer)
    return client
