"""The edge that all services share, held against running servers over real sockets.

    python -m pytest -c tests/pytest.ini labkit/edge.py       (PORT_BASE: where the stack is)

In-process test clients saw none of the faults behind these tests: they know no malformed
header, no half-sent body and no server.
"""

import functools
import json
import os
import re
import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

PORT_BASE = int(os.environ.get("PORT_BASE") or 8000)
HOST = "127.0.0.1"
PROBLEM = "application/problem+json"
SILENT_CLIENTS = 200
DEEP = "[" * 50_000 + "]" * 50_000
CLIENT = httpx.Client(trust_env=False, timeout=30)
WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True)
class Service:
    name: str
    offset: int
    read: str  # a resource that anybody may read
    write: str  # a URL that takes a JSON body by POST, whatever it answers
    body: str = "{}"

    @property
    def port(self) -> int:
        return PORT_BASE + self.offset

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Accept": "application/json"} | options.pop("headers", {})
        CLIENT.cookies.clear()
        return CLIENT.request(method, self.url + path, headers=headers, **options)


PORTAL = Service("portal", 0, "/status/", "/runs/rest_demo/double_click/")
REST = Service("rest", 1, "/api/v1/products/", "/api/v1/auth/token/")
GRAPHQL = Service("graphql", 2, "/graphql/?query={__typename}", "/graphql/")
QUEUE = Service("queue", 3, "/ledger/", "/orders/")
CACHING = Service("caching", 4, "/trending/", "/products/SKU-000001/views/")
DATABASE = Service("database", 5, "/stock/", "/reservations/")
ASYNC = Service("async", 6, "/quotes/?postcode=10115&weight_grams=500", "/quotes/")
SERVICES = [PORTAL, REST, GRAPHQL, QUEUE, CACHING, DATABASE, ASYNC]
ETAGS = {REST: ["/api/v1/products/SKU-000001/"], CACHING: ["/trending/", "/products/SKU-000001/"]}
READ_JSON = [REST, QUEUE]  # their write URL parses a JSON body without a login


@pytest.fixture(params=SERVICES, ids=lambda service: service.name)
def service(request: pytest.FixtureRequest) -> Service:
    found: Service = request.param
    return found


@functools.cache
def codes_in_schema(url: str) -> list[str]:
    """The codes that the service's OpenAPI schema lists; none where it publishes no schema."""
    answer = CLIENT.get(f"{url}/api/schema/", params={"format": "json"})
    if answer.status_code == 404:
        return []
    codes: list[str] = answer.json()["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    return codes


def assert_problem(response: httpx.Response, status: int, code: str = "") -> None:
    assert response.status_code == status, response.text[:300]
    assert response.headers["Content-Type"].partition(";")[0] == PROBLEM, response.text[:300]
    body = response.json()
    assert body["status"] == status
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["code"] == code if code else body["code"]
    codes = codes_in_schema(f"http://{HOST}:{response.url.port}")
    assert not codes or body["code"] in codes


def raw(service: Service, text: bytes, *, timeout_seconds: float = 10) -> bytes:
    """What the server answers to these bytes, up to its end or the timeout."""
    with socket.create_connection((HOST, service.port), timeout=timeout_seconds) as connection:
        connection.sendall(text)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except TimeoutError:
            pass
    return answer


def seconds(service: Service, path: str) -> float:
    """The median of three calls: one may meet a busy moment of the machine."""
    taken = []
    for _ in range(3):
        begun = time.monotonic()
        assert service.call("GET", path).status_code == 200
        taken.append(time.monotonic() - begun)
    return statistics.median(taken)


# --- slow clients ---------------------------------------------------------------------


@pytest.fixture
def silent_bodies(service: Service) -> Iterator[None]:
    """Connections that announce a body, send one byte of it, and then nothing."""
    head = f"POST {service.write} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    yield from held(service, f"{head}Content-Length: 100\r\n\r\n{{".encode())


@pytest.fixture
def silent_headers(service: Service) -> Iterator[None]:
    yield from held(service, f"GET {service.read} HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ".encode())


def held(service: Service, text: bytes) -> Iterator[None]:
    connections = []
    try:
        for _ in range(SILENT_CLIENTS):
            connection = socket.create_connection((HOST, service.port), timeout=10)
            connection.sendall(text)
            connections.append(connection)
        time.sleep(0.2)  # all have arrived
        yield
    finally:
        for connection in connections:
            connection.close()


def test_silent_bodies_do_not_stop_a_service(service: Service, silent_bodies: None) -> None:
    assert seconds(service, "/live") < 1
    assert seconds(service, service.read) < 1


def test_half_sent_headers_do_not_stop_a_service(service: Service, silent_headers: None) -> None:
    assert seconds(service, "/live") < 1
    assert seconds(service, service.read) < 1


# --- what the bytes claim to be -------------------------------------------------------


@pytest.mark.parametrize("charset", ["zlib", "cp037", "punycode", "idna", "utf-16", "undefined"])
def test_another_charset_than_utf8_is_refused(service: Service, charset: str) -> None:
    path = service.read + ("&" if "?" in service.read else "?") + "search=x"
    headers = {"Content-Type": f"text/plain; charset={charset}"}

    assert_problem(service.call("GET", path, headers=headers), 415)


def test_a_charset_bomb_costs_nothing(service: Service) -> None:
    body = b"b" * 130_000 + b"-" + b"a" * 130_000
    headers = {"Content-Type": "application/json; charset=punycode"}
    begun = time.monotonic()
    response = service.call("POST", service.write, content=body, headers=headers)

    assert_problem(response, 415)
    assert time.monotonic() - begun < 2


def test_an_answer_to_an_unread_body_arrives(service: Service) -> None:
    """Without `discard_unread` of body_limit, gunicorn's reset became a 503 in 1 to 4 % of these."""
    headers = {"Content-Type": "application/json; charset=latin-1"}
    for _ in range(50):
        assert_problem(service.call("POST", service.write, content=b"b" * 990_000, headers=headers), 415)


@pytest.mark.parametrize("query", ["%00", "%ED%A0%80", "%FF", "a" * 5000, "😀" * 300])
def test_hostile_text_in_a_query_is_no_server_error(service: Service, query: str) -> None:
    mark = "&" if "?" in service.read else "?"
    for name in ("search", "q", "cursor", "ordering", "page_size", "sku"):
        response = service.call("GET", f"{service.read}{mark}{name}={query}")
        assert response.status_code < 500, (name, response.text[:300])


@pytest.mark.parametrize("service", READ_JSON, ids=lambda service: service.name)
@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[1,", DEEP.encode(), b'{"a": NaN}', b'{"a": Infinity}', b"\xff\xfe{}", b"\xef",
        b'{"a": 1} trailing', b"'a'",
    ],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_malformed_json_is_400(service: Service, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "edge"}

    assert_problem(service.call("POST", service.write, content=body, headers=headers), 400)


@pytest.mark.parametrize("service", READ_JSON, ids=lambda service: service.name)
@pytest.mark.parametrize("text", ["a\u0000b", "\ud800"])
def test_text_that_postgresql_cannot_hold_is_a_clients_error(service: Service, text: str) -> None:
    names = ("username", "password", "sku", "email", "customer", "idempotency_key")
    body = json.dumps(dict.fromkeys(names, text)).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": "edge"}
    response = service.call("POST", service.write, content=body, headers=headers)

    assert 400 <= response.status_code < 500, response.text[:300]


@pytest.mark.parametrize("service", READ_JSON, ids=lambda service: service.name)
def test_a_form_is_415(service: Service) -> None:
    assert_problem(service.call("POST", service.write, data={"a": "1"}), 415)


def test_a_body_beyond_the_limit_is_413(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    headers |= {"Origin": "http://localhost:5173"}
    response = service.call("POST", service.write, content=b" " * 3_000_000, headers=headers)

    assert_problem(response, 413)
    assert response.headers["Access-Control-Allow-Origin"]  # also what nginx answers itself


@pytest.mark.parametrize("service", [REST, QUEUE, GRAPHQL], ids=lambda service: service.name)
def test_a_chunked_body_is_read_like_any_other(service: Service) -> None:
    body = b'{"query": "{ __typename }", "username": "edge", "password": "wrong"}'
    headers = {"Content-Type": "application/json"}
    plain = service.call("POST", service.write, content=body, headers=headers)
    chunked = service.call("POST", service.write, content=iter([body[:9], body[9:]]), headers=headers)

    assert chunked.status_code == plain.status_code
    assert errors_of(chunked) == errors_of(plain)


def errors_of(response: httpx.Response) -> Any:
    body = response.json()
    return {key: each for key, each in body.items() if key not in ("request_id", "instance")}


# --- one shape of errors --------------------------------------------------------------


def test_an_unknown_route_is_a_problem(service: Service) -> None:
    assert_problem(service.call("GET", "/no/such/route/"), 404, "not_found")


def test_a_browser_is_told_an_unknown_route_without_a_trace(service: Service) -> None:
    response = service.call("GET", "/no/such/route/", headers={"Accept": "text/html"})

    assert response.status_code == 404
    assert "Traceback" not in response.text
    assert "urlpatterns" not in response.text


def test_another_method_is_405(service: Service) -> None:
    response = service.call("POST", "/live")

    assert_problem(response, 405, "method_not_allowed")
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_write_is_never_redirected(service: Service, method: str) -> None:
    path = service.write.rstrip("/")
    response = service.call(method, path, content=b"{}", headers={"Content-Type": "application/json"})

    assert response.status_code in (403, 404, 405), response.text[:300]


@pytest.mark.parametrize(
    "text",
    [b"GARBAGE\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"],
)
def test_a_malformed_request_line_or_length_is_answered(service: Service, text: bytes) -> None:
    answer = raw(service, text)

    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b'"code":"malformed_request"' in answer


def test_a_header_beyond_the_limit_is_431(service: Service) -> None:
    response = service.call("GET", "/live", headers={"X-Long": "a" * 40_000})

    assert_problem(response, 431)


def test_a_foreign_host_is_a_problem(service: Service) -> None:
    assert_problem(service.call("GET", service.read, headers={"Host": "evil.example"}), 400)


# --- ids ------------------------------------------------------------------------------


def test_an_id_of_the_caller_comes_back(service: Service) -> None:
    for path in ("/live", service.read, "/no/such/route/"):
        response = service.call("GET", path, headers={"X-Request-ID": "edge-4711"})
        assert response.headers["X-Request-ID"] == "edge-4711", path


@pytest.mark.parametrize("sent", ["", "a b", "x" * 500, "<script>", "a\tb"])
def test_a_malformed_id_is_replaced(service: Service, sent: str) -> None:
    response = service.call("GET", "/live", headers={"X-Request-ID": sent})

    assert response.headers["X-Request-ID"] != sent
    assert WELL_FORMED_ID.fullmatch(response.headers["X-Request-ID"])


# --- browsers on other origins --------------------------------------------------------


@pytest.mark.parametrize("port", [3000, 4200, 5173, 8080])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("service", SERVICES[1:], ids=lambda service: service.name)
def test_the_usual_dev_servers_may_call(service: Service, host: str, port: int) -> None:
    origin = f"http://{host}:{port}"
    wanted = "authorization,content-type,idempotency-key,if-match,x-request-id"
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": wanted,
    }
    response = service.call("OPTIONS", service.write, headers=headers)

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == origin
    allowed = response.headers["Access-Control-Allow-Headers"].replace(" ", "").split(",")
    assert set(wanted.split(",")) <= set(allowed)


@pytest.mark.parametrize("service", SERVICES[1:], ids=lambda service: service.name)
def test_an_error_can_be_read_by_a_page_of_an_allowed_origin(service: Service) -> None:
    response = service.call("GET", "/no/such/route/", headers={"Origin": "http://localhost:5173"})

    assert response.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
    assert "X-Request-ID" in response.headers["Access-Control-Expose-Headers"]


def test_a_foreign_origin_may_not_call(service: Service) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    response = service.call("OPTIONS", service.write, headers=headers)

    assert "Access-Control-Allow-Origin" not in response.headers


# --- caches and cookies ---------------------------------------------------------------


def test_every_response_says_whether_it_may_be_kept(service: Service) -> None:
    for path in ("/live", "/ready", service.read, "/no/such/route/"):
        assert service.call("GET", path).headers.get("Cache-Control"), path


def test_an_answer_to_a_write_is_not_kept(service: Service) -> None:
    response = service.call("POST", service.write, content=b"{}", headers={"Content-Type": "application/json"})

    assert {"no-store", "private"} & set(response.headers["Cache-Control"].replace(" ", "").split(","))


@pytest.mark.parametrize("service", SERVICES[1:], ids=lambda service: service.name)
def test_no_cookie_is_set_where_none_is_needed(service: Service) -> None:
    for path in ("/live", "/ready", service.read, "/no/such/route/"):
        assert "Set-Cookie" not in service.call("GET", path).headers, path


VARYING = {"date", "x-request-id", "expires", "set-cookie", "cache-status", "age"}


def test_head_is_like_get(service: Service) -> None:
    for path in (service.read, "/live", "/no/such/route/", *ETAGS.get(service, [])):
        got, head = service.call("GET", path), service.call("HEAD", path)
        expected, found = ({name: value for name, value in each.headers.items() if name not in VARYING} for each in (got, head))

        assert (head.status_code, head.content) == (got.status_code, b""), path
        if got.status_code == 404:  # its body holds the request's id
            del expected["content-length"], found["content-length"]
        assert found == expected, path


@pytest.mark.parametrize("service", ETAGS, ids=lambda service: service.name)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_304_has_the_etag_and_no_length(service: Service, method: str) -> None:
    for path in ETAGS[service]:
        etag = service.call("GET", path).headers["ETag"]
        sent = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nIf-None-Match: {etag}\r\nConnection: close\r\n\r\n"
        head, _, body = raw(service, sent.encode()).partition(b"\r\n\r\n")

        assert (head.split()[1], body) == (b"304", b""), path
        assert f"\r\nETag: {etag}".encode() in head, path
        assert b"content-length" not in head.lower(), path


# --- health ---------------------------------------------------------------------------


def test_live_and_ready_answer(service: Service) -> None:
    live, ready = service.call("GET", "/live"), service.call("GET", "/ready")

    assert (live.status_code, live.json()["status"]) == (200, "live")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")


def test_many_at_once_are_all_answered(service: Service) -> None:
    def call(_: int) -> int:
        return service.call("GET", "/live").status_code

    with ThreadPoolExecutor(20) as crowd:
        assert set(crowd.map(call, range(100))) == {200}
