"""`recommend export CLIP TRACK` and `recommend --video ... --export`, as a user runs them."""

import json
from fractions import Fraction

import pytest

from recommender.media.footage import footage
from recommender.timelines import TIMELINES
from timeline_samples import film, found_in, heard, noise

ALL = ",".join(TIMELINES)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A clip of two seconds at 25 frames per second, and noise."""
    folder = tmp_path_factory.mktemp("export")
    return film(folder / "clip one.mov", Fraction(25), 50, "01:00:00:00"), noise(folder / "song.wav", 4.0)


def test_a_clip_and_a_track_are_taken_home(run, bench, tmp_path):
    clip, track = bench
    ran = run("export", clip, track, "--in", "1.0", "--export", ALL, "--out", tmp_path / "cut")
    assert ran.code == 0, ran.err
    files = [tmp_path / "cut" / f"clip one{one.suffix}" for one in TIMELINES.values()]
    stem = tmp_path / "cut" / "clip one.wav"
    assert ran.out.splitlines() == [str(path) for path in (*files, stem)]
    assert {path.name for path in (tmp_path / "cut").iterdir()} == {path.name for path in (*files, stem)}
    for one in TIMELINES.values():
        assert f"loses: {one.loses or 'nothing'}" in ran.err
    place_s, _ = found_in(heard(track), heard(stem), 0.5)
    assert place_s == pytest.approx(1.5, abs=1 / 48_000)
    assert abs(len(heard(stem)) - 2 * 48_000) <= 1


def test_what_is_there_is_kept(run, bench, tmp_path):
    clip, track = bench
    asked = ("export", clip, track, "--export", "csv", "--out", tmp_path, "--no-marks")
    (tmp_path / "clip one.wav").write_text("mine")
    ran = run(*asked)
    assert (ran.code, ran.out) == (2, "")
    assert "clip one.wav is there already; give --overwrite or another folder" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["clip one.wav"]
    assert run(*asked, "--overwrite").code == 0
    assert (tmp_path / "clip one.wav").read_bytes()[:4] == b"RIFF"


def test_errors_are_a_line_each_and_write_nothing(run, bench, clip_folder, tmp_path):
    clip, track = bench
    for asked, told in (
        ((clip, track, "--export", "aaf"), "unknown timeline 'aaf'; known: otio, fcpxml, xmeml"),
        ((clip_folder / "picture.png", track, "--export", "otio", "--no-marks"), "single picture"),
        ((clip, track, "--export", "otio", "--in", "soon"), "no time"),
    ):
        ran = run("export", *asked, "--out", tmp_path / "none")
        assert ran.code == 2
        assert told in ran.err
        assert ran.err.count("error: ") == 1
    assert not (tmp_path / "none").exists()


def test_the_best_tracks_of_an_answer_are_taken_home(run, indexed, bench, tmp_path):
    clip, _ = bench
    asked = ("--video", clip, "--library", indexed, "--format", "json", "--export", "otio,csv")
    ran = run(*asked, "--alternatives", "1", "--out", tmp_path)
    assert ran.code == 0, ran.err
    best, second, third, *_ = json.loads(ran.out)
    assert "placement" in best
    assert "placement" in second
    assert "placement" not in third
    rate = footage(clip).rate
    piece = best["placement"]["pieces"][0]
    in_s = piece["start_s"] if isinstance(piece, dict) else piece[0]
    assert abs(in_s * rate - round(in_s * rate)) < 1e-3  # free music slides to a frame
    tracks = json.loads((tmp_path / "clip one.otio").read_text(encoding="utf-8"))["tracks"]["children"]
    assert [track["enabled"] for track in tracks if "lternative" in track["name"]] == [False]
    (music,) = (track for track in tracks if track["name"] == "Music")
    assert music["children"][0]["name"] == best["title"]
    assert (tmp_path / "clip one.wav").is_file()
    assert run(*asked).code == 2  # --out is missing


def test_export_needs_a_clip(run, indexed, music_folder, tmp_path):
    track = music_folder / "slow minor.wav"
    ran = run("--like", track, "--library", indexed, "--export", "otio", "--out", tmp_path)
    assert ran.code == 2
    assert "--export shows a clip: give one by --video" in ran.err
