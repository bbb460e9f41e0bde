from typing import Any

import pytest
from django.test import Client

from tests.fake_demo import RESULT, FakeDemo

RUN = "/runs/rest_demo/double_click/"


def said(html: str) -> str:
    """The words that a screen reader speaks."""
    return html.partition('<p id="said-rest_demo-double_click" hx-swap-oob="innerHTML">')[2].partition("</p>")[0].strip()


def test_the_button_starts_a_run_and_the_card_follows_it_to_its_result(htmx: Client, rest_demo: FakeDemo) -> None:
    rest_demo.says(status="running", stage="starting")
    started = htmx.post(RUN).content.decode()
    unchanged = htmx.get(RUN, {"seen": "starting"})
    rest_demo.says(status="running", stage="solved")
    further = htmx.get(RUN, {"seen": "starting"}).content.decode()
    rest_demo.says(status="done", result={**RESULT, "proof": "orders: 23 → 1"})
    done = htmx.get(RUN, {"seen": "solved"}).content.decode()

    assert rest_demo.posts == ["/lab/double_click/"]
    assert f'hx-get="{RUN}?seen=starting"' in started
    assert '<button type="button" id="button-rest_demo-double_click" aria-disabled="true">' in started  # keeps the focus, does nothing
    assert unchanged.status_code == 204
    assert said(further) == "The solved version is under load."
    assert said(done) == "Done in 2.5 seconds. orders: 23 → 1. The proof holds."
    assert "measured here" in done
    assert "hx-trigger" not in done


def test_another_run_in_the_way_is_said_in_words(htmx: Client, rest_demo: FakeDemo) -> None:
    rest_demo.post = 409

    answer = htmx.post(RUN)

    assert answer.status_code == 200  # htmx shows nothing of an error's body
    assert "runs one at a time" in said(answer.content.decode())
    assert "Run it</button>" in answer.content.decode()


def test_a_second_press_joins_the_run_that_is_going(htmx: Client, rest_demo: FakeDemo) -> None:
    rest_demo.post = 409
    rest_demo.says(status="running", stage="naive")

    html = htmx.post(RUN).content.decode()

    assert said(html) == "The naive version is under load."
    assert "every 1s" in html


def test_a_run_that_failed_says_why_and_keeps_the_recorded_result(htmx: Client, rest_demo: FakeDemo) -> None:
    rest_demo.says(status="failed", error="the experiments need PostgreSQL")

    html = htmx.get(RUN, {"seen": "preparing"}).content.decode()

    assert said(html) == "The run failed: the experiments need PostgreSQL"
    assert "recorded" in html
    assert "Run it</button>" in html


def test_a_proof_that_does_not_hold_is_spoken(htmx: Client, rest_demo: FakeDemo) -> None:
    rest_demo.says(status="done", result={**RESULT, "holds": False})

    assert said(htmx.get(RUN, {"seen": "solved"}).content.decode()).endswith("The proof does not hold.")


def test_a_demo_that_dies_under_a_run_ends_the_polling(htmx: Client) -> None:
    html = htmx.get(RUN, {"seen": "naive"}).content.decode()

    assert "no longer responds" in said(html)
    assert "hx-trigger" not in html
    assert "result-rest_demo-double_click" not in html  # what was shown stays


@pytest.mark.parametrize(
    ("post", "code", "words"),
    [(409, 409, "one at a time"), (404, 404, "LAB=1"), (403, 502, "HTTP 403"), (500, 502, "HTTP 500"), (302, 502, "HTTP 302")],
)
def test_without_javascript_a_refusal_is_a_page_that_says_so(client: Client, rest_demo: FakeDemo, post: int, code: int, words: str) -> None:
    rest_demo.post = post

    answer = client.post(RUN)

    assert answer.status_code == code
    assert words in answer.content.decode()
    assert str(RESULT["challenge"]) in answer.content.decode()


def test_without_javascript_the_form_starts_a_run_and_leads_back_to_its_card(client: Client, rest_demo: FakeDemo) -> None:
    answer = client.post(RUN)

    assert rest_demo.posts == ["/lab/double_click/"]
    assert (answer.status_code, answer["Location"]) == (302, "/#rest_demo-double_click")


def test_a_demo_that_is_down_refuses_in_words(client: Client, htmx: Client) -> None:
    assert client.post(RUN).status_code == 503
    assert "make up DEMO=rest_demo" in said(htmx.post(RUN).content.decode())


@pytest.mark.usefixtures("short_patience")
def test_a_demo_that_is_frozen_does_not_freeze_the_portal(client: Client, rest_demo: FakeDemo) -> None:
    rest_demo.frozen.clear()

    answer = client.post(RUN)

    assert answer.status_code == 504
    assert "did not respond in time" in answer.content.decode()
    assert "not responding" in answer.content.decode()


def test_a_stage_that_the_portal_does_not_know_is_shown_as_it_is(htmx: Client, rest_demo: FakeDemo) -> None:
    rest_demo.says(status="running", stage="cooling down")

    html = htmx.get(RUN, {"seen": "solved"}).content.decode()

    assert said(html) == "Running: cooling down"
    assert "?seen=cooling%20down" in html


def test_an_experiment_that_is_not_there_is_said(htmx: Client, rest_demo: FakeDemo, settings: Any) -> None:
    rest_demo.post = 404

    assert "has no experiment nothing" in htmx.post("/runs/rest_demo/nothing/").content.decode()


@pytest.mark.parametrize(("is_behind_tls", "scheme"), [(True, "https"), (False, None)])
def test_demos_are_told_that_tls_ends_in_front(
    htmx: Client, rest_demo: FakeDemo, settings: Any, is_behind_tls: bool, scheme: str | None
) -> None:
    settings.HTTPS = is_behind_tls

    htmx.post(RUN)

    assert rest_demo.scheme == scheme
