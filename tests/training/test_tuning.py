"""The common tuning: the same trials for every system, and spaces whose defaults are among their candidates."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra `train`)")

from recommender.errors import InputError
from training.learning.search import configurations, configure, defaults, tune
from training.systems import SYSTEMS, space, system


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1


@dataclass(frozen=True)
class Config:
    size: int = 2
    inner: Inner = field(default_factory=Inner)


@dataclass(frozen=True)
class Toy:
    name: str = "toy"
    config: Config = field(default_factory=Config)

    def fit(self, train, seed, stop=None, extra=None):
        raise NotImplementedError


SPACE = {"size": (1, 2, 3, 4), "inner.rate": (0.1, 0.2, 0.3)}


def near(best_size: int, best_rate: float):
    return lambda toy: -abs(toy.config.size - best_size) - abs(toy.config.inner.rate - best_rate)


def test_the_default_comes_first_and_nothing_twice():
    found = list(configurations(Toy(), SPACE, 8, seed=0))
    assert found[0] == {"size": 2, "inner.rate": 0.1}
    assert len(found) == len({tuple(values.items()) for values in found}) == 8
    assert found == list(configurations(Toy(), SPACE, 8, seed=0))
    assert found != list(configurations(Toy(), SPACE, 8, seed=1))
    assert found[:5] == list(configurations(Toy(), SPACE, 5, seed=0))


def test_a_small_space_is_tried_in_full():
    assert len(list(configurations(Toy(), SPACE, 100, seed=0))) == 12
    assert list(configurations(Toy(), {}, 12, seed=0)) == [{}]
    best = tune(Toy(), SPACE, near(4, 0.3), trials=100)
    assert best.system == replace(Toy(), config=Config(4, Inner(0.3)))
    assert best.values == {"size": 4, "inner.rate": 0.3}
    assert (best.quality, best.trials) == (0, 12)
    assert best.default == pytest.approx(-2.2)


def test_of_equals_the_default_stays_and_nan_is_the_worst():
    kept = tune(Toy(), SPACE, lambda toy: 1.0)
    assert kept.system == Toy()
    assert kept.values == {}
    other = tune(Toy(), SPACE, lambda toy: np.nan if toy == Toy() else -5.0)
    assert other.system != Toy()
    assert other.quality == -5


def test_a_nested_value_leaves_its_neighbours():
    changed = configure(Toy(), {"inner.rate": 0.3})
    assert changed.config == Config(2, Inner(0.3))
    assert configure(Toy(), {}) == Toy()


def test_what_makes_no_sense_is_said():
    with pytest.raises(InputError, match="0 trials: tuning needs at least 1"):
        tune(Toy(), SPACE, near(1, 0.1), trials=0)
    with pytest.raises(InputError, match=r"configuration of toy has no inner.depth"):
        tune(Toy(), {"inner.depth": (1,)}, near(1, 0.1))
    with pytest.raises(InputError, match=r"default size = 2 of toy is not among its candidates \(3, 4\)"):
        tune(Toy(), {"size": (3, 4)}, near(1, 0.1))


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_space_has_its_defaults_and_every_candidate_is_a_value_of_the_configuration(name):
    one, candidates = system(name), space(name)
    assert set(defaults(one, candidates)) == set(candidates)
    for field_name, values in candidates.items():
        assert len(set(values)) == len(values) > 1
        for value in values:
            assert defaults(configure(one, {field_name: value}), {field_name: (value,)}) == {field_name: value}


def test_rivals_have_as_much_to_choose_from_as_ours():
    ours = len(space("afclnet"))
    rivals = [len(found) for name in SYSTEMS if name != "afclnet" and (found := space(name))]
    assert ours <= max(rivals, default=ours)
