import functools
import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction
from rest_framework.exceptions import APIException, NotAuthenticated, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from .models import StoredAnswer

Handler = Callable[..., Response]


class KeyReused(APIException):
    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used with another body. Use a new key for a new request."


class InFlight(APIException):
    status_code = 409
    default_code = "idempotency_key_in_flight"
    default_detail = "A request with this Idempotency-Key is being processed. Try again in a moment."


def idempotent(*, wait_seconds: float) -> Callable[[Handler], Handler]:
    """For a DRF view's method. A request that races with its twin waits up to `wait_seconds`, then is answered 409."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = request.headers.get("Idempotency-Key", "")
            if not 1 <= len(key) <= 255:
                raise ParseError("The header Idempotency-Key is required: 1 to 255 characters, new for each new request.")
            if request.user.pk is None:
                raise NotAuthenticated  # visitors have no name of their own: they would be given each other's answers
            path = request.path if len(request.path) <= 100 else hashlib.sha256(request.path.encode()).hexdigest()
            scope = f"{request.user.pk}:{request.method}:{path}"
            # The body is read before request.data is: DRF's parsers would leave nothing of the stream.
            fingerprint = hashlib.sha256(request._request.body).hexdigest()
            with transaction.atomic():
                stored, is_new = claim(scope, key, fingerprint, wait_seconds)
                if not is_new:
                    return replay(stored, fingerprint)
                response = handler(view, request, *args, **kwargs)
                if response.status_code >= 300:
                    transaction.set_rollback(True)  # no effect, so the key stays free for a corrected request
                else:
                    stored.status = response.status_code
                    stored.body = json.dumps(response.data, cls=JSONEncoder)
                    stored.save(update_fields=["status", "body"])
                return response

        return answer

    return decorate


def claim(scope: str, key: str, fingerprint: str, wait_seconds: float) -> tuple[StoredAnswer, bool]:
    """Inserts the key's row; True when it is ours. While a twin's transaction holds the key, the insert waits for its end."""
    try:
        with transaction.atomic(), time_limit(wait_seconds):
            return StoredAnswer.objects.create(scope=scope, key=key, fingerprint=fingerprint), True
    except IntegrityError:
        return StoredAnswer.objects.get(scope=scope, key=key), False
    except OperationalError as error:
        if not waited_in_vain(error):
            raise
        raise InFlight from error


def waited_in_vain(error: OperationalError) -> bool:
    """True for a lock that was not free in time, and for no other trouble of the database (PostgreSQL: lock_not_available)."""
    return getattr(error.__cause__, "sqlstate", "") == "55P03" or "database is locked" in str(error)


def replay(stored: StoredAnswer, fingerprint: str) -> Response:
    if stored.fingerprint != fingerprint:
        raise KeyReused
    return Response(json.loads(stored.body), status=stored.status, headers={"Idempotency-Replayed": "true"})


class time_limit:
    """Bounds how long statements wait for locks. Only PostgreSQL can; SQLite has its connection's `timeout`."""

    def __init__(self, seconds: float) -> None:
        self.milliseconds = str(int(seconds * 1000))

    def __enter__(self) -> None:
        self._set(self.milliseconds)

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None:  # else the savepoint's rollback takes the setting back
            self._set("0")

    def _set(self, milliseconds: str) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [milliseconds])
