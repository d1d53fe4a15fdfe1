"""ENCODERS: what turns a segment's picture and its own sound into one vector each."""

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path

from recommender.errors import InputError
from recommender.extractors.audio import music
from recommender.extractors.networks import efficientnet
from recommender.extractors.video import sight, video
from recommender.model.base import EXTRACTORS
from recommender.text import shown
from recommender.types import Array, numbered
from recommender.weights import require
from training.construction import raw


@dataclass(frozen=True)
class Extractor:
    """One modality: the prefix of its files, the names of its columns, a revision, and path -> float32 [d].

    `extract` raises MediaError when the file has no such stream or nothing of it can be decoded; `check` raises
    ModelError when nothing can be measured at all, a network being absent. `together`, where there is one, gives the
    vectors of several files in order, or why a file has none, where that is faster as `shares` says: through a network
    they share batches.
    """

    prefix: str
    columns: tuple[str, ...]
    revision: str
    extract: Callable[[Path], Array]
    check: Callable[[], None] = lambda: None
    together: Callable[[Iterable[Path]], Iterator[Array | Exception]] | None = None
    shares: Callable[[], bool] = lambda: True


@dataclass(frozen=True)
class Encoder:
    """The extractors of both modalities."""

    video: Extractor
    music: Extractor


def _builtin_video(path: Path) -> Array:
    return video.extract(path).item


def _sight(path: Path) -> Array:
    return sight.extract(path).item


def _builtin_music(path: Path) -> Array:
    return music.extract(path).item


def _each(prefix: str, paths: Iterable[Path]) -> Iterator[Array | Exception]:
    """Vectors of files by the deep features of that name: torch is imported by the first."""
    for found in importlib.import_module(EXTRACTORS[prefix]).EXTRACTOR.each(paths):
        yield found if isinstance(found, Exception) else found.item


def _one(prefix: str, path: Path) -> Array:
    (found,) = _each(prefix, [path])
    if isinstance(found, Exception):
        raise found
    return found


def _shares(prefix: str) -> bool:
    """Whether batches hold more than one piece; on a processor, clips go through one by one."""
    return bool(importlib.import_module(EXTRACTORS[prefix]).EXTRACTOR.rows > 1)


def _deep(prefix: str, width: int, checkpoint: str) -> Extractor:
    """Features from a published network; no revision is theirs, as the published sets have none."""
    return Extractor(
        prefix,
        numbered(prefix, width),
        "",
        partial(_one, prefix),
        partial(require, checkpoint),
        partial(_each, prefix),
        partial(_shares, prefix),
    )


VGGISH = _deep("VGGish", 128, "vggish")

BUILTIN_VIDEO = Extractor("BuiltinVideo", tuple(c.name for c in video.COLUMNS), video.REVISION, _builtin_video)
SIGHT = Extractor(efficientnet.NAME, tuple(c.name for c in sight.COLUMNS), sight.REVISION, _sight)
BUILTIN_MUSIC = Extractor("BuiltinMusic", music.NAMES, music.REVISION, _builtin_music)
PICTURES = Extractor("Pictures", numbered("Pictures", prod(raw.PICTURES)), raw.REVISION, raw.pictures)
SPECTROGRAM = Extractor("LogMel", numbered("LogMel", prod(raw.SPECTROGRAM)), raw.REVISION, raw.spectrogram)

ENCODERS: dict[str, Encoder] = {
    "builtin": Encoder(BUILTIN_VIDEO, BUILTIN_MUSIC),
    "efficientnet": Encoder(SIGHT, BUILTIN_MUSIC),
    "raw": Encoder(PICTURES, SPECTROGRAM),
    "frames": Encoder(PICTURES, BUILTIN_MUSIC),
    "spectrogram": Encoder(BUILTIN_VIDEO, SPECTROGRAM),
    "emomv": Encoder(video=_deep("SlowFast", 2304, "slowfast"), music=VGGISH),
    "slowfast-r101": Encoder(video=_deep("SlowFastR101", 2304, "slowfast-r101"), music=VGGISH),
    "timesformer": Encoder(video=_deep("TimeSformer", 768, "timesformer"), music=VGGISH),
}
"""By name. Worker processes look them up again, so an encoder must be here when its module is imported."""


def encoder_named(name: str) -> Encoder:
    """The encoder of that name; raises InputError listing the known ones."""
    if name not in ENCODERS:
        raise InputError(f"unknown encoder '{shown(name)}'; there are: {', '.join(sorted(ENCODERS))}")
    return ENCODERS[name]
