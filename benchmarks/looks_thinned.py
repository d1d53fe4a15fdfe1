"""A clip that was looked at in every frame, as if it had been looked at less often."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from recommender.extractors.video import video
from recommender.extractors.video.series import Sight
from recommender.extractors.video.video import Measured
from recommender.media.looks import MOST_S
from recommender.types import Array, Features

SCHEMES = {
    "1 s, half": (1.0, 0.5),
    "1/2 s, half": (0.5, 0.5),
    "1/2 s, a quarter": (0.5, 0.25),
    "3/8 s, half": (0.375, 0.5),
    "3/8 s, a sixth": (0.375, 1 / 6),
    "1/4 s, half": (0.25, 0.5),
    "1/4 s, an eighth": (0.25, 0.125),
}
"""The next look comes after so many seconds at least, and so much of the time that has passed. First as it was."""
EVERY_S = 0.125


def read(path: Path, sight: Sight) -> list[Features]:
    """Features of the file by each of `SCHEMES`, from one reading of it."""
    measured = video.measure(path, sight, look_every_s=EVERY_S)
    return [video.pool(thin(measured, *scheme), sight) for scheme in SCHEMES.values()]


def thin(measured: Measured, least_s: float, share: float) -> Measured:
    """With the looks alone that are due."""
    kept, found = places(measured.found.look_s, least_s, share), measured.found
    return measured._replace(found=replace(found, look_s=found.look_s[kept], looks=found.looks[kept]))


def places(look_s: Array, least_s: float, share: float) -> list[int]:
    """Which of the looks at `look_s` (ascending) are due, as `recommender.media.looks` has it."""
    due_s, kept = 0.0, []
    for place, t_s in enumerate(look_s.tolist()):
        if t_s >= due_s - 1e-6:
            kept.append(place)
            due_s = t_s + min(max(share * t_s, least_s), MOST_S)
    return kept


def counts(seconds: float) -> list[int]:
    """How many looks a clip of so many seconds has by each of `SCHEMES`."""
    return [len(places(np.arange(0, seconds, EVERY_S), *scheme)) for scheme in SCHEMES.values()]
