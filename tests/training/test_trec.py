"""TREC files: strict reading, writing that reads back, and evaluation equal to trec_eval's own code."""

import math
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import InputError
from training.evaluation import trec
from training.evaluation.trec import evaluate, evaluate_trec, read_qrels, read_run, write_qrels, write_run

QRELS = "q1 0 a 1\nq1 0 b 0\nq1 0 c 1\nq2 0 a 1\n"
RUN = "q1 Q0 a 1 0.9 me\nq1 Q0 b 2 0.8 me\nq1 Q0 c 3 0.7 me\nq2 Q0 b 1 3 me\nq2 Q0 a 2 2 me\n"
ALL = ["mAP", "top@1", "P@2", "recall@2", "MRR", "nDCG", "nDCG@2", "median-rank"]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "qrels").write_text(QRELS)
    (tmp_path / "run").write_text(RUN)
    return tmp_path / "qrels", tmp_path / "run"


def test_by_hand(files: tuple[Path, Path]) -> None:
    got = evaluate_trec(*files, ALL)
    assert got.queries == ("q1", "q2")
    assert got.values["mAP"].tolist() == pytest.approx([(1 + 2 / 3) / 2, 1 / 2])
    assert got.means["mAP"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert got.means["top@1"] == 0.5
    assert got.values["MRR"].tolist() == [1, 0.5]
    assert got.values["P@2"].tolist() == [0.5, 0.5]
    assert got.values["recall@2"].tolist() == [0.5, 1]
    assert got.means["median-rank"] == 1.5
    assert (got.undefined, got.missing, got.unjudged) == ((), (), ())


def test_what_was_not_retrieved_counts_nothing() -> None:
    got = evaluate({"q": {"a": 1, "b": 1}}, {"q": {"x": 2.0, "a": 1.0}}, ALL)
    assert got.means["mAP"] == 1 / 4
    assert got.means["recall@2"] == 1 / 2
    assert got.means["nDCG"] == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))
    nothing = evaluate({"q": {"a": 1}}, {"q": {"x": 2.0}}, ALL).means
    assert {spec: value for spec, value in nothing.items() if spec != "median-rank"} == dict.fromkeys(ALL[:-1], 0)
    assert nothing["median-rank"] == math.inf


def test_queries_missing_unjudged_and_without_relevant_documents() -> None:
    qrels = {"q1": {"a": 1}, "q2": {"a": 1}, "q3": {"a": 0}, "q4": {"a": -1}}
    got = evaluate(qrels, {"q1": {"a": 1.0}, "q3": {"a": 1.0}, "other": {"a": 1.0}}, ["mAP", "nDCG"])
    assert got.values["mAP"].tolist() == pytest.approx([1, 0, math.nan, math.nan], nan_ok=True)
    assert got.values["nDCG"].tolist() == pytest.approx([1, 0, math.nan, math.nan], nan_ok=True)
    assert got.means == {"mAP": 0.5, "nDCG": 0.5}
    assert got.undefined == ("q3", "q4")
    assert got.missing == ("q2", "q4")
    assert got.unjudged == ("other",)


def test_grades_are_gains_and_at_least_one_is_relevant() -> None:
    qrels, run = {"q": {"a": 3, "b": 1, "c": 0, "d": -1}}, {"q": {"b": 4.0, "d": 3.0, "c": 2.0, "a": 1.0}}
    got = evaluate(qrels, run, ["mAP", "nDCG", "nDCG@1"]).means
    assert got["mAP"] == (1 + 2 / 4) / 2
    assert got["nDCG"] == pytest.approx((1 + 3 / math.log2(5)) / (3 + 1 / math.log2(3)))
    assert got["nDCG@1"] == pytest.approx(1 / 3)


def test_ties_in_expectation_by_seed_and_by_document() -> None:
    qrels, run = {"q": {"a": 1, "b": 0}}, {"q": {"a": 0.5, "b": 0.5}}
    assert evaluate(qrels, run, ["mAP"]).means["mAP"] == 0.75
    assert evaluate(qrels, run, ["mAP"], ties="document").means["mAP"] == 0.5  # b before a
    seen = {evaluate(qrels, run, ["mAP"], ties="seed", seed=seed).means["mAP"] for seed in range(20)}
    assert seen == {0.5, 1.0}
    with pytest.raises(InputError, match="unknown treatment of ties 'name'"):
        evaluate(qrels, run, ["mAP"], ties="name")  # type: ignore[arg-type]


@pytest.mark.parametrize(("grades", "ties"), [(2, False), (2, True), (5, False), (5, True)])
def test_equality_with_trec_eval(grades: int, ties: bool, tmp_path: Path) -> None:
    oracle = pytest.importorskip("pytrec_eval", reason="pytrec-eval-terrier is in the extra `dev`")
    rng = np.random.default_rng(grades + ties)
    qrels, run = {}, {}
    for i in range(40):
        names = [f"d{j:03}" for j in rng.permutation(150)]
        qrels[f"q{i}"] = {name: int(g) for name, g in zip(names[:90], rng.integers(0, grades, 90), strict=True)}
        scores = rng.integers(-9, 9, 80) / 8 if ties else rng.permutation(80) / 80
        run[f"q{i}"] = dict(zip(names[40:120], map(float, scores), strict=True))
    write_qrels(tmp_path / "qrels", qrels)
    write_run(tmp_path / "run", run, "test")
    ours = evaluate_trec(tmp_path / "qrels", tmp_path / "run", [*ALL, "nDCG@10", "top@5", "P@100"], ties="document")
    wanted = {"map", "success", "P", "recall", "recip_rank", "ndcg", "ndcg_cut"}
    with (tmp_path / "qrels").open() as a, (tmp_path / "run").open() as b:
        theirs = oracle.RelevanceEvaluator(oracle.parse_qrel(a), wanted).evaluate(oracle.parse_run(b))
    known = {"mAP": "map", "MRR": "recip_rank", "nDCG": "ndcg", "nDCG@10": "ndcg_cut_10", "top@1": "success_1"}
    known |= {"top@5": "success_5", "P@100": "P_100"}
    for spec, name in known.items():
        expected = [theirs[query][name] for query in ours.queries]
        np.testing.assert_allclose(ours.values[spec], expected, rtol=0, atol=1e-9, err_msg=spec)


def test_files_read_back_as_they_were(tmp_path: Path) -> None:
    qrels = {"q é": {"a": 1}}
    with pytest.raises(InputError, match="'q é' cannot stand in a TREC file"):
        write_qrels(tmp_path / "x", qrels)
    qrels, run = {"qé": {"a": -1, "b": 4}, "q2": {"a": 0}}, {"qé": {"a": 0.1 + 0.2, "b": -1e-300, "c": 7.0}}
    write_qrels(tmp_path / "deep" / "qrels", qrels)
    write_run(tmp_path / "run", run, "tag")
    assert read_qrels(tmp_path / "deep" / "qrels") == qrels
    assert read_run(tmp_path / "run") == run
    assert (tmp_path / "run").read_text(encoding="utf-8").splitlines()[1] == "qé Q0 a 2 0.30000000000000004 tag"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["deep", "run"]


def test_arrays_become_tables() -> None:
    assert trec.run_of(np.array([[0.5, 1]]), ["q"], ["a", "b"]) == {"q": {"a": 0.5, "b": 1.0}}
    assert trec.qrels_of(np.array([[True, False]]), ["q"], ["a", "b"]) == {"q": {"a": 1, "b": 0}}
    with pytest.raises(InputError, match="does not fit 2 queries and 2 items"):
        trec.run_of(np.zeros((1, 2)), ["q", "r"], ["a", "b"])
    with pytest.raises(InputError, match="the items hold the id 'a' twice"):
        trec.run_of(np.zeros((1, 2)), ["q"], ["a", "a"])
    with pytest.raises(InputError, match="the queries hold the id 'q' twice"):
        trec.qrels_of(np.zeros((2, 1)), ["q", "q"], ["a"])


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_are_fine(tmp_path: Path) -> None:
    (tmp_path / "qrels").write_bytes(b"\xef\xbb\xbfq1\t0 a  1\r\n\r\nq1 0 b 0\r\n\n")
    assert read_qrels(tmp_path / "qrels") == {"q1": {"a": 1, "b": 0}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "qrels: the file is empty"),
        (" \n\n", "the file is empty"),
        ("q 0 a 1\nq 0 b\n", r"line 2: 3 columns instead of 4 \(query iteration document relevance\)"),
        ("q 0 a 1\n\nq 0 b yes\n", "line 3: relevance 'yes' is not a whole number"),
        ("q 0 a 1.5\n", "relevance '1.5'"),
        ("q 0 a 1_0\n", "relevance '1_0'"),
        ("q 0 a 99999999999999999999\n", "not a whole number"),
        ("q 0 a 1\nr 0 a 1\nq 0 a 0\n", "line 3: document 'a' appears twice for query 'q'"),
    ],
)
def test_broken_qrels(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "qrels").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_qrels(tmp_path / "qrels")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q Q0 a 1 0.5\n", r"line 1: 5 columns instead of 6 \(query Q0 document rank score tag\)"),
        ("q Q0 a 1 0.5 t\nq Q0 b 2 high t\n", "line 2: score 'high' is not a finite number"),
        ("q Q0 a 1 nan t\n", "score 'nan'"),
        ("q Q0 a 1 -inf t\n", "score '-inf'"),
        ("q Q0 a 1 1_0 t\n", "score '1_0'"),
        ("q Q0 a first 0.5 t\n", "rank 'first' is not"),
        ("q Q0 a 1 0.5 t\nq Q0 a 2 0.4 t\n", "line 2: document 'a' appears twice for query 'q'"),
    ],
)
def test_broken_runs(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "run").write_text(text)
    with pytest.raises(InputError, match=message):
        read_run(tmp_path / "run")


def test_files_that_cannot_be_read_or_written(tmp_path: Path, files: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match=r"cannot read .*absent: No such file"):
        evaluate_trec(tmp_path / "absent", files[1], ["mAP"])
    with pytest.raises(InputError, match=r"cannot read .*: it is a folder, not a file"):
        evaluate_trec(files[0], tmp_path, ["mAP"])
    (tmp_path / "latin").write_bytes(b"q 0 \xe9 1\n")
    with pytest.raises(InputError, match=r"latin: not UTF-8 text \(byte 4\)"):
        read_qrels(tmp_path / "latin")
    with pytest.raises(InputError, match="cannot write"):
        write_qrels(files[0] / "below-a-file", {"q": {"a": 1}})
    with pytest.raises(InputError, match="the score of 'a' for 'q' is not finite"):
        write_run(tmp_path / "out", {"q": {"a": math.nan}}, "t")
    with pytest.raises(InputError, match="cannot stand in a TREC file"):
        write_run(tmp_path / "out", {"q": {"a": 1.0}}, "two words")
    assert not (tmp_path / "out").exists()


def test_files_of_different_collections_and_unknown_measures(files: tuple[Path, Path]) -> None:
    with pytest.raises(InputError, match="answers none of the judged queries"):
        evaluate({"q": {"a": 1}}, {"r": {"a": 1.0}}, ["mAP"])
    with pytest.raises(InputError, match="unknown measure 'map10'"):
        evaluate_trec(*files, ["map10"])
