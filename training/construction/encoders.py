"""ENCODERS: what turns a segment's picture and its own sound into one vector each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recommender.checkpoints import require
from recommender.errors import InputError
from recommender.features import music, video
from recommender.text import shown
from recommender.types import Array, numbered


@dataclass(frozen=True)
class Extractor:
    """One modality: the prefix of its files, the names of its columns, a revision, and path -> float32 [d].

    `extract` raises MediaError when the file has no such stream or nothing of it can be decoded; `check` raises
    ModelError when nothing can be measured at all, a network being absent.
    """

    prefix: str
    columns: tuple[str, ...]
    revision: str
    extract: Callable[[Path], Array]
    check: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Encoder:
    """The extractors of both modalities."""

    video: Extractor
    music: Extractor


def _builtin_video(path: Path) -> Array:
    return video.extract(path).item


def _builtin_music(path: Path) -> Array:
    return music.extract(path).item


def _vggish(path: Path) -> Array:
    from recommender.deep import sound

    return sound.heard(path).item


def _slowfast(path: Path) -> Array:
    from recommender.deep import pictures

    return pictures.extract(path).item


ENCODERS: dict[str, Encoder] = {
    "builtin": Encoder(
        video=Extractor("BuiltinVideo", tuple(c.name for c in video.COLUMNS), video.REVISION, _builtin_video),
        music=Extractor("BuiltinMusic", music.NAMES, music.REVISION, _builtin_music),
    ),
    # The features of EmoMV, from published networks: torch is imported by the first file, and no revision is
    # theirs, as the published sets have none.
    "emomv": Encoder(
        video=Extractor("SlowFast", numbered("SlowFast", 2304), "", _slowfast, partial(require, "slowfast")),
        music=Extractor("VGGish", numbered("VGGish", 128), "", _vggish, partial(require, "vggish")),
    ),
}
"""By name. Worker processes look them up again, so an encoder must be here when its module is imported."""


def encoder_named(name: str) -> Encoder:
    """The encoder of that name; raises InputError listing the known ones."""
    if name not in ENCODERS:
        raise InputError(f"unknown encoder '{shown(name)}'; there are: {', '.join(sorted(ENCODERS))}")
    return ENCODERS[name]
