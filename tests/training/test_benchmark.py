"""The benchmark runner on a small made-up dataset: figures, files, resuming, honesty of the log."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import InputError
from running import ROOT
from training.datasets.collections import segments
from training.evaluation import log, published, summary
from training.evaluation import report as rendering
from training.evaluation.benchmark import benchmark
from training.evaluation.trec import evaluate_trec
from training.evaluation.trials import Bench, Task, Trial, code, run
from training.types import Corpus, Dataset, Pairs

FITS: list[int] = []


def made_pairs(n: int, seed: int) -> Pairs:
    """Pairs whose features are noisy one-hot emotions; every pair has sources of its own."""
    rng = np.random.default_rng(seed)
    video, music = rng.integers(0, 5, n), rng.integers(0, 5, n)
    match = (video == music).astype(np.int64)

    def features(emotion: np.ndarray) -> np.ndarray:
        return (np.eye(5)[emotion] + rng.normal(0, 0.3, (n, 5))).astype(np.float32)

    sources = 2 * np.arange(n) + 10_000 * seed
    ids = tuple(f"{seed}-{i}" for i in range(n))
    return Pairs(features(video), features(music), match, video, music, sources, sources + 1, ids)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    validation = made_pairs(40, 2)
    corpus = Corpus(validation.video, validation.music, validation.video_emotion, tuple(f"c{i}" for i in range(40)))
    return Dataset("made-up", {"train": made_pairs(60, 1), "validation": validation}, corpus, "r1", "none")


@dataclass(frozen=True)
class Dot:
    """A dot product of the features, with noise from the seed; knows nothing of its training data."""

    noise: float = 0.0
    name: str = "dot"

    def fit(self, train, seed, stop=None, extra=None):
        FITS.append(len(train) if stop is None else -len(stop))
        rng, noise = np.random.default_rng(seed), self.noise

        class Fitted:
            def match(self, video, music):
                return np.clip((video * music).sum(axis=1) + noise * rng.normal(size=len(video)), 0, 1)

            def similarity(self, video, music):
                return video @ music.T + noise * rng.normal(size=(len(video), len(music)))

            def emotions(self, modality, features):
                return np.exp(features) / np.exp(features).sum(axis=1, keepdims=True)

        return Fitted()


SYSTEMS = {"dot": Dot(), "noisy": Dot(5.0)}


def test_graded_labels_by_hand(dataset):
    """The score of every pair is 1; equal emotions are graded 1, fearful and relaxing, the farthest apart, 0."""
    pairs = dataset.pairs["validation"].take(np.arange(2))
    pairs = replace(pairs, video_emotion=np.array([3, 1]), music_emotion=np.array([3, 4]))
    task = Task(pairs, None, pairs, segments(pairs))
    assert summary.nearness(task.pairs, len(task.classes)) == pytest.approx([1, 0])


def test_a_good_system_beats_a_noisy_one_and_chance(dataset, tmp_path):
    report = benchmark(Bench(dataset, "clean", "folds"), SYSTEMS, range(3), out=tmp_path, command="test")
    good, bad = (report["systems"][name]["measures"]["video->music mAP"] for name in ("dot", "noisy"))
    assert good["mean"] > bad["mean"] > 0.5 * report["chance"]["video->music mAP"]
    assert good["low_95"] < good["mean"] < good["high_95"]
    assert good["n"] == 60
    assert good["seeds"] == 3
    (test,) = [t for t in report["significance"] if t["measure"] == "video->music mAP"]
    assert (test["a"], test["b"]) == ("dot", "noisy")
    assert test["difference"] == pytest.approx(good["mean"] - bad["mean"])
    assert test["p"] < 0.01
    assert report["systems"]["dot"]["measures"]["video emotion accuracy"]["mean"] > 0.8


def test_published_split_scores_the_corpus_and_writes_everything(dataset, tmp_path):
    report = benchmark(Bench(dataset, "clean"), SYSTEMS, range(2), out=tmp_path, command="recommend benchmark ...")
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(report))
    text = (tmp_path / "report.md").read_text()
    assert "*chance*" in text
    assert "**dot**" in text
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 4 + 1 + 2 + 2 + 1
    for outside in ("http://", "https://", "src=", "<script"):
        assert outside not in page.replace('="http://www.w3.org/', "")  # names of XML vocabularies, never fetched
    found = evaluate_trec(tmp_path / "trec" / "video-music.qrels", tmp_path / "trec" / "dot.video-music.run", ["mAP"])
    assert found.means["mAP"] == pytest.approx(report["systems"]["dot"]["measures"]["video->music mAP"]["mean"])
    assert len((tmp_path / "per_query" / "noisy.music-video.csv").read_text().splitlines()) == 41


def test_the_match_score_is_measured_as_a_probability(dataset, tmp_path):
    report = benchmark(Bench(dataset, "clean"), SYSTEMS, range(2), out=tmp_path, command="test")
    pairs = dataset.pairs["validation"]
    score = np.clip((pairs.video * pairs.music).sum(axis=1), 0, 1).astype(float)
    entry = report["systems"]["dot"]
    found = {name: entry["measures"][name] for name in summary.PROBABILITY}
    assert found["MAE"]["mean"] == pytest.approx(np.abs(score - pairs.match).mean())
    assert found["Brier"]["mean"] == found["MSE"]["mean"] == pytest.approx(((score - pairs.match) ** 2).mean())
    assert found["R2"]["mean"] == pytest.approx(1 - found["MSE"]["mean"] / pairs.match.var())
    for name in ("MAE", "MSE", "R2", "Brier"):
        assert found[name]["low_95"] < found[name]["mean"] < found[name]["high_95"]
    assert 0 <= found["ECE"]["low_95"] < found["ECE"]["high_95"]
    share = pairs.match.mean()
    constant = {"MAE": 2 * share * (1 - share), "MSE": pairs.match.var(), "R2": 0, "Brier": pairs.match.var(), "ECE": 0}
    assert {name: report["chance"][name] for name in constant} == pytest.approx(constant)
    curve = entry["reliability"]["bins"]
    assert sum(part["items"] for part in curve) == 2 * len(pairs)  # both seeds
    several = [part for part in curve if part["low_95"] is not None]  # more than one source in the bin
    assert len(several) > 2
    assert all(part["low_95"] <= part["observed"] <= part["high_95"] for part in several)
    assert 0 < entry["reliability"]["ece_if_calibrated"] < 0.2
    text = (tmp_path / "report.md").read_text()
    assert "| *constant* | " in text
    assert "22 people" not in text


def test_people_are_quoted_where_they_were_asked():
    assert published.survey("emomv-c") == {"matched": 0.9182, "mismatched": 0.1182}
    assert published.survey("made-up") is None
    assert "91.82 % of the ratings of matched and 11.82 %" in rendering.people(published.survey("emomv-c"))


def test_a_stopped_run_goes_on_and_a_changed_one_does_not_reuse(dataset, tmp_path):
    bench = Bench(dataset, "clean")
    FITS.clear()
    benchmark(bench, {"dot": Dot()}, range(2), out=tmp_path, command="test")
    first = (tmp_path / "report.json").read_text()
    assert len(FITS) == 2
    benchmark(bench, {"dot": Dot()}, range(3), out=tmp_path, command="test")
    assert len(FITS) == 3
    kept = tmp_path / "trials" / "dot.seed1.fold0.npz"
    with np.load(kept) as arrays:
        fewer = {name: arrays[name] for name in arrays.files if name != "video_vectors"}
    np.savez(kept, **fewer)  # kept by another version: without what this one needs
    run(bench, Dot(), Trial("dot", 1, 0), folder=tmp_path, reason="test")
    assert len(FITS) == 4
    (tmp_path / "trials" / "dot.seed0.fold0.npz").write_bytes(b"cut short")
    benchmark(bench, {"dot": Dot(0.1)}, range(2), out=tmp_path, command="test")
    assert len(FITS) == 6
    again = benchmark(bench, {"dot": Dot()}, range(2), out=tmp_path, command="test")
    assert again["systems"]["dot"]["measures"] == json.loads(first)["systems"]["dot"]["measures"]


def test_every_scoring_of_evaluated_items_leaves_a_line(dataset, tmp_path):
    benchmark(Bench(dataset, "clean"), {"dot": Dot()}, range(2), out=tmp_path, command="test", reason="to see")
    benchmark(Bench(dataset, "clean"), {"dot": Dot()}, range(2), out=tmp_path, command="test", reason="again")
    scorings = log.entries(tmp_path / "evaluated.jsonl").scorings
    assert [(s.system, s.seed, s.part, s.reason) for s in scorings] == [
        ("dot", 0, "validation", "to see"),
        ("dot", 1, "validation", "to see"),
    ]


def test_only_the_paper_protocol_stops_on_the_evaluated_set(dataset, tmp_path):
    FITS.clear()
    for protocol in ("clean", "paper"):
        run(Bench(dataset, protocol), Dot(), Trial("dot", 0, 0), folder=tmp_path / protocol, reason="test")
    assert FITS == [60, -40]


def test_folds_cover_every_pair_once_and_share_no_source(dataset):
    bench = Bench(dataset, "clean", "folds", folds=4)
    tasks = [bench.task(0, fold) for fold in bench.fold_numbers()]
    assert sorted(name for task in tasks for name in task.pairs.ids) == sorted(dataset.pairs["train"].ids)
    for task in tasks:
        held = {*task.pairs.video_source.tolist(), *task.pairs.music_source.tolist()}
        assert held.isdisjoint({*task.train.video_source.tolist(), *task.train.music_source.tolist()})


def test_chance_is_what_random_scores_reach(dataset):
    bench = Bench(dataset, "clean")
    rng, corpus = np.random.default_rng(0), dataset.corpus
    level = summary.chance(bench, [0])["video->music mAP"]
    from training.measures import SameLabel, per_query

    labels = SameLabel(corpus.emotion, corpus.emotion)
    drawn = [per_query(rng.random((40, 40)), labels, ["mAP"])["mAP"].mean() for _ in range(200)]
    assert np.mean(drawn) == pytest.approx(level, abs=4 * np.std(drawn) / np.sqrt(200))


def test_the_precision_recall_curve_by_hand():
    # one query, relevant at ranks 1 and 3 of 4: precision 1 up to recall .5, then 2/3.
    points = summary.curve(np.array([[4.0, 3.0, 2.0, 1.0]]), np.array([[True, False, True, False]]))[0]
    assert points[:6].tolist() == [1.0] * 6
    assert points[6:] == pytest.approx([2 / 3] * 5)


def test_a_dataset_without_features_says_what_is_missing(dataset):
    bare = made_pairs(10, 3)
    bare = Pairs(bare.video[:, :0], *[getattr(bare, f) for f in list(Pairs.__dataclass_fields__)[1:]])
    lacking = Dataset("emomv-a", {"train": bare, "validation": bare}, None, "r", "l", ("SlowFast of train is absent",))
    with pytest.raises(InputError, match="emomv-a cannot be benchmarked without its train pairs: SlowFast of train"):
        Bench(lacking, "clean")


def test_without_a_published_corpus_the_matched_pairs_are_searched(dataset):
    pairs = dataset.pairs["validation"]
    assert len(segments(pairs)) == int(pairs.match.sum())


def test_an_unwritable_folder_is_one_clear_line(dataset, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot write"):
        benchmark(Bench(dataset, "clean"), {"dot": Dot()}, range(1), out=Path(tmp_path / "file"), command="test")


def test_a_trial_depends_on_all_that_a_fit_runs_through(monkeypatch):
    read, real = set(), Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.add(path.resolve()) or real(path))
    code.__wrapped__()
    homes = ("training/systems", "training/nets", "training/measures", "recommender/encoders", "recommender/rankers")
    assert read >= {path for home in homes for path in (ROOT / home).rglob("*.py")}  # packages in packages as well
    assert read >= {ROOT / "training" / "learning" / f"{name}.py" for name in ("loop", "losses", "folds", "targets")}
