"""AFCLNet without torch: what an index stores of each side, and the head that joins a query with many candidates.

The network, its equations and readings are in `training.nets.afclnet`; the numbers are the same, up to float32.
Of the affect task nothing is kept: serving needs the score alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from recommender.encoders.contract import direction, softmax
from recommender.errors import InputError
from recommender.types import Array, Modality


class Side(NamedTuple):
    """What one modality brings to the head of one member: reduced and attended [n, r], affect and guided [n, a]."""

    reduced: Array
    attended: Array
    affect: Array
    guided: Array


FORMS: dict[str, Callable[[Array], Array]] = {"softmax": softmax, "direction": direction, "linear": lambda x: x}
"""What affect is of the linear predictors' outputs."""


@dataclass(frozen=True)
class Reranker:
    """Trained AFCLNets of several initialisations, whose logits are averaged.

    Attributes
    ----------
    settings: `members`, `self_heads`, `mutual_heads`, `own`, `shared` (experts of the score), `residual`, `products`,
        `inputs` ("both", "perceptual" or "objective"); per modality `video_form` (of affect: "softmax", "direction" or
        "linear") and `video_scale` [centre, gain].
    tensors: float32. `video.reduce`, `video.affect` map raw features; `0.video.attention.query` and so on are of
        member 0; a layer x has `x.weights` [in, out] and, mostly, `x.bias` [out]. `video.reference` and
        `music.reference`, or neither: sides [r, width - 1] of training items.
    """

    settings: Mapping[str, Any]
    tensors: Mapping[str, Array]

    @property
    def members(self) -> int:
        """How many networks are averaged."""
        return int(self.settings["members"])

    def sizes(self, modality: Modality) -> tuple[int, int]:
        """Of reduced and affect vectors."""
        return self._columns(f"{modality}.reduce"), self._columns(f"{modality}.affect")

    def width(self, modality: Modality) -> int:
        """How many numbers an index stores per window: reduced and affect once, attended and guided per member, and
        what is usual."""
        reduced, affect = self.sizes(modality)
        return (1 + self.members) * (reduced + affect) + self.unbiased

    @property
    def unbiased(self) -> bool:
        """Whether a logit is told from what is usual of its clip and of its track."""
        return all(f"{modality}.reference" in self.tensors for modality in ("video", "music"))

    def side(self, modality: Modality, features: Array) -> Array:
        """float32 [n, width] of raw features [n, d]: everything that does not need the other modality.

        With references the last column is the mean logit with those of the other modality: how well an item goes with
        anything, which is no reason to prefer it for one query.
        """
        plain = self.plain_side(modality, features)
        if not self.unbiased:
            return plain
        others = self.tensors["music.reference" if modality == "video" else "video.reference"]
        pairs = ((plain, one[None]) if modality == "video" else (one[None], plain) for one in others)
        logits = [self._logits(*pair) for pair in pairs]
        return np.column_stack([plain, np.mean(logits, axis=0).astype(np.float32)])

    def plain_side(self, modality: Modality, features: Array) -> Array:
        """`side` without what is usual."""
        features = np.asarray(features, np.float64)
        reduced = self._affine(f"{modality}.reduce", features).astype(np.float32)
        affect = FORMS[self.settings[f"{modality}_form"]](self._affine(f"{modality}.affect", features))
        centre, gain = self.settings[f"{modality}_scale"]
        affect = ((affect - centre) * gain).astype(np.float32)
        parts = [reduced, affect]
        for member in range(self.members):
            parts += self._attend(f"{member}.{modality}", reduced, affect)
        return np.hstack(parts)

    def logits(self, video: Array, music: Array) -> Array:
        """Mean logit float64 [n] of n pairs of stored sides [n, width], less what is usual of either side.

        A side of one row meets every other row.
        """
        self._check("video", video)
        self._check("music", music)
        if not self.unbiased:
            return self._logits(video, music)
        return self._logits(video[:, :-1], music[:, :-1]) - video[:, -1] - music[:, -1]

    def _check(self, modality: Modality, stored: Array) -> None:
        if stored.ndim != 2 or stored.shape[1] != self.width(modality):
            told = f"stored {modality} rows of {stored.shape[-1]} numbers where the model needs {self.width(modality)}"
            raise InputError(f"{told}: index the library again with this model")

    def _logits(self, video: Array, music: Array) -> Array:
        total = np.zeros(max(len(video), len(music)))
        for v, m, head in zip(self._sides("video", video), self._sides("music", music), self._heads, strict=True):
            total += head.logit(v, m)
        return total / self.members

    def _sides(self, modality: Modality, stored: Array) -> list[Side]:
        r, a = self.sizes(modality)
        first, rest = stored[:, : r + a], stored[:, r + a :].reshape(len(stored), self.members, r + a)
        return [Side(first[:, :r], rest[:, i, :r], first[:, r:], rest[:, i, r:]) for i in range(self.members)]

    def _attend(self, name: str, reduced: Array, affect: Array) -> list[Array]:
        """Attended [n, r] and guided [n, a] of one member."""
        residual = bool(self.settings["residual"])
        attended, guided = reduced, affect
        if self._has(f"{name}.attention.query"):
            attended = self._attention(f"{name}.attention", reduced, reduced, int(self.settings["self_heads"]))
            attended = attended + reduced if residual else attended
        if self._has(f"{name}.mutual.query"):
            query = self._affine(f"{name}.project", reduced)
            guided = self._attention(f"{name}.mutual", query, affect, int(self.settings["mutual_heads"]))
            guided = guided + affect if residual else guided
        return [attended, guided]

    def _attention(self, name: str, query: Array, content: Array, heads: int) -> Array:
        """Channels of `query` [n, w] attend to those of `content`: softmax(q k^T / sqrt(d)) v in every head."""
        q, k, v = (
            (x @ self.tensors[f"{name}.{part}.weights"]).reshape(len(x), heads, -1)
            for part, x in (("query", query), ("key", content), ("value", content))
        )
        scores = q[..., :, None] * k[..., None, :] / np.float32(np.sqrt(q.shape[-1]))
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        out = (weights * v[..., None, :]).sum(axis=-1) / weights.sum(axis=-1)
        return self._affine(f"{name}.out", out.reshape(len(out), -1))

    def _affine(self, layer: str, x: Array) -> Array:
        weights = self.tensors[f"{layer}.weights"]
        if x.shape[1] != len(weights):
            raise InputError(f"{x.shape[1]} features where AFCLNet was trained on {len(weights)}: give the same ones")
        return x @ weights + self.tensors[f"{layer}.bias"]

    def _has(self, layer: str) -> bool:
        return f"{layer}.weights" in self.tensors

    def _columns(self, layer: str) -> int:
        return int(self.tensors[f"{layer}.weights"].shape[1])

    @cached_property
    def _heads(self) -> list["Head"]:
        return [Head.of(self, f"{i}.") for i in range(self.members)]


@dataclass(frozen=True)
class Head:
    """The score's part of one network's gated experts, its first layer cut by what it reads.

    Attributes
    ----------
    blocks: name of an input -> weights [size, e * width + e] of the experts' first layer and of the gate side by side;
        inputs are `video`, `music` (attended), `pooled`, `affect` and `reduced` (products).
    bias:   [e * width], of the experts. experts: e.
    hidden, out: weights and bias of the tower. skip: weights [a + r] of the products, or None.
    """

    blocks: Mapping[str, Array]
    bias: Array
    experts: int
    hidden: tuple[Array, Array]
    out: tuple[Array, Array]
    skip: Array | None

    @classmethod
    def of(cls, whole: Reranker, member: str) -> "Head":
        """The head of the member whose tensors' names begin with `member`."""
        tensors, settings = whole.tensors, whole.settings
        video, music = whole.sizes("video"), whole.sizes("music")
        first = np.hstack([tensors[f"{member}experts.weights"], tensors[f"{member}gate.weights"]])
        sizes: dict[str, int] = {}
        if settings["inputs"] != "perceptual":
            sizes |= {"video": video[0], "music": music[0]}
        if settings["inputs"] != "objective":
            sizes["pooled"] = video[1]
        if settings["products"]:
            sizes |= {"affect": video[1]} if settings["inputs"] != "objective" else {}
            sizes |= {"reduced": video[0]} if settings["inputs"] != "perceptual" and video[0] == music[0] else {}
        cuts = np.cumsum(list(sizes.values()))
        blocks = dict(zip(sizes, np.split(first, cuts[:-1]), strict=True))
        hidden, out = (
            (tensors[f"{member}{layer}.weights"], tensors[f"{member}{layer}.bias"]) for layer in ("hidden", "out")
        )
        skip = tensors.get(f"{member}skip.weights")
        experts = int(settings["own"]) + int(settings["shared"])
        bias = tensors[f"{member}experts.bias"]
        return cls(blocks, bias, experts, hidden, out, None if skip is None else skip[:, 0])

    def logit(self, video: Side, music: Side) -> Array:
        """float64 [n] of n pairs; a side of one row meets every row of the other."""
        if len(video.affect) == 1 and len(music.affect) > 1:
            return self._one_query(video, music)
        read = self._inputs(video, music)
        total = sum(x @ self.blocks[name] for name, x in read.items())
        return self._tower(np.asarray(total), self._skipped(read))

    def _one_query(self, video: Side, music: Side) -> Array:
        """A product with a fixed vector is a scaled weight: all that varies goes through one matrix product."""
        columns, weights = [], []
        constant = np.zeros(self.blocks[next(iter(self.blocks))].shape[1], np.float32)
        skip, at = np.zeros(len(music.affect), np.float32), 0
        for name, block in self.blocks.items():
            if name == "video":
                constant = constant + video.attended[0] @ block
                continue
            scaled = block
            column = music.attended if name == "music" else music.affect if name == "affect" else music.reduced
            if name == "pooled":
                fused = (video.affect + music.affect) / 2
                column = np.maximum(np.maximum(video.guided, music.guided), fused)
            elif name in ("affect", "reduced"):
                fixed = (video.affect if name == "affect" else video.reduced)[0]
                scaled = fixed[:, None] * block
                if self.skip is not None:
                    skip = skip + column @ (fixed * self.skip[at : at + len(fixed)])
                    at += len(fixed)
            columns.append(column)
            weights.append(scaled)
        return self._tower(np.hstack(columns) @ np.vstack(weights) + constant, skip)

    def _inputs(self, video: Side, music: Side) -> dict[str, Array]:
        values = {
            "video": video.attended,
            "music": music.attended,
            "pooled": np.maximum(np.maximum(video.guided, music.guided), (video.affect + music.affect) / 2),
            "affect": video.affect * music.affect,
        }
        if "reduced" in self.blocks:
            values["reduced"] = video.reduced * music.reduced
        return {name: values[name] for name in self.blocks}

    def _skipped(self, read: Mapping[str, Array]) -> Array:
        if self.skip is None:
            return np.zeros(1, np.float32)
        products: Array = np.hstack([read[name] for name in ("affect", "reduced") if name in read])
        return products @ self.skip

    def _tower(self, first: Array, skipped: Array) -> Array:
        """Experts and gate [n, e * width + e] -> logit [n]."""
        width = len(self.bias)
        experts = np.maximum(first[:, :width] + self.bias, 0).reshape(len(first), self.experts, -1)
        gate = first[:, width:]
        weights = np.exp(gate - gate.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        mixed = (weights[:, None, :] @ experts)[:, 0]
        hidden = np.maximum(mixed @ self.hidden[0] + self.hidden[1], 0)
        return np.asarray((hidden @ self.out[0] + self.out[1])[:, 0] + skipped, np.float64)
