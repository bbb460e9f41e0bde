"""GraphQL over HTTP: graphene-django's view, made to follow the specification.

Problem
    GraphQLView passes 53 of the 61 audits of npm's `graphql-http`. It executes
    `POST ?query=mutation…` with a text/plain or form body, which any other site can
    send with your user's cookie (CSRF).

Guarantee
    - All 61 audits pass.
    - POST takes `application/json` only, and parameters only from the body.
    - GET executes no mutations.
    - Malformed requests get 400 and GraphQL's error format; over `max_bytes`, 413.

Not guaranteed
    Subscriptions, uploads, batches. CSRF protection, once you answer CORS preflights.

Cost
    Not measurable. `prepare` parses and validates each time (see document_cache).

Use instead
    strawberry-django's view, in a new project. (Checked 2026-11.)

Source: graphql.github.io/graphql-over-http/draft (2025)

Use
    # settings.py
    GRAPHENE = {"SCHEMA": "myproject.schema.schema"}

    # your code
    from django.urls import path
    from django.views.decorators.csrf import csrf_exempt
    from patterns.graphql.graphql_over_http import GraphQLOverHTTPView
    urlpatterns = [path("graphql/", csrf_exempt(GraphQLOverHTTPView.as_view()))]
"""

import contextlib
import json
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.utils.cache import patch_vary_headers
from graphene_django.views import GraphQLView, HttpError

import graphql
from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationType

Data = dict[str, Any]
JSON, GRAPHQL_RESPONSE = "application/json", "application/graphql-response+json"
PARAMETERS = {"query": str, "operationName": str, "variables": dict, "extensions": dict}


def bad_request(message: str, status: int = HTTPStatus.BAD_REQUEST) -> HttpError:
    return HttpError(HttpResponse(status=status), message)


class GraphQLOverHTTPView(GraphQLView):
    max_bytes = 100_000  # of a body: coercing variables takes CPU time

    def prepare(self, data: Data) -> DocumentNode:
        """The document to execute. Raises HttpError, GraphQLError, or an ExceptionGroup of them."""
        if not data.get("query"):
            raise bad_request("query is missing.")
        document = graphql.parse(data["query"])
        if errors := graphql.validate(self.schema.graphql_schema, document):
            raise ExceptionGroup("the document is invalid", errors)
        return document

    def execute(self, document: DocumentNode, **options: Any) -> Any:
        return graphql.execute(self.schema.graphql_schema, document, **options)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.encoding = "utf-8"  # JSON always is, whatever charset the client names
        if request.method == "HEAD":  # the server sends no body
            request.method = "GET"
        response = super().dispatch(request, *args, **kwargs)
        if response["Content-Type"] == JSON:  # GraphiQL's page is not
            response.cookies.pop(settings.CSRF_COOKIE_NAME, None)  # a form needs it, JSON does not
            response["Content-Type"] = f"{preferred(request)}; charset=utf-8"
            patch_vary_headers(response, ["Accept"])
        return response

    def parse_body(self, request: HttpRequest) -> Data:
        if request.method == "GET":
            data: Any = request.GET.dict()
            for name in {"variables", "extensions"} & data.keys():
                data[name] = decoded(data[name], name)
        elif self.get_content_type(request) == JSON:
            data = decoded(self.body(request), "The body")
        else:
            # CSRF protection: a browser sends JSON to another site only after a preflight
            raise bad_request("Send application/json.", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        if not isinstance(data, dict):
            raise bad_request("The body must be a JSON object.")
        for name, kind in PARAMETERS.items():
            if not isinstance(data.get(name), kind | None):
                raise bad_request(f"{name} has the wrong type.")
        return data

    def body(self, request: HttpRequest) -> bytes:
        with contextlib.suppress(RequestDataTooBig):
            if len(request.body) <= self.max_bytes:
                return request.body
        raise bad_request("The body is too large.", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def get_response(self, request: HttpRequest, data: Data, *_: bool) -> tuple[str, int]:
        result = self.run(request, data)
        answer: Data = {}
        if result.errors:
            answer["errors"] = [self.format_error(error) for error in result.errors]
        # an error without a path is one of the request: nothing was executed
        if not result.errors or any(error.path for error in result.errors):
            answer["data"] = result.data
        is_ok = "data" in answer or preferred(request) == JSON
        return self.json_encode(request, answer), 200 if is_ok else 400

    def run(self, request: HttpRequest, data: Data) -> ExecutionResult:
        try:
            document = self.prepare(data)
            name = data.get("operationName") or None
            operation = graphql.get_operation_ast(document, name)
            if request.method == "GET" and operation and operation.operation != OperationType.QUERY:
                raise HttpError(HttpResponseNotAllowed(["POST"]), "GET executes queries only.")
            result = self.execute(
                document,
                root_value=self.get_root_value(request),
                context_value=self.get_context(request),
                variable_values=data.get("variables"),
                operation_name=name,
                middleware=self.get_middleware(request),
                execution_context_class=self.execution_context_class,
            )
            if not isinstance(result, ExecutionResult):
                raise TypeError("a resolver is asynchronous: override execute() to await it")
            return result
        except HttpError:
            raise
        except ExceptionGroup as group:
            return ExecutionResult(errors=[*group.exceptions])  # type: ignore[list-item]
        except GraphQLError as error:
            return ExecutionResult(errors=[error])
        except Exception as error:  # an internal error: format_error masks it
            return ExecutionResult(errors=[GraphQLError(str(error), original_error=error)])


def decoded(text: str | bytes, name: str) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    raise bad_request(f"{name} is not valid JSON.")


def preferred(request: HttpRequest) -> str:
    return request.get_preferred_type([JSON, GRAPHQL_RESPONSE]) or JSON
