"""Features of parts of a film, each as if it were a clip of its own, from one reading of the whole film.

What is measured twice a second and between frames is pooled per part, and its windows are counted from its beginning:
no window lies across a border.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from recommender.extractors.video import clip, video
from recommender.extractors.video.dissolves import dissolves
from recommender.extractors.video.series import Step
from recommender.extractors.video.sparse import Sampled
from recommender.extractors.video.video import Measured
from recommender.types import Array, Facts, Features

LOOK_EVERY_S = 2.0
"""Time between two looks within a shot: the shortest scene has several. A clip of its own has two in ten seconds."""
NEAR_S = 0.15
"""A cut so near to a border is the border: frames are sampled 8 times a second, borders lie on any of them."""
_LOST = ("read_s", "declared_s", "seen_s")
_EPS_S = 1e-6


@dataclass(frozen=True)
class Reading:
    """A film that was read once: some 10 kB for every second of it.

    Attributes
    ----------
    measured: of the whole. dissolve_s: the middles of what leads from one shot to the next without a cut, in s.
    """

    measured: Measured
    dissolve_s: tuple[float, ...] = ()

    @property
    def duration_s(self) -> float:
        """How long it lasts."""
        return self.measured.duration_s

    @property
    def cut_s(self) -> Array:
        """When shots begin, float64 [c], to 1/8 s."""
        return self.measured.found.cut_s

    @property
    def facts(self) -> Facts:
        """Of the reading (see `Features.facts`)."""
        return self.measured.facts

    @cached_property
    def edges(self) -> Array:
        """When each step starts and ends, float64 [n, 2]."""
        return self.measured.found.edges

    @cached_property
    def _spread(self) -> Array:
        return np.maximum(self.measured.found.stills.std(axis=0), _EPS_S)

    def look(self, start_s: float, end_s: float) -> Array:
        """What the network sees from one time until another, float64 [d]: the mean over time."""
        part = self.cut_out(start_s, end_s)
        standing_s = video.standing(part.look_s, part.cut_s, end_s - start_s)
        return np.asarray(np.average(part.looks, axis=0, weights=standing_s))

    def is_looked_at(self, start_s: float, end_s: float) -> bool:
        """Whether a look lies between two times: not in every shot of a second and less."""
        times = self.measured.found.look_s
        return bool(((times >= start_s - _EPS_S) & (times < end_s - _EPS_S)).any())

    def still(self, start_s: float, end_s: float) -> Array:
        """Mean light, colour, texture and composition between two times over their SDs in the film, float64 [f]."""
        inside = _inside(self.measured.found.still_s, start_s, end_s)
        return np.asarray(self.measured.found.stills[inside].mean(axis=0) / self._spread)

    def features(self, start_s: float, end_s: float) -> Features:
        """What the stretch would have as a clip of its own (columns of `clip`), near enough."""
        facts = {name: value for name, value in self.facts.items() if name not in _LOST}
        return video.pool(Measured(self.cut_out(start_s, end_s), end_s - start_s, facts), clip.SIGHT)

    def cut_out(self, start_s: float, end_s: float) -> Sampled:
        """What lies between two times, counted from the first; one picture and one look at least."""
        found = self.measured.found
        still, look = _inside(found.still_s, start_s, end_s), _inside(found.look_s, start_s, end_s)
        steps = self._steps(start_s, end_s)
        cut_s = found.cut_s[(found.cut_s > start_s + NEAR_S) & (found.cut_s < end_s - _EPS_S)]
        return replace(
            found,
            still_s=np.maximum(found.still_s[still] - start_s, 0.0),
            stills=found.stills[still],
            hold_s=found.hold_s[still],
            steps=[_clip(found.steps[i], start_s, end_s) for i in steps.tolist()],
            cut=found.cut[steps],
            assumed=found.assumed[steps],
            cut_s=cut_s - start_s,
            frames=len(steps) + 1,
            look_s=np.maximum(found.look_s[look] - start_s, 0.0),
            looks=found.looks[look],
        )

    def _steps(self, start_s: float, end_s: float) -> Array:
        """Places of the steps between two times; a cut that leads over either of them is of neither side."""
        first = int(np.searchsorted(self.edges[:, 1], start_s + _EPS_S))
        last = int(np.searchsorted(self.edges[:, 0], end_s - _EPS_S))
        over = [self.measured.found.cut[first:last] & _crosses(self.edges[first:last], at) for at in (start_s, end_s)]
        return first + np.flatnonzero(~(over[0] | over[1]))


def read(path: Path, on_second: Callable[[float], None] | None = None) -> Reading:
    """The film at `path`; `on_second` is told how far it is read. Raises MediaError as `clip.extract`."""
    measured = video.measure(path, clip.SIGHT, look_every_s=LOOK_EVERY_S, on_second=on_second)
    return Reading(measured, tuple(dissolves(path, measured.found, measured.duration_s).tolist()))


def _inside(times: Array, start_s: float, end_s: float) -> slice:
    """Those of `times` (ascending) from one time until another; where none is, the one nearest to their middle."""
    first, last = np.searchsorted(times, (start_s - _EPS_S, end_s - _EPS_S)).tolist()
    if first == last:
        first = int(np.abs(times - 0.5 * (start_s + end_s)).argmin())
        last = first + 1
    return slice(first, last)


def _crosses(edges: Array, at_s: float) -> Array:
    """Which steps lead over a border, bool [n]: to a picture that is there from the border on."""
    return np.asarray((edges[:, 0] < at_s - _EPS_S) & (edges[:, 1] >= at_s - _EPS_S) & (edges[:, 1] < at_s + NEAR_S))


def _clip(step: Step, start_s: float, end_s: float) -> Step:
    """What of a step lies between two times, counted from the first; its rates hold throughout."""
    return step._replace(start_s=max(step.start_s, start_s) - start_s, end_s=min(step.end_s, end_s) - start_s)
