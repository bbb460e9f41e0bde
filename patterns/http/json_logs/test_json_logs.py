import json
import logging
import logging.config
from collections.abc import Iterator

import pytest

from ..request_id import current
from . import json_logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    names = (None, "django", "django.server", "noisy")
    before = [
        (each, each.handlers[:], each.level, each.propagate)
        for each in map(logging.getLogger, names)
    ]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers[:], logger.level, logger.propagate = handlers, level, propagate


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_record_is_one_line_of_json_with_the_request_id(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logging.config.dictConfig(json_logs())
    token = current.set("request-1")
    logging.getLogger("shop").warning("two\nlines and \ud800")
    current.reset(token)

    [line] = lines(capsys)
    assert line["request_id"] == "request-1"
    assert (line["level"], line["logger"]) == ("WARNING", "shop")
    assert line["message"] == "two\nlines and \ud800"
    assert "time" in line


def test_an_exception_is_in_the_same_line(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(json_logs())
    try:
        raise ZeroDivisionError("nothing")
    except ZeroDivisionError:
        logging.getLogger("shop").exception("failed")

    [line] = lines(capsys)
    assert "ZeroDivisionError: nothing" in str(line["exc_info"])


@pytest.mark.parametrize("name", ["django.request", "django.server", "anything"])
def test_each_record_appears_once(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(json_logs())
    logging.getLogger(name).error("once")

    assert [line["message"] for line in lines(capsys)] == ["once"]


def test_a_named_logger_has_its_own_level(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(json_logs(noisy="CRITICAL"))
    logging.getLogger("noisy").error("too much")

    assert lines(capsys) == []
