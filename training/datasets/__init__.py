"""Rated corpora by name. Adding one means a file and a line here."""

from pathlib import Path

from recommender.errors import InputError
from training.datasets.oasis import OASIS
from training.datasets.pmemo import PMEMO
from training.datasets.source import Dataset, Ratings
from training.datasets.vgmidi import VGMIDI

__all__ = ["DATASETS", "Dataset", "Ratings", "load"]

DATASETS: dict[str, Dataset] = {d.name: d for d in (OASIS, VGMIDI, PMEMO)}


def load(name: str, data: Path) -> Ratings:
    """The ratings of corpus `name` under the folder `data`; raises InputError, listing the names it knows."""
    if name not in DATASETS:
        raise InputError(f"unknown data set {name!r}; known: {', '.join(sorted(DATASETS))}")
    dataset = DATASETS[name]
    return dataset.load(data / dataset.folder)
