"""Cuts as people and editing programs write them: times, timecode, the table edited by hand, EDL and OTIO."""

import json
from fractions import Fraction

import pytest

from recommender.errors import InputError
from recommender.films.clock import Clock
from recommender.films.cut_list import read_cuts

PAL = Clock(Fraction(25), frames=2500)
NTSC = Clock(Fraction(30000, 1001), start=107892, drop=True, frames=3000)


@pytest.fixture
def read(tmp_path):
    """`read(text, clock, suffix)`: the marks of a file that says so, of a film of 100 s."""

    def reads(text: str, clock: Clock = PAL, suffix: str = ".txt", duration_s: float = 100.0):
        path = tmp_path / f"cuts{suffix}"
        path.write_text(text, encoding="utf-8")
        return read_cuts(path, clock, duration_s)

    return reads


def starts(found):
    return [round(mark.at_s, 6) for mark in found.marks]


def test_times_in_every_way_that_people_write_them(read):
    found = read("# my cuts\n\n12.5\n0:20\n0:01:02.5 # the chase\n00:01:10:05\n")
    assert (starts(found), found.exact) == ([0, 12.48, 20, 62.48, 70.2], True)


def test_drop_frame_counts_from_the_films_own_timecode(read):
    assert NTSC.timecode(0.0) == "01:00:00;00"
    at = read("01:01:00;02\n", NTSC).marks[1].at_s
    assert at == pytest.approx(1800 * 1.001 / 30, abs=1e-6)
    assert NTSC.timecode(at) == "01:01:00;02"


def test_the_table_is_read_back_as_it_was_edited(read):
    found = read(
        "scene,start,end,label,music\n1,00:00:00:00,x,,yes\n2,00:00:10:00,x,'=Party,silence\n,,,,\n3,20,,,none\n"
    )
    assert [(mark.at_s, mark.label, mark.silent) for mark in found.marks] == [
        (0, None, False),
        (10, "=Party", True),
        (20, None, False),
    ]
    assert starts(read("start;label\n5;a\n9;b\n")) == [0, 5, 9]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10\n5\n", "line 2: 00:00:05:00 does not come after 00:00:10:00"),
        ("10\n10.001\n", "line 2: 00:00:10:00 does not come after"),
        ("start,label\n10,a\n\n300,b\n", "line 4: 00:05:00:00 is beyond the film, which ends at 00:01:40:00"),
        ("10\nsoon\n", "line 2: 'soon' is no time"),
        ("start,label\n1,a\n,b\n", "line 3: '' is no time"),
        ("-5\n", "line 1: '-5' is no time"),
        ("inf\n", "line 1: 'inf' is no time"),
        ("\n# nothing\n", "no cuts in it"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(read, text, said):
    with pytest.raises(InputError, match=said) as told:
        read(text)
    assert str(told.value).count("\n") == 0
    assert "cuts.txt" in str(told.value)


def test_a_list_before_the_film_is_refused(read):
    with pytest.raises(InputError, match="before the film, which begins at 01:00:00;00"):
        read("00:59:00;00\n", NTSC)


EDL = """TITLE: WEDDING
FCM: NON-DROP FRAME

001  AX       V     C        00:00:00:00 00:00:10:00 01:00:00:00 01:00:10:00
* FROM CLIP NAME: church.mov
001  AX       A2    C        00:00:00:00 00:01:00:00 01:00:00:00 01:01:00:00
* FROM CLIP NAME: music.wav
002  AX       V     C        00:00:10:00 00:00:10:00 01:00:10:00 01:00:10:00
002  BX       V     D    026 00:00:00:00 00:00:20:00 01:00:10:00 01:00:30:00
* TO CLIP NAME: party.mov
003  CX       B     C        00:00:00:00 00:00:30:00 01:00:30:00 01:01:00:00
"""


def test_an_edl_gives_the_events_of_the_picture(read):
    found = read(EDL, suffix=".edl")
    assert not found.exact
    named = [(mark.at_s, mark.label) for mark in found.marks]
    assert named == [(0, "church.mov"), (10.52, "party.mov"), (30, None)]
    assert starts(read(EDL)) == starts(found)  # whatever the file is called
    with pytest.raises(InputError, match="no event of the picture"):
        read("TITLE: X\n001  AX  A  C  00:00:00:00 00:00:10:00 01:00:00:00 01:00:10:00\n", suffix=".edl")
    with pytest.raises(InputError, match="line 9: 00:00:10:13 is beyond the film"):
        read(EDL, suffix=".edl", duration_s=10.0)


def otio(*children):
    track = {"OTIO_SCHEMA": "Track.1", "kind": "Video", "children": list(children)}
    sound = {"OTIO_SCHEMA": "Track.1", "kind": "Audio", "children": [clip("music", 60)]}
    return json.dumps({"OTIO_SCHEMA": "Timeline.1", "tracks": {"OTIO_SCHEMA": "Stack.1", "children": [sound, track]}})


def clip(name, seconds, schema="Clip.2"):
    lasts = {"OTIO_SCHEMA": "RationalTime.1", "value": seconds * 24.0, "rate": 24.0}
    return {"OTIO_SCHEMA": schema, "name": name, "source_range": {"start_time": lasts, "duration": lasts}}


def test_an_otio_file_gives_the_clips_of_its_video_track(read):
    nested = {"OTIO_SCHEMA": "Stack.1", "name": "inner", "source_range": None, "children": [clip("a", 4), clip("b", 6)]}
    whole = {"OTIO_SCHEMA": "Clip.2", "name": "whole", "source_range": None}
    whole["media_references"] = {"DEFAULT_MEDIA": {"available_range": clip("x", 8)["source_range"]}}
    fade = {"OTIO_SCHEMA": "Transition.1", "in_offset": None}
    found = read(otio(clip("one", 5), fade, nested, clip("", 2, "Gap.1"), whole, clip("last", 1)), suffix=".otio")
    assert [(mark.at_s, mark.label) for mark in found.marks] == [
        (0, "one"),
        (5, "inner"),
        (11, None),
        (13, "whole"),
        (21, "last"),
    ]


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"OTIO_SCHEMA": "Timeline.1", "tracks": {"children": []}}', otio({"a": 1})]
)
def test_what_is_no_otio_timeline_is_told(read, text):
    with pytest.raises(InputError, match=r"cuts.otio: no OTIO timeline with a video track"):
        read(text, suffix=".otio")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot read the cuts"):
        read_cuts(tmp_path / "none.csv", PAL, 10.0)
