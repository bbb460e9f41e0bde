"""Adds to the OpenAPI schema what all operations share: possible errors, and response headers."""

from typing import Any

from rest_framework import status

from patterns.http.problem_details import title
from patterns.http.problem_details.openapi import CONTENT
from shop.api.serializers import MOST_LINES

LOCATION = {"description": "The URL of the new resource", "required": True, "schema": {"type": "string"}}
REQUEST_ID = {"description": "Finds this request in the log", "required": True, "schema": {"type": "string"}}
RATE_LIMIT = {"description": "draft-ietf-httpapi-ratelimit-headers", "schema": {"type": "string"}}
RETRY_AFTER = {"description": "Seconds to wait", "required": True, "schema": {"type": "integer"}}


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    add_common_answers(result)
    add_what_views_cannot_say(result)
    return result


def add_common_answers(result: dict[str, Any]) -> None:
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for code in sorted(common_errors(path, method, operation)):
                operation["responses"].setdefault(str(code), {"description": title(code), "content": CONTENT})
            for code, response in operation["responses"].items():
                headers = response.setdefault("headers", {})
                headers["X-Request-ID"] = REQUEST_ID
                if code == "201":
                    headers["Location"] = LOCATION
                if method != "get":
                    headers |= {"RateLimit": RATE_LIMIT, "RateLimit-Policy": RATE_LIMIT}
                if code in ("429", "503"):
                    headers["Retry-After"] = RETRY_AFTER


def add_what_views_cannot_say(result: dict[str, Any]) -> None:
    """Limits of nested lists, no NUL in strings, and links from an order's id."""
    for name, component in result["components"]["schemas"].items():
        for field in component.get("properties", {}).values() if name.endswith("Request") else ():
            if field.get("type") == "string" and not field.keys() & {"pattern", "format", "enum"}:
                field["pattern"] = r"^[^\x00]*$"
    result["components"]["schemas"]["OrderRequest"]["properties"]["lines"] |= {"minItems": 1, "maxItems": MOST_LINES}
    result["paths"]["/api/v1/orders/"]["post"]["responses"]["201"]["links"] = {
        name: {"operationId": name, "parameters": {"id": "$response.body#/id"}}
        for name in ("orders_retrieve", "orders_cancellation_create", "orders_payments_create", "orders_payments_list")
    }


def common_errors(path: str, method: str, operation: dict[str, Any]) -> set[int]:
    codes = {status.HTTP_400_BAD_REQUEST, status.HTTP_406_NOT_ACCEPTABLE}
    if "{" in path:
        codes.add(status.HTTP_404_NOT_FOUND)
    if {} not in operation.get("security", [{}]):
        codes |= {status.HTTP_401_UNAUTHORIZED, status.HTTP_403_FORBIDDEN}
    else:
        codes.add(status.HTTP_401_UNAUTHORIZED)  # an invalid token is refused, even where none is needed
    if method != "get":
        codes |= {
            status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
            status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
            status.HTTP_429_TOO_MANY_REQUESTS,
        }
    return codes
