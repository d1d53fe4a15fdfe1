"""Models and reports of benchmarks, as the app shows them to researchers."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.evaluation import trec
from training.evaluation.slices import per_query_table, write_per_query
from webapp.refusal import Refusal
from webapp.tasks import TASKS
from webapp.tasks.benchmarks import benchmark, benchmarks, queries

RESULTS = Path(__file__).resolve().parents[2] / "docs" / "results"
IDS = ("a clip", "b", "c", "d")
SCORES = np.array([[4.0, 3, 2, 1], [9, 1, 8, 7], [1, 2, 3, 4], [1, 2, 3, 4]])
RIGHT = {"a_clip": {"a_clip": 1}, "b": {"b": 1, "d": 1}, "c": {"c": 0}, "d": {"a_clip": 1}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A report with every query of one of its systems, written as `recommend benchmark` writes them."""
    home = tmp_path / "runs" / "folds"
    home.mkdir(parents=True)
    (home / "report.json").write_bytes((RESULTS / "emomv-c-folds.json").read_bytes())
    means = {"mAP": np.array([1.0, 0.4, np.nan, 0.25]), "top@1": np.array([1.0, 0, np.nan, 0])}
    rows = per_query_table(IDS, means, np.array([0, 1, 2, 3]))
    write_per_query(home / "per_query" / "evidence.video-music.csv", rows)
    names = tuple(name.replace(" ", "_") for name in IDS)
    trec.write_run(home / "trec" / "evidence.video-music.run", trec.run_of(SCORES, names, names), "evidence")
    trec.write_qrels(home / "trec" / "video-music.qrels", RIGHT)
    (tmp_path / "runs" / "other.json").write_text('{"command": "x", "systems": {}}')
    return tmp_path / "runs"


def only(folder: Path) -> dict:
    (found,) = benchmarks({"folders": [str(folder)]}, None)
    return found


def opened(folder: Path, **more) -> dict:
    asked = {"system": "evidence", "direction": "video-music", "order": "worst", "offset": 0, "limit": 10}
    return queries({"folders": [str(folder)], "report": only(folder)["id"], **asked, **more}, None)


def test_reports_are_found_and_nothing_else_is(folder: Path) -> None:
    found = only(folder)
    assert (found["name"], found["protocol"], found["datasets"]) == ("folds", "clean", ["emomv-c"])
    assert "evidence" in found["systems"]
    assert str(folder) not in found["id"]
    assert benchmarks({"folders": [str(folder / "missing")]}, None) == []


def test_every_report_that_is_kept_here_has_tables_with_chance(folder: Path) -> None:
    asked = {"folders": [str(RESULTS)]}
    kept = benchmarks(asked, None)
    assert len(kept) > 8
    for one in kept:
        told = benchmark({**asked, "report": one["id"]}, None)
        json.dumps(told, allow_nan=False)
        assert told["queries"]["systems"] == []
        assert told["queries"]["how"]
        for table in told["tables"]:
            assert table["rows"]
            assert all(set(row) == {"label", "kind", "cells"} for row in table["rows"])
        if one["suite"] is None:
            assert told["tables"][0]["rows"][0]["kind"] == "chance"


def test_figures_are_those_of_the_report(folder: Path) -> None:
    told = benchmark({"folders": [str(folder)], "report": only(folder)["id"]}, None)
    rows = {row["label"]: row["cells"] for row in told["tables"][0]["rows"]}
    written = told["report"]["systems"]["evidence"]["measures"]["video->music mAP"]
    assert rows["evidence"]["video->music mAP"] == written
    assert rows["chance"]["video->music mAP"] == told["report"]["chance"]["video->music mAP"]
    assert told["queries"] == {"systems": ["evidence"], "directions": ["video-music"], "how": ""}


def test_single_queries_are_looked_into(folder: Path) -> None:
    found = opened(folder)
    assert found["total"] == 4
    assert found["measures"] == ["mAP", "top@1"]
    assert [one["query"] for one in found["queries"]] == ["d", "b", "a clip", "c"]
    last, second, first, undefined = found["queries"]
    assert (first["ranks"], first["own"], first["relevant"], first["candidates"]) == ([1], 1, 1, 4)
    assert (second["ranks"], second["own"]) == ([3, 4], 4)
    assert [(top["id"], top["right"]) for top in second["top"]] == [
        ("a_clip", False),
        ("c", False),
        ("d", True),
        ("b", True),
    ]
    assert (last["ranks"], last["emotion"], last["values"]) == ([4], "sad", {"mAP": 0.25, "top@1": 0.0})
    assert (undefined["ranks"], undefined["values"]["mAP"]) == ([], None)
    assert [one["query"] for one in opened(folder, order="best", limit=2)["queries"]] == ["a clip", "b"]
    assert [one["query"] for one in opened(folder, order="name", offset=3)["queries"]] == ["d"]


@pytest.mark.parametrize("system", ["posterior", "../folds/per_query/evidence", "evidence.video-music.csv", ""])
def test_what_is_not_kept_is_refused(folder: Path, system: str) -> None:
    with pytest.raises(Refusal) as refused:
        opened(folder, system=system)
    assert refused.value.status == 404


def test_damaged_files_are_one_line(folder: Path) -> None:
    (folder / "folds" / "per_query" / "evidence.video-music.csv").write_text("query,mAP\na,much\n")
    with pytest.raises(Refusal, match="^the queries of evidence in folds are not as they were written$"):
        opened(folder)
    report = folder / "folds" / "report.json"
    report.write_text('{"command": "x", "systems": {"a": 5}, "chance": {}, "protocol": "clean"}')
    with pytest.raises(Refusal, match="is no whole report"):
        benchmark({"folders": [str(folder)], "report": only(folder)["id"]}, None)
    for text in ("{", "[" * 5000, '{"command": "x", "tables": [NaN], "suite": "s"}', "\x00"):
        report.write_text(text)
        assert benchmarks({"folders": [str(folder)]}, None) == []


def test_models_are_listed_and_their_cards_read(run) -> None:
    found = TASKS["models"].run({}, None)
    assert found == json.loads(run("models", "list", "--format", "json").out)
    told = TASKS["card"].run({"name": "builtin"}, None)
    assert told["revision"] == found[0]["revision"]
    assert told["card"].startswith("# ")
    assert "| licence |" in TASKS["card"].run({"name": "vggish"}, None)["card"]
    for name in ("nothing", "../builtin", "recommender/models/builtin"):
        with pytest.raises(Refusal) as refused:
            TASKS["card"].run({"name": name}, None)
        assert refused.value.status == 404
