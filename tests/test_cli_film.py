"""`recommend film`: a score from the command line, its options, and what is refused before anything is read."""

import csv
import io
import json

import numpy as np
import pytest

import media_samples
from recommender import Recommender


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Three seconds of a green board, three of blue stripes."""
    path = tmp_path_factory.mktemp("films") / "two.mp4"
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    board = np.where(((x // 8 + y // 8) % 2)[..., None], (30, 160, 60), (220, 240, 210)).astype(np.uint8)
    stripes = np.where((x // 4 % 2)[..., None], (20, 30, 140), (10, 10, 30)).astype(np.uint8)
    return media_samples.clip(path, [board] * 30 + [stripes] * 30, fps=10)


@pytest.fixture
def ask(run, indexed, film):
    """`ask("--scenes", 2)`: what the command gives for the film."""
    return lambda *words: run("film", film, "--library", indexed, "--shortest", 1, *words)


def test_a_score_is_told_with_scenes_and_cues(ask, tmp_path):
    ran = ask("--scenes", 2, "--silence", "2", "--format", "json", "--frames", tmp_path / "pictures")
    assert ran.code == 0
    told = json.loads(ran.out)
    assert [scene["timecode_in"] for scene in told["scenes"]] == ["00:00:00:00", "00:00:03:00"]
    assert [scene["picture"] for scene in told["scenes"]] == [
        str(tmp_path / "pictures" / f"scene 0{number}.jpg") for number in (1, 2)
    ]
    first, second = told["cues"]
    assert first["path"]
    assert first["reasons"]
    assert len(first["alternatives"]) == 3
    assert (second["path"], second["number"], second["feeling"]) == (None, 2, told["scenes"][1]["feeling"])
    assert "silence" in second["why"]


def test_scenes_that_no_track_is_left_for_are_told_with_what_to_do(ask, monkeypatch):
    whole, kept = Recommender.recommend, []

    def the_same_one(self, query, **asked):
        kept[:] = kept or whole(self, query, **asked)[:1]
        return kept

    monkeypatch.setattr(Recommender, "recommend", the_same_one)
    assert "1 scene has no music, no track is left: --repeats" in ask("--scenes", 2).err
    assert "no track is left" not in ask("--scenes", 2, "--repeats").err


def test_the_table_is_edited_and_read_back_with_a_cue_sheet_and_timelines(ask, tmp_path):
    rows = list(csv.DictReader(io.StringIO(ask("--scenes", 2, "--format", "csv").out)))
    rows[1] |= {"start": "00:00:02:00", "label": "Stripes"}
    text = "start,label\n" + "".join(f"{row['start']},{row['label']}\n" for row in rows)
    (tmp_path / "cuts.csv").write_text(text)
    made = ("--cue-sheet", tmp_path / "cues.csv", "--export", "edl", "--out", tmp_path / "out")
    ran = ask("--cuts", tmp_path / "cuts.csv", "--theme", "1,2", *made)
    assert ran.code == 0
    assert "00:00:02:00 - 00:00:06:00  (0:04) · Stripes" in ran.out
    assert ran.out.count("theme A") >= 2
    assert "Stripes" in (tmp_path / "cues.csv").read_text()
    assert (tmp_path / "out" / "two.edl").read_text().startswith("TITLE: two")
    refused = ask(*made)
    assert (refused.code, refused.out) == (2, "")
    assert "is there already" in refused.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--silence", "two"), "give the numbers of scenes, such as --silence 3,7"),
        (("--weights", "loud=1"), "the weights are key, tempo, artist, short, slack"),
        (("--lock", "Song.mp3"), "such as --lock 3=Song.mp3"),
        (("--theme", "1"), "two or more scenes"),
        (("--preview",), "--preview makes files: say in which folder by --out"),
        (("--export", "otio"), "--export makes files: say in which folder by --out"),
        (("--cue-sheet", "cues.pdf"), "a cue sheet ends in .csv or .html"),
        (("--longest", "1"), "leaves no choice of cuts"),
        (("--cuts", "none.csv"), "cannot read the cuts none.csv"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_film_is_read(ask, words, said, monkeypatch):
    monkeypatch.setattr("recommender.extractors.video.parts.read", lambda *_: pytest.fail("it was read"))
    ran = ask(*words)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err


def test_a_scene_that_is_not_there_is_told(ask):
    ran = ask("--silence", "9")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "there is no scene 9" in ran.err
