"""Folds of labelled pairs: no source crosses, sizes and labels are balanced, a seed repeats."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import InputError
from training.datasets.emomv import load_emomv
from training.learning.folds import deal_pair_folds
from training.types import EMOTIONS, Pairs

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "emomv"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/emomv, which is not beside this checkout")


def made_pairs(video_source: Sequence[int], music_source: Sequence[int], seed: int = 0) -> Pairs:
    rng = np.random.default_rng(seed)
    n = len(video_source)
    video, music = rng.integers(0, len(EMOTIONS), (2, n))
    match = np.array([a == b for a, b in zip(video_source, music_source, strict=True)], np.int64)
    sources = (np.array(s, np.int64) for s in (video_source, music_source))
    return Pairs(np.zeros((n, 0)), np.zeros((n, 0)), match, video, music, *sources, ids=tuple(map(str, range(n))))


sources = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=60)


@settings(deadline=None)
@given(sources, st.integers(2, 5), st.integers(0, 3))
def test_no_source_crosses_folds_and_every_pair_is_tested_once(chosen, k, seed):
    pairs = made_pairs([a for a, _ in chosen], [b for _, b in chosen], seed)
    groups = len(set(pairs.groups().tolist()))
    if groups < k:
        with pytest.raises(InputError, match=f"{groups} groups of sources cannot make {k} folds"):
            deal_pair_folds(pairs, k, seed)
        return
    folds = deal_pair_folds(pairs, k, seed)
    assert len(folds) == k
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(len(pairs)))
    for train, test in folds:
        assert len(test)
        assert sorted([*train, *test]) == list(range(len(pairs)))
        sides = ([*pairs.take(rows).video_source, *pairs.take(rows).music_source] for rows in (train, test))
        assert not set.intersection(*map(set, sides))
    again = deal_pair_folds(pairs, k, seed)
    assert all((a == c).all() and (b == d).all() for (a, b), (c, d) in zip(folds, again, strict=True))


def test_folds_of_single_pairs_are_balanced_in_everything():
    pairs = made_pairs(range(500), range(500))
    for _, test in deal_pair_folds(pairs, 5, 0):
        assert abs(len(test) - 100) <= 2
        for emotions in (pairs.video_emotion, pairs.music_emotion):
            counts = np.bincount(emotions[test], minlength=5)
            assert np.abs(counts - np.bincount(emotions, minlength=5) / 5).max() <= 2


def test_one_fold_is_none_and_seeds_differ():
    pairs = made_pairs(range(40), range(40))
    with pytest.raises(InputError, match="1 folds: cross-validation needs at least 2"):
        deal_pair_folds(pairs, 1, 0)
    assert (deal_pair_folds(pairs, 4, 0)[0][1] != deal_pair_folds(pairs, 4, 1)[0][1]).any()


@real
def test_folds_of_the_published_training_set_are_balanced():
    train = load_emomv(SHARED, "emomv-c").pairs["train"]
    for seed in range(3):
        for _, test in deal_pair_folds(train, 5, seed):
            assert abs(len(test) - 72) <= 3
            assert train.match[test].mean() == pytest.approx(0.5, abs=0.03)
            assert np.abs(np.bincount(train.video_emotion[test], minlength=5) - [26.8, 5.6, 8.4, 14.4, 16.8]).max() <= 3
