"""Bad input, as users meet it: one clear line, the right exit code, and the library stays whole."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import media_samples
from pieces import SR_HZ, chords
from running import ROOT, Ran, recommend_apart


def one_line(ran: Ran, *parts: str, code: int = 1) -> str:
    """The only error line of a failed run; it must hold all `parts`."""
    assert ran.code == code, ran
    assert "Traceback" not in ran.err
    (line,) = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    for part in parts:
        assert part in line
    return line


BAD_CLIPS = {
    "empty.mp4": (lambda p: p.touch(), "empty"),
    "text.mp4": (lambda p: p.write_text("these are words, not pictures\n" * 50), "text.mp4"),
    "noise.mkv": (lambda p: p.write_bytes(np.random.default_rng(0).bytes(20_000)), "noise.mkv"),
    "no picture.mp4": (lambda p: media_samples.sound(p), "no video"),
    "header only.mp4": (lambda p: media_samples.truncated(media_samples.clip(p), 0.02), "header only.mp4"),
    "folder.mp4": (lambda p: p.mkdir(), "folder.mp4"),
}


@pytest.mark.parametrize("name", BAD_CLIPS)
def test_a_bad_clip_is_one_clear_line(run, indexed, tmp_path, name):
    make, part = BAD_CLIPS[name]
    make(tmp_path / name)
    code = 2 if name == "folder.mp4" else 1  # an empty folder of clips is a wrong argument
    line = one_line(run("--video", tmp_path / name, "--library", indexed), part, code=code)
    assert name in line


def test_a_missing_clip(run, indexed, tmp_path):
    one_line(run("--video", tmp_path / "nowhere.mp4", "--library", indexed), "nowhere.mp4")


GOOD_CLIPS = {
    "cut short.mp4": lambda p: media_samples.truncated(
        media_samples.clip_without_duration(p.with_suffix(".webm")), 0.6
    ),
    "renamed.txt": lambda p: media_samples.clip(p.with_suffix(".mp4")).rename(p),
    "one frame.gif": lambda p: media_samples.still(p.with_suffix(".png")).rename(p),
    "one frame.mp4": lambda p: media_samples.clip(p, media_samples.ramp(1)),
    "black.mp4": lambda p: media_samples.clip(p, media_samples.shades([0] * 30)),
    "no sound.webm": lambda p: media_samples.clip(p),
}


@pytest.mark.parametrize("name", GOOD_CLIPS)
def test_odd_but_usable_clips_are_answered(run, indexed, tmp_path, name):
    made = GOOD_CLIPS[name](tmp_path / name)
    ran = run("--video", made, "--library", indexed, "--format", "json")
    assert ran.code == 0, ran.err
    assert len(json.loads(ran.out)) == 4


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[Path, set[str], set[str]]:
    """A music folder with usable and unusable files: (folder, good names, bad names)."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    y = chords((0, 4, 7), 0.5, 12, 0)
    media_samples.sound(folder / "fine.flac", y, SR_HZ)
    media_samples.sound(folder / "silence.wav", np.zeros(SR_HZ * 3, np.float32), SR_HZ)
    media_samples.sound(folder / "blink.wav", y[:200], SR_HZ)
    media_samples.sound(folder / "really ogg.ogg", y, SR_HZ).rename(folder / "really ogg.mp3")
    media_samples.truncated(media_samples.sound(folder / "cut.mp3", y, SR_HZ), 0.5)
    (folder / "empty.mp3").touch()
    (folder / "words.mp3").write_text("la la la\n" * 100)
    media_samples.clip(folder / "no sound.mp4").rename(folder / "no sound.m4a")
    (folder / "notes.txt").write_text("ignored: not a media file")
    (folder / "cover.jpg").write_bytes(b"ignored too")
    good = {"fine.flac", "silence.wav", "blink.wav", "really ogg.mp3", "cut.mp3"}
    return folder, good, {"empty.mp3", "words.mp3", "no sound.m4a"}


def test_bad_files_in_a_folder_are_told_remembered_and_stop_nothing(run, mixed, tmp_path, clip_folder):
    folder, good, bad = mixed
    library = tmp_path / "library"
    first = run("index", "add", folder, "--library", library)
    assert first.code == 1  # for most of "cut.mp3" is lost
    assert [line for line in first.err.splitlines() if "cut.mp3" in line and " s could be read" in line]
    failed = [line for line in first.err.splitlines() if line.startswith("failed: ")]
    assert len(failed) == len(bad)
    assert all(any(name in line for line in failed) for name in bad)
    rows = json.loads(run("index", "list", "--library", library, "--format", "json").out)
    assert {Path(row["path"]).name for row in rows} == good
    remembered = json.loads(run("index", "list", "--failed", "--library", library, "--format", "json").out)
    assert {Path(row["path"]).name for row in remembered} == bad
    assert all(row["reason"] for row in remembered)

    again = run("index", "add", folder, "--library", library)
    assert "analysed" not in again.err
    assert again.err.count("failed before") == len(bad)
    media_samples.sound(folder / "empty.mp3", chords((0, 3, 7), 0.5, 3, 1), SR_HZ)
    mended = run("index", "update", "--library", library)
    assert "1 analysed" in mended.err
    assert run("index", "verify", "--library", library).code == 0
    assert run("--video", clip_folder / "calm.mp4", "--library", library).code == 0


def test_silence_gets_an_honest_neutral_answer_not_a_crash(run, mixed, tmp_path):
    folder, _, _ = mixed
    run("index", "add", folder / "silence.wav", "--library", tmp_path / "l", "--workers", 1)
    (row,) = json.loads(run("index", "list", "--library", tmp_path / "l", "--format", "json").out)
    assert row["bpm"] is None
    assert row["key"] is None
    assert -1 <= row["arousal"] < 0


def test_a_folder_without_music(run, tmp_path, clip_folder):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("no music")
    one_line(run("--video", clip_folder / "calm.mp4", "--music", tmp_path / "texts"), "texts", "no usable music")
    one_line(run("--video", clip_folder / "calm.mp4", "--music", tmp_path / "nowhere"), "nowhere", code=2)
    added = run("index", "add", tmp_path / "texts", "--library", tmp_path / "l")
    assert "texts" in one_line(added, "no music")


def test_an_unknown_library_says_which_exist_and_how_to_make_one(run, indexed, clip_folder):
    line = one_line(run("--video", clip_folder / "calm.mp4", "--library", "nosuch"), "nosuch", "recommend index add")
    assert indexed in line


def test_names_with_spaces_newlines_and_bytes_that_are_not_utf8(home, tmp_path, clip_folder):
    folder = tmp_path / "m"
    folder.mkdir()
    names = [b"with space.wav", b"new\nline.wav", b"caf\xe9 \xff.wav", b"--help.wav", b"$(touch oops).wav", b"%d.wav"]
    y = chords((0, 4, 7), 0.5, 3, 0)
    for i, name in enumerate(names):
        media_samples.sound(folder / "x.wav", y * (0.5 + 0.1 * i), SR_HZ).rename(folder / os.fsdecode(name))
    clip = shutil.copy(clip_folder / "calm.mp4", tmp_path / os.fsdecode(b"clip \xff\n.mp4"))
    library = tmp_path / "l"
    assert recommend_apart("index", "add", folder, "--library", library).code == 0
    rows = json.loads(recommend_apart("index", "list", "--library", library, "--format", "json").out)
    assert sorted(os.fsencode(Path(row["path"]).name) for row in rows) == sorted(names)
    for shape in ("table", "csv", "json"):
        ran = recommend_apart("--video", clip, "--library", library, "--format", shape)
        assert ran.code == 0, ran.err
    assert {os.fsencode(Path(row["path"]).name) for row in json.loads(ran.out)} == set(names)
    assert recommend_apart("index", "verify", "--library", library).code == 0
    assert not (tmp_path / "oops").exists()


def powerless(*args: object) -> Ran:
    """`recommend ARGS` bound by file permissions even where the tests run as root."""
    command = [sys.executable, str(ROOT / "cli.py"), *map(str, args)]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("runs as root and has no setpriv to give up root's file rights")
        command = [setpriv, "--bounding-set=-dac_override,-dac_read_search", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return Ran(done.returncode, done.stdout, done.stderr)


def test_an_unreadable_file(home, indexed, tmp_path, clip_folder, music_folder):
    clip = Path(shutil.copy(clip_folder / "calm.mp4", tmp_path / "secret.mp4"))
    clip.chmod(0)
    one_line(powerless("--video", clip, "--library", indexed), "secret.mp4", "permission")
    folder = shutil.copytree(music_folder, tmp_path / "m")
    (folder / "slow minor.wav").chmod(0)
    ran = powerless("index", "add", folder, "--library", tmp_path / "l")
    assert ran.code == 0
    assert "slow minor.wav" in ran.err
    assert "3 analysed" in ran.err


def test_a_read_only_library_answers_and_refuses_to_change(home, tmp_path, music_folder, clip_folder):
    library = tmp_path / "l"
    assert recommend_apart("index", "add", music_folder, "--library", library).code == 0
    for path in [library, *library.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        ran = powerless("--video", clip_folder / "calm.mp4", "--library", library, "--format", "json")
        assert len(json.loads(ran.out)) == 4
        one_line(powerless("index", "remove", music_folder, "--library", library), str(library))
        assert powerless("index", "verify", "--library", library).out == "whole\n"
    finally:
        for path in [library, *library.rglob("*")]:
            path.chmod(0o755)


def test_a_read_only_music_folder_is_no_obstacle(home, tmp_path, music_folder, clip_folder):
    folder = shutil.copytree(music_folder, tmp_path / "m")
    for path in folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    folder.chmod(0o555)
    ran = powerless("--video", clip_folder / "calm.mp4", "--music", folder, "--top", 1)
    folder.chmod(0o755)
    assert ran.code == 0
    assert "4 analysed" in ran.err


@pytest.fixture
def tiny_disk(tmp_path: Path):
    """A folder on a file system of its own with 400 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a small tmpfs here: " + mounted.stderr.decode().strip())
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for _ in iter(int, 1):
            file.write(b"x" * 4096)


def test_a_full_disk_is_one_line_and_what_was_done_stays(home, tiny_disk, tmp_path, music_folder, clip_folder):
    library = tiny_disk / "l"
    assert recommend_apart("index", "add", music_folder / "slow minor.wav", "--library", library).code == 0
    filler = tiny_disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        fill(filler)
    ran = recommend_apart("index", "add", music_folder, "--library", library)
    one_line(ran, "disk is full", str(library))
    filler.unlink()
    assert recommend_apart("index", "verify", "--library", library).code == 0
    rows = json.loads(recommend_apart("index", "list", "--library", library, "--format", "json").out)
    assert [Path(row["path"]).name for row in rows] == ["slow minor.wav"]
    assert recommend_apart("index", "add", music_folder, "--library", library).code == 0
    ran = recommend_apart("--video", clip_folder / "calm.mp4", "--library", library, "--format", "json")
    assert len(json.loads(ran.out)) == 4


def test_output_to_a_closed_pipe_or_a_full_disk_is_no_traceback(home, indexed, clip_folder):
    command = f"'{sys.executable}' '{ROOT / 'cli.py'}' --video '{clip_folder}' --library {indexed}"
    closed = subprocess.run(["bash", "-c", f"{command} | true"], capture_output=True, text=True, check=False)
    assert "Traceback" not in closed.stderr
    full = subprocess.run(["bash", "-c", f"{command} > /dev/full"], capture_output=True, text=True, check=False)
    assert full.returncode == 1
    assert "Traceback" not in full.stderr
    assert "No space left" in full.stderr
