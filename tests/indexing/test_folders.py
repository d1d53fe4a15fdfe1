"""What of a folder is looked at: names with dots, bins, links, ignore files, films with music alone."""

import json
import os
import sys
from pathlib import Path

import pytest

from indexing import ingest
from indexing.ingest.events import Ingested, LeftOut, Removed
from indexing.ingest.ignored import leaves_out, read_rules
from indexing.ingest.scan import expand_clips, scan
from indexing.ingest.sound_alone import VIDEO_SUFFIXES, is_sound_alone
from indexing.ingest.suffixes import SUFFIXES, is_bin, is_hidden
from indexing.library import Library
from media_samples import clip, sound, tone
from tests.indexing.fakes import FakeAnalyser, toy


def names(found, top):
    return [os.path.relpath(file.path, top) for file in found.files]


def test_one_dot_hides_two_do_not(tmp_path):
    for name in ("...And Justice/1.mp3", "..Hits/2.mp3", "....mp3/...3.mp3", ".hack SIGN OST/disc 1/4.mp3", ".5.mp3"):
        toy(tmp_path / name, 1)
    toy(tmp_path / ".git" / "HEAD", 1)
    toy(tmp_path / "._6.mp3", 1)
    found = scan([tmp_path], "music")
    assert set(names(found, tmp_path)) == {"...And Justice/1.mp3", "..Hits/2.mp3", "....mp3/...3.mp3"}
    assert dict(found.left_out.why) == {"hidden_folders": 2, "hidden_files": 2}
    assert found.left_out.named == (str(tmp_path / ".hack SIGN OST"),)
    assert found.left_out.sentence() == (
        f"left out: 2 hidden files, 2 hidden folders, hidden ones with media: {tmp_path}/.hack SIGN OST "
        "(give the path to take it in)"
    )
    assert names(scan([tmp_path / ".hack SIGN OST"], "music"), tmp_path) == [".hack SIGN OST/disc 1/4.mp3"]
    assert [is_hidden(name) for name in (".a", "..a", "...", "a.", "._a")] == [True, False, False, False, True]


BINS = ["$RECYCLE.BIN", "System Volume Information", ".Trashes", ".Trash-1000", "@eaDir", "#recycle", "#snapshot"]
BINS += ["lost+found", ".AppleDouble", "__MACOSX", ".thumbnails", "@Recycle", ".stversions", "found.000"]


@pytest.mark.parametrize("name", BINS)
def test_recycle_bins_and_thumbnails_are_left_out_and_counted_unless_named(tmp_path, name):
    toy(tmp_path / "music" / name / "S-1-5" / "gone.mp3", 1)
    found = scan([tmp_path / "music"], "music")
    assert (found.files, dict(found.left_out.why), found.left_out.named) == ([], {"bins": 1}, ())
    assert len(scan([tmp_path / "music" / name], "music").files) == 1
    assert not is_bin(name + " tapes")


def test_other_files_are_counted_by_suffix(tmp_path):
    for name in ("a.txt", "b.TXT", "c.cue", "README", "x.jpg", *(f"{k}.s{k}" for k in range(6))):
        toy(tmp_path / name, 1)
    os.mkfifo(tmp_path / "pipe.mp3")
    left = scan([tmp_path], "music").left_out
    assert left.suffixes[".txt"] == 2
    assert left.sentence().startswith("left out: 2 .txt, ")
    assert "of 5 further suffixes" in left.sentence()
    assert left.sentence().endswith("1 pipe or device")
    assert left.as_json()["suffixes"][""] == 1
    assert scan([tmp_path / "none"], "music").left_out.sentence() == ""


def test_a_suffix_is_shown_on_one_printable_line(tmp_path):
    toy(tmp_path / "a.\x1b[2J\n", 1)
    assert scan([tmp_path], "music").left_out.sentence() == "left out: 1 .\\x1b[2j\\n"


def test_links_do_not_lead_out_unless_asked(tmp_path):
    home, away = tmp_path / "home", tmp_path / "away"
    toy(home / "a" / "1.mp3", 1)
    toy(away / "2.mp3", 2)
    (home / "folder").symlink_to(away)
    (home / "file.mp3").symlink_to(away / "2.mp3")
    (home / "again").symlink_to(home / "a")
    (home / "z.mp3").symlink_to("a/1.mp3")
    (home / "cover.jpg").symlink_to(away / "2.mp3")
    found = scan([home], "music")
    assert names(found, home) == ["a/1.mp3", "z.mp3"]
    assert dict(found.left_out.why) == {"links": 2}
    assert "2 links that lead out of the folder (--follow-links takes them in)" in found.left_out.sentence(
        "--follow-links"
    )
    assert names(scan([home], "music", follow_links=True), home) == ["a/1.mp3", "file.mp3", "folder/2.mp3", "z.mp3"]
    assert names(scan([home, away], "music"), home)[-2:] == ["folder/2.mp3", "z.mp3"]  # within what was named
    (tmp_path / "by name").symlink_to(home)
    assert names(scan([tmp_path / "by name"], "music"), tmp_path) == ["by name/a/1.mp3", "by name/z.mp3"]
    (tmp_path / "sibling").mkdir()
    (tmp_path / "sibling" / "x").symlink_to(home / "a")  # "home" begins no name of another folder
    assert scan([tmp_path / "sibling"], "music").left_out.why == {"links": 1}


def test_tracks_behind_links_stay_and_are_looked_at(tmp_path, analyser):
    home, away = tmp_path / "home", tmp_path / "away"
    toy(home / "1.mp3", 1)
    toy(away / "2.mp3", 2)
    (home / "folder").symlink_to(away)
    with Library.create(tmp_path / "library", analyser.space) as library:
        list(ingest.add(library, [home], analyser, executor="inline", follow_links=True))
        assert library.count("music") == 2
        toy(away / "2.mp3", 22, 4)
        toy(away / "3.mp3", 3)
        events = list(ingest.update(library, analyser, executor="inline"))
        assert [e.kept for e in events if isinstance(e, LeftOut)] == [1]
        assert [Path(e.path).name for e in events if isinstance(e, Ingested)] == ["2.mp3"]
        assert not [e for e in events if isinstance(e, Removed)]
        (home / ".recommendignore").write_text("1.mp3\n")
        events = list(ingest.update(library, analyser, executor="inline"))
        assert [e.sentence() for e in events if isinstance(e, LeftOut)] == [
            "left out: 1 file or folder by .recommendignore, 1 link that leads out of the folder "
            "(follow_links takes it in); 2 tracks of the library are among them and stay"
        ]
        list(ingest.upgrade(library, FakeAnalyser("2"), executor="inline"))
        assert library.count("music") == 2
        (away / "2.mp3").unlink()
        list(ingest.update(library, FakeAnalyser("2"), executor="inline"))
        assert library.count("music") == 1


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("*.mp3", "a.mp3 d/b.mp3 d/e/c.mp3"),
        ("/*.mp3", "a.mp3"),
        ("d/", "d/b.mp3 d/e/c.mp3"),
        ("a.mp3/", ""),
        ("d/*.mp3", "d/b.mp3"),
        ("**/c.mp3", "d/e/c.mp3"),
        ("d/**", "d/b.mp3 d/e/c.mp3"),
        ("d/**/c.mp3", "d/e/c.mp3"),
        ("# *.mp3\n\n[ab].mp3  ", "a.mp3 d/b.mp3"),
        ("*.mp3\n!b.mp3", "a.mp3 d/e/c.mp3"),
        ("?.mp3\n!d/e/*", "a.mp3 d/b.mp3"),
        ("\ufeffa.mp3\r\n", "a.mp3"),
        ("/\n!\n!/", ""),
    ],
)
def test_an_ignore_file_leaves_out(tmp_path, lines, left):
    every = ["a.mp3", "d/b.mp3", "d/e/c.mp3"]
    for name in every:
        toy(tmp_path / name, 1)
    (tmp_path / ".recommendignore").write_text(lines, "utf-8")
    assert sorted({*every} - {*names(scan([tmp_path], "music"), tmp_path)}) == left.split()


def test_an_inner_ignore_file_has_the_last_word_and_names_are_taken_as_named(tmp_path):
    for name in ("a.mp3", "d/a.mp3", "d/b.mp3"):
        toy(tmp_path / name, 1)
    (tmp_path / ".recommendignore").write_text("*.mp3\n")
    (tmp_path / "d" / ".recommendignore").write_text("!b.mp3\n")
    found = scan([tmp_path], "music")
    assert (names(found, tmp_path), found.left_out.why) == (["d/b.mp3"], {"ignored": 2})
    assert len(scan([tmp_path / "a.mp3"], "music").files) == 1


def test_an_ignore_file_that_cannot_be_read_is_named(tmp_path):
    toy(tmp_path / "a.mp3", 1)
    os.mkfifo(tmp_path / ".recommendignore")
    found = scan([tmp_path], "music")
    assert len(found.files) == 1
    assert "no regular file" in found.problems[0].reason


def test_no_pattern_takes_long():
    assert read_rules("[" * 60_000) == []
    rules = read_rules("a*" * 30 + "b\n" + "**/a/" * 30 + "b\n")
    assert leaves_out(rules, ["a" * 255], folder=False) is None
    assert leaves_out(rules, ["a"] * 2000, folder=False) is None


def test_folders_deeper_than_the_stack_are_walked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(1500):
        Path("d").mkdir()
        os.chdir("d")
    toy(Path("deep.mp3"), 1)
    found = scan([tmp_path], "music")
    Path("deep.mp3").unlink()
    for _ in range(1500):  # what clears up after tests would not reach so deep
        os.chdir("..")
        Path("d").rmdir()
    assert sys.getrecursionlimit() < 1500
    assert [Path(file.path).name for file in found.files] == ["deep.mp3"]


SOUND_ALONE = [("mp4", "aac"), ("matroska", "libopus"), ("webm", "libopus"), ("ogg", "flac"), ("mov", "aac")]
SOUND_ALONE += [(form, "libmp3lame") for form in ("avi", "asf", "flv")] + [("mpegts", "mp2"), ("mpeg", "mp2")]
FILMS = [".mp4", ".mkv", ".webm", ".ogv", ".mov", ".avi", ".wmv", ".flv", ".ts", ".mpg"]
CONTAINERS = dict(zip(FILMS, SOUND_ALONE, strict=True))


def film(path, pictures):
    """A file with sound, and pictures where asked."""
    import av
    import numpy as np

    form, codec = CONTAINERS[path.suffix]
    with av.open(str(path), "w", format=form) as container:
        heard = container.add_stream(codec, rate=48000 if codec == "libopus" else 44100)
        if pictures:
            shown = {".webm": "libvpx", ".ogv": "libtheora", ".mpg": "mpeg1video", ".flv": "flv", ".wmv": "wmv2"}.get(
                path.suffix, "mpeg4"
            )
            seen = container.add_stream(shown, rate=25, width=64, height=48, pix_fmt="yuv420p")
            for _ in range(3):
                container.mux(seen.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8))))
            container.mux(seen.encode())
        size = heard.codec_context.frame_size or 1024
        for at in range(10):
            samples = np.zeros((1, size), np.float32)
            frame = av.AudioFrame.from_ndarray(samples, "fltp", "mono")
            frame.sample_rate, frame.pts = heard.codec_context.sample_rate, at * size
            container.mux(heard.encode(frame))
        container.mux(heard.encode())
    return path


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_a_film_with_music_alone_is_music(tmp_path, suffix):
    alone = film(tmp_path / f"alone{suffix}", pictures=False)
    assert suffix in VIDEO_SUFFIXES
    assert is_sound_alone(str(alone))
    if suffix != ".ogv":  # no encoder of Theora comes with PyAV
        film(tmp_path / f"film{suffix}", pictures=True)
    else:
        (tmp_path / "film.ogv").write_bytes(alone.read_bytes()[:200] + b"\x80theora" + alone.read_bytes()[200:])
    (tmp_path / f"broken{suffix}").write_bytes(b"no media" * 99)
    found = scan([tmp_path], "music")
    assert (names(found, tmp_path), found.left_out.why) == ([alone.name], {"pictures": 2})
    assert len(scan([tmp_path], "video").files) == 3


def test_a_film_whose_streams_are_told_at_its_end(tmp_path):
    """The index of an MP4 comes after its media, and may have a size of 64 bits before it."""
    data = film(tmp_path / "a.mp4", pictures=False).read_bytes()
    large = (1).to_bytes(4, "big") + b"mdat" + (16 + 80_000).to_bytes(8, "big") + bytes(80_000)
    first = int.from_bytes(data[:4], "big")
    (tmp_path / "b.mp4").write_bytes(data[:first] + large + data[first:])
    (tmp_path / "c.mp4").write_bytes(bytes(8) * 3)
    assert [is_sound_alone(str(tmp_path / name)) for name in ("a.mp4", "b.mp4", "c.mp4")] == [True, True, False]


def test_rarer_sound_files_are_looked_for():
    asked = ".mka .mpc .tak .tta .wv .dsf .dff .ac3 .dts .eac3 .mp1 .w64 .voc .oma .aa3 .mlp .thd .spx"
    assert {*asked.split()} <= SUFFIXES["music"]


def test_a_folder_of_clips_tells_what_it_leaves_out(tmp_path):
    clip(tmp_path / "a.mp4")
    toy(tmp_path / "notes.txt", 1)
    told = []
    assert expand_clips([tmp_path], told.append) == [tmp_path / "a.mp4"]
    assert told == ["left out: 1 .txt"]


def test_commands_tell_what_was_left_out_in_a_line_and_in_json(tmp_path, monkeypatch, run):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    (tmp_path / "music").mkdir()
    sound(tmp_path / "music" / "..a.wav", tone(3.0))
    toy(tmp_path / "music" / ".hidden" / "b.mp3", 1)
    toy(tmp_path / "music" / "c.txt", 1)
    ran = run("index", "add", tmp_path / "music", "--format", "json", "--workers", "1")
    assert ran.code == 0, ran
    assert "left out: 1 .txt, 1 hidden folder" in ran.err
    told = json.loads(ran.out)
    assert (told["files"], told["analysed"]) == (1, 1)
    assert (told["left_out"]["suffixes"], told["left_out"]["hidden_folders"]) == ({".txt": 1}, 1)
    assert told["left_out"]["hidden_with_media"] == [str(tmp_path / "music" / ".hidden")]
    ran = run("index", "update", "--format", "json")
    assert json.loads(ran.out)["unchanged"] == 1
    clip(tmp_path / "clip.mp4")
    ran = run("--video", tmp_path / "clip.mp4", "--music", tmp_path / "music")
    assert ran.code == 0, ran
    assert ran.err.count("left out: 1 .txt, 1 hidden folder") == 1
