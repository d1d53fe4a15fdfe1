"""Conditions on the command line: what they leave, how they are refused, what is said when nothing is left."""

import json
import shutil

import pytest


@pytest.fixture
def ask(run, indexed, clip_folder):
    """`ask("--bpm", "90-")`: the titles recommended under conditions."""

    def titles(*conditions):
        ran = run("--video", clip_folder / "calm.mp4", "--library", indexed, "--format", "json", *conditions)
        assert ran.code == 0, ran.err
        return {row["path"].rsplit("/", 1)[1]: row for row in json.loads(ran.out)}

    return titles


def test_each_condition_leaves_what_meets_it(ask, music_folder, tmp_path):
    every = ask()
    assert len(every) == 4
    inner = music_folder / "odd name, with spaces"
    assert set(ask("--folder", inner)) == {"fast dissonant.ogg"}
    assert set(ask("--exclude", inner, "--exclude", music_folder / "slow minor.wav")) == {
        "slow major.flac",
        "fast major.mp3",
    }
    assert set(ask("--duration", "0:20-")) == {n for n, row in every.items() if row["duration_s"] >= 20}
    assert set(ask("--duration", "-20")) == {n for n, row in every.items() if row["duration_s"] <= 20}
    key = every["slow major.flac"]["key"]
    assert set(ask("--key", key)) == {n for n, row in every.items() if row["key"] == key}
    (tmp_path / "mine.txt").write_text(f"{music_folder / 'slow minor.wav'}\nnot there.mp3\n")
    assert set(ask("--only", tmp_path / "mine.txt")) == {"slow minor.wav"}
    assert set(ask("--bpm", "1-999")) == {n for n, row in every.items() if row["bpm"] is not None}
    fast = max(row["bpm"] or 0 for row in every.values())
    double = set(ask("--bpm", f"{2 * fast}", "--half-double"))
    assert double == {n for n, row in every.items() if row["bpm"] in (fast, 2 * fast, 4 * fast)}
    assert set(ask("--per-artist", "1")) == set(every)  # none has an artist


def test_nothing_left_is_one_line_with_what_each_condition_leaves(run, indexed, clip_folder, music_folder):
    ran = run("--video", clip_folder / "calm.mp4", "--library", indexed, "--duration", "20-", "--folder", "/nowhere")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "error: no track meets all conditions; of 4 tracks, --duration 20- s leaves 2, --folder /nowhere leaves 0\n"
    )


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--bpm", ""], "--bpm : give a range"),
        (["--bpm", "fast"], "--bpm fast: give a range such as 90-130"),
        (["--half-double"], "--half-double says how --bpm is meant: give a range of tempi, as --bpm 90-130"),
        (["--key", "X"], "--key X: no key"),
        (["--duration", "4:00-2:00"], "the range ends below its start"),
        (["--only", "/nowhere.txt"], "cannot read the list of files /nowhere.txt"),
    ],
)
def test_wrong_conditions_are_refused_before_anything_is_done(run, clip_folder, args, complaint):
    ran = run("--video", clip_folder / "calm.mp4", *args)
    assert ran.code == 2
    assert complaint in ran.err
    assert ran.err.count("\n") == 1


def test_the_reverse_is_filtered_too(run, music_folder, clip_folder, tmp_path):
    shutil.copytree(clip_folder, tmp_path / "clips")
    run("index", "add", tmp_path / "clips", "--kind", "clips", "--library", tmp_path / "l")
    song = music_folder / "slow major.flac"
    ran = run(
        "--track", song, "--library", tmp_path / "l", "--exclude", tmp_path / "clips" / "calm.mp4", "--format", "json"
    )
    assert sorted(row["title"] for row in json.loads(ran.out)) == ["picture", "wild"]


def test_a_list_is_read_however_it_was_written(ask, music_folder, tmp_path):
    two = {"slow minor.wav", "fast dissonant.ogg"}
    for name, encoding in (("a.txt", "utf-8-sig"), ("b.txt", "utf-16"), ("c.m3u8", "utf-8")):
        lines = [
            "#EXTM3U",
            f"{music_folder}\\slow minor.wav",
            f'"{music_folder}/odd name, with spaces/fast dissonant.ogg"',
        ]
        (tmp_path / name).write_bytes("\r\n".join(lines).encode(encoding))
        assert set(ask("--only", tmp_path / name)) == two
        assert set(ask("--exclude", tmp_path / name)) == {"slow major.flac", "fast major.mp3"}
    (tmp_path / "uri.txt").write_text((music_folder / "slow minor.wav").as_uri())
    assert set(ask("--only", tmp_path / "uri.txt")) == {"slow minor.wav"}
    assert len(ask("--exclude", tmp_path / "uri.txt")) == 3
    assert len(ask("--exclude", (music_folder / "slow minor.wav").as_uri())) == 3


@pytest.mark.parametrize("wrong", ["SLOW MINOR.WAV", "Christmas", "slow minor.wav/x", "slow"])
def test_what_is_to_be_left_out_and_names_nothing_ends_the_run(
    run, indexed, clip_folder, music_folder, tmp_path, wrong
):
    asked = ("--video", clip_folder / "calm.mp4", "--library", indexed)
    told = f"1 entry names nothing in this library: {music_folder / wrong}; correct what is meant, or leave it out\n"
    ran = run(*asked, "--exclude", music_folder / wrong, "--exclude", music_folder / "fast major.mp3")
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: --exclude: {told}")
    (tmp_path / "mine.m3u").write_text(f"{music_folder / 'fast major.mp3'}\n{music_folder / wrong}\n")
    ran = run(*asked, "--exclude", tmp_path / "mine.m3u")
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: --exclude: {told}")


def test_charsets_of_tags_are_checked_and_belong_to_music(run, clip_folder, music_folder):
    ran = run("--video", clip_folder / "calm.mp4", "--music", music_folder, "--tag-charset", "cp12510")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: --tag-charset cp12510: no charset that is known; such as cp1251")
    ran = run("--video", clip_folder / "calm.mp4", "--tag-charset", "cp1251")
    assert (ran.code, ran.err) == (
        2,
        "error: --tag-charset says how the tags of --music are read: give a folder by --music\n",
    )
