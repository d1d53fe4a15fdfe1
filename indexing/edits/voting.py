"""Where landmarks of a film are found in a library: votes for a track at an offset.

A landmark of the film that stands in a track, too, votes for the offset between the two; music that lies under the film
gathers votes at one offset for as long as it does (Wang 2003, section 2.3), chance does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.extractors.audio.landmarks import FILM, FRAME_HZ, MOST_APART, Peaks, apart, pair
from recommender.types import Array

WINDOW = round(30 * FRAME_HZ)
"""Frames of the film whose landmarks are looked up at once."""
LEAST = 3
"""Votes within a window, and within one frame of an offset, below which an offset is chance."""
MOST_MATCHES = 4_000_000
"""Matches of a window: of a large library, its rarest keys alone vote. Chance grows with the square of how common a key
is, evidence does not; and the time that a film takes is bounded."""


@dataclass(frozen=True)
class Piece:
    """Landmarks of some tracks, by key.

    Attributes
    ----------
    keys: uint32 [n], ascending. places: uint32 [n], frames counted through all tracks of the piece.
    starts: int64 [t + 1], the place at which each track begins. hashes: uint8 [t, 16], of its content.
    """

    keys: Array
    places: Array
    starts: Array
    hashes: Array
    home: str = ""


class Votes(NamedTuple):
    """Votes of a film, int32 [n] each.

    tracks: in the order of the pieces. offsets: the track's frame less the film's. frames, ends: of the film's
    landmark, the frame of its first peak and the one of its second. marks: which landmark of the film it is.
    """

    tracks: Array
    offsets: Array
    frames: Array
    ends: Array
    marks: Array

    def take(self, which: Array) -> "Votes":
        """Some of them."""
        return Votes(*(column[which] for column in self))


def gather_votes(peaks: Peaks, pieces: Sequence[Piece]) -> Iterator[tuple[int, Votes]]:
    """The votes of a film's peaks window by window, with the frames done; chance is left out where that is plain."""
    end, marks = (int(peaks.frames[-1]) + 1 if len(peaks.frames) else 0), 0
    for first in range(0, end, WINDOW):
        lo, hi = np.searchsorted(peaks.frames, [first, first + WINDOW + MOST_APART + 1])
        landmarks = pair(Peaks(peaks.frames[lo:hi], peaks.bins[lo:hi]), FILM, first + WINDOW)
        order = np.argsort(landmarks.keys)
        keys, frames = landmarks.keys[order], landmarks.frames[order]
        counted = 0
        for piece in pieces:
            yield min(first + WINDOW, end), _votes(keys, frames, piece, before=(counted, marks))
            counted += len(piece.hashes)
        marks += len(keys)


def _votes(keys: Array, frames: Array, piece: Piece, *, before: tuple[int, int]) -> Votes:
    """The votes of landmarks, by ascending key, for a piece; `before`: tracks and landmarks before them."""
    which, at = _matches(keys, piece.keys)
    places = piece.places[at].astype(np.int64)
    diagonals = places - frames[which]
    kept = _repeated(diagonals)
    which, places = which[kept], places[kept]
    tracks = np.searchsorted(piece.starts, places, "right") - 1
    offsets = places - piece.starts[tracks] - frames[which]
    ends = frames[which] + apart(keys[which])
    columns = (tracks + before[0], offsets, frames[which], ends, which + before[1])
    return Votes(*(column.astype(np.int32) for column in columns))


def _matches(keys: Array, held: Array) -> tuple[Array, Array]:
    """Which of the ascending `keys` stand where in `held`, as pairs of places [m]."""
    lo, hi = np.searchsorted(held, keys, "left"), np.searchsorted(held, keys, "right")
    counts = hi - lo
    if counts.sum() > MOST_MATCHES:
        order = np.argsort(counts, kind="stable")
        counts[order[np.cumsum(counts[order]) > MOST_MATCHES]] = 0
    which = np.repeat(np.arange(len(keys)), counts)
    steps = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    return which, lo[which] + steps


def _repeated(diagonals: Array) -> Array:
    """The places [k], ascending, of those that have `LEAST` others within one of them, itself counted."""
    order = np.argsort(diagonals)
    values = diagonals[order]
    near = np.searchsorted(values, values + 1, "right") - np.searchsorted(values, values - 1, "left")
    return np.sort(order[near >= LEAST])
