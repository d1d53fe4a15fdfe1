"""A film read once: its scenes on frames, each as the clip it would be, its pictures, and what is printed of it."""

import csv
import io
from fractions import Fraction
from itertools import islice
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

import media_samples
from recommender import Model, media
from recommender.errors import InputError, MediaError
from recommender.extractors.video import parts
from recommender.films.cues import MusicCue
from recommender.films.grouping import Limits
from recommender.films.listing import listing
from recommender.films.pictures import write_pictures
from recommender.films.scenes import SceneWish, cut_film, read_film
from recommender.outputs.listing import as_csv, as_json
from recommender.sample.scenes import calm_lake, city_chase

FPS = 25
JOINTS, LENGTH = (201, 411), 610
"""Frames where the lake gives way to the chase, and where it is back; how many there are."""


@pytest.fixture(scope="module")
def model():
    return Model.load()


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A lake, a chase of shots of a second, and the lake again."""
    path = tmp_path_factory.mktemp("films") / "day out.mp4"
    lake, chase = (
        [np.ascontiguousarray(frame[::2, ::2]) for frame in islice(frames, count)]
        for frames, count in ((calm_lake(), 8), (city_chase(), 30))
    )
    fast = [chase[(24 if k // FPS % 2 else 0) + k % 6] for k in range(JOINTS[1] - JOINTS[0])]
    slow = [lake[k % len(lake)] for k in range(LENGTH - len(fast))]
    pictures = [*slow[: JOINTS[0]], *fast, *slow[JOINTS[0] :]]
    media.write_video(path, pictures, FPS)
    return path


@pytest.fixture(scope="module")
def reading(film):
    return parts.read(film)


@pytest.fixture
def cut(film, reading, model):
    """`cut(count=3)`: the scenes of the film."""
    return lambda **wish: cut_film(SimpleNamespace(model=model), film, reading, wish=SceneWish(**wish))


@pytest.fixture(scope="module")
def found(film, reading, model):
    """Its scenes as it changes."""
    return cut_film(SimpleNamespace(model=model), film, reading)


def frames_of(found):
    return [round(scene.start_s * FPS) for scene in found.scenes]


def test_scenes_begin_on_the_frame_and_say_why(found):
    assert len(found.cut_s) > 6
    assert frames_of(found) == [0, *JOINTS]
    assert [scene.start_s for scene in found.scenes[1:]] == [scene.end_s for scene in found.scenes[:-1]]
    assert found.scenes[-1].end_s == found.duration_s == LENGTH / FPS
    first, chase, last = found.scenes
    assert first.why == "the film begins"
    assert chase.why.startswith("cut; livelier")
    assert last.why.startswith("cut; calmer")
    assert found.clock.timecode(chase.start_s) == "00:00:08:01"


def test_a_scene_is_searched_as_the_clip_it_would_be(found, film, model, tmp_path):
    scene = found.scenes[1]
    inside = [f.rgb for f in media.frames(film, None) if scene.start_s - 1e-6 <= f.t_s < scene.end_s - 1e-6]
    media.write_video(tmp_path / "alone.mp4", inside, FPS)
    alone = model.analyse(tmp_path / "alone.mp4", "video")
    assert scene.query.duration_s == pytest.approx(alone.features.duration_s, abs=0.13)
    assert float(scene.query.vector @ alone.item_vector) > 0.95
    assert scene.query.affect[:2] == pytest.approx(alone.item_affect[:2].tolist(), abs=0.2)
    assert scene.query.course.windows[-1, 1] <= scene.duration_s + 1e-6
    assert scene.query.cues


def test_as_many_scenes_as_are_asked_for(cut):
    assert len(cut(count=5).scenes) == 5
    few = cut(count=90)
    assert len(few.scenes) < 90
    assert few.remarks[0].startswith("90 scenes are asked for")
    assert len(cut(limits=Limits(24.0)).scenes) == 1


def test_the_table_goes_out_and_comes_back(cut, found, tmp_path):
    table = as_csv(listing(found, [MusicCue(scene, None) for scene in found.scenes]))
    (tmp_path / "same.csv").write_text(table)
    again = cut(cuts=tmp_path / "same.csv")
    assert frames_of(again) == frames_of(found)
    rows = list(csv.DictReader(io.StringIO(table)))
    rows[1] |= {"start": "00:00:05:00", "label": "The chase", "music": "silence"}
    edited = "start,label,music\n" + "".join(f"{r['start']},{r['label']},{r['music']}\n" for r in rows[:2])
    (tmp_path / "edited.csv").write_text(edited)
    moved = cut(cuts=tmp_path / "edited.csv")
    assert frames_of(moved) == [0, 125]
    assert [(scene.label, scene.silent) for scene in moved.scenes] == [(None, False), ("The chase", True)]
    assert moved.scenes[1].why.startswith("set by hand; ")
    with pytest.raises(InputError, match="3 scenes are asked for, and the list of cuts has 2"):
        cut(cuts=tmp_path / "edited.csv", count=3)


def test_shots_of_an_edit_are_merged_and_name_the_scenes(cut, tmp_path):
    times = ("00:00", "03:00", "08:01", "12:00", "16:11", "20:00", "24:00")
    events = zip("abcdef", times, times[1:], strict=False)
    text = "".join(
        f"{number:03d}  AX V C 00:00:00:00 00:00:01:00 01:00:{start} 01:00:{end}\n* FROM CLIP NAME: {name}\n"
        for number, (name, start, end) in enumerate(events, 1)
    )
    (tmp_path / "edit.edl").write_text(f"TITLE: day out\n{text}")
    found = cut(cuts=tmp_path / "edit.edl")
    assert frames_of(found) == [0, *JOINTS]
    assert [scene.label for scene in found.scenes] == ["a, b", "c, d", "e, f"]
    assert found.scenes[1].why.startswith("event; livelier")
    assert len(cut(cuts=tmp_path / "edit.edl", count=6).scenes) == 6


def test_every_scene_has_a_picture(found, tmp_path, film):
    paths = write_pictures(found, tmp_path / "pictures")
    assert [path.name for path in paths] == ["scene 01.jpg", "scene 02.jpg", "scene 03.jpg"]
    shown = cv2.cvtColor(cv2.imread(str(paths[2])), cv2.COLOR_BGR2RGB).astype(int)
    there = [f.rgb for f in media.frames(film, None) if found.scenes[2].start_s < f.t_s < found.scenes[2].end_s]
    assert min(np.abs(shown - rgb).mean() for rgb in there) < 4
    with pytest.raises(InputError, match="is there already"):
        write_pictures(found, tmp_path / "pictures")
    write_pictures(found, tmp_path / "pictures", overwrite=True)


def test_scenes_and_cues_are_records(found):
    value = listing(found, [MusicCue(scene, None, "no music here") for scene in found.scenes])
    assert as_json(value)
    assert value.value["film"]["frames_per_s"] == FPS
    assert [scene["timecode_in"] for scene in value.value["scenes"]] == ["00:00:00:00", "00:00:08:01", "00:00:16:11"]
    assert [cue["why"] for cue in value.value["cues"]] == ["no music here"] * 3
    assert "00:00:08:01 - 00:00:16:11" in value.text


def test_many_scenes_have_a_line_each(found):
    many = [MusicCue(scene, None, "no music here") for scene in found.scenes * 20]
    lines = listing(found, many).text.splitlines()
    assert len(lines) < len(many) + 6
    assert sum("no music: no music here" in line for line in lines) == len(many)
    assert len({line.index("no music:") for line in lines if "no music:" in line}) == 1


def test_reading_and_listening_are_told(film, model):
    seen, heard = [], []
    read_film(SimpleNamespace(model=model), film, on_second=seen.append, on_heard=heard.append)
    assert seen == sorted(seen)
    assert seen[-1] > LENGTH / FPS - 1
    assert heard == []  # it has no sound


def test_what_has_no_cut_stays_one_scene(film, reading, model, tmp_path):
    engine = SimpleNamespace(model=model, clip=lambda path: SimpleNamespace(duration_s=0.0, loss=None, affect=None))
    path = media_samples.clip(tmp_path / "short.mp4", media_samples.ramp(30))
    assert len(read_film(engine, path).scenes) == 1
    still = read_film(engine, media_samples.still(tmp_path / "still.png"))
    assert [(scene.start_s, scene.end_s) for scene in still.scenes] == [(0.0, 0.0)]
    with pytest.raises(MediaError):
        read_film(engine, tmp_path / "none.mp4")


def test_a_part_has_what_is_in_it_and_nothing_of_its_neighbours(reading):
    lake, chase = reading.cut_out(0.0, JOINTS[0] / FPS), reading.cut_out(JOINTS[0] / FPS, JOINTS[1] / FPS)
    assert len(lake.cut_s) == 0
    assert not lake.cut.any()
    assert len(chase.cut_s) == chase.cut.sum() > 6
    assert chase.still_s[0] < 0.5
    assert chase.edges[-1, 1] <= (JOINTS[1] - JOINTS[0]) / FPS + 1e-9
    assert len(reading.cut_out(1.01, 1.02).looks) == 1


def test_the_change_is_found_where_it_is(tmp_path):
    path = media_samples.clip(tmp_path / "ramp.mp4", media_samples.ramp(40), fps=10)
    (first, last) = media.excerpts(path, [(0.0, 0.35), (2.0, 2.2)])
    assert [round(frame.t_s, 3) for frame in first] == [0, 0.1, 0.2, 0.3]
    assert [round(frame.t_s, 3) for frame in last] == [2.0, 2.1, 2.2]
    every = {round(frame.t_s, 3): frame.rgb for frame in media.frames(path, None)}
    assert all(np.array_equal(frame.rgb, every[round(frame.t_s, 3)]) for frame in (*first, *last))


def test_timecode_drops_numbers_where_it_must(tmp_path, model):
    path = media_samples.clip(tmp_path / "ntsc.mp4", media_samples.ramp(60), fps=Fraction(30000, 1001))
    found = read_film(SimpleNamespace(model=model), path)
    assert found.clock.drop
    assert found.clock.timecode(60.06) == "00:01:00;02"
    assert found.duration_s == pytest.approx(60 * 1001 / 30000)
