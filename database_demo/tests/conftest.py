import pytest
from rest_framework.test import APIClient

from labkit.tokens import login_header
from warehouse.models import StockItem


@pytest.fixture
def mugs(db: None) -> StockItem:
    return StockItem.objects.create(sku="SKU-000001", name="Mug 1", available=3)


@pytest.fixture
def api() -> APIClient:
    return APIClient(headers=login_header("customer"))
