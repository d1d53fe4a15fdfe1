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
    view = _Clear(engine.library, found)
    if not view.windows:
        return []
    ranker = None if engine.ranker == engine.model.ranker else engine.ranker
    tracks = {one.track.id: one.track for one in found}  # by the copy that conditions chose
    others = Recommender(view, engine.model, ranker, taste=engine.taste).recommend(
        query, len(view.windows), len(view.windows)
    )
    return [replace(one, track=tracks[one.track.id]) for one in others]


class _Clear:
    """A `LibraryReader` of what some sections leave of their tracks in another one."""

    def __init__(self, library: LibraryReader, found: Sequence[Recommendation]) -> None:
        self.space, self.inputs, self.medians = library.space, library.inputs, library.medians
        self.spellings, self.recordings, self.tracks_of = library.spellings, library.recordings, library.tracks_of
        sections: dict[int, list[tuple[float, float]]] = {}
        for one in found:
            sections.setdefault(one.track.id, []).append((one.in_s, one.out_s))
        every = zip(sections, library.windows_of(list(sections)), sections.values(), strict=True)
        clear: Mapping[int, TrackWindows] = {i: _clear(windows, some) for i, windows, some in every}
        self.windows = {i: windows for i, windows in clear.items() if len(windows.bounds)}

    def count(self, modality: Modality, where: Filter | None = None) -> int:
        return len(self.windows)

    def search(self, query: Array, k: int, modality: Modality, *, where: Filter | None = None) -> Candidates:
        return Candidates(np.array([*self.windows], np.int64)[:k], np.zeros(min(k, len(self.windows)), np.float32))

    def windows_of(self, ids: Sequence[int]) -> list[TrackWindows]:
        return [self.windows[i] for i in ids]


def _clear(windows: TrackWindows, sections: Sequence[tuple[float, float]]) -> TrackWindows:
    """The windows that share nothing with the sections."""
    start_s, end_s = windows.bounds.T
    clear = np.logical_and.reduce([(end_s <= in_s) | (start_s >= out_s) for in_s, out_s in sections])
    columns: list[Any] = [column[clear] for column in windows]
    return TrackWindows(*columns)
