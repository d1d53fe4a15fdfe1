"""The stage report: orders worked by hand, the product's search inside, and what the report says of both."""

import csv
import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from recommender.errors import InputError
from running import refused
from training.evaluation import report as rendering
from training.evaluation import stages, trials
from training.evaluation.benchmark import benchmark
from training.evaluation.stages import COSINE, INDEX, OWN, M, Pair, V
from training.evaluation.trials import Bench, Outcome, Task, Trial
from training.types import Corpus, Dataset, Pairs

SEEDS = range(2)


def made(n: int, seed: int, noise: float = 0.6) -> Pairs:
    """Pairs whose features are noisy one-hot emotions; every pair has sources of its own."""
    rng = np.random.default_rng(seed)
    emotion = rng.integers(0, 5, (2, n))
    video, music = ((np.eye(5)[e] + rng.normal(0, noise, (n, 5))).astype(np.float32) for e in emotion)
    sources, match = 2 * np.arange(n), (emotion[0] == emotion[1]).astype(np.int64)
    return Pairs(video, music, match, *emotion, sources, sources + 1, tuple(f"q{i:02}" for i in range(n)))


@pytest.fixture(scope="module")
def bench() -> Bench:
    train = made(90, 1)
    return Bench(Dataset("emomv-c", {"train": train, "validation": made(10, 2)}, None, "r", "l"), "clean", "folds", 2)


@dataclass(frozen=True)
class Direct:
    """Retrieves by the direction of the features; `searchable` decides whether it gives its vectors."""

    name: str = "direct"
    searchable: bool = True
    weight: float | None = None

    def fit(self, train, seed, stop=None, extra=None):
        rng, name = np.random.default_rng(seed), self.name

        class Fitted:
            def match(self, video, music):
                return np.clip((video * music).sum(axis=1), 0, 1)

            def similarity(self, video, music):
                if name == "random":
                    return rng.normal(size=(len(video), len(music)))
                return unit(video) @ unit(music).T

            def emotions(self, modality, features):
                return None

        fitted = Fitted()
        if self.searchable:
            fitted.embed = lambda modality, features: unit(features)
        if self.weight is not None:
            fitted.weight = self.weight
        return fitted


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def outcome(similarity: np.ndarray, video: np.ndarray, music: np.ndarray) -> Outcome:
    """An outcome of a corpus with these scores and vectors."""
    none = np.zeros((0, 5))
    return Outcome(np.zeros(0), similarity, none, none, video.astype(np.float32), music.astype(np.float32), np.nan, 0)


def test_reordered_by_hand() -> None:
    base, second = np.array([0.9, 0.8, 0.1, 0.1]), np.array([-5.0, 7.0, 99.0, 0.0])
    got = stages.reorder(base, second, np.array([True, True, False, False]))
    assert np.argsort(-got, kind="stable").tolist() == [1, 0, 2, 3]
    assert got[2] == got[3]  # what ties stays tied
    assert stages.reorder(base, second, np.ones(4, bool)).argsort().tolist() == [0, 3, 1, 2]


@given(arrays(np.float64, 8, elements=st.floats(-3, 3)), arrays(np.int64, 8, elements=st.integers(0, 3)), st.data())
def test_only_the_first_are_moved_and_never_behind_the_others(base, second, data) -> None:
    first = np.zeros(8, bool)
    first[np.argsort(-base)[: data.draw(st.integers(0, 8))]] = True
    got = stages.reorder(base, second, first)
    if first.any() and not first.all():
        assert got[first].min() > got[~first].max()
    for part, by in ((first, second), (~first, base)):
        same = np.sign(np.subtract.outer(by[part], by[part]))
        np.testing.assert_array_equal(np.sign(np.subtract.outer(got[part], got[part])), same)


def test_every_stage_by_hand(monkeypatch) -> None:
    """Angles give the cosine order m0 m1 m2 m3 for the query; relevant are m1 and m3; the second stage knows."""
    monkeypatch.setattr(stages, "CUTOFFS", (2, 3))
    angle = np.array([0.1, 0.2, 0.3, 0.4])
    music = np.column_stack([np.cos(angle), np.sin(angle)])
    video = np.tile([[1.0, 0.0]], (4, 1))
    emotion = np.array([1, 0, 1, 0])
    corpus = Corpus(video, music, emotion, ("a", "b", "c", "d"))
    pairs = Pairs(video, music, emotion, emotion, emotion, emotion, emotion, ("p",) * 4)
    knows = (emotion[:, None] == emotion).astype(float) + np.array([0, 0.1, 0, 0.2])
    own = np.tile(angle, (4, 1))  # the opposite order
    first, second = outcome(own, video, music), outcome(knows, video, music)
    found = stages.of_task(Task(pairs, None, pairs, corpus), first, second)[V]
    # Query b (emotion 0, relevant m1 and m3): places 2 and 4, then after rescoring 1 and 4, 1 and 4, 1 and 2.
    exact = {COSINE: (1 / 2 + 2 / 4) / 2, INDEX: (1 / 2 + 2 / 4) / 2, OWN: (1 + 2 / 3) / 2}
    again = {"rescored 2": (1 + 2 / 4) / 2, "rescored 3": (1 + 2 / 4) / 2, "rescored all": 1.0}
    assert {stage: values[1] for stage, values in found.items()} == pytest.approx(exact | again)
    # Query a (relevant m0 and m2): places 1 and 3; with three candidates both are in front.
    assert found["rescored 2"][0] == pytest.approx((1 + 2 / 3) / 2)
    assert found["rescored 3"][0] == 1


def test_candidates_are_those_of_the_direction() -> None:
    """11 videos, 11 pieces; only the cut at ten tells the directions apart: the worst piece is no candidate."""
    rng = np.random.default_rng(0)
    video, music = (unit(rng.normal(size=(11, 3))).astype(np.float32) for _ in range(2))
    second = rng.normal(size=(11, 11))
    forth, back = (
        stages.orders(video, music, second, second=second),
        stages.orders(music, video, second.T, second=second.T),
    )
    cosine = video.astype(np.float64) @ music.T
    for scores, base in ((forth["rescored 10"], cosine), (back["rescored 10"], cosine.T)):
        np.testing.assert_array_equal(scores.argmin(axis=1), base.argmin(axis=1))
    np.testing.assert_array_equal(forth["rescored all"].argsort(), second.argsort())
    np.testing.assert_array_equal(forth["rescored 50"], forth["rescored all"])
    np.testing.assert_allclose(forth[INDEX], cosine, atol=1e-6)


def test_the_search_breaks_ties_in_no_order_of_the_corpus() -> None:
    same = np.tile([[1.0, 0.0]], (40, 1)).astype(np.float32)
    rows, cosines = stages.Library(same).top(np.array([1.0, 0.0]), 10)
    assert len({*rows}) == 10
    assert sorted(rows) != list(range(10))
    assert cosines.tolist() == [1] * 10
    rows, cosines = stages.Library(same).top(np.zeros(2), 10)  # no direction: everything is as good
    assert len({*rows}) == 10
    assert cosines.tolist() == [0] * 10


@pytest.fixture(scope="module")
def written(bench, tmp_path_factory):
    """A report and its folder: `direct` rescored by chance, which calls itself a fusion, and by itself."""
    folder = tmp_path_factory.mktemp("report")
    systems = {"direct": Direct(), "random": Direct("random", searchable=False, weight=0.3)}
    pairs = [Pair("direct", "random"), Pair("direct", "direct")]
    return benchmark(bench, systems, SEEDS, out=folder, command="test", pairs=pairs), folder


def test_the_report_measures_every_stage(written) -> None:
    report, folder = written
    assert json.loads((folder / "report.json").read_text()) == json.loads(json.dumps(report))
    pair = report["stages"][0]
    assert (pair["first"], pair["second"]) == ("direct", "random")
    for direction in (V, M):
        entries = {entry["stage"]: entry for entry in pair["directions"][direction]}
        assert list(entries) == [COSINE, OWN, INDEX, "rescored 10", "rescored 20", "rescored 50", "rescored all"]
        level = report["systems"]["direct"]["measures"][f"{direction} mAP"]["mean"]
        exact, all_ = entries[COSINE], entries["rescored all"]
        assert exact["mAP"] == pytest.approx(level, abs=1e-4)
        assert exact["difference"] == pytest.approx(exact["mAP"] - 1)
        assert exact["p"] is None
        assert abs(entries[INDEX]["difference"]) < 1e-4
        assert all_["mAP"] == pytest.approx(report["systems"]["random"]["measures"][f"{direction} mAP"]["mean"])
        assert all_["difference"] == pytest.approx(all_["mAP"] - entries[INDEX]["mAP"])
        assert all_["difference_low_95"] < all_["difference"] < all_["difference_high_95"] < 0
        assert all_["p"] <= all_["p_holm"] < 0.01
        assert all_["sd_over_seeds"] > 0
        assert all_["queries"] == 90
    table = (folder / "per_query" / "stages.direct.random.video-music.csv").read_text()
    rows = list(csv.DictReader(table.splitlines()))
    assert list(rows[0])[:4] == ["query", "emotion", COSINE, OWN]
    found = np.mean([float(row["rescored 10"]) for row in rows])
    assert found == pytest.approx(pair["directions"][V][3]["mAP"])
    text = (folder / "report.md").read_text()
    assert "## Stages: direct, then random" in text
    assert "| rescored all |" in text
    assert "-0.000" not in text
    assert "Stages: direct, then direct" in (folder / "report.html").read_text()


def test_rescoring_by_the_first_stage_itself_changes_nothing(written) -> None:
    for entries in written[0]["stages"][1]["directions"].values():
        assert [entry["mAP"] for entry in entries] == pytest.approx([entries[0]["mAP"]] * 7, abs=1e-4)


def test_a_fusion_tells_the_weights_it_chose(written) -> None:
    report, _ = written
    assert report["systems"]["random"]["fusion_weight"] == {"mean": pytest.approx(0.3), "low": 0.3, "high": 0.3}
    assert "fusion_weight" not in report["systems"]["direct"]
    assert "gave its second system the weight 0.30 on average (0.3 to 0.3)" in rendering.markdown(report)


def test_vectors_are_kept_with_the_scores(bench, tmp_path) -> None:
    trial = Trial("direct", 0, 0)
    first, again = (trials.run(bench, Direct(), trial, folder=tmp_path, reason="test") for _ in range(2))
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.searchable
    assert np.isnan(again.weight)
    corpus = bench.task(0, 0).corpus
    np.testing.assert_allclose(again.music_vectors, unit(corpus.music), atol=1e-6)
    assert not trials.run(bench, Direct(searchable=False), trial, folder=tmp_path, reason="test").searchable


def test_pairs_are_read_and_wrong_ones_named(bench, tmp_path) -> None:
    systems = ["a", "b", "mine:2"]
    assert stages.parse_pair("a:b", systems) == Pair("a", "b")
    assert stages.parse_pair("mine:2:a", systems) == Pair("mine:2", "a")
    for text, message in (
        ("a", r"--stages a: write FIRST:SECOND, both among the systems to run \(a, b, mine:2\)"),
        ("a:c", "--stages a:c: c is not among the systems to run"),
        ("c:a", "--stages c:a: c is not among"),
        (":a", "an empty name is not among"),
    ):
        with refused(InputError, message):
            stages.parse_pair(text, systems)
    blind = {"blind": Direct("blind", searchable=False)}
    with refused(InputError, "--stages blind:blind: blind has no vectors to search with"):
        benchmark(bench, blind, [0], out=tmp_path, command="test", pairs=[Pair("blind", "blind")])


def test_the_command_names_wrong_stages_before_it_reads_data(run, tmp_path) -> None:
    pytest.importorskip("torch", reason="torch is not installed (extra `train`)")
    ran = run(
        "benchmark",
        "--dataset",
        "emomv-c",
        "--data",
        tmp_path / "none",
        "--systems",
        "evidence,supcon",
        "--stages",
        "evidence:magic",
        "--out",
        tmp_path / "o",
    )
    assert ran.code == 2
    assert "--stages evidence:magic: magic is not among the systems to run (evidence, supcon)" in ran.err
