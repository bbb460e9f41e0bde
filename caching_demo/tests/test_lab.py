from typing import Any

import pytest

from labkit.testing import experiment_names, results

__all__ = ["results"]  # a fixture


@pytest.mark.parametrize("name", experiment_names())
def test_the_naive_side_breaks_and_the_solved_side_holds(name: str, results: dict[str, dict[str, Any]]) -> None:
    assert results[name]["holds"], results[name]
