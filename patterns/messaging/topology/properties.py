"""Message properties: what cannot be decoded is kept, what the broker acts on is not copied."""

import logging
from typing import Any

from pika import BasicProperties, DeliveryMode, spec

logger = logging.getLogger(__name__)

# Published again, these would let the copy expire, be refused (user_id is checked, the direct
# reply queue has to be open), or go to more queues.
ACTING = ("expiration", "user_id", "reply_to", "priority")
ACTING_HEADERS = ("CC", "BCC")


class KeptProperties(BasicProperties):
    """pika ends the connection over a header that it cannot decode, at each delivery of it.

    `unreadable` is its error then; all properties are empty.
    """

    unreadable = ""
    raw = b""

    def decode(self, encoded: bytes, offset: int = 0) -> Any:
        try:
            return super().decode(encoded, offset)
        except Exception as error:  # a date, a number, a type, a depth: whatever a sender invents
            super().__init__()
            self.unreadable, self.raw = repr(error)[:200], encoded[offset:]
            logger.error("a message's properties cannot be decoded: %s", self.unreadable)
            return self

    def encode(self) -> Any:
        return [self.raw] if self.unreadable else super().encode()


spec.props[BasicProperties.INDEX] = KeptProperties  # pika's own table: every connection reads it


def unreadable(properties: BasicProperties) -> str:
    """Why the properties of a message could not be decoded; empty if they could."""
    return getattr(properties, "unreadable", "")


def copy_of(properties: BasicProperties, headers: dict[str, Any]) -> BasicProperties:
    """For the same message in another queue: it stays there, and goes nowhere else."""
    if unreadable(properties):
        return properties  # as it came
    kept = {name: value for name, value in vars(properties).items() if name not in ACTING}
    kept["headers"] = {name: each for name, each in headers.items() if name not in ACTING_HEADERS}
    kept["delivery_mode"] = DeliveryMode.Persistent
    return BasicProperties(**kept)
