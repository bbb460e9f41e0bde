from typing import Any

import pytest
from rest_framework.test import APIClient

from shop.models import Product


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
