"""The acoustic fingerprints of a library and their index, kept beside it and mapped by the next writer.

Derived from the store, and never needed: `marks/<name>/*.npy` is written beside the old pieces, synced and renamed,
then `marks/marks.json` is replaced. What is missing, of another catalog, or does not fit is made again.
"""

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexing.disk.durable import new_folder, write_json
from indexing.disk.npy import NpyWriter, load_npy
from indexing.duplicates.matching import Piece, Recordings
from recommender.extractors.audio.acoustic import LEVELS, REVISION
from recommender.text import parse_json
from recommender.types import Array

FOLDER, MANIFEST = "marks", "marks.json"
_FORMAT = 1  # change it whenever the index is made in another way
_SEEN = "seen.npy"
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
    home = folder / FOLDER
    try:
        manifest = parse_json((home / MANIFEST).read_text(encoding="utf-8"))
        if manifest["of"] != _identity(uid, space):
            return nothing()
        pieces = [_piece(home / Path(name).name) for name in manifest["pieces"]]
        seen = load_npy(home / Path(manifest["seen"]).name / _SEEN)
        if seen.ndim != 2 or seen.shape[1] != 2:
            return nothing()
        return Kept(Recordings(segments=pieces), seen)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return nothing()


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
    names = [Path(piece.home).name for piece in kept.recordings.segments]
    seen = _folder(folder, {_SEEN: kept.seen})
    write_json(folder / FOLDER / MANIFEST, {"of": _identity(uid, space), "pieces": names, "seen": seen.name})
    for other in (folder / FOLDER).iterdir():
        if other.name not in (MANIFEST, seen.name, *names):
            shutil.rmtree(other, ignore_errors=True)


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
    arrays = {name: load_npy(home / f"{name}.npy") for name in Piece._fields if name != "home"}
    piece = Piece(**arrays, home=str(home))
    tracks = len(piece.ids)
    whole = len(piece.starts) == len(piece.rows) == tracks + 1 and len(piece.keys) == len(piece.places)
    if not whole or piece.starts[-1] != len(piece.codes) or piece.levels.shape != (piece.rows[-1], LEVELS):
        raise ValueError("the kept fingerprints do not fit together")
    return piece
