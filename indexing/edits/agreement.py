"""A second look: which peaks of a film lie where those of a track would, at the offsets that landmarks propose.

[ours] Where an offset is known, a peak needs no partner: under loud speech several times as many peaks agree as pairs
do, and a place that is nearly the same music a loop away agrees less. The peaks of a track are those of its landmarks,
so that its file is not needed.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from indexing.edits.voting import Piece
from recommender.extractors.audio.landmarks import Peaks, apart, both_bins
from recommender.types import Array

STEP = 22
"""Frames of a step of a film: half a second."""
AROUND = 430
"""Frames on either side of an offset, 10 s, that tell what is usual."""
_PAIRS = 1 << 21  # of peaks that are compared at once


class Tracks:
    """The peaks of tracks, each looked for once."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self._known: dict[int, Peaks] = {}

    def peaks(self, track: int) -> Peaks:
        """As `track_peaks` gives them."""
        if track not in self._known:
            self._known[track] = track_peaks(self.pieces, track)
        return self._known[track]


def track_peaks(pieces: Sequence[Piece], track: int) -> Peaks:
    """The peaks of the landmarks of a track, by its place in the order of the pieces; by bin, then frame."""
    for piece in pieces:
        if track < len(piece.hashes):
            break
        track -= len(piece.hashes)
    start = int(piece.starts[track])
    at = np.flatnonzero((piece.places >= start) & (piece.places < piece.starts[track + 1]))
    keys, frames = piece.keys[at], piece.places[at].astype(np.int64) - start
    first, second = both_bins(keys)
    peaks = np.unique(np.concatenate([first << 32 | frames, second << 32 | (frames + apart(keys))]))
    return Peaks((peaks & 0xFFFFFFFF).astype(np.int32), (peaks >> 32).astype(np.int32))


def agreeing(film: Peaks, track: Peaks, offset: float) -> Array:
    """bool [n]: which peaks of a film lie within a frame of one of the track."""
    key = track.bins.astype(np.int64) << 32 | track.frames
    sought = film.bins.astype(np.int64) << 32 | np.maximum(film.frames + round(offset), 0)
    return np.asarray(np.searchsorted(key, sought - 1, "left") < np.searchsorted(key, sought + 1, "right"))


def count_agreeing(film: Peaks, track: Peaks, offsets: Array, *, steps: int) -> Array:
    """How many peaks of each step of a film lie within a frame of one of the track, float [offsets, steps].

    track: as `track_peaks` gives them. offsets: int [c], the track's frame less the film's.
    """
    base = int(offsets.min()) - 2
    table = np.full(int(offsets.max()) - base + 3, -1)
    for beside in (-1, 1, 0):
        table[offsets + beside - base] = np.arange(len(offsets))
    out = np.zeros(len(offsets) * steps)
    for which, apart_by in _pairs(film, track):
        places = apart_by - base
        inside = (places >= 0) & (places < len(table))
        of, frames = table[places[inside]], film.frames[which[inside]]
        out += np.bincount(of[of >= 0] * steps + frames[of >= 0] // STEP, minlength=len(out))
    return out.reshape(len(offsets), steps)


def stand_out(film: Peaks, track: Peaks, offset: int) -> float:
    """By how many standard deviations of chance more peaks agree at an offset than at nine in ten of those around it.

    What is in the same key and tempo, or made of the same samples, agrees at many offsets, which chance does not tell.
    """
    counts = np.zeros(2 * AROUND + 3)
    for _, apart_by in _pairs(film, track):
        places = apart_by - (offset - AROUND - 1)
        counts += np.bincount(places[(places >= 0) & (places < len(counts))], minlength=len(counts))
    near = counts[:-2] + counts[1:-1] + counts[2:]
    usual = float(np.quantile(np.delete(near, np.arange(AROUND - 4, AROUND + 5)), 0.9))
    return float((near[AROUND] - usual) / np.sqrt(usual + 1))


def _pairs(film: Peaks, track: Peaks) -> Iterator[tuple[Array, Array]]:
    """Which peaks of a film and a track have a bin in common: places of the former, and the offsets of the latter."""
    lo, hi = np.searchsorted(track.bins, film.bins, "left"), np.searchsorted(track.bins, film.bins, "right")
    ends = np.cumsum(hi - lo)
    cuts = np.searchsorted(ends, np.arange(_PAIRS, int(ends[-1]) if len(ends) else 0, _PAIRS))
    for first, last in pairwise([0, *cuts.tolist(), len(ends)]):
        counts = (hi - lo)[first:last]
        which = np.repeat(np.arange(first, last), counts)
        at = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(lo[first:last], counts)
        yield which, track.frames[at] - film.frames[which]
