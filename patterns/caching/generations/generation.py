"""The token itself: how it is read, and how it is replaced on a server that may refuse."""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.cache.backends.base import BaseCache
from django.db import transaction

from .unsent import unsent

logger = logging.getLogger(__name__)

PROBE_SECONDS = 5


class NotInvalidated(Exception):
    """The cache serves old values and refuses to forget them, so nothing was written."""


@dataclass(frozen=True)
class Generation:
    """Of one namespace, in a Django cache: a random token that never expires.

    `strict` writes: it must raise what `cache` may hide (see fail_open).
    """

    cache: BaseCache
    namespace: str
    strict: BaseCache | None = None
    on_unsent: Callable[[], object] | None = None

    @property
    def name(self) -> str:
        return f"{self.namespace}:generation"

    @property
    def server_key(self) -> str:
        """The key as the server knows it: single_flight's `version_key`, if values are JSON."""
        return str(self.cache.make_and_validate_key(self.name))

    def current(self) -> str:
        """Read it before you load, and put it into the keys of what you loaded."""
        if not self.is_known():
            return secrets.token_hex(8)  # nothing is stored under it, and nobody will look there
        if found := self.cache.get(self.name):
            return str(found)
        ours = secrets.token_hex(8)
        if self.cache.add(self.name, ours, timeout=None):
            return ours
        return str(self.cache.get(self.name) or ours)  # another was faster, or there is no cache

    def is_known(self) -> bool:
        """False while a bump of this process is unsent: do without the cache. Repeats it."""
        if not (count := unsent.count(self.server_key)):
            return True
        return unsent.may_retry(self.server_key) and self._send(count)

    def bump(self) -> bool:
        """False: it could not be sent, and is repeated."""
        count = unsent.count(self.server_key)
        if is_sent := self._send(count):
            return is_sent
        if count:  # `check` has told the others
            unsent.add(self.server_key)
        else:
            self._remember()
        return False

    def check(self) -> None:
        """Before a write: can it be followed by a bump? Raises NotInvalidated."""
        if unsent.count(self.server_key) and not unsent.may_retry(self.server_key):
            self._remember()
        elif error := self._change(f"{self.name}:probe", PROBE_SECONDS):
            if self._answers():
                logger.error("the cache refuses writes (%s): the change was not made", _kind(error))
                raise NotInvalidated(self.namespace) from error
            self._remember()

    def bump_on_commit(self, using: str | None = None) -> None:
        """Not earlier: a reader would store the old row under the new generation."""
        if not self.is_due(using):
            transaction.on_commit(self.bump, using=using, robust=True)

    def is_due(self, using: str | None = None) -> bool:
        """Does the transaction bump already?"""
        hooks = transaction.get_connection(using).run_on_commit
        return any(getattr(hook, "__self__", None) == self for _, hook, *_ in hooks)

    def _send(self, count: int) -> bool:
        if error := self._change(self.name, None):
            if not count:
                logger.error("cannot invalidate the cache (%s): bypassing it", _kind(error))
            return False
        unsent.sent(self.server_key, count)
        if count:
            logger.warning("the pending invalidation was sent: using the cache again")
        return True

    def _change(self, name: str, seconds: int | None) -> Exception | None:
        """Stores a new token, or deletes the old one: a full server allows that."""
        cache = self.strict or self.cache
        try:
            cache.set(name, secrets.token_hex(8), timeout=seconds)
        except Exception as error:  # the backends share no class of errors
            if not self._answers():
                return error
            try:
                cache.delete(name)
            except Exception:  # neither worked: the caller gets the first error
                return error
        return None

    def _answers(self) -> bool:
        try:
            (self.strict or self.cache).get(self.name)
        except Exception:  # any error means that it did not answer
            return False
        return True

    def _remember(self) -> None:
        unsent.add(self.server_key)
        if self.on_unsent:
            self.on_unsent()


def _kind(error: Any) -> str:
    """Its type only: the text may name the server."""
    return type(error).__name__
