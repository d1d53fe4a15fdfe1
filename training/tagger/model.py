"""The tagger: three models on one segment, a tag only where they agree; and its folder, without pickle."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from recommender.encoders.contract import MODALITIES
from recommender.errors import InputError, ModelError
from recommender.model.folder import FORMAT, MANIFEST, digest, find, plain_name, read_manifest, read_tensors
from recommender.model.retrieval import FeatureSet
from recommender.types import Array, Modality
from training.learning.model_folder import pack
from training.nets.attendaffect import AttendAffectNet, Shape
from training.systems.prepare import Standardiser
from training.tagger.figures import KINDS
from training.tagger.labelled import Labelled
from training.tagger.network import Labels, Member, TaggerConfig, fit_members, opinion
from training.tagger.tokens import tokens_of

KIND = "tagger"
Needs = Mapping[Modality, FeatureSet]


class Opinion(NamedTuple):
    """What one model says: an emotion, and the probability it gives it."""

    emotion: str
    confidence: float


class Tag(NamedTuple):
    """Three opinions on a segment; `kept` is the emotion that all of them name, or None."""

    video: Opinion
    music: Opinion
    joint: Opinion

    @property
    def kept(self) -> str | None:
        """The agreement rule (section 3.2.2)."""
        return self.joint.emotion if len({opinion.emotion for opinion in self}) == 1 else None


@dataclass(frozen=True)
class Tagger:
    """Three fitted models.

    emotions: names, in the order of probabilities. needs: the features of each modality.
    members: the networks of each of KINDS. shape: theirs.
    """

    emotions: tuple[str, ...]
    needs: Needs
    members: Mapping[str, tuple[Member, ...]]
    shape: Shape

    def opinions(self, video: Array, music: Array) -> dict[str, Array]:
        """Probabilities float64 [n, classes] by kind, of n segments: video [n, d_v] with their own music [n, d_m]."""
        for modality, features in zip(MODALITIES, (video, music), strict=True):
            need = self.needs[modality]
            if features.ndim != 2 or features.shape[1] != len(need.columns):
                raise InputError(
                    f"{modality} features of shape {list(features.shape)}; this tagger needs {need.name}: "
                    f"[n, {len(need.columns)}]"
                )
        return {kind: opinion(self.members[kind], x) for kind, x in inputs(video, music).items()}

    def tag(self, video: Array, music: Array) -> list[Tag]:
        """The opinions on n segments: video [n, d_v] with their own music [n, d_m]."""
        found = self.opinions(video, music)
        return [Tag(*(self._opinion(found[kind][row]) for kind in KINDS)) for row in range(len(video))]

    def _opinion(self, probabilities: Array) -> Opinion:
        best = int(probabilities.argmax())
        return Opinion(self.emotions[best], float(probabilities[best]))


def inputs(video: Array, music: Array) -> dict[str, Array]:
    """What each of KINDS reads of n segments."""
    return {"video": video, "music": music, "joint": np.hstack([video, music])}


def layouts(needs: Needs) -> dict[str, list[tuple[int, ...]]]:
    """The columns of each token of each of KINDS."""
    video, music = ([token.columns for token in tokens_of(needs[modality])] for modality in MODALITIES)
    behind = len(needs["video"].columns)
    shifted = [tuple(behind + column for column in token) for token in music]
    return {"video": video, "music": music, "joint": [*video, *shifted]}


def _sizes(needs: Needs) -> dict[str, dict[str, int]]:
    return {m: {token.name: len(token.columns) for token in tokens_of(needs[m])} for m in MODALITIES}


def fit(data: Labelled, needs: Needs, config: TaggerConfig, *, seed: int, further: Labels | None = None) -> Tagger:
    """The three models fitted on `data`; `further` labelled music is for the music model. Raises like `fit_members`."""
    layout = layouts(needs)
    members = {}
    for kind, x in inputs(data.video, data.music).items():
        labels, more = Labels(x, data.emotion, data.source), further if kind == "music" else None
        members[kind] = fit_members(labels, layout[kind], len(data.names), config=config, seed=seed, further=more)
    return Tagger(data.names, needs, members, config.shape)


def manifest_of(tagger: Tagger, name: str, trained_on: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The manifest of a tagger's folder, and the bytes of the weights it names."""
    entry, weights = pack(_tensors(tagger))
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "kind": KIND,
        "name": name,
        "emotions": list(tagger.emotions),
        "inputs": {modality: tagger.needs[modality].entry() for modality in MODALITIES},
        "tokens": _sizes(tagger.needs),
        "shape": asdict(tagger.shape),
        "epochs": {kind: [member.epochs for member in tagger.members[kind]] for kind in KINDS},
        **entry,
        "trained_on": dict(trained_on),
    }
    return manifest | {"revision": digest(manifest)}, weights


def load(name_or_folder: str | Path) -> Tagger:
    """The tagger in a folder; raises ModelError with one line."""
    folder = find(name_or_folder)
    manifest = read_manifest(folder)
    if manifest.get("kind") != KIND:
        kind = manifest.get("kind", "affect")
        raise ModelError(f"{folder}: not a tagger but a model of kind {kind!r}; `recommend train tagger` makes one")
    try:
        emotions = tuple(map(str, manifest["emotions"]))
        needs: Needs = {m: FeatureSet.of(manifest["inputs"][m]) for m in MODALITIES}
        shape, epochs = Shape(**manifest["shape"]), {kind: list(manifest["epochs"][kind]) for kind in KINDS}
        revision, weights = str(manifest["revision"]), plain_name(str(manifest["weights"]))
        same_tokens = manifest["tokens"] == _sizes(needs)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder / MANIFEST}: incomplete ({error!r}); train the tagger again") from error
    if not same_tokens:
        raise ModelError(f"{folder}: its tokens are not those of this program; train the tagger again")
    tensors, sha256 = read_tensors(folder / weights)
    if sha256 != manifest.get("sha256") or revision != digest({k: v for k, v in manifest.items() if k != "revision"}):
        raise ModelError(f"{folder}: changed after it was written; train the tagger again")
    layout = layouts(needs)
    try:
        members = {
            kind: tuple(
                _member(tensors, f"{kind}.{i}.", layout[kind], len(emotions), shape, int(number))
                for i, number in enumerate(epochs[kind])
            )
            for kind in KINDS
        }
    except (KeyError, RuntimeError, ValueError) as error:
        raise ModelError(f"{folder / weights}: not the weights of this manifest; train the tagger again") from error
    return Tagger(emotions, needs, members, shape)


def _tensors(tagger: Tagger) -> dict[str, Array]:
    """Every number of a tagger by kind, member and name."""
    found: dict[str, Array] = {}
    for kind in KINDS:
        for i, member in enumerate(tagger.members[kind]):
            start = f"{kind}.{i}."
            found |= {f"{start}mean": member.scale.mean, f"{start}scale": member.scale.scale}
            found |= {f"{start}net.{name}": value.numpy() for name, value in member.model.state_dict().items()}
    return found


def _member(
    tensors: Mapping[str, Array], start: str, tokens: Sequence[Sequence[int]], classes: int, shape: Shape, epochs: int
) -> Member:
    model = AttendAffectNet(tokens, classes, shape)
    own = f"{start}net."
    model.load_state_dict({n.removeprefix(own): torch.tensor(v) for n, v in tensors.items() if n.startswith(own)})
    return Member(Standardiser(tensors[f"{start}mean"], tensors[f"{start}scale"]), model.eval(), epochs)
