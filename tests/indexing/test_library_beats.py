"""The beats that a library keeps: through analysis, another model, compaction and repair, and told by the command."""

import json
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fakes import FakeAnalyser, Marking, toy

from indexing import ingest
from indexing.beats import beats_of, id_at, record, rows
from indexing.catalog.queries import Catalog
from indexing.disk import parts
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import verify
from recommender.errors import LibraryError
from recommender.extractors.audio import beats
from recommender.extractors.audio.beats import NONE, Beats


def drawn(seed: int) -> Beats:
    """Beats that are another file's in no other."""
    n = 5 + seed
    return Beats((100 * seed + 5000 * np.arange(n)) / beats.TICKS_HZ, np.arange(n) % 3 == seed % 3, 3, 0.5)


class Tapping(FakeAnalyser):
    """As the fake, with beats; file 4 has none to tap to, and of clips they are not looked for."""

    def analyse(self, path, modality):
        analysis = super().analyse(path, modality)
        if modality != "music":
            return analysis
        found = NONE if path.stem == "4" else drawn(int(path.stem))
        return replace(analysis, features=replace(analysis.features, beats=beats.to_bytes(found)))


@pytest.fixture
def tapped(tmp_path: Path, music: Path):
    with Library.create(tmp_path / "tapped", Tapping().space) as library:
        list(ingest.add(library, [music], Tapping(), executor="inline"))
        yield library


def kept(library: Library) -> dict[str, Beats | None]:
    return {Path(track.path).stem: beats_of(library, track.id) for track in library.tracks("music")}


def same(found: Beats | None, expected: Beats) -> bool:
    return found is not None and beats.to_bytes(found) == beats.to_bytes(expected)


def all_there(library: Library, stems: str = "012345") -> bool:
    found = kept(library)
    return set(found) == set(stems) and all(same(found[s], NONE if s == "4" else drawn(int(s))) for s in stems)


def parts_of(library: Library) -> list[parts.Part]:
    with closing(Catalog.open(library.folder)) as catalog:
        return list(catalog.parts().values())


def test_every_track_has_its_own(tapped):
    assert all_there(tapped)
    assert verify(tapped) == []
    assert len(parts_of(tapped)) == 1


def test_what_was_stored_before_there_were_beats_is_unknown(tapped, library):
    assert set(kept(library).values()) == {None}
    assert all(parts.read_blobs(library.folder, part, "beats") == {} for part in parts_of(library))
    list(ingest.update(library, Tapping(), executor="inline", reanalyse=True))
    assert all_there(library)


def test_parts_without_the_column_are_the_bytes_that_they_were(library):
    """Nothing is added to the parts of analysers that look for no beats."""
    (part,) = parts_of(library)
    assert pq.read_schema(library.folder / parts.FOLDER / part.name).names == [
        *("hash", "window", "start_s", "end_s", "features", "affect", "vector")
    ]


def test_beats_of_another_revision_are_unknown(tapped, monkeypatch):
    monkeypatch.setattr(beats, "_MAGIC", b"BTS9")
    assert set(kept(tapped).values()) == {None}


@pytest.mark.parametrize("measures", ["1", "2"])
def test_another_model_keeps_them(tapped, measures):
    """Coded from what the library holds, or measured again."""
    list(ingest.upgrade(tapped, Tapping(revision="2", measures=measures), executor="inline"))
    assert tapped.space.revision == "2"
    assert all_there(tapped)
    assert verify(tapped) == []


def test_compaction_keeps_them_and_mixes_no_parts_with_and_without(tapped, music):
    for stem in (6, 7):
        toy(music / f"{stem}.mp3", stem, 2)
        list(ingest.update(tapped, Tapping(), executor="inline"))
    toy(music / "8.mp3", 8, 2)
    list(ingest.update(tapped, FakeAnalyser(), executor="inline"))
    (music / "a" / "1.mp3").unlink()
    list(ingest.update(tapped, Tapping(), executor="inline"))
    assert len(parts_of(tapped)) == 4
    compact(tapped.folder)
    tapped.reload()
    assert len(parts_of(tapped)) == 2
    found = kept(tapped)
    assert found.pop("8") is None
    assert all(same(value, NONE if stem == "4" else drawn(int(stem))) for stem, value in found.items())
    assert set(found) == set("0234567")
    assert verify(tapped) == []


def test_fingerprints_and_beats_do_not_take_each_others_place(tmp_path, music):
    class Both(Marking):
        def analyse(self, path, modality):
            analysis = super().analyse(path, modality)
            return replace(analysis, features=replace(analysis.features, beats=beats.to_bytes(drawn(int(path.stem)))))

    toy(music / "7.mp3", 7, "3 1")
    with Library.create(tmp_path / "both", Both().space) as library:
        list(ingest.add(library, [music], Both(), executor="inline"))
        list(ingest.upgrade(library, Both(revision="2"), executor="inline"))
        (part,) = parts_of(library)
        assert len(parts.read_blobs(library.folder, part, "mark")) == 1
        assert len(parts.read_blobs(library.folder, part, "beats")) == 7
        assert same(kept(library)["7"], drawn(7))


def test_a_lost_catalog_takes_no_beats_with_it(tapped):
    tapped.close()
    (tapped.folder / catalog_name()).unlink()
    list(repair(tapped.folder, Tapping(), executor="inline"))
    tapped.reload()
    assert all_there(tapped)


def catalog_name() -> str:
    from indexing.disk.locations import CATALOG

    return CATALOG


def test_a_damaged_part_and_an_unknown_track_are_told(tapped):
    with pytest.raises(LibraryError, match="no track 999"):
        beats_of(tapped, 999)
    track = next(iter(tapped.tracks())).id
    (part,) = parts_of(tapped)
    os.truncate(tapped.folder / parts.FOLDER / part.name, part.bytes // 2)
    with pytest.raises(LibraryError, match="is damaged"):
        beats_of(tapped, track)
    (tapped.folder / parts.FOLDER / part.name).unlink()
    with pytest.raises(LibraryError, match="is missing"):
        beats_of(tapped, track)


def test_clips_have_none(tmp_path):
    clip = toy(tmp_path / "clips" / "0.mp4", 0, 2)
    with Library.create(tmp_path / "l", Tapping().space) as library:
        list(ingest.add(library, [clip], Tapping(), modality="video", executor="inline"))
        (track,) = library.tracks("video")
        assert beats_of(library, track.id) is None
        with pytest.raises(LibraryError, match=r"no track .*0\.mp4"):
            id_at(library, str(clip))


# --- told ---------------------------------------------------------------------------------------------------


def test_rows_count_bars_and_places() -> None:
    told = Beats(np.arange(5) / 2, np.array([0, 0, 1, 0, 1], bool), 3, 0.9)
    assert [(row["bar"], row["beat"]) for row in rows(told)] == [
        ("0", "1"),
        ("0", "2"),
        ("1", "1"),
        ("1", "2"),
        ("2", "1"),
    ]
    assert rows(told)[1]["time_s"] == "0.5000"
    assert record("a", told)["downbeats_s"] == [1.0, 2.0]


def test_the_command_tells_beats_of_a_file(run, tapped, library, music):
    asked = ("index", "beats", music / "a" / "2.mp3", "--library")
    told = json.loads(run(*asked, tapped.folder, "--format", "json").out)
    assert told == record(str(music / "a" / "2.mp3"), drawn(2))
    assert run(*asked, tapped.folder, "--format", "csv").out.splitlines()[:2] == ["time_s,bar,beat", "0.0200,0,1"]
    old = run(*asked, library.folder)
    assert (old.code, "--reanalyse" in old.err) == (1, True)
    gone = run("index", "beats", music / "none.mp3", "--library", tapped.folder)
    assert (gone.code, "no track" in gone.err) == (1, True)
