"""Positive, neutral and negative: datasets of three classes, and relevance by class of any dataset."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_benchmark import SYSTEMS, dataset  # noqa: F401 (a fixture)

from labelled_texts import TEXT, write_table
from recommender.errors import InputError
from running import refused
from training.construction import build
from training.construction.extractors import PAIRS
from training.construction.table import read_table
from training.datasets import load_pairs
from training.evaluation import summary
from training.evaluation.benchmark import benchmark
from training.evaluation.trials import Bench
from training.learning.targets import class_scores
from training.retrieval.train import train_retrieval
from training.types import CLASS_OF, CLASSES, Corpus, Dataset

WORDS = ("positive", "neutral", "negative", "relaxing", "sad")
MEANT = (0, 1, 2, 0, 2)


def row(source: int, i: int) -> tuple[str, str, str]:
    return f"media/{source}-{i}.txt", WORDS[(source + i) % 5], f"film {source}"


ROWS = [row(source, i) for source in range(12) for i in range(5)]


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A dataset of three classes."""
    monkeypatch.setitem(PAIRS, "text", TEXT)
    report = build(
        write_table(tmp_path, ROWS), tmp_path / "D", "return", seed=0, extractor="text", validation=0.4, classes="three"
    )
    return report, load_pairs("built", tmp_path / "D")


def test_emotions_stand_for_their_class_and_neutral_ones_stay(tmp_path):
    table = read_table(write_table(tmp_path, ROWS), "three")
    assert table.neutral == 0
    assert len(table.rows) == len(ROWS)
    wanted = {path: MEANT[WORDS.index(word)] for path, word, _ in ROWS}
    assert {r.path: r.emotion for r in table.rows} == wanted
    with pytest.raises(InputError, match="line 2: unknown emotion 'positive'"):
        read_table(tmp_path / "labels.csv")
    with pytest.raises(InputError, match="unknown emotion 'glad'"):
        read_table(write_table(tmp_path, [("media/x.txt", "glad", "film")], "other.csv"), "three")


def test_a_dataset_of_three_classes_keeps_its_labels(built):
    report, data = built
    assert data.labels == CLASSES
    assert {*report.splits["train"].emotions} == {*CLASSES}
    assert report.neutral == 0
    for pairs in data.pairs.values():
        np.testing.assert_array_equal(pairs.match, pairs.video_emotion == pairs.music_emotion)
    mismatched = data.pairs["train"].take(data.pairs["train"].match == 0)
    kinds = set(zip(mismatched.video_emotion.tolist(), mismatched.music_emotion.tolist(), strict=True))
    assert kinds == {(a, b) for a in range(3) for b in range(3) if a != b}


def test_a_model_that_names_emotions_is_not_trained_on_classes(built, tmp_path):
    with refused(InputError, "D has the labels positive, neutral, negative, .* without --classes three"):
        train_retrieval(built[1], Wide(), tmp_path / "model", command="test")
    assert not (tmp_path / "model").exists()


def test_a_benchmark_of_three_classes_names_them(built, tmp_path):
    _, data = built
    report = benchmark(Bench(data, "clean"), {"dot": Wide()}, range(1), out=tmp_path / "out", command="test")
    assert list(report["systems"]["dot"]["slices"]["video->music"]) == list(CLASSES)
    constant = report["chance"]["graded MSE"]
    pairs = data.pairs["validation"]
    near = class_scores()[pairs.video_emotion, pairs.music_emotion]
    assert constant == pytest.approx(near.var())


class Wide:
    """Scores by the first column."""

    name = "dot"

    def fit(self, train, seed, stop=None, extra=None):
        return self

    def match(self, video, music):
        return 1 / (1 + np.abs(video[:, 0] - music[:, 0]))

    def similarity(self, video, music):
        return -np.abs(video[:, :1] - music[:, :1].T)

    def emotions(self, modality, features):
        return None


def test_relevance_of_three_by_hand(dataset: Dataset) -> None:  # noqa: F811
    """Exciting and relaxing music is relevant to an exciting video; a fearful video may do with sad music."""
    pairs = dataset.pairs["validation"].take(np.arange(4))
    labels = np.array([0, 4, 1, 3])
    corpus = Corpus(pairs.video, pairs.music, labels, tuple("abcd"))
    four = replace(dataset, corpus=corpus)
    five, three = (Bench(four, "clean", relevance=name).task(0, 0) for name in ("five", "three"))
    similarity = np.eye(4)
    np.testing.assert_array_equal(summary.directions(five, similarity)["video->music"].relevant(), np.eye(4))
    expected = np.kron(np.eye(2), np.ones((2, 2)))
    for way in summary.directions(three, similarity).values():
        np.testing.assert_array_equal(way.relevant(), expected)
    assert [CLASS_OF[label] for label in labels] == [0, 0, 2, 2]


def test_a_report_by_class_states_its_chance(dataset: Dataset, tmp_path) -> None:  # noqa: F811
    bench = Bench(dataset, "clean", relevance="three")
    three = benchmark(bench, {"dot": SYSTEMS["dot"]}, range(1), out=tmp_path, command="test")
    five = summary.chance(replace(bench, relevance="five"), [0])
    assert three["relevance"] == "three"
    for direction in ("video->music", "music->video"):
        for name in ("mAP", "top@1"):
            assert three["chance"][f"{direction} {name}"] > five[f"{direction} {name}"]
    share = np.bincount(np.array(CLASS_OF)[dataset.corpus.emotion], minlength=3) / len(dataset.corpus)
    assert three["chance"]["video->music top@1"] == pytest.approx((share**2).sum())
    assert three["chance"]["accuracy"] == five["accuracy"]
    slices = three["systems"]["dot"]["slices"]["music->video"]
    assert list(slices) == list(CLASSES)
    assert slices["neutral"]["queries"] == 0
    text = (tmp_path / "report.md").read_text()
    assert "one class (positive, neutral, negative)" in text
    assert "positive" in (tmp_path / "per_query" / "dot.video-music.csv").read_text()
    assert json.loads((tmp_path / "report.json").read_text())["relevance"] == "three"


def test_classes_lie_in_a_row():
    assert class_scores().tolist() == [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]]
