"""Reasons in an editor's words: every column has some, they are true, and no track is told one thing twice."""

import itertools

import numpy as np
import pytest

from recommender import Model
from recommender.explain import WORTH, by_agreement, by_replacement
from recommender.plain import WORDS, about, words
from recommender.types import unit

MODALITIES = ("music", "video")


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load()


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_column_of_the_packaged_model_has_words_of_its_own(model, modality):
    assert set(model.affect[modality].columns) <= set(WORDS)


def test_what_has_words_has_a_plain_label_too():
    assert [name for name, known in WORDS.items() if not known.label] == []


def test_words_are_short_and_the_two_sides_differ():
    for name, known in WORDS.items():
        assert known.high != known.low, name
        assert (known.level is None) == (known.higher == "") == (known.lower == ""), name
        told = [text for text in (known.high, known.low, known.higher, known.lower) if text]
        assert len(set(told)) == len(told), name
        assert all(0 < len(text) <= 24 and text.islower() for text in told), name


def test_equal_words_are_about_one_thing():
    """So that one of a kind means no word twice, and no word beside its opposite."""
    said: dict[str, set[str]] = {}
    for known in WORDS.values():
        for text in filter(None, (known.high, known.low, known.higher, known.lower)):
            said.setdefault(text, set()).add(known.about)
    assert {text: kinds for text, kinds in said.items() if len(kinds) > 1} == {}


@pytest.mark.parametrize(
    ("name", "value", "median", "said"),
    [
        ("spectral_rolloff_hz", 4000, 3000, "bright sound"),
        ("spectral_rolloff_hz", 2000, 3000, "dark sound"),
        ("mode_major", 0.2, 0.1, "major"),
        ("mode_major", -0.2, 0.1, "minor"),
        ("mode_major", -0.1, -0.2, "less minor"),  # minor all the same: the table names its key
        ("mode_major", 0.1, 0.2, "less major"),
        ("short_interval_s", 0.6, 0.2, "slow"),
        ("short_interval_s", 0.25, 0.2, "few quick notes"),
        ("short_interval_s", 0.15, 0.2, "quick notes"),
        ("short_interval_s", 0.6, 1.2, "less slow"),
        ("cut_rate_per_min", 4, 0, "some cuts"),
        ("cut_rate_per_min", 30, 0, "quick cutting"),
        ("cut_rate_per_min", 4, 9, "long shots"),
        ("wah_wah_hz", 2, 1, "much wah wah"),
        ("wah_wah_hz", 1, 2, "little wah wah"),
    ],
)
def test_words_say_on_which_side_of_the_median_and_of_their_own_level_a_value_is(name, value, median, said):
    assert words(name, value, median) == said


def sections(model, modality, count):
    """Sections of a library scattered about the model's own reference, with a query each."""
    rng = np.random.default_rng(7)
    predictor = model.affect[modality]
    names = list(predictor.columns)
    medians = np.abs(rng.normal(0.5, 0.3, len(names))).astype(np.float32)
    for _ in range(count):
        inputs = (medians * rng.lognormal(0, 0.7, (3, len(names)))).astype(np.float32)
        query = unit(
            model.encode(modality, (medians * rng.lognormal(0, 0.7, (1, len(names)))).astype(np.float32))[1][0]
        )
        yield query, inputs, medians


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_track_is_told_one_thing_once_the_strongest_first_and_nothing_that_hardly_counts(model, modality):
    counts = []
    for query, inputs, medians in sections(model, modality, 40):
        found = model.reasons(query, inputs, medians, modality=modality)
        strength = [abs(why.change) for why in found]
        assert strength == sorted(strength, reverse=True)
        assert min(strength) >= WORTH * strength[0] > 0
        kinds = [about(why.feature) for why in found]
        assert len(set(kinds)) == len(kinds) <= 3
        assert len({why.words for why in found}) == len(found)
        counts.append(len(found))
    assert max(counts) == 3


def test_of_two_columns_about_one_thing_the_stronger_speaks(model):
    for query, inputs, medians in sections(model, "music", 40):
        columns = model.affect["music"].columns
        measured = [model.columns("music")[name] for name in columns]
        encode = lambda rows: model.encode("music", rows)[1]  # noqa: E731
        every = by_replacement(query, inputs, medians, columns=measured, encode=encode, most=99)
        assert len(every) < len(columns)
        for mine, other in itertools.product(every, columns):
            if mine.feature != other and about(mine.feature) == about(other):
                swapped = inputs.copy()
                swapped[:, columns.index(other)] = medians[columns.index(other)]
                cosines = [
                    np.clip(model.encode("music", rows)[1].astype(float) @ query, 0, 1).mean()
                    for rows in (inputs, swapped)
                ]
                assert abs(cosines[0] - cosines[1]) <= abs(mine.change) + 1e-6


def test_a_section_that_is_the_median_throughout_gets_no_words(model):
    query, inputs, medians = next(sections(model, "music", 1))
    assert model.reasons(query, np.tile(medians, (len(inputs), 1)), medians, modality="music") == []


def test_an_emotion_that_is_missed_is_said_to_be_less():
    usual = dict.fromkeys(("tense", "sad", "relaxing"), 1 / 3)
    query = {"tense": 0.5, "sad": 0.5, "relaxing": 0.0}
    told = by_agreement(query, {"tense": 0.8, "sad": 0.1, "relaxing": 0.1}, usual, most=3)
    assert [(why.words, why.change > 0) for why in told] == [("tense", True), ("less sad", False)]
