"""`--fit`, as users type it."""

import json

import pytest

from recommender.console import name_the_whole
from recommender.editing.placement import Fit, Joint, Stretch
from recommender.outputs.table import fit_lines


@pytest.mark.parametrize(
    ("args", "read"),
    [
        (["--fit"], ["--fit", "clip"]),
        (["--fit", "30"], ["--fit", "30"]),
        (["--fit", "1:30", "--top", "3"], ["--fit", "1:30", "--top", "3"]),
        (["--fit", "--top", "3"], ["--fit", "clip", "--top", "3"]),
        (["preview", "--fit", "a.mp4", "b.mp3"], ["preview", "--fit", "clip", "a.mp4", "b.mp3"]),
        (["--fit", "clip"], ["--fit", "clip"]),
        (["preview", "--fit", "4 rooms.mp4", "b.mp3"], ["preview", "--fit", "clip", "4 rooms.mp4", "b.mp3"]),
        (["--fit=30", "x"], ["--fit=30", "x"]),
        (["--", "--fit"], ["--", "--fit"]),
    ],
)
def test_alone_it_means_the_whole_clip(args, read):
    assert name_the_whole(args) == read


def test_each_track_is_fitted_or_says_why_not(run, indexed, clip_folder):
    asked = ("--video", clip_folder / "calm.mp4", "--library", indexed, "--top", 3, "--format", "json")
    plain, ran = json.loads(run(*asked).out), run(*asked, "--fit")
    assert ran.code == 0, ran.err
    rows = json.loads(ran.out)
    fits = [row.pop("fit") for row in rows]
    assert rows == plain
    made = [fit for fit in fits if "pieces" in fit]
    assert made
    assert all(isinstance(fit["refused"], str) for fit in fits if fit not in made)
    for fit in made:
        assert sum(piece["end_s"] - piece["start_s"] for piece in fit["pieces"]) == pytest.approx(2, abs=1e-4)
        assert set(fit) == {"pieces", "joints", "cost", "error_s", "fade_in_s", "fade_out_s", "peak_s"}


def test_a_fitted_preview_plays_the_pieces(run, indexed, clip_folder, tmp_path):
    asked = ("--video", clip_folder / "calm.mp4", "--library", indexed, "--format", "json", "--fit", "1.5")
    ran = run(*asked, "--top", 3, "--preview", 3, "--out", tmp_path)
    assert ran.code == 0, ran.err
    rows = [row for row in json.loads(ran.out) if "pieces" in row["fit"]]
    assert rows, ran.out
    for row in rows:
        assert row["placement"]["pieces"] == row["fit"]["pieces"]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--video", "clip.mp4", "--hit", 3), "add --fit"),
        (("--video", "clip.mp4", "--ending", "real"), "add --fit"),
        (("--track", "song.mp3", "--fit"), "--fit cuts music for a clip: give one by --video"),
    ],
)
def test_options_that_do_not_go_together_are_refused(run, options, line):
    ran = run(*options)
    assert ran.code == 2
    assert line in ran.err


def test_more_music_than_clip_is_refused(run, indexed, clip_folder):
    ran = run("--video", clip_folder / "calm.mp4", "--library", indexed, "--fit", 30)
    assert ran.code == 2
    assert "30 s of music do not fit under a clip of 2.0 s" in ran.err


def test_the_table_says_what_is_played():
    made = Fit((Stretch(60, 70), Stretch(90, 110)), (Joint(10, 70, 90, 0.12, 0.9, 1.0),), 0.02, 0.5, 0.0)

    class Row:
        fit, unfit = made, None

    assert fit_lines(Row) == ["fitted: 1:00-1:10, then 1:30-1:50 (cuts cost 0.12 of a random jump)"]
    Row.fit, Row.unfit = None, "it has no beats to cut on"
    assert fit_lines(Row) == ["not fitted: it has no beats to cut on"]
