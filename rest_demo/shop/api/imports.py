"""Many products in one request. Each row stands for itself: the answer says of each whether it was saved, and why not."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from patterns.http.problem_details.drf import failures
from patterns.http.strict_json import unstorable_text
from patterns.http.strict_json.drf import RowsJSONParser
from shop.api.serializers import ImportResultSerializer, ImportSerializer, NewProductSerializer
from shop.services import add_products

UNSTORABLE = {"non_field_errors": [ErrorDetail("A text holds NUL or a lone surrogate.", "unstorable_text")]}
TAKEN = {"sku": [ErrorDetail("There is a product with this SKU already.", "unique")]}


class ProductImport(APIView):
    permission_classes = [IsAdminUser]
    parser_classes = [RowsJSONParser]  # a NUL in one row is that row's error

    @extend_schema(request=ImportSerializer(), responses=ImportResultSerializer)
    def post(self, request: Request) -> Response:
        """Adds up to 1,000 products, for staff. The rows that can be saved are, whatever the others are."""
        body = ImportSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        rows = [NewProductSerializer(data=row) for row in body.validated_data["products"]]
        errors: dict[int, Any] = {
            index: UNSTORABLE if unstorable_text(row.initial_data) else row.errors
            for index, row in enumerate(rows)
            if unstorable_text(row.initial_data) or not row.is_valid()
        }
        valid = [index for index in range(len(rows)) if index not in errors]
        added = add_products(rows[index].validated_data for index in valid)
        errors |= {index: TAKEN for index, is_added in zip(valid, added, strict=True) if not is_added}
        results = [
            {"index": index, "saved": index not in errors, "errors": list(failures(errors.get(index, {}), f"#/products/{index}"))}
            for index in range(len(rows))
        ]
        return Response({"saved": len(rows) - len(errors), "failed": len(errors), "results": results})
