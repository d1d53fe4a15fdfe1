"""What every model can do, and how one is loaded: the manifest's `kind` decides which it is."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recommender.errors import Argument, InputError, ModelError
from recommender.logs import getLogger
from recommender.model import folder as files
from recommender.opening import MANIFEST, read_text
from recommender.rankers import PLAIN, Scoring
from recommender.types import Analysis, Array, Coded, Cue, Emotions, Features, Modality, Reason, Space

if TYPE_CHECKING:
    from recommender.affect.relative import Scale

_log = getLogger(__name__)
KINDS = {"affect": "recommender.model.affect", "retrieval": "recommender.model.retrieval"}
"""Kinds of models by the module whose `load(folder, manifest)` reads them."""

NO_AFFECT = (
    Argument("calibrate"),
    " rescales valence and arousal, which this library's model does not predict: leave it out, or use a library of the "
    "model `builtin`",
)


class Encoded(NamedTuple):
    """What a library keeps of n rows of features: unit vectors [n, dim], and `inputs` [n, f] (see `Model.inputs`)."""

    vectors: Array
    inputs: Array


class Model(ABC):
    """What queries and ingestion need of a model. Picklable and small: it travels to the worker processes.

    Attributes
    ----------
    name, revision: the revision is a hash over everything that changes a vector.
    folder: where it was read from.
    """

    name: str
    revision: str
    folder: Path

    @staticmethod
    def load(name_or_folder: str | Path = "builtin") -> "Model":
        """A model that comes with the package, or of a folder; raises ModelError with one line.

        Parameters
        ----------
        name_or_folder: "builtin" (default), "emomv", the name of an imported model, or a path.
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

    # What every kind says of itself

    @property
    @abstractmethod
    def space(self) -> Space:
        """The space its vectors live in."""

    @abstractmethod
    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """Columns that a library keeps beside the vectors: what explanations and rankers read."""

    @abstractmethod
    def source(self, modality: Modality) -> str:
        """What measures its features, with the revision: equal sources give equal features of a file."""

    @abstractmethod
    def source_columns(self, modality: Modality) -> tuple[str, ...]:
        """Columns as the source gives them, in its order."""

    @abstractmethod
    def library_columns(self, modality: Modality) -> tuple[str, ...]:
        """Columns of `Coded.features` and of an analysis: the measured ones, then those the model derives from them."""

    @abstractmethod
    def code(self, modality: Modality, values: Array, still: Array, *, lengths_s: Array | None = None) -> Coded:
        """What is kept of measured features `values` [n, m]; `still`: bool [n], rows of pictures that do not move;
        `lengths_s` [n]: seconds that each row was measured on, None where they are not known."""

    @abstractmethod
    def analyse(self, path: Path, modality: Modality) -> Analysis:
        """Features, affect and vectors of one file; raises MediaError with one line.

        Parameters
        ----------
        path: the file. modality: what to read of it, "music" or "video".
        """

    # What only some can do

    @property
    def scoring(self) -> Scoring:
        """What rankers need to know of the model."""
        return PLAIN

    @property
    def ranker(self) -> str:
        """The ranker of music for clips that its card chose."""
        return "cosine"

    def ranker_for(self, target: Modality) -> str:
        """The ranker that its card chose for searches of `target`: "music" for clips, or "video" for music."""
        return self.ranker

    @property
    def reads(self) -> str:
        """What it works on, in a few words; "" of what reads nothing."""
        return "media"

    @property
    def reads_features(self) -> bool:
        """Whether it takes features that were measured elsewhere (`encode_features`)."""
        return False

    def check_media(self, modality: Modality) -> None:  # noqa: B027 what measures media itself can
        """Raise InputError when `analyse` can read no files of that modality, whatever they hold."""

    def encode_features(self, features: Array, modality: Modality) -> Encoded:
        """Vectors and inputs of `features` [n, d]; raises InputError where it reads none, or others."""
        raise InputError(
            "this library's model reads no features: query it with a clip (",
            Argument("clip"),
            "), or train a model of such features (`recommend train retrieval`) and import the library with it",
        )

    def describe(self, features: Features, modality: Modality, tags: Mapping[str, str] | None = None) -> Analysis:
        """What the model says of `features` that were measured already, in columns of the program's own extractors.

        Parameters
        ----------
        features: of a file, or of a part of one. tags: as its file has them. Raises InputError where it reads others.
        """
        raise InputError(
            f"the model '{self.name}' reads no features that this program measures of parts of a film: use a library "
            "of the model `builtin`"
        )

    def cues(self, analysis: Analysis) -> tuple[Cue, ...]:
        """Why the clip of an `analysis` was read so, the strongest first; nothing of a model that cannot say."""
        return ()

    def reasons(
        self, query: Array, inputs: Array, medians: Array, *, modality: Modality, emotions: Emotions | None = None
    ) -> list[Reason]:
        """What speaks most for a section or against it, the strongest first; nothing of a model that cannot say.

        Parameters
        ----------
        query:    float32 [dim], the unit query vector. emotions: the query's, where they are known.
        inputs:   float32 [n, f], the model's `inputs` in the section's windows.
        medians:  float32 [f], the library's medians of the same columns.
        """
        return []

    @property
    def affect_encoder(self) -> Callable[[Array], Array]:
        """Affect [n, 4] -> unit vectors float32 [n, dim]; raises InputError of a model that predicts no affect."""
        raise InputError(*NO_AFFECT)

    def relative_to(self, scale: "Scale") -> "Model":
        """The model with the feelings of music on `scale`; raises InputError as `affect_encoder`."""
        raise InputError(*NO_AFFECT)

    def card(self) -> str:
        """The model card (markdown)."""
        try:
            return read_text(self.folder / "card.md", MANIFEST)
        except OSError as error:
            raise ModelError(f"{self.folder}: no readable card.md ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise ModelError(f"{self.folder}: card.md is no UTF-8 text; fetch or train the model again") from error


def tags_of(path: Path, modality: Modality) -> dict[str, str]:
    """Tags of a piece of music; clips have none."""
    if modality != "music":
        return {}
    from recommender.tags import read_tags

    return read_tags(path)
