"""Cuts between shots, told from fast motion, flashes and fades.

A step between two frames scores the geometric mean of two disagreements: of their colour histograms (blind to
motion) and of their structure after motion compensation (blind to brightness). Both are large only where the
picture is another one. The threshold rises with the scores and the motion around a step, so that a dissolve
(many equal steps) or a whipping camera makes no cuts. A picture that gives way to a blank is no cut either, but
the end of a shot: the next one begins where the blank does.
"""

from functools import cache

import cv2
import numpy as np

from recommender.extractors.running import median
from recommender.extractors.video.lab import lab
from recommender.extractors.video.motion import VARIANCE, Flow, Match, View
from recommender.types import Array

CERTAIN = 0.33
"""Score that is a cut whatever is around it, as long as it stands alone."""
ALONE = 0.7
"""Largest share of its score that the step before or after a certain cut may have: dissolves have equals."""
FLOOR = 0.1
"""Score below which nothing is a cut; a cut in half of the picture scores about 0.15."""
LEAST, SCORES, SPEEDS = 0.03, 1.7, 0.55
"""Threshold = LEAST + SCORES x second largest score around + SPEEDS x median speed around."""
NEAR = 4
"""Steps on either side that set the threshold."""
WORTH = 0.08
"""Score from which the dearer second look (backwards in time) is taken."""
BINS = 16


class Judge:
    """Scores steps in order of time and says which led `into_blank`. Keeps the last two views and histograms."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._views: list[View] = []
        self._colours: list[Array] = []
        self.scores: list[float] = []
        self.into_blank: list[bool] = []

    def first(self, v: View) -> None:
        """Start over at `v` without a step (the first frame, or a new picture area)."""
        self._views, self._colours = [v], [colours(v.rgb)]

    def step(self, v: View) -> Match:
        """The match from the last view to `v`; appends the step's score."""
        now = colours(v.rgb)
        match = self._flow.match(self._views[-1], v)
        self.scores.append(self._score(self._views[-1], v, self._colours[-1], now, match))
        self.into_blank.append(blank(v) and not blank(self._views[-1]))
        self._forgive_flash(v, now)
        self._views, self._colours = [*self._views[-1:], v], [*self._colours[-1:], now]
        return match

    def rest(self) -> None:
        """Append a step without any change."""
        self.scores.append(0.0)
        self.into_blank.append(False)

    def _score(self, a: View, b: View, before: Array, after: Array, match: Match) -> float:
        difference = 0.5 * float(np.abs(after - before).sum())
        score = geometric_mean(difference, match.residual)
        if score < WORTH:
            return score
        # What a moving thing covers in one direction of time it uncovers in the other.
        return geometric_mean(difference, min(match.residual, self._flow.match(b, a).residual))

    def _forgive_flash(self, v: View, now: Array) -> None:
        """Unscore two steps that lead back to the same picture: a flash or one damaged frame."""
        if len(self._views) < 2 or min(self.scores[-2:]) < WORTH:
            return
        before = self._views[0]
        across = self._score(before, v, self._colours[0], now, self._flow.match(before, v))
        if across < 0.5 * min(self.scores[-2:]):
            self.scores[-2:] = [across, across]


def blank(v: View) -> bool:
    """Whether there is nothing to see: black between two shots, fog, a white-out."""
    return float(v.grey.var()) < VARIANCE


def cuts(scores: Array, speeds: Array) -> Array:
    """Which steps are cuts, bool [n]: `scores` of the judge, `speeds` mean flow in widths per second, both [n]."""
    found = np.zeros(len(scores), bool)
    for i, score in enumerate(scores):
        near = [j for j in range(max(0, i - NEAR), min(len(scores), i + NEAR + 1)) if j != i]
        beside = max((scores[j] for j in near if abs(j - i) == 1), default=0.0)
        certain = score >= CERTAIN and beside < ALONE * score
        found[i] = certain or score >= _threshold(scores[near], speeds[near])
    return found


def _threshold(scores: Array, speeds: Array) -> float:
    """Score needed for a cut among these neighbours: the second largest, as one of them may be a cut itself."""
    if not len(scores):
        return FLOOR
    second = float(np.sort(scores)[-min(2, len(scores))])
    return max(FLOOR, LEAST + SCORES * second + SPEEDS * median(speeds))


def colours(rgb: Array) -> Array:
    """Soft CIELAB histogram of `rgb`, float64 [16, 16, 16], sum 1."""
    values = lab(rgb)
    # a and b beyond +-64 are rare: finer bins where colours are.
    np.clip(values[..., 1:], -64, 63.9, out=values[..., 1:])
    counts = cv2.calcHist([values], [0, 1, 2], None, [BINS] * 3, [0, 100.1, -64, 64, -64, 64])
    soft = _softener()
    for _ in range(3):  # each turn smooths the last axis and moves it to the front
        counts = np.moveaxis(counts @ soft, -1, 0)
    return counts / rgb[..., 0].size


@cache
def _softener() -> Array:
    """[16, 16], rows summing to 1: spreads a bin over its neighbours, so that a slight shift of colour is slight."""
    distance = np.abs(np.subtract.outer(np.arange(BINS), np.arange(BINS)))
    weight = np.clip(3 - distance, 0, None)
    return weight / weight.sum(1, keepdims=True)


def geometric_mean(a: float, b: float) -> float:
    """Geometric mean of two disagreements."""
    return float(np.sqrt(max(a, 0) * max(b, 0)))
