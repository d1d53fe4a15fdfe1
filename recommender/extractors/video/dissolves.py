"""Where one shot goes over to another without a cut: dissolves, wipes, dips to a colour.

Where the picture network sees something else a few seconds on and no cut lies between, the frames there are looked at
closely. In a dissolve, and in a dip, every picture is a sum of the last one before and the first one after; in a wipe
every pixel is of one or of the other. What a camera finds when it moves, or light when it changes, is neither, or the
pictures on both sides are still alike.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from recommender.extractors.video.sparse import Sampled
from recommender.media import Frame, excerpts
from recommender.types import Array, unit

UNLIKE, BESIDE_S = 0.6, 4.0
"""Squared distance of what the network sees on both sides, over so long, from which the frames between are looked at.
All that is set here was chosen on joined films, docs/results/scenes.md."""
AROUND_S, LONGEST_S = 1.5, 12.0
"""How far beyond two looks frames are looked at, and how long what is looked at together is at most."""
SIDE_PX, EVERY_S = 32, 0.08
"""Of frames that are compared, and about the time between two."""
SPANS_S = (1.0, 1.6, 2.4, 3.2)
"""From a picture before to a picture after."""
NEAR_S, PLAIN = 0.8, 1.5
"""Of changes nearer to each other the plainest counts: the median of those of which so many times as little is left."""
ALIKE = 0.6
"""Correlation of two pictures from which they may be of one shot."""
LEFT, SOFT, PARTS = 0.45, 0.3, 2.0
"""What may be left over at most when the pictures between are told by both: as sums, with so much of the detail that
they have (of two pictures that have nothing in common half is lost), or so many times what is of neither."""
_EDGE_S = 0.15  # of a shot: a cut is told to 1/8 s
_DETAIL_PX = 160  # of frames whose detail counts
_FEWEST = 4  # steps between pictures that are compared
_EPS = 1e-9


def dissolves(path: Path, found: Sampled, end_s: float) -> Array:
    """The middles of all dissolves, wipes and dips in s, float64 [m], ascending; `found`: what was measured at `path`.

    Raises MediaError for a film that cannot be read.
    """
    spans = list(_spans(found, end_s))
    centres = [centre for frames in excerpts(path, spans, max_side=_DETAIL_PX) for centre in _centres(frames)]
    return np.unique(centres)


def _spans(found: Sampled, end_s: float) -> Iterator[tuple[float, float]]:
    """Where frames are to be looked at: stretches of a shot in which looks differ from those before."""
    for start_s, upto_s in pairwise([0.0, *found.cut_s.tolist(), end_s]):
        first, last = np.searchsorted(found.look_s, (start_s - _EPS, upto_s - _EPS)).tolist()
        times, looks = found.look_s[first:last], unit(found.looks[first:last])
        told = [pair for k, pair in enumerate(pairwise(times.tolist())) if _apart(times, looks, k) >= UNLIKE]
        for begin_s, over_s in _together(told):
            around = max(begin_s - AROUND_S, start_s + _EDGE_S), min(over_s + AROUND_S, upto_s - _EDGE_S)
            if around[1] - around[0] >= SPANS_S[0]:
                yield around


def _apart(times: Array, looks: Array, at: int) -> float:
    """The squared distance of what is seen shortly before and after the time between a look and the next."""
    before = looks[: at + 1][times[: at + 1] > times[at] - BESIDE_S]
    after = looks[at + 1 :][times[at + 1 :] < times[at + 1] + BESIDE_S]
    return float(np.square(unit(before.mean(axis=0)) - unit(after.mean(axis=0))).sum())


def _together(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans in order, those that touch as one, as far as one is not too long."""
    kept: list[tuple[float, float]] = []
    for start_s, end_s in spans:
        if kept and start_s <= kept[-1][1] and end_s - kept[-1][0] <= LONGEST_S:
            kept[-1] = kept[-1][0], end_s
        else:
            kept.append((start_s, end_s))
    return kept


def _centres(frames: Sequence[Frame]) -> list[float]:
    """The middles of the changes without a cut in some frames in a row, s."""
    if len(frames) < _FEWEST:
        return []
    every = max(round(EVERY_S * (len(frames) - 1) / max(frames[-1].t_s - frames[0].t_s, _EPS)), 1)
    times = np.array([frame.t_s for frame in frames[::every]])
    detail = np.array([_detail(frame.rgb) for frame in frames[::every]])
    thin = np.array([_thin(frame.rgb) for frame in frames[::every]])
    told: list[tuple[float, float]] = []
    for span_s in SPANS_S:
        for a, b in enumerate(np.searchsorted(times, times + span_s - _EPS).tolist()):
            if b < len(times) and b - a >= _FEWEST and (left := _left(thin[a : b + 1], detail[a : b + 1])) < LEFT:
                told.append((left, times[a] + _crossed(thin[a : b + 1]) * (times[b] - times[a])))
    kept: list[float] = []
    for left, middle in sorted(told):
        if all(abs(middle - other) > NEAR_S for other in kept):
            plain = [at for other, at in told if other <= PLAIN * left and abs(at - middle) <= NEAR_S / 2]
            kept.append(float(np.median(plain)))
    return kept


def _detail(rgb: Array) -> float:
    """The mean square of the differences between neighbouring pixels."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.square(np.diff(grey, axis=0)).mean() + np.square(np.diff(grey, axis=1)).mean())


def _thin(rgb: Array) -> Array:
    """A frame as float32 [p, 3] in few pixels."""
    scale = SIDE_PX / max(rgb.shape[:2])
    size = max(round(rgb.shape[1] * scale), 1), max(round(rgb.shape[0] * scale), 1)
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32).reshape(-1, 3)


def _flat(run: Array) -> Array:
    """Pictures float32 [n, p, 3] without their mean colours, [n, 3 p]."""
    return (run - run.mean(axis=1, keepdims=True)).reshape(len(run), -1)


def _left(run: Array, detail: Array) -> float:
    """What is left of the pictures between the first and the last when these tell them; infinite where they are alike.

    run: float32 [n, p, 3]. detail: float64 [n]. The lesser of what is left of sums, and of parts.
    """
    flat = _flat(run)
    before, after, between = flat[0], flat[-1], flat[1:-1]
    powers = float(before @ before), float(after @ after)
    whole = sum(powers) / 2
    if before @ after >= ALIKE * np.sqrt(powers[0] * powers[1]):
        return np.inf
    middle = slice(len(between) // 4, len(between) - len(between) // 4)
    basis = np.linalg.qr(np.stack([before, after], axis=1))[0]
    sums = np.square(between - (between @ basis) @ basis.T).sum(axis=1)[middle].mean() / max(whole, _EPS)
    soft = detail[1:-1][middle].min() / max(float(detail[0] + detail[-1]) / 2, _EPS)
    apart = float(np.square(run[-1] - run[0]).sum())
    nearer = np.minimum(np.square(run[1:-1] - run[0]).sum(-1), np.square(run[1:-1] - run[-1]).sum(-1))
    return float(min(sums + SOFT * soft, PARTS * nearer.sum(axis=1).max() / max(apart, _EPS)))


def _crossed(run: Array) -> float:
    """Where a run of pictures is nearer to the last than to the first from then on, as a share of it."""
    flat = _flat(run)
    nearer = np.square(flat - flat[-1]).sum(axis=1) < np.square(flat - flat[0]).sum(axis=1)
    return float((np.flatnonzero(~nearer)[-1] + 0.5) / (len(run) - 1))
