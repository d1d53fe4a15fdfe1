"""Near-duplicates: the same recording in another encoding or length, found among many by acoustic fingerprints.

An inverted index over exact codes proposes tracks and offsets (Haitsma & Kalker 2002, section 5); the bit error
rate over the whole overlap decides, and [ours] the levels per band tell two performances of one score in time apart.
What is mostly in another track is contained in it; where that holds for both, they are one recording. An edit agrees
with its track at several offsets, one for each stretch that was kept: they count together.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.extractors.audio.acoustic import BITS, BLOCK, LEVELS, RATE_HZ, Fingerprint
from recommender.types import Array


@dataclass(frozen=True)
class Limits:
    """When a track lies in another, when both are the same recording, and how hard that is looked for.

    Chosen on the first half of the tracks of `benchmarks/duplicates.py`; the other half is reported.
    """

    errors: float = 0.22
    """Bits that may differ: altered files stay below .15 (half a frame off, the worst), others above .31."""
    colour_db: float = 2.0
    """Altered files differ by at most 1.5 dB (1.8 dB under a shelf of 4 dB), other synthesisers by 2.5 dB and more."""
    frames: int = 16
    """Least overlap that tells something, 3 s: 512 bits."""
    share: float = 0.6
    """Of the shorter track that must lie in the longer: a sample borrowed from another track is no duplicate."""
    both: float = 0.68
    """Of either track that must lie in the other for the same recording: a radio edit of 3:30 of 5 min does, with what
    its cuts cost. Above one half no whole joins two songs that it holds one after the other. At .68 94 % of pairs in
    groups are of one recording, at .5 38 % (`benchmarks/recordings.py`)."""
    differs: float = 0.33
    """Bits that differ around a place (3 s) where two tracks go on otherwise: half way from altered to unrelated."""
    stretch: int = 32
    """Least codes of a stretch of an edit, 6 s: shorter ones also agree by chance."""
    excerpt_s: float = 10.0
    """Heard length of a part that is less than half of the whole: a jingle often quotes a track of its series."""
    stride: int = 2
    """Every second code is indexed, every code looked up: half the memory, and still six votes or more in 30 s."""
    short_s: float = 60.0
    """Of shorter tracks every code is indexed: they have none to spare."""
    votes: int = 2
    """Codes that must agree on an offset: single ones coincide."""
    common: int = 512
    """A code found this often is no help in finding."""
    offsets: int = 8
    """Compared bit by bit per track, those of most votes: loops agree at many."""
    candidates: int = 64
    """Compared bit by bit in all, and one more for each `per_s` of the track: a mix holds many."""
    per_s: float = 15.0


DEFAULT = Limits()
_SPAN = 1 << 32  # above any lag: one number holds track and lag


@dataclass(frozen=True)
class Match:
    """A track that shares most of the shorter of both.

    Attributes
    ----------
    track:      its id.
    similarity: 1 for equal fingerprints, 0 for unrelated ones: one minus twice the bit error rate.
    overlap_s:  heard in both.
    offset_s:   what is at t here is there at t + offset_s (to 0.1 s).
    colour_db:  typical difference of level between the bands, gain apart.
    same:       whether they are one recording; else the shorter is contained in the longer.
    inside:     where it is not: whether this one is contained in `track`, and not the other way round.
    """

    track: int
    similarity: float
    overlap_s: float
    offset_s: float
    colour_db: float
    same: bool = True
    inside: bool = False


class Piece(NamedTuple):
    """Tracks of one piece of the index: plain arrays, so that files of them can be mapped (`home`: from which folder).

    ids int64 [t]; starts, rows int64 [t + 1], where codes and levels of a track begin; codes uint32 [n]; levels
    uint8 [m, LEVELS]; keys uint32 [p] ascending and places uint32 [p], the indexed codes and where they stand.
    """

    ids: Array
    starts: Array
    rows: Array
    codes: Array
    levels: Array
    keys: Array
    places: Array
    home: str = ""

    @property
    def arrays(self) -> dict[str, Array]:
        """All arrays by name."""
        return {name: value for name, value in self._asdict().items() if name != "home"}

    def fingerprint(self, at: int) -> Fingerprint:
        """The fingerprint of the track at a place."""
        codes = self.codes[self.starts[at] : self.starts[at + 1]]
        return Fingerprint(codes, self.levels[self.rows[at] : self.rows[at + 1]])


class Recordings:
    """Fingerprints of tracks by id, searchable at once; adding costs the same however many are there.

    Pieces of the index are merged as they grow (each at least `_GROWTH` times the next), so a track is moved a
    logarithmic number of times and few pieces are looked at; none is made larger than `_MOST` codes (12,000 tracks,
    160 MB), which bounds what is in memory where pieces are mapped from files.
    """

    _GROWTH, _MOST = 4, 1 << 24

    def __init__(self, limits: Limits = DEFAULT, segments: Iterable[Piece] = ()) -> None:
        """An index of pieces that were made before, under the same limits, if any."""
        self._limits, self._segments = limits, list(segments)
        self._used = {track for segment in self._segments for track in segment.ids.tolist()}
        self._ids = set(self._used)

    @property
    def ids(self) -> frozenset[int]:
        """The tracks that are known."""
        return frozenset(self._ids)

    @property
    def segments(self) -> tuple[Piece, ...]:
        """The pieces of the index."""
        return tuple(self._segments)

    def put(self, at: int, same: Piece) -> None:
        """Take another copy of a piece (a mapped one) in its place."""
        self._segments[at] = same

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, track: int) -> bool:
        return track in self._ids

    @property
    def bytes(self) -> int:
        """Memory of all arrays."""
        return sum(array.nbytes for segment in self._segments for array in segment.arrays.values())

    def add(self, items: Iterable[tuple[int, Fingerprint]]) -> None:
        """Take in tracks; an id is used once, also after its removal (InputError)."""
        items = list(items)
        if not items:
            return
        tracks = [track for track, _ in items]
        twice = self._used.intersection(tracks) | {a for a, b in pairwise(sorted(tracks)) if a == b}
        if twice:
            raise InputError(f"track {min(twice)} has a fingerprint already; give a new analysis a new id")
        self._used |= set(tracks)
        self._ids |= set(tracks)
        self._segments.append(_segment(items, self._limits))
        while len(self._segments) > 1 and self._joins(*(len(segment.codes) for segment in self._segments[-2:])):
            self._segments[-2:] = [_merge(*self._segments[-2:])]

    def _joins(self, before: int, last: int) -> bool:
        """Whether pieces of so many codes become one."""
        return before < self._GROWTH * last and before + last <= self._MOST

    def remove(self, tracks: Iterable[int]) -> None:
        """Forget tracks; unknown ids are no error."""
        self._ids -= set(tracks)

    def matches(self, fingerprint: Fingerprint) -> list[Match]:
        """The tracks that share most of the shorter with `fingerprint`, by descending similarity, ties by id."""
        found = []
        for segment in self._segments:
            proposed = groupby(_candidates(segment, fingerprint.codes, self._limits), key=lambda pair: pair[0])
            for at, pairs in proposed:
                lags = [lag for _, lag in pairs]
                if (track := int(segment.ids[at])) in self._ids:
                    found.append(_match(fingerprint, segment.fingerprint(at), lags, limits=self._limits, track=track))
        return sorted(filter(None, found), key=lambda m: (-m.similarity, m.track))

    def fingerprints(self, tracks: Iterable[int]) -> Iterator[tuple[int, Fingerprint]]:
        """Those of some tracks that are known, with their ids."""
        wanted = sorted(self._ids.intersection(tracks))
        for segment in self._segments:
            for at in np.flatnonzero(np.isin(segment.ids, wanted)).tolist():
                yield int(segment.ids[at]), segment.fingerprint(at)


def _match(a: Fingerprint, b: Fingerprint, lags: Sequence[int], *, limits: Limits, track: int) -> Match | None:
    """The match at the lag of most agreement; of an edit, which agrees at several, what they give together."""
    every = filter(None, (compare(a, b, lag, limits=limits, track=track) for lag in lags))
    one = max(every, key=lambda match: match.similarity * match.overlap_s, default=None)
    if (one and one.same) or lags[-1] - lags[0] < 2:
        return one
    edited = _edited(a, b, lags, limits=limits, track=track)
    return edited if one is None or (edited and edited.same) else one


def compare(a: Fingerprint, b: Fingerprint, lag: int, *, limits: Limits = DEFAULT, track: int = 0) -> Match | None:
    """The match of `a` and `b` with code i of `a` beside code i + lag of `b`; None when neither lies in the other."""
    first, last = max(0, -lag), min(len(a.codes), len(b.codes) - lag)
    if last - first < limits.frames:
        return None
    x, y = a.codes[first:last], b.codes[first + lag : last + lag]
    both = (x != 0) & (y != 0)
    frames, shorter = int(both.sum()), min(a.heard, b.heard)
    if frames < max(limits.frames, limits.share * shorter) or not _lengths_fit(a, b, limits):
        return None
    wrong = np.bitwise_count(x ^ y)[both]
    errors = int(wrong.sum()) / (BITS * frames)
    if errors > limits.errors:
        return None
    # Blocks that stand askew only add to the difference, so the better of both ways to lay them is nearer the truth.
    difference = min(colour_db(a.levels, b.levels, lag), colour_db(b.levels, a.levels, -lag))
    if difference > limits.colour_db:
        return None
    same = int(_alike(wrong, limits).sum()) >= limits.both * max(a.heard, b.heard)
    inside = not same and (a.heard, lag) < (b.heard, -lag)
    return Match(track, 1 - 2 * errors, frames / RATE_HZ, lag / RATE_HZ, difference, same, inside)


def _edited(a: Fingerprint, b: Fingerprint, lags: Sequence[int], *, limits: Limits, track: int) -> Match | None:
    """The match of all stretches that `a` and `b` have in common, each at one of `lags`: something was cut out, or
    stands there twice. What is there twice counts once."""
    mine, theirs = np.zeros(len(a.codes), bool), np.zeros(len(b.codes), bool)
    stretches = [stretch for lag in lags for stretch in _stretches(a, b, lag, limits=limits)]
    for one in stretches:
        mine[one.at] = theirs[one.at + one.lag] = True
    frames = min(int(mine.sum()), int(theirs.sum()))
    shorter, longer = sorted((a.heard, b.heard))
    if frames < limits.share * shorter or not _lengths_fit(a, b, limits):
        return None
    errors = np.average([one.errors for one in stretches], weights=[len(one.at) for one in stretches])
    most = max(stretches, key=lambda one: len(one.at))
    same = frames >= limits.both * longer
    inside = not same and (a.heard, most.lag) < (b.heard, -most.lag)
    return Match(track, 1 - 2 * float(errors), frames / RATE_HZ, most.lag / RATE_HZ, most.colour_db, same, inside)


class _Stretch(NamedTuple):
    """Where two tracks go on alike: codes `at` [n] of one beside `at + lag` of the other, and how much they differ."""

    at: Array
    lag: int
    errors: float
    colour_db: float


def _stretches(a: Fingerprint, b: Fingerprint, lag: int, *, limits: Limits) -> Iterator[_Stretch]:
    """The stretches of at least `limits.stretch` codes at one lag that no limit speaks against."""
    first, last = max(0, -lag), min(len(a.codes), len(b.codes) - lag)
    at = first + np.flatnonzero((a.codes[first:last] != 0) & (b.codes[first + lag : last + lag] != 0))
    if len(at) < limits.stretch:
        return
    wrong = np.bitwise_count(a.codes[at] ^ b.codes[at + lag])
    edges = np.flatnonzero(np.diff(np.pad(_alike(wrong, limits), 1).astype(np.int8)))
    for start, end in edges.reshape(-1, 2).tolist():
        errors = int(wrong[start:end].sum()) / (BITS * (end - start))
        if end - start < limits.stretch or errors > limits.errors:
            continue
        rows = slice(int(at[start]) // BLOCK, int(at[end - 1]) // BLOCK + 1)
        others = slice(int(at[start] + lag) // BLOCK, int(at[end - 1] + lag) // BLOCK + 1)
        difference = min(
            colour_db(a.levels[rows], b.levels, lag + rows.start * BLOCK),
            colour_db(b.levels[others], a.levels, others.start * BLOCK - lag),
        )
        if difference <= limits.colour_db:
            yield _Stretch(at[start:end], lag, errors, difference)


def _alike(wrong: Array, limits: Limits) -> Array:
    """Which places go on alike, bool [n], of `wrong` [n >= limits.frames] bits in each."""
    around = np.convolve(wrong, np.full(limits.frames, 1 / limits.frames), mode="same")
    return around <= limits.differs * BITS


def _lengths_fit(a: Fingerprint, b: Fingerprint, limits: Limits) -> bool:
    """Whether the shorter one can be a version or a piece of the longer one, and not only a quotation."""
    shorter, longer = sorted((a.heard / RATE_HZ, b.heard / RATE_HZ))
    return 2 * shorter >= longer or shorter >= limits.excerpt_s


def colour_db(a: Array, b: Array, lag: int) -> float:
    """The typical difference in dB between levels uint8 [m, LEVELS] whose codes are `lag` apart; 0 when none can tell.

    Bands within 40 dB of the loudest moment of both count. A block's median over bands is gain (or a fade); a
    band's median over blocks is colour; their root mean square is returned.
    """
    at = np.arange(len(a)) + lag / BLOCK
    inside = (at > -0.5) & (at < len(b) - 0.5)
    if not inside.any():
        return 0.0
    at = np.clip(at[inside], 0, len(b) - 1)
    low = at.astype(int)
    part = (at - low)[:, None]
    other = (1 - part) * b[low] + part * b[np.minimum(low + 1, len(b) - 1)]
    mine = a[inside].astype(np.float64)
    loud = np.maximum(mine, other) < 40
    gain = _medians(mine - other, loud)
    bands = _medians((mine - other - gain[:, None]).T, loud.T)
    counts = loud.any(axis=0)
    return float(np.sqrt(np.mean(np.square(bands[counts])))) if counts.any() else 0.0


def _medians(values: Array, valid: Array) -> Array:
    """Median of the valid values of each row, 0 where there are none."""
    ordered = np.sort(np.where(valid, values, np.inf), axis=1)
    n = valid.sum(axis=1)
    rows = np.arange(len(values))
    middle = (ordered[rows, np.maximum(n - 1, 0) // 2] + ordered[rows, np.minimum(n // 2, values.shape[1] - 1)]) / 2
    return np.where(n > 0, middle, 0.0)


def _segment(items: list[tuple[int, Fingerprint]], limits: Limits) -> Piece:
    fingerprints = [fingerprint for _, fingerprint in items]
    starts = np.cumsum([0, *(len(fingerprint.codes) for fingerprint in fingerprints)])
    rows = np.cumsum([0, *(len(fingerprint.levels) for fingerprint in fingerprints)])
    codes = np.concatenate([fingerprint.codes for fingerprint in fingerprints])
    short = limits.short_s * RATE_HZ
    places = np.concatenate([np.arange(a, b, 1 if b - a < short else limits.stride) for a, b in pairwise(starts)])
    places = places[codes[places] != 0].astype(np.uint32)
    order = np.argsort(codes[places], kind="stable")
    ids = np.array([track for track, _ in items], np.int64)
    levels = np.concatenate([fingerprint.levels for fingerprint in fingerprints]).reshape(-1, LEVELS)
    return Piece(ids, starts, rows, codes, levels, keys=codes[places][order], places=places[order])


def _merge(a: Piece, b: Piece) -> Piece:
    """One segment of two; the stable sort of two ascending runs only merges them."""
    keys = np.concatenate([a.keys, b.keys])
    order = np.argsort(keys, kind="stable")
    ids, codes, levels = (np.concatenate(both) for both in ((a.ids, b.ids), (a.codes, b.codes), (a.levels, b.levels)))
    starts, rows = (np.concatenate([x, y[1:] + x[-1]]) for x, y in ((a.starts, b.starts), (a.rows, b.rows)))
    places = np.concatenate([a.places, b.places + np.uint32(a.starts[-1])])
    return Piece(ids, starts, rows, codes, levels, keys[order], places[order])


def _candidates(segment: Piece, codes: Array, limits: Limits) -> list[tuple[int, int]]:
    """(place of the track, lag) of the offsets that most codes of `codes` agree on.

    Half a frame of misalignment spreads the votes over two lags, so neighbours vote together and are both compared.
    """
    at = np.flatnonzero(codes)
    low = np.searchsorted(segment.keys, codes[at], side="left")
    count = np.searchsorted(segment.keys, codes[at], side="right") - low
    count[count > limits.common] = 0
    total = int(count.sum())
    if not total:
        return []
    run = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    places = segment.places[np.repeat(low, count) + run].astype(np.int64)
    tracks = np.searchsorted(segment.starts, places, side="right") - 1
    lags = places - segment.starts[tracks] - np.repeat(at, count)
    pairs, votes = np.unique(tracks * _SPAN + lags + _SPAN // 2, return_counts=True)
    beside = np.zeros(len(votes), np.int64)
    beside[:-1] = np.where(np.diff(pairs) == 1, votes[1:], 0)
    most = limits.candidates + int(len(codes) / RATE_HZ / limits.per_s)
    chosen = _most_voted(pairs, votes + beside, most, limits=limits)
    chosen = np.unique(np.concatenate([chosen, chosen + 1]))
    return [(int(pair // _SPAN), int(pair % _SPAN - _SPAN // 2)) for pair in chosen]


def _most_voted(pairs: Array, votes: Array, most: int, *, limits: Limits) -> Array:
    """Those of `pairs` (ascending numbers of track and lag) that are worth comparing, `most` at most."""
    enough = votes >= limits.votes
    pairs, votes = pairs[enough], votes[enough]
    order = np.lexsort((-votes, pairs // _SPAN))
    pairs, votes = pairs[order], votes[order]
    _, first = np.unique(pairs // _SPAN, return_index=True)
    rank = np.arange(len(pairs)) - np.repeat(first, np.diff(np.append(first, len(pairs))))
    few = rank < limits.offsets
    pairs, votes = pairs[few], votes[few]
    return pairs[np.argsort(-votes, kind="stable")][:most]
