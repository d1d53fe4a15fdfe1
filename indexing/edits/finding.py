"""From votes to what lies under a film: for every recording the offsets that explain it best, one after another.

[ours] A frame of the film with n votes at an offset (within one frame of it) is worth log2(1 + n): the pairs that one
peak begins are no independent evidence. A second of a use costs `COST`, its beginning `entry_cost`, and going over to
another offset of the same recording half of that; the best way through the film is found by Viterbi's algorithm. So an
offset a loop away, which explains one window as well, loses by all the others.
"""

from collections.abc import Iterator
from math import log
from typing import NamedTuple

import numpy as np

from indexing.edits.voting import Votes
from recommender.extractors.audio.landmarks import FRAME_HZ
from recommender.types import Array

COST = 0.5
"""Of a second of a use."""
CHANCE = (8.0, 0.9)
"""What chance reaches in a film of a minute with an hour of foreign music, and by how much more where there is e times
as much of both to choose from; see `docs/results/edits.md`."""
MARGIN = 7.0
"""In units of the latter: how far above chance a use must be; e^-7 is one film in 1,000."""
STEP = 22  # frames: half a second
MOST_OFFSETS = 300  # of a recording that are weighed
SAME = 2  # frames between offsets that are one
EQUAL = 0.5
"""Of the worth of the offset chosen, what another must have to count as equal: how a loop lies between two frames alone
takes or gives as much."""
SILENT_S, MISSED = 10.0, 20.0
"""A use is cut in two where it is not heard for so long, and so many votes are missing."""
ECHO = 0.5
"""Of the votes of a use found, what another recording at the same time must have to be more than like it."""


class Stretch(NamedTuple):
    """A track under a film, in frames of the film; `offset`: the track's frame less the film's. `loops`: other offsets.

    `worth`: of all its frames, without costs.
    """

    track: int
    offset: float
    first: int
    last: int
    votes: int
    worth: float
    loops: tuple[float, ...] = ()


class _Weighed(NamedTuple):
    """Offsets of a recording: tracks and offsets int [c], and what each step of the film is worth, float [c, steps]."""

    tracks: Array
    offsets: Array
    worth: Array


def entry_cost(film_s: float, library_s: float) -> float:
    """What a use must be worth beyond its length, for chance to begin one in a film of 1,000."""
    mean, scale = CHANCE
    return mean + scale * (log(max(film_s, 60.0) / 60) + log(max(library_s, 3600.0) / 3600) + MARGIN)


def find_stretches(votes: Votes, recordings: Array, lasts: Array, *, entry: float) -> list[Stretch]:
    """The tracks under a film, by its time.

    recordings: int [t], of every track, which recording it is of. lasts: int [t], frames of every track. entry: see
    `entry_cost`.
    """
    found: list[Stretch] = []
    while True:
        best = max(_of_recordings(votes, recordings, entry), key=_total, default=[])
        if not best:
            break
        found += [one for one in best if not _is_echo(one, found, recordings)]
        votes = votes.take(~_explained(votes, best, recordings))
    found.sort(key=lambda one: (one.first, one.last))
    return [_within(one, int(lasts[one.track])) for one in found]


def _total(several: list[Stretch]) -> float:
    return sum(one.worth for one in several)


def _of_recordings(votes: Votes, recordings: Array, entry: float) -> Iterator[list[Stretch]]:
    """The stretches of each recording that has any, as if there were no other."""
    if not len(votes.tracks):
        return
    of = recordings[votes.tracks]
    for recording, count in zip(*np.unique(of, return_counts=True), strict=True):
        if count >= entry:  # no vote is worth more than 1
            mine = votes.take(of == recording)
            if (weighed := _weigh(mine, entry)) is not None:
                yield _stretches(mine, weighed, entry)


def _weigh(votes: Votes, entry: float) -> _Weighed | None:
    """The offsets of a recording that may be worth a use; None where there is none."""
    key = votes.tracks.astype(np.int64) << 33 | (votes.offsets.astype(np.int64) + (1 << 32))
    key_sorted = np.sort(key)
    places, counts = np.unique(key_sorted, return_counts=True)
    near = np.searchsorted(key_sorted, places + 2) - np.searchsorted(key_sorted, places - 1)
    order = np.lexsort((places, -counts, -near))
    order = order[near[order] >= entry]
    chosen: list[int] = []
    for place in places[order].tolist():
        if len(chosen) < MOST_OFFSETS and all(abs(place - other) > SAME for other in chosen):
            chosen.append(place)
    if not chosen:
        return None
    at = np.array(chosen, np.int64)
    steps = int(votes.frames.max()) // STEP + 1
    worth = np.stack([_worth(votes.frames[np.abs(key - place) <= 1], steps) for place in chosen])
    return _Weighed(at >> 33, (at & ((1 << 33) - 1)) - (1 << 32), worth)


def _worth(frames: Array, steps: int) -> Array:
    """What every step of the film is worth, float [steps], by the frames of votes."""
    at, counts = np.unique(frames, return_counts=True)
    return np.bincount(at // STEP, np.log2(1 + counts), steps)


def _stretches(votes: Votes, weighed: _Weighed, entry: float) -> list[Stretch]:
    path = _continue(_viterbi(weighed.worth - COST * STEP / FRAME_HZ, entry), weighed.worth)
    out: list[Stretch] = []
    for first, last in _runs(path):
        state = int(path[first])
        near = (votes.tracks == weighed.tracks[state]) & (np.abs(votes.offsets - weighed.offsets[state]) <= 1)
        near &= (votes.frames >= first * STEP) & (votes.frames < last * STEP)
        mine = votes.take(near)
        loops = _loops(weighed, state, weighed.worth[:, first:last].sum(axis=1))
        out += [_stretch(weighed, state, part, loops) for part in _heard(mine)]
    return [one for one in out if one.worth >= entry / 2]


def _viterbi(gain: Array, entry: float) -> Array:
    """The best way int [steps] through gains [c, steps]: which offset at every step, -1 for none."""
    count, steps = gain.shape
    came = np.empty((steps, count + 1), np.int32)
    best, rest = np.full(count, -np.inf), 0.0
    for step in range(steps):
        leader = int(best.argmax())
        enter, switch = rest - entry, float(best[leader]) - entry / 2
        source, cost = (-1, enter) if enter >= switch else (leader, switch)
        stays = best >= cost
        came[step, :count] = np.where(stays, np.arange(count), source)
        came[step, count] = leader if best[leader] > rest else -1
        rest = max(rest, float(best[leader]))
        best = np.where(stays, best, cost) + gain[:, step]
    state = int(best.argmax()) if best.max(initial=-np.inf) > rest else -1
    path = np.empty(steps, np.int32)
    for step in range(steps - 1, -1, -1):
        path[step] = state
        state = int(came[step, state])  # -1 is the last column
    return path


def _continue(path: Array, worth: Array) -> Array:
    """The same way, where a run goes on with the offset of the run beside it wherever that explains it as well."""
    runs = sorted(_runs(path), key=lambda run: worth[path[run[0]], run[0] : run[1]].sum())
    for first, last in runs:
        sides = {int(path[at]) for at in (first - 1, last) if 0 <= at < len(path)} - {-1, int(path[first])}
        sums = worth[:, first:last].sum(axis=1)
        equal = [side for side in sides if sums[side] >= EQUAL * sums[path[first]]]
        if equal:
            path[first:last] = max(equal, key=lambda side: float(sums[side]))
    return path


def _runs(path: Array) -> list[tuple[int, int]]:
    """The runs of one offset, first and end."""
    cuts = np.flatnonzero(np.diff(path)) + 1
    edges = zip([0, *cuts.tolist()], [*cuts.tolist(), len(path)], strict=True)
    return [(first, last) for first, last in edges if last > first and path[first] >= 0]


def _loops(weighed: _Weighed, state: int, sums: Array) -> Array:
    """Which other offsets of the same track explain a run as well."""
    equal = (weighed.tracks == weighed.tracks[state]) & (sums >= EQUAL * sums[state])
    equal[state] = False
    return np.flatnonzero(equal)


def _heard(votes: Votes) -> list[Votes]:
    """The votes of a run, cut where it is not heard for long."""
    votes = votes.take(np.argsort(votes.frames, kind="stable"))
    gaps = np.diff(votes.frames) / FRAME_HZ
    spread_s = gaps[gaps < SILENT_S].sum() + 1 / FRAME_HZ
    cuts = np.flatnonzero((gaps > SILENT_S) & (gaps * len(votes.frames) / spread_s > MISSED)) + 1
    edges = zip([0, *cuts.tolist()], [*cuts.tolist(), len(votes.frames)], strict=True)
    return [votes.take(np.arange(first, last)) for first, last in edges if last > first]


def _stretch(weighed: _Weighed, state: int, votes: Votes, loops: Array) -> Stretch:
    offset = float(votes.offsets.mean())
    _, counts = np.unique(votes.frames, return_counts=True)
    others = sorted(offset + float(weighed.offsets[other] - weighed.offsets[state]) for other in loops)
    edges = int(votes.frames.min()), int(votes.ends.max())
    track, worth = int(weighed.tracks[state]), float(np.log2(1 + counts).sum())
    return Stretch(track, offset, *edges, len(votes.frames), worth, tuple(others))


def _is_echo(one: Stretch, found: list[Stretch], recordings: Array) -> bool:
    """Whether a stretch lies for the most part under uses of other recordings that explain the film far better."""
    for other in found:
        common = min(one.last, other.last) - max(one.first, other.first)
        dense = one.votes / max(1, one.last - one.first), other.votes / max(1, other.last - other.first)
        if 2 * common > one.last - one.first and dense[0] < ECHO * dense[1]:
            return True
    return False


def _explained(votes: Votes, stretches: list[Stretch], recordings: Array) -> Array:
    """bool [n]: votes of the same recording, and of all landmarks of the film that voted for the stretches."""
    mine = recordings[votes.tracks] == recordings[stretches[0].track]
    used = np.zeros(int(votes.marks.max(initial=0)) + 1, bool)
    for one in stretches:
        inside = (votes.tracks == one.track) & (np.abs(votes.offsets - one.offset) <= SAME)
        inside &= (votes.frames >= one.first) & (votes.frames <= one.last)
        used[votes.marks[inside]] = True
    return mine | used[votes.marks]


def _within(one: Stretch, lasts: int) -> Stretch:
    """The stretch within its track, with those loops alone that are."""
    first, last = max(one.first, round(-one.offset)), min(one.last, round(lasts - one.offset))
    loops = tuple(other for other in one.loops if other + first >= -SAME and other + last <= lasts + SAME)
    return one._replace(first=first, last=last, loops=loops)
