"""No cache in front of the shop may hand one visitor's answer to the next."""

import pytest
from django.test import Client

LIST = "/api/v1/products/"


@pytest.mark.parametrize("headers", [{"Accept": "text/html"}, {"Authorization": "Bearer x"}, {"Cookie": "sessionid=1"}])
def test_an_answer_for_one_visitor_is_private(db: None, headers: dict[str, str]) -> None:
    answer = Client().get(LIST, headers=headers)

    assert answer["Cache-Control"] == "private, no-store"
