"""Ranking measures: numbers worked by hand, ties by brute force over all orders, own items, blocks, packing."""

import itertools
import math
import tracemalloc
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import InputError
from training import measures
from training.measures import MEASURES, InnerProducts, SameLabel, blocks, parse, per_query

ALL = ["mAP", "top@1", "top@3", "P@1", "P@3", "P@9", "recall@2", "recall@9", "MRR", "nDCG", "nDCG@3", "median-rank"]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def one(spec: str, relevant: list[int], scores: list[float] | None = None, **options: object) -> float:
    """The value of one query whose items come in descending order unless scores are given."""
    row = np.array([scores if scores is not None else range(len(relevant), 0, -1)], float)
    return float(per_query(row, np.array([relevant], bool), [spec], **options)[str(parse(spec))][0])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("mAP", (1 / 2 + 2 / 4 + 3 / 5) / 3),
        ("top@1", 0),
        ("top@2", 1),
        ("P@2", 1 / 2),
        ("P@10", 3 / 10),
        ("recall@4", 2 / 3),
        ("recall@99", 1),
        ("MRR", 1 / 2),
        ("median-rank", 2),
        ("nDCG@2", (1 / math.log2(3)) / (1 + 1 / math.log2(3))),
        ("nDCG", (1 / math.log2(3) + 1 / math.log2(5) + 1 / math.log2(6)) / (1 + 1 / math.log2(3) + 1 / 2)),
    ],
)
def test_hand_worked(spec: str, expected: float) -> None:
    assert one(spec, [0, 1, 0, 1, 1]) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        # Scores 2, 1, 1: the relevant one of the tied pair is second or third.
        ("mAP", (1 / 2 + 1 / 3) / 2),
        ("MRR", (1 / 2 + 1 / 3) / 2),
        ("top@2", 1 / 2),
        ("P@2", 1 / 4),
        ("recall@2", 1 / 2),
        ("median-rank", 2.5),
        ("nDCG@2", 1 / math.log2(3) / 2),
    ],
)
def test_a_tied_pair_by_hand(spec: str, expected: float) -> None:
    assert one(spec, [0, 1, 0], [2, 1, 1]) == pytest.approx(expected, abs=1e-15)
    assert one(spec, [0, 0, 1], [2, 1, 1]) == pytest.approx(expected, abs=1e-15)


def reference(spec: str, order: list[int]) -> float:
    """One tie-free ranking, straight from the definitions."""
    name, _, cut = spec.partition("@")
    k = int(cut) if cut else len(order)
    hits = [i + 1 for i, relevant in enumerate(order) if relevant]
    if not hits:
        return float("nan")
    return {
        "mAP": sum((n + 1) / rank for n, rank in enumerate(hits)) / len(hits),
        "top": float(hits[0] <= k),
        "P": sum(rank <= k for rank in hits) / k,
        "recall": sum(rank <= k for rank in hits) / len(hits),
        "MRR": 1 / hits[0],
        "nDCG": sum(1 / math.log2(rank + 1) for rank in hits if rank <= k)
        / sum(1 / math.log2(rank + 2) for rank in range(min(k, len(hits)))),
        "median-rank": float(hits[0]),
    }[name]


def orders(scores: list[int], relevant: list[int]) -> list[list[int]]:
    """The relevance sequence of every order of items that descends in score."""
    groups = [[relevant[i] for i, s in enumerate(scores) if s == score] for score in sorted(set(scores), reverse=True)]
    return [
        list(itertools.chain(*parts))
        for parts in itertools.product(*[list(itertools.permutations(group)) for group in groups])
    ]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), min_size=1, max_size=6))
def test_ties_in_expectation_equal_the_mean_over_all_orders(items: list[tuple[int, int]]) -> None:
    scores, relevant = [s for s, _ in items], [r for _, r in items]
    every = orders(scores, relevant)
    for spec in ALL:
        expected = np.mean([reference(spec, order) for order in every])
        got = one(spec, relevant, [s / 7 for s in scores])
        assert got == pytest.approx(expected, abs=1e-12, nan_ok=True), spec


@pytest.mark.parametrize("relevant", [[1, 1, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0]])
def test_a_corpus_of_one_score_equals_the_mean_over_all_orders(relevant: list[int]) -> None:
    for spec in ALL:
        expected = np.mean([reference(spec, list(order)) for order in itertools.permutations(relevant)])
        assert one(spec, relevant, [0.5] * 7) == pytest.approx(expected, abs=1e-12), spec


def test_ties_by_seed_are_drawn_evenly_and_repeat() -> None:
    scores, relevant = np.zeros((4000, 3)), np.tile([True, False, False], (4000, 1))
    first = per_query(scores, relevant, ["median-rank"], ties="seed", seed=1)["median-rank"]
    assert set(first) == {1, 2, 3}
    assert np.bincount(first.astype(int))[1:] == pytest.approx([1333, 1333, 1333], abs=100)
    again = per_query(scores, relevant, ["median-rank"], ties="seed", seed=1)["median-rank"]
    other = per_query(scores, relevant, ["median-rank"], ties="seed", seed=2)["median-rank"]
    assert (first == again).all()
    assert (first != other).any()


def test_ties_by_seed_average_to_the_expectation() -> None:
    scores = np.tile([2, 2, 1, 1, 1, 0], (6000, 1)) / 2
    relevant = np.tile([True, False, True, True, False, False], (6000, 1))
    for spec, values in per_query(scores, relevant, ALL, ties="seed", seed=3).items():
        expected = one(spec, [1, 0, 1, 1, 0, 0], [2, 2, 1, 1, 1, 0])
        assert values.mean() == pytest.approx(expected, abs=4 * values.std() / 6000**0.5 + 1e-12), spec


def test_without_ties_the_seed_changes_nothing(rng: np.random.Generator) -> None:
    scores, relevant = rng.random((5, 30)), rng.random((5, 30)) < 0.3
    for spec, values in per_query(scores, relevant, ALL, ties="seed", seed=9).items():
        np.testing.assert_array_equal(values, per_query(scores, relevant, [spec])[spec])


def test_a_query_without_relevant_items_is_nan_and_left_out_of_the_summary() -> None:
    scores = np.array([[3, 2, 1], [3, 2, 1], [3, 2, 1.0]])
    relevant = np.array([[0, 1, 0], [0, 0, 0], [0, 0, 1]], bool)
    for spec, values in per_query(scores, relevant, ALL).items():
        assert list(np.isnan(values)) == [False, True, False], spec
    assert parse("MRR").summary(per_query(scores, relevant, ["MRR"])["MRR"]) == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert parse("median-rank").summary(np.array([1, np.nan, 2, 9])) == 2
    assert math.isnan(parse("mAP").summary(np.array([np.nan])))


def test_the_own_item_is_no_candidate(rng: np.random.Generator) -> None:
    scores, labels = rng.random((12, 12)), rng.integers(0, 3, 12)
    own = np.arange(12)
    own[5] = -1
    got = per_query(scores, SameLabel(labels, labels), ALL, own=own)
    for i in range(12):
        keep = np.arange(12) != own[i]
        row, relevant = scores[i : i + 1, keep], labels[i] == labels[None, keep]
        for spec, values in per_query(row, relevant, ALL).items():
            assert got[spec][i] == pytest.approx(values[0], abs=1e-15, nan_ok=True), spec


def test_the_own_item_as_the_only_relevant_one_leaves_none() -> None:
    scores, relevant = np.array([[3, 2.0]]), np.array([[True, False]])
    assert np.isnan(per_query(scores, relevant, ["mAP"], own=np.array([0]))["mAP"]).all()


def test_labels_and_a_relevance_matrix_agree_for_names_and_numbers(rng: np.random.Generator) -> None:
    scores = rng.random((8, 20))
    query, corpus = rng.integers(0, 4, 8), rng.integers(0, 4, 20)
    names = np.array(["sad", "tense", "exciting", "relaxing"])
    for labels in (SameLabel(query, corpus), SameLabel(names[query], names[corpus])):
        got = per_query(scores, labels, ALL)
        for spec, values in per_query(scores, query[:, None] == corpus, ALL).items():
            np.testing.assert_array_equal(got[spec], values)


@pytest.mark.parametrize("ties", ["expected", "seed"])
def test_the_block_size_changes_nothing(ties: measures.TiePolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    scores, labels = rng.integers(0, 4, (30, 30)) / 3, rng.integers(0, 4, 30)
    run = partial(per_query, scores, SameLabel(labels, labels), ALL, own=np.arange(30), ties=ties, seed=5)
    whole = run()
    monkeypatch.setattr(blocks, "CELLS", 70)
    assert [r.stop - r.start for r in blocks.row_blocks(30, 30)] == [2] * 15
    for spec, values in run().items():
        np.testing.assert_array_equal(values, whole[spec])


@pytest.mark.parametrize(
    "scores",
    [
        [1e-300, 2e-300, 3e-300],
        [5e-324, 1e-323, 1e300],  # cannot be scaled without losing the smallest
        [-1.7e308, 0.0, 1.7e308],
        [1.5, 1.5000001, 1.4999999],
        [-1.5, -1.4999999, -1.5000001],
        [100.0, 100.00000000000001, 99.0],
        [-5.0, 3.0, 2.0],
    ],
)
def test_scores_of_any_size_keep_their_exact_order(scores: list[float]) -> None:
    for relevant in itertools.product([0, 1], repeat=3):
        order = [relevant[i] for i in sorted(range(3), key=lambda i: -scores[i])]
        assert one("mAP", list(relevant), scores) == pytest.approx(reference("mAP", order), nan_ok=True)


def test_neighbouring_floats_differ_and_both_zeros_tie() -> None:
    for kind in (np.float32, np.float64):
        for value in (0.1, -0.1, 1.0, -1.0, 1.5, 3.0, 1e-40):
            low = kind(value)
            row = np.array([[low, np.nextafter(low, kind(9))]])
            assert row.dtype == kind
            assert per_query(row, np.array([[False, True]]), ["mAP"])["mAP"][0] == 1
            assert per_query(row, np.array([[True, False]]), ["mAP"])["mAP"][0] == 0.5
        zeros = np.array([[0.0, -0.0]], kind)
        assert per_query(zeros, np.array([[True, False]]), ["mAP"])["mAP"][0] == 0.75


def test_half_precision_and_integers_are_scores_too() -> None:
    for kind in (np.float16, np.int32, np.uint8):
        row = np.array([[1, 3, 2]], kind)
        assert per_query(row, np.array([[False, False, True]]), ["MRR"])["MRR"][0] == 0.5


def test_the_own_item_never_ties_with_the_lowest_scores() -> None:
    for kind in (np.float32, np.float64):
        scores = np.array([[-1.5, -1.5, -1.5]], kind)
        got = per_query(scores, np.array([[False, True, False]]), ["median-rank"], own=np.array([2]))
        assert got["median-rank"][0] == 1.5


def test_map_from_embeddings_is_that_of_the_full_matrix(rng: np.random.Generator) -> None:
    query, corpus = rng.normal(size=(40, 8)).astype(np.float32), rng.normal(size=(60, 8)).astype(np.float32)
    a, b = rng.integers(0, 5, 40), rng.integers(0, 5, 60)
    expected = parse("mAP").summary(per_query(query @ corpus.T, a[:, None] == b, ["mAP"])["mAP"])
    got = measures.mean_average_precision_from_embeddings(query, corpus, a, corpus_labels=b)
    assert got == pytest.approx(expected, abs=1e-6)  # BLAS may round another block shape otherwise
    same = measures.mean_average_precision_from_embeddings(query, query, a, own=np.arange(40))
    assert same == pytest.approx(
        parse("mAP").summary(per_query(query @ query.T, SameLabel(a, a), ["mAP"], own=np.arange(40))["mAP"]), abs=1e-6
    )


def test_specs_parse_in_any_case_and_print_back() -> None:
    for spec in [*ALL, "top@10"]:
        assert str(parse(spec)) == spec
        assert str(parse(spec.upper())) == spec
    assert parse(parse("P@3")) == measures.Measure("P", 3)
    assert {parse(s).name for s in ALL} == set(MEASURES)
    assert not parse("median-rank").kind.larger_is_better


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("map5", r"unknown measure 'map5': use one of mAP, top@K, P@K, recall@K, MRR, nDCG\[@K\], median-rank"),
        ("", "unknown measure"),
        ("top", r"top needs a cutoff, such as top@5"),
        ("mAP@5", "mAP takes no cutoff"),
        ("P@0", "whole number from 1"),
        ("P@", "whole number from 1"),
        ("P@-1", "whole number from 1"),
        ("P@1.5", "whole number from 1"),
        ("P@²", "whole number from 1"),
        ("P@99999999999", "whole number from 1"),
    ],
)
def test_specs_that_make_no_sense(spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(spec)


OK = np.array([[0.3, 0.2]])
YES = np.array([[True, False]])


@pytest.mark.parametrize(
    ("scores", "relevance", "options", "message"),
    [
        (np.array([[np.nan, 0.2]]), YES, {}, "NaN or infinite"),
        (np.array([[0.1, np.nan]], np.float32), YES, {}, "NaN or infinite"),
        (np.array([[np.inf, 0.2]]), YES, {}, "NaN or infinite"),
        (np.array([[-np.inf, 0.2]]), YES, {}, "NaN or infinite"),
        (np.array([["a", "b"]]), YES, {}, "scores must be real numbers"),
        (np.array([[1j, 2]]), YES, {}, "scores must be real numbers"),
        (OK, np.array([[True]]), {}, r"scores \(1, 2\) and relevance \(1, 1\) must both be \[queries, corpus\]"),
        (OK[0], YES[0], {}, r"must both be \[queries, corpus\]"),
        (OK, np.array([[1, 0]]), {}, "relevance must be bool, not int64"),
        (np.empty((1, 0)), np.empty((1, 0), bool), {}, "the corpus is empty"),
        (np.empty((0, 3)), np.empty((0, 3), bool), {}, "no queries"),
        (OK, YES, {"own": np.array([2])}, "columns 0 to 1"),
        (OK, YES, {"own": np.array([-2])}, "-1 or columns"),
        (OK, YES, {"own": np.array([0, 1])}, "one per query"),
        (OK, YES, {"own": np.array([0.0])}, "integers"),
        (OK, YES, {"ties": "first"}, "unknown treatment of ties 'first'"),
    ],
)
def test_bad_input_is_one_clear_line(
    scores: object, relevance: object, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        per_query(scores, relevance, ["mAP"], **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_bad_labels_and_embeddings() -> None:
    one, two = np.zeros((1, 2)), np.zeros((1, 3))
    with pytest.raises(InputError, match="differ in dimension"):
        InnerProducts(one, two)
    with pytest.raises(InputError, match="corpus vectors hold NaN"):
        InnerProducts(one, np.array([[np.nan, 0]]))
    with pytest.raises(InputError, match=r"query vectors must be real numbers \[n, d\]"):
        InnerProducts(one[0], one)
    with pytest.raises(InputError, match="one per item"):
        SameLabel(np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(InputError, match="without missing values"):
        SameLabel(np.array([np.nan]), np.zeros(2))
    with pytest.raises(InputError, match="without missing values"):
        SameLabel(np.array(["sad", None], object), np.array(["sad"]))
    with pytest.raises(InputError, match="cannot match"):
        SameLabel(np.array(["sad"]), np.array([3]))


def test_half_precision_vectors_and_integers_make_scores() -> None:
    vectors = np.array([[1, 0], [0, 2]])
    assert InnerProducts(vectors, vectors)[:1].tolist() == [[1, 0]]
    assert InnerProducts(vectors.astype(np.float16), vectors)[1:2].tolist() == [[0, 4]]
    large = np.full((1, 4), 3e38, np.float32)  # finite, though its sum is not
    with np.errstate(over="ignore"), pytest.raises(InputError, match="NaN or infinite"):
        per_query(InnerProducts(large, large), np.ones((1, 1), bool), ["mAP"])


def by_definition(scores: np.ndarray, relevant: np.ndarray) -> float:
    """Average precision in float64, group by group, for corpora too large to permute."""
    total, seen, found = 0.0, 0, 0
    for value in np.unique(scores.astype(np.float64))[::-1]:
        group = relevant[scores == value]
        size, hits = len(group), int(group.sum())
        rise = (hits - 1) / (size - 1) if size > 1 else 0.0
        total += hits / size * sum((found + 1 + place * rise) / (seen + place + 1) for place in range(size))
        seen, found = seen + size, found + hits
    return total / found


@pytest.mark.parametrize("decimals", [9, 3, 1])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_average_precision_is_exact_on_a_large_corpus(decimals: int, kind: type, rng: np.random.Generator) -> None:
    scores: Any = np.round(rng.normal(0, 0.2, (6, 5000)), decimals).astype(kind)
    relevant = rng.random((6, 5000)) < 0.2
    expected = [by_definition(row, hits) for row, hits in zip(scores, relevant, strict=True)]
    np.testing.assert_allclose(per_query(scores, relevant, ["mAP"])["mAP"], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("ties", ["expected", "seed"])
def test_memory_is_that_of_a_block_even_where_all_scores_tie(
    ties: measures.TiePolicy, rng: np.random.Generator
) -> None:
    query, corpus = rng.normal(size=(300, 4)).astype(np.float32), rng.normal(size=(10_000, 4)).astype(np.float32)
    labels = SameLabel(rng.integers(0, 5, 300), rng.integers(0, 5, 10_000))
    for vectors in (query, np.zeros_like(query)):
        tracemalloc.start()
        per_query(InnerProducts(vectors, corpus), labels, ["mAP", "nDCG@10", "MRR"], ties=ties)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 50e6
