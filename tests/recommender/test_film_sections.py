"""Further sections of tracks: clear of those that are known, and the best of what is left."""

from dataclasses import replace

import numpy as np
import pytest

from recommender import Recommender
from recommender.films.rules import Rules
from recommender.films.score import compose, compose_from
from recommender.films.sections import offer_sections, section_from, sections_clear_of
from recommender.memory import MemoryLibrary
from recommender.rankers.taste import TERMS, Taste, Weight
from recommender.types import Space, Track, TrackWindows
from tests.recommender.film_samples import film

SPACE = Space("imported", "imported", 2)


def library(*cosines):
    """Tracks of 10 s windows every 5 s, each with its cosine to the queries of `film_samples`."""
    windows = []
    for track in cosines:
        angles = np.pi / 4 + np.arccos(np.array(track))
        starts = 5.0 * np.arange(len(track))
        vectors = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
        nothing = np.empty((len(track), 0), np.float32)
        windows.append(TrackWindows(np.stack([starts, starts + 10], 1), vectors, nothing, nothing))
    tracks = [Track(0, f"{at}", "music", f"{at}", duration_s=5.0 * len(one) + 5) for at, one in enumerate(cosines)]
    return MemoryLibrary(SPACE, tracks, windows)


def unit_query(engine, lasts_s):
    return engine.vector(np.ones(2, np.float32), duration_s=lasts_s)


def test_other_sections_are_the_best_that_share_nothing_with_those_known():
    engine = Recommender(library([0.9, 0.9, 0.2, 0.7, 0.8, 0.1, 0.1, 0.6], [0.5, 0.5]))
    query = unit_query(engine, 10.0)
    first = engine.recommend(query)
    assert [(one.track.path, one.in_s) for one in first] == [("0", 0.0), ("1", 0.0)]
    second = sections_clear_of(engine, query, first)
    assert [(one.track.path, one.in_s, one.score) for one in second] == [("0", 20.0, pytest.approx(0.8))]
    third = sections_clear_of(engine, query, [*first, *second])
    assert [(one.in_s, one.score) for one in third] == [(35.0, pytest.approx(0.6))]
    fourth = sections_clear_of(engine, query, [*first, *second, *third])
    assert [one.in_s for one in fourth] == [10.0]
    assert sections_clear_of(engine, query, [*first, *second, *third, *fourth]) == []


def test_other_sections_are_scored_by_the_same_taste():
    weights = {name: Weight(0.0, 0.0, 1.0) for name in TERMS} | {"arc": Weight(1.0, -1.0, 1.0)}  # it likes all music
    engine = Recommender(library([0.9, 0.9, 0.2, 0.7, 0.8]), taste=Taste(SPACE, "cosine", weights))
    query = unit_query(engine, 10.0)
    (other,) = sections_clear_of(engine, query, engine.recommend(query))
    assert other.score == pytest.approx(1 / (1 + np.exp(-(np.log(0.8 / 0.2) + 1))), abs=1e-6)


def test_what_is_heard_from_where_somebody_has_it_begin_is_told_with_its_own_score():
    engine = Recommender(library([0.9, 0.9, 0.2, 0.7, 0.8, 0.1], [0.5, 0.5, 0.5]))
    query = unit_query(engine, 10.0)
    (best, _) = engine.recommend(query)
    assert (best.in_s, best.score) == (0.0, pytest.approx(0.9))
    found = section_from(engine, query, best, begins_s=8.0)
    assert (found.in_s, found.out_s, found.score) == (8.0, 18.0, pytest.approx(0.2))
    late = section_from(engine, query, best, begins_s=33.0)
    assert (late.in_s, late.out_s, late.score) == (33.0, 35.0, pytest.approx(0.1))
    scenes = [replace(one, query=query, start_s=0.0, end_s=10.0) for one in film(1)]
    rules = Rules(lock={1: best.track.id})
    candidates = [engine.recommend(query)]
    told = [compose_from(engine, [replace(scenes[0], begins_s=at)], candidates, rules=rules)[0] for at in (None, 8.0)]
    assert [one.chosen.track.id for one in told] == [best.track.id] * 2
    assert [one.chosen.score for one in told] == [pytest.approx(0.9), pytest.approx(found.score)]
    assert "less than the best of its scene" in told[1].why


def test_sections_do_not_run_through_one_that_is_known():
    engine = Recommender(library([0.1, 0.8, 0.8, 0.9, 0.9, 0.8, 0.8, 0.1, 0.7, 0.7]))
    query = unit_query(engine, 15.0)
    first = engine.recommend(query)
    assert (first[0].in_s, first[0].out_s) == (15.0, 30.0)
    others = sections_clear_of(engine, query, first)
    assert (others[0].in_s, others[0].out_s) == (40.0, 55.0)


def test_a_theme_is_heard_in_another_section_each_time():
    engine = Recommender(library([0.9, 0.9, 0.2, 0.7, 0.85, 0.1, 0.1, 0.84], [0.7, 0.7, 0.7]))
    scenes = [replace(one, query=unit_query(engine, 10.0)) for one in film(3)]
    candidates = [engine.recommend(one.query) for one in scenes]
    rules = Rules(themes=((1, 3),), short=0.0)
    offered = offer_sections(engine, scenes, candidates, rules=rules)
    assert [len(some) for some in offered] == [4, 2, 4]
    score = compose(scenes, offered, rules)
    assert sorted(score[at].chosen.in_s for at in (0, 2)) == [0.0, 20.0]
    assert [cue.chosen.track.path for cue in score] == ["0", "1", "0"]
