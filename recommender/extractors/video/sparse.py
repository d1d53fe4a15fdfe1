"""A long clip seen through short bursts from its key frames: which bursts, and what they tell about all of it.

Nothing is decoded between two bursts: pictures are taken to last until the next, or to the cut in between, and motion
to go over evenly into that of the next, see `between`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from recommender.extractors.video.between import assume_steps
from recommender.extractors.video.gaps import Burst, cuts_between, cuts_inside, cuts_unmarked
from recommender.extractors.video.motion import REST, view
from recommender.extractors.video.picture import FULL, bars, crop_to
from recommender.extractors.video.series import Series, Sight, Step
from recommender.extractors.video.shots import cuts
from recommender.media import Frame, Outline
from recommender.types import Array

CODECS = ("h264",)
"""Where bursts were measured. VP8 and VP9 refresh what they refer to in large packets that look like cuts."""
LEAST_PX, LEAST_PX_PER_S = 300e6, 30e6
"""Pixels of a clip, and of each of its seconds, below which every frame is decoded: a second of work at most, or (720p
at 30 per second has 28 million) hardly more than measuring is."""
APART_S = 0.8
"""Key frames nearer to the last burst than this get none of their own, unless a long group starts there."""
LEAST_S, SHARE, BEYOND_S = 0.15, 0.2, 1.25
"""Least length of a burst, one step of the flow; where longer, a share of the time to the next beyond so much. With a
key frame every 2 s or every 10 s it then costs about a sixth of every frame."""
UNMARKED_S = 0.3
"""Least length, two steps, where most cuts have no key frame: there are fewer bursts then, and fewer shots seen."""
LONGEST_S = 12.5
"""Groups of pictures longer than this are decoded as a whole: a burst at the start says too little about the end.
Encoders set a key frame every 250 pictures at the most unless told otherwise: 10.4 s at 24 per second."""
HELD_S = 120.0
"""With a longer one all frames are decoded: the pictures of a burst are held together, 0.5 MB of each second."""
FEWEST = 3
"""With fewer bursts than this, all groups are decoded as a whole."""


@dataclass(frozen=True)
class Sampled:
    """What was measured of a clip, in order of time.

    stills float64 [s, f] at still_s [s], each standing for hold_s [s] seconds; steps [n], which of them are `cut`s and
    which are `assume_steps`, not seen, bool [n]; cut_s: when shots begin, [c]; looks float32 [l, d] at look_s [l].
    """

    still_s: Array
    stills: Array
    hold_s: Array
    steps: list[Step]
    cut: Array
    assumed: Array
    cut_s: Array
    frames: int
    look_s: Array
    looks: Array

    @property
    def edges(self) -> Array:
        """When each step starts and ends, float64 [n, 2]."""
        return np.array([s[:2] for s in self.steps]).reshape(-1, 2)


def plan(seen: Outline | None) -> Array | None:
    """Length in s of the burst from each key frame, float64 [k] (negative: none); None to decode every frame."""
    if seen is None or seen.codec not in CODECS or seen.pixels < max(LEAST_PX, LEAST_PX_PER_S * seen.end_s):
        return None
    times = seen.times_s[seen.starts]
    groups = np.diff([*times, seen.end_s])
    chosen = _apart(times, groups)
    gaps = np.diff([*times[chosen], seen.end_s])
    lengths = np.full(len(times), -1.0)
    whole = (gaps > LONGEST_S) | (len(chosen) < FEWEST)
    if gaps[whole].max(initial=0.0) > HELD_S:
        return None
    least = UNMARKED_S if cuts_unmarked(seen) else LEAST_S
    lengths[chosen] = np.where(whole, np.inf, np.maximum(least, SHARE * (gaps - BEYOND_S)))
    return lengths


def _apart(times: Array, groups: Array) -> list[int]:
    """Places of the key frames to start a burst from, given their times and how long their groups last."""
    chosen = [0]
    for k in range(1, len(times)):
        if times[k] - times[chosen[-1]] >= APART_S or groups[k] >= APART_S:
            chosen.append(k)
    return chosen


def sample_bursts(
    bursts: Iterable[list[Frame]], seen: Outline, batch: int, *, sight: Sight | None = None
) -> Sampled | None:
    """The measurements of `bursts`, None of none; black bars are looked for in `batch` frames at a time."""
    measured = list(_measure(bursts, batch, sight))
    if not measured:
        return None
    steps = [step for b in measured for step in b.series.steps]
    scores = np.concatenate([b.series.scores for b in measured])
    cut = cuts(scores, np.array([s.speeds.mean for s in steps])) | cuts_inside(steps, scores, seen)
    between = cuts_between(measured, seen)
    spans = _spans(measured, between, seen.end_s)
    hold_s = np.concatenate([_holds(b.series.still_s, span) for b, span in zip(measured, spans, strict=True)])
    stills = np.stack([still for b in measured for still in b.series.stills])
    of_bursts = np.split(cut, np.cumsum([len(b.series.steps) for b in measured])[:-1])
    unseen = assume_steps(measured, of_bursts, between, seen=seen)
    every = [*steps, *unseen]
    order = np.argsort([s.start_s for s in every], kind="stable")
    return Sampled(
        still_s=np.array([t for b in measured for t in b.series.still_s]),
        stills=stills,
        hold_s=hold_s,
        steps=[every[i] for i in order],
        cut=np.append(cut, np.zeros(len(unseen), bool))[order],
        assumed=(np.arange(len(every)) >= len(steps))[order],
        cut_s=np.sort(np.concatenate([np.array([s.end_s for s in steps])[cut], *between])),
        frames=sum(b.series.frames for b in measured),
        look_s=np.array([t for b in measured for t in b.series.look_s]),
        looks=np.array([look for b in measured for look in b.series.looks]),
    )


def _measure(bursts: Iterable[list[Frame]], batch: int, sight: Sight | None) -> Iterator[Burst]:
    crop = FULL
    for some in _batches(bursts, batch):
        crop = bars([frame.rgb for burst in some for frame in burst], crop)
        for burst in some:
            series = Series(sight)
            for frame in burst:
                series.add(frame, crop)
            if len(burst) > 1 and not series.steps:
                series.steps.append(Step(burst[0].t_s, burst[-1].t_s, REST, 0.0, 0.0))
                series.judge.rest()
            first, last = (view(crop_to(frame.rgb, crop)) for frame in (burst[0], burst[-1]))
            yield Burst(series, first, last, burst[0].t_s, burst[-1].t_s)


def _batches(bursts: Iterable[list[Frame]], batch: int) -> Iterator[list[list[Frame]]]:
    """Bursts together until they hold `batch` frames."""
    held: list[list[Frame]] = []
    for burst in bursts:
        held.append(burst)
        if sum(map(len, held)) >= batch:
            yield held
            held = []
    if held:
        yield held


def _spans(measured: list[Burst], between: list[Array], end_s: float) -> list[tuple[float, float]]:
    """The time that each burst stands for: from the last cut before it to the next cut or burst."""
    spans, start = [], 0.0
    for upto, cut_s in zip([*(b.start_s for b in measured[1:]), end_s], between, strict=True):
        spans.append((start, float(cut_s[0]) if len(cut_s) else upto))
        start = float(cut_s[-1]) if len(cut_s) else upto
    return spans


def _holds(times: list[float], span: tuple[float, float]) -> Array:
    """How long each of the stills at `times` is taken to last within `span`, in s."""
    return np.maximum(np.diff([span[0], *times[1:], max(span[1], times[-1])]), 1e-3)
