"""GraphQL over HTTP, to the letter: graphene-django's view, and what it lacks of the specification.

Problem         GraphQLView answers every broken query with 400, never with `application/graphql-response+json`, and takes any
                `extensions`: 53 of the 61 audits of npm's `graphql-http`. It also executes `POST ?query=mutation…` whose body is
                text/plain or a form, which a page of another site can send with our user's cookie.
Guarantee       All 61 audits. Who prefers `application/graphql-response+json` gets it, with 400 for what could not be executed; who
                asks for `application/json`, or for nothing, gets that, with 200 once the request was well-formed. POST takes
                `application/json` only, and its parameters from the body only. Mutations are refused by GET. Wrong types of
                `query`, `variables`, `operationName` and `extensions`, batches, and JSON nested too deeply are a 400. Errors of
                the transport are in GraphQL's shape.
Not guaranteed  Subscriptions, file uploads, @defer and batches: they are not here. A session's cookie is safe as long as nobody
                answers another origin's preflight with yes (CORS).
Cost            Nothing measurable: it replaces what the parent does. `prepare` parses and validates each time; see document_cache.py.
Use instead     strawberry-django's view, which negotiates too, in a new project.

Source: graphql.github.io/graphql-over-http/draft (of 2025), and its audits in npm's graphql-http.
"""

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from graphene_django.views import GraphQLView, HttpError
from graphql import DocumentNode, ExecutionResult, GraphQLError, OperationType, execute, get_operation_ast, parse, validate

JSON, GRAPHQL_RESPONSE = "application/json", "application/graphql-response+json"
# each parameter's type, beside null; a string in JSON where the URL has it
PARAMETERS: dict[str, type] = {"query": str, "operationName": str, "variables": dict, "extensions": dict}


def bad_request(message: str, status: int = HTTPStatus.BAD_REQUEST) -> HttpError:
    return HttpError(HttpResponse(status=status), message)


class GraphQLOverHTTPView(GraphQLView):
    """Override `source` for trusted documents, `prepare` to limit and to cache, `get_context` to know the user, `format_error` to mask."""

    def source(self, data: dict[str, Any]) -> str:
        """The document's text. Raises GraphQLError, or HttpError."""
        if not data.get("query"):
            raise bad_request("Send a query.")
        return str(data["query"])

    def prepare(self, source: str, data: dict[str, Any]) -> DocumentNode:
        """A document that may be executed. Raises GraphQLError, or ExceptionGroup of them."""
        document = parse(source)
        if errors := validate(self.schema.graphql_schema, document):
            raise ExceptionGroup("the document is invalid", errors)
        return document

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        if response["Content-Type"] == JSON:  # GraphiQL's page is not
            response["Content-Type"] = f"{preferred(request)}; charset=utf-8"
            response["Vary"] = f"Accept, {response['Vary']}" if response.has_header("Vary") else "Accept"
        return response

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        # A page of another site may send forms and text/plain with our user's cookie; for JSON its browser asks us first,
        # and nobody here says yes. So this check is the CSRF protection.
        if request.method == "GET":
            data: dict[str, Any] = request.GET.dict()
        elif self.get_content_type(request) == JSON:
            try:
                data = super().parse_body(request)
            except RecursionError:
                raise bad_request("The body is nested too deeply.") from None
        else:
            raise bad_request("Send application/json.", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        for name in ("variables", "extensions"):
            if request.method == "GET" and name in data:
                data[name] = decoded(name, data[name])
        for name, kind in PARAMETERS.items():
            if not isinstance(data.get(name), kind | None):
                raise bad_request(f"{name} is not of its type.")
        return data

    def get_response(self, request: HttpRequest, data: dict[str, Any], show_graphiql: bool = False) -> tuple[str | None, int]:
        if show_graphiql:
            return None, HTTPStatus.OK
        result = self.run(request, data)
        answer: dict[str, Any] = {}
        if result.errors:
            answer["errors"] = [self.format_error(error) for error in result.errors]
        # without a path it is an error of the request: nothing was executed
        executed = not result.errors or any(error.path for error in result.errors)
        if executed:
            answer["data"] = result.data
        status = HTTPStatus.OK if executed or preferred(request) == JSON else HTTPStatus.BAD_REQUEST
        return self.json_encode(request, answer), status

    def run(self, request: HttpRequest, data: dict[str, Any]) -> ExecutionResult:
        try:
            return self.run_document(request, data, self.prepare(self.source(data), data))
        except HttpError:
            raise
        except ExceptionGroup as group:
            return ExecutionResult(errors=list(group.exceptions))  # type: ignore[arg-type]
        except GraphQLError as error:
            return ExecutionResult(errors=[error])
        except Exception as error:  # ours: in GraphQL's shape too, and for format_error to mask
            return ExecutionResult(errors=[GraphQLError(str(error), original_error=error)])

    def run_document(self, request: HttpRequest, data: dict[str, Any], document: DocumentNode) -> ExecutionResult:
        name = data.get("operationName") or None
        operation = get_operation_ast(document, name)
        if request.method == "GET" and operation and operation.operation != OperationType.QUERY:
            raise HttpError(HttpResponseNotAllowed(["POST"]), f"Send a {operation.operation.value} by POST.")
        result = execute(
            self.schema.graphql_schema,
            document,
            root_value=self.get_root_value(request),
            context_value=self.get_context(request),
            variable_values=data.get("variables"),
            operation_name=name,
            middleware=self.get_middleware(request),
            execution_context_class=self.execution_context_class,
        )
        if not isinstance(result, ExecutionResult):
            raise TypeError("a resolver is asynchronous: give the view an execution_context_class that waits for it")
        return result


def decoded(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise bad_request(f"{name} is not JSON.") from None


def preferred(request: HttpRequest) -> str:
    return request.get_preferred_type([JSON, GRAPHQL_RESPONSE]) or JSON
