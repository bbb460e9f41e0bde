"""The endpoints over HTTP, also with malformed requests."""

import uuid
from base64 import b64encode
from typing import Any

import pytest
from rest_framework.test import APIClient

from labkit.tokens import access_token
from warehouse.models import Reservation, StockItem


def test_a_reservation_sets_pieces_aside(api: APIClient, mugs: StockItem) -> None:
    answer = api.post("/reservations/", {"sku": mugs.sku, "quantity": 2}, format="json")

    [reservation] = Reservation.objects.all()
    assert answer.status_code == 201
    assert api.get(answer["Location"]).data == answer.data
    assert (answer.data["id"], answer.data["sku"], answer.data["quantity"]) == (str(reservation.id), mugs.sku, 2)
    assert api.get(f"/stock/{mugs.sku}/").data == {"sku": mugs.sku, "name": "Mug 1", "available": 1}


def test_a_visitor_and_an_unknown_id_see_no_reservation(api: APIClient, mugs: StockItem) -> None:
    url = api.post("/reservations/", {"sku": mugs.sku, "quantity": 2}, format="json")["Location"]

    assert APIClient().get(url).status_code == 401
    assert api.get(f"/reservations/{uuid.uuid4()}/").status_code == 404


def test_more_than_is_left_is_a_conflict(api: APIClient, mugs: StockItem) -> None:
    answer = api.post("/reservations/", {"sku": mugs.sku, "quantity": 4}, format="json")

    assert answer.status_code == 409
    assert answer.data["code"] == "not_enough_left"
    assert not Reservation.objects.exists()


def test_an_unknown_sku_is_the_clients_mistake(api: APIClient, mugs: StockItem) -> None:
    answer = api.post("/reservations/", {"sku": "SKU-000009", "quantity": 1}, format="json")

    assert answer.status_code == 400
    assert "SKU-000009" in answer.data["errors"][0]["detail"]


def test_a_visitor_sees_the_stock_and_reserves_nothing(mugs: StockItem) -> None:
    visitor = APIClient()

    assert [item["sku"] for item in visitor.get("/stock/").data] == [mugs.sku]
    assert visitor.post("/reservations/", {"sku": mugs.sku, "quantity": 1}, format="json").status_code == 401
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("quantity", [0, -1, 1001, 10**30, 1.5, "many", True, None, [], {}])
def test_a_quantity_that_is_none_is_refused(api: APIClient, mugs: StockItem, quantity: Any) -> None:
    assert api.post("/reservations/", {"sku": mugs.sku, "quantity": quantity}, format="json").status_code == 400
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("sku", ["", " ", "SKU\x00", "SKU-000001\n1", "ü", "S" * 33, "' OR 1=1 --", 7.5, None, [], {}])
def test_a_sku_that_is_none_is_refused(api: APIClient, mugs: StockItem, sku: Any) -> None:
    assert api.post("/reservations/", {"sku": sku, "quantity": 1}, format="json").status_code == 400
    assert not Reservation.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b"\xff\xfe",
        b"\x00",
        b'{"sku": "\\ud800", "quantity": 1}',
        b'{"sku": "SKU-000001", "quantity": NaN}',
        b'{"sku": "SKU-000001", "quantity": 1e999}',
        b'{"sku": "SKU-000001", "quantity": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_is_no_reservation_is_refused(api: APIClient, mugs: StockItem, body: bytes) -> None:
    assert api.generic("POST", "/reservations/", body, "application/json").status_code == 400
    assert not Reservation.objects.exists()


def test_a_body_of_megabytes_is_refused(api: APIClient, mugs: StockItem) -> None:
    body = b'{"sku": "SKU-000001", "quantity": 1}'.ljust(3_000_000)

    assert api.generic("POST", "/reservations/", body, "application/json").status_code == 413
    assert not Reservation.objects.exists()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "?"])
def test_only_json_is_read(api: APIClient, mugs: StockItem, content_type: str) -> None:
    assert api.generic("POST", "/reservations/", b"sku=SKU-000001&quantity=1", content_type).status_code == 415


@pytest.mark.parametrize("charset", ["zlib", "hex", "utf-16", "undefined"])
def test_a_charset_that_is_not_the_bodys_is_refused(api: APIClient, mugs: StockItem, charset: str) -> None:
    body = b'{"sku": "SKU-000001", "quantity": 1}'

    assert api.generic("POST", "/reservations/", body, f"application/json; charset={charset}").status_code == 415


@pytest.mark.parametrize("sku", ["SKU-000009", "%00", "SKU%0A", "S" * 1000, "%F0%9F", "..%2F"])
def test_a_sku_that_nobody_stocks_is_not_found(mugs: StockItem, sku: str) -> None:
    assert APIClient().get(f"/stock/{sku}/").status_code == 404


def basic(name: str, password: str) -> str:
    return f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer rubbish", "Bearer \x00", basic("customer", "a password"), access_token("customer")],
)
def test_without_a_valid_token_nothing_is_reserved(mugs: StockItem, header: str) -> None:
    answer = APIClient().post("/reservations/", {"sku": mugs.sku, "quantity": 1}, format="json", headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer ")
    assert not Reservation.objects.exists()


def test_a_refused_token_costs_no_query(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = APIClient().post("/reservations/", {"sku": "SKU-1"}, format="json", headers={"Authorization": "Bearer rubbish"})

    assert answer.status_code == 401


def test_a_reservation_costs_two_statements(api: APIClient, mugs: StockItem, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):  # ours: UPDATE and INSERT; the test's own transaction: a savepoint and its release
        api.post("/reservations/", {"sku": mugs.sku, "quantity": 1}, format="json")
