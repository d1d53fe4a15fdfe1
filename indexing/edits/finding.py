"""From votes to what lies under a film: for every recording the offsets that explain it best, one after another.

[ours] A frame of the film with n votes at an offset (within one frame of it) is worth log2(1 + n): the pairs that one
peak begins are no independent evidence. Offsets that are worth more than chance often is get a second look, which adds
the peaks that agree (`agreement`). A second of a use costs what chance is worth, its beginning `Bar.entry`, and going
over to another offset of the same recording half of that; the best way through the film is found by Viterbi's
algorithm. So an offset a loop away, which explains one window as well, loses by all the others. What is found must
stand out at last: music that is made of the same samples in the same tempo agrees with a track at many offsets.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log, sqrt
from typing import NamedTuple

import numpy as np

from indexing.edits.agreement import STEP, Tracks, agreeing, count_agreeing, stand_out
from indexing.edits.voting import Piece, Votes
from recommender.extractors.audio.landmarks import FRAME_HZ, Peaks
from recommender.types import Array

COST, AGREEING_COST = 0.5, 1.5
"""What a second of votes, and of agreeing peaks, must be worth."""
LOOK, ENTRY, SURE = (6.0, 1.0), (20.0, 2.0), (17.0, 2.0)
"""What votes must be worth beyond that for a second look, and both for a use; and how sure one must be of one use at
least of a recording, by `_sureness`. In a film of a minute with an hour of music to choose from, and by how much more
where there is e times as much of either: see `docs/results/edits.md`."""
LEAST_S = 4.5
"""Most that other music has in common with a track that is made of the same samples: of a recording one use must be
longer."""
MOST_OFFSETS = 300  # of a recording that are weighed
SAME = 2  # frames between offsets that are one
EQUAL = 0.7
"""Of the worth of the offset chosen, what another must have to count as equal: how a loop lies between two frames alone
may take so much."""
NEAR = 6  # steps between two runs that may be one
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


class Weighed(NamedTuple):
    """Offsets of a recording: tracks and offsets int [c], and what each step of the film is worth, float [c, steps]."""

    tracks: Array
    offsets: Array
    worth: Array


class Bar(NamedTuple):
    """What an offset must be worth for a second look, and a use beyond its length, and how sure it must be; see
    `set_bar`."""

    look: float
    entry: float
    sure: float


def set_bar(film_s: float, library_s: float) -> Bar:
    """The bar for a film of so many seconds and a library of so many: chance grows with the logarithm of both."""
    size = log(max(film_s, 10.0) / 60) + log(max(library_s, 360.0) / 3600)
    return Bar(*(max(base / 2, base + growth * size) for base, growth in (LOOK, ENTRY, SURE)))


def find_stretches(
    votes: Votes, peaks: Peaks, pieces: Sequence[Piece], *, recordings: Array, bar: Bar
) -> list[Stretch]:
    """The tracks under a film, by its time.

    peaks: of the film. recordings: int [t], of every track of the pieces, which recording it is of.
    """
    found: list[Stretch] = []
    lasts = np.concatenate([np.diff(piece.starts) for piece in pieces])
    tracks = Tracks(pieces)
    ways = {one: _ways(mine, peaks, tracks, bar) for one, mine in _by_recording(votes, recordings, bar.look)}
    while any(ways.values()):
        best = ways.pop(max(ways, key=lambda one: _total(ways[one])))
        found += [one for one in best if not _is_echo(one, found)]
        votes = votes.take(~_explained(votes, best, recordings))
        peaks = _unexplained(peaks, tracks, best)
        less = {one for one, way in ways.items() if _meet(way, best)}  # the others keep all that they rest on
        several = _by_recording(votes, recordings, bar.look)
        again = {one: _ways(mine, peaks, tracks, bar) for one, mine in several if one in less}
        ways = {one: way for one, way in ways.items() if one not in less} | again
    found.sort(key=lambda one: (one.first, one.last))
    return [_within(one, int(lasts[one.track])) for one in found]


def _total(several: list[Stretch]) -> float:
    return sum(one.worth for one in several)


def _meet(several: Sequence[Stretch], others: Sequence[Stretch]) -> bool:
    """Whether any of some stretches sounds while one of the others does."""
    return any(one.first <= other.last and other.first <= one.last for one in several for other in others)


def _by_recording(votes: Votes, recordings: Array, least: float) -> Iterator[tuple[int, Votes]]:
    """Each recording that has so many votes, with them."""
    of = recordings[votes.tracks]
    order = np.argsort(of, kind="stable")
    found, starts, counts = np.unique(of[order], return_index=True, return_counts=True)
    for one, start, count in zip(found.tolist(), starts.tolist(), counts.tolist(), strict=True):
        if count >= least:
            yield one, votes.take(order[start : start + count])


def _ways(votes: Votes, peaks: Peaks, tracks: Tracks, bar: Bar) -> list[Stretch]:
    """The stretches of one recording, as if there were no other."""
    weighed = weigh(votes, bar.look)
    if weighed is None:
        return []
    stretches = _stretches(votes, look_again(weighed, peaks, tracks), bar.entry)
    several = [(one, _sureness(one, peaks, tracks)) for one in stretches]
    sure = any(sureness >= bar.sure and one.last - one.first >= LEAST_S * FRAME_HZ for one, sureness in several)
    return [one for one, sureness in several if sure and sureness >= bar.sure / 2]


def _sureness(one: Stretch, peaks: Peaks, tracks: Tracks) -> float:
    """How far the peaks of a stretch stand out, by the root of tens of votes."""
    inside = (peaks.frames >= one.first) & (peaks.frames <= one.last)
    mine = Peaks(peaks.frames[inside], peaks.bins[inside])
    return stand_out(mine, tracks.peaks(one.track), round(one.offset)) * sqrt(one.votes / 10)


def weigh(votes: Votes, least: float) -> Weighed | None:
    """The offsets of a recording whose votes are worth at least so much beyond their cost; None where there is none."""
    key = votes.tracks.astype(np.int64) << 33 | (votes.offsets.astype(np.int64) + (1 << 32))
    in_turn = np.argsort(key)
    ordered, frames = key[in_turn], votes.frames[in_turn]
    places, counts = np.unique(ordered, return_counts=True)
    first, end = np.searchsorted(ordered, places - 1), np.searchsorted(ordered, places + 2)
    order = np.lexsort((places, -counts, first - end))
    chosen, covered = list[int](), set[int]()
    for one in order[(end - first)[order] >= least].tolist():  # no vote is worth more than 1
        place = int(places[one])
        if len(chosen) < MOST_OFFSETS and place not in covered:
            chosen.append(one)
            covered.update(range(place - SAME, place + SAME + 1))
    if not chosen:
        return None
    at, steps = places[chosen], int(votes.frames.max()) // STEP + 1
    worth = np.stack([_worth(frames[first[one] : end[one]], steps) for one in chosen])
    kept = best_gain(worth - COST * STEP / FRAME_HZ) >= least
    return Weighed(at[kept] >> 33, (at[kept] & ((1 << 33) - 1)) - (1 << 32), worth[kept]) if kept.any() else None


def look_again(weighed: Weighed, peaks: Peaks, tracks: Tracks) -> Weighed:
    """The same offsets, with the peaks that agree."""
    steps = int(peaks.frames[-1]) // STEP + 1
    worth = np.pad(weighed.worth, ((0, 0), (0, steps - weighed.worth.shape[1])))
    for track in np.unique(weighed.tracks):
        mine = weighed.tracks == track
        worth[mine] += count_agreeing(peaks, tracks.peaks(int(track)), weighed.offsets[mine], steps=steps)
    return weighed._replace(worth=worth)


def best_gain(gains: Array) -> Array:
    """The most that any run of steps sums to, float [c] of [c, steps]."""
    sums = np.cumsum(gains, axis=1)
    before = np.minimum.accumulate(np.pad(sums, ((0, 0), (1, 0)))[:, :-1], axis=1)
    return np.asarray((sums - before).max(axis=1, initial=0.0))


def _worth(frames: Array, steps: int) -> Array:
    """What every step of the film is worth, float [steps], by the frames of votes."""
    at, counts = np.unique(frames, return_counts=True)
    return np.bincount(at // STEP, np.log2(1 + counts), steps)


def _stretches(votes: Votes, weighed: Weighed, entry: float) -> list[Stretch]:
    gains = weighed.worth - (COST + AGREEING_COST) * STEP / FRAME_HZ
    path = _continue(_viterbi(gains, entry), weighed.worth)
    out: list[Stretch] = []
    for first, last in _runs(path):
        state = int(path[first])
        inside = votes.take((votes.frames >= first * STEP) & (votes.frames < last * STEP))
        mine = _near(inside, weighed, state)
        equal = _equal(weighed, state, weighed.worth[:, first:last].sum(axis=1))
        others = (_near(inside, weighed, int(other)).offsets for other in equal)
        loops = [float(offsets.mean()) for offsets in others if len(offsets)]
        out += [_stretch(weighed, state, part, loops) for part in _heard(mine)]
    return out


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
    """The same way, where two runs become one of an offset that explains both as well as their own do."""
    joined = True
    while joined:
        joined = False
        runs = _runs(path)
        for (first, cut), (begin, last) in pairwise(runs):
            sums = worth[:, first:cut].sum(axis=1), worth[:, begin:last].sum(axis=1)
            both = (sums[0] >= EQUAL * sums[0][path[first]]) & (sums[1] >= EQUAL * sums[1][path[begin]])
            if begin - cut <= NEAR and path[first] != path[begin] and both.any():
                path[first:last] = int(np.where(both, sums[0] + sums[1], -1).argmax())
                joined = True
                break
    return path


def _runs(path: Array) -> list[tuple[int, int]]:
    """The runs of one offset, first and end."""
    cuts = np.flatnonzero(np.diff(path)) + 1
    edges = zip([0, *cuts.tolist()], [*cuts.tolist(), len(path)], strict=True)
    return [(first, last) for first, last in edges if last > first and path[first] >= 0]


def _near(votes: Votes, weighed: Weighed, state: int) -> Votes:
    """The votes for an offset."""
    near = (votes.tracks == weighed.tracks[state]) & (np.abs(votes.offsets - weighed.offsets[state]) <= 1)
    return votes.take(near)


def _equal(weighed: Weighed, state: int, sums: Array) -> Array:
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


def _stretch(weighed: Weighed, state: int, votes: Votes, loops: Sequence[float]) -> Stretch:
    _, counts = np.unique(votes.frames, return_counts=True)
    edges = int(votes.frames.min()), int(votes.ends.max())
    track, worth = int(weighed.tracks[state]), float(np.log2(1 + counts).sum())
    return Stretch(track, float(votes.offsets.mean()), *edges, len(votes.frames), worth, tuple(sorted(loops)))


def _is_echo(one: Stretch, found: list[Stretch]) -> bool:
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


def _unexplained(peaks: Peaks, tracks: Tracks, stretches: Sequence[Stretch]) -> Peaks:
    """The peaks of a film that do not agree with the stretches."""
    left = np.ones(len(peaks.frames), bool)
    for one in stretches:
        inside = (peaks.frames >= one.first) & (peaks.frames <= one.last)
        left &= ~(inside & agreeing(peaks, tracks.peaks(one.track), one.offset))
    return Peaks(peaks.frames[left], peaks.bins[left])


def _within(one: Stretch, lasts: int) -> Stretch:
    """The stretch within its track, with those loops alone that are."""
    first, last = max(one.first, round(-one.offset)), min(one.last, round(lasts - one.offset))
    loops = tuple(other for other in one.loops if other + first >= -SAME and other + last <= lasts + SAME)
    return one._replace(first=first, last=last, loops=loops)
