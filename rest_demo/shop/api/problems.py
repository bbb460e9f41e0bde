"""How the schema says that an answer is a problem (patterns/http/problem_details)."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from patterns.http.problem_details import CONTENT_TYPE


class FieldProblemSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="A JSON Pointer into the body, as a URI fragment: #/lines/0/quantity")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(default="about:blank")
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Tells apart what shares a status")
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="The path that was asked for")
    request_id = serializers.CharField(allow_null=True)
    errors = FieldProblemSerializer(many=True)  # type: ignore[assignment]


def problem(status: int, description: str) -> dict[tuple[int, str], OpenApiResponse]:
    """An entry of `extend_schema(responses=…)`."""
    return {(status, CONTENT_TYPE): OpenApiResponse(ProblemSerializer, description)}
