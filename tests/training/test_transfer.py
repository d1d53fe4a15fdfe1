"""Figures of transfer on planted relations, with their intervals and chance."""

from pathlib import Path

import numpy as np
import pytest

from training.affect import transfer
from training.affect.card import music_notes
from training.affect.feature_table import FeatureTable
from training.affect.music_terms import MUSIC, SHARED, WITH_LEVEL
from training.affect.train import AffectReport
from training.affect.transfer import FIGURES, corpora_figures, soundfont_figures
from training.datasets import Ratings

NAMES = [name for name, *_ in FIGURES]


def corpus(terms, n: int, seed: int, groups: int = 6) -> tuple[FeatureTable, Ratings]:
    """Columns of `terms` at random, ratings their signed sum on either axis with noise of the same size."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, len(terms.columns)))
    values = np.where(np.array(terms.transforms) == "log", np.exp(0.1 * z), z)
    signs = np.array([terms.signs(axis) for axis in ("valence", "arousal")], float)
    clean = z @ signs.T
    affect = clean / clean.std(axis=0) + rng.normal(size=(n, 2))
    ids = tuple(str(i) for i in range(n))
    table = FeatureTable(terms.columns, values, values, np.arange(n))
    return table, Ratings(ids, tuple(str(i % groups) for i in range(n)), affect)


def test_a_soundfont_that_only_shifts_and_scales_is_undone_by_its_own_z_scores():
    here, ratings = corpus(WITH_LEVEL, 150, 0)
    moved = [1.5 if t == "identity" else 1.0 for t in WITH_LEVEL.transforms]
    there = here.map_features(lambda x: x * moved)
    same, found = soundfont_figures(here, here, ratings), soundfont_figures(here, there, ratings)
    assert list(found) == NAMES
    for name in NAMES:
        assert same[name]["r"] == pytest.approx(same[name]["r_own_z"])
        assert found[name]["r_own_z"] == pytest.approx(same[name]["r"])
        assert 0.3 < found[name]["low"] < found[name]["r"] < found[name]["high"] < 1


def test_a_piece_of_the_tested_series_is_never_trained_on():
    """Each series has its own level in every column and in the ratings: only a leak would score high."""
    rng = np.random.default_rng(2)
    member, width = np.repeat(np.arange(16), 6), len(WITH_LEVEL.columns)
    x = np.abs(rng.normal(size=(16, width))[member] + 0.05 * rng.normal(size=(96, width)))
    table = FeatureTable(WITH_LEVEL.columns, x, x, np.arange(96))
    ratings = Ratings(tuple(map(str, range(96))), tuple(map(str, member)), rng.normal(size=(16, 2))[member])
    assert max(f["r"] for f in soundfont_figures(table, table, ratings).values()) < 0.3


def test_what_both_corpora_share_carries_over_and_beats_chance():
    (piano, rated), (pop, songs) = corpus(SHARED, 120, 0), corpus(SHARED, 200, 1)
    found = transfer._between(piano, rated, pop, songs)
    assert list(found) == NAMES
    for f in found.values():
        assert f["chance_r_95"] < 0.2 < 0.45 < f["low"] < f["r"] < f["high"]
        assert abs(f["chance_r_mean"]) < 0.02
        assert f["r_signs_alone"] > 0.5
        assert f["r_within_training_corpus"] > 0.4
    assert found == transfer._between(piano, rated, pop, songs)


def test_nothing_shared_is_chance():
    (piano, rated), (pop, songs) = corpus(SHARED, 120, 0), corpus(SHARED, 200, 1)
    dealt = Ratings(songs.ids, songs.groups, np.random.default_rng(5).permutation(songs.affect))
    for f in transfer._between(piano, rated, pop, dealt).values():
        assert f["low"] < 0.1
        assert abs(f["r"]) < 0.25


def test_many_groups_are_left_out_by_tenths():
    _, few = corpus(SHARED, 60, 0, groups=6)
    _, many = corpus(SHARED, 60, 0, groups=30)
    assert len(set(transfer._outer(few))) == 6
    assert len(set(transfer._outer(many))) == 10


def test_without_the_table_there_are_no_figures(tmp_path):
    _, ratings = corpus(SHARED, 12, 0)
    assert corpora_figures(ratings, [], tmp_path, progress=lambda stage, done, total: None) is None


def test_level_is_only_in_the_figures_that_say_so():
    for name, axis, within, between in FIGURES:
        for terms in (within, between):
            used = {c for c, s in zip(terms.columns, terms.signs(axis), strict=True) if s}
            level = {c for c in used if c.startswith("level_")}
            assert bool(level) == name.endswith("with_level")
    assert MUSIC.columns == WITH_LEVEL.columns[:-1]


def test_card_and_summary_state_every_figure_with_interval_and_chance():
    figure = {"r": 0.512, "low": 0.41, "high": 0.61, "chance_r_mean": 0.001, "chance_r_95": 0.093, "r_own_z": 0.537}
    rest = {"r_signs_alone": 0.444, "r_within_training_corpus": 0.555}
    ways = dict.fromkeys(NAMES, figure | rest)
    part = {
        "corpus": {"soundfont": "one.sf2"},
        "described": None,
        "arousal_with_level": {"r_leave_one_group_out": 0.861},
        "other_soundfont": {"soundfont": "two.sf2", "to_other": ways, "from_other": ways},
        "across_corpora": {
            "songs": 320,
            "table_columns": 34,
            "columns": dict.fromkeys(NAMES, 17),
            "to_pmemo": ways,
            "from_pmemo": ways,
        },
    }
    text = music_notes(part)
    assert text.count("**0.512** (0.41 to 0.61)") == 12
    assert text.count("| +0.001 / 0.093 | 0.444 | 0.555 |") == 6
    assert "one.sf2 to two.sf2" in text
    assert "two.sf2 to one.sf2" in text
    nothing = music_notes(part | {"other_soundfont": None, "across_corpora": None})
    assert "PMEmo" not in nothing
    axis = {"r_mean": 0.8, "r_sd": 0.01, "items": 9, "groups": 3, "chance_r_mean": 0.0, "chance_r_95": 0.1}
    both = dict.fromkeys(("valence", "arousal"), axis)
    family = {"r": 0.45, "low_95": 0.3, "high_95": 0.6, "families": 9}
    area = {"clips": 9, "all": {"auc": 0.9, "low_95": 0.8, "high_95": 0.95}}
    video = both | {"families": dict.fromkeys(("valence", "arousal"), family), "activity": area}
    lines = AffectReport(Path(), (), {"seeds": 2, "music": both | part, "video": video}).lines()
    assert len(lines) == 4 + 6 + 3
    assert lines[-3] == "pictures valence, whole families left out: r 0.45 (0.30 to 0.60)"
    assert lines[-1] == "clips, calm against busy, sources left out: AUC 0.90 (0.80 to 0.95; 9 clips, chance 0.50)"
    assert lines[4] == "music valence, VGMIDI to PMEmo: r 0.51 (0.41 to 0.61; chance, 95 % below 0.09)"
