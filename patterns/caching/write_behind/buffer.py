"""The buffer in Redis, and the way from there into the database."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis
from django.db import NotSupportedError, transaction
from django.utils import timezone

from .models import FlushedBatch

KEPT_DAYS = 7  # a Redis that is restored from a snapshot brings back batches; older ones than this nobody should restore

# {name}        hash: member → increments since the last batch was taken
# {name}:batch  hash: the same, taken out, not yet known to be in the database; the field "" holds the batch's id
TAKE = """
if redis.call('EXISTS', KEYS[2]) == 0 then
  if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[2], '', ARGV[1])
end
return redis.call('HGETALL', KEYS[2])
"""
# only this batch: another flush may have finished it, and a third one taken the next
DROP = "if redis.call('HGET', KEYS[1], '') == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


@dataclass(frozen=True)
class Buffer:
    """`client` must not retry: an increment whose reply is lost has been counted."""

    client: redis.Redis
    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.client, redis.Redis):
            raise NotSupportedError("a buffer needs a Redis: Memcached cannot take out many counters in one step")

    def add(self, member: str, number: int = 1) -> None:
        """`member` must not be empty. Raises RedisError: then it is not known whether it was counted."""
        if not member:
            raise ValueError("an empty member")
        self.client.hincrby(f"{{{self.name}}}", member, number)

    def flush(self, apply: Callable[[dict[str, int]], None], *, using: str = "default") -> int:
        """Hands one batch to `apply`, in a transaction of ours. Returns its number of members, 0 when there was none.

        A batch that was left by a killed flush comes first; call it again for the rest. Raises RedisError, DatabaseError.
        """
        fields = self._take()
        if not fields:
            return 0
        batch_id = fields.pop(b"").decode()
        with transaction.atomic(using=using):
            # a second flush of the same batch waits here for the first one's commit, and then finds its row
            _, is_new = FlushedBatch.objects.using(using).get_or_create(id=batch_id)
            if is_new:
                apply({member.decode(): int(number) for member, number in fields.items()})
        self._drop(batch_id)
        return len(fields)

    def _take(self) -> dict[bytes, bytes]:
        flat: Any = self.client.eval(TAKE, 2, f"{{{self.name}}}", f"{{{self.name}}}:batch", str(uuid.uuid4()))
        return dict(zip(flat[::2], flat[1::2], strict=True))

    def _drop(self, batch_id: str) -> None:
        self.client.eval(DROP, 1, f"{{{self.name}}}:batch", batch_id)


def prune(*, using: str = "default") -> int:
    """Forgets old batches' rows."""
    deleted, _ = FlushedBatch.objects.using(using).filter(flushed_at__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()
    return deleted
