"""A library and its model seen relative to the library itself: nothing stored changes, nothing is analysed again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from recommender.affect.relative import Scale
from recommender.errors import InputError
from recommender.model import Model
from recommender.types import (
    Affect,
    Array,
    Candidates,
    Filter,
    LibraryReader,
    Modality,
    Space,
    Track,
    TrackWindows,
    first_places,
)

BLOCK = 1 << 16
"""Windows whose vectors exist at the same time in a search: 16 MB, however large the library."""


@runtime_checkable
class ListingReader(LibraryReader, Protocol):
    """A library that names all it holds: what affect is relative to are all tracks, and a search finds but one of
    each recording."""

    def ids(self, modality: Modality, where: Filter | None = None) -> Array:
        """int64 [t], ascending: the searchable tracks that meet all conditions."""


class RelativeLibrary:
    """A `LibraryReader` over another one, whose music has the affect and the vectors of `scale`.

    Its search is exact, over the affect that the library stores; vectors are made as they are needed.
    """

    def __init__(self, library: ListingReader, model: Model) -> None:
        self._library, self._encode = library, model.affect_encoder
        self.inputs, self.medians = library.inputs, library.medians
        self.count, self.recordings, self.spellings = library.count, library.recordings, library.spellings
        ids = library.ids("music")
        parts = [windows.affect for windows in library.windows_of(ids.tolist())]
        self.scale = Scale.of(np.array([p.mean(axis=0) for p in parts]).reshape(-1, 4))
        self._ids, self._music = ids, frozenset(ids.tolist())
        self._affect = self.scale(np.concatenate(parts))
        self._starts = np.cumsum([0, *(len(p) for p in parts[:-1])])

    @property
    def space(self) -> Space:
        return self._library.space

    def search(self, query: Array, k: int, modality: Modality, *, where: Filter | None = None) -> Candidates:
        if modality != "music":
            return self._library.search(query, k, modality, where=where)
        blocks = range(0, len(self._affect), BLOCK)
        cosines = np.concatenate([self._encode(self._affect[a : a + BLOCK]) @ query for a in blocks])
        best = np.maximum.reduceat(cosines, self._starts)
        order = np.lexsort((self._ids, -best))
        if where:
            order = order[np.isin(self._ids[order], self._library.ids(modality, where))]
        order = order[first_places(self._library.recordings(self._ids[order]))][:k]
        return Candidates(self._ids[order], best[order].astype(np.float32))

    def tracks_of(self, ids: Sequence[int]) -> list[Track]:
        return list(map(self._move, self._library.tracks_of(ids)))

    def windows_of(self, ids: Sequence[int]) -> list[TrackWindows]:
        found = self._library.windows_of(ids)
        return [self._felt(some) if i in self._music else some for i, some in zip(ids, found, strict=True)]

    def _move(self, track: Track) -> Track:
        if track.id not in self._music or track.affect is None:
            return track
        return replace(track, affect=Affect(*self.scale(np.array(track.affect))[0].tolist()))

    def _felt(self, found: TrackWindows) -> TrackWindows:
        affect = self.scale(found.affect)
        return found._replace(affect=affect, vectors=self._encode(affect))


def relative(library: LibraryReader, model: Model) -> tuple[RelativeLibrary, Model]:
    """`library` and `model` with the feelings of music relative to the library's own music.

    Raises
    ------
    InputError: a model without affect, too few tracks, or tracks that all feel the same.
    """
    if not isinstance(library, ListingReader):
        raise InputError("this library cannot be calibrated on: it does not list its tracks (`ids`)")
    seen = RelativeLibrary(library, model)
    return seen, model.relative_to(seen.scale)
