"""Features of a clip or a still in one decoding: the objective ones of `video`, then what the picture network sees."""

from pathlib import Path

from recommender.extractors.networks import efficientnet
from recommender.extractors.video import video
from recommender.extractors.video.series import Sight
from recommender.types import Features

SIGHT = Sight(efficientnet.COLUMNS, efficientnet.features)
COLUMNS = (*video.COLUMNS, *efficientnet.COLUMNS)
REVISION, *FORMER = (
    f"{revision}, {efficientnet.NAME} {efficientnet.REVISION}" for revision in (video.REVISION, *video.FORMER)
)


def extract(path: Path) -> Features:
    """Features of the pictures in `path`; raises MediaError when there are none."""
    return video.extract(path, SIGHT)
