"""Agreement of scores with distances, weighted and resampled over both sides, worked by hand and against measures."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from training.measures import POINTWISE, per_query
from training.reranking.pigeonhole_bootstrap import Agreement, centre, chance, interval, nearest, resample, retrieval

RNG = np.random.default_rng(1)
DISTANCE = RNG.random((12, 9))
SCORE = RNG.normal(size=(12, 9)) - 2 * DISTANCE
ONES = np.ones(12), np.ones(9)


def test_a_case_worked_by_hand():
    # Two videos, three pieces; a third of three candidates is one, a third of six pairs is two.
    distance = np.array([[1.0, 2.0, 3.0], [6.0, 5.0, 4.0]])
    score = np.array([[9.0, 8.0, 1.0], [7.0, 2.0, 3.0]])
    found = Agreement(score, distance).figures(np.ones(2), np.ones(3))
    # Video 1 finds its nearest piece first; video 2 (nearest is piece 3) second: (1 + 1/2) / 2.
    assert found["video->music mAP"] == pytest.approx(0.75)
    # The nearest pairs have the two largest scores.
    assert found["AUC"] == 1
    # Video 1 alone.
    assert Agreement(score, distance).figures(np.array([1.0, 0.0]), np.ones(3))["video->music mAP"] == 1


def test_unweighted_figures_are_those_of_the_measures():
    found = Agreement(SCORE, DISTANCE).figures(*ONES)
    forth = per_query(SCORE, nearest(DISTANCE, axis=1), ["mAP"])["mAP"].mean()
    back = per_query(SCORE.T, nearest(DISTANCE.T, axis=1), ["mAP"])["mAP"].mean()
    assert found["video->music mAP"] == pytest.approx(forth)
    assert found["music->video mAP"] == pytest.approx(back)
    assert retrieval(SCORE, DISTANCE) == pytest.approx((forth + back) / 2)
    near = nearest(DISTANCE).ravel().astype(np.int64)
    assert found["AUC"] == pytest.approx(POINTWISE["AUC"].of(near, SCORE.ravel()))
    assert found["Spearman"] == pytest.approx(spearmanr(SCORE.ravel(), -DISTANCE.ravel()).statistic)
    assert found["Pearson"] == pytest.approx(np.corrcoef(SCORE.ravel(), -DISTANCE.ravel())[0, 1])


def test_a_weight_is_a_repetition():
    times = np.array([2, 0, 1, 3, *[1] * 8])
    weighted = Agreement(SCORE, DISTANCE).figures(times.astype(float), ONES[1])
    rows = np.repeat(np.arange(12), times)
    x, y = SCORE[rows].ravel(), -DISTANCE[rows].ravel()
    assert weighted["Pearson"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    near = nearest(DISTANCE)[rows].ravel().astype(np.int64)
    assert weighted["AUC"] == pytest.approx(POINTWISE["AUC"].of(near, x))
    each = per_query(SCORE[rows], nearest(DISTANCE, axis=1)[rows], ["mAP"])["mAP"]
    assert weighted["video->music mAP"] == pytest.approx(each.mean())


def test_what_is_good_for_all_is_no_centred_agreement():
    order = np.tile(-DISTANCE.mean(axis=0), (12, 1))
    found = Agreement(order, DISTANCE).figures(*ONES)
    assert found["Pearson"] > 0.2
    assert found["Pearson, centred"] == 0
    assert np.abs(centre(SCORE, *ONES).mean(axis=0)).max() < 1e-12


def test_equal_scores_are_at_chance():
    found, level = Agreement(np.zeros((12, 9)), DISTANCE).figures(*ONES), chance(DISTANCE)
    assert found["AUC"] == level["AUC"] == 0.5
    assert found["Spearman"] == found["Pearson"] == 0
    assert found["video->music mAP"] == pytest.approx(level["video->music mAP"], abs=0.15)


def test_resamples_are_the_same_for_all_and_draw_whole_groups():
    runs = {name: [Agreement(SCORE, DISTANCE)] for name in ("a", "b")}
    groups = [f"v{i // 3}" for i in range(12)], [f"m{i // 3}" for i in range(9)]
    found = list(resample(runs, groups, 50, seed=0))
    assert all(one["a"] == one["b"] for one in found)
    values = [one["a"]["Pearson"] for one in found]
    low, high = interval(values)
    assert low < Agreement(SCORE, DISTANCE).figures(*ONES)["Pearson"] < high
    assert [one["a"]["Pearson"] for one in resample(runs, groups, 50, seed=0)] == values
    # One group of each side: every resample is the whole.
    alone = list(resample(runs, (["v"] * 12, ["m"] * 9), 3, seed=0))
    assert len({one["a"]["AUC"] for one in alone}) == 1
