import contextlib
import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction
from rest_framework.exceptions import APIException, NotAuthenticated, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from .models import StoredAnswer

Handler = Callable[..., Response]

# A structured string or the same without quotes. A bare key has no comma: servers join two
# header lines with one.
KEY = re.compile(r'"([ !#-\[\]-~]{1,255})"|([ !#-+\--\[\]-~]{1,255})')
REPLAYED_HEADERS = ("Location", "Content-Location", "ETag", "Last-Modified", "Link")


class KeyRequired(APIException):
    status_code = 400
    default_code = "idempotency_key_required"
    default_detail = (
        "Send one Idempotency-Key header: 1 to 255 printable ASCII characters. "
        "Use a new key for each new request, and the same key for each retry."
    )


class KeyReused(APIException):
    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was already used with another body. Use a new key."


class InFlight(APIException):
    status_code = 409
    default_code = "idempotency_key_in_flight"
    default_detail = "A request with this Idempotency-Key is in progress. Retry in a moment."


def idempotent(*, wait_seconds: float) -> Callable[[Handler], Handler]:
    """For a method of a DRF view. A retry waits up to `wait_seconds` for the first; then 409."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = key_of(request)
            if request.user.pk is None:  # visitors would be given each other's answers
                raise NotAuthenticated
            scope, fingerprint = scope_of(request), fingerprint_of(request)
            with transaction.atomic():
                stored, is_new = claim(scope, key, fingerprint, wait_seconds)
                if not is_new:
                    return replay(stored, fingerprint)
                response = handler(view, request, *args, **kwargs)
                if response.status_code >= 300:
                    transaction.set_rollback(True)  # no effect: the key stays free
                else:
                    store(stored, response)
                return response

        return answer

    return decorate


def key_of(request: Request) -> str:
    found = KEY.fullmatch(request.headers.get("Idempotency-Key", "").strip())
    if not found:
        raise KeyRequired
    return found[1] or found[2]


def scope_of(request: Request) -> str:
    path = request.get_full_path()  # with the query: another query is another request
    path = path if len(path) <= 100 else hashlib.sha256(path.encode()).hexdigest()
    return f"{request.user.pk}:{request.method}:{path}"


def fingerprint_of(request: Request) -> str:
    """Of the parsed body: a permission may have read the stream before."""
    media_type = (request.content_type or "").partition(";")[0].strip().lower()
    if request.data and not media_type.endswith(("/json", "+json")):
        raise UnsupportedMediaType(media_type, "A request with an Idempotency-Key must be JSON.")
    body = json.dumps(request.data, sort_keys=True, cls=JSONEncoder)
    return hashlib.sha256(body.encode()).hexdigest()


def claim(scope: str, key: str, fingerprint: str, wait_seconds: float) -> tuple[StoredAnswer, bool]:
    """Inserts the key's row; True if it is new. Waits while another transaction holds the key."""
    row = {"scope": scope, "key": key, "fingerprint": fingerprint}
    try:
        with transaction.atomic(), lock_timeout(wait_seconds):
            return StoredAnswer.objects.create(**row), True
    except IntegrityError:
        return StoredAnswer.objects.get(scope=scope, key=key), False
    except OperationalError as error:
        if not is_lock_timeout(error):
            raise
        raise InFlight from error


def is_lock_timeout(error: OperationalError) -> bool:
    is_postgres = getattr(error.__cause__, "sqlstate", "") == "55P03"  # lock_not_available
    return is_postgres or "database is locked" in str(error)


@contextlib.contextmanager
def lock_timeout(seconds: float) -> Iterator[None]:
    """Bounds waits for locks on PostgreSQL; SQLite has its connection's `timeout`."""
    if connection.vendor != "postgresql":
        yield
        return
    set_config = "set_config('lock_timeout', %s, true)"
    with connection.cursor() as cursor:
        milliseconds = max(1, round(seconds * 1000))  # 0 would be no limit
        cursor.execute(f"SELECT current_setting('lock_timeout'), {set_config}", [str(milliseconds)])
        [before, _] = cursor.fetchone()
    yield  # after an error, the rollback of the savepoint restores it
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {set_config}", [before])


def store(stored: StoredAnswer, response: Response) -> None:
    stored.status = response.status_code
    stored.headers = {name: response[name] for name in REPLAYED_HEADERS if name in response}
    stored.body = json.dumps(response.data, cls=JSONEncoder)
    stored.save(update_fields=["status", "headers", "body"])


def replay(stored: StoredAnswer, fingerprint: str) -> Response:
    if stored.fingerprint != fingerprint:
        raise KeyReused
    headers = {**stored.headers, "Idempotency-Replayed": "true"}
    return Response(json.loads(stored.body), status=stored.status, headers=headers)
