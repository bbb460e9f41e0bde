"""How fast the feed is beside the alternatives. Everything is asked through the whole service: middleware, URLs, view, database."""

import contextlib
import io
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from lab.bench_data import COMMENTS, NAIVE_QUERY, POSTS, QUERY, STORED, fill
from lab.bench_strawberry import PLAIN_QUERY
from labkit.bench import Benchmark, Work
from labkit.tokens import access_token

STRAWBERRY = "strawberry-django, optimizer, parsing and validation cached"
handler = WSGIHandler()


def send(url: str, body: bytes, token: str) -> tuple[str, bytes]:
    """One request through the whole service, in this process."""
    status: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": url, "QUERY_STRING": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {token}", "wsgi.input": io.BytesIO(body), "wsgi.url_scheme": "http", "wsgi.errors": io.StringIO(),
    }  # fmt: skip
    answer: Any = handler(environ, lambda line, _: status.append(line))  # type: ignore[arg-type]
    content = b"".join(answer)
    answer.close()
    return status[0], content


def ask(url: str, body: bytes, token: str) -> bytes:
    """A whole feed. Raises RuntimeError for anything else."""
    status, content = send(url, body, token)
    if not status.startswith("2") or b'"errors"' in content or content.count(b'"rating"') != POSTS:
        raise RuntimeError(f"{url}: {status} {content[:300].decode()}")
    return content


@contextlib.contextmanager
def asking() -> Iterator[Any]:
    handler.load_middleware()
    # a benchmark on a slow machine takes longer than the usual ten minutes
    token = access_token(fill().username, lifetime=timedelta(hours=1))

    def work(url: str, query: str = QUERY) -> Work:
        body = json.dumps({"query": query, "variables": {"first": POSTS}}).encode()
        return lambda: ask(url, body, token)

    with override_settings(ROOT_URLCONF="lab.bench_feeds"):
        yield work


@contextlib.contextmanager
def feeds() -> Iterator[Mapping[str, Work]]:
    with asking() as work:
        yield {
            STRAWBERRY: work("/strawberry/"),
            "strawberry-django, lists without connections": work("/strawberry/", PLAIN_QUERY),
            "this feed": work("/graphql/"),
            "this feed, each document parsed and validated again": work("/uncached/"),
            "graphene-django as its tutorial shows it": work("/naive/", NAIVE_QUERY),
            "one SQL statement and orjson": work("/plain/"),
        }


@contextlib.contextmanager
def limits() -> Iterator[Mapping[str, Work]]:
    with asking() as work:
        yield {"without limits": work("/unlimited/"), "with limits": work("/graphql/")}


benchmarks = {
    "feed": Benchmark(
        question=f"The feed of {POSTS} of {STORED:,} reviews, with author, product, both counts and {COMMENTS} comments each.",
        baseline=STRAWBERRY,
        contenders=feeds,
    ),
    "limits": Benchmark(
        question="The same query with the query limits and without them, its document cached.",
        baseline="without limits",
        contenders=limits,
    ),
}
