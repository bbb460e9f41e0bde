"""The buffer in Redis, and its way into the database."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import redis
from django.db import NotSupportedError, transaction

from .models import FlushedBatch

CLIENTS = (redis.Redis, redis.RedisCluster)

# {name}        hash: member → increments since the last batch was taken
# {name}:batch  hash: the same, taken out, not yet known to be in the database; field "" is its id
TAKE = """
if redis.call('EXISTS', KEYS[2]) == 0 then
  if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
  redis.call('RENAME', KEYS[1], KEYS[2])
  redis.call('HSET', KEYS[2], '', ARGV[1])
end
return redis.call('HGETALL', KEYS[2])
"""
# only this batch: another flush may have finished it, and a third one taken the next
DROP = "return redis.call('HGET', KEYS[1], '') == ARGV[1] and redis.call('DEL', KEYS[1])"


@dataclass(frozen=True)
class Buffer:
    # must not retry: an increment whose reply is lost has been counted
    client: redis.Redis | redis.RedisCluster
    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.client, CLIENTS):
            raise NotSupportedError(
                "a buffer needs Redis: Memcached cannot take all counters at once"
            )

    def add(self, member: str, number: int = 1) -> None:
        """`member` must not be empty. Raises RedisError: it may have been counted."""
        if not member:
            raise ValueError("member must not be empty")
        self.client.hincrby(f"{{{self.name}}}", member, number)

    def flush(self, apply: Callable[[dict[str, int]], None], *, using: str = "default") -> int:
        """Hands one batch to `apply`, in a transaction. Returns its number of members, or 0.

        A batch left by a killed flush comes first: repeat until 0.
        Raises RedisError, DatabaseError.
        """
        batch_id, counts = self.take_batch()
        if not counts:
            return 0
        with transaction.atomic(using=using):
            # a second flush of the same batch waits here for our commit, and then finds this row
            _, is_new = FlushedBatch.objects.using(using).get_or_create(id=batch_id)
            if is_new:
                apply(counts)
        self.drop_batch(batch_id)
        return len(counts)

    def take_batch(self) -> tuple[str, dict[str, int]]:
        names, new_id = (f"{{{self.name}}}", f"{{{self.name}}}:batch"), str(uuid.uuid4())
        flat: Any = self.client.eval(TAKE, 2, *names, new_id)
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        batch_id = fields.pop(b"", b"").decode()
        return batch_id, {member.decode(): int(number) for member, number in fields.items()}

    def drop_batch(self, batch_id: str) -> None:
        self.client.eval(DROP, 1, f"{{{self.name}}}:batch", batch_id)
