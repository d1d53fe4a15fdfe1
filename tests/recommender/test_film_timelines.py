"""Timelines of whole films, read back and rendered by other programs, and cue sheets that add up to the film."""

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as tree

import numpy as np
import pytest

from cue_samples import cue, film_with, left, scenes
from recommender import timelines
from recommender.editing.mix import stem_blocks
from recommender.editing.placement import Bed, Keyframe, Placement, Stretch
from recommender.errors import InputError
from recommender.films.cues import Transition
from recommender.films.delivery import export_film, preview_film
from recommender.films.laying import lay
from recommender.films.levels import bed
from recommender.films.sheet import entries
from recommender.page.cue_sheet import page, write_cue_sheet
from recommender.timelines import TIMELINES
from recommender.timelines.build import build_film, scenes_on
from recommender.timelines.cue_sheet import FILM_COLUMNS
from recommender.timelines.timecode import frame_at, timecode
from running import refused
from timeline_samples import HZ, RATES, fcpxml_clips, film, found_in, ges, heard, melt, noise

CASES = (("25", "00:00:00:00"), ("29.97", "01:00:00;00"), ("23.976", "01:00:00:00"))
FRAMES = (0, 40, 75, 120)


class Case:
    """A film of a few seconds with a cue in each of three scenes, crossfaded; of the second the sound is mono."""

    def __init__(self, folder, name: str, start: str) -> None:
        self.rate = RATES[name]
        self.film = film(folder / "film.mov", self.rate, FRAMES[-1], start)
        self.tracks = [noise(folder / f"m{n}.wav", 8.0, seed=n, channels=1 if n == 1 else 2) for n in range(3)]
        told = scenes(self.rate, *FRAMES)
        cues = [
            cue(replace(one, label=f"part {one.number}"), t, 1.23) for one, t in zip(told, self.tracks, strict=True)
        ]
        self.cues = lay(self.film, [replace(c, transition=Transition("crossfade", 0.5)) for c in cues])
        self.bed = bed(self.film, self.cues)
        marks = scenes_on([(one.start_s, f"part {one.number}") for one in told])
        self.line = build_film(self.bed, marks=marks)
        self.spans = [(part.start, part.first, part.frames) for music in self.line.music for part in music.parts]


@pytest.fixture(scope="module", params=CASES, ids=" ".join)
def case(request, tmp_path_factory):
    return Case(tmp_path_factory.mktemp("whole"), *request.param)


def write(whole, name, folder):
    return timelines.write(whole, [TIMELINES[name]], folder)[0]


def read(path, **given):
    otio = pytest.importorskip("opentimelineio", reason="OpenTimelineIO is not installed (extra `dev`)")
    return otio.adapters.read_from_file(str(path), **given)


def clips(tracks, rate) -> list[tuple[float, float, float]]:
    """The clips of some tracks in order of time: where they begin, where in their source, how long; in frames."""
    found = [(one.range_in_parent(), one.source_range) for track in tracks for one in track.find_clips()]
    times = [(a.start_time, b.start_time, b.duration) for a, b in found]
    return sorted(tuple(one.rescaled_to(rate).value for one in three) for three in times)


def events(path, rate, origin) -> list[tuple[str, int, int, int]]:
    """The events of sound of an EDL: channel, frame of the film (whose first timecode is frame `origin`) and of the
    source, frames. OpenTimelineIO lets the first clip of every track begin with the film."""
    rows = re.findall(r"^\d{3}  AX +(A\d) +C +(\S+) (\S+) (\S+) (\S+)$", path.read_text(), re.MULTILINE)
    times = [(channel, *(frame_at(text, rate)[0] for text in texts)) for channel, *texts in rows]
    return [(channel, starts - origin, first, ends - starts) for channel, first, _, starts, ends in times]


def test_cues_begin_on_the_frames_of_their_scenes(case):
    assert [start for start, *_ in case.spans] == list(FRAMES[:3])
    for part in (part for music in case.line.music for part in music.parts):  # and frames hold in-points exactly
        assert abs((part.first - part.start) / case.rate - (part.in_s - part.start_s)) < 1e-6


def test_every_format_is_read_back_to_the_frame(case, tmp_path):
    rate = float(case.rate)
    found = read(write(case.line, "otio", tmp_path))
    music = [track for track in found.tracks if track.name.startswith("Music")]
    assert [track.name for track in music] == ["Music 1", "Music 2"]
    assert all(track.enabled for track in found.tracks)
    assert clips(music, rate) == [pytest.approx(one, abs=0.51) for one in sorted(case.spans)]
    assert [m.name for m in found.tracks.markers] == ["part 1", "part 2", "part 3"]
    path = write(case.line, "xmeml", tmp_path)
    found = read(path, adapter_name="fcp_xml")
    assert clips([track for track in found.tracks if track.kind == "Audio"], rate) == sorted(case.spans)
    root = tree.parse(path).getroot()
    ids = {item.get("id"): item for item in root.iter("clipitem")}
    for item in root.iter("clipitem"):
        linked = [ids[link.text] for link in item.iter("linkclipref")]
        assert all(
            (one.findtext("start"), one.findtext("name")) == (item.findtext("start"), item.findtext("name"))
            for one in linked
        )
    path = write(case.line, "edl", tmp_path)
    found = read(path, rate=rate)
    assert [len(track.find_clips()) for track in found.tracks] == [1, 2, 1]
    placed = [("A2", *case.spans[0]), ("A3", *case.spans[1]), ("A2", *case.spans[2])]
    assert events(path, case.rate, case.line.start) == placed
    assert path.read_text().count("* LOC:") == 3
    _, *music = fcpxml_clips(write(case.line, "fcpxml", tmp_path))
    assert sorted(tuple(v * case.rate for v in one[1:]) for one in music) == sorted(case.spans)
    lanes = [one.get("lane") for one in tree.parse(tmp_path / "film.fcpxml").getroot().iter("asset-clip")]
    assert sorted(lanes[1:]) == ["-1", "-1", "-2"]


@pytest.mark.parametrize("name", ["kdenlive", "shotcut"])
def test_projects_hold_the_cues_on_two_tracks(case, name, tmp_path):
    root = tree.parse(write(case.line, name, tmp_path)).getroot()
    found = []
    for track in ("playlist1", "playlist2") if name == "shotcut" else ("a2_0", "a3_0"):
        place = 0
        for one in root.find(f"playlist[@id='{track}']"):
            if one.tag == "entry":
                first, last = int(one.get("in")), int(one.get("out"))
                found.append((place, first, last + 1 - first))
                place += last + 1 - first
            place += int(one.get("length") or 0) if one.tag == "blank" else 0
    assert sorted(found) == sorted(case.spans)
    assert "both" not in [one.get("hide") for one in root.iter("track")]


def test_tables_labels_and_playlists_have_all_cues(case, tmp_path):
    rows = list(csv.DictReader(io.StringIO(write(case.line, "csv", tmp_path).read_text(encoding="utf-8"))))
    assert [row["name"] for row in rows if row["kind"] == "music"] == ["m0", "m1", "m2"]
    assert [row["start_frame"] for row in rows if row["kind"] == "scene"] == [str(one) for one in FRAMES[:3]]
    labels = write(case.line, "audacity", tmp_path).read_text().splitlines()
    assert [sum(name in line for line in labels) for name in ("m0", "m1", "m2", "part")] == [1, 1, 1, 3]
    assert write(case.line, "m3u8", tmp_path).read_text().count("#EXTINF") == 3


def test_ges_renders_every_cue_to_a_tenth_of_a_millisecond(case, tmp_path):
    sound = ges(write(case.line, "otio", tmp_path), tmp_path / "ges.wav")
    check(case, sound, 1e-4)


@pytest.mark.parametrize("case", CASES[1:2], indirect=True, ids=" ".join)
@pytest.mark.parametrize("name", ["shotcut", "kdenlive"])
def test_melt_renders_every_cue_to_half_a_frame(case, name, tmp_path):
    check(case, melt(write(case.line, name, tmp_path), tmp_path / "melt.wav"), 0.5 / float(case.rate))


def check(case, sound, within_s: float) -> None:
    """Each cue sounds where it is laid, heard in the middle of its scene."""
    for placed, track in zip(case.bed.placements, case.tracks, strict=True):
        place_s, _ = found_in(heard(track), sound, placed.at_s + 0.8)
        assert place_s == pytest.approx(placed.pieces[0].start_s + 0.8, abs=within_s)


def test_the_films_own_gain_goes_along_where_it_changes(folder_with_sound, tmp_path):
    clip, track = folder_with_sound
    own = (Keyframe(0.0, -9.0), Keyframe(1.0, -9.0), Keyframe(1.5, 0.0))
    line = build_film(Bed(clip, 3.0, (Placement(clip, 3.0, track, (Stretch(1.0, 3.0),)),), own))
    assert (line.own_db, line.own) == (-9.0, own)
    otio = json.loads(write(line, "otio", tmp_path).read_text())
    effect = otio["tracks"]["children"][1]["children"][0]["effects"][0]
    assert effect["metadata"]["cliptune"]["gains"] == [list(one) for one in own]
    fcpxml = tree.parse(write(line, "fcpxml", tmp_path)).getroot()
    drawn = [one.get("value") for one in fcpxml.find(".//asset-clip/adjust-volume").iter("keyframe")]
    assert drawn[0] == drawn[1] == "-9.0000dB"
    assert drawn[-1] == "0.0000dB"
    xmeml = tree.parse(write(line, "xmeml", tmp_path)).getroot()
    items = [
        one for one in xmeml.iter("clipitem") if one.findtext("name") == clip.name and one.find("filter") is not None
    ]
    levels = {int(k.findtext("when")): float(k.findtext("value")) for k in items[0].iter("keyframe")}
    assert levels[25] == pytest.approx(10 ** (-9 / 20), rel=1e-4)
    assert levels[38] == pytest.approx(1, rel=1e-4)
    for name in ("shotcut", "kdenlive"):
        text = write(line, name, tmp_path).read_text()
        assert "=-5.990;" in text  # a sound of one channel is turned up there
    assert write(line, "edl", tmp_path).read_text().count("A1)") == 3
    assert write(line, "csv", tmp_path).read_text().count("clip gain") == 3
    muted = build_film(replace(Bed(clip, 3.0, ()), own=None))
    assert len(list(tree.parse(write(muted, "xmeml", tmp_path / "muted")).getroot().iter("clipitem"))) == 1


@pytest.fixture
def folder_with_sound(tmp_path):
    clip = film_with(tmp_path, np.random.default_rng(0).normal(0, 0.1, 3 * 44100).astype(np.float32), "own.mp4")
    return clip, noise(tmp_path / "m.wav", 4.0)


@pytest.mark.parametrize("case", CASES[1:2], indirect=True, ids=" ".join)
def test_a_film_is_heard_and_taken_home_and_nothing_is_replaced_unasked(case, tmp_path):
    out = tmp_path / "heard.mov"
    lines = preview_film(case.film, case.cues, out)
    assert lines == [f"part {n + 1}: {one.transition.words}" for n, one in enumerate(case.cues)]
    assert abs(late(heard(out), left(stem_blocks(case.bed)))) <= HZ / 1000
    made = export_film(case.film, case.cues, list(TIMELINES.values()), out=tmp_path / "cut")
    assert len(made.files) == len(TIMELINES) + 1
    assert all(path.is_file() for path in made.files)
    check(case, heard(tmp_path / "cut" / "film.wav"), 1 / HZ)
    for again in (
        lambda: preview_film(case.film, case.cues, out),
        lambda: export_film(case.film, case.cues, [TIMELINES["edl"]], out=tmp_path / "cut"),
    ):
        with refused(InputError, "is there already"):
            again()
    export_film(case.film, case.cues, [TIMELINES["edl"]], out=tmp_path / "cut", overwrite=True)


def late(sound, of) -> int:
    """How many samples later `of` lies in a sound."""
    size = 1 << (len(sound) + len(of)).bit_length()
    place = int(np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(of, size)), size).argmax())
    return place if place < size // 2 else place - size


def sheet_of(path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_the_cue_sheet_says_what_is_known_and_its_timecode_is_the_films(case, tmp_path):
    known = {"voice": 0.9, "licence": "CC BY 4.0", "artist": "=1+1"}
    told = replace(case.cues[0].chosen, track=replace(case.cues[0].chosen.track, **known))
    cues = [replace(case.cues[0], chosen=told), *case.cues[1:]]
    write_cue_sheet(case.film, cues, tmp_path / "sheet.csv")
    rows = sheet_of(tmp_path / "sheet.csv")
    assert tuple(rows[0]) == FILM_COLUMNS
    assert [row["timecode_in"] for row in rows] == [case.line.timecode(case.line.start + one) for one in FRAMES[:3]]
    assert rows[0]["use"] == "background vocal (BV), underscore"
    assert (rows[0]["licence"], rows[0]["artist"], rows[0]["isrc"]) == ("CC BY 4.0", "'=1+1", "not on file")
    assert rows[1]["vocal"] == "not on file"
    assert sum(int(row["frames"]) for row in rows) == FRAMES[-1]
    assert sum(frame_at(row["duration"], case.rate)[0] for row in rows) == FRAMES[-1]
    with refused(InputError, "is there already"):
        write_cue_sheet(case.film, cues, tmp_path / "sheet.csv")
    with refused(InputError, "a cue sheet ends in .csv or .html"):
        write_cue_sheet(case.film, cues, tmp_path / "sheet.pdf")


class Page(HTMLParser):
    """What a page says in cells, and from where it would load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells, self.loads, self._open = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self._open = tag in ("td", "th")
        self.cells += [""] if self._open else []
        self.loads += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        if self._open:
            self.cells[-1] += data.strip()


@pytest.mark.parametrize("case", CASES[1:2], indirect=True, ids=" ".join)
def test_the_page_of_the_cue_sheet_adds_up_and_loads_nothing(case):
    silent = [case.cues[0], replace(case.cues[1], chosen=None), case.cues[2]]
    text = page(case.film, silent)
    seen = Page(text)
    assert "<script" not in text
    assert not seen.loads
    assert "size: A4 landscape" in text
    assert seen.cells.count("no music") == 1
    totals = [int(seen.cells[seen.cells.index(name, 12) + 2]) for name in ("Music", "No music", "Film")]
    assert totals[0] + totals[1] == totals[2] == FRAMES[-1]


@pytest.mark.parametrize(("name", "drop"), [("29.97", True), ("29.97", False), ("25", False), ("23.976", False)])
def test_music_and_silence_add_up_to_the_film(name, drop):
    """Random scenes and cues, up to an hour: no frame is lost or told twice, in frames and in timecode."""
    rng, rate, start = np.random.default_rng(7), RATES[name], 107_892 if drop else 0
    for _ in range(25):
        frames = int(rng.integers(2000, 110_000))
        borders = sorted({0, frames, *rng.integers(frames, size=rng.integers(1, 40)).tolist()})
        cues = []
        for told in scenes(rate, *borders):
            length_s = float(rng.choice((0.3, 0.8, 1.0, 1.0, 1.1))) * told.duration_s
            placed = Placement(Path(), 0.0, Path(), (Stretch(3.0, 3.0 + length_s),), told.start_s)
            laid = cue(told, None if rng.random() < 0.2 else Path("x"))
            cues.append(replace(laid, chosen=laid.chosen and replace(laid.chosen, placement=placed)))
        found = entries(cues, rate, frames)
        assert sum(one.frames for one in found) == frames
        assert all(one.end == other.start for one, other in pairwise(found))
        shown = [[timecode(start + at, rate, drop=drop) for at in (one.start, one.end)] for one in found]
        assert sum(frame_at(b, rate)[0] - frame_at(a, rate)[0] for a, b in shown) == frames
        assert {frame_at(a, rate)[1] for a, _ in shown} == {drop}
