"""Near-duplicates in a library: found when they come, shown once, kept in order when tracks go."""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sqlalchemy as sa
from fakes import FakeAnalyser, Marking, toy

import media_samples
from indexing import ingest
from indexing.catalog.queries import Catalog
from indexing.disk import parts
from indexing.duplicates import fingerprint_index, matching
from indexing.duplicates.groups import Versions
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.verify import verify
from recommender.errors import LibraryError
from recommender.extractors.audio import acoustic
from recommender.extractors.audio.acoustic import BLOCK, LEVELS, Fingerprint
from recommender.types import Filter


def track(folder: Path, name: str, seed: int, recording: int | None = None, windows: int = 3) -> Path:
    return toy(folder / f"{name}.mp3", seed, windows if recording is None else f"{windows} {recording}")


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """Three files of one recording, two of another, two of their own."""
    for name, seed, recording in [("a1", 1, 1), ("b1", 2, 2), ("c", 3, 3), ("d", 4, None)]:
        track(tmp_path / "m" / "x", name, seed, recording)
    for name, seed, recording in [("a2", 5, 1), ("a3", 6, 1), ("b2", 7, 2)]:
        track(tmp_path / "m" / "y", name, seed, recording)
    return tmp_path / "m"


def add(library: Library, folder: Path, analyser: FakeAnalyser | None = None) -> None:
    list(ingest.add(library, [folder], analyser or Marking(), executor="inline"))


@pytest.fixture
def grouped(tmp_path: Path, tracks: Path):
    with Library.create(tmp_path / "l", Marking().space) as library:
        add(library, tracks)
        yield library


def groups(library: Library) -> dict[str, set[str]]:
    """Names of every track and of its other versions; the same from the snapshot and from the catalog."""
    found = {t.id: library.tracks_of([t.id])[0] for t in library.tracks()}
    listed = {Path(t.path).stem: {Path(p).stem for p in t.versions} for t in found.values()}
    asked = {Path(t.path).stem: {Path(p).stem for p in library._catalog_track(t.id).versions} for t in found.values()}
    assert listed == asked
    return {name: others for name, others in listed.items() if others}


ALL = {"a1": {"a2", "a3"}, "a2": {"a1", "a3"}, "a3": {"a1", "a2"}, "b1": {"b2"}, "b2": {"b1"}}


def names(library: Library, ids: np.ndarray) -> list[str]:
    return [Path(track.path).stem for track in library.tracks_of(ids)]


def test_versions_are_found_and_shown_once(grouped):
    assert groups(grouped) == ALL
    for seed in range(10):
        query = np.random.default_rng(seed).normal(size=8)
        found = names(grouped, grouped.search(query, 7, "music").ids)
        assert sorted(name[0] for name in found) == ["a", "b", "c", "d"]
        assert [name[0] for name in found[:2]] == [n[0] for n in names(grouped, grouped.search(query, 2, "music").ids)]
    assert len(grouped.ids("music")) == grouped.count("music") == 7
    assert verify(grouped) == []


def test_a_version_outside_a_filter_does_not_hide_one_inside(grouped, tracks):
    inside = Filter(folders=frozenset([str(tracks / "y")]))
    for seed in range(10):
        found = grouped.search(np.random.default_rng(seed).normal(size=8), 7, "music", where=inside)
        assert sorted(name[0] for name in names(grouped, found.ids)) == ["a", "b"]
        assert {*names(grouped, found.ids)} <= {"a2", "a3", "b2"}
    assert grouped.tracks_of(grouped.ids("music", inside))[0].versions  # those outside are still named


@pytest.mark.parametrize("published", [True, False])
def test_groups_follow_what_comes_and_goes(grouped, tracks, monkeypatch, published):
    if not published:
        monkeypatch.setattr("indexing.writing.writer.Writer.publish", lambda self: None)
    generation = grouped.generation
    (tracks / "x" / "a1.mp3").unlink()
    list(ingest.update(grouped, Marking(), executor="inline"))
    assert grouped.generation > generation
    assert groups(grouped) == {"a2": {"a3"}, "a3": {"a2"}, "b1": {"b2"}, "b2": {"b1"}}
    (tracks / "y" / "a2.mp3").unlink()
    (tracks / "y" / "b2.mp3").unlink()
    list(ingest.update(grouped, Marking(), executor="inline"))
    assert groups(grouped) == {}
    track(tracks / "z", "a4", 8, 1)  # in a session of its own, matched by what the store has
    track(tracks / "z", "c2", 9, 3)
    list(ingest.update(grouped, Marking(), executor="inline"))
    assert groups(grouped) == {"a3": {"a4"}, "a4": {"a3"}, "c": {"c2"}, "c2": {"c"}}
    found = grouped.search(np.ones(8), 9, "music")
    assert sorted(name[0] for name in names(grouped, found.ids)) == ["a", "b", "c", "d"]
    assert bool(grouped._facts) == published


@dataclass(frozen=True)
class Cutting(FakeAnalyser):
    """A fake whose fingerprints are given by the number that a file is called by."""

    codes: Mapping[int, np.ndarray] = field(default_factory=dict)

    def analyse(self, path, modality):
        analysis, codes = super().analyse(path, modality), self.codes[int(path.stem)]
        made = Fingerprint(codes, np.zeros((-(-len(codes) // BLOCK), LEVELS), np.uint8))
        return replace(analysis, features=replace(analysis.features, fingerprint=acoustic.to_bytes(made)))


def test_one_that_is_a_version_of_two_groups_joins_them(tmp_path):
    """One without its end and one without its start are of one recording once the whole is there."""
    fingerprint = np.random.default_rng(0).integers(1, 1 << 32, 400, dtype=np.uint32)
    pieces = {1: (0, 285), 2: (115, 400), 3: (0, 400)}
    cut = Cutting(codes={stem: fingerprint[a:b] for stem, (a, b) in pieces.items()})
    with Library.create(tmp_path / "l", cut.space) as library:
        for stem in ("1", "2"):
            toy(tmp_path / "m" / f"{stem}.mp3", int(stem), 2)
        add(library, tmp_path / "m", cut)
        assert groups(library) == {}
        toy(tmp_path / "m" / "3.mp3", 3, 9)
        add(library, tmp_path / "m", cut)
        assert groups(library) == {"1": {"2", "3"}, "2": {"1", "3"}, "3": {"1", "2"}}
        assert set(library.recordings(library.ids("music")).tolist()) == {3}  # the longest leads


def test_what_was_stored_before_there_were_fingerprints_is_unknown(tmp_path, tracks):
    with Library.create(tmp_path / "l", Marking().space) as library:
        add(library, tracks / "x", FakeAnalyser())
        assert all(parts.read_blobs(library.folder, part, "mark") == {} for part in known_parts(library))
        add(library, tracks)
        assert groups(library) == {"a2": {"a3"}, "a3": {"a2"}}
        # analysed again under the same model, the old ones are recognised
        list(ingest.update(library, Marking(), executor="inline", reanalyse=True))
        assert groups(library) == ALL


def known_parts(library: Library) -> list[parts.Part]:
    with closing(Catalog.open(library.folder)) as catalog:
        return list(catalog.parts().values())


@pytest.mark.parametrize("analyser", [Marking(revision="2"), Marking(revision="2", measures="2")])
def test_another_model_keeps_the_groups(grouped, tracks, analyser):
    """Coded from what the library holds, or measured again."""
    list(ingest.upgrade(grouped, analyser, executor="inline"))
    assert grouped.space.revision == "2"
    assert groups(grouped) == ALL
    track(tracks / "z", "a4", 8, 1)
    list(ingest.update(grouped, analyser, executor="inline"))
    assert groups(grouped)["a4"] == {"a1", "a2", "a3"}
    assert verify(grouped) == []


def test_compaction_keeps_fingerprints_and_groups(grouped, tracks):
    track(tracks / "z", "c2", 9, 3)
    add(grouped, tracks)
    compact(grouped.folder)
    grouped.reload()
    assert len(known_parts(grouped)) == 1
    assert len(parts.read_blobs(grouped.folder, known_parts(grouped)[0], "mark")) == 7
    track(tracks / "z", "c3", 10, 3)
    add(grouped, tracks)
    assert groups(grouped)["c3"] == {"c", "c2"}


@pytest.fixture
def opened(monkeypatch) -> list[str]:
    """Names of the parts that fingerprints were read from."""
    seen = []
    real = parts.read_blobs
    monkeypatch.setattr(
        parts, "read_blobs", lambda folder, part, name: seen.append(part.name) or real(folder, part, name)
    )
    return seen


def test_the_next_writer_reads_only_what_it_does_not_know(grouped, tracks, opened):
    track(tracks / "z", "c2", 9, 3)
    add(grouped, tracks)
    assert len(opened) == 1  # the part of the new track alone
    assert groups(grouped)["c2"] == {"c"}
    kept = {path.name for path in (grouped.folder / fingerprint_index.FOLDER).iterdir()}
    assert len(kept) == 4  # the manifest, what was seen, two pieces
    add(grouped, tracks)
    assert {path.name for path in (grouped.folder / fingerprint_index.FOLDER).iterdir()} == kept


@pytest.mark.parametrize("damage", ["gone", "manifest", "cut", "other catalog", "other ids", "mostly gone", "full"])
def test_kept_fingerprints_are_never_needed(grouped, tracks, opened, monkeypatch, damage):
    home = grouped.folder / fingerprint_index.FOLDER
    manifest = json.loads((home / fingerprint_index.MANIFEST).read_text())
    match damage:
        case "gone":
            shutil.rmtree(home)
        case "manifest":
            (home / fingerprint_index.MANIFEST).write_text("[]")
        case "cut":
            piece = home / manifest["pieces"][0] / "codes.npy"
            os.truncate(piece, piece.stat().st_size - 4)
        case "other catalog":
            manifest["of"][2] = "another"
            (home / fingerprint_index.MANIFEST).write_text(json.dumps(manifest))
        case "other ids":
            seen = home / manifest["seen"] / "seen.npy"
            np.save(seen, np.load(seen) + np.array([0, 1]))
        case "mostly gone":
            for name in ("a1", "a2", "a3", "c", "d"):
                next(tracks.glob(f"*/{name}.mp3")).unlink()
            list(ingest.update(grouped, Marking(), executor="inline"))
        case "full":
            shutil.rmtree(home)
            monkeypatch.setattr(fingerprint_index, "NpyWriter", SimpleNamespace(save=refused))
    track(tracks / "z", "b3", 9, 2)
    list(ingest.update(grouped, Marking(), executor="inline"))
    assert groups(grouped)["b3"] == {"b1", "b2"}
    assert len(opened) >= 2
    if damage != "full":
        pieces = fingerprint_index.load(grouped.folder, grouped._head.uid, 1)
        assert len(pieces.recordings) == (3 if damage == "mostly gone" else 7)


def refused(*args):
    raise OSError(28, "No space left on device")


def test_large_pieces_are_mapped_at_once_and_never_grow_too_large(grouped, monkeypatch):
    monkeypatch.setattr(fingerprint_index, "_WHOLE", 1)
    monkeypatch.setattr(matching.Recordings, "_MOST", 700)  # two tracks
    monkeypatch.setattr("indexing.duplicates.groups._CHUNK", 1)
    shutil.rmtree(grouped.folder / fingerprint_index.FOLDER)
    with grouped.writing() as writer, writer.catalog.transaction():
        recordings = writer.versions._load_kept(writer.catalog).recordings
        assert len(recordings) == 6
        assert all(len(piece.codes) <= 700 and piece.home for piece in recordings.segments)
        assert len(recordings.segments) == 3
        writer.versions.save(writer.catalog)
    listed = json.loads((grouped.folder / fingerprint_index.FOLDER / fingerprint_index.MANIFEST).read_text())["pieces"]
    assert len(listed) == 3
    assert len(list((grouped.folder / fingerprint_index.FOLDER).iterdir())) == 5  # those merged since are gone


def test_a_failed_commit_leaves_no_trace(grouped, tracks, monkeypatch):
    track(tracks / "z", "a4", 8, 1)
    real = Versions.take

    def failing(self, connection, new):
        real(self, connection, new)
        raise sa.exc.OperationalError("INSERT", {}, OSError(28, "No space left on device"))

    with monkeypatch.context() as patch:
        patch.setattr(Versions, "take", failing)
        with pytest.raises(LibraryError):
            add(grouped, tracks)
    grouped.reload()
    assert groups(grouped) == ALL
    add(grouped, tracks)
    assert groups(grouped)["a4"] == {"a1", "a2", "a3"}


def test_damaged_fingerprints_are_unknown(grouped, tracks):
    for part in known_parts(grouped):
        os.truncate(grouped.folder / "parts" / part.name, part.bytes // 2)
        with pytest.raises(parts.DamagedPartError, match="is damaged"):
            parts.read_blobs(grouped.folder, part, "mark")
    with pytest.raises(parts.DamagedPartError, match="is missing"):
        parts.read_blobs(grouped.folder, replace(part, name="gone.parquet"), "mark")


def test_a_real_reencoding_is_shown_once_and_named(run, tmp_path, music_folder, clip_folder):
    """A cut, requantised copy of a real file, by the built-in model and the command line."""
    from recommender.media import audio_blocks

    y = np.concatenate(list(audio_blocks(music_folder / "slow major.flac", 44100)))
    (tmp_path / "m").mkdir()
    os.link(music_folder / "slow major.flac", tmp_path / "m" / "whole.flac")
    os.link(music_folder / "slow minor.wav", tmp_path / "m" / "other.wav")
    media_samples.sound(tmp_path / "m" / "cut.mp3", 0.7 * y[: 25 * 44100], 44100)
    asked = ("--video", clip_folder / "calm.mp4", "--music", tmp_path / "m")
    text = run(*asked).out
    assert text.count("also here as: ") == 1
    assert ("cut.mp3" in text) == ("whole.flac" in text)
    assert len([line for line in text.splitlines() if line.lstrip()[:1].isdigit()]) == 2
