"""A product's door over HTTP: who may change what, and only what they have seen. The race is in lab/lost_update.py."""

from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from shop.models import Product
from tests.test_error_shapes import order

URL = "/api/v1/products/SKU-000001/"
MUG = {"sku": "SKU-000001", "name": "Mug", "category": None, "price": "4.90", "currency": "EUR", "stock": 1000}


@pytest.fixture
def staff(django_user_model: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(django_user_model.objects.create_user("staff", is_staff=True))
    return client


def change(client: APIClient, body: Any, etag: str | None = None, url: str = URL) -> Any:
    return client.patch(url, body, format="json", headers={"If-Match": etag or client.get(URL).headers["ETag"]})


def test_a_visitor_reads_a_product_once(mug: Product) -> None:
    read = APIClient().get(URL)
    again = APIClient().get(URL, headers={"If-None-Match": read.headers["ETag"]})

    assert (read.status_code, read.data) == (200, MUG | {"sku": mug.sku})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", read.headers["ETag"])


def test_the_second_of_two_admins_is_told_and_may_try_again(staff: APIClient, mug: Product) -> None:
    etag = staff.get(URL).headers["ETag"]
    first = change(staff, {"price": "5.10"}, etag)
    second = change(staff, {"name": "Large mug"}, etag)
    again = change(staff, {"name": "Large mug"})

    assert (first.status_code, second.status_code, again.status_code) == (200, 412, 200)
    mug.refresh_from_db()
    assert (mug.name, mug.price) == ("Large mug", Decimal("5.10"))


def test_a_product_that_sells_can_be_edited(staff: APIClient, api: APIClient, mug: Product) -> None:
    read = staff.get(URL)
    sold = order(api)
    renamed = change(staff, {"name": "Large mug"}, read.headers["ETag"])
    stale = change(staff, {"name": "Small mug"}, read.headers["ETag"])

    assert (sold.status_code, renamed.status_code, stale.status_code) == (201, 200, 412)
    assert renamed.data["stock"] == read.data["stock"] - 1


def test_a_sold_piece_is_seen_by_a_client_that_revalidates(api: APIClient, mug: Product) -> None:
    read = api.get(URL)
    order(api)
    again = api.get(URL, headers={"If-None-Match": read.headers["ETag"]})

    assert (again.status_code, again.data["stock"]) == (200, read.data["stock"] - 1)


def test_the_answer_to_a_change_has_the_etag_of_the_next_read(staff: APIClient, mug: Product) -> None:
    changed = change(staff, {"price": "5", "name": " Large mug "})

    assert changed.headers["ETag"] == staff.get(URL).headers["ETag"]
    assert change(staff, {"price": "6.00"}, changed.headers["ETag"]).status_code == 200


def test_a_change_without_if_match_is_refused(staff: APIClient, mug: Product) -> None:
    answer = staff.patch(URL, {"price": "0.01"}, format="json")

    assert answer.status_code == 428
    assert Product.objects.get().price == Decimal("4.90")


def test_only_staff_may_change_a_product(api: APIClient, mug: Product) -> None:
    etag = api.get(URL).headers["ETag"]

    assert change(api, {"price": "0.01"}, etag).status_code == 403
    assert change(APIClient(), {"price": "0.01"}, etag).status_code == 401
    assert Product.objects.get().price == Decimal("4.90")


def test_sku_and_currency_stay(staff: APIClient, mug: Product) -> None:
    answer = change(staff, {"sku": "SKU-2", "currency": "USD", "id": 99, "price": "5.00"})

    assert answer.data == MUG | {"price": "5.00"}
    assert Product.objects.get().pk == mug.pk


@pytest.mark.parametrize(
    "body",
    [
        {"price": "-0.01"},
        {"price": "NaN"},
        {"price": "1e99"},
        {"price": None},
        {"name": ""},
        {"name": "\x00"},
        {"name": "n" * 201},
        [],
        "t",
    ],
)
def test_a_malformed_change_is_refused(staff: APIClient, mug: Product, body: Any) -> None:
    assert change(staff, body).status_code == 400
    assert Product.objects.values_list("name", "price").get() == ("Mug", Decimal("4.90"))


@pytest.mark.parametrize("raw", ["null", "{", '{"name": "\\ud800"}', "[" * 100_000])
def test_a_change_that_is_rubbish_is_refused(staff: APIClient, mug: Product, raw: str) -> None:
    etag = staff.get(URL).headers["ETag"]

    assert staff.patch(URL, raw, content_type="application/json", headers={"If-Match": etag}).status_code == 400


@pytest.mark.parametrize("sku", ["SKU-999999", "SKU-%00", "x" * 500, "%ED%A0%80", "..;"])
def test_an_unknown_product_is_not_found(staff: APIClient, mug: Product, sku: str) -> None:
    url = f"/api/v1/products/{sku}/"

    assert staff.get(url).status_code == 404
    assert change(staff, {"price": "1.00"}, "*", url).status_code == 404


@pytest.mark.parametrize("method", ["put", "delete", "post"])
def test_a_product_is_not_replaced_or_deleted(staff: APIClient, mug: Product, method: str) -> None:
    assert getattr(staff, method)(URL, {}, format="json", headers={"If-Match": "*"}).status_code == 405


def test_the_schema_asks_for_if_match(client: Any) -> None:
    schema = client.get("/api/schema/?format=json").json()["paths"]["/api/v1/products/{sku}/"]
    required = {each["name"] for each in schema["patch"]["parameters"] if each["in"] == "header" and each.get("required")}

    assert required == {"If-Match"}
    assert {"200", "412", "428"} <= set(schema["patch"]["responses"])
    assert {"200", "304"} <= set(schema["get"]["responses"])
