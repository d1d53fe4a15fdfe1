"""The retrieval model: features of either modality -> vectors of one space, learnt from matched and mismatched pairs.

Layout of its folder: `manifest.json` names the features it needs, the encoder, its calibration and what it was trained
on; `model.safetensors` holds the encoder's tensors; `card.md` says how good it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from recommender.affect.words import COLUMN, EMOTIONS
from recommender.encoders import Calibration, Matcher, build
from recommender.errors import InputError, ModelError
from recommender.model import folder as files
from recommender.model.base import Model, extractor, tags_of
from recommender.rankers import RANKERS, SIDE, Scoring
from recommender.rankers.afclnet import Rescorer
from recommender.rankers.scoring import Fusion, Scale
from recommender.types import Analysis, Array, Features, Modality, Space

EXTRACTED: dict[Modality, str] = {"music": "BuiltinMusic", "video": "BuiltinVideo"}
"""Names of the feature sets that this program measures itself."""

TENSORS = "afclnet."
"""Names of AFCLNet's tensors begin so."""

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class FeatureSet:
    """The features that one side of a model reads: a name, the extractor's revision, and the columns in order."""

    name: str
    revision: str
    columns: tuple[str, ...]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "FeatureSet":
        """From the manifest, which gives names of columns, or how many there are."""
        columns = entry["columns"]
        names = tuple(f"{entry['name']}_{i}" for i in range(columns)) if isinstance(columns, int) else columns
        return cls(str(entry["name"]), str(entry["revision"]), tuple(map(str, names)))


class Encoded(NamedTuple):
    """What a library keeps of n rows of features: unit vectors [n, dim], and `inputs` [n, f] (see `Model.inputs`)."""

    vectors: Array
    inputs: Array


@dataclass(frozen=True)
class Rescoring:
    """AFCLNet, its fusion with the cosine, and the calibrations of both rankers, "afclnet" and "fusion"."""

    rescorer: Rescorer
    fusion: Fusion
    calibrations: Mapping[str, Calibration]

    def match(self, ranker: str, matcher: Matcher, video: Array, music: Array) -> Array:
        """Match probability float64 [n] of n pairs."""
        sides = self.rescorer.side("video", video), self.rescorer.side("music", music)
        score = self._score(ranker, matcher.cosine(video, music), self.rescorer.logits(*sides))
        return self.calibrations[ranker](score)

    def similarity(self, ranker: str, matcher: Matcher, video: Array, music: Array) -> Array:
        """Scores float64 [a, b] of every video with every piece of music."""
        rows, columns = self.rescorer.side("video", video), self.rescorer.side("music", music)
        logits = np.array([self.rescorer.logits(row[None], columns) for row in rows]).reshape(len(video), len(music))
        return self._score(ranker, np.asarray(matcher.similarity(video, music), np.float64), logits)

    def _score(self, ranker: str, cosine: Array, logit: Array) -> Array:
        return self.fusion(cosine, logit) if ranker == "fusion" else logit

    @classmethod
    def of(cls, entry: Mapping[str, Any], tensors: Mapping[str, Array]) -> "Rescoring":
        """From the manifest and the tensors called `afclnet.*`."""
        mine = {name.removeprefix(TENSORS): v for name, v in tensors.items() if name.startswith(TENSORS)}
        rescorer = Rescorer(dict(entry["settings"]), {name: np.asarray(v, np.float32) for name, v in mine.items()})
        scales = (Scale(*map(float, entry["fusion"][key])) for key in ("cosine", "logit"))
        calibrations = {name: Calibration(**c) for name, c in entry["calibrations"].items()}
        return cls(rescorer, Fusion(float(entry["fusion"]["weight"]), *scales), calibrations)


@dataclass(frozen=True)
class RetrievalModel(Model):
    """A loaded retrieval model; scores pairs like any fitted system (`match`, `similarity`, `emotions`).

    Attributes
    ----------
    needs: the features of each modality. system: which system was trained.
    trained_on: dataset, its revision and parts, as the manifest has them.
    rescoring: AFCLNet and how its scores are shown, or None. default: the ranker that did best in cross-validation.
    """

    name: str
    revision: str
    folder: Path
    system: str
    needs: Mapping[Modality, FeatureSet]
    matcher: Matcher
    trained_on: Mapping[str, Any]
    rescoring: Rescoring | None = None
    default: str = "cosine"

    @cached_property
    def scoring(self) -> Scoring:
        """Calibrations of every ranker, and AFCLNet where it was trained."""
        calibrations = {"cosine": self.matcher.calibration}
        if self.rescoring is None:
            return Scoring(calibrations)
        more = self.rescoring
        first = len(EMOTIONS) if self._has_emotions("music") else 0
        return Scoring(calibrations | dict(more.calibrations), more.rescorer, more.fusion, first)

    @property
    def ranker(self) -> str:
        return self.default

    @property
    def reads(self) -> str:
        names = [self.needs[modality].name for modality in ("video", "music")]
        return "media" if names == [EXTRACTED["video"], EXTRACTED["music"]] else f"{' and '.join(names)} features"

    @cached_property
    def space(self) -> Space:
        return Space(self.name, self.revision, self.matcher.encoder.dim)

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """`emotion_exciting` and so on, where the model predicts emotions; then what AFCLNet needs of this side."""
        emotions = tuple(COLUMN + name for name in EMOTIONS) if self._has_emotions(modality) else ()
        width = self.rescoring.rescorer.width(modality) if self.rescoring is not None else 0
        return (*emotions, *(f"{SIDE}{i}" for i in range(width)))

    def columns(self, modality: Modality) -> tuple[str, ...]:
        """All columns that a library stores: the features, then the inputs."""
        return (*self.needs[modality].columns, *self.inputs(modality))

    def check(self, features: Mapping[Modality, FeatureSet], holder: str) -> None:
        """Raise InputError when the `features` that `holder` has are not those the model needs."""
        for modality, have in features.items():
            need = self.needs[modality]
            if need != have:
                raise InputError(
                    f"the model '{self.name}' reads {need.name} ({len(need.columns)} columns) of {modality}, "
                    f"{holder} has {have.name} ({len(have.columns)} columns)"
                )

    def encode(self, modality: Modality, features: Array) -> Encoded:
        """Vectors and inputs of `features` [n, d]; raises InputError when they are not those the model needs."""
        need = self.needs[modality]
        if features.ndim != 2 or features.shape[1] != len(need.columns):
            raise InputError(
                f"{modality} features of shape {list(features.shape)}; the model '{self.name}' needs {need.name}: "
                f"[n, {len(need.columns)}]"
            )
        emotions = self.emotions(modality, features)
        parts = [np.empty((len(features), 0)) if emotions is None else emotions]
        parts += [self.rescoring.rescorer.side(modality, features)] if self.rescoring is not None else []
        return Encoded(self.matcher.embed(modality, features), np.hstack(parts).astype(np.float32))

    def rows(self, modality: Modality, values: Array) -> tuple[Array, Array]:
        """Unit vectors [n, dim] and all `columns` [n, f] of features `values` [n, d], as a library stores them."""
        encoded = self.encode(modality, values)
        without = np.flatnonzero(~encoded.vectors.any(axis=1))
        if len(without):
            raise InputError(f"the model '{self.name}' sees nothing in {modality} features number {without[0]}")
        return encoded.vectors, np.hstack([np.asarray(values, np.float32), encoded.inputs])

    def match(self, video: Array, music: Array) -> Array:
        """Calibrated match probability float64 [n] of n pairs, by the default ranker."""
        if self.rescoring is None or self.default == "cosine":
            return self.matcher.match(video, music)
        return self.rescoring.match(self.default, self.matcher, video, music)

    def similarity(self, video: Array, music: Array) -> Array:
        """Scores [a, b] of every video with every piece of music, by the default ranker."""
        if self.rescoring is None or self.default == "cosine":
            return self.matcher.similarity(video, music)
        return self.rescoring.similarity(self.default, self.matcher, video, music)

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities float64 [n, 5], or None of a model that predicts none."""
        return self.matcher.emotions(modality, features)

    def check_media(self, modality: Modality) -> None:
        """Raise InputError when the model reads features that this program does not measure."""
        need = self.needs[modality]
        if need.name != EXTRACTED[modality]:
            raise InputError(
                f"the model '{self.name}' reads {need.name} features of {modality}, which are not measured from media "
                "here: extract them, then `recommend index import ... --model` and `recommend --features`"
            )

    def analyse(self, path: Path, modality: Modality) -> Analysis:
        """Features and vectors of one file; affect has no columns.

        Raises
        ------
        MediaError: with one line, as the extractor.
        InputError: the model reads features that this program does not measure.
        """
        self.check_media(modality)
        found: Features = extractor(modality).extract(Path(path))
        windows, item = self.encode(modality, found.values), self.encode(modality, found.item[None])
        features = replace(
            found,
            columns=self.columns(modality),
            values=np.hstack([found.values, windows.inputs]),
            item=np.hstack([found.item, item.inputs[0]]),
        )
        no_affect = np.empty((len(windows.vectors), 0), np.float32)
        tags = tags_of(Path(path), modality)
        return Analysis(modality, features, no_affect, windows.vectors, no_affect[0], item.vectors[0], tags)

    def _has_emotions(self, modality: Modality) -> bool:
        row = np.zeros((1, len(self.needs[modality].columns)))
        return self.emotions(modality, row) is not None


def load(folder: Path, manifest: Mapping[str, Any]) -> RetrievalModel:
    """The retrieval model in `folder`; raises ModelError with one line."""
    try:
        revision = str(manifest["revision"])
        needs: dict[Modality, FeatureSet] = {m: FeatureSet.of(manifest["inputs"][m]) for m in ("video", "music")}
        kind, settings = str(manifest["encoder"]["kind"]), dict(manifest["encoder"]["settings"])
        calibration = Calibration(**{k: float(v) for k, v in manifest["calibration"].items()})
        facts = str(manifest["name"]), str(manifest["system"]), dict(manifest["trained_on"])
        weights, expected = folder / files.plain_name(str(manifest["weights"])), str(manifest["sha256"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder / files.MANIFEST}: incomplete ({error!r}); fetch or train it again") from error
    tensors, found = files.read_tensors(weights)
    if found != expected:
        raise ModelError(f"{weights}: not the file the manifest was written for (SHA-256 differs); fetch it again")
    if revision != revision_of(manifest):
        raise ModelError(f"{folder / files.MANIFEST}: changed after it was written; fetch or train the model again")
    encoder = build(kind, settings, {n: v for n, v in tensors.items() if not n.startswith(TENSORS)}, str(folder))
    for modality, need in needs.items():
        if encoder.columns(modality) != len(need.columns):
            raise ModelError(f"{folder}: the encoder's {modality} numbers are not for {len(need.columns)} {need.name}")
        _check_extractor(folder, modality, need)
    name, system, trained_on = facts
    rescoring, default = _rescoring(folder, manifest, tensors, needs)
    matcher = Matcher(encoder, calibration)
    return RetrievalModel(name, revision, folder, system, needs, matcher, trained_on, rescoring, default)


def _rescoring(
    folder: Path, manifest: Mapping[str, Any], tensors: Mapping[str, Array], needs: Mapping[Modality, FeatureSet]
) -> tuple[Rescoring | None, str]:
    """AFCLNet, tried on a row of each modality, and the default ranker."""
    default = str(manifest.get("ranker", "cosine"))
    if "rescoring" not in manifest:
        return None, "cosine"
    try:
        found = Rescoring.of(manifest["rescoring"], tensors)
        rows = {m: found.rescorer.side(m, np.full((2, len(need.columns)), 0.5)) for m, need in needs.items()}
        pairs = (rows["video"], rows["music"]), (rows["video"][:1], rows["music"])
        fine = all(np.isfinite(found.rescorer.logits(*pair)).all() for pair in pairs) and set(found.calibrations) == {
            "afclnet",
            "fusion",
        }
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration, InputError) as error:
        raise ModelError(f"{folder}: AFCLNet's numbers do not fit together ({error}); train the model again") from error
    if not fine or default not in RANKERS:
        raise ModelError(f"{folder}: AFCLNet's part is incomplete; fetch or train the model again")
    return found, default


def revision_of(manifest: Mapping[str, Any]) -> str:
    """The hash over everything else in the manifest, the checksum of the weights included."""
    return files.digest({key: value for key, value in manifest.items() if key != "revision"})


def _check_extractor(folder: Path, modality: Modality, need: FeatureSet) -> None:
    """Features that this program measures must be those of today's extractor."""
    module = extractor(modality)
    if need.name == EXTRACTED[modality] and need.revision != module.REVISION:
        raise ModelError(
            f"{folder}: made for {modality} features {need.revision!r}, this program measures {module.REVISION!r}; "
            "build the data set and train it again"
        )
