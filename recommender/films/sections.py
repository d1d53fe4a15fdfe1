"""Further sections of tracks, so that a theme need not repeat what was heard of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recommender.engine import Recommender
from recommender.films.cues import Scene
from recommender.films.options import SECTIONS
from recommender.films.rules import Rules
from recommender.query import Query
from recommender.types import Array, Candidates, Filter, LibraryReader, Modality, Recommendation, TrackWindows


def offer_sections(
    engine: Recommender, scenes: Sequence[Scene], candidates: Sequence[Sequence[Recommendation]], *, rules: Rules
) -> list[list[Recommendation]]:
    """The candidates of each scene, in scenes of a theme with further sections of the tracks that all its scenes have.

    Parameters
    ----------
    engine: what found the candidates. rules: whose themes count.
    """
    found = {scene.number: list(some) for scene, some in zip(scenes, candidates, strict=True)}
    queries = {scene.number: scene.query for scene in scenes}
    for theme in rules.themes:
        common = set.intersection(*({one.track.id for one in found[number]} for number in theme))
        for number in theme:
            sections = [one for one in found[number] if one.track.id in common]
            for _ in range(min(len(theme), SECTIONS) - 1):
                more = sections_clear_of(engine, queries[number], sections)
                sections, found[number] = [*sections, *more], [*found[number], *more]
    return list(found.values())


def sections_clear_of(engine: Recommender, query: Query, found: Sequence[Recommendation]) -> list[Recommendation]:
    """The best other section of each track in `found` for a query, which shares nothing with those there; best first.

    It may be shorter than the query asks for; tracks without a window that is clear of all have none.
    """
    sections: dict[int, list[tuple[float, float]]] = {}
    for one in found:
        sections.setdefault(one.track.id, []).append((one.in_s, one.out_s))
    every = zip(sections, engine.library.windows_of(list(sections)), sections.values(), strict=True)
    tracks = {one.track.id: one.track for one in found}  # by the copy that conditions chose
    others = _rank(engine, query, {i: _clear(windows, some) for i, windows, some in every})
    return [replace(one, track=tracks[one.track.id]) for one in others]


def section_from(engine: Recommender, query: Query, found: Recommendation, *, begins_s: float) -> Recommendation:
    """The section of a track that begins at a second of it, for a query, with score and reasons of what is heard there.

    These are of the windows from that which begins nearest to it until that which ends nearest to its end.
    """
    track = found.track
    ends_s = min(begins_s + query.duration_s, track.duration_s or np.inf)
    (windows,) = engine.library.windows_of([track.id])
    starts, ends = windows.bounds.T
    first, last = int(np.abs(starts - begins_s).argmin()), int(np.abs(ends - ends_s).argmin())
    at = np.arange(len(starts))
    told = _rank(engine, query, {track.id: _only(windows, (at >= first) & (at <= max(first, last)))})
    return replace(told[0] if told else found, track=track, in_s=begins_s, out_s=ends_s)


def _rank(engine: Recommender, query: Query, windows: Mapping[int, TrackWindows]) -> list[Recommendation]:
    """The best section of each of some tracks, by their ids, as if they had these windows alone; best first."""
    view = _View(engine.library, windows)
    if not view.windows:
        return []
    ranker = None if engine.ranker == engine.model.ranker else engine.ranker
    part = Recommender(view, engine.model, ranker, taste=engine.taste)
    return part.recommend(query, len(view.windows), len(view.windows))


class _View:
    """A `LibraryReader` of some windows of some tracks of another one; of those that have any."""

    def __init__(self, library: LibraryReader, windows: Mapping[int, TrackWindows]) -> None:
        self.space, self.inputs, self.medians = library.space, library.inputs, library.medians
        self.spellings, self.recordings, self.tracks_of = library.spellings, library.recordings, library.tracks_of
        self.windows = {i: some for i, some in windows.items() if len(some.bounds)}

    def count(self, modality: Modality, where: Filter | None = None) -> int:
        return len(self.windows)

    def search(self, query: Array, k: int, modality: Modality, *, where: Filter | None = None) -> Candidates:
        return Candidates(np.array([*self.windows], np.int64)[:k], np.zeros(min(k, len(self.windows)), np.float32))

    def windows_of(self, ids: Sequence[int]) -> list[TrackWindows]:
        return [self.windows[i] for i in ids]


def _clear(windows: TrackWindows, sections: Sequence[tuple[float, float]]) -> TrackWindows:
    """The windows that share nothing with the sections."""
    start_s, end_s = windows.bounds.T
    return _only(windows, np.logical_and.reduce([(end_s <= in_s) | (start_s >= out_s) for in_s, out_s in sections]))


def _only(windows: TrackWindows, which: Array) -> TrackWindows:
    columns: list[Any] = [column[which] for column in windows]
    return TrackWindows(*columns)
