"""AFCLNet's part of a model folder: what rescores candidates, and how it is read.

In the folder: `rescoring` and `ranker` (the default) in the manifest, the tensors called `afclnet.*` in its weights.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recommender.encoders import Calibration, Matcher
from recommender.errors import InputError, ModelError
from recommender.model import folder as files
from recommender.rankers import RANKERS
from recommender.rankers.afclnet import Reranker
from recommender.rankers.scoring import Fusion, Scale
from recommender.types import Array, Modality

TENSORS = "afclnet."
"""Names of AFCLNet's tensors begin so."""

CALIBRATED = {"afclnet", "fusion"}


@dataclass(frozen=True)
class Reranking:
    """AFCLNet, its fusion with the cosine, and the calibrations of both rankers, "afclnet" and "fusion"."""

    reranker: Reranker
    fusion: Fusion
    calibrations: Mapping[str, Calibration]

    def match(self, video: Array, music: Array, *, ranker: str, matcher: Matcher) -> Array:
        """Match probability float64 [n] of n pairs."""
        sides = self.reranker.side("video", video), self.reranker.side("music", music)
        score = self._score(ranker, matcher.cosine(video, music), self.reranker.logits(*sides))
        return self.calibrations[ranker](score)

    def similarity(self, video: Array, music: Array, *, ranker: str, matcher: Matcher) -> Array:
        """Scores float64 [a, b] of every video with every piece of music."""
        rows, columns = self.reranker.side("video", video), self.reranker.side("music", music)
        logits = np.array([self.reranker.logits(row[None], columns) for row in rows]).reshape(len(video), len(music))
        return self._score(ranker, np.asarray(matcher.similarity(video, music), np.float64), logits)

    def _score(self, ranker: str, cosine: Array, logit: Array) -> Array:
        return self.fusion(cosine, logit) if ranker == "fusion" else logit

    def tensors(self) -> dict[str, Array]:
        """As the weights of a folder have them."""
        return {TENSORS + name: values for name, values in self.reranker.tensors.items()}

    def as_json(self) -> dict[str, Any]:
        """As a manifest has it."""
        return {
            "settings": dict(self.reranker.settings),
            "fusion": self.fusion.as_json(),
            "calibrations": {ranker: asdict(c) for ranker, c in self.calibrations.items()},
        }

    @classmethod
    def of(cls, entry: Mapping[str, Any], tensors: Mapping[str, Array]) -> "Reranking":
        """From the manifest and the tensors called `afclnet.*`."""
        mine = {name.removeprefix(TENSORS): v for name, v in tensors.items() if name.startswith(TENSORS)}
        reranker = Reranker(dict(entry["settings"]), {name: np.asarray(v, np.float32) for name, v in mine.items()})
        scales = (Scale(*map(float, entry["fusion"][key])) for key in ("cosine", "logit"))
        calibrations = {name: Calibration(**c) for name, c in entry["calibrations"].items()}
        return cls(reranker, Fusion(float(entry["fusion"]["weight"]), *scales), calibrations)


def read_weights(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Array]:
    """The tensors that the manifest names, of the very file it was written for; raises ModelError."""
    try:
        path, expected = folder / files.plain_name(str(manifest["weights"])), str(manifest["sha256"])
    except KeyError as error:
        raise ModelError(f"{folder / files.MANIFEST}: incomplete ({error!r}); fetch or train it again") from error
    tensors, found = files.read_tensors(path)
    if found != expected:
        raise ModelError(f"{path}: not the file the manifest was written for (SHA-256 differs); fetch it again")
    return tensors


def read_reranking(
    folder: Path, manifest: Mapping[str, Any], tensors: Mapping[str, Array], *, columns: Mapping[Modality, int]
) -> tuple[Reranking | None, str]:
    """AFCLNet, tried on rows of `columns` features of each modality, and the default ranker; raises ModelError."""
    default = str(manifest.get("ranker", "cosine"))
    if "rescoring" not in manifest:
        return None, "cosine"
    try:
        found = Reranking.of(manifest["rescoring"], tensors)
        rows = {m: found.reranker.side(m, np.full((2, count), 0.5)) for m, count in columns.items()}
        pairs = (rows["video"], rows["music"]), (rows["video"][:1], rows["music"])
        fine = all(np.isfinite(found.reranker.logits(*pair)).all() for pair in pairs)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration, InputError) as error:
        raise ModelError(f"{folder}: AFCLNet's numbers do not fit together ({error}); train the model again") from error
    if not fine or set(found.calibrations) != CALIBRATED:
        raise ModelError(f"{folder}: AFCLNet's part is incomplete; fetch or train the model again")
    return found, check_ranker(folder, default, found)


def check_ranker(folder: Path, name: Any, reranking: Reranking | None) -> str:
    """A ranker that a manifest names; raises ModelError for one that there is not, or that the model cannot serve."""
    if name not in RANKERS or (reranking is None and name != "cosine"):
        raise ModelError(f"{folder}: no ranker {name!r} in this model; fetch or train it again")
    return str(name)
