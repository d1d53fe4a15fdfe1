"""Learn and measure: datasets, fitting, evaluation."""

from typing import TYPE_CHECKING

from recommender.exports import lazy

if TYPE_CHECKING:
    from training.datasets import load_pairs
    from training.evaluation.benchmark import benchmark
    from training.evaluation.trials import Bench
    from training.measures import per_query
    from training.systems import system
    from training.types import Corpus, Dataset, Extra, Fitted, Pairs, System

__all__ = [
    "Bench",
    "Corpus",
    "Dataset",
    "Extra",
    "Fitted",
    "Pairs",
    "System",
    "benchmark",
    "load_pairs",
    "per_query",
    "system",
]

_MODULES = ["types", "datasets", "measures", "evaluation.trials", "evaluation.benchmark", "systems"]

__getattr__, __dir__ = lazy(__name__, __all__, _MODULES)
