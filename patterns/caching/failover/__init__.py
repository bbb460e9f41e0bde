"""Failover: a Redis pool that notices one, and connects to the new master.

Problem
    After a failover, pooled connections stay with the old master, now a replica: every
    write raises READONLY until each process is restarted.

Guarantee
    - READONLY, LOADING or MASTERDOWN ends the connection, and all others of the pool
      before their next use. The next command connects anew, by the name in the URL.
    - A command in another thread is not cut off.
    - No call waits longer than `timeout_seconds`. No call is sent twice.

Not guaranteed
    The command that met the failover: it raises. Reads of a replica that is cut off
    raise nothing and are old. What the old master had not replicated is lost.

Cost
    One comparison per command.

Use instead
    redis.sentinel or RedisCluster, which ask for the master. (Checked 2026-11.)

Source: Redis documentation, "High availability with Redis Sentinel".

Use
    # your code
    from django.conf import settings
    from patterns.caching.failover import connect

    client = connect(settings.REDIS_URL)
    client.set("greeting", "hello", ex=60)
"""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.exceptions import BusyLoadingError, MasterDownError, ReadOnlyError
from redis.retry import Retry

TIMEOUT_SECONDS = 0.2  # Redis on the same network answers within a millisecond
MAX_CONNECTIONS = 100  # per process
FAILED_OVER = (ReadOnlyError, BusyLoadingError, MasterDownError)


class Failovers:
    """How many a pool has met."""

    count = 0


class FailoverAware(AbstractConnection):
    failovers: Failovers  # of the pool
    seen = 0  # at the last connect

    def connect(self) -> None:  # the pool calls it before each use
        if self.seen != self.failovers.count:
            self.disconnect()  # type: ignore[no-untyped-call]
            self.seen = self.failovers.count
        super().connect()  # type: ignore[no-untyped-call]

    def read_response(self, *words: Any, **options: Any) -> Any:
        try:
            return super().read_response(*words, **options)
        except FAILED_OVER:
            # not disconnected here: a pipeline reads its other replies first
            self.failovers.count = self.seen + 1
            raise


class FailoverPool(redis.BlockingConnectionPool):
    """Also as `pool_class` in the OPTIONS of Django's RedisCache."""

    def __init__(
        self,
        *words: Any,
        connection_class: type[AbstractConnection] = redis.Connection,
        **options: Any,
    ) -> None:
        kind = type("Connection", (FailoverAware, connection_class), {"failovers": Failovers()})
        options = {**options, "connection_class": kind}
        super().__init__(*words, **options)  # type: ignore[no-untyped-call]


def connect(
    url: str,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    max_connections: int = MAX_CONNECTIONS,
    **options: Any,
) -> redis.Redis:
    """A client for the threads of a process. It connects with the first command."""
    settings = {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        "timeout": timeout_seconds,  # the wait for a free connection
        "retry": Retry(NoBackoff(), 0),  # redis-py retries for up to a minute, and counts twice
        "max_connections": max_connections,
    }
    return redis.Redis(connection_pool=FailoverPool.from_url(url, **settings | options))
