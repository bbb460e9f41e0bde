"""The door: GraphQL over HTTP."""

from typing import Any

from django.contrib.auth import get_user
from django.http import HttpRequest, HttpResponse
from graphene_django.views import GraphQLView, HttpError


class CommunityView(GraphQLView):
    graphiql_template = "community/graphiql.html"

    def parse_body(self, request: HttpRequest) -> Any:
        # A page of another site may send forms and text/plain with our user's cookie; for JSON its browser asks us first,
        # and nobody here says yes. So this check is the CSRF protection.
        if request.method == "POST" and self.get_content_type(request) != "application/json":
            raise HttpError(HttpResponse(status=415), "Send application/json.")
        try:
            return super().parse_body(request)
        except RecursionError:
            raise HttpError(HttpResponse(status=400), "The body is nested too deeply.") from None

    def get_context(self, request: HttpRequest) -> HttpRequest:
        request.user = get_user(request)  # now: the lazy one would query in a resolver, where Django refuses it
        return request
