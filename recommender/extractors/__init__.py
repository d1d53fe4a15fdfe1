"""Extractors: media in, named features per window and per item out. EXTRACTORS is the one list of them.

A new one is a file and a line here. The list costs nothing to import: a module is imported when it is asked something.
"""

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recommender.errors import CliptuneError
from recommender.types import Column, Features, Modality


@dataclass(frozen=True)
class Extractor:
    """What measures files of one modality; picklable, as its name is all that workers need.

    Attributes
    ----------
    name: what it is called. label: its name in files (manifests, sources, numbered columns), which do not change.
    home: its module with COLUMNS, REVISION, `extract(path)`; with EXTRACTOR too where files share a network's batches.
    weights: the published network that it runs (`recommender.weights`); None of what comes with the package.
    """

    name: str
    label: str
    modality: Modality
    home: str
    weights: str | None = None

    @property
    def described(self) -> tuple[Column, ...]:
        """Its columns with units and meanings."""
        return self._module.COLUMNS

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns, in order."""
        return tuple(column.name for column in self.described)

    @property
    def revision(self) -> str:
        """Changes whenever the same file would give other numbers; "" of published networks, which do not change."""
        return self._module.REVISION

    def serves(self, revision: str) -> bool:
        """Whether a model made for features of that revision reads today's: files give the same numbers, or nearly."""
        return revision in (self.revision, *getattr(self._module, "FORMER", ()))

    @property
    def shares(self) -> bool:
        """Whether several files go through together faster: batches of its network hold more than one piece."""
        network = getattr(self._module, "EXTRACTOR", None)
        return network is not None and network.rows > 1

    def require(self) -> None:
        """Raise ModelError, saying what to do, unless its network is here and so is what runs it."""
        if self.weights is not None:
            from recommender.weights import require

            require(self.weights)

    def extract(self, path: Path) -> Features:
        """Features of a file; raises MediaError when there is nothing to measure, ModelError as `require`."""
        return self._module.extract(path)

    def each(self, paths: Iterable[Path]) -> Iterator[Features | Exception]:
        """Features of every file in order, or why there are none; in a network's batches, and then without facts."""
        network = getattr(self._module, "EXTRACTOR", None)
        return map(self._tried, paths) if network is None else network.each(paths)

    def _tried(self, path: Path) -> Features | Exception:
        try:
            return self.extract(path)
        except (CliptuneError, OSError) as error:
            return error

    @property
    def _module(self) -> Any:
        return importlib.import_module(self.home)


_HERE = "recommender.extractors"
EXTRACTORS: dict[str, Extractor] = {
    one.name: one
    for one in (
        Extractor("builtin-music", "BuiltinMusic", "music", f"{_HERE}.audio.music"),
        Extractor("builtin-video", "BuiltinVideo", "video", f"{_HERE}.video.video"),
        Extractor("builtin-clip", "BuiltinClip", "video", f"{_HERE}.video.clip"),
        Extractor("efficientnet", "EfficientNetLite2", "video", f"{_HERE}.video.sight"),
        Extractor("vggish", "VGGish", "music", f"{_HERE}.pretrained.sound", "vggish"),
        Extractor("slowfast", "SlowFast", "video", f"{_HERE}.pretrained.pictures", "slowfast"),
        Extractor("slowfast-r101", "SlowFastR101", "video", f"{_HERE}.pretrained.pictures_r101", "slowfast-r101"),
        Extractor("timesformer", "TimeSformer", "video", f"{_HERE}.pretrained.spacetime", "timesformer"),
    )
}


def find_extractor(name: str) -> Extractor | None:
    """The extractor of that name, or with that label; None where this program has none."""
    return next((one for one in EXTRACTORS.values() if name in (one.name, one.label)), None)
