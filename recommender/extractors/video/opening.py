"""Where a clip begins and ends for the eye: not with a black or white lead-in, a fade from it, a slate of a few frames.

Such frames decide nothing: they are left out, and times stay as they are. A clip that stays blank for longer begins so
on purpose, and one cut into several shots from its first frames on is left alone.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise, takewhile

import numpy as np

from recommender.extractors.video.motion import Flow, view
from recommender.extractors.video.picture import luma
from recommender.extractors.video.shots import FLOOR, Judge, blank, colours, cuts
from recommender.media import LEAD_S, Frame
from recommender.types import Array

SLATE_S = 0.3
"""Longest slate: a shot that is over so soon, before one that stands, nobody sees."""
_SHOWN, _RISING = 0.9, 0.98
"""Share of the contrast of the picture to come with which a fade has shown it; and of the last, which it keeps."""
_SUDDEN = 0.1  # change of the colours: most clips show less in their first frames, and need no closer look
_TOLERANCE_S = 1e-6


class Clock:
    """Tells when the frames that it watched end: the last is taken to last as long as the one before."""

    def __init__(self) -> None:
        self.end_s = self._last_s = 0.0

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """`frames` as they are."""
        for k, frame in enumerate(frames):
            if k:
                self.end_s = 2 * frame.t_s - self._last_s
            self._last_s = frame.t_s
            yield frame


def open_on_picture(frames: Iterable[Frame]) -> Iterator[Frame]:
    """`frames` without a lead-in, and without a blank of at most `LEAD_S` at the end."""
    frames = iter(frames)
    head: list[Frame] = []
    for frame in frames:
        head.append(frame)
        if frame.t_s > LEAD_S + _TOLERANCE_S:
            break
    return _without_tail(chain(trim(head), frames))


def open_bursts(read: Callable[[Array], Iterator[list[Frame]]], lengths: Array, end_s: float) -> Iterator[list[Frame]]:
    """The bursts that `read` gives for their `lengths` [key frames], as `open_on_picture`; the clip ends at `end_s`.

    A clip that seems to begin with a lead-in is read once more, with a first burst that reaches beyond it.
    """
    head, rest = _head(read(lengths))
    if head and (is_blank(head[0][0]) or begins(list(chain(*head)))):
        longer = lengths.copy()
        longer[0] += LEAD_S
        other, further = _head(read(longer))
        if start := begins(list(chain(*other))):
            rest, head = further, _trimmed(other, start)
    for run in chain(head, rest):
        if run[0].t_s <= 0 or end_s - run[0].t_s > LEAD_S or not all(map(is_blank, run)):
            yield run


def _head(runs: Iterator[list[Frame]]) -> tuple[list[list[Frame]], Iterator[list[Frame]]]:
    """The bursts that begin within `LEAD_S`, with the next one, and those that follow."""
    head = []
    for run in runs:
        head.append(run)
        if run[0].t_s > LEAD_S:
            break
    return head, runs


def _trimmed(head: list[list[Frame]], start: int) -> list[list[Frame]]:
    """`head` without its first `start` frames."""
    kept = {frame.t_s: frame for frame in trim(list(chain(*head)))}
    runs = [[kept[frame.t_s] for frame in run if frame.t_s in kept] for run in head]
    return [run for run in runs if run]


def trim(frames: list[Frame]) -> list[Frame]:
    """`frames`, of which the first ones come from the start of a clip, without its lead-in."""
    start = begins(frames)
    if not start:
        return frames
    first = frames[start]
    large = first.large if first.large is not None else first.spare
    return [first._replace(large=large), *frames[start + 1 :]]


def begins(frames: list[Frame]) -> int:
    """The place of the first frame that counts, 0 where nothing is to be left out; no more than `LEAD_S` is."""
    early = list(takewhile(lambda frame: frame.t_s <= LEAD_S + _TOLERANCE_S, frames))
    start = 0
    while (further := _next_start(early, start)) > start:
        start = further
    return start


def _next_start(early: list[Frame], start: int) -> int:
    """`start`, or where the picture appears when a blank or a slate is there."""
    if start >= len(early):
        return start
    if not is_blank(early[start]):
        return _after_slate(early, start)
    shown = next((k for k in range(start, len(early)) if not is_blank(early[k])), None)
    return start if shown is None else shown + _faded_in([float(luma(frame.rgb).std()) for frame in early[shown:]])


def _faded_in(contrasts: list[float]) -> int:
    """The place where a fade has half the contrast that it leads to; 0 where contrast does not rise to it."""
    place = int(np.argmax(np.array(contrasts) >= _SHOWN * contrasts[-1]))
    rising = all(b >= _RISING * a for a, b in pairwise(contrasts[: place + 1]))
    return place if rising else 0


def _after_slate(early: list[Frame], start: int) -> int:
    """Where the shot after a slate at `start` begins, else `start`."""
    brief = early[start].t_s + SLATE_S + _TOLERANCE_S
    histograms = [colours(frame.rgb) for frame in early[start:]]
    changes = [0.5 * float(np.abs(b - a).sum()) for a, b in pairwise(histograms)]
    sudden = [k for k, change in enumerate(changes) if change >= _SUDDEN]
    if not sudden or early[start + sudden[0] + 1].t_s > brief:
        return start
    if is_blank(early[start + sudden[0] + 1]):
        return start + sudden[0] + 1
    scores = _scores(early[start:])
    found = np.flatnonzero(cuts(scores, np.zeros(len(scores))))
    told = len(found) == 1 and scores[found[0]] >= 2 * FLOOR and early[start + found[0] + 1].t_s <= brief
    return start + int(found[0]) + 1 if told else start


def _scores(frames: list[Frame]) -> Array:
    """How much each picture but the first is another than the one before, see `shots`."""
    judge, views = Judge(Flow()), [view(frame.rgb) for frame in frames]
    judge.first(views[0])
    for v in views[1:]:
        judge.step(v)
    return np.array(judge.scores)


def is_blank(frame: Frame) -> bool:
    """Whether there is nothing to see in `frame`."""
    return blank(view(frame.rgb))


def _without_tail(frames: Iterable[Frame]) -> Iterator[Frame]:
    """`frames` without a blank that ends them, if it lasts for no more than `LEAD_S` after something was seen."""
    held: list[Frame] = []
    shown = False
    for frame in frames:
        if shown and is_blank(frame) and frame.t_s - (held or [frame])[0].t_s < LEAD_S - _TOLERANCE_S:
            held.append(frame)
            continue
        shown = not is_blank(frame)
        yield from (*held, frame)
        held.clear()
