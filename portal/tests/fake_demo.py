"""A demo as the portal sees one: a real HTTP server in a thread, with answers that a test sets. It speaks labkit's contract."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RESULT = {
    "name": "double_click",
    "demo": "rest_demo",
    "challenge": "The customer double-clicked: two orders",
    "solution": "an Idempotency-Key",
    "load": "50 POSTs at once",
    "naive": {"orders": 17, "slowest_ms": 1200.5},
    "solved": {"orders": 1, "slowest_ms": 300},
    "proof": "orders: 17 → 1",
    "holds": True,
    "seconds": 2.5,
    "code": "patterns/http/idempotency/decorator.py",
}
DESCRIBED = {key: RESULT[key] for key in ("name", "challenge", "solution", "load", "code")}


class FakeDemo:
    """Set `experiments`, or `ready`, `lab` (status and body) and `post` (a status).

    `posts` holds the paths that were posted to, `scheme` the last forwarded one.
    """

    def __init__(self) -> None:
        self.ready: tuple[int, Any] = (200, {"Database(alias='default')": "OK"})
        self.experiments: list[dict[str, Any]] = [{**DESCRIBED, "status": "idle", "recorded": RESULT}]
        self.lab: tuple[int, Any] | None = None
        self.post = 202
        self.posts: list[str] = []
        self.scheme: str | None = None
        self.frozen = threading.Event()
        self.frozen.set()  # cleared, nobody is answered
        demo = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                demo.frozen.wait(10)
                if self.path == "/ready":
                    self.answer(*demo.ready)
                else:
                    self.answer(*(demo.lab or (200, {"demo": "rest_demo", "running": None, "experiments": demo.experiments})))

            def do_POST(self) -> None:
                demo.frozen.wait(10)
                demo.posts.append(self.path)
                self.answer(demo.post, {"detail": "as the test wants it"})

            def answer(self, status: int, body: Any) -> None:
                demo.scheme = self.headers.get("X-Forwarded-Proto")
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass  # the portal hangs up on a demo that is too slow

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def says(self, **state: Any) -> None:
        """Its one experiment is in this state."""
        self.experiments = [{**DESCRIBED, "recorded": RESULT, **state}]

    def close(self) -> None:
        self.frozen.set()
        self.server.shutdown()
        self.server.server_close()
