"""Copies of a picture that mean the same: what should change a reading little, or not at all."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from recommender.extractors.video import video
from recommender.extractors.video.clip import SIGHT
from recommender.extractors.video.series import Sight
from recommender.types import Array, Features, number_columns
from training.affect.feature_table import FeatureTable

Copy = Callable[[Array], Array]
GAMMA = 0.6

COPIES: dict[str, Copy] = {
    "mirrored": lambda rgb: np.ascontiguousarray(rgb[:, ::-1]),
    "dark": lambda rgb: cv2.convertScaleAbs(rgb, alpha=0.5),
    "bright": lambda rgb: cv2.LUT(rgb, (255 * (np.arange(256) / 255) ** GAMMA).astype(np.uint8)),
    "glaring": lambda rgb: cv2.convertScaleAbs(rgb, alpha=1.5),
    "grey": lambda rgb: cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
}
"""Seen in a mirror, at half the light, with lifted shadows, at half more light so that highlights are lost, in grey."""
LIGHTS = ("dark", "bright", "glaring", "grey")
"""Copies in other light: their sights change, what goes on does not."""


def extract(path: Path, copies: Sequence[str] = tuple(COPIES)) -> Features:
    """Features as `recommender.extractors.video.clip` gives them, then what the network sees of each of `copies`."""
    return video.extract(path, sight(copies))


def sight(copies: Sequence[str]) -> Sight:
    """What the network sees of a picture, then of `copies` of it: [(1 + copies) d]."""

    def features(rgb: Array) -> Array:
        return np.concatenate([SIGHT.features(rgb), *(SIGHT.features(COPIES[copy](rgb)) for copy in copies)])

    names = (name for copy in copies for name in number_columns(copy, _WIDTH))
    return Sight((*SIGHT.columns, *(SIGHT.columns[0]._replace(name=name) for name in names)), features)


_WIDTH = len(SIGHT.columns)


def network_features(table: FeatureTable, copy: str | None = None) -> Array:
    """What the network sees of the items, float64 [n, d], or of that copy of theirs."""
    name = SIGHT.columns[0].name if copy is None else number_columns(copy, 1)[0]
    first = table.columns.index(name)
    return table.items[:, first : first + _WIDTH]
