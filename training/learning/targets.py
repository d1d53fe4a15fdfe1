"""Score targets: pairs of a video and a piece of music with a match score in [0, 1], from whatever labels there are.

Binary labels are scores 0 and 1, ratings of 1 to 5 become (x - 1) / 4, and emotions give a graded score by how far
apart they lie on the valence-arousal plane. A pair of score .5 or more counts as matched: on the paper's scale
(AFCLNet, section 3.2) a rating of 3.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from recommender.affect.words import EMOTIONS as PLANE
from recommender.errors import InputError
from recommender.types import Array
from training.learning.folds import deal_folds, leave_out
from training.types import CLASSES, EMOTIONS, Pairs

MATCHED = 0.5
"""The least score of a matched pair."""

Rule = Callable[[Array, Array], Array]
"""Scores [n] of n pairs by the affect [n, a] of their video and of their music."""

Target = Literal["binary", "graded"]


def is_matched(score: Array) -> Array:
    """bool [n]: which scores count as matched."""
    return np.asarray(score) >= MATCHED


def from_ratings(rating: Array) -> Array:
    """Scores float64 [n] of ratings [n] from 1 (does not fit) to 5 (fits): (x - 1) / 4.

    Raises InputError for a rating outside 1 to 5, or NaN.
    """
    values = np.asarray(rating, np.float64)
    if bad := values[~((values >= 1) & (values <= 5))].tolist():
        raise InputError(f"rating {bad[0]:g} lies outside 1 to 5: give ratings on that scale, or scores from 0 to 1")
    return (values - 1) / 4


def emotion_scores() -> Array:
    """float64 [5, 5], symmetric: 1 - distance / largest distance of two EmoMV emotions on the valence-arousal plane.

    Their places are `recommender.affect.words.EMOTIONS`. Equal emotions have 1, the two farthest apart (fearful and
    relaxing) 0, fearful and tense .75.
    """
    places = np.array([PLANE[name] for name in EMOTIONS])
    distance = np.linalg.norm(places[:, None] - places[None, :], axis=2)
    return np.asarray(1 - distance / distance.max())


def class_scores() -> Array:
    """float64 [3, 3]: the same of positive, neutral and negative, neutral being halfway."""
    place = np.linspace(1, 0, len(CLASSES))
    return np.asarray(1 - np.abs(place[:, None] - place[None, :]))


def same_emotion(video: Array, music: Array) -> Array:
    """Scores [n] of one-hot emotions [n, 5]: 1 where both are the same, else 0."""
    return np.sum(video * music, axis=1)


def near_emotion(video: Array, music: Array) -> Array:
    """Scores [n] of one-hot emotions [n, 5], graded by `emotion_scores`."""
    return np.sum((video @ emotion_scores()) * music, axis=1)


@dataclass(frozen=True)
class NearAffect:
    """Scores [n] of rated affect [n, a]: 1 where both sides are equal, falling to 0 at the distance `reach`."""

    reach: float

    def __call__(self, video: Array, music: Array) -> Array:
        distance = np.linalg.norm(video - music, axis=1)
        return np.asarray(np.clip(1 - distance / self.reach, 0, 1))


RULES: dict[Target, Rule] = {"binary": same_emotion, "graded": near_emotion}


@dataclass(frozen=True)
class Scored:
    """n pairs with a match score and the affect of both sides.

    video: float32 [n, d_v]; music: float32 [n, d_m]. score: float64 [n] in [0, 1].
    video_affect, music_affect: float64 [n, a]: ratings, or one-hot emotions.
    group: int64 [n]; pairs of one group never cross folds. collection: int64 [n], where there are several.
    rule: the score of any video with any music by their affect; None where only the given pairs have one.
    classes: whether affect is one-hot.
    person, voice: float64 [n] of 0 and 1: whether the picture shows a person, whether the music has a voice; None where
        nobody said so.
    """

    video: Array
    music: Array
    score: Array
    video_affect: Array
    music_affect: Array
    group: Array
    rule: Rule | None = None
    classes: bool = False
    person: Array | None = None
    voice: Array | None = None
    collection: Array | None = None

    def __post_init__(self) -> None:
        arrays = {name: len(value) for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        if len(set(arrays.values())) > 1:
            raise InputError(f"scored pairs have columns of different length: {arrays}")
        if not np.all((self.score >= 0) & (self.score <= 1)):
            raise InputError("match scores must lie from 0 to 1: ratings of 1 to 5 go through (x - 1) / 4")
        if self.video_affect.shape != self.music_affect.shape:
            raise InputError(
                f"affect of shape {self.video_affect.shape} for the videos and {self.music_affect.shape} for the music:"
                " both sides need the same dimensions"
            )

    def __len__(self) -> int:
        return len(self.score)

    def take(self, rows: Array) -> "Scored":
        """The pairs at `rows` (indices or mask)."""
        arrays: dict[str, Any] = {k: v[rows] for k, v in vars(self).items() if isinstance(v, np.ndarray)}
        return replace(self, **arrays)

    def folds(self, k: int, seed: int) -> list[tuple[Array, Array]]:
        """k folds (fitted rows, held-out rows) that keep groups whole, of similar size, score and affect.

        Raises InputError for fewer than two folds, or fewer groups than folds.
        """
        if not 2 <= k <= (groups := len(np.unique(self.group))):
            raise InputError(f"{groups} groups of sources cannot make {k} folds: ask for between 2 and {groups}")
        labels = np.column_stack([np.ones(len(self)), self.score, self.video_affect, self.music_affect])
        labels -= np.minimum(labels.min(axis=0), 0)  # counts to be dealt evenly: not below 0
        return deal_folds(labels, self.group, k, seed=seed)

    def parts(self, k: int, seed: int) -> list[tuple[Array, Array]]:
        """(fitted rows, held-out rows): each collection left out once where there are several, else `folds`."""
        apart = [] if self.collection is None else leave_out(self.collection)
        return apart or self.folds(k, seed)


def score_pairs(pairs: Pairs, target: Target = "binary") -> Scored:
    """`pairs` with one-hot emotions as affect: scored by their match label, or graded by their emotions' distance."""
    one_hot = np.eye(len(EMOTIONS))
    video, music = one_hot[pairs.video_emotion], one_hot[pairs.music_emotion]
    score = pairs.match.astype(np.float64) if target == "binary" else near_emotion(video, music)
    sides = pairs.video, pairs.music, score, video, music
    return Scored(*sides, pairs.groups(), RULES[target], classes=True, collection=pairs.collection)
