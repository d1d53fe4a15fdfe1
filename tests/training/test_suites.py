"""The named suites on made-up data: published figures beside ours, kept fits, and tuning inside the folds."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.errors import InputError
from running import refused
from training.datasets.generated import TERMS, GeneratedConfig, generate
from training.evaluation import summary
from training.evaluation.intervals import Interval
from training.evaluation.matching import GENERATED, PUBLISHED
from training.evaluation.suites import SUITES, Asked, baselines, emomv, parts, rated, run_suite, tables
from training.evaluation.suites.cache import Kept
from training.evaluation.suites.labelled import lacking
from training.systems.rated import ByPairs, FromScores
from training.types import Corpus, Dataset, Pairs

WORLD = GeneratedConfig(pairs=60)
FITS: list[tuple[str, int]] = []


@dataclass(frozen=True)
class ToyConfig:
    ridge: float = 1e6
    used: int = 3


@dataclass(frozen=True)
class Toy(FromScores):
    """Least squares of the score on products of the first columns."""

    name: str = "toy"
    config: ToyConfig = field(default_factory=ToyConfig)

    def fit_scored(self, data, seed, stop=None, extra=None):
        FITS.append((self.name, len(data)))
        config = self.config

        def columns(video, music):
            return np.column_stack([np.ones(len(video)), video[:, : config.used] * music[:, : config.used]])

        x = columns(data.video, data.music)
        weights = np.linalg.solve(x.T @ x + config.ridge * np.eye(x.shape[1]), x.T @ data.score)

        class Fitted(ByPairs):
            def match(self, video, music):
                return np.clip(columns(video, music) @ weights, 0, 1)

        return Fitted()


@dataclass(frozen=True)
class Labels:
    """A system that ratings are nothing for."""

    name: str = "labels"
    config: ToyConfig = field(default_factory=ToyConfig)

    def fit(self, train, seed, stop=None, extra=None):
        return Toy(self.name).fit(train, seed)


def made_pairs(n: int, seed: int) -> Pairs:
    """Pairs whose features are noisy one-hot emotions; every pair has sources of its own."""
    rng = np.random.default_rng(seed)
    video, music = rng.integers(0, 5, n), rng.integers(0, 5, n)
    match = np.arange(n) % 2
    music = np.where(match == 1, video, (video + 1 + music % 4) % 5)
    features = [(np.eye(5)[e] + rng.normal(0, 0.3, (n, 5))).astype(np.float32) for e in (video, music)]
    sources = 2 * np.arange(n) + 10_000 * seed
    return Pairs(*features, match, video, music, sources, sources + 1, tuple(f"{seed}-{i}" for i in range(n)))


def made_set(name: str) -> Dataset:
    train, held = made_pairs(60, 1), made_pairs(30, 2)
    corpus = Corpus(held.video, held.music, held.video_emotion, held.ids)
    return Dataset(name, {"train": train, "validation": held}, corpus, "r1", "none")


def bare(data: Dataset) -> Dataset:
    """The set without pictures."""
    pairs = {part: replace(p, video=p.video[:, :0]) for part, p in data.pairs.items()}
    missing = "train: no video features (a.h5)", "validation: no video features (c.h5)", "test: no labels (b.csv)"
    return Dataset("emomv-a", pairs, None, "r2", "none", missing)


@pytest.fixture
def toys(monkeypatch):
    """The table of systems with three toys, of which one has candidates."""
    made = {"afclnet": Toy("afclnet"), "ccda": Toy("ccda"), "li-kumar": Labels("li-kumar")}
    spaces = {"afclnet": {"ridge": (1e6, 1e-3)}, "ccda": {"ridge": (1e6, 1e-3), "used": (3, 5)}}
    monkeypatch.setattr(baselines, "SYSTEMS", dict.fromkeys(made, "toy"))
    monkeypatch.setattr(baselines, "system", lambda name: made[name])
    monkeypatch.setattr(baselines, "space", lambda name: spaces.get(name, {}))
    monkeypatch.setattr(baselines.labelled, "emomv_c", lambda folder: made_set("emomv-c"))
    FITS.clear()


@pytest.fixture(autouse=True)
def quick_intervals(monkeypatch):
    """Intervals over queries without resampling: they are tested where they are made."""

    def point(values, *args, **kwargs):
        return Interval(float(np.nanmean(values)), np.nan, np.nan, len(values))

    def of(statistic, *columns, **kwargs):
        return Interval(statistic(*columns), np.nan, np.nan, len(columns[0]))

    monkeypatch.setattr(summary, "bootstrap", point)
    monkeypatch.setattr(summary, "bootstrap_of", of)


def rows_of(report: dict, title: str) -> dict[str, dict]:
    (table,) = [table for table in report["tables"] if table["title"] == title]
    return {row["label"]: row["cells"] for row in table["rows"]}


# What is kept and how it is shown


def test_a_figure_is_computed_once_and_counted_once(tmp_path):
    calls = []
    kept = Kept(tmp_path)

    def compute():
        calls.append(1)
        return {"R2": 0.25}

    assert kept("a", ("fact", 1), compute) == kept("a", ("fact", 1), compute) == {"R2": 0.25}
    assert (len(calls), kept.fits) == (1, 1)
    again = Kept(tmp_path)
    assert again("a", ("fact", 1), compute) == {"R2": 0.25}
    assert (len(calls), again.fits) == (1, 1)
    assert again.seconds == pytest.approx(kept.seconds)
    kept("a", ("fact", 2), compute)
    assert len(calls) == 2
    for file in (tmp_path / "fits").glob("*.json"):
        file.write_text("cut sh")
    Kept(tmp_path)("a", ("fact", 1), compute)
    assert len(calls) == 3


def test_a_table_is_read_as_it_is_meant():
    figure = tables.over_seeds(np.array([0.1, 0.2, 0.3, 0.4]))
    assert figure["mean"] == pytest.approx(0.25)
    assert figure["low_95"] < 0.25 < figure["high_95"]
    rows = [
        tables.Row("chance", {"R2": 0.0}, "chance"),
        tables.Row("ours", {"R2": figure, "said": tables.figures_cell((0.109, None, 0.623))}),
    ]
    text = tables.Table("T", "How.", ("R2", "said"), rows).markdown()
    assert "| *chance* | 0.000 | - |" in text
    assert "| **ours** | 0.250 ± 0.129 [" in text
    assert text.endswith("| 0.109 / not given / 0.623 |")


def test_an_unknown_suite_lists_them(tmp_path):
    with pytest.raises(
        InputError, match="no suite is called 'x'; there are: afclnet-ablation, emomv-tables, matching-"
    ):
        run_suite("x", Asked(tmp_path), "")
    with refused(InputError, "--suite emomv-tables needs --data FOLDER"):
        run_suite("emomv-tables", Asked(tmp_path), "")
    with pytest.raises(InputError, match="1 seeds say nothing about the spread: at least 2"):
        run_suite("matching-baselines", Asked(tmp_path, seeds=1), "")


# Generated pairs


def test_every_score_is_calibrated_alike():
    """A system whose score has the right order and the wrong size is measured after calibration."""
    data = generate(TERMS, 5, GeneratedConfig(pairs=600))

    @dataclass(frozen=True)
    class Oracle:
        name: str = "oracle"

        def fit_scored(self, train, seed, stop=None, extra=None):
            known = {row.tobytes(): s for row, s in zip(data.music, data.score, strict=True)}

            class Fitted:
                def match(self, video, music):
                    return 0.9 + 0.1 * np.array([known[row.tobytes()] for row in music])

            return Fitted()

    found = rated.measure(Oracle(), data, 0)
    assert found["R2"] > 0.95
    assert rated.measure(Oracle(), data, 0, stops=True)["R2"] < 0


def test_labels_of_person_and_voice_show_in_the_columns_and_say_nothing_of_the_score():
    data = generate(TERMS, 3)
    for label, columns in ((data.person, data.video), (data.voice, data.music)):
        assert set(np.unique(label)) == {0, 1}
        assert 0.4 < label.mean() < 0.6
        assert abs(np.corrcoef(label, data.score)[0, 1]) < 0.06
        x = np.column_stack([np.ones(len(columns)), columns])
        fit = np.linalg.lstsq(x[:1100], label[:1100], rcond=None)[0]
        assert np.mean((x[1100:] @ fit > 0.5) == label[1100:]) > 0.75
    assert np.array_equal(data.take(np.arange(5)).voice, data.voice[:5])


# AFCLNet part by part


def test_every_published_row_of_the_four_tables_is_there_once():
    said = [part.published for rows in parts.TABLES.values() for part in rows if part.published and part.changes]
    rivals = {name for name in baselines.COMPARED.values() if name} - {"VideoAdviser"}  # it has no figures
    assert len(set(said)) == len(said)
    assert set(said) | rivals == set(PUBLISHED)
    assert [len(rows) for rows in parts.TABLES.values()] == [3, 5, 6, 4]


def test_a_part_changes_what_it_says():
    alone = parts.change_config(GENERATED, parts.ALONE)
    assert not alone.shape.self_attention
    assert not alone.shape.mutual_attention
    assert alone.consistency_weight == 0
    assert alone.reduction == GENERATED.reduction
    only = parts.change_config(GENERATED, parts._but("shape.mutual_attention"))
    assert only.shape.mutual_attention
    assert not only.shape.self_attention
    for rows in parts.TABLES.values():
        for part in rows:
            assert (parts.change_config(parts.BASE, part.changes) == parts.BASE) == (part.label == parts.WHOLE.label)
            assert parts.on_labels(part).calibration_folds == 0


def test_the_ablation_suite_fits_each_recipe_once(tmp_path, monkeypatch):
    seen = []

    def measured(system, data, seed, stops=False):
        seen.append((repr(system), seed))
        return {name: 0.1 * len(seen) for name in ("MAE", "MSE", "R2", "Brier", "AUC")}

    monkeypatch.setattr(rated, "measure", measured)
    monkeypatch.setattr(parts.labelled, "emomv_c", lambda folder: made_set("emomv-c"))
    monkeypatch.setattr(parts, "AFCLNet", lambda name, config: Toy(name, ToyConfig(used=1 + len(repr(config)) % 4)))
    asked = Asked(tmp_path, tmp_path, 3, world=WORLD)
    report = run_suite("afclnet-ablation", asked, "recommend ...")
    assert len(seen) == len(set(seen))
    assert len(report["tables"]) == 8
    whole = rows_of(report, "Table 4: auxiliary task, generated pairs")["the whole network"]
    assert whole == rows_of(report, "Table 1: inputs, generated pairs")["the whole network"]
    assert whole["published"] == "0.109 / 0.019 / 0.623"
    alone = rows_of(report, "Table 4: auxiliary task, generated pairs")["voice in the music"]
    assert "p " in alone["R2: whole minus this"]
    labelled = rows_of(report, "Table 4: auxiliary task, folds of EmoMV-C")
    assert labelled["voice in the music"]["video->music mAP"] == "not here: EmoMV has no such labels"
    assert 0 < labelled["the whole network"]["AUC"]["mean"] < 1
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "- command: `recommend ...`" in text
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["fits"] == report["fits"]
    before = len(seen)
    assert run_suite("afclnet-ablation", asked, "")["tables"] == report["tables"]
    assert len(seen) == before


# Rivals


def test_rivals_are_tuned_on_other_data_and_inside_the_folds(toys, tmp_path):
    asked = Asked(tmp_path, tmp_path, 2, trials=3, world=WORLD, folds=3)
    report = run_suite("matching-baselines", asked, "recommend ...")
    generated = rows_of(report, "Generated pairs")
    assert list(generated) == ["chance: a constant score", "afclnet", "ccda", "li-kumar"]
    assert generated["ccda"]["published"] == "0.162 / 0.041 / not given"
    assert "learns from emotion labels" in generated["li-kumar"]["MAE"]
    assert "p " in generated["ccda"]["R2: afclnet minus this"]
    labelled = rows_of(report, "EmoMV-C, folds of train")
    assert set(labelled) == {"chance", "afclnet", "ccda", "li-kumar"}
    assert labelled["ccda"]["accuracy"]["n"] == 60
    chosen = next(t for t in report["tables"] if t["title"] == "What the tuning chose")["rows"]
    tried = [(row["label"], row["cells"]["data"], row["cells"]["tried"]) for row in chosen]
    folds = [f"emomv-c, fold {i}" for i in range(3)]
    assert tried[:2] == [("afclnet", "generated", "2"), ("ccda", "generated", "3")]
    assert tried[2:] == [("afclnet", f, "2") for f in folds] + [("ccda", f, "3") for f in folds]
    # No fit has seen a held-out pair: 48 of 60 generated ones, 40 of the folds' 60, and halves of these.
    assert max(size for name, size in FITS) <= 48
    assert {size for name, size in FITS if name == "li-kumar"} == {40}
    before = len(FITS)
    assert run_suite("matching-baselines", asked, "")["tables"] == report["tables"]
    assert len(FITS) == before


def test_tuning_finds_the_better_configuration(toys, tmp_path):
    report = run_suite("matching-baselines", Asked(tmp_path, tmp_path, 2, trials=4, world=WORLD, folds=3), "")
    rows = next(t for t in report["tables"] if t["title"] == "What the tuning chose")["rows"]
    inside = [row["cells"] for row in rows if row["label"] == "ccda" and row["cells"]["data"] != "generated"]
    assert all("`used = 5`" in cells["chosen"] for cells in inside)  # all five emotions show in five columns
    assert all(cells["of the chosen"] > cells["quality of the default"] for cells in inside)


def test_without_emomv_the_generated_pairs_stand_alone(toys, tmp_path):
    report = run_suite("matching-baselines", Asked(tmp_path, None, 2, trials=1, world=WORLD), "")
    assert [table["title"] for table in report["tables"]] == ["Generated pairs", "What the tuning chose"]
    assert any("not run (no folder of it was given)" in line for line in report["facts"])


# EmoMV's tables


def test_emomv_has_published_rows_beside_ours_and_says_what_is_missing(tmp_path, monkeypatch):
    sets = {"emomv-a": bare(made_set("emomv-a")), "emomv-c": made_set("emomv-c")}

    def load(name, folder):
        if name not in sets:
            raise InputError(f"nothing of {name} is there")
        return sets[name]

    monkeypatch.setattr(emomv, "load_pairs", load)
    monkeypatch.setattr(emomv, "system", Toy)
    report = run_suite("emomv-tables", Asked(tmp_path, tmp_path, 2), "")
    assert len(report["tables"]) == 3 * 3 + 1
    (c,) = [table for table in report["tables"] if table["title"] == "emomv-c: classification"]
    first = c["rows"][1:4]
    assert [row["cells"]["figures"] for row in first] == ["published", "ours, `paper`", "ours, `clean`"]
    assert first[0]["cells"]["accuracy"] == pytest.approx(0.7083)
    assert first[0]["cells"]["music emotion accuracy"] == 0.5
    assert first[1]["cells"]["accuracy"]["seeds"] == 2
    (back,) = [table for table in report["tables"] if table["title"] == "emomv-c: music->video"]
    assert back["rows"][1]["cells"]["mAP"] == pytest.approx(0.4198)
    assert back["rows"][1]["label"] == "EmoMV, multi-task"
    assert back["rows"][2]["label"] == "emomv-retrieval"
    a = rows_of(report, "emomv-a: classification")
    assert a["emomv-classifier"]["figures"] == "not here: video features of train, validation; labels of test"
    b = rows_of(report, "emomv-b: video->music")
    assert b["emomv-retrieval"]["figures"] == "not here: nothing of it"
    (music,) = [table for table in report["tables"] if table["title"] == "Music alone"]
    scored = [(row["label"], row["cells"]["fitted on"]) for row in music["rows"]]
    assert ("emomv-a", "train without sources of validation") in scored
    assert ("emomv-b", "not here: music features of train") in scored
    assert 0 < music["rows"][1]["cells"]["accuracy"]["mean"] <= 1
    assert music["rows"][1]["cells"]["accuracy"]["n"] == 30
    assert 0.2 <= music["rows"][1]["cells"]["always the commonest emotion"] < 0.5
    log = (tmp_path / "emomv-c" / "paper" / "evaluated.jsonl").read_text(encoding="utf-8")
    assert log.count('"part": "validation"') == 2 * 6
    assert log.count("benchmark suite") == 2 * 6


def test_missing_parts_are_named():
    assert lacking(made_set("emomv-c")) == ""
    assert lacking(bare(made_set("emomv-a"))) == "video features of train, validation; labels of test"


def test_the_table_of_suites_is_the_one_of_the_command(run):
    assert set(SUITES) == {"afclnet-ablation", "emomv-tables", "matching-baselines"}
    ran = run("benchmark", "--out", "x")
    assert ran.code != 0
    assert "give either --dataset (with --systems) or --suite NAME" in ran.err
    ran = run("benchmark", "--suite", "emomv-tables", "--systems", "cca", "--out", "x")
    assert "--suite has its own systems" in ran.err
