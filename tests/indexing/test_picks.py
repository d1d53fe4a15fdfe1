"""Picks stay with their library: through whatever is done to it, whatever happens to their file, and who else picks."""

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import toy

from indexing import ingest, picks
from indexing.disk import records
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import verify
from indexing.picks import Pick, PickedClip
from recommender.errors import InputError, LibraryError, LibraryLocked

FILE = "picks.json"
CLIP = PickedClip("=evil.mp4", "c1", 100.1, "30000/1001", "01:00:00;00")


def track_at(library: Library, name: str) -> int:
    return next(track.id for track in library.tracks() if Path(track.path).name == name)


def pick(library: Library, name: str = "1.mp3", **more) -> Pick:
    made = Pick(CLIP, picks.describe_track(library, track_at(library, name)), 2.0, 7.0, 20.02, 0.5, {"bpm": "90-130"})
    return picks.add(library.folder, replace(made, **more))


def found(library: Library) -> list[picks.Found]:
    library.reload()
    return picks.find(library, picks.picks_of(library.folder))


def test_a_pick_is_kept_listed_and_taken_back(library):
    assert picks.picks_of(library.folder) == []
    first, second = pick(library), pick(library, "2.mp3")
    assert picks.picks_of(library.folder) == [first, second]
    assert first.id != second.id
    told = picks.record(found(library)[0])
    assert json.loads(json.dumps(told)) == told
    assert told["track"] == {
        **{"id": track_at(library, "1.mp3"), "path": first.track.path, "title": "Title 1", "artist": None, "gone": None}
    }
    assert (told["clip"]["id"], told["in_s"], told["out_s"], told["score"]) == ("c1", 2.0, 7.0, 0.5)
    assert told["settings"] == {"bpm": "90-130"}
    assert picks.undo(library.folder, first.id) == first
    assert picks.picks_of(library.folder) == [second]
    with pytest.raises(InputError, match="no pick"):
        picks.undo(library.folder, first.id)


def test_nothing_done_to_a_library_touches_them(library, music, analyser, tmp_path):
    kept = pick(library)
    before = (library.folder / FILE).read_bytes()
    toy(music / "new.mp3", 77)
    list(ingest.update(library, analyser, executor="inline"))
    with library.writing():
        pass  # clears what a killed writer left
    compact(library.folder)
    list(repair(library.folder, analyser, [music]))
    library.reload()
    assert verify(library) == []
    (library.folder / "catalog.sqlite").unlink()
    list(repair(library.folder, analyser, [music]))
    assert (library.folder / FILE).read_bytes() == before
    assert found(library)[0].track.path == kept.track.path


def test_a_renamed_file_is_found_by_its_content(library, music, analyser):
    pick(library)
    moved = music / "renamed.mp3"
    Path(found(library)[0].track.path).rename(moved)
    list(ingest.update(library, analyser, executor="inline"))
    (one,) = found(library)
    assert (one.track.path, one.gone) == (str(moved), None)


def test_an_id_of_another_track_is_not_believed(library):
    made = pick(library)
    other = replace(made, track=replace(made.track, id=track_at(library, "2.mp3")))
    (one,) = picks.find(library, [other])
    assert one.track.path == made.track.path


def test_another_model_gives_new_ids_and_the_picks_stay(library, analyser):
    made = pick(library)
    list(ingest.upgrade(library, replace(analyser, revision="2"), executor="inline"))
    (one,) = found(library)
    assert one.track.path == made.track.path
    assert one.track.id != made.track.id


def test_a_file_with_new_content_is_found_by_its_path(library, analyser):
    made = pick(library)
    toy(Path(made.track.path), 99)
    list(ingest.update(library, analyser, executor="inline"))
    (one,) = found(library)
    assert (one.track.path, one.track.title) == (made.track.path, "Title 99")


def test_a_track_that_is_gone_is_said(library, analyser):
    made = pick(library)
    Path(made.track.path).unlink()
    (one,) = found(library)
    assert one.gone == "its file is not there"
    list(ingest.update(library, analyser, executor="inline"))
    (one,) = found(library)
    assert one.gone == "no longer in the library"
    assert picks.record(one)["track"]["title"] == "Title 1"
    assert "Title 1" in picks.cues([one])
    assert "1.mp3" not in picks.playlist("all", [one])


DAMAGED = ['{"format": 1, "pic', "[]", '{"format": 1}', '{"format": 1, "picks": [{}]}', "\x00\x01", "9" * 400, "null"]


def test_a_damaged_file_is_one_line_and_kept(library):
    uses = (picks.picks_of, lambda folder: picks.undo(folder, "x"))
    for number, (text, use) in enumerate((text, use) for text in DAMAGED for use in uses):
        (library.folder / FILE).write_text(text)
        line = r"^the picks in .*picks.json are damaged; the file is kept as .*aside/picks"
        with pytest.raises(LibraryError, match=line):
            use(library.folder)
        assert (library.folder / "aside" / (f"{FILE}.{number}" if number else FILE)).read_text() == text
        made = pick(library)
        assert picks.picks_of(library.folder) == [made]


def test_a_damaged_value_is_found(library):
    pick(library)
    whole = json.loads((library.folder / FILE).read_text())
    for path, value in {("clip", "name"): 5, ("track", "hash"): "xyz", ("clip", "rate"): "1/0", ("in_s",): "a"}.items():
        broken = json.loads(json.dumps(whole))
        place = broken["picks"][0]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        (library.folder / FILE).write_text(json.dumps(broken))
        with pytest.raises(LibraryError, match="damaged"):
            picks.picks_of(library.folder)


def test_a_folder_in_its_place_is_moved_aside(library):
    (library.folder / FILE / "inner").mkdir(parents=True)
    with pytest.raises(LibraryError, match="damaged"):
        picks.picks_of(library.folder)
    assert (library.folder / "aside" / FILE / "inner").is_dir()


def test_a_later_version_is_left_alone(library):
    text = '{"format": 2, "picks": "otherwise"}'
    (library.folder / FILE).write_text(text)
    with pytest.raises(LibraryError, match="later version"):
        picks.picks_of(library.folder)
    assert (library.folder / FILE).read_text() == text


def test_a_writer_that_clears_what_is_unfinished_does_not_lose_a_pick(library, monkeypatch):
    """It begins while the file is being written: what is not in its place yet goes."""
    from recommender import atomic

    publish, cleared = atomic.publish, []

    def clear(partial: Path, final: Path) -> None:
        if final.name == FILE and not cleared:
            cleared.append(partial)
            with library.writing() as writer:
                writer.clear()
        publish(partial, final)

    monkeypatch.setattr(atomic, "publish", clear)
    made = pick(library)
    assert cleared
    assert picks.picks_of(library.folder) == [made]


def test_picks_are_made_while_the_library_is_written(library):
    with library.writing():
        made = pick(library)
    assert picks.picks_of(library.folder) == [made]


ADD = """
import sys
from dataclasses import replace
from pathlib import Path
from indexing import picks
folder = Path(sys.argv[1])
first = picks.picks_of(folder)[0]
for n in range(25):
    picks.add(folder, replace(first, in_s=float(n)))
"""


def test_two_processes_lose_no_pick_of_each_other(library):
    pick(library)
    several = [subprocess.Popen([sys.executable, "-c", ADD, str(library.folder)]) for _ in range(2)]
    assert [one.wait(60) for one in several] == [0, 0]
    kept = picks.picks_of(library.folder)
    assert len(kept) == 51
    assert len({one.id for one in kept}) == 51


def test_a_lock_that_is_held_is_told(library, monkeypatch):
    monkeypatch.setattr(records, "WAIT_S", 0.0)
    made = pick(library)
    with picks._KEPT.lock(library.folder), pytest.raises(LibraryLocked, match="try again"):
        picks.undo(library.folder, made.id)


def test_there_is_an_end_to_picks(library, monkeypatch):
    monkeypatch.setattr(picks, "MOST", 1)
    pick(library)
    with pytest.raises(InputError, match="undo some"):
        pick(library)


def test_a_cue_sheet_says_what_is_known_and_what_is_not(library):
    pick(library)
    pick(library, "2.mp3", clip=PickedClip("still.png"), lasts_s=None)
    pick(library, "2.mp3", clip=PickedClip("odd.mp4", rate="17"), lasts_s=61.5)
    rows = list(csv.DictReader(io.StringIO(picks.cues(found(library)))))
    assert [row["cue"] for row in rows] == ["1", "2", "3"]
    assert rows[0] == {
        **{"cue": "1", "clip": "'=evil.mp4", "timecode_in": "01:00:00;00", "timecode_out": "01:00:20;00"},
        **{"duration": "00:00:20", "title": "Title 1", "artist": "not on file", "album": "not on file"},
        **{"isrc": "not on file", "licence": "not on file"},
    }
    assert rows[1]["timecode_in"] == rows[1]["duration"] == "not on file"
    assert (rows[2]["timecode_in"], rows[2]["timecode_out"]) == ("00:00:00:00", "00:01:01:09")


def test_the_command_lists_takes_back_and_writes(run, library, tmp_path):
    first, second = pick(library), pick(library, "2.mp3")
    sheet, playlist = tmp_path / "cues.csv", tmp_path / "all.m3u8"
    ran = run(
        "index", "picks", "--library", library.folder, "--format", "json", "--cue-sheet", sheet, "--playlist", playlist
    )
    assert [one["id"] for one in json.loads(ran.out)] == [second.id, first.id]
    assert len(sheet.read_text().splitlines()) == 3
    lines = playlist.read_text().splitlines()
    assert lines[:2] == ["#EXTM3U", "#PLAYLIST:Picks of library"]
    assert lines[3:6] == ["#EXTVLCOPT:start-time=2.000000", "#EXTVLCOPT:stop-time=7.000000", first.track.path]
    again = run("index", "picks", "--library", library.folder, "--cue-sheet", sheet)
    assert again.code == 2
    assert "is there already" in again.err
    ran = run("index", "picks", "--library", library.folder, "--undo", first.id)
    assert ran.err == "taken back: Title 1\n"
    assert first.id not in ran.out
    assert "0:02-0:07" in ran.out
    assert run("index", "picks", "--library", library.folder, "--undo", "nope").code == 2


def test_another_analyser_is_not_needed_to_read_them(library):
    """Reading picks opens neither media nor a model: the app lists them in milliseconds."""
    pick(library)
    code = "import sys; from pathlib import Path; from indexing import picks; picks.picks_of(Path(sys.argv[1])); "
    code += "print([m for m in ('numpy', 'av', 'sqlalchemy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, library.folder], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
