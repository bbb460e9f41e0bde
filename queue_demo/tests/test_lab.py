import pytest

from labkit.testing import experiment_names, run_experiment


@pytest.mark.parametrize("name", experiment_names())
def test_the_naive_side_breaks_and_the_solved_side_holds(name: str) -> None:
    result = run_experiment(name)

    assert result["holds"], result
