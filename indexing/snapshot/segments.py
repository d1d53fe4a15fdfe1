"""What is searched at once: the windows of some tracks of one modality."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.types import Array, TrackWindows


@dataclass(frozen=True)
class Segment:
    """Searchable tracks of one modality; rows of one track are neighbours.

    Attributes
    ----------
    ids:     int64 [t], ascending track ids.
    parts:   int64 [t], the store part each comes from: (id, part) names one analysis.
    offsets: int64 [t + 1], rows of track i are offsets[i] to offsets[i + 1].
    alive:   bool [t], False for tracks that were removed or analysed again since.
    vectors, affect, inputs: float32 [n, ...] and bounds: float64 [n, 2], per window.
    recordings: int64 [t], the recording that each is of (the id of one of its tracks); None where all are of others.
    home:    the folder of its arrays, where what is built for its search lies too; None of one in memory.
    band:    float32 [f, b], per input column its middle values in order (`indexing.snapshot.medians`); None where it
             has none.
    """

    ids: Array
    parts: Array
    offsets: Array
    alive: Array
    vectors: Array
    affect: Array
    inputs: Array
    bounds: Array
    recordings: Array | None = None
    home: Path | None = None
    band: Array | None = None

    @property
    def living(self) -> int:
        """How many windows are of living tracks."""
        return int(np.diff(self.offsets)[self.alive].sum())

    def places(self, ids: Array) -> tuple[Array, Array]:
        """int64 [m], where those of the tracks `ids` int64 [n] are that are here, dead or alive; bool [n], which."""
        if not len(self.ids):
            return np.empty(0, np.int64), np.zeros(len(ids), bool)
        at = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        here = self.ids[at] == ids
        return at[here], here

    def place(self, track_id: int) -> int | None:
        """Which track of the segment has that id, None when it is not (or no longer) here."""
        at = int(np.searchsorted(self.ids, track_id))
        return at if at < len(self.ids) and self.ids[at] == track_id and self.alive[at] else None

    def windows_of(self, ids: Sequence[int]) -> dict[int, TrackWindows]:
        """The windows of those of these tracks that are (still) here, by id: views of the arrays."""
        wanted = np.sort(np.asarray(ids, np.int64))
        at = np.searchsorted(self.ids, wanted[wanted <= self.ids[-1:].max(initial=-1)])
        at = at[self.alive[at] & (self.ids[at] == wanted[: len(at)])]
        rows = map(slice, self.offsets[at].tolist(), self.offsets[at + 1].tolist())
        return {
            track_id: TrackWindows(self.bounds[some], self.vectors[some], self.affect[some], self.inputs[some])
            for track_id, some in zip(self.ids[at].tolist(), rows, strict=True)
        }
