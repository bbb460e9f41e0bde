"""Bulk import: each row is saved or rejected on its own, and the response has a result for each."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from patterns.http.problem_details.drf import failures
from patterns.http.strict_json import unstorable_text
from patterns.http.strict_json.drf import RowsJSONParser
from shop.api.serializers import ImportResultSerializer, ImportRowSerializer, ImportSerializer
from shop.models import Category
from shop.services import add_products

UNSTORABLE = {"non_field_errors": [ErrorDetail("A string contains NUL or a lone surrogate.", "unstorable_text")]}
TAKEN = {"sku": [ErrorDetail("A product with this SKU already exists.", "unique")]}


class ProductImport(APIView):
    permission_classes = [IsAdminUser]
    parser_classes = [RowsJSONParser]  # a NUL in one row is that row's error

    @extend_schema(request=ImportSerializer(), responses=ImportResultSerializer)
    def post(self, request: Request) -> Response:
        """Adds up to 1,000 products (staff only). Valid rows are saved even if others are not."""
        body = ImportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rows = body.validated_data["products"]
        errors: dict[int, Any] = {index: UNSTORABLE for index, row in enumerate(rows) if unstorable_text(row)}
        known = categories([row for index, row in enumerate(rows) if index not in errors])
        row_serializer = ImportRowSerializer(context={"categories": known})  # one for all rows: slower to create than to use
        valid: dict[int, dict[str, Any]] = {}
        for index, row in enumerate(rows):
            if index in errors:
                continue
            try:
                valid[index] = row_serializer.run_validation(row)
            except ValidationError as error:
                errors[index] = error.detail
        added = add_products([*valid.values()])
        errors |= {index: TAKEN for index, is_added in zip(valid, added, strict=True) if not is_added}
        results = [
            {"index": index, "saved": index not in errors, "errors": list(failures(errors.get(index, {}), f"#/products/{index}"))}
            for index in range(len(rows))
        ]
        return Response({"saved": len(rows) - len(errors), "failed": len(errors), "results": results})


def categories(rows: list[Any]) -> dict[str, Category]:
    """The categories that the rows name, by slug, in one query."""
    slugs = {row.get("category") for row in rows if isinstance(row, dict) and isinstance(row.get("category"), str)}
    return Category.objects.in_bulk(slugs, field_name="slug")
