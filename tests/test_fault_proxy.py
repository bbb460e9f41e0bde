"""Each fault, seen from a client of a real TCP server that echoes."""

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from labkit import FaultProxy


class Echo(socketserver.BaseRequestHandler):
    received = 0

    def handle(self) -> None:
        while data := self.request.recv(1024):
            type(self).received += len(data)
            self.request.sendall(data)


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    Echo.received = 0
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        with FaultProxy(*server.server_address) as proxy:
            yield proxy
        server.shutdown()


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection((proxy.host, proxy.port), timeout=0.3)


def echo(client: socket.socket) -> bytes:
    client.sendall(b"hello")
    return client.recv(1024)


def echo_twice(client: socket.socket) -> None:
    """The first write after a reset may still succeed; the second cannot."""
    echo(client)
    echo(client)


def test_it_passes_bytes_both_ways(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        assert echo(client) == b"hello"


def test_refuse_closes_the_port_and_cuts_who_is_there(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        echo(client)
        proxy.set("refuse")
        with pytest.raises(ConnectionError):
            echo_twice(client)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)

    proxy.set("pass")
    with connect(proxy) as client:
        assert echo(client) == b"hello"


def test_hang_answers_nothing_and_closes_nothing(proxy: FaultProxy) -> None:
    proxy.set("hang")
    with connect(proxy) as client, pytest.raises(TimeoutError):
        echo(client)
    assert Echo.received == 0


def test_cut_resets_open_connections(proxy: FaultProxy) -> None:
    with connect(proxy) as client:
        echo(client)
        proxy.set("cut")
        with pytest.raises(ConnectionResetError):
            client.recv(1024)


def test_drop_reply_lets_the_request_through(proxy: FaultProxy) -> None:
    proxy.set("drop_reply")
    with connect(proxy) as client, pytest.raises(TimeoutError):
        echo(client)
    assert Echo.received == len(b"hello")


def test_delay_holds_back_and_loses_nothing(proxy: FaultProxy) -> None:
    proxy.set("delay")
    with connect(proxy) as client:
        client.settimeout(5)
        assert echo(client) == b"hello"
    assert proxy.delay_seconds > 0


def test_a_server_that_is_away_looks_away() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound, and not listening
        # it may be refused before connect() returns
        with FaultProxy(*reserved.getsockname()) as proxy, pytest.raises(ConnectionError), connect(proxy) as client:
            echo_twice(client)
