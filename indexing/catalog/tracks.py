"""Tracks as they are shown, made of stored facts, the same from the catalog and from a snapshot."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recommender.conditions import READ, Within
from recommender.types import Affect, Modality, Track, loss_of

_KIND: dict[str, type] = {one.name: (int if one.whole else float) if isinstance(one, Within) else str for one in READ}
_READ = tuple((one.name, one.kept == "facts") for one in READ)
# Only shown, so the catalog alone has them.
_TOLD = ("bpm_confidence", "bpm_alternative", "key_confidence", "voice_confidence")


def track_of(
    track_id: int,
    modality: Modality,
    path: bytes,
    *,
    title: str | None,
    artist: str | None,
    known: Mapping[str, Any],
    affect: Affect | None,
    copies: Sequence[bytes] = (),
    versions: Sequence[bytes] = (),
    stated: Mapping[str, Any] | None = None,
) -> Track:
    """A track of stored facts: without a title it is called as its file is.

    known: as `filter_values`; any may be lacking. stated: the catalog's facts of it by name, for how sure tempo, key
    and voice are.
    """
    told: dict[str, Any] = {name: _KIND[name](value) for name, value in known.items() if value not in (None, "")}
    return Track(
        id=track_id,
        path=os.fsdecode(path),
        modality=modality,
        title=title or Path(path.decode("utf-8", "replace")).stem,
        artist=artist or None,
        affect=affect,
        copies=tuple(map(os.fsdecode, copies)),
        versions=tuple(map(os.fsdecode, versions)),
        **told,
        **_told(stated or {}),
    )


def _told(stated: Mapping[str, Any]) -> dict[str, Any]:
    return {name: stated.get(name) for name in _TOLD} | {"loss": loss_of(stated)}


def add_containment(
    tracks: Sequence[Track], containment: Callable[[Sequence[int]], Mapping[int, Sequence[Sequence[bytes]]]]
) -> list[Track]:
    """Tracks with what contains them and what they contain, as `Reading.containment` has it."""
    found = containment([track.id for track in tracks])
    paths = {key: [tuple(map(os.fsdecode, sorted(some))) for some in both] for key, both in found.items()}
    return [
        replace(track, also_in=paths[track.id][0], contains=paths[track.id][1]) if track.id in paths else track
        for track in tracks
    ]


def filter_values(row: Any) -> dict[str, Any]:
    """What filters read of a row of the catalog, by the track's attribute."""
    facts = row.facts
    return {name: facts.get(name) if measured else getattr(row, name) for name, measured in _READ}


def leading(paths: Sequence[bytes]) -> int:
    """The number of the first path that is still on disk, 0 when none is."""
    return next((i for i, path in enumerate(paths) if os.path.lexists(path)), 0)


def leading_paths(several: Iterable[Sequence[bytes]]) -> list[bytes]:
    """Of each track's paths the leading one, by path."""
    return sorted(paths[leading(paths)] for paths in several if paths)
