"""Moving a library to another model: from stored features where they are the same, resumable, losing nothing."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import COLUMNS, DIM, FakeAnalyser, state, toy

from indexing import ingest
from indexing.catalog.queries import Catalog
from indexing.disk import parts as store
from indexing.disk.parts import FOLDER
from indexing.ingest.events import Failed, Ingested, Plan, Planned, Recoded, Removed, Skipped, Warned
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.verify import verify
from recommender.errors import LibraryError

NEW = FakeAnalyser("2")


def upgrade(library, analyser, **choices):
    return list(ingest.upgrade(library, analyser, executor="inline", **choices))


def analysed(tmp_path: Path) -> list[str]:
    log = tmp_path / "log"
    return log.read_text().split("\n")[:-1] if log.exists() else []


def of(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_nothing_is_decoded_and_all_is_as_if_analysed_anew(tmp_path, library, music):
    toy(music / "copy.mp3", 1, 2)
    list(ingest.update(library, FakeAnalyser(), executor="inline"))
    events = upgrade(library, replace(NEW, log=str(tmp_path / "log")))
    assert events[0] == Plan(6, 6, 0)
    assert sorted(e.path for e in of(events, Recoded)) == sorted(str(p) for p in music.rglob("*.mp3"))
    assert not of(events, Ingested | Removed | Failed)
    assert analysed(tmp_path) == []
    assert library.space == NEW.space
    with Library.create(tmp_path / "fresh", NEW.space) as fresh:
        list(ingest.add(fresh, [music], NEW, executor="inline"))
        assert state(library) == state(fresh)
    assert verify(library) == []
    assert len(list((library.folder / FOLDER).iterdir())) == 1  # the old part is gone


def test_other_features_are_measured_again(tmp_path, library, music):
    events = upgrade(library, FakeAnalyser("2", measures="2", log=str(tmp_path / "log")))
    assert not of(events, Recoded)
    assert len(of(events, Ingested)) == len(analysed(tmp_path)) == 6


def test_new_and_changed_files_come_along(tmp_path, library, music):
    toy(music / "new.mp3", 70, 2)
    toy(music / "a" / "0.mp3", 71, 3)
    (music / "a" / "1.mp3").unlink()
    events = upgrade(library, replace(NEW, log=str(tmp_path / "log")))
    assert sorted(analysed(tmp_path)) == ["0.mp3", "new.mp3"]
    assert [Path(e.path).name for e in of(events, Removed)] == ["1.mp3"]
    with Library.create(tmp_path / "fresh", NEW.space) as fresh:
        list(ingest.add(fresh, [music], NEW, executor="inline"))
        assert state(library) == state(fresh)
    assert verify(library) == []


def test_a_disk_that_is_not_there_loses_no_track(library, music):
    before = {path for _, path in state(library)}
    music.rename(music.with_name("unplugged"))
    events = upgrade(library, NEW)
    assert of(events, Warned)
    assert {path for _, path in state(library)} == before
    assert library.space == NEW.space


def test_what_cannot_be_brought_over_keeps_the_old_model(library, music):
    before = state(library)
    music.rename(music.with_name("unplugged"))
    other = FakeAnalyser("2", measures="2")
    for move in (ingest.upgrade, lambda *a, **k: ingest.update(*a, reanalyse=True, **k)):
        with pytest.raises(LibraryError, match=r"6 track\(s\).*0\.mp3: plug in.*searchable with its old model"):
            list(move(library, other, executor="inline"))
        assert state(library) == before
        assert library.space == FakeAnalyser().space
    music.with_name("unplugged").rename(music)
    upgrade(library, other)
    assert library.space == other.space


def test_interrupted_it_goes_on(tmp_path, music):
    with Library.create(tmp_path / "library", FakeAnalyser().space) as library:
        for name in ("a", "b c"):  # two parts
            list(ingest.add(library, [music / name], FakeAnalyser(), executor="inline"))
        before = state(library)
        events = ingest.upgrade(library, NEW, executor="inline")
        for event in events:
            if isinstance(event, Recoded):
                break
        events.close()
        library.reload()
        assert state(library) == before
        assert verify(library) == []
        again = upgrade(library, NEW)
        assert len(of(again, Recoded)) == 3
        assert library.space == NEW.space
        assert library.count("music") == 6
        assert verify(library) == []


def test_a_damaged_part_is_measured_again(tmp_path, library, music):
    part = next((library.folder / FOLDER).iterdir())
    data = bytearray(part.read_bytes())
    data[40:200] = bytes(160)
    part.write_bytes(data)
    events = upgrade(library, replace(NEW, log=str(tmp_path / "log")))
    assert "measured again" in of(events, Warned)[0].reason
    assert len(analysed(tmp_path)) == 6
    assert verify(library) == []


def test_failures_are_remembered(library, music):
    toy(music / "broken.mp3", "bad")
    list(ingest.update(library, FakeAnalyser(), executor="inline"))
    events = upgrade(library, NEW)
    assert [e.reason for e in of(events, Skipped) if "broken" in e.path] == [
        "failed before: cannot read 'broken.mp3': not a toy"
    ]
    assert [Path(f.path).name for f in library.failures()] == ["broken.mp3"]


def test_a_dry_run_changes_nothing(library, music):
    before = state(library)
    events = upgrade(library, NEW, dry_run=True)
    assert events[0] == Plan(6, 0, 0)
    assert len(of(events, Recoded)) == 6
    events = upgrade(library, FakeAnalyser("2", measures="2"), dry_run=True)
    assert len(of(events, Planned)) == 6
    assert state(library) == before


def test_the_same_model_has_nothing_to_do(library):
    assert upgrade(library, FakeAnalyser()) == [Plan(0, 0, 0)]


def import_toys(folder: Path) -> None:
    np.save(folder / "v.npy", np.random.default_rng(4).normal(size=(5, len(COLUMNS))).astype(np.float32))
    (folder / "ids.csv").write_text("id\na\na\nb\nc\nc\n")


def test_imported_features_are_coded_by_the_new_model(tmp_path):
    import_toys(tmp_path)
    import_vectors(tmp_path / "lib", tmp_path / "v.npy", tmp_path / "ids.csv", space=FakeAnalyser())
    with Library.open(tmp_path / "lib") as library:
        upgrade(library, NEW)
        moved = state(library)
        assert verify(library) == []
    import_vectors(tmp_path / "new", tmp_path / "v.npy", tmp_path / "ids.csv", space=NEW)
    with Library.open(tmp_path / "new") as library:
        assert moved == state(library)


def test_analysed_tracks_keep_their_affect_beside_imported_ones_in_one_part(tmp_path, library, music):
    import_toys(tmp_path)
    import_vectors(library.folder, tmp_path / "v.npy", tmp_path / "ids.csv", space=FakeAnalyser())
    library.close()
    compact(library.folder)
    assert len(list((library.folder / FOLDER).iterdir())) == 1
    library.reload()
    upgrade(library, NEW)
    assert {t.path: t.affect is not None for t in library.tracks()} == {
        **{str(path): True for path in music.rglob("*.mp3")},
        **dict.fromkeys("abc", False),
    }
    assert verify(library) == []


def test_imported_vectors_cannot_be_coded(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(3, DIM, dtype=np.float32))
    (tmp_path / "ids.csv").write_text("id\na\nb\nc\n")
    import_vectors(tmp_path / "lib", tmp_path / "v.npy", tmp_path / "ids.csv", space="mine")
    with Library.open(tmp_path / "lib") as library:
        before = state(library)
        with pytest.raises(LibraryError, match=r"3 track\(s\).*stays as it is"):
            upgrade(library, NEW)
        assert state(library) == before


def test_updating_keeps_what_was_imported(tmp_path, library, music):
    import_toys(tmp_path)
    import_vectors(library.folder, tmp_path / "v.npy", tmp_path / "ids.csv", space=FakeAnalyser())
    library.reload()
    assert library.count("music") == 9
    events = list(ingest.update(library, FakeAnalyser(), executor="inline"))
    assert not of(events, Removed)
    assert library.count("music") == 9


def test_parts_say_what_measured_them(library):
    with closing(Catalog.open(library.folder)) as catalog:
        parts = list(catalog.parts().values())
    assert [store.source_of(library.folder, part) for part in parts] == ["fake 1"]
    assert store.source_of(library.folder, replace(parts[0], name="none.parquet")) == ""
