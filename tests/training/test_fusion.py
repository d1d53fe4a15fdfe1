"""Fusion of two systems: the weight is found where one is planted, and every number is worked by hand."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.errors import InputError
from training.learning.weighing import best
from training.systems.fusion import Fusion, FusionConfig, fuse, scale_of
from training.types import Pairs

HAND = FusionConfig(folds=2, grid=(0.0, 0.5, 1.0))
FITS: list[tuple[str, int, bool]] = []


@dataclass(frozen=True)
class Member:
    """Scores a video with a piece of music by the product of one column of each; nothing is learnt."""

    name: str
    column: int
    emotional: bool = False

    def fit(self, train, seed, stop=None, extra=None):
        FITS.append((self.name, len(train), stop is not None))
        column, emotional = self.column, self.emotional

        class Fitted:
            def match(self, video, music):
                raise AssertionError("a fusion decides by its own score")

            def similarity(self, video, music):
                return np.outer(video[:, column], music[:, column])

            def emotions(self, modality, features):
                return np.full((len(features), 5), 0.2) if emotional else None

        return Fitted()


def pairs(video: list[list[float]], music: list[list[float]], emotion: list[int], match: list[int]) -> Pairs:
    """Pairs with these columns, each from a source of its own; both sides have the same emotion."""
    n = len(video)
    columns = [np.array(x, np.float32) for x in (video, music)]
    labels = np.array(emotion)
    ids = tuple(f"p{i}" for i in range(n))
    return Pairs(*columns, np.array(match), labels, labels, np.arange(n), np.arange(n) + 100, ids)


@pytest.fixture
def planted() -> Pairs:
    """Column 0 tells emotion 0 from 1 in every pair (the sign), column 1 is noise."""
    rng = np.random.default_rng(0)
    emotion = np.arange(24) % 2
    sign = np.where(emotion == 0, 1.0, -1.0) + rng.normal(0, 0.1, 24)
    sides = [np.column_stack([sign, rng.normal(size=24)]).tolist() for _ in range(2)]
    return pairs(*sides, emotion.tolist(), ((np.arange(24) // 2) % 2).tolist())


def test_scores_by_hand() -> None:
    train = pairs([[1, 0], [3, 2]], [[1, 1], [1, 3]], [0, 1], [1, 0])
    fitted = Member("a", 0).fit(train, 0), Member("b", 1).fit(train, 0)
    # First: rows 1 1 and 3 3, mean 2, SD 1. Second: rows 0 0 and 2 6, mean 2, SD sqrt(6).
    first, second = scale_of(fitted[0], train), scale_of(fitted[1], train)
    assert first == (2, 1)
    assert second == pytest.approx((2, np.sqrt(6)))
    assert first(np.array([3])).tolist() == [1]
    assert second(np.array([[6]])) == pytest.approx(4 / np.sqrt(6))
    assert fuse(np.array(1.0), np.array(3.0), 0.25) == 1.5
    assert scale_of(fitted[1], train.take(np.array([0]))).sd == 1  # one combination: nothing to scale by


@pytest.mark.parametrize(
    ("order", "weight"), [((0, 1), 0.0), ((1, 0), 1.0), ((0, 0), 0.0)], ids=["first", "second", "equal"]
)
def test_the_weight_goes_to_the_member_that_knows(planted: Pairs, order: tuple[int, int], weight: float) -> None:
    fusion = Fusion("f", Member("a", order[0]), Member("b", order[1]), HAND)
    fitted = fusion.fit(planted, 0)
    assert fitted.weight == weight
    assert max(fitted.quality) == fitted.quality[HAND.grid.index(weight)] == 1
    scores = fitted.similarity(planted.video, planted.music)
    knows = np.outer(planted.video[:, 0], planted.music[:, 0])
    np.testing.assert_allclose(scores, (knows - knows.mean()) / knows.std(), atol=1e-6)


def test_two_halves_of_the_truth_share_the_weight() -> None:
    # Column 0 tells emotions 0, 1 from 2, 3; column 1 tells 0, 2 from 1, 3: only together do they rank all right.
    emotion = np.arange(32) % 4
    half = np.column_stack([np.where(emotion < 2, 1, -1), np.where(emotion % 2 == 0, 1, -1)]).tolist()
    train = pairs(half, half, emotion.tolist(), (np.arange(32) // 4 % 2).tolist())
    fitted = Fusion("f", Member("a", 0), Member("b", 1), HAND).fit(train, 0)
    assert fitted.weight == 0.5
    assert fitted.quality[1] == 1
    assert fitted.quality[0] < 0.7 > fitted.quality[2]


def test_equal_weights_go_to_the_smallest() -> None:
    assert best((0.0, 0.5, 1.0), (0.3, 0.4, 0.4 + 1e-15)) == 0.5
    assert best((1.0, 0.5), (0.4, 0.4)) == 0.5


def test_inner_folds_see_neither_held_out_pairs_nor_the_stopping_set(planted: Pairs) -> None:
    FITS.clear()
    config = replace(HAND, folds=3, partitions=2)
    Fusion("f", Member("a", 0), Member("b", 1), config).fit(planted, 0, stop=planted)
    assert FITS == [("a", 16, False), ("b", 16, False)] * 6 + [("a", 24, True), ("b", 24, True)]


def test_matches_are_calibrated_out_of_fold(planted: Pairs) -> None:
    """The probability is the logistic function of the fused score of the pair, and it is honest on average."""
    fitted = Fusion("f", Member("a", 0), Member("b", 1), replace(HAND, partitions=2)).fit(planted, 0)
    match = fitted.match(planted.video, planted.music)
    score = np.diag(fitted.similarity(planted.video, planted.music))
    np.testing.assert_allclose(match, fitted.calibration(score), atol=1e-12)
    assert match.mean() == pytest.approx(planted.match.mean(), abs=0.05)
    many = planted.take(np.arange(70) % 24)  # more pairs than a block holds
    np.testing.assert_allclose(fitted.match(many.video, many.music), match[np.arange(70) % 24], atol=1e-12)
    assert fitted.match(planted.video[:0], planted.music[:0]).shape == (0,)


def test_emotions_come_from_the_first_member_that_has_them(planted: Pairs) -> None:
    fitted = Fusion("f", Member("a", 0), Member("b", 1, True), HAND).fit(planted, 0)
    assert fitted.emotions("video", planted.video).shape == (24, 5)
    assert Fusion("f", Member("a", 0), Member("b", 1), HAND).fit(planted, 0).emotions("music", planted.music) is None


def test_the_same_seed_gives_the_same_fusion(planted: Pairs) -> None:
    fusion = Fusion("f", Member("a", 0), Member("b", 1))
    one, other = fusion.fit(planted, 3), fusion.fit(planted, 3)
    assert (one.weight, one.calibration, one.quality) == (other.weight, other.calibration, other.quality)


def test_bad_settings_are_one_line(planted: Pairs) -> None:
    for wrong, message in (
        ({"grid": ()}, "weights of a fusion must lie from 0 to 1"),
        ({"grid": (0.5, 1.5)}, "weights of a fusion must lie from 0 to 1"),
        ({"partitions": 0}, "at least one partition"),
    ):
        with pytest.raises(InputError, match=message):
            FusionConfig(**wrong)
    with pytest.raises(InputError, match="24 groups of sources cannot make 25 folds"):
        Fusion("f", Member("a", 0), Member("b", 1), FusionConfig(folds=25)).fit(planted, 0)
