"""Conditional requests: who changes a thing must have seen it as it is.

Problem         Two people open the same form, both save, both are told 200: the second has overwritten what the first
                wrote, without ever having seen it.
Guarantee       A strong ETag with each answer. A change without If-Match is refused (428), one with an ETag that is not
                the current one too (412), and then nothing is written. Comparison and write are one step, on a locked row:
                of any number of writers with the same ETag one wins. An answer that the client has is not sent again (304).
Not guaranteed  Writers that do not come through here (an UPDATE of your own, the admin) are not asked for an ETag; they wait
                for the lock, and they change the ETag. `If-Match: *` overwrites whatever is there, as the RFC has it. A
                change that changes nothing leaves the ETag, so two of that kind both win, and nothing is lost; and content
                that comes back brings its ETag back, where a version would not. Who repeats a change because its answer was
                lost is told 412. The ETag is of the data: give the view one renderer (DRF's `; indent=` still varies the white
                space). A proxy that compresses makes the ETag weak, and a weak one never matches here. No dates
                (If-Unmodified-Since).
Cost            A transaction, and one SELECT … FOR NO KEY UPDATE in place of the SELECT. Racing writers wait for each
                other, for as long as the block takes: the connection's lock_timeout bounds that. PostgreSQL in its
                READ COMMITTED; SQLite with transaction_mode IMMEDIATE takes turns at the whole database.
Use instead     `UPDATE … WHERE version = %s` and its row count, when the row has a version (django-concurrency does it for
                models and the admin): no lock is held. Django's `condition` decorator for 304 alone: its check is over before
                the view begins, it asks nobody for If-Match, and it lets a malformed one pass.

Sources: RFC 9110, sections 8.8.3 (ETag), 13.1 and 13.2.2 (the conditions, and their order); RFC 6585, section 3 (428).
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

Row = TypeVar("Row", bound=Model)


class PreconditionRequired(APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_code = "precondition_required"
    default_detail = "The header If-Match is required: the ETag of what you have read and now change."


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "precondition_failed"
    default_detail = "It has changed since you read it. Read it again, and decide again."


def etag_of(state: object) -> str:
    """A strong ETag of the representation, or of a version: of anything JSON that changes whenever the answer does."""
    return f'"{hashlib.sha256(json.dumps(state, cls=JSONEncoder).encode()).hexdigest()[:32]}"'


def tagged(representation: object, *, version: object = None) -> Response:
    """200 with an ETag: of the version if there is one, else of the representation."""
    etag = etag_of(representation if version is None else version)
    return Response(representation, headers={"ETag": etag, "Cache-Control": "no-cache"})  # to be kept, but not used unasked


def answer_read(request: Request, representation: object, *, version: object = None) -> Response:
    """For GET and HEAD: 304 when the client has it already. Raises PreconditionFailed."""
    response = tagged(representation, version=version)
    if is_known(request, response["ETag"]):
        response.data, response.status_code = None, status.HTTP_304_NOT_MODIFIED
    return response


@contextlib.contextmanager
def locked_if_match(request: Request, rows: QuerySet[Row], *, state: Callable[[Row], object]) -> Iterator[Row]:
    """The one row, locked until the block ends, and known to be as the client has seen it. The block is one transaction.

    `state` gives what the row's ETag was made of: its representation, or its version. Read the request's body before the
    block: a slow client would hold the lock. Raises PreconditionRequired, Http404, PreconditionFailed.
    """
    if listed(request, "If-Match") is None:
        raise PreconditionRequired
    with transaction.atomic():
        # NO KEY: rows that point at this one may be inserted meanwhile. The lock comes before the comparison: who waits
        # for it then reads what the winner has committed, and not what was there when it came.
        row = get_object_or_404(rows.select_for_update(no_key=True))
        is_known(request, etag_of(state(row)))
        yield row


def is_known(request: Request, etag: str) -> bool:
    """True when the client has the current representation. Raises PreconditionFailed. RFC 9110, section 13.2.2."""
    expected = listed(request, "If-Match")
    if expected is not None and expected != ["*"] and etag not in expected:  # strong: a weak ETag equals none
        raise PreconditionFailed
    known = {each.removeprefix("W/") for each in listed(request, "If-None-Match") or []}  # weak: W/"a" equals "a"
    if not known & {etag, "*"}:
        return False
    if request.method not in ("GET", "HEAD"):
        raise PreconditionFailed
    return True


def listed(request: Request, header: str) -> list[str] | None:
    """The ETags in a header; None without the header. A malformed one lists nothing, so If-Match fails: it is no consent."""
    value = request.headers.get(header, "").strip()
    return parse_etags(value) if value else None
