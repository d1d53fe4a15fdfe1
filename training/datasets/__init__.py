"""Rated corpora and data sets of labelled pairs by name. Adding one means a file and a line here."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

from recommender.errors import InputError
from recommender.text import show
from training.datasets.built import MANIFEST, load_built
from training.datasets.emomv import Name, load_emomv
from training.datasets.macleod import MACLEOD
from training.datasets.oasis import OASIS
from training.datasets.pmemo import PMEMO
from training.datasets.source import Dataset, Ratings
from training.datasets.vgmidi import VGMIDI
from training.types import Dataset as PairDataset

__all__ = ["DATASETS", "PAIRED", "Dataset", "Ratings", "is_set", "load", "load_pairs"]

DATASETS: dict[str, Dataset] = {d.name: d for d in (OASIS, VGMIDI, PMEMO, MACLEOD)}
"""Rated corpora: what the affect model learns from."""

PAIRED: dict[str, Callable[[Path], PairDataset]] = {
    **{name: partial(load_emomv, name=name) for name in get_args(Name)},
    "built": load_built,
}
"""Data sets of matched and mismatched pairs: what correspondence models learn from."""


def load(name: str, data: Path) -> Ratings:
    """The ratings of corpus `name` under the folder `data`; raises InputError, listing the names it knows."""
    if name not in DATASETS:
        raise InputError(f"unknown data set {name!r}; known: {', '.join(sorted(DATASETS))}")
    dataset = DATASETS[name]
    return dataset.load(data / dataset.folder)


def is_set(name: str) -> bool:
    """Whether it is the name of a published set of pairs, or a folder that `recommend dataset build` made."""
    return (name in PAIRED and name != "built") or (Path(name) / MANIFEST).is_file()


def load_pairs(name: str, folder: Path) -> PairDataset:
    """The labelled pairs of a data set; raises InputError, listing the names it knows.

    Parameters
    ----------
    name: "emomv-a", "emomv-b", "emomv-c", or "built" of one made by `recommend dataset build`. folder: where it lies.
    """
    if name not in PAIRED:
        raise InputError(f"unknown data set '{show(name)}'; there are: {', '.join(PAIRED)}")
    return PAIRED[name](folder)
