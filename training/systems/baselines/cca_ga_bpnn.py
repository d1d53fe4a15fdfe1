"""CCA-GA-BPNN: cluster-CCA fuses both modalities, a genetic search starts a back-propagation network for the score.

A comparison system of AFCLNet (Su et al. 2025, section 4.2), which describes it in one sentence: "a Cluster-CCA-based
feature fusion approach followed by a three-layer backpropagation neural network for matching score regression". By its
name a genetic algorithm picks the network's weights: here those it starts from [ours].
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from scipy.special import expit
from torch import nn
from torch.nn.utils import vector_to_parameters

from recommender.errors import InputError
from recommender.types import Array
from training.learning.loop import Batch, Schedule, reproducible
from training.learning.loop import train as train_loop
from training.learning.losses import match_score
from training.learning.targets import Scored, is_matched
from training.systems.baselines.genetic import Evolved, GeneticConfig, evolve
from training.systems.cca import cluster_cross, ridge_cca
from training.systems.logistic import row_space
from training.systems.prepare import Standardiser, standardiser
from training.systems.rated import ByPairs, FromScores
from training.types import Extra, System

Clusters = Literal["affect", "score", "none"]


@dataclass(frozen=True)
class CCAGABPNNConfig:
    """Clusters, fusion, network, search and refinement; the paper gives none of their sizes."""

    # ours: "affect": items of one emotion, or near in rated affect, as cluster-CCA is meant; "score": pairs of about
    # the same score; "none": plain CCA of the matched pairs
    clusters: Clusters = "affect"
    count: int = 4  # ours: clusters of rated affect, or of scores; more were worse. Emotions are as many as there are
    ridge: float = 10.0  # ours: as `cluster-cca`
    components: int = 16  # ours: at most; cluster-CCA has at most as many as clusters
    products: bool = True  # ours: products of both sides beside them; without, so few pairs teach the net no match
    hidden: int = 12  # ours
    genetic: GeneticConfig = field(default_factory=GeneticConfig)
    schedule: Schedule = field(default_factory=lambda: Schedule(3e-3, 1e-3, batch=128, max_epochs=200, patience=20))
    folds: int = 5  # ours: one of so many stops the training where no other pairs are given to stop on


@dataclass(frozen=True)
class Fusion:
    """Canonical variates of both sides in one vector: standardising, directions [d, k] of either side, scaling."""

    prepare: tuple[Standardiser, Standardiser]
    directions: tuple[Array, Array]
    products: bool
    scale: Standardiser | None = None

    def __call__(self, video: Array, music: Array) -> Array:
        """float32 [n, 2 k], or [n, 3 k] with products, of raw features of n pairs; mean 0, variance 1 in training."""
        sides = zip(self.prepare, self.directions, (video, music), strict=True)
        a, b = (prepare(raw) @ direction for prepare, direction, raw in sides)
        fused = np.hstack([a, b, a * b] if self.products else [a, b])
        return fused if self.scale is None else self.scale(fused)


def fuse(data: Scored, config: CCAGABPNNConfig, seed: int) -> Fusion:
    """Cluster-CCA (Rasiwasia et al. 2014) of `data`: every video correlates with all music of its cluster.

    Raises InputError when nothing correlates: constant features, no cluster with both modalities, or a single one.
    """
    prepare = standardiser(data.video), standardiser(data.music)
    sides = (np.asarray(one(x), np.float64) for one, x in zip(prepare, (data.video, data.music), strict=True))
    (x, basis_x), (y, basis_y) = (row_space(side) for side in sides)
    of_video, of_music = members(data, config, seed)
    cross = cluster_cross(x, y, of_video, music=of_music)
    a, b, _ = ridge_cca(x.T @ x / len(x), y.T @ y / len(y), cross, ridge=config.ridge, components=config.components)
    if not a.shape[1]:
        raise InputError("CCA finds nothing that varies together: constant features, or fewer than two clusters?")
    raw = Fusion(prepare, (basis_x @ a, basis_y @ b), config.products)
    return replace(raw, scale=standardiser(raw(data.video, data.music)))


def members(data: Scored, config: CCAGABPNNConfig, seed: int) -> tuple[Array, Array]:
    """Membership of the videos and of the music, 0 or 1, [n, clusters]."""
    if config.clusters == "none":
        own = np.eye(len(data))[:, is_matched(data.score)]
        return own, own
    if config.clusters == "score":
        level = np.minimum((data.score * config.count).astype(np.int64), config.count - 1)
        return np.eye(config.count)[level], np.eye(config.count)[level]
    if data.classes:
        return data.video_affect, data.music_affect
    cluster = _near(np.vstack([data.video_affect, data.music_affect]), config.count, seed)
    one_hot = np.eye(config.count)[cluster]
    return one_hot[: len(data)], one_hot[len(data) :]


def _near(affect: Array, count: int, seed: int) -> Array:
    """int [n]: at most `count` k-means clusters of standardised affect [n, a]; some may stay empty."""
    x = standardiser(affect)(affect).astype(np.float64)
    places = np.unique(x, axis=0)
    start = places[np.random.default_rng(seed).permutation(len(places))[:count]]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        return np.asarray(kmeans2(x, start, iter=30, minit="matrix")[1])


def network(inputs: int, hidden: int) -> nn.Sequential:
    """Three layers of units: inputs, `hidden` with tanh, and the logit of the score."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, 1))


def population_errors(population: Array, inputs: Array, score: Array, *, hidden: int) -> Array:
    """Mean squared error [p] of the score [n] by networks of weights [p, d], ordered as torch has a network's."""
    p, columns = len(population), inputs.shape[1]
    first, bias, second, last = np.split(population, np.cumsum([hidden * columns, hidden, hidden]), axis=1)
    activity = np.einsum("nc,phc->pnh", inputs, first.reshape(p, hidden, columns), optimize=True)
    activity = np.tanh(activity + bias[:, None, :])
    logit = np.einsum("pnh,ph->pn", activity, second) + last
    return np.mean((expit(logit) - score) ** 2, axis=1)


def search(inputs: Array, score: Array, config: CCAGABPNNConfig, *, seed: int) -> Evolved:
    """Weights to start from: the fittest of a population that begins with SD 1 / sqrt(inputs of the layer)."""
    rng, h, columns = np.random.default_rng(seed), config.hidden, inputs.shape[1]
    layers = np.repeat([columns, h], [h * columns + h, h + 1])
    first = rng.standard_normal((config.genetic.population, len(layers))) / np.sqrt(layers)
    x, y, first = (np.asarray(array, np.float32) for array in (inputs, score, first))
    return evolve(first, lambda population: population_errors(population, x, y, hidden=h), config.genetic, rng=rng)


@dataclass(frozen=True)
class CCAGABPNN(FromScores):
    """The three steps as a system."""

    name: str = "cca-ga-bpnn"
    config: CCAGABPNNConfig = field(default_factory=CCAGABPNNConfig)

    def fit_scored(
        self, data: Scored, seed: int, stop: Scored | None = None, *, extra: Extra | None = None
    ) -> "FittedCCAGABPNN":
        """Fitted on `data`, less a fold of it to stop on where there is no `stop`; `extra` is not used."""
        c = self.config
        if stop is None:
            inside, held = data.folds(c.folds, seed)[0]
            data, stop = data.take(inside), data.take(held)
        fusion = fuse(data, c, seed)
        batch, unseen = (_batch(fusion(part.video, part.music), part.score) for part in (data, stop))
        found = search(batch.video.numpy(), data.score, c, seed=seed)
        with reproducible(seed):
            net = network(batch.video.shape[1], c.hidden)
            vector_to_parameters(torch.as_tensor(found.best, dtype=torch.float32), net.parameters())
            epochs = train_loop(net, _loss(net), lambda _: batch, schedule=c.schedule, seed=seed, epochs=0, stop=unseen)
        return FittedCCAGABPNN(fusion, net, found.errors, epochs)


def _batch(inputs: Array, score: Array) -> Batch:
    """Fused inputs as the loop takes them, in the video's place."""
    x, target = (torch.as_tensor(array, dtype=torch.float32) for array in (inputs, score))
    return Batch(x, x[:, :0], target, target, target)


def _loss(net: nn.Module) -> Callable[[Batch], torch.Tensor]:
    return lambda batch: match_score(net(batch.video)[:, 0], batch.match, "mse")


@dataclass(frozen=True)
class FittedCCAGABPNN(ByPairs):
    """Fusion and network; `errors` of the search by generation, `epochs` that refined what it found."""

    fusion: Fusion
    net: nn.Sequential
    errors: Array
    epochs: int

    def match(self, video: Array, music: Array) -> Array:
        """Match score float64 [n] in (0, 1) of n pairs."""
        with torch.no_grad():
            logit = self.net(torch.as_tensor(self.fusion(video, music)))[:, 0]
        return expit(logit.double().numpy())


SYSTEMS: dict[str, Callable[[], System]] = {"cca-ga-bpnn": lambda: CCAGABPNN()}

SPACES: dict[str, Mapping[str, tuple[Any, ...]]] = {
    "cca-ga-bpnn": {
        "clusters": ("affect", "score"),
        "count": (4, 8, 16),
        "ridge": (1.0, 10.0, 100.0),
        "components": (4, 8, 16),
        "products": (True, False),
        "hidden": (6, 12, 24),
        "genetic.generations": (20, 40, 80),
        "schedule.learning_rate": (1e-3, 3e-3, 1e-2),
        "schedule.weight_decay": (0.0, 1e-3, 1e-2),
    }
}
