"""REDUCTIONS: objective features of both modalities to few numbers, fitted on scored training pairs.

Every reduction keeps one contract: `fit(video, music, score, config, seed)` gives a `Reducer` of standardised
features. What comes out has mean 0 and variance 1 on the training rows [ours], so that one learning rate fits all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from recommender.errors import InputError
from recommender.types import Array, Modality
from training.learning.loop import reproducible
from training.learning.losses import canonical_correlation, canonical_directions
from training.learning.targets import is_matched
from training.nets.dcca import DCCANet
from training.systems.cca import ridge_cca
from training.systems.logistic import row_space
from training.systems.prepare import Standardiser, check_columns, standardiser

ALIGNED = 4
"""Drawn pairs for each training pair on which cluster-DCCA finds its canonical coordinates."""

Name = Literal["dcca-matched-unmatched", "dcca", "cluster-dcca", "cca", "pca", "none"]


@dataclass(frozen=True)
class ReductionConfig:
    """Which reduction, and its sizes and fit."""

    name: Name = "dcca-matched-unmatched"  # paper
    components: int = 40  # paper: of each DCCA; for CCA and PCA at most so many
    ridge: float = 1.0  # ours, linear CCA: on standardised variances
    hidden: int = 1024  # paper
    layers: int = 3  # paper
    dcca_ridge: float = 1e-3  # ours: the paper names none; without it a batch of fewer than 40 rows has no loss
    learning_rate: float = 1e-4  # ours, DCCA: the rate of the paper's network
    batch: int = 1024  # ours, DCCA: the correlation is one over the batch, so a batch is large; also the paper's size
    epochs: int = 50  # ours, DCCA: by then the training correlation has stopped rising on 360 pairs
    clusters: int = 5  # ours, cluster-DCCA of rated affect: as many as EmoMV has emotions


class Reducer(Protocol):
    """Reduced vectors float32 [n, r] of raw features [n, d], per modality."""

    def video(self, features: Array) -> Array: ...

    def music(self, features: Array) -> Array: ...


@dataclass(frozen=True)
class Affine:
    """x W + b of raw features x [n, d]: weights float64 [d, r], bias [r]."""

    weights: Array
    bias: Array

    def __call__(self, features: Array) -> Array:
        """float32 [n, r]."""
        check_columns(features, len(self.weights), "reduction")
        return (np.asarray(features, np.float64) @ self.weights + self.bias).astype(np.float32)


@dataclass(frozen=True)
class LinearReducer:
    """A linear reduction of both modalities, with its weights for serving."""

    video: Affine
    music: Affine


@dataclass(frozen=True)
class DeepReducer:
    """One or more DCCA networks side by side, and the scaling of what they give."""

    nets: tuple[DCCANet, ...]
    prepare: tuple[Standardiser, Standardiser]
    scale: tuple[Standardiser, Standardiser]

    def video(self, features: Array) -> Array:
        """float32 [n, r] of videos."""
        return self.scale[0](_outputs(self.nets, "video", self.prepare[0](features)))

    def music(self, features: Array) -> Array:
        """float32 [n, r] of music."""
        return self.scale[1](_outputs(self.nets, "music", self.prepare[1](features)))


class Clusters(NamedTuple):
    """Which cluster every video and every piece of music belongs to: int64 [n] each, from one numbering."""

    video: Array
    music: Array


def reduce(
    video: Array, music: Array, score: Array, *, config: ReductionConfig, seed: int, clusters: Clusters | None = None
) -> Reducer:
    """The configured reduction fitted on pairs: video [n, d_v], music [n, d_m], score [n].

    Cluster-DCCA takes the matching states for clusters where none are given. Raises InputError for no such reduction,
    features that are not finite, or no pairs of a kind that it learns from.
    """
    if config.name not in REDUCTIONS:
        raise InputError(f"no reduction is called {config.name}; there are: {', '.join(REDUCTIONS)}")
    prepare = standardiser(video), standardiser(music)
    fit = REDUCTIONS[config.name]
    if clusters is not None and config.name == "cluster-dcca":
        fit = partial(_cluster_dcca, clusters=clusters)
    with reproducible(seed):
        return fit(prepare, (prepare[0](video), prepare[1](music)), score, config)


Both = tuple[Array, Array]
Prepare = tuple[Standardiser, Standardiser]


def _none(prepare: Prepare, both: Both, score: Array, config: ReductionConfig) -> Reducer:
    return _linear(prepare, both, (np.eye(both[0].shape[1]), np.eye(both[1].shape[1])))


def _pca(prepare: Prepare, both: Both, score: Array, config: ReductionConfig) -> Reducer:
    directions = [np.linalg.svd(x, full_matrices=False)[2].T for x in both]
    # Both sides of one size: the network multiplies them.
    kept = min(config.components, *(d.shape[1] for d in directions))
    return _linear(prepare, both, (directions[0][:, :kept], directions[1][:, :kept]))


def _cca(prepare: Prepare, both: Both, score: Array, config: ReductionConfig) -> Reducer:
    matched = _at_least_two(is_matched(score), "linear CCA", "matched")
    (x, basis_x), (y, basis_y) = (row_space(np.asarray(z, np.float64)) for z in both)
    cross = x[matched].T @ y[matched] / matched.sum()
    a, b, _ = ridge_cca(x.T @ x / len(x), y.T @ y / len(y), cross, ridge=config.ridge, components=config.components)
    if not a.shape[1]:
        raise InputError("linear CCA finds nothing that varies together in the matched pairs: constant features?")
    return _linear(prepare, both, (basis_x @ a, basis_y @ b))


def _linear(prepare: Prepare, both: Both, directions: Both) -> LinearReducer:
    """Standardising, the directions, and scaling to variance 1 in one affine map per modality."""
    maps = []
    for scaler, x, w in zip(prepare, both, directions, strict=True):
        spread = (x @ w).std(axis=0)
        maps.append(Affine(*scaler.fold_into(w / np.where(spread > 1e-9, spread, 1.0), np.zeros(w.shape[1]))))
    return LinearReducer(*maps)


def _dcca(prepare: Prepare, both: Both, score: Array, config: ReductionConfig) -> Reducer:
    return _deep(prepare, both, [np.ones(len(score), bool)], config)


def _matched_unmatched(prepare: Prepare, both: Both, score: Array, config: ReductionConfig) -> Reducer:
    matched, name = is_matched(score), "matched-unmatched DCCA"
    kinds = [_at_least_two(matched, name, "matched"), _at_least_two(~matched, name, "unmatched")]
    return _deep(prepare, both, kinds, config)


def _cluster_dcca(
    prepare: Prepare, both: Both, score: Array, config: ReductionConfig, clusters: Clusters | None = None
) -> Reducer:
    state = is_matched(score).astype(np.int64)
    corresponding = Corresponding(clusters or Clusters(state, state))
    return _scale(prepare, both, (fit_dcca(both[0], both[1], config, corresponding=corresponding),))


class Corresponding:
    """Rows of either side that correspond: any video with any music of its cluster, all such pairs equally often.

    The correspondences of cluster-CCA (Rasiwasia et al. 2014, section 3.2). They are too many to hold: every call draws
    some.
    """

    def __init__(self, clusters: Clusters) -> None:
        size = int(max(clusters.video.max(), clusters.music.max())) + 1
        self.rows = [[np.flatnonzero(side == c) for side in clusters] for c in range(size)]
        pairs = np.array([len(video) * len(music) for video, music in self.rows], np.float64)
        if not pairs.any():
            raise InputError("cluster-DCCA needs a cluster that has both videos and music, and there is none")
        self.upto = np.cumsum(pairs / pairs.sum())

    def __call__(self, count: int) -> tuple[Tensor, Tensor]:
        """Rows int64 [count] of the videos and of the music, drawn from torch's generator."""
        draw = torch.rand(3, count, dtype=torch.float64).numpy()
        cluster = np.minimum(np.searchsorted(self.upto, draw[0], side="right"), len(self.rows) - 1)
        found = np.empty((2, count), np.int64)
        for number in np.unique(cluster):
            at = cluster == number
            for side, rows in enumerate(self.rows[number]):
                found[side, at] = rows[(draw[side + 1, at] * len(rows)).astype(np.int64)]
        return torch.as_tensor(found[0]), torch.as_tensor(found[1])


def _at_least_two(rows: Array, who: str, kind: str) -> Array:
    if rows.sum() < 2:
        there = f"{kind} pairs and the training set has {int(rows.sum())}"
        raise InputError(f"{who} learns from {there}: at least 2 are needed; `pca` and `none` need none")
    return rows


def _deep(prepare: Prepare, both: Both, kinds: list[Array], config: ReductionConfig) -> DeepReducer:
    return _scale(prepare, both, tuple(fit_dcca(both[0][rows], both[1][rows], config) for rows in kinds))


def _scale(prepare: Prepare, both: Both, nets: tuple[DCCANet, ...]) -> DeepReducer:
    scale = standardiser(_outputs(nets, "video", both[0])), standardiser(_outputs(nets, "music", both[1]))
    return DeepReducer(nets, prepare, scale)


def fit_dcca(
    video: Array, music: Array, config: ReductionConfig, *, corresponding: Corresponding | None = None
) -> DCCANet:
    """A DCCA network trained on standardised pairs [n, d_v] and [n, d_m], n >= 2; draws from torch's generator.

    What it gives of them is in canonical coordinates: column i of one side goes with column i of the other. With
    `corresponding` the rows of both sides are paired anew in every epoch, else row i goes with row i.
    A batch that would be left with one row joins the one before it.
    """
    if len(video) < 2:
        raise InputError(f"DCCA needs at least 2 pairs to correlate, and there are {len(video)}")
    x, y = torch.as_tensor(video, dtype=torch.float32), torch.as_tensor(music, dtype=torch.float32)
    net = DCCANet(x.shape[1], y.shape[1], config.components, config.hidden, config.layers)
    optimiser = torch.optim.Adam(net.parameters(), lr=config.learning_rate)
    parts = max(1, round(len(x) / max(2, config.batch)))
    for _ in range(config.epochs):
        epoch = (torch.randperm(len(x)),) * 2 if corresponding is None else corresponding(len(x))
        for rows, columns in zip(*(torch.tensor_split(side, parts) for side in epoch), strict=True):
            optimiser.zero_grad()
            out = net(x[rows], y[columns])
            torch.autograd.backward(canonical_correlation(out.video, out.music, config.dcca_ridge))
            optimiser.step()
    if corresponding is not None:
        rows, columns = corresponding(ALIGNED * len(x))
        x, y = x[rows], y[columns]
    return _align(net.eval(), x, y, config.dcca_ridge)


def _align(net: DCCANet, x: Tensor, y: Tensor, ridge: float) -> DCCANet:
    """`net` with a linear CCA of its outputs folded into its last layers.

    The loss fixes the two spaces that the outputs span, not their coordinates; the network that follows multiplies and
    compares the two sides channel by channel, which means something in canonical coordinates alone.
    """
    with torch.no_grad():
        video, music = net(x, y)
    directions = canonical_directions(video, music, ridge)
    net.video.project(directions[0], video.double().mean(dim=0))
    net.music.project(directions[1], music.double().mean(dim=0))
    return net


def _outputs(nets: tuple[DCCANet, ...], modality: Modality, prepared: Array) -> Array:
    x = torch.as_tensor(prepared)
    with torch.no_grad():
        outputs = [(net.video if modality == "video" else net.music)(x) for net in nets]
        return torch.cat(outputs, dim=1).numpy()


REDUCTIONS: dict[Name, Callable[[Prepare, Both, Array, ReductionConfig], Reducer]] = {
    "dcca-matched-unmatched": _matched_unmatched,
    "dcca": _dcca,
    "cluster-dcca": _cluster_dcca,
    "cca": _cca,
    "pca": _pca,
    "none": _none,
}
