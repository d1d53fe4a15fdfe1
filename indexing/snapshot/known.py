"""What a snapshot knows of all tracks of a modality: facts of each of its segments, and of what has changed since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from indexing.catalog.tracks import leading_paths
from indexing.snapshot.facts import Facts, Later
from indexing.snapshot.segments import Segment
from recommender.types import Array, Modality, Track


@dataclass(frozen=True)
class Same:
    """Tracks that have near-duplicates: `ids` int64 [m], ascending, and the recording `of` each int64 [m]."""

    ids: Array
    of: Array

    def recordings(self, ids: Array) -> Array | None:
        """int64 [t], the recording of each of `ids`, ascending; None where none has near-duplicates."""
        if not len(self.ids) or not len(ids):
            return None
        found = ids.copy()
        at = np.minimum(np.searchsorted(ids, self.ids), len(ids) - 1)
        here = ids[at] == self.ids
        found[at[here]] = self.of[here]
        return found

    def others(self, track_id: int) -> list[int]:
        """The other tracks of the same recording."""
        at = int(np.searchsorted(self.ids, track_id))
        if self.ids[at : at + 1].tolist() != [track_id]:
            return []
        same: list[int] = self.ids[self.of == self.of[at]].tolist()
        return [one for one in same if one != track_id]


@dataclass(frozen=True)
class Known:
    """Facts of the tracks of a snapshot.

    Attributes
    ----------
    segments, facts: of the same places.
    later: facts of tracks that changed since their segment was written, to be taken instead.
    same:  which of all tracks are of one recording.
    """

    segments: Sequence[Segment]
    facts: Sequence[Facts]
    later: Later
    same: Same

    @property
    def is_whole(self) -> bool:
        """Whether all is here that filters read."""
        return all(facts.is_whole for facts in (*self.facts, self.later.facts))

    def find(self, track_id: int) -> tuple[Facts, int] | None:
        """Where a living track's facts are; None where it is none of them."""
        for segment, facts in zip(self.segments, self.facts, strict=True):
            if (at := segment.place(track_id)) is not None:
                place = int(np.searchsorted(self.later.ids, track_id))
                is_later = self.later.ids[place : place + 1].tolist() == [track_id]
                return (self.later.facts, place) if is_later else (facts, at)
        return None

    def track(self, track_id: int, modality: Modality, stated: Mapping[str, Any] | None = None) -> Track | None:
        """A track; None where it is not here, or has no path. `stated` as in `track_of`."""
        found = self.find(track_id)
        if found is None:
            return None
        facts, at = found
        others = filter(None, map(self.find, self.same.others(track_id)))
        versions = leading_paths(one.paths_of(place) for one, place in others)
        return facts.track(at, track_id, modality, versions=versions, stated=stated)


def same_of(segment: Segment, facts: Facts) -> Same:
    """Which tracks of a segment are of one recording, as the facts of it alone say."""
    return Same(segment.ids[facts.twins], facts.recording[facts.twins])
