"""The patterns with more than one key, on a cluster of three nodes."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from labkit.processes import answers, free_port, running, wait_until
from patterns.caching.fenced_lock import FencedLock, NotAcquired
from patterns.caching.hit_ratio import HitRatio
from patterns.caching.leaderboard import Leaderboard
from patterns.caching.leases import Leases, RedisStore
from patterns.caching.single_flight import SingleFlight
from patterns.caching.write_behind.buffer import Buffer

pytestmark = pytest.mark.native
NAMES = [secrets.token_hex(4) for _ in range(6)]  # so many that each node has some of their slots


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    ports = [cluster_port() for _ in range(3)]
    nodes = [running(node(port, tmp_path_factory.mktemp(str(port)))) for port in ports]
    with nodes[0], nodes[1], nodes[2]:
        for port in ports:
            wait_until(lambda port=port: answers("127.0.0.1", port), timeout_seconds=10, what="a node")  # type: ignore[misc]
        addresses = [f"127.0.0.1:{port}" for port in ports]
        create = ["redis-cli", "--cluster", "create", *addresses, "--cluster-yes"]
        subprocess.run(create, check=True, capture_output=True, timeout=30)
        with redis.RedisCluster(host="127.0.0.1", port=ports[0]) as client:
            yield client


def node(port: int, folder: Path) -> list[str]:
    options = {"port": port, "bind": "127.0.0.1", "save": "", "dir": folder, "cluster-enabled": "yes", "cluster-node-timeout": 5000}
    return ["redis-server", *(str(word) for name, value in options.items() for word in (f"--{name}", value))]


def cluster_port() -> int:
    """The bus has the port 10,000 above."""
    while (port := free_port()) > 55_000:
        pass
    return port


@pytest.mark.parametrize("name", NAMES)
def test_a_fenced_lock_works_on_a_cluster(cluster: Any, name: str) -> None:
    lock = FencedLock(client=cluster, name=name, ttl_seconds=10)
    with lock.hold() as first, pytest.raises(NotAcquired), lock.hold():
        pass
    with lock.hold() as second:
        pass

    assert second > first


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_write_behind_works_on_a_cluster(cluster: Any, name: str) -> None:
    views, batches = Buffer(cluster, f"{name}:views"), []
    for _ in range(3):
        views.add("mug")

    assert [views.flush(batches.append), views.flush(batches.append)] == [1, 0]
    assert batches == [{"mug": 3}]


@pytest.mark.parametrize("name", NAMES)
def test_a_leaderboard_works_on_a_cluster(cluster: Any, name: str) -> None:
    board = Leaderboard(client=cluster, name=name)
    for member in ("lamp", "mug", "mug"):
        board.add(member)

    assert [member for member, _ in board.top(2)] == ["mug", "lamp"]


@pytest.mark.parametrize("name", NAMES)
def test_a_hit_ratio_works_on_a_cluster(cluster: Any, name: str) -> None:
    ratio = HitRatio(cluster, name)
    ratio.count("page", "hit", 3)
    ratio.count("page", "miss")
    ratio.flush()

    assert ratio.read()["page"].ratio == 0.75


@pytest.mark.parametrize("name", NAMES)
def test_leases_and_single_flight_work_on_a_cluster(cluster: Any, name: str) -> None:
    leases = Leases(store=RedisStore(cluster), keep_seconds=60)
    flight = SingleFlight(client=cluster, fresh_seconds=60, stale_seconds=60, lock_seconds=5, wait_seconds=6)

    assert [leases.get(f"{name}:lease", lambda: 1) for _ in range(2)] == [(1, False), (1, True)]
    assert [flight.get(f"{name}:page", lambda: 1).value for _ in range(2)] == [1, 1]
