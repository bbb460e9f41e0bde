import asyncio
import logging
import uuid

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from . import RequestIdFilter, current, middleware


def ask(sent: str | None = None) -> tuple[HttpRequest, HttpResponse, logging.LogRecord]:
    """The request as the view saw it, the response, and what the view logged."""
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append((request, logged()))
        return HttpResponse(status=404)

    request = RequestFactory().get("/", headers={} if sent is None else {"X-Request-ID": sent})
    response = middleware(view)(request)
    [(request, record)] = seen
    return request, response, record


def logged(**extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"msg": "a line", **extra})
    assert RequestIdFilter().filter(record)
    return record


@pytest.mark.parametrize(
    "sent", ["a", "7b7ccfa0-1c8b-4b7f-9d7c-5d6d5cb6f4f5", "Root_1.67", "x" * 128]
)
def test_a_well_formed_id_of_the_caller_is_kept(sent: str) -> None:
    request, response, record = ask(sent)

    assert request.request_id == response["X-Request-ID"] == record.request_id == sent


@pytest.mark.parametrize(
    "sent", [None, "", "x" * 129, "a b", "a\nb", "a\n", "<script>", "ä", "a,b"]
)
def test_a_malformed_or_missing_id_is_replaced_by_a_new_one(sent: str | None) -> None:
    request, response, record = ask(sent)

    assert str(uuid.UUID(response["X-Request-ID"])) == response["X-Request-ID"]
    assert request.request_id == record.request_id == response["X-Request-ID"]
    assert response["X-Request-ID"] != ask(sent)[1]["X-Request-ID"]


def test_a_log_record_outside_a_request_has_a_dash() -> None:
    ask("before")

    assert logged().request_id == "-"


def test_the_id_is_reset_when_the_request_fails() -> None:
    def broken(request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        middleware(broken)(RequestFactory().get("/"))

    assert current.get() == "-"


def test_djangos_log_line_after_the_request_has_its_id() -> None:
    request, _, _ = ask("mine")

    assert logged(request=request).request_id == "mine"


async def test_under_asgi_two_requests_at_once_keep_their_ids() -> None:
    both_arrived = asyncio.Barrier(2)

    async def view(request: HttpRequest) -> HttpResponse:
        await both_arrived.wait()
        return HttpResponse(current.get())

    handler = middleware(view)
    requests = [RequestFactory().get("/", headers={"X-Request-ID": name}) for name in ("a", "b")]
    responses = await asyncio.gather(*map(handler, requests))

    assert [(each["X-Request-ID"], each.content) for each in responses] == [
        ("a", b"a"),
        ("b", b"b"),
    ]
