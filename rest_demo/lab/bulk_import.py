"""One bad row of 100 fails the whole import.

A file of 100 products is imported. In one file a price is not a number, in the other the
database rejects a row. The naive endpoint validates the list as a whole and saves it in
one transaction. The obvious fix catches each row's error, but without a savepoint: after
the first error PostgreSQL rejects every further statement of the transaction.
"""

import contextlib
from typing import Any

from django.contrib.auth import get_user_model
from django.db import DatabaseError, transaction
from rest_framework import generics
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from labkit import Counts, Experiment
from shop.api.imports import ProductImport
from shop.api.serializers import NewProductSerializer
from shop.models import Product

ROWS, BAD = 100, 49


def rows_of(request: Request) -> list[dict[str, Any]]:
    body: Any = request.data
    return list(body["products"])


class NaiveImport(generics.GenericAPIView[Product]):
    permission_classes = [IsAdminUser]
    serializer_class = NewProductSerializer

    @transaction.atomic
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=rows_of(request), many=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response({"saved": len(serializer.data)})


class CaughtImport(NaiveImport):
    @transaction.atomic
    def post(self, request: Request) -> Response:
        saved = 0
        for row in rows_of(request):
            serializer = self.get_serializer(data=row)
            try:
                if serializer.is_valid():
                    serializer.save()
                    saved += 1
            except DatabaseError:
                continue
        return Response({"saved": saved})


def naive() -> Counts:
    counts = import_both(NaiveImport)
    return counts | {"saved_when_each_error_is_caught": import_one(CaughtImport, rejected_by_the_database())}


def solved() -> Counts:
    return import_both(ProductImport)


def import_both(view: type[APIView]) -> Counts:
    return {
        "rows": ROWS,
        "saved_of_100_with_one_invalid_row": import_one(view, invalid()),
        "saved_of_100_with_one_rejected_row": import_one(view, rejected_by_the_database()),
    }


def import_one(view: type[APIView], rows: list[dict[str, Any]]) -> int:
    """Returns how many products of the file are stored afterwards."""
    Product.objects.filter(sku__startswith="BULK-").delete()
    admin, _ = get_user_model().objects.get_or_create(username="staff", is_staff=True)
    request = APIRequestFactory().post("/", {"products": rows}, format="json")
    force_authenticate(request, admin)
    with contextlib.suppress(DatabaseError):  # a 500 in the service; we count what was saved
        view.as_view()(request)
    return Product.objects.filter(sku__startswith="BULK-").count()


def good() -> list[dict[str, Any]]:
    return [{"sku": f"BULK-{number:03d}", "name": "Mug", "price": "4.90", "stock": 10} for number in range(ROWS)]


def invalid() -> list[dict[str, Any]]:
    rows = good()
    rows[BAD]["price"] = "cheap"
    return rows


def rejected_by_the_database() -> list[dict[str, Any]]:
    """One SKU twice in a file: each row is valid as long as the other is not stored."""
    rows = good()
    rows[BAD]["sku"] = rows[BAD - 1]["sku"]
    return rows


experiment = Experiment(
    challenge="One bad row of 100 fails the whole import",
    solution="each row is validated alone, one INSERT adds all valid rows, and every row gets a result",
    load=f"two files of {ROWS} products: in one, a row is invalid; in the other, the database rejects a row",
    naive=naive,
    solved=solved,
    breaks=lambda counts: (counts["saved_of_100_with_one_invalid_row"], counts["saved_of_100_with_one_rejected_row"]) == (0, 0),
    holds=lambda counts: (
        (counts["saved_of_100_with_one_invalid_row"], counts["saved_of_100_with_one_rejected_row"]) == (ROWS - 1, ROWS - 1)
    ),
    proof=("saved_of_100_with_one_invalid_row", "saved_of_100_with_one_rejected_row"),
    code="shop/services.py",
)
