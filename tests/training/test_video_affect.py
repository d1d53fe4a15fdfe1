"""The stated uncertainty of clips, and what their predictor is made of."""

import numpy as np
import pytest

from training.video_affect import MOVING, STATIC, residual_sd
from training.video_terms import FILM, PICTURES


def test_residual_sd_by_hand():
    # Spread 1, r .5: 1 + 1 - 2 * .5 = 1. Spread r: the shrunken prediction, sqrt(1 - r²) = .8. No skill: sqrt(1 + 1).
    found = residual_sd(np.array([0.5, 0.6, 0.0]), np.array([1.0, 0.6, 1.0]))
    assert found == pytest.approx([1.0, 0.8, np.sqrt(2)])


@pytest.mark.parametrize("spread", [0.5, 1.0])
@pytest.mark.parametrize(("level", "half"), [(0.8, 1.2816), (0.9, 1.6449)])
def test_stated_intervals_cover_what_they_say(spread, level, half):
    rng, r = np.random.default_rng(0), 0.3
    truth = rng.normal(size=100_000)
    prediction = spread * (r * truth + np.sqrt(1 - r * r) * rng.normal(size=100_000))
    inside = np.abs(prediction - truth) <= half * residual_sd(np.array(r), np.array(spread))
    assert inside.mean() == pytest.approx(level, abs=0.01)


def test_motion_its_peaks_its_changes_and_cuts_share_the_published_coefficients():
    arousal = {p.column: p.arousal for p in FILM if p.column in MOVING}
    assert set(arousal) == set(MOVING)
    assert "motion_sd_widths_per_s" in arousal
    assert sum(v for c, v in arousal.items() if c.startswith("motion")) == pytest.approx(0.12)
    assert arousal["cut_rate_per_min"] == 0.10
    assert not set(MOVING) & set(STATIC)
    assert set(PICTURES.columns) <= set(STATIC)
