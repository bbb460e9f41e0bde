"""Optimistic locking over HTTP: an update must present the current ETag in If-Match.

Problem
    Two people save the same form. The second overwrites the first: a lost update.

Guarantee
    - An update without If-Match gets 428, with a stale ETag 412. Nothing is written.
    - With a `version`, only that part of the state must be current.
    - Of racing writers with one ETag exactly one wins, at any isolation level.
    - A GET with the current ETag in If-None-Match gets 304.

Not guaranteed
    Writers without an ETag. `If-Match: *` overwrites. A retry after a lost response
    gets 412. A weak ETag never matches.

Cost
    A transaction and a row lock per update.

Use instead
    `UPDATE … WHERE version = %s`, or django-concurrency. (Checked 2026-11.)

Source: RFC 9110, section 13; RFC 6585, section 3.

Use
    # your code
    from django.contrib.auth.models import Group
    from rest_framework.views import APIView

    from patterns.http.conditional import answer_read, locked_if_match, tagged


    class GroupDetail(APIView):
        def get(self, request, pk):
            return answer_read(request, state(Group.objects.get(pk=pk)))

        def patch(self, request, pk):
            rows = Group.objects.filter(pk=pk)
            with locked_if_match(request, rows, state=state) as row:
                return tagged(state(rename(row, request.data["name"])))
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.db import OperationalError, transaction
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
    default_detail = "Send an If-Match header with the ETag that you read."


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "precondition_failed"
    default_detail = "The resource has changed since you read it. Read it again."


def etag_of(representation: object, *, version: object = None) -> str:
    """A strong ETag: "version-representation", or of the representation alone."""
    states = [representation] if version is None else [version, representation]
    return f'"{"-".join(map(digest, states))}"'


def digest(state: object) -> str:
    return hashlib.sha256(json.dumps(state, cls=JSONEncoder).encode()).hexdigest()[:32]


def version_in(etag: str) -> str:
    version, separator, _ = etag.partition("-")
    return f'{version}"' if separator else etag


def tagged(representation: object, *, version: object = None) -> Response:
    """200 with an ETag. `version` is the part of the state that an update must have seen."""
    etag = etag_of(representation, version=version)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}  # store it, but revalidate each time
    return Response(representation, headers=headers)


def answer_read(request: Request, representation: object, *, version: object = None) -> Response:
    """For GET and HEAD: 304 if the client has it already. Raises PreconditionFailed."""
    response = tagged(representation, version=version)
    if is_known(request, response["ETag"]):
        response.data, response.status_code = None, status.HTTP_304_NOT_MODIFIED
    return response


@contextlib.contextmanager
def locked_if_match(
    request: Request, rows: QuerySet[Row], *, state: Callable[[Row], object]
) -> Iterator[Row]:
    """The row, locked until the block ends, and as the client has seen it. One transaction.

    `state` returns the version, or without one the representation. Read the body before: a slow
    client would hold the lock. Raises PreconditionRequired, Http404 and PreconditionFailed.
    """
    if listed(request, "If-Match") is None:
        raise PreconditionRequired
    with transaction.atomic():
        # NO KEY: rows that reference this one can be inserted meanwhile. The lock comes before
        # the comparison: after a wait, it reads what the winner committed.
        try:
            row = get_object_or_404(rows.select_for_update(no_key=True))
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", "") != "40001":  # serialization_failure
                raise
            raise PreconditionFailed from error  # REPEATABLE READ: another writer was faster
        is_known(request, etag_of(state(row)), part=version_in)
        yield row


def is_known(request: Request, etag: str, *, part: Callable[[str], str] = str) -> bool:
    """True if the client has the current representation. Raises PreconditionFailed."""
    expected = listed(request, "If-Match", part)
    # If-Match compares strongly: a weak ETag matches none
    if expected is not None and expected != ["*"] and etag not in expected:
        raise PreconditionFailed
    # If-None-Match compares weakly: W/"a" matches "a"
    known = {each.removeprefix("W/") for each in listed(request, "If-None-Match", part) or []}
    if not known & {etag, "*"}:
        return False
    if request.method not in ("GET", "HEAD"):
        raise PreconditionFailed
    return True


def listed(request: Request, header: str, part: Callable[[str], str] = str) -> list[str] | None:
    """The ETags in a header; None without it. A malformed header lists none: If-Match fails."""
    value = request.headers.get(header, "").strip()
    return [part(each) for each in parse_etags(value)] if value else None
