"""Signs and verifies, without Django: a sender needs only this file."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence

ID = re.compile(r"[A-Za-z0-9_-]{1,200}")  # no dot: it separates the parts that are signed
TIMESTAMP = re.compile(r"[0-9]{1,12}")  # int() alone takes "+1", " 1" and "1_0" too
MIN_KEY_BYTES = 24  # of the specification


class Unverified(Exception):
    """`reason` is unsigned, stale or forged."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def sign(body: bytes, *, event_id: str, now: float, secrets: Sequence[str]) -> dict[str, str]:
    """The headers to send `body` with. `now` is the time of this attempt, in seconds since 1970.

    `event_id` stays the same in a retry. Raises ValueError for a malformed id or a short secret.
    """
    if not ID.fullmatch(event_id):
        raise ValueError("an event id must have 1 to 200 letters, digits, - or _")
    timestamp = str(int(now))
    signatures = " ".join(signature(secret, event_id, timestamp, body) for secret in secrets)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatures,
    }


def verify(
    body: bytes,
    headers: Mapping[str, str],
    *,
    now: float,
    secrets: Sequence[str],
    tolerance_seconds: float,
) -> str:
    """The event's id. Raises Unverified, and ValueError for a short secret.

    The names in `headers` are looked up in lower case.
    """
    event_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not ID.fullmatch(event_id) or not TIMESTAMP.fullmatch(timestamp):
        raise Unverified("unsigned")
    if abs(now - int(timestamp)) > tolerance_seconds:  # one from the future could be kept
        raise Unverified("stale")
    sent = [each.encode() for each in headers.get("webhook-signature", "").split()]
    expected = [signature(secret, event_id, timestamp, body).encode() for secret in secrets]
    if not any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in sent):
        raise Unverified("forged")
    return event_id


def signature(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{event_id}.{timestamp}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key_of(secret), signed, hashlib.sha256)).decode()}"


def key_of(secret: str) -> bytes:
    """Of `whsec_` and base64, or of any other text. Raises ValueError: call it at start-up too."""
    encoded = secret.removeprefix("whsec_")
    try:
        key = secret.encode() if encoded == secret else base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(
            f"a webhook secret needs {MIN_KEY_BYTES} bytes or more: text, or whsec_ and base64"
        )
    return key
