"""How the schema says that an answer is a problem (patterns/http/problem_details)."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from patterns.http.problem_details import CONTENT_TYPE, Code

SHOP_CODES = [
    "invalid_token", "wrong_login", "invalid_refresh_token",
    "out_of_stock", "not_cancellable", "not_payable",
    "payments_unavailable", "payments_not_configured", "payment_refused",
    "webhook_unsigned", "webhook_stale", "webhook_forged",
]  # fmt: skip
CODES = [*map(str, Code), *SHOP_CODES]


class FieldProblemSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="A JSON Pointer into the body, as a URI fragment: #/lines/0/quantity")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.ChoiceField(choices=CODES, help_text="Tells apart errors of one status")
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="The path that was asked for")
    request_id = serializers.CharField(allow_null=True)
    errors = FieldProblemSerializer(many=True)  # type: ignore[assignment]


def problem(status: int, description: str) -> dict[tuple[int, str], OpenApiResponse]:
    """An entry of `extend_schema(responses=…)`."""
    return {(status, CONTENT_TYPE): OpenApiResponse(ProblemSerializer, description)}
