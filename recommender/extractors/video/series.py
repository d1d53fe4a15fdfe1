"""What is kept of a clip while its frames stream past: statistics of stills, and one `Step` per change."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from recommender.extractors.video import colour, composition, texture
from recommender.extractors.video.motion import REST, Flow, Speeds, View, alike, speeds, view
from recommender.extractors.video.picture import FULL, Crop, crop_to, picture
from recommender.extractors.video.shots import Judge
from recommender.media import Frame
from recommender.types import Array, Column

STILL_PX = 128
STILL_EVERY_S = 0.5  # pictures change slowly between cuts; measuring all 8 frames per second costs 4 times as much
FREEZE_S = 0.5  # a frame held longer rests; a shorter hold is a source slower than the sampling


class Sight(NamedTuple):
    """A network that looks at some pictures: its columns, and `features` of uint8 [h, w, 3], float32 [columns]."""

    columns: tuple[Column, ...]
    features: Callable[[Array], Array]


class Step(NamedTuple):
    """From one frame to the next different one.

    Times in s, speeds in widths/s, the share of the picture's structure that the flow leaves unexplained
    (0 to 2, see `motion.residual`), and the change of mean brightness (0 to 1).
    """

    start_s: float
    end_s: float
    speeds: Speeds
    residual: float
    jump: float


class Series:
    """Takes in frames in order of time. Holds two frames at a time, and a few numbers for each.

    With `sight` the larger pictures that come with some frames are looked at.
    """

    def __init__(self, sight: Sight | None = None) -> None:
        self.frames = 0
        self.end_s = 0.0
        self.still_s: list[float] = []
        self.stills: list[Array] = []
        self.look_s: list[float] = []
        self.looks: list[Array] = []
        self.steps: list[Step] = []
        self.judge = Judge(Flow())
        self._crop = FULL
        self._last: Frame
        self._view: View
        self._measured: Array  # the picture that the last still statistics are of
        self._still: Array
        self._sight = sight
        self._looked: Array  # the picture that the last look was at
        self._since = 0.0  # when the last new frame appeared

    def add(self, frame: Frame, crop: Crop) -> None:
        """Take in the next frame, of which `crop` is the picture."""
        if not self.frames:
            self._last, self._since = frame, frame.t_s
            self._recrop(crop)
        elif crop != self._crop:
            self._recrop(crop)
        if not self.stills or frame.t_s >= self.still_s[-1] + STILL_EVERY_S - 1e-6:
            self._measure(frame)
        if self._sight is not None and frame.large is not None:
            self._look(crop_to(frame.large, crop), frame.t_s, self._sight)
        if self.frames:
            if not np.array_equal(frame.rgb, self._last.rgb):
                self._step(frame)
            # The last frame is taken to last as long as the one before.
            self.end_s = 2 * frame.t_s - self._last.t_s
        self._last = frame
        self.frames += 1

    def finish(self) -> None:
        """Close the series: a frame held to the end rests, if it is held for long."""
        if self.frames and self.end_s - self._since > FREEZE_S:
            self._rest(self.end_s)

    @property
    def scores(self) -> Array:
        """The judge's score of every step, float64 [n]; 0 of those that only lead into a blank."""
        return np.where(self.judge.into_blank, 0.0, np.array(self.judge.scores, np.float64))

    def _recrop(self, crop: Crop) -> None:
        """See the last frame through `crop`, so that it compares with the next one."""
        self._crop = crop
        self._view = view(crop_to(self._last.rgb, crop))
        self.judge.first(self._view)

    def _measure(self, frame: Frame) -> None:
        """Append the statistics of the picture; of one that is held (for hours, in a damaged file) the same again."""
        rgb = crop_to(frame.rgb, self._crop)
        if not (self.stills and np.array_equal(rgb, self._measured)):
            p = picture(rgb, STILL_PX)
            self._still = np.concatenate([part.measure(p) for part in (colour, texture, composition)])
            self._measured = rgb
        self.still_s.append(frame.t_s)
        self.stills.append(self._still)

    def _look(self, rgb: Array, t_s: float, sight: Sight) -> None:
        """Append the features of a look; of a picture that is held the same again."""
        held = bool(self.looks) and np.array_equal(rgb, self._looked)
        self.looks.append(self.looks[-1] if held else sight.features(rgb))
        self.look_s.append(t_s)
        self._looked = rgb

    def _step(self, frame: Frame) -> None:
        """Add the step to a new frame, after the rest of a frame that was held for long."""
        if frame.t_s - self._since > FREEZE_S and self._last.t_s > self._since:
            self._rest(self._last.t_s)
        now = alike(view(crop_to(frame.rgb, self._crop)), self._view)
        match = self.judge.step(now)
        duration = max(frame.t_s - self._since, 1e-3)
        moved = Speeds(*(part / duration for part in speeds(match, self._view, now)))
        jump = abs(float(now.grey.mean()) - float(self._view.grey.mean())) / 255
        self.steps.append(Step(self._since, frame.t_s, moved, match.residual, jump))
        self._view, self._since = now, frame.t_s

    def _rest(self, until_s: float) -> None:
        self.steps.append(Step(self._since, until_s, REST, 0.0, 0.0))
        self.judge.rest()
        self._since = until_s
