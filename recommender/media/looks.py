"""Some of a video's frames once more, larger: those that a network is to look at.

Networks read more detail than objective features do and cost some hundred times as much, so that a few frames have to
stand for the clip. Looks are dense where a clip begins and thin out: a clip of 3 s gets eleven, and one of 30 s thirty.
What a network says of a picture changes with its encoding and from frame to frame: with three looks a clip of 3 s was
read otherwise where it began half a second later (docs/results/looks.md).
"""

from typing import Any

import numpy as np

from recommender.media.paint import Painter
from recommender.types import Array

LEAD_S = 1.0
"""A clip may begin with no picture (black, a fade, a slate) for so long; frames shown then come with a spare look."""
LOOKS = "looks 2"
"""Changes whenever other frames are looked at."""
LEAST_S, SHARE, MOST_S = 0.25, 0.125, 4.0
"""The next look comes after so much of the time that has passed, at least and at most so many seconds: a window of ten
seconds has two."""
OTHER_S = 0.5
"""Least time between two looks where a film is read in parts: shots shorter than that are rare."""
_TOLERANCE_S = 1e-6
_PLAIN = 50.0  # variance in levels²: hardly anything to see
_OTHER = 24.0  # mean difference in levels: hardly a picture of the same shot


class Looks:
    """Paints the frames that are due, no side above `side` pixels; of side 0 none. One instance per pass over a file,
    shown its frames in order of time. `every_s`: of a film that is to be read in parts a look so often, and at pictures
    unlike the last that was looked at, after `OTHER_S`."""

    def __init__(self, side: int, aspect: Any, every_s: float | None = None) -> None:
        self._painter = Painter(side, aspect) if side else None
        self._every_s = every_s
        self._due_s = self._looked_s = 0.0
        self._first: Array | None = None
        self._looked: Array | None = None

    def at(self, t_s: float, frame: Any, rgb: Array) -> tuple[Array | None, Array | None]:
        """Of the decoded `frame` shown at `t_s`, `rgb` when painted small: the look that is due, else a spare one
        where the first picture was none; both uint8 [h, w, 3] or None."""
        if self._painter is None:
            return None, None
        self._first = rgb if self._first is None else self._first
        if t_s >= self._due_s - _TOLERANCE_S or self._is_other(t_s, rgb):
            self._looked_s, self._looked = t_s, rgb
            self._due_s = t_s + (self._every_s or min(max(SHARE * t_s, LEAST_S), MOST_S))
            return self._painter.rgb(frame), None
        return None, self._painter.rgb(frame) if self._is_new(t_s, rgb) else None

    def _is_other(self, t_s: float, rgb: Array) -> bool:
        """Whether a look is worth its time before it is due: every shot of a film should have one."""
        if self._every_s is None or self._looked is None or t_s < self._looked_s + OTHER_S - _TOLERANCE_S:
            return False
        return _differ(rgb, self._looked) > _OTHER

    def _is_new(self, t_s: float, rgb: Array) -> bool:
        """Whether the clip may begin with `rgb` rather than with its first picture."""
        if t_s > LEAD_S or self._first is None:
            return False
        return is_plain(self._first) or _differ(rgb, self._first) > _OTHER


def is_plain(rgb: Array) -> bool:
    """Whether there is hardly anything to see in a picture, uint8 [h, w, 3]: black, a fade, a slate."""
    return float(rgb.mean(axis=2).var()) < _PLAIN


def _differ(a: Array, b: Array) -> float:
    """By how many levels two pictures differ in the mean."""
    return float(np.abs(a.astype(np.int16) - b).mean())
