"""The landmarks of a library's tracks, kept in its folder: pieces of some tracks each, appended by what is new.

Derived from the tracks, never trusted: `landmarks/pieces/<name>/*.npy` is written whole or not at all, then
`landmarks/landmarks.json` lists it with checksums. A piece that is not as it was written counts as absent, and its
tracks are read again. 8 bytes a landmark, some 1.8 MB per hour of music.
"""

import re
import shutil
import uuid
from collections.abc import Sequence, Set
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from indexing.disk import lock
from indexing.disk.checksums import crcs, differing, seal, unseal
from indexing.disk.content_hash import SIZE
from indexing.disk.durable import PARTIAL, keep_json, new_folder
from indexing.disk.npy import NpyWriter, ascends, load_npy, within
from indexing.edits.voting import Piece
from recommender.extractors.audio.landmarks import REVISION, Landmarks
from recommender.opening import load_json
from recommender.text import show
from recommender.types import Array

FOLDER, MANIFEST, LOCK = "landmarks", "landmarks.json", "landmarks.lock"
MOST_PIECES = 12
"""More are joined, so that a look-up asks few."""
SMALL = 1 << 24
"""Landmarks of the pieces that are joined: 80 hours of music, 130 MB."""
_FORMAT = 1
_NAME = re.compile(rf"(?:{re.escape(PARTIAL)})?[0-9a-f]{{32}}")
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)


def hold(folder: Path) -> AbstractContextManager[None]:
    """A context that alone writes the landmarks of the library at `folder`; raises LibraryLocked, LibraryError."""
    busy = f"another process is reading tracks of the library at {show(folder)}; wait for it"
    return lock.hold(folder, LOCK, 0.0, busy=busy)


def load(folder: Path) -> tuple[list[Piece], str | None]:
    """The pieces of a library that are whole, mapped, and a line on those that are not."""
    try:
        manifest = unseal(load_json(folder / FOLDER / MANIFEST))
        names = [Path(name).name for name in manifest["pieces"]] if manifest["of"] == _identity() else []
        written = dict(manifest["crcs"])
    except FileNotFoundError:
        return [], None
    except _UNUSABLE:
        return [], f"the list of landmarks in {show(folder / FOLDER)} is damaged; all tracks are read again"
    pieces, broken = [], 0
    for name in names:
        mine = {file: value for file, value in written.items() if file.startswith(f"pieces/{name}/")}
        try:
            if len(mine) != len(_KINDS) or next(differing(folder / FOLDER, mine), None):
                raise ValueError("not as it was written")
            pieces.append(_open(folder / FOLDER / "pieces" / name))
        except _UNUSABLE:
            broken += 1
    told = f"{broken} of {len(names)} pieces of landmarks in {show(folder / FOLDER)} are damaged; their tracks are read"
    return pieces, f"{told} again" if broken else None


def add(folder: Path, pieces: Sequence[Piece], new: Sequence[tuple[bytes, int, Landmarks]]) -> list[Piece]:
    """Keep more tracks (content hash, frames, landmarks) beside the pieces there are; raises OSError."""
    kept = [*pieces, _write(folder, build(new))]
    if len(kept) > MOST_PIECES:
        kept = _join(folder, kept)
    _publish(folder, kept)
    return kept


def forget(folder: Path, pieces: Sequence[Piece], known: Set[bytes]) -> list[Piece]:
    """The pieces without those of which most tracks are not `known` any more, whose others are read again."""
    kept = [piece for piece in pieces if 2 * sum(bytes(one) in known for one in piece.hashes) >= len(piece.hashes)]
    if len(kept) < len(pieces):
        _publish(folder, kept)
    return kept


def build(several: Sequence[tuple[bytes, int, Landmarks]]) -> Piece:
    """The piece of some tracks: content hash, frames, landmarks."""
    starts = np.cumsum([0, *(frames for _, frames, _ in several)], dtype=np.int64)
    keys = np.concatenate([np.empty(0, np.uint32), *(one.keys for *_, one in several)])
    places = [one.frames + start for (*_, one), start in zip(several, starts[:-1], strict=True)]
    hashes = np.frombuffer(b"".join(digest for digest, *_ in several), np.uint8).reshape(-1, SIZE)
    return _by_key(keys, np.concatenate([np.empty(0, np.int64), *places]), starts, hashes)


def _by_key(keys: Array, places: Array, starts: Array, hashes: Array) -> Piece:
    order = np.argsort(keys, kind="stable")
    return Piece(keys[order].astype(np.uint32), places[order].astype(np.uint32), starts, hashes)


def _join(folder: Path, pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces, of which the small ones are one."""
    small = [piece for piece in pieces if len(piece.keys) <= SMALL]
    if len(small) < 2:
        return list(pieces)
    before = np.cumsum([0, *(int(piece.starts[-1]) for piece in small)])
    starts = [piece.starts[:-1] + start for piece, start in zip(small, before[:-1], strict=True)]
    places = [piece.places.astype(np.int64) + start for piece, start in zip(small, before[:-1], strict=True)]
    keys, hashes = (np.concatenate([getattr(piece, name) for piece in small]) for name in ("keys", "hashes"))
    joined = _by_key(keys, np.concatenate(places), np.concatenate([*starts, before[-1:]]).astype(np.int64), hashes)
    return [*(piece for piece in pieces if len(piece.keys) > SMALL), _write(folder, joined)]


def _publish(folder: Path, pieces: Sequence[Piece]) -> None:
    """List these pieces as all that there are, and remove the others."""
    home = folder / FOLDER
    names = [Path(piece.home).name for piece in pieces]
    known: dict[str, int] = {}
    with suppress(*_UNUSABLE):
        known = dict(unseal(load_json(home / MANIFEST))["crcs"])
    written = {f"pieces/{name}/{file}": value for name in names for file, value in _crcs(home, name, known).items()}
    keep_json(home / MANIFEST, seal({"of": _identity(), "pieces": names, "crcs": written}))
    for other in (home / "pieces").iterdir():
        if other.name not in names and _NAME.fullmatch(other.name):
            shutil.rmtree(other, ignore_errors=True)


def _crcs(home: Path, name: str, known: dict[str, int]) -> dict[str, int]:
    mine = f"pieces/{name}/"
    return crcs(home / mine, {key.removeprefix(mine): value for key, value in known.items() if key.startswith(mine)})


def _identity() -> list[Any]:
    return [_FORMAT, REVISION]


_KINDS: tuple[tuple[str, type, int | None], ...] = (
    ("keys", np.uint32, None),
    ("places", np.uint32, None),
    ("starts", np.int64, None),
    ("hashes", np.uint8, SIZE),
)


def _write(folder: Path, piece: Piece) -> Piece:
    """The same piece, mapped from new files."""
    final = folder / FOLDER / "pieces" / uuid.uuid4().hex
    with new_folder(final) as partial:
        for name, kind, _ in _KINDS:
            NpyWriter.save(partial / f"{name}.npy", getattr(piece, name).astype(kind, copy=False))
    return _open(final)


def _open(home: Path) -> Piece:
    """A mapped piece; raises OSError, or ValueError where its parts do not fit together."""
    arrays = {name: load_npy(home / f"{name}.npy", kind, width) for name, kind, width in _KINDS}
    piece = Piece(**arrays, home=str(home))
    whole = len(piece.keys) == len(piece.places) and len(piece.starts) == len(piece.hashes) + 1
    if not whole or not ascends(piece.starts) or not within(piece.places, 0, int(piece.starts[-1])):
        raise ValueError("the landmarks do not fit together")
    if (piece.keys[1:] < piece.keys[:-1]).any():
        raise ValueError("the landmarks are not in order")
    return piece
