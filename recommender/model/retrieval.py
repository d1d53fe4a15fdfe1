"""The retrieval model: features of either modality -> vectors of one space, learnt from matched and mismatched pairs.

Layout of its folder: `manifest.json` names the features it needs, the encoder, its calibration and what it was trained
on; `model.safetensors` holds the encoder's tensors; `card.md` says how good it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from recommender.affect.words import COLUMN, EMOTIONS, emotions_in
from recommender.encoders import Calibration, Matcher, build
from recommender.errors import Argument, InputError, ModelError
from recommender.explain import by_agreement
from recommender.extractors import EXTRACTORS, Extractor, find_extractor
from recommender.model import folder as files
from recommender.model.base import Encoded, Model, tags_of
from recommender.model.reranking import TENSORS, Reranking, check_ranker, read_reranking, read_weights
from recommender.rankers import SIDE, Scoring
from recommender.types import Analysis, Array, Coded, Emotions, Features, Modality, Reason, Space, number_columns

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class FeatureSet:
    """The features that one side of a model reads: the extractor's label and revision, and the columns in order."""

    name: str
    revision: str
    columns: tuple[str, ...]

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "FeatureSet":
        """From the manifest, which gives names of columns, or how many there are."""
        columns, known = entry["columns"], find_extractor(str(entry["name"]))
        name = str(entry["name"]) if known is None else known.label
        names = number_columns(name, columns) if isinstance(columns, int) else columns
        return cls(name, str(entry["revision"]), tuple(map(str, names)))

    @classmethod
    def by(cls, extractor: Extractor) -> "FeatureSet":
        """Those that an extractor gives."""
        return cls(extractor.label, extractor.revision, extractor.columns)

    @property
    def extractor(self) -> Extractor | None:
        """What measures them; None where this program has nothing that does."""
        return find_extractor(self.name)

    def entry(self) -> dict[str, Any]:
        """What the manifest says of it: of columns that are only numbered, how many there are."""
        plain = self.columns == number_columns(self.name, len(self.columns))
        columns = len(self.columns) if plain else list(self.columns)
        return {"name": self.name, "revision": self.revision, "columns": columns}


@dataclass(frozen=True)
class RetrievalModel(Model):
    """A loaded retrieval model; scores pairs like any fitted system (`match`, `similarity`, `emotions`).

    Attributes
    ----------
    needs: the features of each modality. system: which system was trained.
    trained_on: dataset, its revision and parts, as the manifest has them.
    reranking: AFCLNet and how its scores are shown, or None. default: the ranker that cross-validation chose.
    backward: that of clips for music, where it is another.
    """

    name: str
    revision: str
    folder: Path
    system: str
    needs: Mapping[Modality, FeatureSet]
    matcher: Matcher
    trained_on: Mapping[str, Any]
    reranking: Reranking | None = None
    default: str = "cosine"
    backward: str | None = None

    @cached_property
    def scoring(self) -> Scoring:
        """Calibrations of every ranker, and AFCLNet where it was trained."""
        calibrations = {"cosine": self.matcher.calibration}
        if self.reranking is None:
            return Scoring(calibrations)
        more = self.reranking
        first = {modality: len(names) for modality, names in self._emotions.items()}
        return Scoring(calibrations | dict(more.calibrations), more.reranker, more.fusion, first)

    @property
    def ranker(self) -> str:
        return self.default

    def ranker_for(self, target: Modality) -> str:
        return self.default if target == "music" else self.backward or self.default

    @property
    def reads(self) -> str:
        names = [self.needs[modality].name for modality in ("video", "music")]
        builtin = [EXTRACTORS[f"builtin-{modality}"].label for modality in ("video", "music")]
        return "media" if names == builtin else f"{' and '.join(names)} features"

    @property
    def reads_features(self) -> bool:
        return True

    @cached_property
    def space(self) -> Space:
        return Space(self.name, self.revision, self.matcher.encoder.dim)

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        """`emotion_exciting` and so on, where the model predicts emotions; then what AFCLNet needs of this side."""
        width = self.reranking.reranker.width(modality) if self.reranking is not None else 0
        return (*self._emotions[modality], *(f"{SIDE}{i}" for i in range(width)))

    def source(self, modality: Modality) -> str:
        need = self.needs[modality]
        return f"{need.name} {need.revision}".strip()

    def source_columns(self, modality: Modality) -> tuple[str, ...]:
        return self.needs[modality].columns

    def library_columns(self, modality: Modality) -> tuple[str, ...]:
        return (*self.source_columns(modality), *self.inputs(modality))

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
        parts += [self.reranking.reranker.side(modality, features)] if self.reranking is not None else []
        return Encoded(self.matcher.embed(modality, features), np.hstack(parts).astype(np.float32))

    def encode_features(self, features: Array, modality: Modality) -> Encoded:
        if not np.isfinite(features).all():
            raise InputError("the query's features are not finite (NaN or infinity); extract them again")
        return self.encode(modality, features)

    def reasons(
        self, query: Array, inputs: Array, medians: Array, *, modality: Modality, emotions: Emotions | None = None
    ) -> list[Reason]:
        here, usual = (emotions_in(self.inputs(modality), values) for values in (inputs.mean(axis=0), medians))
        if emotions is None or here is None or usual is None:
            return []
        return by_agreement(emotions, here, usual)

    def code(self, modality: Modality, values: Array, still: Array, *, lengths_s: Array | None = None) -> Coded:
        """What is kept of features `values` [n, m]; raises InputError where the model sees nothing in a row."""
        encoded = self.encode(modality, values)
        without = np.flatnonzero(~encoded.vectors.any(axis=1))
        if len(without):
            raise InputError(f"the model '{self.name}' sees nothing in {modality} features number {without[0]}")
        kept = np.hstack([np.asarray(values, np.float32), encoded.inputs])
        return Coded(kept, np.empty((len(values), 0), np.float32), encoded.vectors)

    def match(self, video: Array, music: Array) -> Array:
        """Calibrated match probability float64 [n] of n pairs, by the default ranker."""
        if self.reranking is None or self.default == "cosine":
            return self.matcher.match(video, music)
        return self.reranking.match(video, music, ranker=self.default, matcher=self.matcher)

    def similarity(self, video: Array, music: Array) -> Array:
        """Scores [a, b] of every video with every piece of music, by the default ranker."""
        if self.reranking is None or self.default == "cosine":
            return self.matcher.similarity(video, music)
        return self.reranking.similarity(video, music, ranker=self.default, matcher=self.matcher)

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities float64 [n, 5], or None of a model that predicts none."""
        return self.matcher.emotions(modality, features)

    def check_media(self, modality: Modality) -> None:
        self._extractor(modality)

    def _extractor(self, modality: Modality) -> Extractor:
        """What measures the model's features of a modality.

        Raises
        ------
        InputError: this program does not measure them. ModelError: their network was never fetched, or torch is absent.
        """
        need, extractor = self.needs[modality], self.needs[modality].extractor
        if extractor is None:
            raise InputError(
                f"the model '{self.name}' reads {need.name} features of {modality}, which are not measured from media "
                "here: extract them, then ",
                Argument("model", command="index import ..."),
                " and ",
                Argument("features", command=""),
            )
        extractor.require()
        return extractor

    def analyse(self, path: Path, modality: Modality) -> Analysis:
        """Features and vectors of one file; affect has no columns.

        Raises
        ------
        MediaError: with one line, as the extractor.
        InputError, ModelError: as `check_media`.
        """
        found = self._extractor(modality).extract(Path(path))
        return self._describe(found, modality, tags_of(Path(path), modality))

    def describe(self, features: Features, modality: Modality, tags: Mapping[str, str] | None = None) -> Analysis:
        need = self.needs[modality].columns
        if not set(need) <= set(features.columns):
            return super().describe(features, modality)  # which says so
        places = [features.columns.index(name) for name in need]
        own = replace(features, columns=need, values=features.values[:, places], item=features.item[places])
        return self._describe(own, modality, tags or {})

    def _describe(self, found: Features, modality: Modality, tags: Mapping[str, str]) -> Analysis:
        windows, item = self.encode(modality, found.values), self.encode(modality, found.item[None])
        features = replace(
            found,
            columns=self.library_columns(modality),
            values=np.hstack([found.values, windows.inputs]),
            item=np.hstack([found.item, item.inputs[0]]),
        )
        no_affect = np.empty((len(windows.vectors), 0), np.float32)
        return Analysis(modality, features, no_affect, windows.vectors, no_affect[0], item.vectors[0], tags)

    @cached_property
    def _emotions(self) -> dict[Modality, tuple[str, ...]]:
        """Columns of the emotions' probabilities, none of a modality for which the encoder predicts none."""
        rows = {modality: np.zeros((1, len(need.columns))) for modality, need in self.needs.items()}
        names = tuple(COLUMN + name for name in EMOTIONS)
        return {m: () if self.emotions(m, row) is None else names for m, row in rows.items()}


def load(folder: Path, manifest: Mapping[str, Any]) -> RetrievalModel:
    """The retrieval model in `folder`; raises ModelError with one line."""
    try:
        revision = str(manifest["revision"])
        needs: dict[Modality, FeatureSet] = {m: FeatureSet.of(manifest["inputs"][m]) for m in ("video", "music")}
        kind, settings = str(manifest["encoder"]["kind"]), dict(manifest["encoder"]["settings"])
        calibration = Calibration(**{k: float(v) for k, v in manifest["calibration"].items()})
        facts = str(manifest["name"]), str(manifest["system"]), dict(manifest["trained_on"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder / files.MANIFEST}: incomplete ({error!r}); fetch or train it again") from error
    tensors = read_weights(folder, manifest)
    if revision != revision_of(manifest):
        raise ModelError(f"{folder / files.MANIFEST}: changed after it was written; fetch or train the model again")
    own = {n: v for n, v in tensors.items() if not n.startswith(TENSORS)}
    encoder = build(kind, settings, own, name=str(folder))
    for modality, need in needs.items():
        if encoder.columns(modality) != len(need.columns):
            raise ModelError(f"{folder}: the encoder's {modality} numbers are not for {len(need.columns)} {need.name}")
        _check_extractor(folder, modality, need)
    name, system, trained_on = facts
    widths = {m: len(need.columns) for m, need in needs.items()}
    reranking, default = read_reranking(folder, manifest, tensors, columns=widths)
    backward = check_ranker(folder, manifest["ranker_of_clips"], reranking) if "ranker_of_clips" in manifest else None
    facts_of = name, revision, folder, system
    return RetrievalModel(*facts_of, needs, Matcher(encoder, calibration), trained_on, reranking, default, backward)


def revision_of(manifest: Mapping[str, Any]) -> str:
    """The hash over everything else in the manifest, the checksum of the weights included."""
    return files.digest({key: value for key, value in manifest.items() if key != "revision"})


def _check_extractor(folder: Path, modality: Modality, need: FeatureSet) -> None:
    """Features of our own must be those of today's extractor; published networks that are fetched do not change."""
    if need.extractor is None or need.extractor.weights is not None:
        return
    today = need.extractor.revision
    if not need.extractor.serves(need.revision):
        raise ModelError(
            f"{folder}: made for {modality} features {need.revision!r}, this program measures {today!r}; "
            "build the data set and train it again"
        )
