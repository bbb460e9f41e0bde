"""Errors for programs. People see the portal's pages; a client that asks for JSON gets a problem."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from patterns.http.problem_details import CONTENT_TYPE, formatted

JSON = ("application/json", CONTENT_TYPE)


class ProblemsForPrograms:
    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.get_response(request)
        if response.streaming:
            return response
        wants_json = request.get_preferred_type(["text/html", *JSON]) in JSON
        return formatted(request, response) if wants_json or not response.content else response
