"""ETag and 304 in Django: clients download the same data again and again.

A partner fetches the whole catalogue a hundred times; one price changes in the middle. The
naive side is a view without caching headers: it sends everything each time.
"""

from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.test.client import ClientHandler
from django.urls import include, path

from catalogue.models import Category, Product
from catalogue.serializers import ProductSerializer
from catalogue.services import change_price
from lab import browser, own_keys, patience
from labkit import Counts, Experiment, count_queries

REPEATS = 100
PRODUCTS = 250
SKU = "LAB-DOWNLOAD-0000"


def naive_export(request: HttpRequest) -> JsonResponse:
    answer = JsonResponse(ProductSerializer(Product.objects.all(), many=True).data, safe=False)
    answer["Cache-Control"] = "no-store"  # "so that nobody sees old prices"
    return answer


urlpatterns = [path("naive.json", naive_export), path("", include("catalogue.urls"))]


def naive() -> Counts:
    return fetch("/naive.json")


def solved() -> Counts:
    return fetch("/products.json")


def fetch(address: str) -> Counts:
    category, _ = Category.objects.get_or_create(slug="lab", defaults={"name": "Lab"})
    Product.objects.all().delete()  # the lab has a database of its own, and what other experiments have left would be sent too
    Product.objects.bulk_create(
        [Product(sku=f"LAB-DOWNLOAD-{number:04d}", name="Mug", price="4.90", category=category) for number in range(PRODUCTS)]
    )
    sent = bodies = queries = stale = 0
    etag, body = "", b""
    with patience(), own_keys(), override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"]):
        handler = ClientHandler(enforce_csrf_checks=False)
        for number in range(REPEATS):
            if number == REPEATS // 2:
                change_price(sku=SKU, price=Product.objects.get(sku=SKU).price + 1)
            with count_queries() as statements:
                answer = browser(handler, **({"If-None-Match": etag} if etag else {})).get(address)
            queries += len(statements)
            sent += len(answer.content)
            if answer.status_code == 200:
                etag, body = answer.headers.get("ETag", ""), answer.content
                bodies += 1
            stale += f'"{SKU}","name":"Mug","price":"{Product.objects.get(sku=SKU).price}"' not in body.decode().replace(": ", ":").replace(
                ", ", ","
            )
    return {"fetches": REPEATS, "bodies": bodies, "kilobytes": round(sent / 1000), "queries": queries, "stale": stale}


experiment = Experiment(
    challenge="ETag and 304 in Django: clients download the same data again and again",
    solution="an ETag that costs no query, and 304 for a client that already has the data",
    load=f"{REPEATS} fetches of {PRODUCTS} products, one price changed in the middle",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["bodies"] == REPEATS,
    holds=lambda counts: counts["bodies"] == counts["queries"] == 2 and counts["stale"] == 0,
    proof=("bodies", "kilobytes"),
    code="patterns/http/http_caching",
)
