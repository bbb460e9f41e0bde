"""Two admins overwrite each other.

20 pairs of staff members: both of a pair have read the same product, and both save at the
same moment. In half of the pairs both set the price; in the other half one sets the name
and the other the price. The naive endpoint is DRF's own RetrieveUpdateAPIView: it reads the
row, changes the fields of the request, and writes all columns back.
"""

import time
from typing import Any

from django.contrib.auth import get_user_model
from rest_framework import generics
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from labkit import Counts, Experiment, at_once
from patterns.http.conditional import answer_read, etag_of, is_known
from shop.api.products import ProductDetail
from shop.api.serializers import ProductDetailSerializer
from shop.models import Product

PAIRS = 20
CHECK_SECONDS = 0.2  # another service is called before the save; with 0.02 only some of the pairs race

Save = tuple[type[APIView], int, str, str, dict[str, str]]  # view, user, SKU, the ETag that was read, the changes


class Checked:
    """The same time between read and write for all views."""

    def perform_update(self, serializer: BaseSerializer[Product]) -> None:
        time.sleep(CHECK_SECONDS)
        serializer.save()


class NaiveProductDetail(Checked, generics.RetrieveUpdateAPIView[Product]):
    permission_classes = [IsAdminUser]
    serializer_class = ProductDetailSerializer
    queryset = Product.objects.all()
    lookup_field = "sku"


class NaiveComparison(NaiveProductDetail):
    """The obvious fix: compare the ETag, then update. Nothing locks the row in between."""

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return answer_read(request, self.get_serializer(self.get_object()).data)

    def patch(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        is_known(request, etag_of(self.get_serializer(self.get_object()).data))
        return super().patch(request, *args, **kwargs)


class SolvedProductDetail(Checked, ProductDetail):
    pass


def naive() -> Counts:
    plain, compared = race(NaiveProductDetail, NaiveComparison)
    return plain | {"lost_with_a_comparison": compared["lost_updates"]}


def solved() -> Counts:
    [counts] = race(SolvedProductDetail)
    return counts


def race(*views: type[APIView]) -> list[Counts]:
    """The counts of each view. The views share one set of workers, which take a second to start; each has its own products."""
    Product.objects.filter(sku__startswith="PAIR-").delete()
    staff = [get_user_model().objects.get_or_create(username=name, is_staff=True)[0].pk for name in ("ann", "ben")]
    saves = [each for number, view in enumerate(views) for each in saves_of_pairs(view, staff, prefix=f"PAIR-{number}")]
    codes = at_once(save, saves)
    found = {product.sku: {"name": product.name, "price": str(product.price)} for product in Product.objects.all()}
    told = list(zip(codes, saves, strict=True))
    return [counted([(code, each[4].items() <= found[each[2]].items()) for code, each in told if each[0] is view]) for view in views]


def saves_of_pairs(view: type[APIView], staff: list[int], *, prefix: str) -> list[Save]:
    skus = [f"{prefix}-{number:02d}" for number in range(PAIRS)]
    Product.objects.bulk_create(Product(sku=sku, name="Mug", price="4.90") for sku in skus)
    saves = []
    for number, sku in enumerate(skus):
        # both have read before either writes: two people with the same form open
        etags = [send(view, member, "get", sku).headers.get("ETag", "") for member in staff]
        saves += [(view, *each) for each in zip(staff, [sku] * 2, etags, both_changes(number), strict=True)]
    return saves


def counted(outcomes: list[tuple[int, bool]]) -> Counts:
    """`outcomes`: status and whether the row has the change, per request; the two of a pair are adjacent."""
    codes = [code for code, _ in outcomes]
    return {
        "pairs": PAIRS,
        "answered_200": codes.count(200),
        "answered_412": codes.count(412),
        "errors": sum(code not in (200, 412) for code in codes),
        "one_winner": sum(sorted(codes[first : first + 2]) == [200, 412] for first in range(0, len(codes), 2)),
        "lost_updates": sum(code == 200 and not is_there for code, is_there in outcomes),
    }


def both_changes(number: int) -> list[dict[str, str]]:
    """The changes of a pair: to the same field, or to two different ones."""
    return [{"price": "5.10"} if number % 2 else {"name": "Large mug"}, {"price": "5.90"}]


def save(view: type[APIView], member: int, sku: str, etag: str, changes: dict[str, str]) -> int:
    return send(view, member, "patch", sku, changes, etag).status_code


def send(view: type[APIView], member: int, method: str, sku: str, body: dict[str, str] | None = None, etag: str = "") -> Response:
    request = getattr(APIRequestFactory(), method)(f"/api/v1/products/{sku}/", body, format="json", headers={"If-Match": etag})
    force_authenticate(request, get_user_model().objects.get(pk=member))
    response: Response = view.as_view()(request, sku=sku)
    return response


experiment = Experiment(
    challenge="Two admins overwrite each other",
    solution="an ETag: updates must send it in If-Match, and it is compared while the row is locked",
    load=f"{PAIRS} pairs of staff who have read the same product save at once, from two processes; "
    f"{CHECK_SECONDS * 1000:.0f} ms pass between a request's read and its write",
    naive=naive,
    solved=solved,
    breaks=lambda counts: counts["lost_updates"] > 0 and counts["lost_with_a_comparison"] > 0,
    holds=lambda counts: (
        (counts["answered_200"], counts["answered_412"], counts["one_winner"], counts["lost_updates"]) == (PAIRS, PAIRS, PAIRS, 0)
    ),
    proof=("lost_updates",),
    code="patterns/http/conditional",
)
