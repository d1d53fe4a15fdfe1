"""The affect model: objective features of media -> valence and arousal -> the affect space.

Layout of its folder: `manifest.json` names the extractor revisions, the predictors of music, of clips ("video") and of
pictures that do not move ("still"), and the affect space; `model.safetensors` holds the readings of the picture network
(`heads.*`) and AFCLNet where there is one; `card.md` says what it was trained on and how good it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.affect.cues import cues
from recommender.affect.heads import READINGS, Heads
from recommender.affect.linear import FORM, POPULATION_SD, LinearAffect, unsure_where_short
from recommender.affect.space import AffectSpace
from recommender.errors import ModelError
from recommender.explain import by_replacement
from recommender.extractors import EXTRACTORS
from recommender.extractors.networks import efficientnet
from recommender.model import folder as files
from recommender.model.base import Model, tags_of
from recommender.model.reranking import Reranking, read_reranking, read_weights
from recommender.rankers import SIDE, Scoring
from recommender.types import Affect, Analysis, Array, Coded, Column, Cue, Emotions, Features, Modality, Reason, Space

if TYPE_CHECKING:
    from recommender.affect.relative import Scale

READS = {"music": EXTRACTORS["builtin-music"], "video": EXTRACTORS["builtin-clip"]}
"""What measures the features of each modality: of clips also what a picture network sees."""

STILL = "still"
"""What the manifest calls the predictor of pictures that do not move."""


@dataclass(frozen=True)
class AffectModel(Model):
    """A loaded affect model.

    Attributes
    ----------
    name, revision: the revision is a hash over everything that changes a vector (extractor revisions included).
    affect: the affect predictor of each modality. still: that of pictures that do not move, where it is another.
    heads: the readings of the picture network that they use; without, they use objective features alone.
    affect_space: what turns an affect distribution into a unit vector.
    folder: where it was read from.
    reranking: AFCLNet and how its scores are shown, or None. default: the ranker that did best in cross-validation.
    """

    name: str
    revision: str
    affect: Mapping[Modality, LinearAffect]
    affect_space: AffectSpace
    folder: Path
    reranking: Reranking | None = None
    default: str = "cosine"
    heads: Heads | None = None
    still: LinearAffect | None = None

    @cached_property
    def scoring(self) -> Scoring:
        """AFCLNet where it was trained; the cosine is an overlap of distributions, which is shown as it is."""
        if self.reranking is None:
            return Scoring()
        more = self.reranking
        first = {modality: len(self._read(modality)) for modality in self.affect}
        return Scoring(more.calibrations, more.reranker, more.fusion, first)

    @property
    def ranker(self) -> str:
        return self.default

    @cached_property
    def space(self) -> Space:
        return Space(self.name, self.revision, self.affect_space.dim)

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """Feature columns that the affect predictors of `modality` read; then AFCLNet's side."""
        return (*self._read(modality), *self._side(modality))

    def columns(self, modality: Modality) -> dict[str, Column]:
        """Unit and meaning of every feature of a modality, by name."""
        measured = {column.name: column for column in READS[modality].described}
        return measured | {name: READINGS[name] for name in self._readings(modality)}

    def encode(self, modality: Modality, inputs: Array, still: bool = False) -> tuple[Array, Array]:
        """Affect [n, 4] and unit vectors [n, dim] of `inputs` [n, f], ordered as `inputs(modality)`.

        Both come from the features alone; AFCLNet's side may be absent.
        """
        predictor = self.predictor_of(modality, still)
        affect = predictor(inputs[:, [self._read(modality).index(name) for name in predictor.columns]])
        return affect, self.affect_space.encode(affect)

    def predictor_of(self, modality: Modality, still: bool = False) -> LinearAffect:
        """What predicts the affect of a modality, of pictures that do not move if `still`."""
        apart = self.still if still and modality == "video" else None
        return apart or self.affect[modality]

    def objective(self, modality: Modality, values: Array, affect: Array) -> Array:
        """What AFCLNet reads of measured features `values` [n, m], float64 [n, 2 + f].

        The means of valence and arousal; then of music z-scores of the predictor's columns, and of pictures and clips
        where that affect lies in the affect space, and nothing else: AFCLNet learnt from pictures that do not move, and
        what arouses there (a mountain, a lake) is calm on film. Only the affect, which is on one scale, carries over.
        """
        if modality == "video" and self.heads is not None:
            sd = np.broadcast_to(POPULATION_SD * self.predictor_of("video", still=True).sd, (len(affect), 2))
            return np.hstack([affect[:, :2], self.affect_space.encode(np.hstack([affect[:, :2], sd]))])
        predictor, measured = self.affect[modality], self.source_columns(modality)
        inputs = values[:, [measured.index(name) for name in predictor.columns]]
        return np.hstack([affect[:, :2], predictor.standardise(inputs)])

    def analyse(self, path: Path, modality: Modality) -> Analysis:
        """Features, affect and vectors of one file; raises MediaError with one line."""
        return self.describe(READS[modality].extract(Path(path)), modality, tags_of(Path(path), modality))

    def source(self, modality: Modality) -> str:
        return f"{READS[modality].label} {READS[modality].revision}"

    def source_columns(self, modality: Modality) -> tuple[str, ...]:
        return tuple(name for name in self.columns(modality) if name not in READINGS)

    def library_columns(self, modality: Modality) -> tuple[str, ...]:
        return (*self.source_columns(modality), *self._readings(modality), *self._side(modality))

    def code(self, modality: Modality, values: Array, still: Array, *, lengths_s: Array | None = None) -> Coded:
        known = values
        if self._readings(modality) and self.heads is not None:
            seen = values[:, -len(self.heads.weights) :]  # the picture network's columns come last
            known = np.hstack([values, self.heads(seen).astype(np.float32)])
        names = (*self.source_columns(modality), *self._readings(modality))
        inputs = known[:, [names.index(name) for name in self._read(modality)]]
        affect = np.empty((len(values), len(Affect._fields)), np.float32)
        for resting in {*still.tolist()}:
            rows = still == resting
            affect[rows] = self.encode(modality, inputs[rows], still=bool(resting))[0]
        if modality == "music" and lengths_s is not None:
            affect = unsure_where_short(affect, lengths_s)
        side = np.empty((len(values), 0), np.float32)
        if self.reranking is not None:
            side = self.reranking.reranker.side(modality, self.objective(modality, values, affect))
        return Coded(np.hstack([known, side]), affect, self.affect_space.encode(affect))

    def _readings(self, modality: Modality) -> tuple[str, ...]:
        """Columns that the model tells from what the picture network sees."""
        return self.heads.names if self.heads is not None and modality == "video" else ()

    def _read(self, modality: Modality) -> tuple[str, ...]:
        """Columns that the affect predictors of a modality read."""
        return tuple(dict.fromkeys((*self.affect[modality].columns, *self.predictor_of(modality, still=True).columns)))

    def _side(self, modality: Modality) -> tuple[str, ...]:
        width = self.reranking.reranker.width(modality) if self.reranking is not None else 0
        return tuple(f"{SIDE}{i}" for i in range(width))

    def describe(self, features: Features, modality: Modality, tags: Mapping[str, str] | None = None) -> Analysis:
        measured = [features.columns.index(name) for name in self.source_columns(modality)]
        rows = np.vstack([features.values, features.item])[:, measured]  # the windows, and last the whole item
        still, bounds = np.full(len(rows), bool(features.facts.get("still", False))), features.windows
        found = self.code(modality, rows, still, lengths_s=np.append(np.ptp(bounds, axis=1), features.duration_s))
        features = replace(
            features, columns=self.library_columns(modality), values=found.features[:-1], item=found.features[-1]
        )
        affect, vectors = found.affect, found.vectors
        return Analysis(modality, features, affect[:-1], vectors[:-1], affect[-1], vectors[-1], tags or {})

    def cues(self, analysis: Analysis) -> tuple[Cue, ...]:
        if analysis.modality != "video" or self.heads is None:
            return ()
        features = analysis.features
        predictor = self.predictor_of("video", bool(features.facts.get("still", False)))
        values = features.item[[features.columns.index(name) for name in predictor.columns]]
        units = {name: column.unit for name, column in self.columns("video").items()}
        return cues(predictor, values, units, features=features)

    def reasons(
        self, query: Array, inputs: Array, medians: Array, *, modality: Modality, emotions: Emotions | None = None
    ) -> list[Reason]:
        known = self.columns(modality)
        columns = [known[name] for name in self.affect[modality].columns]
        return by_replacement(
            query, inputs, medians, columns=columns, encode=lambda rows: self.encode(modality, rows)[1]
        )

    @property
    def affect_encoder(self) -> Callable[[Array], Array]:
        return self.affect_space.encode

    def relative_to(self, scale: "Scale") -> "AffectModel":
        music = self.affect["music"].relative(scale.centre, scale.spread)
        # What AFCLNet stored of the music is on the model's own scale: relative to the library, only the overlap ranks.
        return replace(self, affect={**self.affect, "music": music}, reranking=None, default="cosine")


def load(folder: Path, manifest: Mapping[str, Any]) -> AffectModel:
    """The affect model in `folder`; raises ModelError with one line."""
    try:
        parts = {m: files.read_json(folder / files.plain_name(f)) for m, f in manifest["affect"].items()}
        space = AffectSpace(**manifest["space"])
        name, features = str(manifest["name"]), dict(manifest["features"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{folder / files.MANIFEST}: incomplete ({error!r}); fetch the model again") from error
    predictors = {m: LinearAffect.from_json(part, f"{folder}: {m}") for m, part in parts.items()}
    still = predictors.pop(STILL, None)
    tensors = read_weights(folder, manifest) if "weights" in manifest else {}
    heads = Heads.of(tensors, efficientnet.DIM, str(folder))
    _check_extractors(folder, features, predictors, still, heads)
    trained = [features, parts, manifest["space"], manifest.get("sha256"), manifest.get("rescoring")]
    revision = files.digest(files.FORMAT, FORM, name, *trained)
    model = AffectModel(name, revision, predictors, space, folder, heads=heads if heads.names else None, still=still)
    if "rescoring" not in manifest:
        return model
    sizes = {
        m: model.objective(m, np.zeros((1, len(model.source_columns(m)))), np.zeros((1, 2))).shape[1]
        for m in predictors
    }
    reranking, default = read_reranking(folder, manifest, tensors, columns=sizes)
    return replace(model, reranking=reranking, default=default)


def _check_extractors(
    folder: Path,
    features: Mapping[str, str],
    predictors: Mapping[Modality, LinearAffect],
    still: LinearAffect | None,
    heads: Heads,
) -> None:
    for modality, predictor in predictors.items():
        extractor = READS[modality]
        if not extractor.serves(features.get(modality, "")):
            raise ModelError(
                f"{folder}: made for {modality} features {features.get(modality)!r}, this program extracts "
                f"{extractor.revision!r}; train it again (`recommend train affect`) or use the matching version"
            )
        known = {*extractor.columns} | set(heads.names if modality == "video" else ())
        read = {*predictor.columns, *(still.columns if still is not None and modality == "video" else ())}
        if missing := read - known:
            raise ModelError(f"{folder}: unknown {modality} features {sorted(missing)}; train it again")
