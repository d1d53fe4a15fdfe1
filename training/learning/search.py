"""Tuning: a random search with the same number of trials for every system, so that a rival is given its best.

The candidates of a configuration's fields are its module's `SPACES` (`training.systems.space`). The configuration as it
comes is always tried first; the others are drawn at random (Bergstra and Bengio 2012), each once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass, replace
from math import isnan, prod
from typing import Any

import numpy as np

from recommender.errors import InputError
from training.types import System

TRIALS = 12
"""Of twelve configurations drawn at random the best is among the best sixth of all with a chance of 89 %."""

Space = Mapping[str, tuple[Any, ...]]
"""Candidates by field of a configuration; the fields of a nested one are dotted: `schedule.learning_rate`."""
Values = dict[str, Any]


@dataclass(frozen=True)
class Tuned:
    """What a search found.

    system: with the configuration of the best quality. values: where that differs from the default.
    quality, default: what the best one and the default reached. trials: configurations that were tried.
    """

    system: System
    values: Values
    quality: float
    default: float
    trials: int


def tune(
    system: System, space: Space, quality: Callable[[System], float], *, trials: int = TRIALS, seed: int = 0
) -> Tuned:
    """The best of `trials` configurations of `system` by `quality` (larger is better); of equals the first.

    The same arguments give the same configurations, whatever the quality. A quality of NaN counts as the worst. Raises
    InputError for fewer than one trial, a field that the configuration does not have, or a default that is no
    candidate.
    """
    if trials < 1:
        raise InputError(f"{trials} trials: tuning needs at least 1")
    drawn = list(configurations(system, space, trials, seed=seed))
    found = [quality(configure(system, values)) for values in drawn]
    ranks = [-np.inf if isnan(value) else value for value in found]
    best = int(np.argmax(ranks))
    default = defaults(system, space)
    values = {name: value for name, value in drawn[best].items() if value != default[name]}
    return Tuned(configure(system, values), values, found[best], found[0], len(drawn))


def configurations(system: System, space: Space, trials: int, *, seed: int) -> Iterator[Values]:
    """The defaults, then random ones, none twice: `trials` in all, or as many as there are."""
    default = defaults(system, space)
    rng = np.random.default_rng(seed)
    seen = [default]
    yield default
    while len(seen) < min(trials, prod(len(candidates) for candidates in space.values())):
        drawn = {name: candidates[rng.integers(len(candidates))] for name, candidates in space.items()}
        if drawn not in seen:
            seen.append(drawn)
            yield drawn


def defaults(system: System, space: Space) -> Values:
    """The values that the system's configuration has; raises InputError where they are not among the candidates."""
    found = {name: _value(system, name) for name in space}
    for name, value in found.items():
        if value not in space[name]:
            raise InputError(
                f"the default {name} = {value!r} of {system.name} is not among its candidates {space[name]}"
            )
    return found


def configure(system: System, values: Values) -> System:
    """`system` with these values in its configuration."""
    config = change_config(getattr(system, "config", None), values)
    found: System = replace(system, config=config) if values else system  # type: ignore[type-var]
    return found


def change_config(config: Any, values: Mapping[str, Any]) -> Any:
    """The dataclass `config` with other values in its fields; the fields of a nested one are dotted."""
    for name, value in values.items():
        first, _, rest = name.partition(".")
        config = replace(config, **{first: change_config(getattr(config, first), {rest: value}) if rest else value})
    return config


def _value(system: System, name: str) -> Any:
    found: Any = getattr(system, "config", None)
    for part in name.split("."):
        if not is_dataclass(found) or not hasattr(found, part):
            raise InputError(f"the configuration of {system.name} has no {name}: its space names another field")
        found = getattr(found, part)
    return found
