"""The engine: a query in, ranked and explained recommendations out.

query -> `library.search` (candidates) -> ranker (best section of each) -> reasons -> recommendations.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recommender import rankers
from recommender.affect.course import follow_on, moments_of
from recommender.affect.words import emotions_in
from recommender.errors import Argument, InputError, SpaceMismatch
from recommender.explain import by_course
from recommender.logs import getLogger
from recommender.model import Model
from recommender.model.belonging import mismatch, model_of
from recommender.query import Query, blend, cut_speech, join_speech, query_of, side_of
from recommender.rankers import speech as under_speech
from recommender.rankers.taste import Taste, unfit
from recommender.standings import Standings
from recommender.text import fold
from recommender.types import (
    Affect,
    AffectPair,
    Array,
    Candidates,
    EmotionsPair,
    Filter,
    LibraryReader,
    Modality,
    Reason,
    Recommendation,
    Track,
    TrackWindows,
    unit,
)

if TYPE_CHECKING:
    from recommender.affect.relative import Scale

_log = getLogger(__name__)
DEFAULT_TOP = 10
DEFAULT_CANDIDATES = 200
"""Tracks that reach the ranker: ten pages of answers; a ranker sees enough to reorder, at little cost."""

_SPARE = 4  # times as many tracks as are wanted are looked up at first where an artist may have too many of them


class _Placed(NamedTuple):
    """A track with its windows and the section of it that fits best."""

    track: Track
    windows: TrackWindows
    section: rankers.Section
    score: float  # the section's, after speech and taste
    more: Sequence[Reason]  # what these say


class Recommender:
    """Recommendations from one library.

    Parameters
    ----------
    library: an open library (`indexing.Library.open(...)`) or anything else that is a `LibraryReader`.
    model: the model the library was indexed with; by default the one of that name that comes with the package.
    ranker: a name in `recommender.rankers.RANKERS`; by default the one that the model's card shows best.
    calibrate: measure the feelings of music against the library's own (`scale` says how) instead of the reference
        population that the model was shipped with.
    taste: what was learnt from one's own films (`indexing.edits.taste_file.taste_of`); it moves the scores of music by
        the ranker that it was learnt on.

    Raises SpaceMismatch when model, library and taste do not belong together, and InputError when there is too little
    music to calibrate on.
    """

    def __init__(
        self,
        library: LibraryReader,
        model: Model | None = None,
        ranker: str | None = None,
        calibrate: bool = False,
        *,
        taste: Taste | None = None,
    ) -> None:
        self.library = library
        self.model = model if model is not None else model_of(library)
        if self.model.space != library.space:
            raise SpaceMismatch(*mismatch(library, self.model))
        if taste is not None and (fault := unfit(taste, library.space, calibrate=calibrate)):
            raise SpaceMismatch(fault)
        self.taste = taste
        self.scale: Scale | None = None
        if calibrate:
            self._calibrate(ranker)
        self.ranker = ranker or self.model.ranker
        rankers.get(self.ranker)  # an unknown name fails here
        self._asked = ranker is not None
        self._settled: dict[Filter, Filter] = {}  # the last filter that was asked for
        self._scoring = self.model.scoring

    def _calibrate(self, ranker: str | None) -> None:
        """Measure music against the library's own from here on."""
        if ranker not in (None, "cosine"):
            raise InputError(
                Argument("calibrate"),
                f" works with the ranker cosine, not with '{ranker}': what that one reads was stored on the model's "
                "own scale",
            )
        from recommender.relative import relative

        seen, self.model = relative(self.library, self.model)
        self.library, self.scale = seen, seen.scale

    def clip(self, path: str | PathLike[str]) -> Query:
        """The query for a video clip, a still or an animation: searches music. Raises MediaError."""
        from recommender.extractors.audio.speech import speech_in

        query = self._query(path, "video", target="music")
        if query.still:
            return query
        return replace(query, speech=cut_speech(speech_in(Path(path)), query.duration_s))

    def slideshow(self, paths: Sequence[str | PathLike[str]], picture_s: float) -> Query:
        """The query for pictures shown one after the other; clips among them run as they are.

        Parameters
        ----------
        paths: in the order of showing. picture_s: seconds that each picture is shown, and counts for.

        Raises MediaError for one that cannot be used, InputError without any.
        """
        if not (paths and np.isfinite(picture_s) and picture_s > 0):
            raise InputError(f"a slideshow of {len(paths)} pictures, {picture_s:g} s each: give pictures, and a time")
        parts = [self.clip(path) for path in paths]
        lengths = [part.duration_s or picture_s for part in parts]
        course = follow_on([part.course for part in parts], lengths)
        speech = join_speech([part.speech for part in parts], lengths)
        return replace(blend(parts, lengths), duration_s=sum(lengths), speech=speech, course=course)

    def music(self, path: str | PathLike[str]) -> Query:
        """The query for a piece of music that looks for clips."""
        return self._query(path, "music", target="video")

    def like(self, path: str | PathLike[str]) -> Query:
        """The query for a reference track: searches music that feels like it (itself left out)."""
        return self._query(path, "music", target="music", exclude=frozenset([str(Path(path).absolute())]))

    def features(self, features: Array, modality: Modality = "video") -> Query:
        """The query for features that were extracted elsewhere; searches the other side.

        Parameters
        ----------
        features: float [d], in the order of the model's columns. modality: what they are of.

        Raises InputError when the library's model reads none, or others.
        """
        encoded = self.model.encode_features(np.asarray(features, np.float64)[None], modality)
        query = self.vector(encoded.vectors[0], "music" if modality == "video" else "video")
        columns = self.model.inputs(modality)
        inputs = encoded.inputs[0]
        return replace(query, emotions=emotions_in(columns, inputs), side=side_of(columns, inputs))

    def vector(self, vector: Array, target: Modality = "music", duration_s: float = 0.0) -> Query:
        """The query for a bare vector of the library's space. Raises InputError where it is no direction in it.

        Parameters
        ----------
        vector: float [dim], of any length. target: what is searched. duration_s: to cover by a section; 0: one window.
        """
        v = np.asarray(vector, np.float32)
        dim = self.library.space.dim
        if v.shape != (dim,):
            raise InputError(f"query vector of shape {list(v.shape)}; this library needs [{dim}]")
        if not np.isfinite(v).all() or not v.any():
            raise InputError("query vector is zero or not finite; a direction is needed for the cosine")
        return Query(unit(v), None, duration_s, target)

    def retrieve(self, query: Query, k: int, where: Filter | None = None) -> Candidates:
        """The tracks that reach the ranker: those whose best window has the largest cosine with the query, best first.

        Parameters
        ----------
        query: from one of the methods above. k: how many, where so many qualify. where: conditions on the tracks.
        """
        return self.library.search(query.vector, k, query.target, where=self.settle(where))

    def settle(self, where: Filter | None) -> Filter | None:
        """`where` with its files and folders as the library spells them.

        Raises InputError where one to leave out names nothing in the library; warns of others that do.
        """
        if not where:
            return None
        if where not in self._settled:
            from recommender.filters import settle

            settled = settle(self.library, where)
            self._settled = {where: settled, settled: settled}
        return self._settled[where]

    def recommend(
        self,
        query: Query | str | PathLike[str],
        top: int = DEFAULT_TOP,
        candidates: int = DEFAULT_CANDIDATES,
        *,
        where: Filter | None = None,
        per_artist: int | None = None,
    ) -> list[Recommendation]:
        """The `top` best tracks for a query (a path is a clip), best first; fewer where no more qualify.

        The same query, library and model always give the same answer; equal scores are ordered by path.

        Parameters
        ----------
        query:      from one of the methods above, or the path of a clip.
        top:        tracks to return.
        candidates: tracks that the search hands to the ranker; more where `per_artist` leaves too few of them.
        where:      conditions on the tracks, applied before anything is ranked.
        per_artist: tracks of one artist at most; of unknown artists any number.
        """
        if top < 1 or candidates < 1 or (per_artist is not None and per_artist < 1):
            raise InputError(f"top ({top}), candidates ({candidates}) and tracks per artist must be at least 1")
        where = self.settle(where)
        q = query if isinstance(query, Query) else self.clip(query)
        wanted = max(top, candidates) + len(q.exclude)
        while True:
            ids = self.retrieve(q, wanted, where).ids.tolist()
            _log.info("%d candidates of %d asked for, ranked by %s", len(ids), wanted, self._ranker(q))
            found = self._best(q, ids, top, where, per_artist)
            if len(found) == top or len(ids) < wanted or per_artist is None:
                return self._explain(q, found)
            wanted *= 4

    def _ranker(self, q: Query) -> str:
        # The model's own ranker gives way where a query has nothing for it; one that was asked for says why it cannot.
        if self._asked:
            return self.ranker
        return self.model.ranker_for(q.target) if q.side is not None else "cosine"

    def _best(
        self, q: Query, ids: Sequence[int], top: int, where: Filter | None, per_artist: int | None
    ) -> list[_Placed]:
        """The `top` best of the candidates `ids`."""
        found = self.compare(q, ids)
        few = (top if per_artist is None else _SPARE * top) + len(q.exclude)
        ranked = self._rank(ids, found.scores, few, known=found.known, exclude=q.exclude, where=where)
        return [
            _Placed(track, found.windows[i], found.sections[i], found.scores[i], found.reasons(i))
            for track, i in islice(_cap(ranked, per_artist), top)
        ]

    def compare(self, query: Query, ids: Sequence[int]) -> Standings:
        """Candidates with their best sections and scores.

        Parameters
        ----------
        query: from one of the methods above. ids: of the candidates, as `retrieve` gives them.
        """
        windows = self.library.windows_of(ids)
        arc = self._arc(query) if all(some.affect.shape[1] for some in windows) else None
        question = rankers.Question(query.vector, query.duration_s, query.side, query.target, arc)
        sections = rankers.get(self._ranker(query))(question, windows, self._scoring)
        weight, taste = _weigh_speech(query), self.taste_for(query)
        known = dict(zip(ids, self.library.tracks_of(ids), strict=True)) if weight or taste else {}
        room, columns = None, self.library.inputs(query.target) if known else ()
        if known and weight:
            rows = [some.inputs[s.first : s.last + 1] for some, s in zip(windows, sections, strict=True)]
            room = under_speech.room(known.values(), rows, columns=columns, weight=weight)
        return Standings(windows, sections, known, arc, room, taste, columns, query.shot_s)

    def taste_for(self, q: Query) -> Taste | None:
        """The taste that moves the scores of a query, None where none does.

        Parameters
        ----------
        q: must ask for music, by the ranker that the taste was learnt on.
        """
        fitting = self.taste is not None and q.target == "music" and self._ranker(q) == self.taste.ranker
        return self.taste if fitting else None

    def _arc(self, q: Query) -> rankers.Arc | None:
        """How the query moves, where it surely does."""
        if q.course is None or not q.course.has_arc:
            return None
        return rankers.Arc(q.course, self.model.affect_encoder(q.course.affect))

    def _rank(
        self,
        ids: Sequence[int],
        scores: Sequence[float],
        few: int,
        *,
        known: Mapping[int, Track],
        exclude: frozenset[str],
        where: Filter | None,
    ) -> Iterator[tuple[Track, int]]:
        """The tracks with their places in `ids`, best first, equal ones by path.

        Where they are not `known`, the first `few`, with their equals, are looked up at once, all others only where
        more are taken.
        """
        order = sorted(range(len(ids)), key=lambda i: -scores[i])
        least = scores[order[min(few, len(order)) - 1]] if order else 0.0
        cut = sum(score >= least for score in scores)
        for some in filter(None, (order[:cut], order[cut:])):
            tracks = zip(self._tracks([ids[i] for i in some], known, where), some, strict=True)
            for track, i in sorted(tracks, key=lambda pair: (-scores[pair[1]], pair[0].path, pair[0].id)):
                if exclude.isdisjoint((track.path, *track.copies, *track.versions)):
                    yield track, i

    def _tracks(self, ids: Sequence[int], known: Mapping[int, Track], where: Filter | None) -> list[Track]:
        """Tracks, by paths that meet the conditions."""
        tracks = [known[i] for i in ids] if known else self.library.tracks_of(ids)
        if not where:
            return tracks
        from recommender.filters import show_matching_copy

        return [show_matching_copy(track, where) for track in tracks]

    def _query(
        self, path: str | PathLike[str], modality: Modality, target: Modality, exclude: frozenset[str] = frozenset()
    ) -> Query:
        analysis = self.model.analyse(Path(path), modality)
        return replace(query_of(analysis, target, exclude), cues=self.model.cues(analysis))

    def _explain(self, q: Query, found: Sequence[_Placed]) -> list[Recommendation]:
        if not found:
            return []
        columns = self.library.inputs(q.target)
        medians = self.library.medians(q.target) if columns and self.model is not None else np.empty(0)
        return [self._recommendation(q, rank, one, columns, medians) for rank, one in enumerate(found, start=1)]

    def _recommendation(
        self, q: Query, rank: int, placed: _Placed, columns: Sequence[str], medians: Array
    ) -> Recommendation:
        track, windows, section, score, more = placed
        rows = slice(section.first, section.last + 1)
        in_s, end_s = float(windows.bounds[section.first, 0]), float(windows.bounds[section.last, 1])
        # A section is as long as the clip, but never shorter than the window it was measured on.
        shortest = float(windows.bounds[section.first, 1]) - in_s
        out_s = min(end_s, in_s + max(q.duration_s, shortest))
        affect = Affect(*windows.affect[rows].mean(axis=0).tolist()) if windows.affect.shape[1] else None
        inputs = windows.inputs[rows]
        feelings = EmotionsPair(q.emotions, emotions_in(columns, inputs.mean(axis=0)))
        fits = section.score >= rankers.FITS if self._ranker(q) in self._scoring.calibrations else None
        why: Sequence[Reason] = ()
        if inputs.shape[1]:
            why = self.model.reasons(q.vector, inputs, medians, modality=q.target, emotions=q.emotions)
        if (arc := self._arc(q)) is not None and windows.affect.shape[1]:
            change = rankers.worth(arc, windows, section.first, last=section.last, encode=self.model.affect_encoder)
            followed = float(rankers.follows(arc, [windows], [section])[0])
            why = by_course(why, arc.course, follows=followed, change=change)
        both, why = AffectPair(q.affect, affect), under_speech.sort_in(why, more)
        told: dict[str, Any] = {"fits": fits, "cues": q.cues, "loss": q.loss, "speech": q.speech}
        told["course"] = moments_of(windows.bounds[rows], windows.affect[rows])
        return Recommendation(track, score, rank, in_s, out_s, both, tuple(why), feelings, **told)


def _weigh_speech(q: Query) -> float:
    """How much the speech of what is asked about counts; 0 where nobody speaks, or it is music."""
    return under_speech.weigh(q.speech, q.duration_s) if q.target == "music" else 0.0


def _cap(ranked: Iterator[tuple[Track, int]], per_artist: int | None) -> Iterator[tuple[Track, int]]:
    """At most `per_artist` tracks of one artist, the first; unknown artists are not counted."""
    seen: Counter[str] = Counter()
    for track, i in ranked:
        artist = fold(track.artist or "")
        seen[artist] += 1
        if per_artist is None or not artist or seen[artist] <= per_artist:
            yield track, i


def recommend(
    clip: str | PathLike[str],
    library: LibraryReader,
    model: Model | None = None,
    *,
    top: int = DEFAULT_TOP,
    candidates: int = DEFAULT_CANDIDATES,
    ranker: str | None = None,
    where: Filter | None = None,
    per_artist: int | None = None,
) -> list[Recommendation]:
    """The tracks of a library that fit a clip, best first (see `Recommender` for more than one query).

    Parameters
    ----------
    clip: a path. library, model, ranker: as `Recommender` takes them.
    top, candidates, where, per_artist: as `Recommender.recommend` takes them.
    """
    return Recommender(library, model, ranker).recommend(clip, top, candidates, where=where, per_artist=per_artist)
