"""The errors in the OpenAPI schema (patterns/http/problem_details/openapi.py)."""

from drf_spectacular.utils import OpenApiResponse

from patterns.http.problem_details import CONTENT_TYPE
from patterns.http.problem_details.openapi import CONTENT


def problem(status: int, description: str) -> dict[tuple[int, str], OpenApiResponse]:
    """An entry of `extend_schema(responses=…)`."""
    return {(status, CONTENT_TYPE): OpenApiResponse(CONTENT[CONTENT_TYPE]["schema"], description)}
