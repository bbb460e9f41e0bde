import time
from typing import Any

import pytest
import redis
from django.core.cache import cache
from django.db import DatabaseError
from django.test import Client

from catalogue.models import Category, Product
from catalogue.pages import page_key, product_page
from catalogue.store import FRESH_SECONDS, LOCK_SECONDS, WAIT_SECONDS, client, counters
from lab import expire
from labkit import FaultProxy
from labkit.processes import wait_until
from patterns.caching.single_flight import SingleFlight, StillLoading

PAGE = "/products/SKU-000001/"


def product(kitchen: Category, number: int, price: str) -> Product:
    return Product.objects.create(sku=f"SKU-00000{number}", name=f"Product {number}", price=price, category=kitchen)


def test_a_page_shows_the_product_its_category_and_the_four_nearest_in_price(client: Client, kitchen: Category, mug: Product) -> None:
    for number, price in ((2, "50.00"), (3, "5.90"), (4, "3.90"), (5, "4.90"), (6, "9.90")):
        product(kitchen, number, price)
    product(Category.objects.create(slug="office", name="Office"), 7, "4.90")

    page = client.get(PAGE).json()

    assert (page["sku"], page["price"], page["category"]) == ("SKU-000001", "4.90", {"slug": "kitchen", "name": "Kitchen"})
    assert [each["sku"] for each in page["related"]] == ["SKU-000005", "SKU-000003", "SKU-000004", "SKU-000006"]


def test_the_first_visit_loads_the_page_and_the_second_asks_the_database_nothing(
    client: Client, mug: Product, each_store: str, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2):
        first = client.get(PAGE)
    with django_assert_num_queries(0):
        second = client.get(PAGE)

    assert first["Cache-Status"] == "catalogue; fwd=miss" + ("; stored" if each_store == "redis" else "")
    assert first["Age"] == "0"
    assert second["Cache-Status"].startswith("catalogue; hit; ttl=")
    assert second.content == first.content


def test_a_hit_is_one_round_trip_to_redis(client: Client, mug: Product, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client.get(PAGE)
    sent: list[Any] = []
    send = redis.Connection.send_packed_command

    def count(connection: Any, *words: Any, **options: Any) -> None:
        sent.append(words)
        send(connection, *words, **options)

    monkeypatch.setattr(redis.Connection, "send_packed_command", count)
    monkeypatch.setattr(counters(), "every_seconds", 60)  # they are sent after a response, once a second
    answer = client.get(PAGE)

    assert answer["Cache-Status"].startswith("catalogue; hit")
    assert len(sent) == 1


def test_an_expired_page_is_renewed_by_one_and_shown_old_to_the_others(
    mug: Product, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_while_another_asks(sku: str) -> dict[str, Any]:
        monkeypatch.setattr("catalogue.pages.load_product", never)
        others.append(product_page(sku=sku))
        return {"price": "5.90"}

    others: list[Any] = []
    monkeypatch.setattr("catalogue.pages.load_product", lambda sku: {"price": "4.90"})
    product_page(sku=mug.sku)
    expire(redis_client(settings), page_key("product", mug.sku))
    monkeypatch.setattr("catalogue.pages.load_product", load_while_another_asks)
    ours = product_page(sku=mug.sku)

    [other] = others
    assert (ours.content, ours.cache_status) == ({"price": "5.90"}, "catalogue; fwd=stale; stored")
    assert other.content == {"price": "4.90"}
    assert other.cache_status.startswith("catalogue; hit; ttl=-")
    assert FRESH_SECONDS * 0.9 <= other.age_seconds <= FRESH_SECONDS + 10


def test_a_page_that_another_process_loaded_meanwhile_is_collapsed(mug: Product, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = redis.Redis.pipeline

    def after_another(self: Any, *words: Any, **options: Any) -> Any:
        monkeypatch.undo()  # as another process, between our read and our claim
        settings.CACHE_KEY_PREFIX = prefix
        product_page(sku=mug.sku)
        monkeypatch.setattr("catalogue.pages.load_product", never)
        return pipeline(self, *words, **options)

    prefix = settings.CACHE_KEY_PREFIX
    monkeypatch.setattr(redis.Redis, "pipeline", after_another)

    assert product_page(sku=mug.sku).cache_status == "catalogue; fwd=miss; collapsed"


def never(sku: str) -> dict[str, Any]:
    raise AssertionError("loaded a second time")


@pytest.mark.parametrize("fault", ["refuse", "hang"])
def test_without_its_store_the_page_comes_from_the_database_and_is_cached_again_afterwards(
    client: Client, mug: Product, proxy: FaultProxy, each_store: str, fault: Any
) -> None:
    client.get(PAGE)
    proxy.set(fault)
    without, took_seconds = [], []
    for _ in range(5):
        began = time.monotonic()
        without.append(client.get(PAGE))
        took_seconds.append(time.monotonic() - began)
    proxy.set("pass")
    wait_until(lambda: client.get(PAGE)["Cache-Status"].startswith("catalogue; hit"), timeout_seconds=10, what="a hit")

    assert [(each.status_code, each.json()["price"]) for each in without] == [(200, "4.90")] * 5
    assert {each["Cache-Status"] for each in without} == {f"catalogue; fwd=bypass; detail={each_store}-unreachable"}
    assert max(took_seconds) < 4  # redis-py's own time-outs would take 5 s for each, and a retry as much again


def test_a_redis_that_refuses_commands_costs_the_cache_and_not_the_page(
    client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise redis.ResponseError("LOADING")

    monkeypatch.setattr(redis.Redis, "mget", refuse)

    assert client.get(PAGE)["Cache-Status"] == "catalogue; fwd=bypass; detail=redis-unreachable"


def test_a_key_of_another_type_is_replaced(client: Client, mug: Product, settings: Any) -> None:
    redis_client(settings).hset(page_key("product", mug.sku), "not", "a string")

    assert client.get(PAGE)["Cache-Status"] == "catalogue; fwd=miss; stored"
    assert client.get(PAGE)["Cache-Status"].startswith("catalogue; hit")


def test_with_no_store_the_page_comes_from_the_database(client: Client, mug: Product, settings: Any) -> None:
    settings.CACHE = "off"

    assert [client.get(PAGE)["Cache-Status"] for _ in range(2)] == ["catalogue; fwd=bypass; detail=off"] * 2


def test_redis_being_down_does_not_make_the_service_unready(client: Client, db: None, settings: Any) -> None:
    settings.REDIS_URL = nobody = "redis://127.0.0.1:1"
    settings.CACHES = {name: {**each, "LOCATION": nobody} for name, each in settings.CACHES.items()}

    assert client.get("/ready").status_code == 200


def test_a_cached_page_outlives_the_database(client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(sku: str) -> None:
        raise DatabaseError("down")

    client.get(PAGE)
    monkeypatch.setattr("catalogue.pages.load_product", down)

    assert client.get(PAGE).status_code == 200


def test_a_visitor_who_waited_too_long_is_told_when_to_come_back(client: Client, mug: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(*_: Any, **__: Any) -> None:
        raise StillLoading

    monkeypatch.setattr(SingleFlight, "get", gives_up)
    answer = client.get(PAGE)

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("sku", ["SKU-999999", "sku-000001", "%00", "SKU-000001%00", "%ED%A0%80", "S" * 33, "..%2f", "{SKU}", "%0A"])
def test_what_is_not_a_sku_is_not_found_and_leaves_nothing_in_redis(
    client: Client, mug: Product, settings: Any, own_keys: str, sku: str
) -> None:
    answer = client.get(f"/products/{sku}/")

    left = {key: redis_client(settings).pttl(key) for key in redis_client(settings).scan_iter(match=f"*{own_keys}:product*", count=1000)}

    assert answer.status_code == 404
    assert all(milliseconds <= 1000 for milliseconds in left.values())  # that it is not there is known for a second


def test_who_asks_does_not_matter_and_changes_nothing(client: Client, mug: Product, django_assert_num_queries: Any) -> None:
    client.get(PAGE)

    with django_assert_num_queries(0):
        answer = client.get(PAGE, headers={"Authorization": "Bearer rubbish"})
    assert answer.status_code == 200


def test_products_are_listed_and_only_read(client: Client, mug: Product) -> None:
    assert [each["sku"] for each in client.get("/products/").json()["products"]] == [mug.sku]
    assert client.post(PAGE, {"price": "0.01"}).status_code == client.put("/products/").status_code == 405


def test_a_waiter_outlasts_the_lock_of_a_loader_that_died() -> None:
    assert WAIT_SECONDS > LOCK_SECONDS


def test_djangos_own_cache_executes_no_pickle(settings: Any, own_keys: str) -> None:
    redis_client(settings).set(cache.make_key(own_keys), b"cbuiltins\nexit\n(I7\ntR.")

    assert cache.get(own_keys) is None  # and not SystemExit


def redis_client(settings: Any) -> Any:
    return client(settings.REDIS_URL)
