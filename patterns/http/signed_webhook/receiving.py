"""For the view that receives the calls."""

from collections.abc import Sequence

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from .signature import Unverified, verify

DETAILS = {
    "unsigned": "The headers webhook-id, webhook-timestamp and webhook-signature are required.",
    "stale": "The webhook-timestamp differs too much from the server's clock.",
    "forged": "The signature does not match.",
}


class NotVerified(APIException):
    status_code = status.HTTP_401_UNAUTHORIZED
    # a 401 must say how to authenticate (RFC 9110, section 11.6.1)
    auth_header = 'Signature headers="webhook-id webhook-timestamp webhook-signature"'


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = "The body is too large for an event."


def verified_event_id(
    request: Request,
    *,
    now: float,
    secrets: Sequence[str],
    tolerance_seconds: float,
    max_bytes: int,
) -> str:
    """The event's id. Raises NotVerified and BodyTooLarge. Call it before `request.data`."""
    # without a length Django reads an empty body, which has no valid signature
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit()) or len(length) > 15 or int(length) > max_bytes:
        raise BodyTooLarge
    body = request._request.body  # raw: parsed and serialised again it would differ
    try:
        return verify(
            body, request.headers, now=now, secrets=secrets, tolerance_seconds=tolerance_seconds
        )
    except Unverified as error:
        raise NotVerified(DETAILS[error.reason], code=f"webhook_{error.reason}") from error
