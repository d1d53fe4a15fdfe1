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
        (("--weights", "key=2"), "key 2: give a number from 0 to 1"),
        (("--lock", "Song.mp3"), "such as --lock 3=Song.mp3"),
        (("--lock", "1=/none.mp3"), "scene 1: /none.mp3 is not in this library"),
        (("--lock", "1=1", "--silence", "1"), "scene 1 is to be silent, and to have music"),
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


def test_a_locked_track_needs_be_no_candidate_and_meet_no_condition(ask, indexed):
    every = json.loads(ask("--scenes", 1, "--format", "json", "--alternatives", 30).out)["cues"][0]
    tracks = [every["path"], *(one["path"] for one in every["alternatives"])]
    for wanted in tracks[:4]:
        locked = ("--scenes", 1, "--candidates", 1, "--exclude", wanted, "--lock", f"1={wanted}", "--format", "json")
        cue = json.loads(ask(*locked).out)["cues"][0]
        assert cue["path"] == wanted
        assert cue["why"].startswith("chosen by hand; ")


def test_a_film_given_as_its_own_cuts_is_refused_in_a_short_line(ask, film):
    ran = ask("--cuts", film)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "is no list of cuts" in ran.err
    assert len(ran.err) < 300


def test_a_folder_is_no_cue_sheet(ask, tmp_path):
    (tmp_path / "cues.csv").mkdir()
    ran = ask("--cue-sheet", tmp_path / "cues.csv", "--overwrite")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "is a folder: name a file for the cue sheet, as " in ran.err


def test_a_scene_that_is_not_there_is_told(ask):
    ran = ask("--silence", "9")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "there is no scene 9" in ran.err


def test_a_cue_begins_where_the_table_says(ask, tmp_path):
    """`begins` keeps the track of its row, too; it goes out again as it came, and all else stays."""
    rows = list(csv.DictReader(io.StringIO(ask("--scenes", 2, "--format", "csv").out)))
    assert [(row["music"], row["begins"]) for row in rows] == [("yes", ""), ("yes", "")]
    rows[1]["begins"] = "0:02.5"
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    (tmp_path / "scenes.csv").write_text(text.getvalue())
    made = ask("--cuts", tmp_path / "scenes.csv", "--format", "csv")
    again = list(csv.DictReader(io.StringIO(made.out)))
    assert [row["path"] for row in again] == [row["path"] for row in rows]
    assert [(row["music"], row["begins"], row["in_s"]) for row in again] == [
        ("yes", "", rows[0]["in_s"]),
        ("kept", "00:00:02.500", "2.5"),
    ]
    told = json.loads(
        ask("--cuts", tmp_path / "scenes.csv", "--recut", "--export", "edl", "--out", tmp_path, "--format", "json").out
    )
    placed = told["cues"][1]["placement"]
    assert placed["pieces"][0]["start_s"] == pytest.approx(2.5)
    assert "* EXACT IN: 2.500000 S" in (tmp_path / "two.edl").read_text()
    refused = ask("--cuts", tmp_path / "scenes.csv", "--silence", "2")
    assert "scene 2 is to be silent, and to have music" in refused.err
    other = next(row["path"] for row in rows if row["path"] != rows[1]["path"])
    locked = ask("--cuts", tmp_path / "scenes.csv", "--lock", f"2={other}", "--repeats", "--format", "csv")
    assert [row["begins"] for row in csv.DictReader(io.StringIO(locked.out))] == ["", ""]
