"""The receiver's door, for a DRF view."""

from collections.abc import Sequence

from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from .signature import Unverified, verify

DETAILS = {
    "unsigned": "The headers webhook-id, webhook-timestamp and webhook-signature are required.",
    "stale": "The call's webhook-timestamp is too far from our clock.",
    "forged": "No signature matches.",
}


class NotVerified(APIException):
    status_code = status.HTTP_401_UNAUTHORIZED
    auth_header = 'Signature headers="webhook-id webhook-timestamp webhook-signature"'  # a 401 says what would help (RFC 9110, 11.6.1)


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = "The body is too large for an event."


def verified_event_id(request: Request, *, now: float, secrets: Sequence[str], tolerance_seconds: float, max_bytes: int) -> str:
    """The event's id, when the call is its sender's. Raises BodyTooLarge, NotVerified. Call it before `request.data`."""
    # Without a length Django reads nothing, and an empty body has no signature of ours.
    if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes:
        raise BodyTooLarge
    try:
        # The raw body, read first: DRF's parsers would leave nothing of the stream, and parsed and written again it is another text.
        return verify(request._request.body, request.headers, now=now, secrets=secrets, tolerance_seconds=tolerance_seconds)
    except Unverified as error:
        raise NotVerified(DETAILS[error.reason], code=f"webhook_{error.reason}") from error
