from typing import Any

import pytest
from rest_framework.test import APIClient

from warehouse.models import StockItem


@pytest.fixture
def mugs(db: None) -> StockItem:
    return StockItem.objects.create(sku="SKU-000001", name="Mug 1", available=3)


@pytest.fixture
def api(django_user_model: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(django_user_model.objects.create(username="customer"))  # a password would cost a hash each time
    return client
