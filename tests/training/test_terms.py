"""The prior tables: every column exists, no level in the shipped music model, sizes as meant."""

import numpy as np
import pytest

from recommender.affect.linear import TRANSFORMS
from recommender.extractors.audio import music
from training.affect.feature_table import FeatureTable
from training.affect.music_terms import MUSIC, SHARED, SHARED_WITHOUT_LEVEL, WITH_LEVEL
from training.affect.pmemo_columns import RAW, derive_columns
from training.affect.terms import AXES, Term, Terms, transform

MUSIC_NAMES = {c.name for c in music.COLUMNS}
SHARED_NAMES = set(derive_columns(np.ones((1, len(RAW)))).columns)


@pytest.mark.parametrize(
    ("terms", "known"),
    [(MUSIC, MUSIC_NAMES), (WITH_LEVEL, MUSIC_NAMES), (SHARED, SHARED_NAMES)],
)
def test_every_term_is_a_feature_with_a_sign_and_a_reason(terms, known):
    assert set(terms.columns) <= known
    assert len(set(terms.columns)) == len(terms.columns)
    for term in terms.terms:
        assert term.transform in TRANSFORMS
        assert term.valence or term.arousal
        assert {term.valence, term.arousal} <= {-1, 0, 1}
        assert len(term.reason) > 10


@pytest.mark.parametrize("axis", AXES)
def test_each_axis_has_a_dozen_or_two_columns(axis):
    assert 12 <= sum(s != 0 for s in MUSIC.signs(axis)) <= 24


def test_the_shipped_music_terms_hold_no_level():
    assert not set(MUSIC.columns) & set(music.LEVEL_COLUMNS)
    assert not set(MUSIC.columns) & set(music.CHROMA_COLUMNS)


def test_shared_terms_without_level_hold_none():
    assert {c for c in SHARED.columns if c.startswith("level")}.isdisjoint(SHARED_WITHOUT_LEVEL.columns)


def test_table_selects_and_transforms_in_the_order_of_the_terms():
    terms = Terms((Term("b", "log", 1, 0, "because it is so"), Term("a", "identity", 0, -1, "because it is so")))
    rows = np.array([[1.0, np.e, 5.0]])
    table = terms.table(FeatureTable(("a", "b", "c"), rows, rows, np.array([0])))
    assert table.columns == ("b", "a")
    np.testing.assert_allclose(table.items, [[1.0, 1.0]])
    assert (terms.signs("valence"), terms.signs("arousal")) == ([1, 0], [0, -1])


def test_transform_leaves_its_input_alone():
    rows = np.array([[1.0], [np.e]])
    np.testing.assert_allclose(transform(rows, ("log",)), [[0.0], [1.0]])
    np.testing.assert_array_equal(rows, [[1.0], [np.e]])
