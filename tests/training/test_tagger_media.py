"""`dataset tag` from media to a table that `dataset build` takes: end to end, resumed, with bad files."""

import csv
import json
import shutil

import numpy as np
import pytest

import media_samples
from labelled_texts import CALLS, TEXT, write_table
from pieces import chords
from recommender.errors import CliptuneError, InputError, ModelError
from recommender.model.retrieval import FeatureSet
from running import refused
from training.construction import build
from training.construction.extractors import KNOWN
from training.construction.storage import writing
from training.construction.table import read_table
from training.datasets import load_pairs
from training.learning.loop import Schedule
from training.nets.attendaffect import Shape
from training.tagger import learn, media
from training.tagger.media import extractors_of, source_of, tag_folder
from training.tagger.model import Opinion, Tag, Tagger
from training.tagger.network import TaggerConfig
from training.types import EMOTIONS

QUICK = TaggerConfig(Shape(8, 2, 1, 0.0, 0.1, 0.1), Schedule(3e-2, 0.0, 16, 8, 8), parts=3, members=1)


class Says(Tagger):
    """A tagger for the texts of `labelled_texts`: each model names the emotion that a letter of the file says."""

    def tag(self, video, music):
        return [self.opinion_on(row) for row in video]

    def opinion_on(self, row):
        pick = [int(x) % 2 for x in row]
        return Tag(*(Opinion(EMOTIONS[p], 0.5 + 0.1 * p) for p in pick))


def says() -> Says:
    needs = {one.modality: FeatureSet.by(one) for one in TEXT[1:]}
    return Says(EMOTIONS, needs, {}, Shape())


@pytest.fixture
def texts(tmp_path, monkeypatch):
    """A folder of 48 "clips" that are texts."""
    for one in TEXT[1:]:
        monkeypatch.setitem(KNOWN, one.name, one)
    CALLS.clear()
    write_table(tmp_path)
    folder = tmp_path / "media"
    monkeypatch.setattr(media, "media_files", lambda folder, modality: sorted(folder.rglob("*.txt")))
    return folder


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_has_its_line_and_only_what_all_agree_on_is_a_label(texts, tmp_path):
    (texts / "broken.txt").write_text("damaged")
    shutil.copy(texts / "3-1.txt", texts / "z copy.txt")
    report = tag_folder(texts, says(), tmp_path / "tags.csv", workers=1)
    labels, opinions = rows(tmp_path / "tags.csv"), rows(tmp_path / "tags.opinions.csv")
    assert [row["path"] for row in opinions] == sorted(p.name for p in texts.iterdir() if p.suffix == ".txt")
    kept = [row for row in opinions if row["outcome"] == "kept"]
    assert all(row["video"] == row["music"] == row["joint"] == row["tag"] for row in kept)
    apart = [row for row in opinions if row["outcome"] == "disagree"]
    assert all(len({row["video"], row["music"], row["joint"]}) == 2 and row["tag"] == "" for row in apart)
    assert [(f"media/{row['path']}", row["tag"]) for row in kept] == [(row["path"], row["emotion"]) for row in labels]
    facts = report.as_dict()
    assert (facts["files"], facts["kept"] + facts["disagree"]) == (50, 48)
    assert (facts["copies"], facts["failed"], facts["measured"]) == (1, 1, 48)
    assert facts["survival"] == round(facts["kept"] / 48, 4) > 0
    assert sum(facts["emotions"].values()) == facts["kept"]
    assert json.loads(json.dumps(facts)) == facts
    assert "no audio stream" in report.failed["broken.txt"]
    assert "a copy of" in report.failed["z copy.txt"]
    assert {row["path"]: row["outcome"] for row in opinions if row["reason"]} == {
        "broken.txt": "failed",
        "z copy.txt": "copy",
    }
    # The table is one that a data set can be built from.
    assert len(read_table(tmp_path / "tags.csv").rows) == facts["kept"]


def test_a_second_run_measures_nothing_and_tables_are_not_written_over_unasked(texts, tmp_path):
    out = tmp_path / "tags.csv"
    first = tag_folder(texts, says(), out, workers=1)
    with refused(InputError, r"tags.csv is there already.*--force"):
        tag_folder(texts, says(), out, workers=1)
    before, calls = out.read_bytes(), len(CALLS)
    again = tag_folder(texts, says(), out, workers=1, force=True)
    assert (out.read_bytes(), len(CALLS), again.computed, first.computed) == (before, calls, 0, 48)
    out.unlink()
    with pytest.raises(InputError, match=r"tags.opinions.csv is there already"):
        tag_folder(texts, says(), out, workers=1)


def test_labels_elsewhere_name_files_in_full_and_no_survivor_is_still_a_table(texts, tmp_path, monkeypatch):
    out = tmp_path / "elsewhere" / "tags.csv"
    report = tag_folder(texts, says(), out, workers=1)
    assert rows(out)[0]["path"].startswith(str(texts))
    assert len(read_table(out).rows) == report.count("kept")
    apart = Tag(Opinion("sad", 1.0), Opinion("tense", 1.0), Opinion("sad", 1.0))
    monkeypatch.setattr(Says, "opinion_on", lambda self, row: apart)
    report = tag_folder(texts, says(), out, workers=1, force=True)
    assert (report.as_dict()["kept"], report.as_dict()["survival"]) == (0, 0.0)
    assert out.read_text() == "path,emotion,source\n"


def test_what_cannot_be_tagged_is_one_line(texts, tmp_path):
    out = tmp_path / "tags.csv"
    with pytest.raises(InputError, match=r"ends in .csv"):
        tag_folder(texts, says(), tmp_path / "tags.json", workers=1)
    with pytest.raises(InputError, match="no such folder"):
        tag_folder(tmp_path / "nowhere", says(), out, workers=1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no clips"):
        tag_folder(tmp_path / "empty", says(), out, workers=1)
    (tmp_path / "empty" / "a.txt").write_text("damaged")
    with pytest.raises(InputError, match=r"no file can be tagged.*no audio stream"):
        tag_folder(tmp_path / "empty", says(), out, workers=1)
    assert not out.exists()
    with writing(out.with_name("tags.csv.cache")), pytest.raises(CliptuneError, match="another process"):
        tag_folder(texts, says(), out, workers=1)


def test_features_of_another_revision_are_refused(texts):
    assert extractors_of(says()) == {"video": TEXT.video, "music": TEXT.music}
    other = says()
    other.needs["music"] = FeatureSet("TextMusic", "2", ("p", "q"))
    with pytest.raises(ModelError, match="TextVideo 1 and TextMusic 2 features, which this program does not measure"):
        extractors_of(other)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("film_03.mp4", "film"),
        ("a/film_12.webm", "a/film"),
        ("film.mp4", "film"),
        ("a_PAIR_b_1.mp4", "a_pair_b"),
        ("_7.mp4", "_7.mp4"),
        (" .mp4", ".mp4"),
    ],
)
def test_segments_of_one_film_have_one_source(path, source):
    assert source_of(path).strip() == source


# The whole way, as a user goes it


def clip(path, emotion, seed):
    """A second of calm green with slow major chords, or of red flicker with fast dissonant ones."""
    rng = np.random.default_rng(seed)
    calm = emotion == "relaxing"
    colour = np.array([60, 160, 80] if calm else [200, 30, 20])
    frames = [
        np.clip(colour + rng.normal(0, 4 if calm else 60, (48, 64, 3)), 0, 255).astype(np.uint8) for _ in range(10)
    ]
    sound = chords((0, 4, 7) if calm else (0, 1, 6), 0.5 if calm else 0.1, 2, seed)
    media_samples.clip(path, frames, fps=10, y=sound)


def test_from_labelled_clips_over_a_tagger_to_a_data_set(tmp_path, run, monkeypatch):
    monkeypatch.setattr(learn, "TaggerConfig", lambda: QUICK)
    monkeypatch.setattr(learn, "FOLDS", 2)
    names = ("relaxing", "exciting")
    table = ["path,emotion,source"]
    for i in range(20):
        clip(tmp_path / f"{i}.mp4", names[i % 2], i)
        table.append(f"{i}.mp4,{names[i % 2]},film {i}")
    (tmp_path / "labels.csv").write_text("\n".join(table) + "\n")
    build(tmp_path / "labels.csv", tmp_path / "D", "return", seed=0)
    ran = run("train", "tagger", "--dataset", tmp_path / "D", "--out", tmp_path / "tagger")
    assert ran.code == 0, ran.err
    assert "tokens colour (17), texture (11), composition (6), motion (6), cuts (3)" in ran.out

    clips = tmp_path / "clips"
    clips.mkdir()
    for i in range(6):
        clip(clips / f"new_{i:02d}.mp4" if i else clips / "other.mp4", names[i % 2], 100 + i)
    media_samples.clip(clips / "silent.mp4")
    (clips / "noise.mkv").write_bytes(np.random.default_rng(0).bytes(5000))
    args = (
        "dataset",
        "tag",
        clips,
        "--tagger",
        tmp_path / "tagger",
        "--out",
        tmp_path / "tags.csv",
        "--format",
        "json",
    )
    ran = run(*args)
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert (facts["files"], facts["failed"], facts["measured"]) == (8, 2, 6)
    assert "silent.mp4" in ran.err
    assert "noise.mkv" in ran.err
    opinions = {row["path"]: row for row in rows(tmp_path / "tags.opinions.csv")}
    assert opinions["silent.mp4"]["outcome"] == opinions["noise.mkv"]["outcome"] == "failed"
    labels = rows(tmp_path / "tags.csv")
    assert len(labels) == facts["kept"] >= 4  # colours and chords tell them apart
    truth = {f"clips/new_{i:02d}.mp4" if i else "clips/other.mp4": names[i % 2] for i in range(6)}
    assert sum(truth[row["path"]] == row["emotion"] for row in labels) >= len(labels) - 1
    assert {row["source"] for row in labels} <= {"new", "other"}
    assert run(*args).code == 2
    ran = run(*args[:-2], "--force")
    assert ran.code == 0
    assert "survival" in ran.out


def test_a_tagger_is_needed_and_a_data_set_with_both_sides(tmp_path, run, shared_data):
    ran = run("dataset", "tag", tmp_path, "--tagger", "builtin")
    assert ran.code == 1
    assert "not a tagger but a model of kind 'affect'" in ran.err
    args = ("--data", shared_data / "emomv", "--out", tmp_path / "t")
    ran = run("train", "tagger", "--dataset", "emomv-a", *args)
    assert ran.code == 2
    assert "emomv-a has no video features" in ran.err
    assert load_pairs("emomv-a", shared_data / "emomv").pairs["train"].music.shape[1] == 128
