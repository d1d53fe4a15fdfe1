"""One timecode of a film wherever it is written: in the table of scenes, cue sheets and every kind of timeline."""

import csv
import io
import json
import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree as tree

import pytest

from cue_samples import cue, scenes
from recommender import timelines
from recommender.errors import InputError
from recommender.films.clock import Clock, clock_of
from recommender.films.cut_list import read_cuts
from recommender.films.laying import lay
from recommender.films.levels import bed
from recommender.films.listing import listing
from recommender.films.scenes import Film
from recommender.films.sheet import uses
from recommender.outputs.listing import as_csv
from recommender.page.cue_sheet import page, write_cue_sheet
from recommender.timelines import TIMELINES
from recommender.timelines.build import build_film, scenes_on
from recommender.timelines.cue_sheet import FILM_COLUMNS, cue_sheet
from recommender.timelines.timecode import frame_at, timecode
from running import refused
from timeline_samples import RATES, film, noise, seconds

RATE = RATES["29.97"]
FRAMES = (0, 1850, 2000)  # the second scene begins beyond a minute, where the two ways to count part
COUNTS = {  # stated timecode: those of both scenes and of the end
    None: ("00:00:00;00", "00:01:01;22", "00:01:06;22"),
    "01:00:00;00": ("01:00:00;00", "01:01:01;22", "01:01:06;22"),
    "01:00:00:00": ("01:00:00:00", "01:01:01:20", "01:01:06:20"),
    "00:00:00:00": ("00:00:00:00", "00:01:01:20", "00:01:06:20"),
    "nonsense": ("00:00:00;00", "00:01:01;22", "00:01:06;22"),
}


class Case:
    """A film of two scenes at 29.97 frames a second with music, that states this timecode."""

    def __init__(self, folder, stated: str | None) -> None:
        self.film = film(folder / "film.mov", RATE, FRAMES[-1], stated)
        tracks = [noise(folder / f"m{n}.wav", 80.0, seed=n) for n in range(2)]
        told = scenes(RATE, *FRAMES)
        cues = [cue(one, track, 1.0) for one, track in zip(told, tracks, strict=True)]
        self.cues = lay(self.film, cues)
        self.told = Film(self.film, told[-1].end_s, clock_of(self.film), tuple(told))
        self.line = build_film(bed(self.film, self.cues), marks=scenes_on([(one.start_s, "scene") for one in told]))
        self.counts = COUNTS[stated]


@pytest.fixture(scope="module", params=COUNTS, ids=str)
def case(request, tmp_path_factory):
    return Case(tmp_path_factory.mktemp("counted"), request.param)


def write(case, name, folder):
    return timelines.write(case.line, [TIMELINES[name]], folder)[0]


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_table_and_the_cue_sheets_tell_the_films_own_count(case, tmp_path):
    first, second, end = case.counts
    made = listing(case.told, case.cues)
    assert [(row["start"], row["end"]) for row in rows(as_csv(made))] == [(first, second), (second, end)]
    assert made.value["film"]["timecode"] == first
    assert made.value["film"]["drop_frame"] == (";" in first)
    assert f"{second} - {end}" in made.text
    sheet = rows(cue_sheet(uses(case.film, case.cues)[2], FILM_COLUMNS))
    assert [row["timecode_in"] for row in sheet] == [first, second]
    assert sheet[-1]["timecode_out"] == end
    text = page(case.film, case.cues)
    assert f'<td class="time">{second}</td>' in text
    assert (" drop-frame, from " in text) == (";" in first)


def test_every_timeline_tells_the_same(case, tmp_path):
    first, second, end = case.counts
    drop = ";" in first
    told = rows(write(case, "csv", tmp_path).read_text(encoding="utf-8"))
    assert [row["start_timecode"] for row in told if row["kind"] == "scene"] == [first, second]
    assert [row["start_timecode"] for row in told if row["kind"] == "music"] == [first, second]
    edl = write(case, "edl", tmp_path).read_text()
    assert f"FCM: {'DROP FRAME' if drop else 'NON-DROP FRAME'}" in edl
    video = re.search(r"^001  AX +V +C +(.*)$", edl, re.MULTILINE)[1].split()
    assert video == [first, end, first, end]
    assert [f"* LOC: {at}" in edl for at in (first, second)] == [True, True]
    sequence = tree.parse(write(case, "fcpxml", tmp_path)).getroot().find("library/event/project/sequence")
    assert sequence.get("tcFormat") == ("DF" if drop else "NDF")
    begins, start = seconds(sequence.get("tcStart")), seconds(sequence.find("spine/asset-clip").get("offset"))
    assert timecode(round(begins * RATE), RATE, drop=drop) == first
    assert begins == start == seconds(sequence.find("spine/asset-clip").get("start"))
    xmeml = tree.parse(write(case, "xmeml", tmp_path)).getroot().find("sequence/timecode")
    assert (xmeml.findtext("string"), xmeml.findtext("displayformat")) == (first, "DF" if drop else "NDF")
    begins = json.loads(write(case, "otio", tmp_path).read_text())["global_start_time"]
    assert (begins or {"value": 0})["value"] == frame_at(first, RATE)[0]


@pytest.mark.parametrize("case", [None, "01:00:00;00"], indirect=True, ids=str)
def test_opentimelineio_counts_as_we_do(case, tmp_path):
    """It takes drop-frame for granted where there is one."""
    otio = pytest.importorskip("opentimelineio", reason="OpenTimelineIO is not installed (extra `dev`)")
    made = otio.adapters.read_from_file(str(write(case, "otio", tmp_path)))
    begins = made.global_start_time or otio.opentime.RationalTime(0, float(RATE))
    second = next(mark for mark in list(made.tracks.markers)[1:]).marked_range.start_time
    assert [(begins + at).to_timecode() for at in (begins - begins, second)] == list(case.counts[:2])


def test_what_was_written_is_read_back_on_the_same_frames(case, tmp_path):
    path = tmp_path / "scenes.csv"
    path.write_text(as_csv(listing(case.told, case.cues)))
    found = read_cuts(path, case.told.clock, case.told.duration_s)
    assert [round(Fraction(mark.at_s) * RATE) for mark in found.marks] == list(FRAMES[:2])


DROP = Clock(RATE, 107_892, True, 20_000)


def test_a_time_that_is_typed_counts_as_its_film_does(tmp_path):
    """As in editing programs, whatever its last sign is; numbers that drop-frame leaves out are the first there is."""
    for text in ("01:02:00;02", "01:02:00:02", "01:02:00:00", "01:02:00;01"):
        assert DROP.timecode(DROP.seconds(text)) == "01:02:00;02"
    plain = replace(DROP, drop=False, start=108_000)
    assert plain.timecode(plain.seconds("01:02:00:02")) == "01:02:00:02"


@pytest.mark.parametrize(
    ("mode", "sign", "frame"),
    [
        ("DROP FRAME", ":", 1800),
        ("DROP FRAME", ";", 1800),
        ("NON-DROP FRAME", ":", 1802),
        ("NON-DROP FRAME", ";", 1800),
    ],
)
def test_an_edl_counts_as_it_says(tmp_path, mode, sign, frame):
    path = tmp_path / "cuts.edl"
    times = [f"00:{minute}:00{sign}{frames}" for minute, frames in (("00", "00"), ("01", "02"), ("02", "02"))]
    lines = [f"{n:03d}  AX  V  C  {a} {b} {a} {b}" for n, (a, b) in enumerate(pairwise(times), 1)]
    path.write_text("\n".join(["TITLE: X", f"FCM: {mode}", *lines]))
    found = read_cuts(path, replace(DROP, start=0), 200.0)
    assert round(Fraction(found.marks[1].at_s) * RATE) == frame


def test_a_folder_is_no_cue_sheet(case, tmp_path):
    (tmp_path / "sheet.csv").mkdir()
    with refused(InputError, "is a folder: name a file for the cue sheet, as "):
        write_cue_sheet(case.film, case.cues, tmp_path / "sheet.csv", overwrite=True)
