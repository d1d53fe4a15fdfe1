"""Medians and quantiles as NumPy gives them."""

import numpy as np
import pytest

from recommender.extractors.running import median, quantiles


@pytest.mark.parametrize("n", [1, 2, 3, 10, 101])
def test_as_numpy(n: int) -> None:
    for seed in range(5):
        series = np.random.default_rng(seed).normal(size=n)
        assert median(series) == np.median(series)
        assert quantiles(series, (0.05, 0.5, 0.9)) == pytest.approx(np.quantile(series, (0.05, 0.5, 0.9)))
        pictures = np.random.default_rng(seed).integers(0, 256, (3, n), np.uint8)
        assert quantiles(pictures, [0.98])[:, 0] == pytest.approx(np.percentile(pictures, 98, axis=1))
