"""A page is kept under all that its view reads: what one visitor sends changes no other's answer."""

from typing import Any

import pytest
from django.test import Client

from catalogue.models import Category, Product
from catalogue.pages import page_key
from catalogue.services import recent_key
from patterns.http import utf8_only

PLAIN = ("/products/", "/products/?category=kitchen", "/products/?page=2", "/products/SKU-000001/", "/products.json", "/trending/")
# what a visitor may send with any of them
INPUTS: dict[str, dict[str, Any]] = {
    "charset": {"headers": {"Content-Type": "text/plain; charset=cp037"}},
    "unknown charset": {"headers": {"Content-Type": "text/plain; charset=zlib"}},
    "Accept": {"headers": {"Accept": "text/html"}},
    "Accept-Language": {"headers": {"Accept-Language": "de"}},
    "Accept-Encoding": {"headers": {"Accept-Encoding": "br"}},
    "Authorization": {"headers": {"Authorization": "Bearer somebody"}},
    "Cookie": {"headers": {"Cookie": "csrftoken=abc; sessionid=1"}},
    "X-Forwarded-Host": {"headers": {"X-Forwarded-Host": "evil.example"}},
    "X-HTTP-Method-Override": {"headers": {"X-HTTP-Method-Override": "DELETE"}},
    "Range": {"headers": {"Range": "bytes=0-1"}},
    "an unknown parameter": {"query": "ordering=price&min_price=50"},
    "a format": {"query": "format=html"},
    "a category": {"query": "category=office"},
    "two categories": {"query": "category=kitchen&category=office"},
    "an unknown category": {"query": "category=none"},
    "a page": {"query": "page=2"},
    "a number spelled otherwise": {"query": "page=02"},
    "a method": {"method": "head"},
}


@pytest.fixture
def shop(db: None) -> None:
    kitchen, office = (Category.objects.create(slug=slug, name=slug) for slug in ("kitchen", "office"))
    products = [Product(sku=f"SKU-{number:06}", name="Mug", price=number, category=kitchen) for number in range(1, 31)]
    Product.objects.bulk_create([*products, Product(sku="SKU-000100", name="Pen", price=9, category=office)])


def ask(path: str, *, method: str = "get", query: str = "", headers: Any = None) -> tuple[int, bytes]:
    address = path + (f"{'&' if '?' in path else '?'}{query}" if query else "")
    # Django's client does not pass through the wrapper in wsgi.py
    sent = dict(headers or {})
    if not utf8_only.is_utf8(sent.get("Content-Type", "")):
        sent["Content-Type"] = utf8_only.UNSUPPORTED
    answer = getattr(Client(raise_request_exception=False), method)(address, headers=sent)
    assert not answer.cookies or answer["Cache-Control"] == "private, no-store"
    assert b"csrf" not in answer.content.lower()
    return answer.status_code, answer.content if answer.status_code < 400 else b""


@pytest.mark.parametrize("hostile", INPUTS.values(), ids=INPUTS)
def test_no_visitor_changes_what_the_next_one_sees(shop: None, settings: Any, each_store: str, hostile: dict[str, Any]) -> None:
    kind, settings.CACHE = settings.CACHE, "off"
    right = {path: (ask(path), ask(path, **hostile)) for path in PLAIN}
    settings.CACHE = kind

    for path in PLAIN:
        first, plain, again = ask(path, **hostile), ask(path), ask(path, **hostile)
        assert (plain, first, again) == (right[path][0], right[path][1], right[path][1]), path


def test_different_pages_and_users_have_different_keys(db: None) -> None:
    names = ["", ":1", "kitchen:1", "kitchen:11", "a" * 64, "a" * 65, "a" * 66]
    users = ["ann", "Ann", "ann ", "ann:1", ""]

    keys = {page_key(namespace, name) for namespace in ("list", "product") for name in names}
    assert len(keys) == 2 * len(names)
    assert len({recent_key(user) for user in users}) == len(users)
