"""Relevance judgements (qrels) and runs as TREC tools read and write them, and the evaluation of one by the other.

    qrels: query  iteration  document  relevance          run: query  Q0  document  rank  score  tag

As in trec_eval the rank column is ignored and the score decides, and relevance of at least 1 counts as relevant. Unlike
it, a judged query that the run leaves out counts as an empty answer, and equal scores count in expectation unless
another order is asked for.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from recommender.errors import InputError
from recommender.text import show
from recommender.types import Array
from training.evaluation.files import read_text, write_text
from training.measures import Measure, parse
from training.measures.order import Ranking, rank
from training.measures.ranking import dcg, discounts

Qrels = Mapping[str, Mapping[str, int]]
Run = Mapping[str, Mapping[str, float]]
TrecTies = Literal["expected", "seed", "document"]
"""`document` is trec_eval's own rule: equal scores by document id, descending."""

T = TypeVar("T", int, float)

QRELS = ("query", "iteration", "document", "relevance")
RUN = ("query", "Q0", "document", "rank", "score", "tag")
WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


@dataclass(frozen=True)
class TrecEvaluation:
    """Measures of a run.

    values: per measure spec, float64 [q] in the order of `queries`; NaN without relevant documents.
    means: per measure spec, over the queries that have a value (for `median-rank` the median).
    queries: judged queries in the order of the qrels. undefined: those without relevant documents.
    missing: judged queries that the run leaves out (they count as empty answers). unjudged: queries of the run
        without judgements (left out).
    """

    queries: tuple[str, ...]
    values: dict[str, Array]
    means: dict[str, float]
    undefined: tuple[str, ...]
    missing: tuple[str, ...]
    unjudged: tuple[str, ...]


def evaluate_trec(
    qrels_path: Path, run_path: Path, measures: Sequence[str | Measure], *, ties: TrecTies = "expected", seed: int = 0
) -> TrecEvaluation:
    """The measures of the run by the judgements. nDCG takes the relevance as gain, the others relevance >= 1.

    Raises InputError for files that cannot be read (path, line and cause), unknown measures, and a run that answers
    none of the judged queries.
    """
    chosen = [parse(spec) for spec in measures]
    return evaluate(read_qrels(qrels_path), read_run(run_path), chosen, ties=ties, seed=seed)


def evaluate(
    qrels: Qrels, run: Run, measures: Sequence[str | Measure], *, ties: TrecTies = "expected", seed: int = 0
) -> TrecEvaluation:
    """As `evaluate_trec`, on tables that are already read."""
    if ties not in ("expected", "seed", "document"):
        raise InputError(f"unknown treatment of ties {ties!r}: use expected, seed or document")
    if not set(qrels) & set(run):
        raise InputError("the run answers none of the judged queries: are the files of the same collection?")
    chosen = [parse(spec) for spec in measures]
    rng = np.random.default_rng(seed)
    values = {str(measure): np.full(len(qrels), np.nan) for measure in chosen}
    for i, (query, judged) in enumerate(qrels.items()):
        answer = _Answer.of(judged, run.get(query, {}), ties, rng)
        for measure in chosen:
            values[str(measure)][i] = answer.value(measure)
    return TrecEvaluation(
        tuple(qrels),
        values,
        {str(measure): measure.summary(values[str(measure)]) for measure in chosen},
        undefined=tuple(query for query, judged in qrels.items() if max(judged.values(), default=0) < 1),
        missing=tuple(query for query in qrels if query not in run),
        unjudged=tuple(query for query in run if query not in qrels),
    )


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Relevance by query and document, in file order; raises InputError naming the line that makes no sense."""
    table: dict[str, dict[str, int]] = {}
    for number, (query, _, document, relevance) in _rows(path, QRELS):
        if not WHOLE.fullmatch(relevance):
            raise InputError(f"{_at(path, number)}: relevance {relevance!r} is not a whole number")
        _put(table, query, document, int(relevance), _at(path, number))
    return table


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """Score by query and document, in file order; raises InputError naming the line that makes no sense."""
    table: dict[str, dict[str, float]] = {}
    for number, (query, _, document, position, score, _) in _rows(path, RUN):
        for text, what in ((position, "rank"), (score, "score")):
            if not _is_number(text):
                raise InputError(f"{_at(path, number)}: {what} {text!r} is not a finite number")
        _put(table, query, document, float(score), _at(path, number))
    return table


def write_qrels(path: Path, qrels: Qrels) -> None:
    """Write judgements in the form of `read_qrels`; raises InputError for names that are empty or hold spaces."""
    lines = [f"{_name(q)} 0 {_name(d)} {int(relevance)}" for q, row in qrels.items() for d, relevance in row.items()]
    write_text(path, "".join(line + "\n" for line in lines))


def write_run(path: Path, run: Run, tag: str) -> None:
    """Write a run in the form of `read_run`, every query by descending score; scores read back as the same float64."""
    lines = []
    for query, row in run.items():
        for i, document in enumerate(sorted(sorted(row, reverse=True), key=row.__getitem__, reverse=True), 1):
            score = float(row[document])
            if not math.isfinite(score):
                raise InputError(f"the score of {document!r} for {query!r} is not finite")
            lines.append(f"{_name(query)} Q0 {_name(document)} {i} {score!r} {_name(tag)}\n")
    write_text(path, "".join(lines))


def run_of(scores: Array, queries: Sequence[str], corpus: Sequence[str]) -> dict[str, dict[str, float]]:
    """The run of scores [q, c] under names; raises InputError for shapes that do not fit and names given twice."""
    _check_names(np.shape(scores), queries, corpus)
    return {q: dict(zip(corpus, map(float, row), strict=True)) for q, row in zip(queries, scores, strict=True)}


def qrels_of(relevant: Array, queries: Sequence[str], corpus: Sequence[str]) -> dict[str, dict[str, int]]:
    """The judgements of relevance bool [q, c] under names, every item judged (0 or 1)."""
    _check_names(np.shape(relevant), queries, corpus)
    return {q: dict(zip(corpus, map(int, row), strict=True)) for q, row in zip(queries, relevant, strict=True)}


@dataclass(frozen=True)
class _Answer:
    """One query: scores [1, n] of its documents, their relevance grades int [n], all judged grades."""

    scores: Array
    grades: Array
    judged: Array

    @classmethod
    def of(cls, judged: Mapping[str, int], row: Mapping[str, float], ties: str, rng: np.random.Generator) -> "_Answer":
        documents = sorted(row, reverse=True)
        if not documents:  # an empty answer is one document that is not relevant
            return cls(np.zeros((1, 1)), np.zeros(1, np.int64), np.array(list(judged.values()), np.int64))
        scores = np.array([row[document] for document in documents], np.float64)
        if ties != "expected":
            first = rng.permutation(len(scores)) if ties == "seed" else np.arange(len(scores))
            order = first[np.argsort(-scores[first], kind="stable")]
            scores[order] = -np.arange(len(scores), dtype=np.float64)  # one order, nothing left to tie
        grades = np.array([judged.get(document, 0) for document in documents], np.int64)
        return cls(scores[None], grades, np.array(list(judged.values()), np.int64))

    def value(self, measure: Measure) -> float:
        return self.ndcg(measure.k) if measure.name == "nDCG" else float(measure.values(self.ranking(1))[0])

    def ranking(self, least: int) -> Ranking:
        """The ranking where grades from `least` on are relevant, unretrieved ones counted."""
        relevant = (self.grades >= least)[None]
        missed = np.count_nonzero(self.judged >= least) - np.count_nonzero(relevant)
        return rank(self.scores, relevant, missed=np.array([missed]))

    def ndcg(self, k: int | None) -> float:
        """nDCG with the grades as gains: a gain is a sum of steps, and each step is a binary DCG."""
        ideal = np.sort(self.judged[self.judged > 0])[::-1][:k]
        if not len(ideal):
            return float("nan")
        levels = np.unique(self.judged[self.judged > 0])
        steps = np.diff(levels, prepend=0)
        gain = sum(float(step * dcg(self.ranking(int(level)), k)[0]) for level, step in zip(levels, steps, strict=True))
        return gain / float(ideal @ discounts(len(ideal)))


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """Number and words of every line that is not blank; raises InputError for an empty file."""
    text = read_text(path)
    if not text.strip():
        raise InputError(f"{show(path)}: the file is empty")
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if len(words) == len(columns):
            yield number, words
        elif words:
            named = " ".join(columns)
            raise InputError(f"{_at(path, number)}: {len(words)} columns instead of {len(columns)} ({named})")


def _at(path: Path, number: int) -> str:
    return f"{show(path)}, line {number}"


def _put(table: dict[str, dict[str, T]], query: str, document: str, value: T, line: str) -> None:
    """Keep the document of the query; raises InputError where it is there already."""
    row = table.setdefault(query, {})
    if document in row:
        raise InputError(f"{line}: document {document!r} appears twice for query {query!r}")
    row[document] = value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _name(name: str) -> str:
    if not name or name.split() != [name]:
        raise InputError(f"{name!r} cannot stand in a TREC file: names must not be empty or hold spaces")
    return name


def _check_names(shape: tuple[int, ...], queries: Sequence[str], corpus: Sequence[str]) -> None:
    if shape != (len(queries), len(corpus)):
        raise InputError(f"{shape} does not fit {len(queries)} queries and {len(corpus)} items")
    for names, what in ((queries, "queries"), (corpus, "items")):
        if len(set(names)) != len(names):
            twice = next(name for name in names if list(names).count(name) > 1)
            raise InputError(f"the {what} hold the id {twice!r} twice")
