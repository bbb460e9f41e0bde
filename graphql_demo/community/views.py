"""The views: GraphQL over HTTP, and the login form for GraphiQL."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from graphene_django.views import HttpError
from graphql import DocumentNode, ExecutionContext, ExecutionResult, GraphQLError, GraphQLFormattedError, GraphQLSchema, validate
from graphql.validation import MaxIntrospectionDepthRule, NoSchemaIntrospectionCustomRule, specified_rules

from community.logins import count_address, count_name
from community.services import BULK_MAXIMUM
from community.tokens import BadToken, bearer
from patterns.graphql.document_cache import cached
from patterns.graphql.graphql_over_http import GraphQLOverHTTPView, bad_request
from patterns.graphql.loaders import with_loaders
from patterns.graphql.masked_errors import masked
from patterns.graphql.query_cost import LimitedCost
from patterns.graphql.query_depth import Limits, limit_rule, parse_within
from patterns.graphql.trusted_documents import TrustedDocuments
from patterns.http.unavailable import is_unavailable

LIMITS = Limits(depth=12)  # the names of the authors of the feed's comments are nine deep
INTROSPECTION = MaxIntrospectionDepthRule if settings.INTROSPECTION else NoSchemaIntrospectionCustomRule
TRUSTED = TrustedDocuments.load(Path(settings.BASE_DIR) / "trusted_documents.json", required=settings.TRUSTED_DOCUMENTS_ONLY)


def valid_document(schema: GraphQLSchema, source: str) -> DocumentNode:
    document = parse_within(LIMITS, source)
    # our rules first, and alone: some of the specification's are slow for what these refuse
    for rules in ([limit_rule(LIMITS), INTROSPECTION], specified_rules):
        if errors := validate(schema, document, rules, max_errors=20, hide_suggestions=not settings.INTROSPECTION):
            raise ExceptionGroup("the document is invalid", errors)
    return document


class CommunityExecution(LimitedCost):
    list_sizes = {"PostReviews.results": BULK_MAXIMUM}


class CommunityView(GraphQLOverHTTPView):
    graphiql_template = "community/graphiql.html"
    execution_context_class: type[ExecutionContext] = CommunityExecution
    valid_document = staticmethod(cached(valid_document))

    def prepare(self, data: dict[str, Any]) -> DocumentNode:
        source = TRUSTED.source(data)
        if not source:
            raise bad_request("query is missing.")
        return self.valid_document(self.schema.graphql_schema, source)

    def run(self, request: HttpRequest, data: dict[str, Any]) -> ExecutionResult:
        result = super().run(request, data)
        for error in result.errors or ():
            if error.original_error and is_unavailable(error.original_error):
                raise error.original_error  # the middleware answers 503: clients retry that, and not a 200
        return result

    def execute(self, document: DocumentNode, **options: Any) -> Any:
        execute = super().execute
        return with_loaders(lambda: execute(document, **options))

    def get_context(self, request: HttpRequest) -> HttpRequest:
        """Identifies the member, by the bearer token or by the session."""
        try:
            # now: a lazy user would query in a resolver, where Django refuses it
            request.user = bearer(request.headers.get("Authorization", "")) or get_user(request)
        except BadToken as error:
            refused: HttpError = bad_request(str(error), 401)
            refused.response["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            raise refused from None
        return request

    @staticmethod
    def format_error(error: Exception) -> GraphQLFormattedError:
        if isinstance(error, HttpError):
            code = "UNAUTHENTICATED" if error.response.status_code == 401 else "BAD_REQUEST"
            return {"message": str(error), "extensions": {"code": code}}
        wrapped = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
        return masked(wrapped, suggest=settings.INTROSPECTION)


class Login(LoginView):
    """A session, for GraphiQL. Programs send an access token of rest_demo."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # first: LoginView looks for the CSRF token, and parses the body for it
        if request.method == "POST" and (seconds := count_address(request)):
            return too_many(seconds)
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if seconds := count_name(request.POST.get("username", "")):
            return too_many(seconds)
        return super().post(request, *args, **kwargs)


def too_many(seconds: int) -> HttpResponse:
    words = f"Too many attempts. Try again in {seconds} s."
    return HttpResponse(words, status=429, headers={"Retry-After": str(seconds)}, content_type="text/plain")
