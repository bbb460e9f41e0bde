from typing import Any

import pytest
from rest_framework.test import APIClient

from shop.models import Order, Product

ONE_MUG = {"lines": [{"sku": "SKU-000001", "quantity": 1}]}


def place(api: APIClient, body: Any = ONE_MUG, key: str = "a key") -> Any:
    return api.post("/api/v1/orders/", body, format="json", headers={"Idempotency-Key": key})


def test_an_order_keeps_the_price_of_the_day(api: APIClient, mug: Product) -> None:
    placed = place(api, {"lines": [{"sku": mug.sku, "quantity": 3}]})
    Product.objects.update(price="99.00")

    [order] = api.get("/api/v1/orders/").data["results"]
    assert placed.status_code == 201
    assert order["total"] == placed.data["total"] == "14.70"


def test_a_retried_post_places_one_order(api: APIClient, mug: Product) -> None:
    first = place(api)
    second = place(api)

    assert Order.objects.count() == 1
    assert (second.status_code, second.content) == (first.status_code, first.content)


def test_a_refused_order_leaves_its_key_free(api: APIClient, mug: Product) -> None:
    refused = place(api, {"lines": [{"sku": "NO-SUCH", "quantity": 1}]})
    corrected = place(api)

    assert (refused.status_code, corrected.status_code) == (400, 201)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": []},
        {"lines": [{"sku": "SKU-000001", "quantity": 0}]},
        {"lines": [{"sku": "SKU-000001", "quantity": 1}] * 2},
        {"lines": [{"sku": "SKU-\x00", "quantity": 1}]},
        [],
        "text",
    ],
)
def test_a_malformed_order_is_refused(api: APIClient, mug: Product, body: Any) -> None:
    answer = place(api, body)

    assert answer.status_code == 400
    assert not Order.objects.exists()


def test_orders_of_others_are_not_listed(api: APIClient, mug: Product, django_user_model: Any) -> None:
    place(api)
    other = APIClient()
    other.force_authenticate(django_user_model.objects.create_user("other"))

    assert other.get("/api/v1/orders/").data["results"] == []


def test_a_visitor_sees_products_and_places_nothing(mug: Product) -> None:
    visitor = APIClient()

    assert [product["sku"] for product in visitor.get("/api/v1/products/").data["results"]] == [mug.sku]
    assert place(visitor).status_code == 401


def test_a_body_nested_too_deeply_is_refused(api: APIClient, mug: Product) -> None:
    nested = "[" * 100_000
    answer = api.post("/api/v1/orders/", nested, content_type="application/json", headers={"Idempotency-Key": "a key"})

    assert answer.status_code == 400
