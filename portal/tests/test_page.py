from typing import Any

import pytest
from django.test import Client

from tests.fake_demo import DESCRIBED, RESULT, FakeDemo

RECORDED = '<span class="badge">recorded</span>'
FRESH = '<span class="badge fresh">measured here</span>'


def page(client: Client) -> str:
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_challenge_is_shown_with_its_recorded_result_and_a_button(client: Client, rest_demo: FakeDemo) -> None:
    html = page(client)

    for shown in (RESULT["challenge"], RESULT["solution"], RESULT["load"], RESULT["proof"], RECORDED, "Run it</button>"):
        assert str(shown) in html
    assert FRESH not in html
    assert '<title id="title-rest_demo-double_click-1">orders: naive 17, solved 1</title>' in html


def test_a_fresh_result_replaces_the_recorded_one(client: Client, rest_demo: FakeDemo) -> None:
    rest_demo.says(status="done", result={**RESULT, "proof": "orders: 23 → 1"})

    html = page(client)

    assert FRESH in html
    assert RECORDED not in html
    assert "orders: 23 → 1" in html
    assert "orders: 17 → 1" not in html


def test_a_proof_that_broke_is_not_hidden(client: Client, rest_demo: FakeDemo) -> None:
    rest_demo.says(status="done", result={**RESULT, "holds": False})

    assert "The proof does not hold." in page(client)


def test_a_run_that_is_going_is_shown_and_followed(client: Client, rest_demo: FakeDemo) -> None:
    rest_demo.says(status="running", stage="naive")

    html = page(client)

    assert 'hx-get="/runs/rest_demo/double_click/?seen=naive" hx-trigger="every 1s"' in html
    assert '<li class="now" aria-current="step">naive</li>' in html


def test_a_demo_that_is_down_says_how_to_start_it(client: Client) -> None:
    html = page(client)

    assert html.count("<code>make up DEMO=queue_demo</code>") == 2
    assert "<button" not in html


def test_a_lab_that_is_off_has_no_button_and_says_how_to_turn_it_on(client: Client, rest_demo: FakeDemo) -> None:
    rest_demo.lab = (404, b"<h1>Not Found</h1>")

    html = page(client)

    assert "<code>LAB=1</code>" in html
    assert "<button" not in html


def test_code_is_a_link_when_its_address_is_known_and_a_path_otherwise(client: Client, rest_demo: FakeDemo, settings: Any) -> None:
    as_path = page(client)
    settings.SOURCE_URL = "https://example.org/nexus/blob/main"
    as_link = page(client)

    assert "patterns/<wbr>http/<wbr>idempotency/<wbr>decorator.py" in as_path
    assert 'href="https://example.org/nexus/blob/main/patterns/http/idempotency/decorator.py"' in as_link
    assert ("handbook" in as_path, 'href="https://example.org/nexus/blob/main/docs/README.md"' in as_link) == (False, True)


@pytest.mark.parametrize("path", ["/static/door/style.css", "/static/door/icon.svg", "/static/django_htmx/htmx-2.min.js"])
def test_every_file_of_the_page_is_served_from_here(client: Client, path: str) -> None:
    answer = client.get(path)
    answer.close()

    assert answer.status_code == 200


def test_a_section_without_challenges_looks_again_and_changes_only_when_there_is_news(client: Client, rest_demo: FakeDemo) -> None:
    still_down = client.get("/demos/queue_demo/?seen=down")
    came_up = client.get("/demos/rest_demo/?seen=down").content.decode()

    assert still_down.status_code == 204
    assert "Run it</button>" in came_up
    assert "every 5s" not in came_up


def test_the_challenges_begin_with_a_list_of_their_titles(client: Client, rest_demo: FakeDemo) -> None:
    _, _, challenges = page(client).partition('<h2 id="challenges"')

    assert '<li><a href="#rest_demo-double_click">The customer double-clicked: two orders</a></li>' in challenges


def test_the_proof_has_the_separators_of_the_bars(client: Client, rest_demo: FakeDemo) -> None:
    counted = {**RESULT, "proof": "rows of page 5000: 300000 → 21, kept: 5 → 1234"}
    rest_demo.experiments = [{**DESCRIBED, "status": "idle", "recorded": counted}]

    assert "rows of page 5000: 300,000 → 21, kept: 5 → 1,234" in page(client)
