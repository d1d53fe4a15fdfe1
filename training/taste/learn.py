"""From choices to a taste that can be kept, or to the line that says why there is none."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from indexing.edits.taste_file import Figures
from recommender.errors import InputError
from recommender.rankers.taste import TERMS, Taste, Weight
from recommender.types import IMPORTED, Space
from training.taste.choices import Choice, Packed, pack
from training.taste.judge import FEWEST, Judgement, judge


class Learnt(NamedTuple):
    """A taste with its figures; `why_not` in one line where it is not surely better, else None."""

    taste: Taste
    figures: Figures
    why_not: str | None


def check_enough(films: int, space: Space) -> None:
    """Raise InputError where there is nothing to learn from, or nothing to weigh."""
    if space.revision == IMPORTED:
        raise InputError("imported vectors have neither tempo nor affect that a taste could weigh")
    if films < FEWEST:
        raise InputError(
            f"a taste is learnt from {FEWEST} films or more with music of the library; there are {films}: add more "
            "(`recommend edits add`)"
        )


def learn(choices: Sequence[Choice], space: Space, ranker: str, *, seed: int = 0) -> Learnt:
    """The taste behind choices of `FEWEST` films or more; raises InputError for fewer.

    Parameters
    ----------
    space, ranker: of the library, and that scored the candidates.
    """
    check_enough(len({one.film for one in choices}), space)
    packed = pack(choices)
    found = judge(packed, seed)
    return Learnt(Taste(space, ranker, _weights(packed, found)), _figures(packed, found), _why_not(found))


def _weights(packed: Packed, found: Judgement) -> dict[str, Weight]:
    """By term, in log odds as they are: those that were learnt are per standard deviation of log odds."""
    weights = found.taste * packed.scale[0]
    rows = zip(weights.tolist(), packed.centre[1:].tolist(), packed.scale[1:].tolist(), strict=True)
    return {name: Weight(*row) for name, row in zip(TERMS, rows, strict=True)}


def _figures(packed: Packed, found: Judgement) -> Figures:
    rank_without, rank = np.exp2(-found.halvings.mean(axis=0)).tolist()
    mrr_without, mrr = found.mrr.mean(axis=0).tolist()
    gained, agreement = found.gained[:3], found.agreement[:3]
    return Figures(packed.films, len(packed.x), rank_without, rank, mrr_without, mrr, gained, agreement)


def _why_not(found: Judgement) -> str | None:
    if found.is_better:
        return None
    estimate, low, high, films = found.agreement
    if low > 0:
        return f"it lowers {found.lowers} of what was chosen in films that it has not seen ({films} films)"
    told = f"{estimate:+.2f} [{low:+.2f}, {high:+.2f}]"
    return f"films do not surely agree on a taste: doublings of the chance of what was chosen {told}, {films} films"
