"""Features of a clip or a still in one decoding: the objective ones of `video`, then what the picture network sees."""

from pathlib import Path

from recommender.extractors.networks import efficientnet
from recommender.extractors.video import video
from recommender.extractors.video.series import Sight
from recommender.media import LOOKS
from recommender.types import Features

SIGHT = Sight(efficientnet.COLUMNS, efficientnet.features)
COLUMNS = (*video.COLUMNS, *efficientnet.COLUMNS)
_NETWORK = f"{efficientnet.NAME} {efficientnet.REVISION}"
REVISION = f"{video.REVISION}, {_NETWORK}, {LOOKS}"
FORMER = tuple(f"{revision}, {_NETWORK}" for revision in (video.REVISION, *video.FORMER))
"""Of fewer looks at a clip's first seconds: noisier means of the same features, so that models of those read these."""


def extract(path: Path) -> Features:
    """Features of the pictures in `path`; raises MediaError when there are none."""
    return video.extract(path, SIGHT)
