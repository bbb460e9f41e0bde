"""Hooks for drf-spectacular: the errors in the schema, with every code in an enum.

In settings.py, with the codes of the service's own errors:

    SPECTACULAR_SETTINGS["POSTPROCESSING_HOOKS"] = [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "patterns.http.problem_details.openapi.describe_errors",
    ]
    PROBLEM_CODES = ["out_of_stock"]
"""

from typing import Any

from django.conf import settings

from . import CONTENT_TYPE, Code

TEXT = {"type": "string"}
POINTER = {**TEXT, "description": "A JSON Pointer into the body: #/lines/0/quantity"}
FIELD = {
    "type": "object",
    "properties": {"pointer": POINTER, "code": TEXT, "detail": TEXT},
    "required": ["pointer", "code", "detail"],
}
CONTENT = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def problem_schema() -> dict[str, Any]:
    codes = [*map(str, Code), *getattr(settings, "PROBLEM_CODES", [])]
    properties = {
        "type": {**TEXT, "description": "Always about:blank: see status and code"},
        "title": TEXT,
        "status": {"type": "integer"},
        "code": {**TEXT, "enum": codes, "description": "For programs"},
        "detail": {**TEXT, "description": "For people"},
        "instance": {**TEXT, "description": "The path of the request"},
        "request_id": {**TEXT, "nullable": True, "description": "Finds the request in the log"},
        "errors": {"type": "array", "items": FIELD, "description": "One entry per invalid field"},
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


def add_problem(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Adds the component that `CONTENT` refers to."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = problem_schema()
    return result


def describe_errors(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Adds the component, and it to each operation as the answer of any other status."""
    for operations in result["paths"].values():
        for operation in operations.values():
            error = {"description": "An error", "content": CONTENT}
            operation["responses"].setdefault("default", error)
    return add_problem(result, generator, request, public)
