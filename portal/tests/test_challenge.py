"""The pages of the challenges, as they are in the repository."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from door.demos import DEMOS
from tests.fake_demo import RESULT, FakeDemo

ROOT = Path(__file__).parents[2]
PAGES = [page for demo in DEMOS for page in sorted((ROOT / demo.name / "lab").glob("*.md"))]
OVERSELL = "/challenges/database_demo/oversell/"


def html_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parts[-3]}-{page.stem}")
def test_each_page_is_rendered_without_markers_and_links_lead_out_or_to_pages(client: Client, page: Path) -> None:
    html = html_of(client, f"/challenges/{page.parts[-3]}/{page.stem}/")
    title = page.read_text().partition("\n")[0].removeprefix("# ")

    assert title.replace("`", "") in unescape(re.sub("<[^>]+>", "", html))
    assert "&lt;!--" not in html
    assert "style=" not in html
    assert [link for link in re.findall(r'href="([^"]*)"', html) if not link.startswith(("/", "https://", "#"))] == []


def test_a_page_shows_its_counts_and_its_code(client: Client) -> None:
    html = html_of(client, OVERSELL)

    assert '<th class="number">naive</th>' in html
    assert "<td>oversold</td>" in html
    assert '<pre><code class="language-python">def take(' in html


def test_links_to_the_code_need_its_address(client: Client, settings: Any) -> None:
    as_text = html_of(client, OVERSELL)
    settings.SOURCE_URL = "https://example.org/nexus/blob/main"
    as_link = html_of(client, OVERSELL)

    assert '<span title="database_demo/warehouse/services.py"><code>reserve</code> in database_demo/warehouse/services.py</span>' in as_text
    assert 'href="database_demo' not in as_text
    assert 'href="https://example.org/nexus/blob/main/database_demo/warehouse/services.py"' in as_link


def test_html_in_a_page_is_text_and_a_link_to_another_page_stays_here(client: Client, settings: Any, tmp_path: Path) -> None:
    folder = tmp_path / "rest_demo/lab"
    folder.mkdir(parents=True)
    links = "[a](javascript:alert(1)) [b](../../queue_demo/lab/other.md)"
    (folder / "evil.md").write_text(f"# <b>x</b>\n\n<script>alert(1)</script>\n\n{links}")
    settings.REPOSITORY = tmp_path

    html = html_of(client, "/challenges/rest_demo/evil/")

    assert "<script" not in html
    assert "<b>" not in html
    assert 'href="javascript' not in html
    assert '<a href="/challenges/queue_demo/other/">b</a>' in html


@pytest.mark.parametrize(
    "path",
    ["/challenges/no_demo/oversell/", "/challenges/database_demo/nothing/", "/challenges/database_demo/..%2Foversell/",
     f"/challenges/database_demo/{'x' * 70_000}/", "/challenges/config/settings/"],
)  # fmt: skip
def test_a_page_that_does_not_exist_is_not_found(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_card_leads_to_its_page(client: Client, rest_demo: FakeDemo) -> None:
    rest_demo.experiments = [{**RESULT, "status": "idle", "name": name} for name in ("slow_client", "without_a_page")]

    html = html_of(client, "/")

    assert '<a href="/challenges/rest_demo/slow_client/">' in html
    assert "/challenges/rest_demo/without_a_page/" not in html


def test_a_page_leads_back_to_its_card(client: Client) -> None:
    assert '<a href="/#database_demo-oversell">Run it</a>' in html_of(client, OVERSELL)
