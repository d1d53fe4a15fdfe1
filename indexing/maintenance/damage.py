"""Damaged parts of a library: found, brought back from where a copy of them lies, and what is left of them kept.

Nothing is removed: what is damaged goes to the folder `aside` of the library. A part that cannot be read now is none.
"""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from indexing.catalog.queries import Catalog
from indexing.catalog.rows import Held
from indexing.catalog.writer import CatalogWriter
from indexing.disk import parts
from indexing.disk.aside import ASIDE, set_aside
from indexing.disk.durable import PARTIAL, library_errors, publish
from indexing.disk.parts import DamagedPartError, UnreadPartError
from indexing.disk.remains import read_remains
from indexing.ingest.events import Event, Mended
from indexing.maintenance.verify import check_part
from indexing.writing.writer import Writer
from recommender.atomic import new_file
from recommender.model import Model

_SEARCHED = ("*", "*/*", "*/*/*", "*/*/*/*", "*/*/*/*/*")  # a library is no deeper


class Flaw(NamedTuple):
    """A part that is not whole, and why; `unread` where it cannot be read now, `written` where its bytes are right."""

    held: Held
    why: str
    unread: bool
    written: bool


def find_flaws(writer: Writer) -> Iterator[Flaw]:
    """The parts of the searched space that are not whole."""
    for held in _searched(writer):
        unread, written = False, True
        try:
            parts.check_written(writer.folder, held.part)
        except UnreadPartError:
            unread = True
        except DamagedPartError:
            written = False
        columns = writer.reading(Catalog.descriptions)[held.modality].columns
        if problem := next(check_part(writer.folder, held, columns), None):
            yield Flaw(held, problem, unread, written)


def put_back(writer: Writer) -> Iterator[Event]:
    """Put files back that lie elsewhere in the library under another name, as after two were mixed up."""
    folder, home = writer.folder, writer.folder / parts.FOLDER
    lacking = {held.part.name: held.part for held in _searched(writer) if not _is_written(folder, held.part)}
    if not lacking:
        return
    keep = {home / held.part.name for held in _searched(writer) if held.part.name not in lacking}
    for part in lacking.values():
        found = next((path for path in _files(folder, part.bytes) - keep if _is_copy(path, part)), None)
        if found is None:
            continue
        with library_errors(folder, "write to the library at"):
            place = home / part.name
            if place.exists():
                set_aside(folder, place)
            if found.parent in (home, folder / ASIDE):
                publish(found, place)
            else:  # it stands in the place of something else, which its own repair puts right
                with new_file(place, make_folder=False) as copied:
                    shutil.copyfile(found, copied)
        keep.add(place)
        yield Mended(f"part {part.name} was found as {found.relative_to(folder)} and is back in its place")


def place_again(writer: Writer) -> Iterator[Event]:
    """Have the catalog say where tracks are, and their hashes, as the parts have it that are as they were written."""
    known, where, rows = {held.id for held in _searched(writer)}, dict[bytes, _Place](), dict[int, int]()
    for held in _searched(writer):
        try:
            parts.check_written(writer.folder, held.part)
            read = parts.read_whole(writer.folder, held.part)
        except (DamagedPartError, UnreadPartError):
            continue
        rows[held.id] = len(read)
        where |= {digest: _Place(held.id, *place) for digest, *place in parts.tracks_in(read)}
    wrong = _misplaced(writer, where, known - rows.keys())
    writer.apply(lambda catalog: catalog.place_again(wrong, rows))
    if wrong:
        yield Mended(f"the catalog had {len(wrong)} tracks out of place: the parts say where they are")


class _Place(NamedTuple):
    """A part, where in it the windows of a track begin, and how many there are."""

    part: int
    first_row: int
    windows: int


def _misplaced(writer: Writer, where: dict[bytes, _Place], unread: set[int]) -> dict[int, tuple[bytes, _Place]]:
    """The hash and place of every track that the catalog has otherwise, by id; of none in parts that are `unread`."""
    at, wrong = {(place.part, place.first_row): digest for digest, place in where.items()}, {}
    for modality in ("music", "video"):
        placed = writer.reading(partial(Catalog.placements, modality=modality))
        hashes = {row.hash for row in placed}
        for row in placed:
            place, other = where.get(row.hash), at.get((row.part, row.first_row))
            if row.part in unread or place == (row.part, row.first_row, row.windows):
                continue
            if place is not None:
                wrong[row.id] = row.hash, place
            elif other is not None and other not in hashes:
                wrong[row.id] = other, where[other]
    return wrong


def keep_remains(writer: Writer, held: Held, analyser: Model) -> Iterator[Event]:
    """Move the tracks of a damaged part that are whole into a new one; the file goes aside."""
    folder, name = writer.folder, held.part.name
    columns = writer.reading(Catalog.descriptions)[held.modality].columns
    try:
        left = read_remains(folder, held.part, held.placed, columns=columns, dim=writer.space.dim)
    except DamagedPartError:
        left = None
    if left is not None and left.tracks:
        source = left.source if left.source == analyser.source(held.modality) else ""
        part = parts.write_part(folder, left.rows, columns, source=source, blobs=left.blobs)
        move = partial(CatalogWriter.merge_parts, old=[], modality=held.modality, part=part, first=left.first)
        writer.apply(move, [part])
        yield Mended(f"part {name}: {len(left.tracks)} of its {len(held.placed)} tracks are whole and stay")
    if (folder / parts.FOLDER / name).exists():
        with library_errors(folder, "write to the library at"):
            yield Mended(f"part {name} is kept as {set_aside(folder, folder / parts.FOLDER / name)}")


def _searched(writer: Writer) -> list[Held]:
    held = writer.reading(Catalog.parts_with_tracks)
    return [one for one in held if one.space == writer.space_id]


def _is_written(folder: Path, part: parts.Part) -> bool:
    """Whether a part is as it was written, or cannot be read now."""
    try:
        parts.check_written(folder, part)
    except DamagedPartError:
        return False
    except UnreadPartError:
        return True
    return True


def _files(folder: Path, size: int) -> set[Path]:
    """The files of a library that have a size in bytes."""
    found = (path for pattern in _SEARCHED for path in folder.glob(pattern) if not path.name.startswith(PARTIAL))
    return {path for path in found if path.is_file() and path.stat().st_size == size}


def _is_copy(path: Path, part: parts.Part) -> bool:
    try:
        return parts.checksum(path) == part.checksum
    except OSError:
        return False
