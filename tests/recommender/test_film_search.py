"""The search for the best way: a proof where there is one, an honest bound where not, and its cost."""

from collections import Counter
from dataclasses import replace
from itertools import product
from time import process_time

import numpy as np
import pytest

from recommender.films.chain import Chain, bound, free, onward
from recommender.films.memory import notice, remember
from recommender.films.options import Shelf
from recommender.films.rules import Rules
from recommender.films.score import compose, lay_out
from recommender.films.search import WAYS, search
from tests.recommender.film_samples import film, random_candidates


def chain(seed, steps, options, rooms):
    """Options in rooms of one place each, some of which may be too full for a fine."""
    draw = np.random.default_rng(seed)
    worth = [draw.random(options) for _ in range(steps)]
    costs = [draw.random((options, options)) for _ in range(steps - 1)]
    taken = [np.append(draw.integers(rooms, size=options - 1), rooms)[:, None] for _ in range(steps)]
    fines = np.where(draw.random(rooms) < 0.5, np.inf, 0.2)
    return Chain(worth, costs, taken, np.array([1.0] * rooms + [np.inf]), np.append(fines, 0.0))


@pytest.mark.parametrize("seed", range(24))
def test_the_way_found_is_the_best_of_all(seed):
    made = chain(seed, steps=2 + seed % 4, options=5, rooms=2 + seed % 3)
    best = max(made.total(picks) for picks in product(range(5), repeat=len(made.worth)))
    found = search(made)
    assert found.total == pytest.approx(best, abs=1e-9)
    assert found.most == pytest.approx(best, abs=1e-9)
    assert made.total(found.picks) == pytest.approx(found.total, abs=1e-12)


def best_without_repeats(made):
    """The best total of a chain whose every option is its own room, by all sets of options (Held and Karp 1962)."""
    reached = {(1 << k, k): worth for k, worth in enumerate(made.worth[0].tolist())}
    for costs, worth in zip(made.costs, made.worth[1:], strict=True):
        further = {}
        for (used, last), value in reached.items():
            for k in range(len(worth)):
                if not used >> k & 1:
                    at = (used | 1 << k, k)
                    further[at] = max(further.get(at, -np.inf), value + worth[k] - costs[last, k])
        reached = further
    return max(reached.values())


@pytest.mark.parametrize("ways", [WAYS, 5])
@pytest.mark.parametrize("seed", range(6))
def test_steps_that_all_want_the_same_options_get_the_best_order_of_the_best(seed, ways, monkeypatch):
    """With few ways grown, the proof comes from what options remember."""
    monkeypatch.setattr("recommender.films.search.WAYS", ways)
    draw = np.random.default_rng(seed)
    options, steps = 9, 7
    places = draw.random(options)
    worth, costs = 0.5 * draw.random(options), np.abs(places[:, None] - places)
    rooms = np.arange(options)[:, None]
    fines = np.append(np.full(options, np.inf), 0.0)
    made = Chain([worth] * steps, [costs] * (steps - 1), [rooms] * steps, np.append(np.ones(options), np.inf), fines)
    found = search(made)
    assert found.total == pytest.approx(best_without_repeats(made), abs=1e-9)
    assert found.most == pytest.approx(found.total, abs=1e-9)


@pytest.mark.parametrize("effort", [0, 300_000])
def test_without_the_effort_for_a_proof_the_bound_holds(effort):
    for seed in range(5):
        made = chain(seed, steps=5, options=5, rooms=5)
        best = max(made.total(picks) for picks in product(range(5), repeat=5))
        found = search(made, effort=effort)
        assert found.total <= best + 1e-9 <= found.most + 2e-9


def test_what_leads_to_an_option_and_what_follows_it_is_the_best_way_through_it():
    made = chain(3, steps=4, options=5, rooms=1)
    made = replace(made, fines=np.zeros(2))
    into, out = bound(made, free(made)).into, onward(made, free(made))
    through = [max(made.total(picks) for picks in product(range(5), repeat=4) if picks[2] == k) for k in range(5)]
    assert into[2] + out[2] == pytest.approx(through)


def test_what_would_do_instead_is_what_the_changed_way_is_worth():
    made = chain(5, steps=5, options=6, rooms=4)
    picks = search(made).picks
    for step in range(5):
        changed = [made.total([*picks[:step], k, *picks[step + 1 :]]) for k in range(6)]
        assert made.instead(picks, [step]) == pytest.approx(changed)


def test_twenty_scenes_of_two_hundred_candidates_are_proven_in_a_second_or_two():
    draw = np.random.default_rng(1)
    candidates = random_candidates(draw, 20, each=200, tracks=400)
    start = process_time()
    made = compose(film(20), candidates)
    assert process_time() - start < 4  # 0.5 s; a busy machine takes longer
    assert made.short_of == 0


def test_scenes_that_all_want_the_same_tracks_end_in_time_with_what_is_missing_told():
    draw = np.random.default_rng(1)
    candidates = random_candidates(draw, 1, each=200, tracks=200) * 20
    start = process_time()
    made = compose(film(20), candidates, Rules())
    assert process_time() - start < 4  # 0.6 s; a busy machine takes longer
    assert 0 <= made.short_of < 0.005 * made.total
    assert len({cue.chosen.track.id for cue in made}) == 20


def test_options_that_remember_leave_every_way_that_may_be_gone_and_forbid_some_that_may_not():
    made = chain(8, steps=5, options=4, rooms=3)
    made = replace(made, fines=np.array([np.inf, np.inf, 0.2, 0.0]))
    seen = Counter({(0, 1): 3, (1, 0): 2, (2, 0): 1, (3, 1): 1})
    for most in (1, 2):
        known, options = remember(made, seen, most)
        totals = {}
        for states in product(*(range(len(worth)) for worth in known.worth)):
            if (total := known.total(states)) > -np.inf:
                totals[tuple(int(some[k]) for some, k in zip(options, states, strict=True))] = total
        may = {picks: made.total(picks) for picks in product(range(4), repeat=5) if made.total(picks) > -np.inf}
        assert totals == pytest.approx(may)
        assert bound(known, free(known)).most < bound(made, free(made)).most


def test_rooms_that_a_way_comes_back_to_are_noticed_with_those_on_the_way():
    made = replace(chain(0, steps=4, options=3, rooms=2), rooms=[np.array([[0], [1], [2]])] * 4)
    made, seen = replace(made, fines=np.array([np.inf, np.inf, 0.0])), Counter()
    notice(made, [0, 1, 2, 0], seen)
    notice(made, [1, 0, 1, 1], seen)
    assert seen == {(0, 0): 1, (1, 0): 1, (1, 1): 2, (0, 1): 1}


@pytest.mark.parametrize("seed", range(4))
def test_a_theme_among_scenes_that_all_want_the_same_is_the_best_of_all(seed):
    draw = np.random.default_rng(seed)
    candidates = random_candidates(draw, 1, each=7, tracks=7) * 6
    options = len(candidates[0]) + 1
    found = lay_out(Shelf(film(6), candidates, Rules(themes=((2, 5),)), recordings={}), range(1, 7)).chain
    best = max(found.total((a, t, b, c, t, d)) for a, b, c, d, t in product(range(options), repeat=5))
    assert search(found).total == pytest.approx(best, abs=1e-9)
    assert search(found).most == pytest.approx(best, abs=1e-9)
