"""PAIRS: what turns a segment's picture and its own sound into one vector each."""

from typing import NamedTuple

from recommender.errors import InputError
from recommender.extractors import EXTRACTORS, Extractor
from recommender.text import show

KNOWN: dict[str, Extractor] = EXTRACTORS | {
    "pictures": Extractor("pictures", "Pictures", "video", "training.construction.pictures"),
    "spectrogram": Extractor("spectrogram", "LogMel", "music", "training.construction.spectrogram"),
}
"""The program's extractors, and those for networks that learn features of their own."""


class Pair(NamedTuple):
    """What data sets call the extractors of both modalities, and which they are."""

    name: str
    video: Extractor
    music: Extractor


PAIRS: dict[str, Pair] = {
    name: Pair(name, KNOWN[video], KNOWN[music])
    for name, video, music in (
        ("builtin", "builtin-video", "builtin-music"),
        ("efficientnet", "efficientnet", "builtin-music"),
        ("raw", "pictures", "spectrogram"),
        ("frames", "pictures", "builtin-music"),
        ("spectrogram", "builtin-video", "spectrogram"),
        ("slowfast", "slowfast", "vggish"),
        ("slowfast-r101", "slowfast-r101", "vggish"),
        ("timesformer", "timesformer", "vggish"),
    )
}
OLDER = {"emomv": "slowfast"}
"""Names of before."""


def find_pair(name: str) -> Pair:
    """The pair of that name, or of two extractors VIDEO,MUSIC; raises InputError listing the known ones."""
    name = OLDER.get(name, name)
    if name in PAIRS:
        return PAIRS[name]
    sides = [KNOWN.get(side.strip()) for side in name.split(",")]
    if [side and side.modality for side in sides] == ["video", "music"]:
        return Pair(name, *filter(None, sides))
    names = f"{', '.join(sorted(PAIRS))}, or VIDEO,MUSIC of {', '.join(KNOWN)}"
    raise InputError(f"unknown extractor '{show(name)}'; there are: {names}")
