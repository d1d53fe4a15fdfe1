import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import InputError
from recommender.extractors.windows import windows


@pytest.mark.parametrize(
    ("duration_s", "starts"),
    [
        (10.001, [0]),
        (14.999, [0]),
        (15.0, [0, 5]),
        (15.0 - 1e-9, [0, 5]),
        (30.0, [0, 5, 10, 15, 20]),
    ],
)
def test_windows_start_every_five_seconds_while_they_fit(duration_s: float, starts: list[float]) -> None:
    grid = windows(duration_s)
    assert grid.dtype == np.float64
    np.testing.assert_allclose(grid, [[s, s + 10] for s in starts], atol=1e-12)


@pytest.mark.parametrize("duration_s", [0.0, 0.3, 9.99, 10.0])
def test_a_short_item_is_one_window(duration_s: float) -> None:
    np.testing.assert_array_equal(windows(duration_s), [[0.0, duration_s]])


def test_other_lengths() -> None:
    np.testing.assert_allclose(windows(5.0, length_s=2.0, hop_s=1.5), [[0, 2], [1.5, 3.5], [3, 5]])


@given(st.floats(0, 20_000))
def test_windows_cover_the_item_up_to_one_hop(duration_s: float) -> None:
    grid = windows(duration_s)
    assert grid[0, 0] == 0
    assert duration_s - 5 < grid[-1, 1] <= duration_s + 1e-6
    assert np.all(np.diff(grid[:, 0]) == 5)


@pytest.mark.parametrize("duration_s", [-1.0, float("nan"), float("inf")])
def test_an_impossible_duration_is_refused(duration_s: float) -> None:
    with pytest.raises(InputError, match="duration must be a finite number of seconds"):
        windows(duration_s)


@pytest.mark.parametrize(("length_s", "hop_s"), [(0.0, 5.0), (10.0, 0.0), (10.0, -1.0)])
def test_an_impossible_grid_is_refused(length_s: float, hop_s: float) -> None:
    with pytest.raises(InputError, match="length and hop must be > 0"):
        windows(60.0, length_s, hop_s)
