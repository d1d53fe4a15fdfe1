"""The taste of a library's owner, kept in its folder as `taste.json`: written whole or not at all, read strictly."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexing.disk.durable import library_errors, sync, write_json
from indexing.disk.lock import now
from recommender.errors import LibraryError
from recommender.logs import getLogger
from recommender.opening import load_json
from recommender.rankers.taste import TERMS, Taste, Weight, unfit
from recommender.text import show
from recommender.types import Space

if TYPE_CHECKING:
    from indexing.library import Library

_log = getLogger(__name__)
FILE = "taste.json"
_FORMAT = 2
_FIRST_TERMS = 10
"""Of `TERMS`, that format 1 knows."""


@dataclass(frozen=True)
class Figures:
    """How a taste did on films that it had not seen.

    Attributes
    ----------
    films, uses: that it was learnt on.
    rank, rank_without: the geometric mean of the ranks of what was chosen, with and without it; mrr, mrr_without: the
        mean of 1 / rank. Each film counts the same, and is ranked by what the others taught.
    halvings: of the rank by the taste, the mean over films with its 95 % interval.
    agreement: of films on a taste, with its 95 % interval: doublings of the chance of what was chosen, to first order.
        None of a taste that an earlier version learnt, which was judged by halvings.
    """

    films: int
    uses: int
    rank_without: float
    rank: float
    mrr_without: float
    mrr: float
    halvings: tuple[float, float, float]
    agreement: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class KeptTaste:
    """A taste with its figures; learnt: when, UTC, ISO 8601."""

    taste: Taste
    figures: Figures
    learnt: str


def keep(folder: Path, taste: Taste, figures: Figures) -> KeptTaste:
    """Put a taste in force in the library at `folder`, in the place of any other; raises LibraryError."""
    kept = KeptTaste(taste, figures, now())
    weights = {name: weight._asdict() for name, weight in taste.weights.items()}
    value = {"format": _FORMAT, "space": taste.space._asdict(), "ranker": taste.ranker, "terms": weights}
    with library_errors(folder, "write to the library at"):
        write_json(folder / FILE, {**value, "figures": vars(figures), "learnt": kept.learnt})
    return kept


def forget(folder: Path) -> bool:
    """Put the taste of the library at `folder` out of force, a damaged one too; whether there was one."""
    with library_errors(folder, "write to the library at"):
        there = (folder / FILE).is_file()
        (folder / FILE).unlink(missing_ok=True)
        sync(folder)
    return there


def load(folder: Path) -> KeptTaste | None:
    """The taste of the library at `folder`, None where there is none; raises LibraryError for a damaged file."""
    try:
        with library_errors(folder / FILE, "read"):
            value = load_json(folder / FILE)
        return _read(value, folder / FILE)
    except LibraryError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        if not isinstance(error.__cause__, ValueError):
            raise
        raise _damage(folder) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damage(folder) from error


def taste_of(library: "Library", *, calibrate: bool = False) -> Taste | None:
    """The taste to rank a library with; None, with a warning in one line, where it cannot be used."""
    try:
        kept = load(library.folder)
    except LibraryError as error:
        _log.warning("%s; ranked without it", error)
        return None
    fault = unfit(kept.taste, library.space, calibrate=calibrate) if kept else None
    if fault:
        _log.warning("%s; ranked without it", fault)
    return kept.taste if kept and not fault else None


def describe(folder: Path, space: Space) -> dict[str, Any] | None:
    """What is in force, JSON-ready: None where nothing was learnt; raises LibraryError for a damaged file."""
    kept = load(folder)
    if kept is None:
        return None
    fault = unfit(kept.taste, space)
    told = {"in_force": fault is None, "likes": kept.taste.words(), "ranker": kept.taste.ranker, "learnt": kept.learnt}
    return told | vars(kept.figures) | ({"why_not": fault} if fault else {})


def _read(value: Any, path: Path) -> KeptTaste:
    """The taste in a file's value; raises LibraryError of a later format, else one of what a damaged file raises."""
    if value["format"] > _FORMAT:
        raise LibraryError(f"{show(path)} was written by a later version; update to that one")
    known = [*TERMS] if value["format"] == _FORMAT else [*TERMS][:_FIRST_TERMS]
    if value["terms"].keys() != {*known}:
        raise ValueError("not the terms that are known")
    weights = dict.fromkeys(TERMS, Weight(0.0, 0.0, 1.0))
    weights |= {name: Weight(**{key: float(x) for key, x in value["terms"][name].items()}) for name in known}
    if not all(math.isfinite(x) for weight in weights.values() for x in weight):
        raise ValueError("a weight that is no number")
    if any(weight.scale <= 0 for weight in weights.values()):
        raise ValueError("a scale that is not positive")
    space, ranker, learnt = Space(**value["space"]), value["ranker"], value["learnt"]
    if not all(isinstance(text, str) for text in (space.model, space.revision, ranker, learnt)):
        raise ValueError("a name that is no text")
    return KeptTaste(Taste(space, ranker, weights), _figures(**value["figures"]), learnt)


def _figures(
    films: int, uses: int, *, halvings: list[float], agreement: list[float] | None = None, **means: float
) -> Figures:
    told = {name: float(number) for name, number in means.items()}
    agreed = None if agreement is None else _interval(agreement)
    return Figures(int(films), int(uses), **told, halvings=_interval(halvings), agreement=agreed)


def _interval(told: list[float]) -> tuple[float, float, float]:
    estimate, low, high = map(float, told)
    return estimate, low, high


def _damage(folder: Path) -> LibraryError:
    what_to_do = "learn it again (`recommend edits learn`), or remove the file"
    return LibraryError(f"your taste in {show(folder / FILE)} is damaged: {what_to_do}")
