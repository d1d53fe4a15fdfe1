"""Timelines read back by other hands: OpenTimelineIO, and readers that know nothing of the writers."""

import csv
import io
import json
import os
import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit
from xml.etree import ElementTree as tree

import numpy as np
import pytest

from recommender import timelines
from recommender.editing.placement import JOINT_S, Stretch, duck_under
from recommender.errors import InputError
from recommender.timelines import TIMELINES
from recommender.timelines.address import address, plain
from recommender.timelines.timecode import timecode
from recommender.timelines.timeline import Mark, slide
from running import refused
from timeline_samples import CASES, ODD, RATES, fcpxml_clips, placement, seconds, timeline

MARKS = (Mark(0.5, "beat", "beat"), Mark(1.0, "downbeat", "bar 1"), Mark(2.2, "cut", "cut 1"))
TWO = ((2.0, 4.0), (20.0, 22.0))  # pieces of music


@pytest.fixture(params=CASES, ids=" ".join)
def case(request):
    """A timeline of each rate and start timecode: two pieces slid to frames, and an alternative."""
    name, start = request.param
    rate = RATES[name]
    placed = placement(*TWO, gain_db=-9.0, fade_in_s=0.3, fade_out_s=0.8, ducks=duck_under([Stretch(1.2, 1.6)], 9.0))
    other = placement((1.0, 4.0), name="other", at_s=1.0, gain_db=-6.0)
    return timeline(rate, start, *(slide(p, rate) for p in (placed, other)), marks=MARKS)


def write(whole, name: str, folder: Path) -> Path:
    """A timeline in one format."""
    return timelines.write(whole, [TIMELINES[name]], folder)[0]


def spans(whole) -> list[tuple[int, int, int]]:
    """(start, first frame of the source, frames) of the chosen music's pieces."""
    return [(part.start, part.first, part.frames) for part in whole.music[0].parts]


def read(path: Path, **given):
    """A timeline as OpenTimelineIO reads it: by track, (start, first, frames) of its clips in frames of the rate."""
    otio = pytest.importorskip("opentimelineio", reason="OpenTimelineIO is not installed (extra `dev`)")
    return otio.adapters.read_from_file(str(path), **given)


def frames(track, rate: float) -> list[tuple[float, float, float]]:
    """Clips of a track: where they begin on it, where in their source, how long; in frames."""
    clips = ((clip.range_in_parent(), clip.source_range) for clip in track.find_clips())
    return [
        (b.start_time.rescaled_to(rate).value, s.start_time.rescaled_to(rate).value, s.duration.value) for b, s in clips
    ]


def test_otio_keeps_pictures_in_frames_and_music_in_samples(case, tmp_path):
    found = read(write(case, "otio", tmp_path))
    video, sound, music, other = found.tracks
    rate = float(case.rate)
    assert frames(video, rate) == frames(sound, rate) == [(0, case.start, case.frames)]
    assert [track.enabled for track in found.tracks] == [True, True, True, False]
    pieces = [(c.range_in_parent().start_time.value, c.source_range.start_time.value) for c in music.find_clips()]
    exact = [(round(p.start_s * 48_000), round(p.in_s * 48_000)) for p in case.music[0].parts]
    assert pieces == exact
    assert {c.source_range.start_time.rate for c in music.find_clips()} == {48_000}
    assert [c.range_in_parent().start_time.to_seconds() for c in other.find_clips()] == [
        pytest.approx(float(case.music[1].parts[0].start_s), abs=1 / 48_000)
    ]
    marks = [(m.name, m.marked_range.start_time.value) for m in found.tracks.markers]
    assert marks == [(mark.name, case.at_frame(mark)) for mark in MARKS]
    where = {c.media_reference.target_url for c in found.find_clips()}
    assert path_of(next(w for w in where if "films" in w)) == f"/films/{ODD}.mov"


def test_xmeml_is_read_back_to_the_frame(case, tmp_path):
    path = write(case, "xmeml", tmp_path)
    found = read(path, adapter_name="fcp_xml")
    video, sound, music, other = found.tracks
    rate = float(case.rate)
    # OpenTimelineIO adds the timecode of the source to its in-point, as editing programs show it.
    assert frames(video, rate) == frames(sound, rate) == [(0, case.start, case.frames)]
    assert frames(music, rate) == spans(case)
    assert other.find_clips()[0].range_in_parent().start_time.value == case.music[1].parts[0].start
    assert [(m.name, m.marked_range.start_time.value) for m in found.tracks.markers] == [
        (mark.name, case.at_frame(mark)) for mark in MARKS
    ]
    root = tree.parse(path).getroot()
    assert {path_of(one.text) for one in root.iter("pathurl")} >= {f"/films/{ODD}.mov", f"/music/{ODD}.wav"}
    assert len(list(root.iter("pathurl"))) == len(list(root.iter("clipitem")))
    ids = {item.get("id"): item for item in root.iter("clipitem")}
    for item in root.iter("clipitem"):  # a stereo pair, and pictures with their sound, are linked with each other
        linked = [ids[link.text] for link in item.iter("linkclipref")]
        assert item in linked
        assert {(one.findtext("start"), one.findtext("in")) for one in linked} == {
            (item.findtext("start"), item.findtext("in"))
        }
    assert root.find("sequence/timecode/displayformat").text == ("DF" if case.drop else "NDF")


def test_the_edl_is_read_back_to_the_frame(case, tmp_path):
    path = write(case, "edl", tmp_path)
    text = path.read_text(encoding="utf-8")
    assert ("FCM: DROP FRAME" in text) == case.drop
    found = read(path, rate=float(case.rate))
    video, sound, music = found.tracks
    assert [track.kind for track in found.tracks] == ["Video", "Audio", "Audio"]
    rate = float(case.rate)
    assert frames(video, rate) == frames(sound, rate) == [(0, case.start, case.frames)]
    assert frames(music, rate) == spans(case)
    per_event = re.split(r"\n\d{3}  ", text)[1:]
    assert max(event.count("* LOC:") for event in per_event) == 1


def test_fcpxml_is_read_back_exactly(case, tmp_path):
    path = write(case, "fcpxml", tmp_path)
    rate = case.rate
    clip, *music = fcpxml_clips(path)
    assert clip[1:] == (0, case.start / rate, case.frames / rate)
    assert path_of(clip[0]) == f"/films/{ODD}.mov"
    assert [
        (at * rate, start * rate, length * rate) for src, at, start, length in music if ODD in path_of(src)
    ] == spans(case)
    root = tree.parse(path).getroot()
    assert seconds(root.find("resources/format").get("frameDuration")) == 1 / rate
    times = {name for one in root.iter() for name in ("offset", "start", "duration", "time") if one.get(name)}
    assert times == {"offset", "start", "duration", "time"}
    assert root.find("library/event/project/sequence").get("tcFormat") == ("DF" if case.drop else "NDF")
    for one in root.iter("asset-clip"):  # all edits stand on frames
        assert {(seconds(one.get(name)) * rate).denominator for name in ("offset", "start", "duration")} == {1}
    assert [one.get("enabled") for one in root.iter("asset-clip")] == [None, None, None, "0"]


@pytest.mark.parametrize("name", ["24", "25", "30", "50", "60"])
def test_fcpxml_is_read_by_opentimelineio(name, tmp_path):
    """Which takes the whole part of a rate, so that it can tell whole rates only."""
    rate = RATES[name]
    whole = timeline(rate, "01:00:00:00", slide(placement(*TWO), rate))
    found = read(write(whole, "fcpxml", tmp_path))[0]
    music, video = found.tracks
    assert frames(music, float(rate)) == spans(whole)
    assert frames(video, float(rate)) == [(0, whole.start, whole.frames)]


@pytest.mark.parametrize("name", ["kdenlive", "shotcut"])
def test_projects_of_mlt_say_what_their_programs_want(case, name, tmp_path):
    root = tree.parse(write(case, name, tmp_path)).getroot()
    profile = root.find("profile")
    assert Fraction(int(profile.get("frame_rate_num")), int(profile.get("frame_rate_den"))) == case.rate
    entries, at = [], 0
    track = "playlist1" if name == "shotcut" else "a2_0"
    for one in root.find(f"playlist[@id='{track}']"):
        if one.tag == "entry":
            first, last = int(one.get("in")), int(one.get("out"))
            entries.append((at, first, last + 1 - first))
        at += int(one.get("length") or 0) or (int(one.get("out") or -1) + 1 - int(one.get("in") or 0))
    assert entries == spans(case)
    ids = {one.get("id") for one in root}
    used = {one.get("producer") for one in root.iter() if one.get("producer")}
    assert used <= ids
    said = {one.get("name"): one.text for one in root.iter("property")}
    if name == "shotcut":
        assert root[-1].find("property[@name='shotcut']").text == "1"
        assert "main_bin" in ids
        assert {"V1", "A1", "A2"} == {one.text for one in root.iter("property") if one.get("name") == "shotcut:name"}
        hidden = [one.get("hide") for one in root[-1].iter("track")]
        assert hidden == [None, None, "video", "both"]
        assert len(root.find(".//properties[@name='shotcut:markers']")) == len(MARKS)
    else:
        assert said["kdenlive:docproperties.version"]
        assert [g["pos"] for g in json.loads(said["kdenlive:docproperties.guides"])] == [*map(case.at_frame, MARKS)]
        for tractor in root.findall("tractor")[:-1]:
            assert len(tractor.findall("track")) == 2
        for one in (*root.iter("entry"), *root.findall("producer")):
            inner = one if one.tag == "producer" else root.find(f"*[@id='{one.get('producer')}']")
            names = {p.get("name") for p in inner.iter("property")}
            assert "kdenlive:id" in names or inner.get("id") == "black_track" or inner.tag != "producer"


def path_of(url: str) -> str:
    """The path that an address names."""
    return os.fsdecode(unquote_to_bytes(urlsplit(url).path))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a b/é#%&'.mp4", "file:///a%20b/%C3%A9%23%25%26%27.mp4"),
        (os.fsdecode(b"/a/\xff.wav"), "file:///a/%FF.wav"),
        ("D:\\Music\\a b.wav", "file:///D:/Music/a%20b.wav"),
        ("d:/Music/a.wav", "file:///d:/Music/a.wav"),
        ("\\\\server\\share\\a b.wav", "file://server/share/a%20b.wav"),
    ],
)
def test_addresses(path, expected):
    assert address(path) == expected


def test_plain_addresses_keep_letters_and_code_only_what_ends_one():
    assert address("/é a/100 %#1?.wav", encode=False) == "file:///é a/100 %25%231%3F.wav"


@pytest.mark.parametrize("name", [os.fsdecode(b"\xff.wav"), "a\nb.wav"])
def test_names_that_no_text_can_hold_are_refused(name):
    with refused(InputError, "rename it"):
        plain(f"/music/{name}")


@pytest.mark.parametrize("name", TIMELINES)
def test_a_name_that_is_no_utf8_is_kept_or_refused(name, tmp_path):
    whole = timeline(Fraction(25), "00:00:00:00", placement((1.0, 5.0), name=os.fsdecode(b"\xff\xe9")))
    if name in ("kdenlive", "shotcut", "resolve"):
        with refused(InputError, "rename it"):
            write(whole, name, tmp_path)
        assert not list(tmp_path.iterdir())
    else:
        data = write(whole, name, tmp_path).read_bytes()
        kept = {"m3u8": b"\xff\xe9", "csv": b"\xff\xe9", "audacity": b"\\xff\\xe9", "edl": b"\\xff\\xe9"}
        assert kept.get(name, b"%FF%E9") in data


def test_xmeml_levels_are_amplitudes_in_frames_of_the_track(tmp_path):
    placed = placement((1.0, 5.0), gain_db=-6.0, fade_in_s=1.0)
    root = tree.parse(write(timeline(Fraction(25), "00:00:00:00", placed), "xmeml", tmp_path)).getroot()
    item = next(one for one in root.iter("clipitem") if one.find("filter") is not None)
    drawn = [(int(k.findtext("when")), float(k.findtext("value"))) for k in item.iter("keyframe")]
    assert drawn[0] == (25, 0.0)
    assert np.interp(25 + 25 / 2, *zip(*drawn, strict=True)) == pytest.approx(
        0.5 * 10 ** (-6 / 20), rel=0.05
    )  # half a frame
    assert drawn[-1] == (125, pytest.approx(10 ** (-6 / 20), rel=1e-4))


def test_fcpxml_keyframes_and_fades(tmp_path):
    placed = placement((1.0, 5.0), gain_db=-6.0, fade_out_s=1.5, ducks=duck_under([Stretch(1.0, 2.0)], 9.0))
    root = tree.parse(write(timeline(Fraction(25), "00:00:00:00", placed), "fcpxml", tmp_path)).getroot()
    volume = root.find(".//adjust-volume")
    assert volume.get("amount") == "-6.0000dB"
    assert seconds(volume.find("param/fadeOut").get("duration")) == Fraction(3, 2)
    assert volume.find("param/fadeIn") is None
    drawn = {seconds(k.get("time")): float(k.get("value")[:-2]) for k in volume.iter("keyframe")}
    assert drawn[Fraction(2)] == drawn[Fraction(3)] == -15.0  # in the time of the track


def test_joints_of_otio_are_crossfades_that_pieces_are_long_enough_for(tmp_path):
    found = read(write(timeline(Fraction(25), "00:00:00:00", placement(*TWO)), "otio", tmp_path))
    joint = next(one for one in found.tracks[2] if hasattr(one, "transition_type"))
    assert (joint.in_offset + joint.out_offset).to_seconds() == pytest.approx(JOINT_S, abs=1e-4)


def test_the_table_has_all_of_it(case, tmp_path):
    rows = list(csv.DictReader(io.StringIO(write(case, "csv", tmp_path).read_text(encoding="utf-8"))))
    kinds = [row["kind"] for row in rows]
    assert kinds == ["clip", "music", "music", *["music gain"] * 6, "alternative", "beat", "downbeat", "cut"]
    assert rows[0]["end_timecode"] == timecode(case.start + case.frames, case.rate, drop=case.drop) or case.start
    part = case.music[0].parts[1]
    assert int(rows[2]["in_sample_48000"]) == round(part.in_s * 48_000)
    assert float(rows[2]["in_s"]) == pytest.approx(float(part.in_s), abs=1e-6)


def test_labels_and_playlist(tmp_path):
    whole = timeline(Fraction(25), "01:00:00:00", placement(*TWO), placement((1.0, 4.0), name="other"), marks=MARKS)
    labels = [line.split("\t") for line in write(whole, "audacity", tmp_path).read_text().splitlines()]
    assert [(float(a), float(b)) for a, b, _ in labels] == sorted([(0, 2), (2, 4), (0.5, 0.5), (1, 1), (2.2, 2.2)])
    assert write(whole, "m3u8", tmp_path).read_text(encoding="utf-8").splitlines()[2:6] == [
        f"#EXTINF:60,{ODD}",
        "#EXTVLCOPT:start-time=2.000000",
        "#EXTVLCOPT:stop-time=22.000000",
        f"/music/{ODD}.wav",
    ]


def test_a_clip_without_sound_has_no_track_of_it(tmp_path):
    whole = timeline(Fraction(25), "00:00:00:00", placement((1.0, 5.0)))
    silent = replace(whole, footage=replace(whole.footage, sound=None), own_db=None)
    found = read(write(silent, "otio", tmp_path))
    assert [track.kind for track in found.tracks] == ["Video", "Audio"]
    root = tree.parse(write(silent, "fcpxml", tmp_path)).getroot()
    assert root.find("resources/asset").get("hasAudio") is None
    assert " A     C" not in write(silent, "edl", tmp_path).read_text()
    assert len(list(tree.parse(write(silent, "xmeml", tmp_path)).getroot().iter("clipitem"))) == 3


def test_rates_that_timecode_cannot_count_are_refused_by_what_counts(tmp_path):
    whole = timeline(Fraction(25, 2), "00:00:00:00", placement((1.0, 5.0)))
    for name, one in TIMELINES.items():
        if one.counts:
            with refused(InputError, f"{name} counts in timecode, which has none of 12.5"):
                write(whole, name, tmp_path)
        else:
            assert write(whole, name, tmp_path).is_file()
    with refused(InputError, "counts"):
        timelines.write(whole, [TIMELINES["otio"], TIMELINES["edl"]], tmp_path / "none")
    assert not (tmp_path / "none").exists() or not list((tmp_path / "none").iterdir())


def test_files_are_not_overwritten_without_asking(tmp_path):
    whole = timeline(Fraction(25), "00:00:00:00", placement((1.0, 5.0)))
    path = write(whole, "edl", tmp_path)
    path.write_text("mine")
    with refused(InputError, "is there already; give --overwrite or another folder"):
        timelines.write(whole, [TIMELINES["otio"], TIMELINES["edl"]], tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    timelines.write(whole, [TIMELINES["edl"]], tmp_path, overwrite=True)
    assert path.read_text() != "mine"


def test_formats_are_named_once_and_unknown_ones_are_told():
    assert [one.name for one in timelines.formats_in("otio, EDL,otio")] == ["otio", "edl"]
    with refused(InputError, "unknown timeline 'aaf'; known: otio, fcpxml"):
        timelines.formats_in("otio,aaf")
    with refused(InputError, "no timeline is named"):
        timelines.formats_in(" ,")
