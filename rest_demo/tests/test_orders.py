from typing import Any

import pytest
from rest_framework.test import APIClient

from patterns.messaging.outbox.models import OutboxEvent
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
    assert second["Location"] == first["Location"] == f"/api/v1/orders/{first.data['id']}/"
    assert api.get(first["Location"]).data == first.data


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


def test_an_order_of_another_does_not_exist(api: APIClient, mug: Product, django_user_model: Any) -> None:
    placed = place(api)
    other = APIClient()
    other.force_authenticate(django_user_model.objects.create_user("other"))
    url = f"/api/v1/orders/{placed.data['id']}/"

    assert [other.get(url).status_code, api.get(url).status_code] == [404, 200]


def test_a_visitor_sees_products_and_places_nothing(mug: Product) -> None:
    visitor = APIClient()

    assert [product["sku"] for product in visitor.get("/api/v1/products/").data["results"]] == [mug.sku]
    assert place(visitor).status_code == 401


def test_a_body_nested_too_deeply_is_refused(api: APIClient, mug: Product) -> None:
    nested = "[" * 100_000
    answer = api.post("/api/v1/orders/", nested, content_type="application/json", headers={"Idempotency-Key": "a key"})

    assert answer.status_code == 400


def test_an_order_takes_its_pieces_from_the_stock(api: APIClient, mug: Product) -> None:
    Product.objects.update(stock=2)
    taken = place(api, {"lines": [{"sku": mug.sku, "quantity": 2}]})
    refused = place(api, key="another key")

    assert (taken.status_code, refused.status_code, refused.json()["code"]) == (201, 409, "out_of_stock")
    assert Product.objects.get().stock == 0


def test_an_order_in_two_currencies_is_refused(api: APIClient, mug: Product) -> None:
    Product.objects.create(sku="SKU-000002", name="Lamp", price="19.90", currency="USD", stock=5)
    lines = [{"sku": "SKU-000001", "quantity": 1}, {"sku": "SKU-000002", "quantity": 1}]
    mixed = place(api, {"lines": lines})
    one = place(api, {"lines": lines[1:]})

    assert (mixed.status_code, mixed.data["code"]) == (409, "mixed_currencies")
    assert (one.status_code, one.data["total"], one.data["currency"]) == (201, "19.90", "USD")
    assert Order.objects.count() == 1
    assert Product.objects.get(sku="SKU-000001").stock == 1000


def test_a_free_order_is_paid_at_once(api: APIClient, mug: Product) -> None:
    Product.objects.update(price=0)
    order = place(api).data
    payment = api.post(f"/api/v1/orders/{order['id']}/payments/")

    assert (order["status"], order["total"], order["paid_at"] is None) == ("paid", "0.00", False)
    assert payment.status_code in (409, 503)  # there is nothing to pay
    assert [event.routing_key for event in OutboxEvent.objects.order_by("pk")] == ["order.placed", "order.paid"]


def test_a_cancelled_order_gives_them_back_once(api: APIClient, mug: Product) -> None:
    order = place(api, {"lines": [{"sku": mug.sku, "quantity": 3}]}).data
    answers = [api.post(f"/api/v1/orders/{order['id']}/cancellation/") for _ in range(2)]

    assert [(answer.status_code, answer.data["status"]) for answer in answers] == [(200, "cancelled")] * 2
    assert answers[0].data["cancelled_at"] == answers[1].data["cancelled_at"]
    assert Product.objects.get().stock == 1000


def test_a_paid_order_is_not_cancelled(api: APIClient, mug: Product) -> None:
    order = place(api).data
    Order.objects.update(status=Order.Status.PAID)
    answer = api.post(f"/api/v1/orders/{order['id']}/cancellation/")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")
    assert Order.objects.get().status == "paid"


def test_what_happens_to_an_order_is_told_with_the_requests_id(api: APIClient, mug: Product) -> None:
    order = place(api).data
    api.post(f"/api/v1/orders/{order['id']}/cancellation/", headers={"X-Request-ID": "the-cancellation"})

    events = list(OutboxEvent.objects.order_by("pk"))
    assert [(each.routing_key, each.aggregate) for each in events] == [
        (kind, f"order:{order['id']}") for kind in ("order.placed", "order.cancelled")
    ]
    assert events[0].payload["data"] == {
        "order_id": order["id"], "lines": [{"sku": mug.sku, "quantity": 1}], "total": "4.90", "currency": "EUR",
    }  # fmt: skip
    assert events[1].payload["correlationid"] == "the-cancellation"


def test_a_refused_order_tells_nothing(api: APIClient, mug: Product) -> None:
    place(api, {"lines": [{"sku": mug.sku, "quantity": 1}, {"sku": "NO-SUCH", "quantity": 1}]})

    assert not OutboxEvent.objects.exists()
    assert Product.objects.get().stock == 1000


def test_staff_read_every_order_and_list_their_own(api: APIClient, mug: Product, django_user_model: Any) -> None:
    order = place(api).data
    staff = APIClient()
    staff.force_authenticate(django_user_model.objects.create_user("staff", is_staff=True))

    assert staff.get(f"/api/v1/orders/{order['id']}/").data == order
    assert staff.get("/api/v1/orders/").data["results"] == []


def test_extra_fields_of_an_order_change_nothing(api: APIClient, mug: Product, customer: Any, django_user_model: Any) -> None:
    other = django_user_model.objects.create_user("other")
    extra = {"customer": other.pk, "owner": other.pk, "is_staff": True, "status": "paid", "total": "0.01", "price": "0.01"}
    answer = place(api, ONE_MUG | extra | {"lines": [{"sku": mug.sku, "quantity": 1, "unit_price": "0.01", "price": "0.01"}]})

    order = Order.objects.get()
    assert (answer.data["total"], answer.data["status"], order.customer) == ("4.90", "placed", customer)
    customer.refresh_from_db()
    assert not customer.is_staff
