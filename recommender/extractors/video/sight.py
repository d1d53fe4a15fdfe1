"""What the picture network sees of a clip or a still, without the objective features: for models that learn from it."""

from dataclasses import replace
from pathlib import Path

from recommender.extractors.networks import efficientnet
from recommender.extractors.video import clip
from recommender.types import Features

COLUMNS = efficientnet.COLUMNS
REVISION, FORMER = clip.REVISION, clip.FORMER
"""The cuts of the objective features weigh the looks."""


def extract(path: Path) -> Features:
    """Features of the pictures in `path`; raises MediaError when there are none."""
    found, count = clip.extract(path), len(COLUMNS)
    return replace(found, columns=found.columns[-count:], values=found.values[:, -count:], item=found.item[-count:])
