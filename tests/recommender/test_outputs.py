"""Outputs: stable records, JSON, CSV, the table, listings."""

import csv
import dataclasses
import io
import json
import os
from collections.abc import Iterable, Iterator

import pytest

from recommender import outputs
from recommender.errors import InputError
from recommender.outputs import listing, records
from recommender.outputs.listing import Listing
from recommender.outputs.records import Answer, verdict
from recommender.outputs.table import clock, remarks, tempo
from recommender.types import Affect, AffectPair, Loss, Reason, Recommendation, Track

ODD = os.fsdecode(b"/m/odd \xff\nname.mp3")


def recommendation(path: str = "/m/a.mp3", rank: int = 1) -> Recommendation:
    track = Track(1, path, "music", "A", None, 61.0004, 120.04, "A minor", None, ("/m/copy.mp3",))
    pair = AffectPair(Affect(0.1, -0.5, 0.4, 0.4), Affect(0.5, -0.5, 0.2, 0.2))
    why = Reason("onset_rate", 1.23456789, 2.0, "1/s", 0.0512345678, "onset rate: 1.23 1/s, below", "sparse rhythm")
    against = Reason("mode_major", -0.2, 0.1, "correlation", -0.02, "major character: -0.2, below", "minor")
    return Recommendation(track, 0.91234567, rank, 5.0, 17.25, pair, (why, against))


def as_text(name: str, answers: Iterable[Answer]) -> str:
    """What the output called `name` writes."""
    sink = io.StringIO()
    outputs.get(name).write(answers, sink)
    return sink.getvalue()


def test_one_answer_is_a_json_array_with_units_in_its_keys():
    (row,) = json.loads(as_text("json", [Answer("clip.mp4", [recommendation()])]))
    assert row["score"] == 0.912346
    assert (row["bpm_alternative"], row["bpm_confidence"], row["key_confidence"]) == (None, None, None)
    assert (row["in_s"], row["out_s"], row["duration_s"], row["bpm"]) == (5.0, 17.25, 61.0, 120.0)
    assert row["query_affect"]["mood"] == "calm"
    assert row["section_affect"]["emotion"] == "relaxing"
    assert sum(row["section_affect"]["emotions"].values()) == pytest.approx(1, abs=1e-3)
    assert row["reasons"][0] == {
        "feature": "onset_rate",
        "value": 1.23457,
        "median": 2.0,
        "unit": "1/s",
        "change": 0.051235,
        "text": "onset rate: 1.23 1/s, below",
        "words": "sparse rhythm",
    }
    assert row["copies"] == ["/m/copy.mp3"]


def test_nothing_found_is_an_empty_array():
    assert json.loads(as_text("json", [Answer("clip.mp4")])) == []


def test_several_answers_are_json_lines_and_an_error_takes_its_line():
    text = as_text("json", [Answer("a.mp4", [recommendation()]), Answer("b.mp4", error="cannot read")])
    first, second = [json.loads(line) for line in text.splitlines()]
    assert (first["query"], first["error"], len(first["recommendations"])) == ("a.mp4", None, 1)
    assert second == {"query": "b.mp4", "error": "cannot read", "recommendations": []}


def test_a_name_that_is_not_utf8_survives_json_and_stays_on_one_line():
    text = as_text("json", [Answer("c", [recommendation(ODD)])])
    assert json.loads(text)[0]["path"] == ODD
    assert text.isascii()
    table = as_text("table", [Answer("c", [recommendation(ODD)])])
    assert "odd" in table
    assert "\nname.mp3" not in table


def test_csv_has_one_row_per_recommendation_and_parses_back():
    answers = [Answer("a", [recommendation("/m/a, b.mp3"), recommendation(ODD, 2)]), Answer("b", error="no")]
    rows = list(csv.DictReader(io.StringIO(as_text("csv", answers))))
    assert [r["path"] for r in rows] == ["/m/a, b.mp3", ODD, ""]
    assert rows[0]["section_mood"] == "peaceful and warm"
    assert [rows[0][f"reason_{i}"] for i in (1, 2, 3)] == ["fits: sparse rhythm", "against: minor", ""]
    assert rows[2]["error"] == "no"
    (row,) = csv.DictReader(io.StringIO(as_text("csv", [Answer("a", [recommendation()], figures=True)])))
    assert row["reason_1"] == "onset rate: 1.23 1/s, below"


def test_the_table_shows_affect_section_and_reasons():
    answer = Answer("clip.mp4", [recommendation()], None, Affect(0.1, -0.5, 0.4, 0.4), 12.0)
    text = as_text("table", [answer])
    assert "clip.mp4  (0:12)" in text
    assert "feels calm, most like 'relaxing': valence +0.10 ± 0.40, arousal -0.50 ± 0.40" in text
    assert "0.912  0:05-0:17  120  A minor  peaceful and warm (+0.50 -0.50)" in text
    assert text.endswith("  A  [/m/a.mp3]\n     fits: sparse rhythm · against: minor\n")
    assert "onset rate" not in text


@pytest.mark.parametrize(
    ("bpm", "alternative", "confidence", "shown"),
    [
        (None, None, None, "  -"),
        (92.04, None, 0.4, " 92"),
        (92.04, 184.1, 0.69, " 92 (184)"),
        (92.04, 184.1, 0.7, " 92"),
        (184.1, 61.4, 0.2, "184 (61)"),
    ],
)
def test_a_tempo_in_doubt_is_shown_with_the_next_likely(bpm, alternative, confidence, shown):
    track = Track(1, "/m/a.mp3", "music", "A", bpm=bpm, bpm_alternative=alternative, bpm_confidence=confidence)
    assert tempo(track) == shown


def test_records_say_how_sure_tempo_and_key_are():
    told = {"bpm_alternative": 60.04, "bpm_confidence": 0.51, "key_confidence": 0.9}
    one = dataclasses.replace(recommendation(), track=dataclasses.replace(recommendation().track, **told))
    (row,) = json.loads(as_text("json", [Answer("clip.mp4", [one])]))
    listed = records.track_record(one.track)
    (spread,) = csv.DictReader(io.StringIO(as_text("csv", [Answer("clip.mp4", [one])])))
    for name, value in {**told, "bpm_alternative": 60.0, "bpm": 120.0, "key": "A minor"}.items():
        assert (row[name], listed[name], spread[name]) == (value, value, str(value))


def test_the_figures_come_on_request_below_the_words():
    text = as_text("table", [Answer("clip.mp4", [recommendation()], figures=True)])
    below = text.splitlines()[-3:]
    assert below == [
        "     fits: sparse rhythm · against: minor",
        "     · onset rate: 1.23 1/s, below",
        "     · major character: -0.2, below",
    ]


def test_a_side_without_reasons_is_not_named():
    fits, against = recommendation().reasons
    assert verdict([fits, fits]) == "fits: sparse rhythm, sparse rhythm"
    assert verdict([against]) == "against: minor"
    assert verdict([]) == ""
    bare = dataclasses.replace(recommendation(), reasons=())
    assert as_text("table", [Answer("clip.mp4", [bare])]).endswith("A  [/m/a.mp3]\n")


def test_other_files_of_the_same_recording_are_named():
    one = recommendation()
    several = Recommendation(
        **{**vars(one), "track": Track(**{**vars(one.track), "versions": ("/m/b.ogg", "/m/c.m4a")})}
    )
    text = as_text("table", [Answer("clip.mp4", [several])])
    assert "also here as: /m/b.ogg (and 1 more; --versions lists them)\n" in text
    text = as_text("table", [Answer("clip.mp4", [several], versions=True)])
    assert "also here as: /m/b.ogg\n" in text
    assert "also here as: /m/c.m4a\n" in text
    assert "also here as" not in as_text("table", [Answer("clip.mp4", [one])])
    (row,) = json.loads(as_text("json", [Answer("clip.mp4", [several])]))
    assert row["versions"] == ["/m/b.ogg", "/m/c.m4a"]


def test_paths_below_the_current_folder_are_shown_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = as_text("table", [Answer(str(tmp_path / "c.mp4"), [recommendation(str(tmp_path / "m" / "a.mp3"))])])
    assert text.startswith("c.mp4\n")
    assert "A  [m/a.mp3]" in text
    assert "A  [/m/a.mp3]" in as_text("table", [Answer("c.mp4", [recommendation("/m/a.mp3")])])


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (65, "1:05"), (3661, "1:01:01")])
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize("name", outputs.OUTPUTS)
def test_answers_are_written_as_they_come(name):
    """A long batch streams: what is asked for later is computed after what came before is written."""
    sink, lengths = io.StringIO(), []

    def coming() -> Iterator[Answer]:
        for query in "abc":
            lengths.append(len(sink.getvalue()))
            yield Answer(query, [recommendation()], several=True)

    outputs.get(name).write(coming(), sink)
    assert 0 == lengths[0] < lengths[1] < lengths[2] < len(sink.getvalue())


@pytest.mark.parametrize("name", outputs.OUTPUTS)
def test_nothing_is_written_where_the_first_answer_fails(name):
    def failing() -> Iterator[Answer]:
        raise InputError("no")
        yield

    sink = io.StringIO()
    with pytest.raises(InputError):
        outputs.get(name).write(failing(), sink)
    assert sink.getvalue() == ""


def test_one_of_several_is_a_line_though_it_came_alone():
    (line,) = as_text("json", [Answer("a.mp4", [recommendation()], several=True)]).splitlines()
    assert json.loads(line)["query"] == "a.mp4"


def test_an_answer_without_tracks_leaves_a_header_in_csv():
    assert as_text("csv", []).startswith("query,rank,")


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    def breaking() -> Iterator[Answer]:
        yield Answer("a", [recommendation(ODD)])
        raise InputError("no")

    path = tmp_path / "new" / "answers.csv"
    with pytest.raises(InputError):
        outputs.write(outputs.get("csv"), breaking(), path)
    assert list(tmp_path.rglob("*.*")) == []
    outputs.write(outputs.get("csv"), [Answer("a", [recommendation(ODD)])], path)
    assert path.read_bytes() == as_text("csv", [Answer("a", [recommendation(ODD)])]).encode(errors="surrogateescape")


def test_an_unknown_format_lists_the_known_ones():
    with pytest.raises(InputError, match="unknown format 'xml'; known: table, json, csv"):
        outputs.get("xml")


def test_listings():
    track = Track(1, ODD, "music", "A", None, 61.0, None, None, Affect(0.5, -0.5, 0.2, 0.2))
    rows = [records.track_record(track)]
    listed = Listing(rows, rows, records.TRACK_COLUMNS)
    (read,) = json.loads(listing.FORMATS["json"](listed))
    assert read["path"] == ODD
    assert (read["genre"], read["licence"]) == (None, None)
    assert read["mood"] == "peaceful and warm"
    assert listing.FORMATS["csv"](listed).startswith("path,title,artist,duration_s")
    assert len(listing.FORMATS["table"](listed).splitlines()) == 2
    nothing = Listing([], [], records.TRACK_COLUMNS)
    assert listing.FORMATS["json"](nothing) == "[]\n"
    assert listing.FORMATS["table"](nothing) == "nothing to list\n"


def test_facts_are_leaves_with_their_names():
    listed = listing.facts({"a": {"b": ["x", "y, z"], "path": ODD}, "none": None})
    assert listing.FORMATS["table"](listed) == "a b     x, y, z\na path  /m/odd \\xff\\nname.mp3\nnone    None\n"
    rows = list(csv.reader(io.StringIO(listing.FORMATS["csv"](listed))))
    assert rows == [["name", "value"], ["a b", "x, y, z"], ["a path", ODD], ["none", ""]]


def test_what_is_lost_of_a_clip_and_of_a_track_is_told():
    lost = dataclasses.replace(recommendation(), loss=Loss(12, 24, 3))
    lost = dataclasses.replace(lost, track=dataclasses.replace(lost.track, loss=Loss(1.25, 2.5)))
    answer = Answer("clip.mp4", [lost], loss=Loss(12, 24, 3))
    text = as_text("table", [answer])
    assert "clip.mp4\n  12 of 24 s could be read\n" in text
    assert text.endswith("  1.2 of 2.5 s could be read\n")
    assert remarks(answer) == ["12 of 24 s could be read"]
    told = records.record(lost)
    assert (told["query_read_s"], told["query_declared_s"], told["query_damaged_packets"]) == (12, 24, 3)
    assert (told["read_s"], told["declared_s"], told["damaged_packets"]) == (1.25, 2.5, 0)
    assert {records.record(recommendation())[name] for name in ("read_s", "query_declared_s", "damaged_packets")} == {
        None
    }
