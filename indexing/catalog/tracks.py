"""Tracks as they are shown, made of stored facts, the same from the catalog and from a snapshot."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from recommender.types import Affect, Modality, Track

_TOLD = ("bpm_confidence", "bpm_alternative", "key_confidence")  # only shown, so the catalog alone has them


def track_of(
    track_id: int,
    modality: Modality,
    path: bytes,
    title: str | None,
    artist: str | None,
    *,
    duration_s: float | None,
    bpm: float | None,
    key: str | None,
    affect: Affect | None,
    copies: Sequence[bytes] = (),
    genre: str | None = None,
    licence: str | None = None,
    versions: Sequence[bytes] = (),
    stated: Mapping[str, Any] | None = None,
) -> Track:
    """A track of stored facts: without a title it is called as its file is.

    stated: the catalog's facts of it by name, for how sure tempo and key are; any may be lacking.
    """
    return Track(
        id=track_id,
        path=os.fsdecode(path),
        modality=modality,
        title=title or Path(path.decode("utf-8", "replace")).stem,
        artist=artist or None,
        duration_s=duration_s,
        bpm=bpm,
        key=key,
        affect=affect,
        copies=tuple(map(os.fsdecode, copies)),
        genre=genre or None,
        licence=licence or None,
        versions=tuple(map(os.fsdecode, versions)),
        **{name: (stated or {}).get(name) for name in _TOLD},
    )


def leading(paths: Sequence[bytes]) -> int:
    """The number of the first path that is still on disk, 0 when none is."""
    return next((i for i, path in enumerate(paths) if os.path.lexists(path)), 0)


def ordered(several: Iterable[Sequence[bytes]]) -> list[bytes]:
    """Of each track's paths the leading one, by path."""
    return sorted(paths[leading(paths)] for paths in several if paths)
