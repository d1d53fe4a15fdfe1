"""What every model can do, and how one is loaded: the manifest's `kind` decides which it is."""

import importlib
from pathlib import Path
from typing import Any

from recommender.errors import Argument, ModelError
from recommender.logs import getLogger
from recommender.model import folder as files
from recommender.rankers import PLAIN, Scoring
from recommender.types import Analysis, Array, Coded, Cue, Modality, Space

_log = getLogger(__name__)
KINDS = {"affect": "recommender.model.affect", "retrieval": "recommender.model.retrieval"}
"""Kinds of models by the module whose `load(folder, manifest)` reads them."""

BUILTIN: dict[Modality, str] = {"music": "BuiltinMusic", "video": "BuiltinVideo"}
"""Names of the objective features of each modality."""

OWN = ("BuiltinMusic", "BuiltinVideo", "BuiltinClip", "EfficientNetLite2")
"""Features whose revision may change with this program; published networks that are fetched do not."""

AFFECT: dict[Modality, str] = {"music": "BuiltinMusic", "video": "BuiltinClip"}
"""Names of the features that affect models read: of clips also what a picture network sees."""

EXTRACTORS = {
    "BuiltinMusic": "recommender.extractors.audio.music",
    "BuiltinVideo": "recommender.extractors.video.video",
    "BuiltinClip": "recommender.extractors.video.clip",
    "EfficientNetLite2": "recommender.extractors.video.sight",
    "VGGish": "recommender.extractors.pretrained.sound",
    "SlowFast": "recommender.extractors.pretrained.pictures",
    "SlowFastR101": "recommender.extractors.pretrained.pictures_r101",
    "TimeSformer": "recommender.extractors.pretrained.spacetime",
}
"""Features that this program measures, by name: modules with COLUMNS, REVISION and extract(path)."""


def extractor(modality: Modality) -> Any:
    """The module that measures what affect models read of a modality."""
    return importlib.import_module(EXTRACTORS[AFFECT[modality]])


class Model:
    """A loaded model folder. Picklable and small: it travels to the worker processes.

    Attributes
    ----------
    name, revision: the revision is a hash over everything that changes a vector.
    folder: where it was read from.
    """

    name: str
    revision: str
    folder: Path

    @property
    def scoring(self) -> Scoring:
        """What rankers need to know of the model."""
        return PLAIN

    @property
    def ranker(self) -> str:
        """The ranker that its card shows best."""
        return "cosine"

    @property
    def reads(self) -> str:
        """What it works on, in a few words."""
        return "media"

    @staticmethod
    def load(name_or_folder: str | Path = "builtin") -> "Model":
        """A model that comes with the package, or of a folder; raises ModelError with one line.

        Parameters
        ----------
        name_or_folder: "builtin" (default), "emomv-c", the name of an imported model, or a path.
        """
        folder = files.find(name_or_folder)
        manifest = files.read_manifest(folder)
        kind = manifest.get("kind", "affect")
        if kind == "tagger":
            told = f"{folder}: a tagger labels media and recommends none: "
            raise ModelError(told, Argument("tagger", command="dataset tag"))
        if kind not in KINDS:
            raise ModelError(
                f"{folder}: a model of kind {kind!r}; this program knows {', '.join(KINDS)}: update cliptune"
            )
        loaded: Model = importlib.import_module(KINDS[kind]).load(folder, manifest)
        _log.info("model %s revision %s from %s", loaded.name, loaded.revision, folder)
        return loaded

    @property
    def space(self) -> Space:
        """The space its vectors live in."""
        raise NotImplementedError

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """Columns that a library keeps beside the vectors: what explanations and rankers read."""
        raise NotImplementedError

    def source(self, modality: Modality) -> str:
        """What measures its features, with the revision: equal sources give equal features of a file."""
        raise NotImplementedError

    def measured(self, modality: Modality) -> tuple[str, ...]:
        """Columns as the source gives them, in its order."""
        raise NotImplementedError

    def stored(self, modality: Modality) -> tuple[str, ...]:
        """Columns that a library stores: the measured ones, then those the model derives from them."""
        raise NotImplementedError

    def code(self, modality: Modality, values: Array, still: Array) -> Coded:
        """What is kept of measured features `values` [n, m]; `still`: bool [n], rows of pictures that do not move."""
        raise NotImplementedError

    def check_media(self, modality: Modality) -> None:
        """Raise InputError when `analyse` can read no files of that modality, whatever they hold."""

    def analyse(self, path: Path, modality: Modality) -> Analysis:
        """Features, affect and vectors of one file; raises MediaError with one line.

        Parameters
        ----------
        path: the file. modality: what to read of it, "music" or "video".
        """
        raise NotImplementedError

    def cues(self, analysis: Analysis) -> tuple[Cue, ...]:
        """Why the clip of an `analysis` was read so, the strongest first; nothing of a model that cannot say."""
        return ()

    def card(self) -> str:
        """The model card (markdown)."""
        try:
            return (self.folder / "card.md").read_text(encoding="utf-8")
        except OSError as error:
            raise ModelError(f"{self.folder}: no readable card.md ({error.strerror})") from error


def tags_of(path: Path, modality: Modality) -> dict[str, str]:
    """Tags of a piece of music; clips have none."""
    if modality != "music":
        return {}
    from recommender.tags import read_tags

    return read_tags(path)
