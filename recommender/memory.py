"""A library in memory: tracks with their windows, and a search that looks at all of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.conditions import TAGS, TEMPO_AND_KEY, VOICE, Filter
from recommender.errors import InputError, LibraryError
from recommender.types import (
    IMPORTED,
    Affect,
    Analysis,
    Array,
    Candidates,
    Modality,
    Space,
    Track,
    TrackWindows,
    first_places,
    loss_of,
)

if TYPE_CHECKING:
    from recommender.model import Model


class MemoryLibrary:
    """A `LibraryReader` over arrays: nothing on disk, and every query scores every window.

    Its answers are those of `indexing.Library` with the same tracks. For experiments, tests and some 10,000 tracks.

    Parameters
    ----------
    space: what the vectors are of.
    tracks: t tracks; their ids become 0 to t - 1.
    windows: of every track in the same order, n >= 1 each; vectors float32 [n, dim] of unit length, bounds in seconds.
    inputs: by modality the names of the columns of `TrackWindows.inputs`, none by default.
    recordings: int64 [t]: equal where tracks are versions of one recording, of which a search finds the best alone; by
        default each is its own.

    Raises
    ------
    InputError: tracks, windows and recordings of different numbers, or windows that are not of `space`.
    """

    def __init__(
        self,
        space: Space,
        tracks: Sequence[Track],
        windows: Sequence[TrackWindows],
        *,
        inputs: Mapping[Modality, tuple[str, ...]] | None = None,
        recordings: Array | None = None,
    ) -> None:
        self.space = space
        self._tracks = [replace(track, id=i) for i, track in enumerate(tracks)]
        self._windows, self._inputs = list(windows), dict(inputs or {})
        self._recordings = np.arange(len(tracks)) if recordings is None else np.asarray(recordings, np.int64)
        if not len(tracks) == len(windows) == len(self._recordings):
            raise InputError(f"{len(tracks)} tracks, windows of {len(windows)}, {len(self._recordings)} recordings")
        for track, found in zip(self._tracks, self._windows, strict=True):
            if found.vectors.ndim != 2 or not len(found.vectors) or found.vectors.shape[1] != space.dim:
                wrong = f"vectors of shape {list(found.vectors.shape)}; this library needs [n, {space.dim}], n >= 1"
                raise InputError(f"{track.title}: {wrong}")
        self._starts = np.cumsum([0, *(len(found.vectors) for found in self._windows)])[:-1]
        self._vectors = np.concatenate([np.empty((0, space.dim)), *(found.vectors for found in self._windows)])

    @classmethod
    def of_analyses(cls, analyses: Mapping[str, Analysis] | Mapping[Path, Analysis], model: "Model") -> "MemoryLibrary":
        """The library of analysed files.

        Parameters
        ----------
        analyses: by path, pieces of music or clips. model: what analysed them.
        """
        found = list(analyses.values())
        inputs: dict[Modality, tuple[str, ...]] = {a.modality: model.inputs(a.modality) for a in found}
        tracks = [_track(Path(path), analysis) for path, analysis in analyses.items()]
        return cls(model.space, tracks, [_windows(a, inputs[a.modality]) for a in found], inputs=inputs)

    @classmethod
    def of_vectors(
        cls, vectors: Array, names: Sequence[str] | None = None, modality: Modality = "music", *, space: str = "memory"
    ) -> "MemoryLibrary":
        """The library of bare vectors, one per track, to be queried by `Recommender.vector`.

        Parameters
        ----------
        vectors: float32 [t, dim] of unit length (`unit` makes them so). names: of the tracks; by default their numbers.
        modality: of all of them. space: a name for the space of the vectors.
        """
        none, second = np.empty((1, 0), np.float32), np.array([[0.0, 0.0]])
        called = list(map(str, range(len(vectors)))) if names is None else names
        tracks = [Track(i, name, modality, name) for i, name in enumerate(called)]
        windows = [TrackWindows(second, vector[None], none, none) for vector in vectors]
        return cls(Space(space, IMPORTED, vectors.shape[1]), tracks, windows)

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """Names of the columns of `TrackWindows.inputs`."""
        return self._inputs.get(modality, ())

    def medians(self, modality: Modality) -> Array:
        """float32 [f]: the median of every input column over all windows."""
        rows = [self._windows[i].inputs for i in self.ids(modality)]
        return np.median(np.vstack(rows), axis=0).astype(np.float32) if rows else np.zeros(0, np.float32)

    def ids(self, modality: Modality, where: Filter | None = None) -> Array:
        """int64 [t], ascending: the tracks that meet all conditions."""
        here = [track for track in self._tracks if track.modality == modality]
        if where:
            from recommender.filters import meets

            here = [track for track in here if meets(track, where)]
        return np.array([track.id for track in here], np.int64)

    def count(self, modality: Modality, where: Filter | None = None) -> int:
        """Number of tracks that meet all conditions."""
        return len(self.ids(modality, where))

    def spellings(self, entries: Collection[str]) -> dict[str, set[str]]:
        """By entry how the library spells what it names: `recommender.filters.alike`.

        Parameters
        ----------
        entries: files, folders and ids, as people write them.
        """
        from recommender.filters import alike

        return alike(entries, (path for track in self._tracks for path in (track.path, *track.copies)))

    def recordings(self, ids: Array) -> Array:
        """int64 [n]: what recording each track is of."""
        found: Array = self._recordings[ids]
        return found

    def search(self, query: Array, k: int, modality: Modality, *, where: Filter | None = None) -> Candidates:
        """The k tracks of distinct recordings whose best window has the largest cosine with `query`; ties by id."""
        if k < 1:
            raise InputError(f"cannot search for {k} tracks; ask for at least 1")
        ids = self.ids(modality, where)
        scores = np.maximum.reduceat(cosines(self._vectors, check_query(query, self.space.dim)), self._starts)[ids]
        order = np.lexsort((ids, -scores))
        order = order[first_places(self.recordings(ids[order]))][:k]
        return Candidates(ids[order], scores[order])

    def tracks_of(self, ids: Sequence[int]) -> list[Track]:
        """These tracks, in this order; raises LibraryError for an unknown id."""
        return [self._tracks[i] for i in self._known(ids)]

    def windows_of(self, ids: Sequence[int]) -> list[TrackWindows]:
        """The windows of these tracks, in this order; raises LibraryError for an unknown id."""
        return [self._windows[i] for i in self._known(ids)]

    def _known(self, ids: Sequence[int]) -> Sequence[int]:
        unknown = next((i for i in ids if not 0 <= i < len(self._tracks)), None)
        if unknown is not None:
            raise LibraryError(f"no track {unknown} in this library of {len(self._tracks)}")
        return ids


def _track(path: Path, analysis: Analysis) -> Track:
    """The track of an analysed file; without a title it is called as its file is."""
    tags, facts = analysis.tags, analysis.features.facts
    told: dict[str, Any] = {name: facts.get(name) for name in (*TEMPO_AND_KEY, *VOICE)}
    told |= {name: tags.get(name) for name in TAGS}
    told["year"] = int(tags["year"]) if "year" in tags else None
    return Track(
        id=0,
        path=str(path.absolute()),
        modality=analysis.modality,
        title=tags.get("title") or path.stem,
        artist=tags.get("artist"),
        duration_s=analysis.features.duration_s,
        affect=Affect(*analysis.item_affect.tolist()) if len(analysis.item_affect) else None,
        loss=loss_of(facts),
        **told,
    )


def _windows(analysis: Analysis, inputs: Sequence[str]) -> TrackWindows:
    """The windows of an analysed file, with its columns `inputs`."""
    features = analysis.features
    kept = features.values[:, [features.columns.index(column) for column in inputs]]
    return TrackWindows(features.windows, analysis.vectors, analysis.affect, kept)


def check_query(query: Array, dim: int) -> Array:
    """`query` as float64 [dim] of unit length; raises InputError when it is not a direction in this space."""
    vector = np.asarray(query, np.float64)
    if vector.shape != (dim,):
        raise InputError(f"the query vector has shape {list(vector.shape)}, the library's vectors have {dim} numbers")
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm) or norm == 0:
        raise InputError("the query vector is zero or not finite; it has no direction to search in")
    return vector / norm


def cosines(vectors: Array, query: Array) -> Array:
    """float32 [n]: inner products summed per row in float64, so equal rows score equally anywhere."""
    scores: Array = (np.asarray(vectors, np.float64) * query).sum(axis=1)
    return scores.astype(np.float32)
