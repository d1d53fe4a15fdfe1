"""A genetic search over vectors of real numbers: selection by tournament, uniform crossover, Gaussian mutation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.types import Array

Errors = Callable[[Array], Array]
"""Errors [p], the smaller the fitter, of a population [p, d]: of all members at once."""


@dataclass(frozen=True)
class GeneticConfig:
    """How a population evolves."""

    population: int = 40  # ours: members of a generation
    generations: int = 40  # ours: by then the least error has nearly stopped falling; 0: no search
    tournament: int = 3  # ours: members drawn for each parent's place, which the fittest of them takes
    crossover: float = 0.8  # ours: share of children with genes of both parents; the others are copies of one
    mutation: float = 0.1  # ours: share of the genes that mutate
    step: float = 0.5  # ours: SD of a mutation over the gene's SD in the first generation
    elite: int = 2  # ours: the fittest live on unchanged, so that the least error never rises

    def __post_init__(self) -> None:
        if not 0 < self.elite < self.population:
            raise InputError(f"of a population of {self.population}, {self.elite} cannot live on: at least 1, not all")
        if self.generations < 0 or self.tournament < 1:
            raise InputError(f"{self.generations} generations with tournaments of {self.tournament}: at least 0 and 1")


class Evolved(NamedTuple):
    """The fittest member [d], and the least error of every generation [g + 1], the first one's included."""

    best: Array
    errors: Array


def evolve(first: Array, errors: Errors, config: GeneticConfig, *, rng: np.random.Generator) -> Evolved:
    """The fittest of the last generation from the population `first` [p, d]; without generations `first[0]`."""
    if not config.generations:
        return Evolved(first[0], errors(first[:1]))
    population, error, spread = first, errors(first), first.std(axis=0)
    least = [error.min()]
    for _ in range(config.generations):
        elite = np.argsort(error, kind="stable")[: config.elite]
        young = _children(population, error, spread, config, rng)
        population = np.vstack([population[elite], young])
        error = np.concatenate([error[elite], errors(young)])
        least.append(error.min())
    return Evolved(population[error.argmin()], np.array(least))


def _children(population: Array, error: Array, spread: Array, config: GeneticConfig, rng: np.random.Generator) -> Array:
    """The next generation beside the elite."""
    count = len(population) - config.elite
    entrants = rng.integers(0, len(population), (2, count, config.tournament))
    mother, father = (population[winners(error, one)] for one in entrants)
    mixed = rng.random((count, 1)) < config.crossover
    born = cross(mother, father, mixed & (rng.random(mother.shape) < 0.5))
    where = rng.random(born.shape) < config.mutation
    return mutate(born, where, config.step * spread * rng.standard_normal(born.shape))


def winners(error: Array, entrants: Array) -> Array:
    """int [n]: of the members `entrants` [n, t] of each tournament that of least error, the first of equals."""
    return np.take_along_axis(entrants, error[entrants].argmin(axis=1)[:, None], axis=1)[:, 0]


def cross(mother: Array, father: Array, swapped: Array) -> Array:
    """[n, d]: the mother's genes, and the father's where `swapped`."""
    return np.where(swapped, father, mother)


def mutate(members: Array, where: Array, steps: Array) -> Array:
    """[n, d]: `members` with `steps` added where `where`."""
    return members + where * steps
