"""Parts that are damaged, mixed up or cannot be read now: what is whole stays, nothing is removed, a line says so."""

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeAnalyser, Marking, state, toy

from indexing import ingest
from indexing.catalog.queries import Catalog
from indexing.disk import pages, parts, remains
from indexing.disk.locations import CATALOG
from indexing.ingest.events import Ingested, Mended
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.repair import repair, what_is_left
from indexing.maintenance.verify import examine, orphans, verify
from recommender.errors import LibraryError
from tests.faults.unreadable import unreadable

LISTENER = Marking()


@pytest.fixture
def library(tmp_path):
    """24 tracks of 5 to 11 windows in three parts; pairs of them are of one recording."""
    with Library.create(tmp_path / "library", LISTENER.space) as made:
        for k in range(24):
            toy(tmp_path / "music" / f"{k:02d}.mp3", k, f"{5 + k % 7} {k // 2}")
            if k % 8 == 7:
                list(ingest.add(made, [tmp_path / "music"], LISTENER, executor="inline"))
        yield made


@pytest.fixture
def alone(library, tmp_path):
    """The library without its snapshot and its media: the parts are the only copy."""
    library.close()
    (library.folder / "manifest.json").unlink()
    shutil.rmtree(library.folder / "snapshots")
    (tmp_path / "music").rename(tmp_path / "unplugged")
    return library


def first_part(library) -> Path:
    return min((library.folder / "parts").glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)


def mend(library, analyser=LISTENER):
    """The lines of a repair, and what was analysed."""
    events = list(repair(library.folder, analyser, executor="inline"))
    return [e.text for e in events if isinstance(e, Mended)], [e for e in events if isinstance(e, Ingested)]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "parts").glob("*.parquet")}


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.EMFILE, None])
def test_a_part_that_cannot_be_read_now_is_left_as_it_is(alone, code):
    part, before = first_part(alone), files_of(alone.folder)
    error = MemoryError() if code is None else OSError(code, os.strerror(code))
    with unreadable(part, error):
        (problem,) = [p for p in verify(alone) if p.kind == "part"]
        assert (
            f"{part.name} cannot be read now ({'out of memory' if code is None else os.strerror(code).lower()})"
            in str(problem)
        )
        with pytest.raises(LibraryError, match="cannot be read now"):
            Library.open(alone.folder)
        with pytest.raises(LibraryError, match=f"{part.name} cannot be read now"):  # the snapshot needs it
            mend(alone)
        assert "cannot be read now" in what_is_left(alone.folder)
    assert files_of(alone.folder) == before
    assert not (alone.folder / "aside").exists()
    assert mend(alone)[0] == []
    assert what_is_left(alone.folder) is None
    alone.reload()
    assert alone.count("music") == 24
    assert alone.failures() == []


def test_a_repair_goes_on_beside_a_part_that_cannot_be_read_now(library, tmp_path):
    part, other = first_part(library), sorted((library.folder / "parts").glob("*"))
    other = next(path for path in other if path != part)
    before = state(library)
    other.write_bytes(b"")
    with unreadable(part, PermissionError(errno.EACCES, "Permission denied")):
        lines, analysed = mend(library)
        assert sum("cannot be read now (permission denied)" in line for line in lines) == 1
        assert len(analysed) == 8
        assert what_is_left(library.folder).startswith("1 problem(s) are left: part: ")
    assert mend(library) == ([], [])
    library.reload()
    assert state(library) == before


def test_the_catalog_is_not_made_anew_without_a_part_that_cannot_be_read_now(alone):
    part = first_part(alone)
    (alone.folder / CATALOG).write_bytes(bytes(9000))
    before = files_of(alone.folder)
    failing = unreadable(part, OSError(errno.EIO, "Input/output error"))
    with failing, pytest.raises(LibraryError, match="cannot be read now"):
        mend(alone)
    assert files_of(alone.folder) == before
    assert (alone.folder / CATALOG).read_bytes() == bytes(9000)


def test_neither_compaction_nor_an_upgrade_gives_up_what_cannot_be_read_now(library):
    part, before = first_part(library), files_of(library.folder)
    with unreadable(part, OSError(errno.EIO, "Input/output error")):
        with pytest.raises(LibraryError, match="cannot be read now"):
            list(ingest.upgrade(library, Marking("2"), executor="inline"))
        saved = compact(library.folder)
    assert saved.left in ([], [part.name])  # it cannot be told what it may be merged with
    assert files_of(library.folder)[part.name] == before[part.name]
    assert verify(library) == []


def test_an_error_of_the_parser_about_a_file_as_it_was_written_is_no_damage(library, monkeypatch):
    import pyarrow.parquet as pq

    def failing(*args, **named):
        raise OSError("malloc of size 64 failed")

    part = first_part(library)
    with monkeypatch.context() as patch:
        patch.setattr(pq.ParquetFile, "read", failing)
        assert all("cannot be read now" in str(problem) for problem in verify(library))
        assert len(verify(library)) == 3
    assert part.exists()
    assert verify(library) == []


def held_parts(library):
    with closing(Catalog.open(library.folder)) as catalog:
        return list(catalog.parts_with_tracks()), catalog.descriptions()["music"].columns


def damaged_by(data: bytes, random: np.random.Generator) -> bytes:
    """A flipped bit, or a page of zeros."""
    out, at = bytearray(data), int(random.integers(len(data)))
    if random.integers(4):
        out[at] ^= 1 << int(random.integers(8))
    else:
        out[at : at + 512] = bytes(len(out[at : at + 512]))
    return bytes(out)


def test_what_is_read_of_a_damaged_part_is_what_was_written(library):
    (held, *_), columns = held_parts(library)
    path = library.folder / "parts" / held.part.name
    data, rows = path.read_bytes(), parts.read_part(library.folder, held.part, columns)
    marks = parts.read_blobs(library.folder, held.part, "mark")
    kept, random = [], np.random.default_rng(5)
    for damage in [data, *(damaged_by(data, random) for _ in range(80))]:
        path.write_bytes(damage)
        try:
            found = remains.read_remains(library.folder, held.part, held.placed, columns=columns, dim=8)
        except parts.DamagedPartError:
            kept.append(0)
            continue
        kept.append(len(found.tracks))
        for track in found.tracks:
            at = found.first[track.id]
            mine, theirs = (
                slice(at - 1, at + track.windows),
                slice(track.first_row - 1, track.first_row + track.windows),
            )
            for name, values in vars(rows).items():
                assert np.array_equal(getattr(found.rows, name)[mine], values[theirs]), name
            assert found.blobs["mark"].get(at - 1) == marks[track.first_row - 1]
    assert kept[0] == 8
    assert np.mean(kept) > 4
    assert min(kept) >= 0


def flip_a_page(path: Path) -> None:
    """Flip a bit of a page in the middle of a column of features."""
    data = bytearray(path.read_bytes())
    _, page, *_ = pages._pages(bytes(data), *parts.column_spans(path)["features.onset_rate"])
    data[(page.body + page.end) // 2] ^= 4
    path.write_bytes(data)


def test_tracks_of_a_damaged_part_stay_where_their_pages_are_sound(alone, tmp_path):
    before, part = None, first_part(alone)
    with Library.open(alone.folder) as opened:
        before = state(opened)
    flip_a_page(part)
    data = part.read_bytes()
    lines, analysed = mend(alone)
    assert analysed == []
    assert any("of its 8 tracks are whole and stay" in line for line in lines)
    assert (alone.folder / "aside" / part.name).read_bytes() == data
    alone.reload()
    after = state(alone)
    assert 16 < len(after) < 24
    assert all(before[key] == value for key, value in after.items())
    assert f"{24 - len(after)} file(s) are lost with a damaged part" in what_is_left(alone.folder)
    assert "bring them back" in what_is_left(alone.folder)  # and says so as long as they are
    (tmp_path / "unplugged").rename(tmp_path / "music")
    list(ingest.update(alone, LISTENER, executor="inline"))
    assert state(alone) == before
    assert what_is_left(alone.folder) is None


def test_with_the_media_there_only_what_is_damaged_is_analysed_again(library):
    before, part = state(library), first_part(library)
    flip_a_page(part)
    _, analysed = mend(library)
    assert 0 < len(analysed) < 8
    library.reload()
    assert state(library) == before
    assert what_is_left(library.folder) is None


@pytest.mark.parametrize("way", ["swapped", "renamed", "with an array"])
def test_files_that_were_mixed_up_are_put_back(library, way):
    before, part = state(library), first_part(library)
    other = {
        "swapped": next(path for path in (library.folder / "parts").glob("*") if path != part),
        "renamed": part.with_name("a copy of it.parquet"),
        "with an array": next(library.folder.glob("snapshots/*/music/vectors.npy")),
    }[way]
    part.rename(library.folder / "between")
    if other.exists():
        other.rename(part)
    (library.folder / "between").rename(other)
    if way == "renamed":  # a writer in between removes nothing
        list(ingest.update(library, LISTENER, executor="inline"))
        assert other.exists()
    lines, analysed = mend(library)
    assert analysed == []
    assert f"part {part.name} was found as " in "\n".join(lines)
    library.reload()
    assert state(library) == before
    assert what_is_left(library.folder) is None


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tracks SET first_row = first_row + 2 WHERE id = 3",
        "UPDATE tracks SET windows = windows - 1 WHERE id = 3",
        "UPDATE tracks SET part = 77 WHERE id = 3",
        "UPDATE tracks SET hash = x'00112233445566778899aabbccddeeff' WHERE id = 3",
        "UPDATE parts SET rows = rows + 64 WHERE id = 1",
        "UPDATE parts SET checksum = 'feed' WHERE id = 1",
    ],
)
def test_what_the_catalog_says_of_a_part_that_is_whole_comes_from_the_part(alone, change):
    with Library.open(alone.folder) as opened:
        before = state(opened)
    with closing(sqlite3.connect(alone.folder / CATALOG)) as connection:
        connection.execute(change)
        connection.commit()
    assert not examine(alone.folder, queries=0).whole
    _, analysed = mend(alone)
    assert analysed == []
    alone.reload()
    assert state(alone) == before
    assert what_is_left(alone.folder) is None


OTHERS = ("parts/@eaDir/x", "parts/lost+found/y.parquet", "parts/.DS_Store", "snapshots/Thumbs.db", "marks/.Trash/z")


def test_what_others_put_into_the_folders_stops_no_writer_and_stays(library, tmp_path):
    for name in OTHERS:
        (library.folder / name).parent.mkdir(exist_ok=True)
        (library.folder / name).write_text("of others")
    toy(tmp_path / "music" / "new.mp3", 99, "3 77")
    list(ingest.update(library, LISTENER, executor="inline"))
    compact(library.folder)
    assert mend(library) == ([], [])
    library.reload()
    assert library.count("music") == 25
    assert verify(library) == []
    assert all((library.folder / name).read_text() == "of others" for name in OTHERS)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_a_folder_or_pipe_where_a_file_should_be_is_moved_aside(library, make):
    before = state(library)
    for name in ("manifest.json", "marks/marks.json", "search.json"):
        (library.folder / name).unlink(missing_ok=True)
        make(library.folder / name)
    lines, _ = mend(library)
    assert sum("is not what it should be: it is kept as aside/" in line for line in lines) == 3
    library.reload()
    assert state(library) == before
    assert what_is_left(library.folder) is None


def test_a_pipe_for_an_array_of_a_snapshot_makes_it_anew(library):
    before, (array,) = state(library), library.folder.glob("snapshots/*/music/ids.npy")
    library.close()
    array.unlink()
    os.mkfifo(array)
    assert any("the snapshot is dropped and made anew" in line for line in mend(library)[0])
    library.reload()
    assert state(library) == before
    assert verify(library) == []


def test_parts_of_before_pages_were_small_are_read_as_ever(library, monkeypatch):
    monkeypatch.setattr(parts, "_page_rows", lambda rows: 1 << 20)
    rows = parts.Rows(
        np.zeros((40, 16), np.uint8),
        np.arange(40, dtype=np.int32),
        np.zeros((40, 2)),
        np.ones((40, 3), np.float32),
        np.empty((40, 0), np.float32),
        np.eye(40, 8, dtype=np.float32),
    )
    part = parts.write_part(library.folder, rows, FakeAnalyser().source_columns("music"))
    read = parts.read_part(library.folder, part, FakeAnalyser().source_columns("music"))
    assert all(np.array_equal(getattr(read, name), values) for name, values in vars(rows).items())


def test_what_a_killed_repair_left_goes_once_no_part_is_missing(library):
    """Beside a missing part it stays until that is made anew: it may be that part, under another name."""
    missing = first_part(library)
    (missing.parent / "stray.parquet").write_bytes(missing.read_bytes()[:-1])
    missing.unlink()
    library.close()
    lines, _ = mend(library)
    assert "removed stray.parquet, which a killed writer left" in lines
    assert orphans(library.folder) == []
    assert verify(library) == []
