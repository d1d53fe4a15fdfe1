"""Slices per emotion and the table of every query."""

import math
from pathlib import Path

import numpy as np
import pytest

from recommender.errors import InputError
from training.evaluation.slices import by_label, number, per_query_table, write_per_query
from training.types import EMOTIONS

VALUES = np.array([0.2, 0.4, np.nan, 1.0])
LABELS = np.array([0, 0, 0, 3])


def test_a_slice_per_emotion() -> None:
    got = by_label(VALUES, LABELS, "mAP")
    assert tuple(got) == EMOTIONS
    exciting = got["exciting"]
    assert (exciting.queries, exciting.undefined, exciting.interval.n) == (3, 1, 2)
    assert exciting.interval.estimate == pytest.approx(0.3)
    assert 0.2 <= exciting.interval.low <= 0.3 <= exciting.interval.high <= 0.4
    assert got["sad"].interval.estimate == 1
    assert got["tense"].queries == 0
    assert math.isnan(got["tense"].interval.estimate)


def test_ranks_are_summarised_by_their_median() -> None:
    got = by_label(np.array([1.0, 2, 30]), np.zeros(3, int), "median-rank", names=["all"])
    assert got["all"].interval.estimate == 2


def test_a_row_per_query(tmp_path: Path) -> None:
    ranks = np.array([1, 2, np.inf, 1])
    rows = per_query_table(["a", "b,c", "d", "e"], {"mAP": VALUES, "median-rank": ranks}, LABELS)
    assert rows[0] == {"query": "a", "emotion": "exciting", "mAP": 0.2, "median-rank": 1.0}
    assert rows[2] == {"query": "d", "emotion": "exciting", "mAP": None, "median-rank": None}
    write_per_query(tmp_path / "out" / "queries.csv", rows)
    assert (tmp_path / "out" / "queries.csv").read_text() == (
        'query,emotion,mAP,median-rank\na,exciting,0.2,1.0\n"b,c",exciting,0.4,2.0\nd,exciting,,\ne,sad,1.0,1.0\n'
    )
    assert "emotion" not in per_query_table(["a"], {"mAP": VALUES[:1]})[0]
    assert [number(value) for value in (0.5, math.nan, math.inf)] == [0.5, None, None]


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="4 integers, one per query"):
        by_label(VALUES, LABELS[:2], "mAP")
    with pytest.raises(InputError, match="4 integers"):
        by_label(VALUES, LABELS * 1.0, "mAP")
    with pytest.raises(InputError, match=r"labels must lie in 0 to 4 \(exciting, fearful, tense, sad, relaxing\)"):
        by_label(VALUES, LABELS + 2, "mAP")
    with pytest.raises(InputError, match="unknown measure"):
        by_label(VALUES, LABELS, "map7")
    with pytest.raises(InputError, match=r"mAP has shape \(4,\), but there are 1 queries"):
        per_query_table(["a"], {"mAP": VALUES})
    with pytest.raises(InputError, match="no queries"):
        write_per_query(tmp_path / "x.csv", [])
