"""Objective features of a clip or a still: light, colour, texture, composition, motion, cuts.

Pictures are measured twice a second, motion and cuts between all sampled frames. Times are true times: frames
that a slow source repeats are skipped, and the flow to the next new frame is divided by the time between.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from recommender.errors import MediaError
from recommender.extractors.video import colour, composition, texture
from recommender.extractors.video.motion import UNSEEN
from recommender.extractors.video.opening import Clock, open_bursts, open_on_picture
from recommender.extractors.video.picture import FULL, bars, one_thread
from recommender.extractors.video.series import Series, Sight
from recommender.extractors.video.shots import cuts
from recommender.extractors.video.sparse import Sampled, plan, sample_bursts
from recommender.extractors.windows import windows
from recommender.media import Damage, Frame, Outline, bursts, outline
from recommender.media import frames as decode
from recommender.types import Array, Column, Facts, Features

REVISION = "5"
"""Changes whenever the same file would give other numbers."""
FORMER = ("4",)
"""The same numbers but of HDR and wide gamuts, whose light tones were up to two levels darker."""

MOTION = (
    Column("motion_widths_per_s", "widths/s", "mean optical flow over area and time, cuts left out"),
    Column("motion_p90_widths_per_s", "widths/s", "90th percentile of flow over the area, mean over time"),
    Column("camera_motion_widths_per_s", "widths/s", "flow explained by shift, zoom and roll of the picture"),
    Column("local_motion_widths_per_s", "widths/s", "flow left after taking the camera's away"),
    Column("brightness_change_per_s", "1/s", "change of mean brightness (0 to 1) per second, cuts left out"),
    Column("motion_sd_widths_per_s", "widths/s", "standard deviation over time of the flow in half seconds"),
)
EVENTS = (
    Column("flash_rate_per_min", "1/min", "pairs of sudden changes of brightness (above 0.1), cuts left out"),
    Column("cut_rate_per_min", "1/min", "cuts per minute"),
    Column("shot_length_s", "s", "mean length of the shots in sight, each in full"),
)
COLUMNS: tuple[Column, ...] = (*colour.COLUMNS, *texture.COLUMNS, *composition.COLUMNS, *MOTION, *EVENTS)

BATCH = 80  # ten seconds at 8 frames per second, 4 MB: black bars are looked for in each batch
LOOK_PX = 320
"""Longest side of a picture that is looked at: the rated pictures have as many."""
FLASH = 0.1  # between neighbouring frames; a fade of a second and a half stays below
SLICE_S = 0.5
STILL_WIDTHS_PER_S = 1e-3
"""Motion that nobody sees: what an encoder makes of a picture that is held."""
RATE_S = 10.0
"""Rates of cuts and flashes are over no less than this: one cut in two seconds does not mean 30 a minute."""


class Measured(NamedTuple):
    """What was measured of a clip, how long it lasts in s, and facts about the measuring."""

    found: Sampled
    duration_s: float
    facts: Facts


def extract(path: Path, sight: Sight | None = None) -> Features:
    """Features of the pictures in `path`, and after them what `sight` sees; raises MediaError when there are none.

    Large clips are seen through bursts from their key frames, see `sparse`; `facts` tells how: `sampling`, the number
    of key frames and the seconds seen.
    """
    return pool(measure(path, sight), sight)


def measure(
    path: Path,
    sight: Sight | None = None,
    *,
    look_every_s: float | None = None,
    on_second: Callable[[float], None] | None = None,
) -> Measured:
    """What `extract` pools: a few numbers for each half second of the clip, whose frames stream past.

    Parameters
    ----------
    look_every_s: how often `sight` looks; by default ever more seldom. on_second: told how far the clip is read, in s.
    """
    seen = outline(path)
    lengths = plan(seen)
    looks: dict[str, Any] = {"look_side": LOOK_PX if sight is not None else 0, "look_every_s": look_every_s}
    if seen is not None and lengths is not None:
        damage = Damage()

        def read(some: Array) -> Iterator[list[Frame]]:
            return _told(bursts(path, seen, some, damage=damage, **looks), lambda run: run[0], on_second)

        found = _from_bursts(read, seen, lengths, sight)
        if found is not None and not (damage.packets or damage.frames):
            return found
    damage = Damage()  # where anything of the bursts is damaged all is decoded
    shown = _told(decode(path, damage=damage, **looks), lambda frame: frame, on_second)
    found = _measure_frames(shown, sight)
    return found._replace(facts={**found.facts, **damage.facts()})


_Shown = TypeVar("_Shown")


def _told(
    shown: Iterable[_Shown], first: Callable[[_Shown], Frame], on_second: Callable[[float], None] | None
) -> Iterator[_Shown]:
    """What is `shown` as it is, its times told."""
    for one in shown:
        if on_second is not None:
            on_second(first(one).t_s)
        yield one


def _from_bursts(
    read: Callable[[Array], Iterator[list[Frame]]], seen: Outline, lengths: Array, sight: Sight | None
) -> Measured | None:
    """What one burst per key frame tells, or None when there is none."""
    with one_thread():
        found = sample_bursts(open_bursts(read, lengths, seen.end_s), seen, BATCH, sight=sight)
    if found is None:
        return None
    few = np.isinf(lengths).any()
    how = "key frames, more where they are few" if few else "key frames"
    seen_s = float(np.diff(found.edges, axis=1)[~found.assumed].sum())
    facts: Facts = {"sampling": how, "key_frames": len(seen.starts), "seen_s": round(seen_s, 3)}
    if seen.declared_s is not None:
        facts = {**facts, **Damage(0, 0, seen.end_s, seen.declared_s).facts()}
    return Measured(found, seen.end_s, facts)


def from_frames(frames: Iterable[Frame], duration_s: float | None = None, sight: Sight | None = None) -> Features:
    """Features of `frames` in order of time; `duration_s` defaults to the end of the last frame.

    `sight` looks at those that come with a larger picture.

    Raises MediaError when there is no frame.
    """
    found = _measure_frames(frames, sight)
    return pool(found if duration_s is None else found._replace(duration_s=float(duration_s)), sight)


def _measure_frames(frames: Iterable[Frame], sight: Sight | None) -> Measured:
    clock = Clock()
    series, shown, crop = Series(sight), open_on_picture(clock.watch(frames)), FULL
    with one_thread():
        while batch := list(islice(shown, BATCH)):
            crop = bars([f.rgb for f in batch], crop)
            for frame in batch:
                series.add(frame, crop)
    if not series.frames:
        raise MediaError("No picture to measure: the video holds no frame that can be decoded.")
    series.finish()
    return Measured(_all(series), clock.end_s, {"sampling": "every frame"})


def _all(series: Series) -> Sampled:
    """A series without gaps."""
    steps = series.steps
    cut = cuts(series.scores, np.array([s.speeds.mean for s in steps]))
    still_s = np.array(series.still_s)
    hold_s = np.ones(len(still_s))
    cut_s = np.array([s.end_s for s in steps])[cut]
    unseen = np.zeros(len(steps), bool)
    looks = np.array(series.look_s), np.array(series.looks)
    return Sampled(still_s, np.stack(series.stills), hold_s, steps, cut, unseen, cut_s, series.frames, *looks)


def pool(measured: Measured, sight: Sight | None) -> Features:
    """What was measured, per window and as a whole."""
    found, duration_s, facts = measured
    bounds = windows(duration_s)
    spans = np.concatenate((bounds, [[0.0, duration_s]]))
    still = _averages(found.still_s, found.stills, found.hold_s, spans)
    parts = [still, _motion(found, spans), _events(found, spans)]
    columns = COLUMNS
    if sight is not None:
        columns = (*COLUMNS, *sight.columns)
        standing_s = standing(found.look_s, found.cut_s, duration_s)
        parts.append(_averages(found.look_s, found.looks, standing_s, spans))
    values = np.concatenate(parts, axis=1).astype(np.float32)
    counts = {"shots": len(found.cut_s) + 1, "damaged_packets": 0, "still": _stills(found), "frames": found.frames}
    return Features(tuple(c.name for c in columns), bounds, values[:-1], values[-1], duration_s, {**counts, **facts})


def standing(times: Array, cut_s: Array, end_s: float) -> Array:
    """For how many seconds the picture at each of `times` [l] stands, float64 [l], positive.

    From its time, or from the last cut since the one before, to the next one's time or the first cut on the way. Shots
    between two cuts that nobody looked at are not guessed at.
    """
    starts, ends = [0.0], list[float]()
    for now, upto in zip(times, [*times[1:], max(end_s, times[-1])], strict=True):
        between = cut_s[(cut_s > now) & (cut_s <= upto)]
        ends.append(float(between[0]) if len(between) else upto)
        starts.append(float(between[-1]) if len(between) else upto)
    return np.maximum(np.array(ends) - np.array(starts[:-1]), 1e-3)


def _stills(found: Sampled) -> bool:
    """Whether there are pictures only: one, or several with nothing but cuts from each to the next (a slideshow).

    One picture held for long is a clip of something that rests.
    """
    moving = [step.speeds.mean > STILL_WIDTHS_PER_S for step in found.steps]
    return found.frames == 1 or bool(found.cut.any() and not (np.array(moving) & ~found.cut).any())


def _averages(times: Array, rows: Array, weights: Array, spans: Array) -> Array:
    """Weighted mean of the `rows` [s, f] in each span, float64 [n, f]; where none is, the next one, or the last."""
    first = np.searchsorted(times, spans[:, 0] - 1e-9)
    last = np.searchsorted(times, spans[:, 1] - 1e-9)
    first = np.minimum(first, len(times) - 1)
    some = [slice(a, max(b, a + 1)) for a, b in zip(first, last, strict=True)]
    return np.stack([np.average(rows[s], axis=0, weights=weights[s]) for s in some])


def _motion(found: Sampled, spans: Array) -> Array:
    """Mean motion in each span, its change of brightness, and how the motion varies; float64 [n, 6].

    Cuts are no motion, and neither is a flow that explains too little; where nothing is known all is 0.
    """
    steps, edges, cut = found.steps, found.edges, found.cut
    flow = np.array([s.speeds for s in steps]).reshape(-1, 4)
    light = np.array([[s.jump / (s.end_s - s.start_s)] for s in steps]).reshape(-1, 1)
    seen = ~cut & (np.array([s.residual for s in steps]) < UNSEEN)
    moving = _means(edges[seen], flow[seen], spans)[0]
    flicker = _means(edges[~cut], light[~cut], spans)[0]
    slices = np.arange(0.0, spans[-1, 1] + SLICE_S, SLICE_S)
    slow, known = _means(edges[seen], flow[seen, :1], np.stack((slices[:-1], slices[1:]), 1))
    varying = [[_sd(slow[:, 0], known, slices, span)] for span in spans]
    return np.concatenate((moving, flicker, varying), axis=1)


def _sd(flow: Array, known: Array, slices: Array, span: Array) -> float:
    """Standard deviation of `flow` over the slices inside `span`, weighted by the time `known` in each."""
    inside = slice(np.searchsorted(slices, span[0] - 1e-9), np.searchsorted(slices, span[1] + 1e-9, "right") - 1)
    flow, weight = flow[inside], known[inside]
    total = weight.sum()
    if total <= 0:
        return 0.0
    mean = (weight * flow).sum() / total
    return float(np.sqrt((weight * (flow - mean) ** 2).sum() / total))


def _means(edges: Array, rates: Array, spans: Array) -> tuple[Array, Array]:
    """Mean of `rates` [m, f] over time in each span [n, 2], and the time known there in s, [n].

    A rate holds between its `edges` [m, 2]; times outside all edges are unknown and count nowhere.
    """
    if not len(edges):
        return np.zeros((len(spans), rates.shape[1])), np.zeros(len(spans))
    lengths = edges[:, 1] - edges[:, 0]
    at = edges.ravel()
    together = []
    for rate in (*rates.T, np.ones(len(edges))):
        total = np.concatenate(([0.0], np.cumsum(rate * lengths)))
        # The integral at every edge: it grows inside a step and is level between steps.
        integral = np.stack((total[:-1], total[1:]), 1).ravel()
        together.append(np.interp(spans[:, 1], at, integral) - np.interp(spans[:, 0], at, integral))
    known = np.maximum(together[-1], 0)
    means = np.stack(together[:-1], 1) / np.where(known > 1e-9, known, 1)[:, None]
    return np.where(known[:, None] > 1e-9, means, 0), known


def _events(found: Sampled, spans: Array) -> Array:
    """Flash rate, cut rate and shot length in each span, float64 [n, 3]; the last span is the whole."""
    jumps = ~found.cut & ~found.assumed & (np.array([s.jump for s in found.steps]) > FLASH)
    flash_s, cut_s, duration_s = found.edges[jumps, 1], found.cut_s, spans[-1, 1]
    shots = np.concatenate(([0.0], cut_s[cut_s < duration_s], [duration_s]))
    per_min = 60 / np.maximum(spans[:, 1] - spans[:, 0], RATE_S)
    flashes = 0.5 * _inside(flash_s, spans) * per_min
    cuts_ = _inside(cut_s, spans) * per_min
    return np.stack((flashes, cuts_, [_shot_length(shots, span) for span in spans]), axis=1)


def _inside(times: Array, spans: Array) -> Array:
    """How many of `times` (ascending) are strictly inside each span."""
    return np.searchsorted(times, spans[:, 1] - 1e-9) - np.searchsorted(times, spans[:, 0] + 1e-9)


def _shot_length(shots: Array, span: Array) -> float:
    """Mean full length in s of the shots (their borders, ascending) that overlap `span`."""
    inside = (shots[1:] > span[0] + 1e-9) & (shots[:-1] < span[1] - 1e-9)
    return float((shots[1:] - shots[:-1])[inside].mean()) if inside.any() else 0.0
