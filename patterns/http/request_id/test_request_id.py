"""The pattern without the shop: the middleware around a function, the filter around a record."""

import logging
import uuid

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from . import RequestIdFilter, RequestIdMiddleware, current


def ask(sent: str | None = None) -> tuple[HttpRequest, HttpResponse, logging.LogRecord]:
    """The request as the view saw it, the response, and what the view logged."""
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append((request, logged()))
        return HttpResponse(status=404)

    request = RequestFactory().get("/", headers={} if sent is None else {"X-Request-ID": sent})
    response = RequestIdMiddleware(view)(request)
    [(request, record)] = seen
    return request, response, record


def logged(**extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"msg": "a line", **extra})
    assert RequestIdFilter().filter(record)
    return record


@pytest.mark.parametrize("sent", ["a", "7b7ccfa0-1c8b-4b7f-9d7c-5d6d5cb6f4f5", "Root_1.67", "x" * 128])
def test_a_well_formed_id_of_the_caller_is_kept(sent: str) -> None:
    request, response, record = ask(sent)

    assert request.request_id == response["X-Request-ID"] == record.request_id == sent


@pytest.mark.parametrize("sent", [None, "", "x" * 129, "a b", "a\nb", "a\n", "<script>", "ä", "a,b"])
def test_any_other_is_replaced_by_a_new_one(sent: str | None) -> None:
    request, response, record = ask(sent)

    assert str(uuid.UUID(response["X-Request-ID"])) == response["X-Request-ID"]
    assert request.request_id == record.request_id == response["X-Request-ID"]
    assert response["X-Request-ID"] != ask(sent)[1]["X-Request-ID"]


def test_a_record_outside_a_request_says_so() -> None:
    ask("before")

    assert logged().request_id == "-"


def test_the_id_ends_with_the_request_also_when_that_fails() -> None:
    def broken(request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        RequestIdMiddleware(broken)(RequestFactory().get("/"))

    assert current.get() == "-"


def test_what_django_logs_of_a_request_after_its_end_has_its_id() -> None:
    request, _, _ = ask("mine")

    assert logged(request=request).request_id == "mine"
