"""Some of a video's frames once more, larger: those that a network is to look at.

Networks read more detail than objective features do and cost some hundred times as much, so that a few frames have to
stand for the clip. Looks are dense where a clip begins and thin out: a clip of seconds gets several, and one of 30 s
eleven. On 45 real clips the affect of these differs from that of two frames a second by .06 to .1 SD of the clips on
average and .35 at most (valence, arousal, activity), where the stated uncertainty is above .8.
"""

from typing import Any

from recommender.media.paint import Painter
from recommender.types import Array

LEAST_S, SHARE, MOST_S = 1.0, 0.5, 4.0
"""The next look comes after so much of the time that has passed, at least and at most so many seconds: a window of ten
seconds has two."""
_TOLERANCE_S = 1e-6


class Looks:
    """Paints the frames that are due, no side above `side` pixels; of side 0 none. One instance per pass over a file,
    shown its frames in order of time."""

    def __init__(self, side: int, aspect: Any) -> None:
        self._painter = Painter(side, aspect) if side else None
        self._due_s = 0.0

    def at(self, t_s: float, frame: Any) -> Array | None:
        """uint8 [h, w, 3] of the decoded `frame` shown at `t_s`; None when no look is due."""
        if self._painter is None or t_s < self._due_s - _TOLERANCE_S:
            return None
        self._due_s = t_s + min(max(SHARE * t_s, LEAST_S), MOST_S)
        return self._painter.rgb(frame)
