"""`--preview N --out DIR`, and `recommend preview CLIP TRACK`, as users type them."""

import json
import shutil
from pathlib import Path

import pytest

from recommender.media import probe
from recommender.outputs import OUTPUTS, Output


@pytest.fixture(scope="module")
def clip(clip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of 2 s alone in its folder."""
    return Path(shutil.copy(clip_folder / "calm.mp4", tmp_path_factory.mktemp("one")))


def test_the_best_are_rendered_beside_the_list(run, indexed, clip, tmp_path):
    asked = ("--video", clip, "--library", indexed, "--top", 3, "--format", "json")
    plain = json.loads(run(*asked).out)
    ran = run(*asked, "--preview", 2, "--out", tmp_path / "films")
    rows = json.loads(ran.out)
    assert ran.code == 0, ran.err
    assert [Path(row["preview"]).name for row in rows[:2]] == [
        f"calm - {row['rank']:02d} {row['title']}.mp4" for row in plain[:2]
    ]
    assert sorted(path.name for path in (tmp_path / "films").iterdir()) == sorted(
        Path(row["preview"]).name for row in rows[:2]
    )
    for row, before in zip(rows, plain, strict=True):
        placement, preview = row.pop("placement", None), row.pop("preview", None)
        assert row == before
        assert (placement is None) == (preview is None) == (row["rank"] == 3)
        if placement:
            assert placement["pieces"] == [{"start_s": row["in_s"], "end_s": row["in_s"] + 2}]
            assert (placement["clip_s"], placement["at_s"], placement["clip_gain_db"]) == (2, 0, None)
            assert probe(preview).has_audio
            assert probe(preview).duration_s == pytest.approx(2, abs=0.05)


def test_the_table_names_the_films_and_nothing_is_replaced_unasked(run, indexed, clip, tmp_path):
    asked = ("--video", clip, "--library", indexed, "--top", 1, "--preview", 1, "--out", tmp_path)
    ran = run(*asked)
    film = next(tmp_path.iterdir())
    assert f"  preview: {film}" in ran.out
    written = film.read_bytes()
    again = run(*asked, "--lufs", -23)
    assert (again.code, again.out) == (2, "")
    assert f"{film} is there already; give another name, or --overwrite" in again.err
    assert film.read_bytes() == written
    assert run(*asked, "--lufs", -23, "--overwrite").code == 0
    assert film.read_bytes() != written


def test_pictures_one_after_the_other_become_a_film_beside_its_previews(run, indexed, clip_folder, tmp_path):
    picture = clip_folder / "picture.png"
    asked = ("--video", picture, "--video", clip_folder / "wild.mp4", "--slideshow", 1.5, "--library", indexed)
    ran = run(*asked, "--top", 1, "--preview", 1, "--out", tmp_path, "--format", "json")
    assert ran.code == 0, ran.err
    row = json.loads(ran.out)[0]
    assert Path(row["placement"]["clip"]) == tmp_path / "picture and 1 more.mp4"
    for film in (row["placement"]["clip"], row["preview"]):
        assert probe(film).duration_s == pytest.approx(3.5, abs=0.05)


def test_clips_of_one_name_and_a_track_that_is_gone(run, indexed, clip, music_folder, tmp_path):
    (tmp_path / "b").mkdir()
    other = Path(shutil.copy(clip, tmp_path / "b"))
    asked = ("--video", clip, "--video", other, "--library", indexed, "--top", 4, "--preview", 4)
    lost = music_folder / "slow minor.wav"
    shutil.move(lost, tmp_path / "away.wav")
    try:
        ran = run(*asked, "--out", tmp_path / "films")
    finally:
        shutil.move(tmp_path / "away.wav", lost)
    assert ran.code == 1
    assert ran.err.count(f"error: cannot read '{lost}': no such file") == 2
    made = [len([r for r in json.loads(line)["recommendations"] if "preview" in r]) for line in ran.out.splitlines()]
    assert made == [3, 3]
    names = {path.name.split(" - ")[0] for path in (tmp_path / "films").iterdir()}
    assert names == {"calm", "calm (2)"}


def test_a_list_that_needs_a_path_goes_into_the_folder(run, indexed, clip, tmp_path, monkeypatch):
    monkeypatch.setitem(OUTPUTS, "json", Output("json", "", "recommender.outputs.table", needs_path=True))
    written: list[Path] = []
    monkeypatch.setattr(Output, "write", lambda self, answers, sink: written.append(sink) or [*answers])
    asked = ("--video", clip, "--library", indexed, "--top", 1, "--format", "json", "--out", tmp_path)
    assert run(*asked, "--preview", 1).code == 0
    assert run(*asked).code == 0
    assert written == [tmp_path / "recommendations.json", tmp_path]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--video", "clip.mp4", "--preview", 1), "--preview makes films: say in which folder by --out"),
        (("--track", "song.mp3", "--preview", 1, "--out", "films"), "--preview shows a clip: give one by --video"),
        (("--video", "clip.mp4", "--preview", 1, "--out", __file__), "is none"),
    ],
)
def test_options_that_do_not_go_together_are_refused(run, options, line):
    ran = run(*options)
    assert ran.code == 2
    assert line in ran.err


def test_one_clip_and_one_track(run, clip, music_folder, tmp_path):
    track = music_folder / "slow major.flac"
    film = tmp_path / "film.mp4"
    ran = run("preview", clip, track, "--in", "0:03.5", "--out", film)
    assert (ran.code, ran.out, ran.err) == (0, f"{film}\n", "")
    assert probe(film).duration_s == pytest.approx(2, abs=0.05)
    assert run("preview", clip, track, "--out", film).code == 2
    late = run("preview", clip, track, "--in", 20.5, "--out", tmp_path / "late.mp4")
    assert late.code == 0
    assert late.err == "the track ends 1.5 s before the clip does: silence follows it\n"
    for bad in ("x", "1:2:3:4", "-1", "nan", "1:inf"):
        ran = run("preview", clip, track, f"--in={bad}", "--out", tmp_path / "bad.mp4")
        assert ran.code == 2
        assert f"{bad}: no time; give seconds or minutes:seconds, such as --in 1:02" in ran.err
    assert run("preview", clip, track, "--in", "9:59", "--out", tmp_path / "bad.mp4").code == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "late.mp4"]
