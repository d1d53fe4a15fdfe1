"""Number k of a run: which file it is, from the seed of the run alone."""

from dataclasses import dataclass

import numpy as np

from tests.faults import crafted, mutations, seeds

_CRAFTED = 0.15  # share of files with absurd headers


@dataclass(frozen=True)
class Case:
    """One file to be fuzzed with: `kind` of file, what was done to it, and its bytes."""

    number: int
    kind: str
    mutation: str
    suffix: str
    data: bytes


def case(run: int, number: int, like: str = "") -> Case:
    """File `number` of the run with that seed; the same on every machine with the same FFmpeg and ../shared.

    With `like` it is made from a seed file whose kind begins so.
    """
    rng = np.random.default_rng([run, number])
    if rng.random() < _CRAFTED and not like:
        name = list(crafted.ALL)[int(rng.integers(len(crafted.ALL)))]
        suffix, data = crafted.ALL[name](rng)
        return Case(number, f"crafted/{name}", "crafted", suffix, data)
    corpus = seeds.corpus()
    alike = [seed for seed in corpus if seed.kind.startswith(like)]
    seed, other = alike[int(rng.integers(len(alike)))], corpus[int(rng.integers(len(corpus)))]
    name = list(mutations.ALL)[int(rng.integers(len(mutations.ALL)))]
    data = mutations.ALL[name](seed.data, rng, other.data) or seed.data[:1]
    suffix = seed.suffix if rng.random() < 0.9 else other.suffix
    return Case(number, seed.kind, name, suffix, data[: mutations.LARGEST])
