"""Derived files are never trusted: a flipped bit anywhere makes them count as absent, and a repair makes them anew."""

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeAnalyser, Marking, clustered, state, toy, unchecked

from indexing import ingest
from indexing.disk import checksums
from indexing.disk.npy import NpyWriter, load_npy
from indexing.duplicates import fingerprint_index
from indexing.ingest.events import Mended
from indexing.library import Library
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import verify
from indexing.search import ann_files, ann_tuning
from indexing.snapshot import snapshot


def flip(path: Path, at: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)


@pytest.mark.parametrize(
    "values", [np.arange(12, dtype=np.int64), np.eye(3, 4, dtype=np.float32), np.empty((0, 2)), np.ones(5, np.uint8)]
)
def test_no_flipped_bit_of_a_header_is_taken(tmp_path, values):
    path, width = tmp_path / "a.npy", values.shape[1] if values.ndim == 2 else None
    NpyWriter.save(path, values)
    data = path.read_bytes()
    assert np.array_equal(load_npy(path, values.dtype, width), values)
    for at in range(len(data) - values.nbytes):
        for bit in range(8):
            flip(path, at, bit)
            with pytest.raises(ValueError, match=r"a\.npy"):
                load_npy(path, values.dtype, width)
            path.write_bytes(data)


def test_an_array_of_another_kind_shape_or_length_is_refused(tmp_path):
    path = tmp_path / "a.npy"
    NpyWriter.save(path, np.zeros((4, 3), np.float32))
    assert load_npy(path, np.float32, -1).shape == (4, 3)
    for kind, width in ((np.int32, 3), (np.float32, 4), (np.float32, None)):
        with pytest.raises(ValueError, match="does not hold what it should"):
            load_npy(path, kind, width)
    for data in (path.read_bytes()[:-1], path.read_bytes() + b"x"):
        path.write_bytes(data)
        with pytest.raises(ValueError, match="does not hold what it should"):
            load_npy(path, np.float32, 3)
    np.save(path, np.asfortranarray(np.zeros((4, 3), np.float32)))
    with pytest.raises(ValueError, match="no header"):
        load_npy(path, np.float32, 3)
    np.save(path, np.zeros((4, 3), np.complex64))
    with pytest.raises(ValueError, match="no header"):
        load_npy(path, np.float32, 3)


def test_a_sealed_object_differs_from_every_other():
    sealed = checksums.seal({"rows": 13, "names": ["a", "b"]})
    assert checksums.unseal(json.loads(json.dumps(sealed))) == {"rows": 13, "names": ["a", "b"]}
    assert checksums.unseal({"rows": 13}) == {"rows": 13}  # of before there were seals
    for other in (sealed | {"rows": 12}, sealed | {"more": 1}, [], "x", None):
        with pytest.raises(ValueError, match="object|written"):
            checksums.unseal(other)


def mended(library) -> list[str]:
    library.close()
    lines = [e.text for e in repair(library.folder, FakeAnalyser(), executor="inline") if isinstance(e, Mended)]
    library.reload()
    return lines


def test_a_flipped_bit_in_any_file_of_a_snapshot_changes_no_answer(library):
    before = state(library)
    (home,) = (library.folder / "snapshots").iterdir()
    names = sorted(path.relative_to(library.folder) for path in home.rglob("*.npy"))
    for at, name in enumerate([Path("manifest.json"), *names]):
        path = library.folder / name
        data = path.read_bytes()
        flip(path, 17 * at if at % 2 else len(data) // 2, at % 8)
        library.reload()
        assert state(library) == before, name
        assert [str(p) for p in verify(library)] == [
            "snapshot: missing or damaged; `recommend index repair` makes a new one"
        ], name
        path.write_bytes(data)
    assert verify(library) == []
    flip(library.folder / names[-1], -1)
    (line,) = mended(library)
    assert line == f"the snapshot is dropped and made anew: {'/'.join(names[-1].parts[2:])} is not as it was written"
    assert state(library) == before
    assert verify(library) == []


def test_a_large_array_is_looked_at_by_verify(library, monkeypatch):
    """At opening only small files are: the check is part of every query."""
    (path,) = library.folder.glob("snapshots/*/music/vectors.npy")
    flip(path, -1)
    monkeypatch.setattr(snapshot.load, "__defaults__", (path.stat().st_size - 1,))
    assert snapshot.load_or_none(library.folder) is not None
    assert "snapshot: its music/vectors.npy is not as it was written" in map(str, verify(library))
    assert "music/vectors.npy is not as it was written" in mended(library)[0]
    assert verify(library) == []


def test_a_snapshot_of_before_there_were_checksums_is_used(library):
    before = state(library)
    unchecked(library.folder)
    library.reload()
    assert library._facts
    assert state(library) == before
    assert verify(library) == []
    assert mended(library) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ids", lambda a: a[::-1]),
        ("ids", lambda a: a - a[0]),
        ("offsets", lambda a: a - 1),
        ("offsets", lambda a: np.r_[a[0], a[-1], a[1:-2], a[-1]]),
        ("parts", lambda a: -a),
        ("facts/first", lambda a: np.r_[a[0], a[-1], a[2:]]),
        ("facts/recording", lambda a: a * 0),
        ("facts/twins", lambda a: np.array([99])),
        ("facts/twins", lambda a: np.array([-1])),
        ("facts/key", lambda a: a + 50),
        ("facts/key", lambda a: a - 9),
        ("facts/bpm", lambda a: a * np.inf),
        ("facts/bpm", lambda a: a.astype(np.float32)),
        ("facts/affect", lambda a: a[:, :3]),
        ("facts/paths.offsets", lambda a: np.r_[a[0], a[-1], a[2:]]),
        ("medians", lambda a: a * np.nan),
        ("medians", lambda a: a[:-1]),
        ("bounds", lambda a: a[:, :1]),
        ("affect", lambda a: a[:, :3]),
        ("vectors", lambda a: a.ravel()),
    ],
)
def test_arrays_that_do_not_fit_are_no_snapshot_even_without_checksums(library, name, change):
    before = state(library)
    unchecked(library.folder)
    (path,) = library.folder.glob(f"snapshots/*/music/{name}.npy")
    values = np.load(path, allow_pickle=False)
    path.unlink()
    NpyWriter.save(path, np.ascontiguousarray(change(values)))
    assert snapshot.load_or_none(library.folder) is None
    library.reload()
    assert state(library) == before


@pytest.mark.parametrize("change", [{"generation": "7"}, {"uid": 3}, {"space": None}, {"modalities": []}, {"name": 4}])
def test_a_manifest_that_says_something_else_is_none(library, change):
    unchecked(library.folder)
    path = library.folder / snapshot.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert snapshot.load_or_none(library.folder) is None
    assert library.count("music") == 6


def test_damaged_fingerprints_are_made_anew(tmp_path):
    for seed in range(4):
        toy(tmp_path / "m" / f"{seed}.mp3", seed, f"2 {seed // 2}")
    with Library.create(tmp_path / "l", Marking().space) as library:
        list(ingest.add(library, [tmp_path / "m"], Marking(), executor="inline"))
        uid, space, marks = library._head.uid, library._head.space_id, library.folder / "marks"
        assert len(fingerprint_index.load(library.folder, uid, space).recordings) == 4
        for name in [Path("marks.json"), *sorted(p.relative_to(marks) for p in marks.glob("*/*.npy"))]:
            data = (marks / name).read_bytes()
            flip(marks / name, len(data) - 30)
            assert len(fingerprint_index.load(library.folder, uid, space).recordings) == 0, name
            assert [p.kind for p in verify(library)] == ["fingerprints"], name
            (marks / name).write_bytes(data)
        flip(marks / name, -1)
        assert "the kept fingerprints are dropped" in mended_by(library)[0]
        toy(tmp_path / "m" / "9.mp3", 9, "2 0")
        list(ingest.update(library, Marking(), executor="inline"))
        assert len(fingerprint_index.load(library.folder, uid, space).recordings) == 5
        assert sorted(len(library.tracks_of([t.id])[0].versions) for t in library.tracks()) == [1, 1, 2, 2, 2]
        assert verify(library) == []


def mended_by(library) -> list[str]:
    return [e.text for e in repair(library.folder, Marking(), executor="inline") if isinstance(e, Mended)]


def test_codes_of_a_search_index_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(ann_tuning, "FAISS_PQ_ROWS", 3000)
    vectors, settings = clustered(6000, 10), ann_tuning.Settings(recall=0.9)
    built = ann_files.build_codes(tmp_path, vectors, settings)
    assert built.file is not None
    assert not ann_files.is_damaged(tmp_path, vectors)
    for path, at in ((tmp_path / built.file, 40), (tmp_path / built.file, -1), (tmp_path / "search.json", 60)):
        data = path.read_bytes()
        flip(path, at)
        assert ann_files.is_damaged(tmp_path, vectors)
        assert ann_files.find_kept(tmp_path, vectors, settings) is None
        path.write_bytes(data)
