"""OASIS's themes in families, and whether something goes on in them (`oasis_themes.csv`).

Themes of one family look alike (a lake is near a beach), so folds of themes flatter: a family left out is what a model
has seen nothing like. Families and activity were told from the names of the themes alone, before any model was fitted;
the activity of a theme whose name does not tell stays open.
"""

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from recommender.types import Array

TABLE = Path(__file__).with_name("oasis_themes.csv")
ACTIVITY = {"busy": 1.0, "calm": -1.0}


def families(themes: Sequence[str]) -> tuple[str, ...]:
    """The family of each theme; a theme that is in none is a family of its own."""
    return tuple(_themes()[theme]["family"] if theme in _themes() else theme for theme in themes)


def activity(themes: Sequence[str]) -> Array:
    """float64 [n]: 1 of a theme in action, -1 of one at rest, 0 of one that is not told."""
    told = [_themes()[theme]["activity"] if theme in _themes() else "" for theme in themes]
    return np.array([ACTIVITY.get(activity, 0.0) for activity in told])


@cache
def _themes() -> Mapping[str, Mapping[str, str]]:
    with TABLE.open(newline="", encoding="utf-8") as file:
        return {row["theme"]: row for row in csv.DictReader(file)}
