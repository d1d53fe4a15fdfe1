"""The acoustic fingerprints of a library and their index, kept beside it and mapped by the next writer.

Derived from the store, and never needed: `marks/<name>/*.npy` is written beside the old pieces, synced and renamed,
then `marks/marks.json` is replaced. What is missing, of another catalog, or does not fit is made again.
"""

import re
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexing.disk.checksums import SMALL, crcs, differing, seal, unseal
from indexing.disk.durable import PARTIAL, new_folder, write_json
from indexing.disk.npy import NpyWriter, ascends, load_npy, within
from indexing.duplicates.matching import Piece, Recordings
from recommender.extractors.audio.acoustic import LEVELS, REVISION
from recommender.opening import is_absent, load_json
from recommender.types import Array

FOLDER, MANIFEST = "marks", "marks.json"
_FORMAT = 1  # change it whenever the index is made in another way
_SEEN = "seen.npy"
_NAME = re.compile(rf"(?:{re.escape(PARTIAL)})?[0-9a-f]{{32}}")
_KINDS = (
    *((name, np.int64) for name in ("ids", "starts", "rows")),
    ("levels", np.uint8),
    *((name, np.uint32) for name in ("codes", "keys", "places")),
)
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)
_WHOLE = 1 << 22  # codes; a piece of 50 MB, 3,000 tracks, is worth a folder before all is done


@dataclass(frozen=True)
class Kept:
    """What was kept of one space.

    Attributes
    ----------
    recordings: the fingerprints, by track.
    seen:       int64 [n, 2]: the tracks that were looked at, whether or not they have a fingerprint, and the first
        bytes of the hash of each.
    """

    recordings: Recordings
    seen: Array


def nothing() -> Kept:
    """What is kept of an empty space."""
    return Kept(Recordings(), np.empty((0, 2), np.int64))


def load(folder: Path, uid: str, space: int) -> Kept:
    """What is kept of a space of the catalog `uid`, mapped; nothing where that cannot be used."""
    try:
        manifest = _manifest(folder)
        if manifest["of"] != _identity(uid, space) or flaw(folder, SMALL):
            return nothing()
        home = folder / FOLDER
        pieces = [_piece(home / Path(name).name) for name in manifest["pieces"]]
        seen = load_npy(home / Path(manifest["seen"]).name / _SEEN, np.int64, 2)
        ids = np.concatenate([np.empty(0, np.int64), *(piece.ids for piece in pieces)])
        return nothing() if len(np.unique(ids)) != len(ids) else Kept(Recordings(segments=pieces), seen)
    except _UNUSABLE:
        return nothing()


def flaw(folder: Path, most: int | None = None) -> str | None:
    """Which file (of at most `most` bytes) is not as it was written, None where none is or nothing is kept.

    Raises OSError where that cannot be told now.
    """
    try:
        written = _manifest(folder).get("crcs", {})
        return next(differing(folder / FOLDER, written, most), None)
    except FileNotFoundError:
        return None
    except OSError as error:
        if not is_absent(error):
            raise
        return MANIFEST
    except (ValueError, KeyError, TypeError, AttributeError):
        return MANIFEST


def _manifest(folder: Path) -> dict[str, Any]:
    return unseal(load_json(folder / FOLDER / MANIFEST))


def spill(folder: Path, recordings: Recordings, small: bool = False) -> None:
    """Map large pieces of the index that are in memory, or `small` ones too, from files of their own.

    They count once `save` lists them.
    """
    for i, piece in enumerate(recordings.segments):
        if (small or len(piece.codes) >= _WHOLE) and not piece.home:
            recordings.put(i, _write(folder, piece))


def save(folder: Path, uid: str, space: int, *, kept: Kept) -> None:
    """Keep fingerprints for the next writer, and remove what no longer counts; raises OSError."""
    spill(folder, kept.recordings, small=True)
    home, before = folder / FOLDER, {}
    with suppress(*_UNUSABLE):
        before = _manifest(folder).get("crcs", {})
    seen = _folder(folder, {_SEEN: kept.seen})
    names = [*(Path(piece.home).name for piece in kept.recordings.segments), seen.name]
    written = {f"{name}/{file}": value for name in names for file, value in _crcs(home / name, name, before).items()}
    manifest = {"of": _identity(uid, space), "pieces": names[:-1], "seen": seen.name, "crcs": written}
    write_json(home / MANIFEST, seal(manifest))
    for other in home.iterdir():
        if other.name not in names and _NAME.fullmatch(other.name):
            shutil.rmtree(other, ignore_errors=True)


def _crcs(home: Path, name: str, before: Mapping[str, int]) -> dict[str, int]:
    """The checksums of a folder of arrays, as they were written where they were there before."""
    return crcs(home, {key.partition("/")[2]: value for key, value in before.items() if key.startswith(f"{name}/")})


def _identity(uid: str, space: int) -> list[str | int]:
    return [_FORMAT, REVISION, uid, space]


def _write(folder: Path, piece: Piece) -> Piece:
    """The same piece, mapped from new files."""
    return _piece(_folder(folder, {f"{name}.npy": values for name, values in piece.arrays.items()}))


def _folder(folder: Path, arrays: dict[str, Array]) -> Path:
    """A new folder with arrays, whole or absent."""
    final = folder / FOLDER / uuid.uuid4().hex
    with new_folder(final) as partial:
        for file, values in arrays.items():
            NpyWriter.save(partial / file, values)
    return final


def _piece(home: Path) -> Piece:
    """A mapped piece of the index; raises OSError or ValueError when it is not whole."""
    arrays = {name: load_npy(home / f"{name}.npy", kind, LEVELS if name == "levels" else None) for name, kind in _KINDS}
    piece = Piece(**arrays, home=str(home))
    whole = len(piece.starts) == len(piece.rows) == len(piece.ids) + 1 and len(piece.keys) == len(piece.places)
    whole = whole and ascends(piece.starts) and ascends(piece.rows) and within(piece.places, 0, len(piece.codes))
    if not whole or piece.starts[-1] != len(piece.codes) or piece.rows[-1] != len(piece.levels):
        raise ValueError("the kept fingerprints do not fit together")
    return piece
