"""The portal believes nobody: neither a browser, nor a demo."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from tests.fake_demo import RESULT, FakeDemo

RUN = "/runs/rest_demo/double_click/"


class Page(HTMLParser):
    """The tags of a page, each with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def ids(self) -> list[str | None]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


def page(client: Client) -> str:
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    "lab",
    [
        (200, b"\xff not JSON"),
        (200, []),
        (200, {"experiments": None}),
        (200, {"experiments": [1]}),
        (200, {"experiments": [{"name": "double_click"}]}),
        (200, {"experiments": [{**RESULT, "status": "idle", "name": "../../admin"}]}),
        (200, {"experiments": [{**RESULT, "status": "idle", "recorded": {**RESULT, "naive": {"orders": "many"}}}]}),
        (200, {"experiments": [{**RESULT, "status": "idle", "recorded": {**RESULT, "naive": {"orders": 10**400}}}]}),
        (200, b'{"experiments": [{"name": "x", "result": {"proof": "", "holds": true, "seconds": 1, "naive": {"n": NaN}, "solved": {}}}]}'),
        (500, b"Server Error"),
        (301, b""),
    ],
)
def test_nonsense_from_a_demo_is_said_and_breaks_nothing(client: Client, rest_demo: FakeDemo, lab: tuple[int, Any]) -> None:
    rest_demo.lab = lab

    html = page(client)

    assert "not with a list of experiments" in html
    assert "<button" not in html


def test_what_a_demo_sends_is_text_and_never_markup(client: Client, rest_demo: FakeDemo) -> None:
    evil = "<script>alert(1)</script>"
    rest_demo.experiments = [
        {**RESULT, "status": "failed", "error": evil, "challenge": evil, "code": evil, "recorded": {**RESULT, "naive": {evil: 1}}}
    ]

    html = page(client)

    assert html.count("<script") == 1  # htmx
    assert "&lt;script&gt;" in html


def test_the_browser_may_run_nothing_inline(client: Client, rest_demo: FakeDemo) -> None:
    answer = client.get("/")
    tags = Page(answer.content.decode()).tags

    assert answer["Content-Security-Policy"].startswith("default-src 'self';")
    assert not [
        tag for tag, attributes in tags if tag == "style" or "style" in attributes or any(key.startswith("on") for key in attributes)
    ]
    assert [attributes["src"] for tag, attributes in tags if tag == "script"] == ["/static/django_htmx/htmx-2.min.js"]


def test_no_two_elements_share_an_id(client: Client, rest_demo: FakeDemo) -> None:
    rest_demo.experiments = [{**RESULT, "status": "idle", "recorded": RESULT, "name": name} for name in ("double_click", "deep_page")]

    ids = Page(page(client)).ids()

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "path",
    ["/demos/no_demo/", "/runs/no_demo/double_click/", "/runs/rest_demo/..%2Fadmin/", f"/runs/rest_demo/{'x' * 70_000}/", "/nothing"],
)
def test_an_unknown_address_is_not_found(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path).status_code in (404, 405)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_form_of_another_site_starts_nothing(rest_demo: FakeDemo, headers: dict[str, str]) -> None:
    answer = Client(enforce_csrf_checks=True, headers=headers).post(RUN)

    assert rest_demo.posts == []
    assert answer.status_code == (200 if headers else 403)
    assert "Nothing was started" in answer.content.decode()


def test_the_pages_own_form_carries_its_token(rest_demo: FakeDemo) -> None:
    browser = Client(enforce_csrf_checks=True)
    html = browser.get("/").content.decode()
    token = html.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]

    browser.post(RUN, {"csrfmiddlewaretoken": token})

    assert rest_demo.posts == ["/lab/double_click/"]


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods_are_refused(client: Client, method: str) -> None:
    assert getattr(client, method)(RUN).status_code == 405


def test_an_unknown_host_is_refused(client: Client, settings: Any) -> None:
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["localhost"]

    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
