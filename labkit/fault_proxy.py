"""A TCP proxy in front of a real server, that can misbehave on command.

Faults are switched while connections are open, as in life:

    pass         carries bytes both ways
    refuse       new connections are refused (the port is closed), open ones are cut
    hang         bytes are swallowed, nothing is answered, nothing is closed
    delay        every chunk waits `delay_seconds` in each direction
    cut          open connections are reset; new ones work again after `pass`
    drop_reply   requests reach the server, its answers never come back
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Literal

Fault = Literal["pass", "refuse", "hang", "delay", "cut", "drop_reply"]
CHUNK_BYTES = 65536


class FaultProxy:
    """Listens on a free port of 127.0.0.1 and forwards to `host:port`. Use it as a context manager."""

    def __init__(self, host: str, port: int, *, delay_seconds: float = 0.1) -> None:
        self.upstream = (host, port)
        self.delay_seconds = delay_seconds
        self.host = "127.0.0.1"
        self.port = 0
        self.fault: Fault = "pass"
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> "FaultProxy":
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def set(self, fault: Fault) -> None:
        """Switches the fault on; returns when it is in force."""
        self.fault = fault
        self._call(self._apply())

    def _call(self, coroutine: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._release()
        self._server = await asyncio.start_server(self._serve, self.host, self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _apply(self) -> None:
        if self.fault in ("refuse", "cut"):
            for writer in list(self._writers):
                _reset(writer)
        if self.fault == "refuse":
            self._stop_listening()
            self._reserve()
        elif self._server is None:
            await self._listen()

    def _stop_listening(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    def _reserve(self) -> None:
        """Holds the closed port: bound, not listening. Free, the kernel would give it to the next who asks for any port."""
        if self._reserved is None:
            self._reserved = socket.socket()
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._reserved.bind((self.host, self.port))

    def _release(self) -> None:
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None

    async def _close(self) -> None:
        self._stop_listening()
        self._release()
        for writer in list(self._writers):
            _reset(writer)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        up_writer = None
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.upstream)
            self._writers.add(up_writer)
            requests = asyncio.create_task(self._carry(reader, up_writer, is_reply=False))
            replies = asyncio.create_task(self._carry(up_reader, writer, is_reply=True))
            await asyncio.wait({requests, replies}, return_when=asyncio.FIRST_COMPLETED)
            requests.cancel()
            replies.cancel()
        except asyncio.CancelledError:
            pass  # we are closing; asyncio would report it as an error of the callback
        except OSError:
            _reset(writer)  # the server itself is away: its clients see what they would see without us
        finally:
            for each in (writer, up_writer):
                if each is not None:
                    self._writers.discard(each)
                    each.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_reply: bool) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.fault == "hang" or (self.fault == "drop_reply" and is_reply):
                    continue
                if self.fault == "delay":
                    await asyncio.sleep(self.delay_seconds)
                writer.write(chunk)
                await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closes with a TCP reset, as a killed server does, instead of an orderly end."""
    if (sock := writer.get_extra_info("socket")) is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
