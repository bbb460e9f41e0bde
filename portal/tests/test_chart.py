import pytest

from door.chart import pairs


def test_a_bar_is_its_share_of_the_longer_one_of_its_pair() -> None:
    [orders, rows] = pairs({"orders": 50, "rows": 3}, {"orders": 10, "rows": 6})

    assert [bar.percent for bar in orders.bars] == ["100.0", "20.0"]
    assert [bar.percent for bar in rows.bars] == ["50.0", "100.0"]


def test_a_small_count_is_still_seen_and_none_is_not() -> None:
    [lost, errors] = pairs({"lost": 1_000_000, "errors": 0}, {"lost": 1, "errors": 0})

    assert [bar.percent for bar in lost.bars] == ["100.0", "1.5"]
    assert [bar.percent for bar in errors.bars] == ["0", "0"]
    assert lost.title == "lost: naive 1,000,000, solved 1"


def test_a_count_of_one_side_stands_beside_a_dash() -> None:
    [queued, ms] = pairs({"queued_jobs": 2}, {"slowest_ms": 0.5})

    assert (queued.label, queued.bars[1].text) == ("queued jobs", "–")
    assert (ms.label, ms.bars[0].text, ms.bars[1].percent) == ("slowest (ms)", "–", "100.0")


def test_counts_that_are_equal_on_both_sides_are_marked() -> None:
    [attempts, orders] = pairs({"attempts": 50, "orders": 17}, {"attempts": 50, "orders": 1})

    assert (attempts.is_equal, orders.is_equal) == (True, False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True])
def test_a_count_that_is_not_a_number_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not a count"):
        pairs({"orders": value}, {})
