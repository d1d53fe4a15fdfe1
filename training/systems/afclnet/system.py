"""AFCLNet, trained: reduction, affect predictors, network and calibration behind the contract of a system.

Su et al. 2025; the network and what its text leaves open are in `training.nets.afclnet`. `PAPER` is their recipe,
`OURS` what earns its place on small data.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from scipy.cluster.vq import kmeans2
from torch import Tensor
from torch.nn import functional

from recommender.errors import InputError
from recommender.types import Array, Modality
from training.learning.loop import Batch, Epoch, Schedule, reproducible
from training.learning.loop import train as train_loop
from training.learning.losses import affect_loss, consistency, match_score
from training.learning.targets import Scored, Target, is_matched, score_pairs
from training.nets import afclnet as nets
from training.nets.afclnet import AFCLNet as Network
from training.nets.afclnet import Shape, Side
from training.systems.afclnet.affect import Affect, AffectConfig, EmotionsOfAffect, fit_seen
from training.systems.afclnet.reduction import Clusters, Reducer, ReductionConfig, reduce
from training.systems.logistic import Calibration, calibration
from training.types import Extra, Pairs, System

Auxiliary = Literal["affect", "voice", "person"]

IDENTITY = Calibration(1.0, 0.0)
"""The score as the network gives it: sigmoid of the logit."""


@dataclass(frozen=True)
class AFCLNetConfig:
    """A recipe: the network's parts, what goes in, what it is trained on and how."""

    shape: Shape = nets.PAPER  # sizes of reduction and affect are filled in from the data
    reduction: ReductionConfig = field(default_factory=ReductionConfig)
    affect: AffectConfig = field(default_factory=AffectConfig)
    target: Target = "binary"  # ours: EmoMV's labels; "graded" scores by the distance of the emotions
    loss: Literal["mae", "mse", "bce"] = "mae"  # paper
    auxiliary: Auxiliary = "affect"  # paper; "voice" and "person" are the tasks it compares it with
    affect_weight: float = 1.0  # paper; of the auxiliary task
    consistency_weight: float = 1.0  # ours: no lambda is published; 0 drops the loss (its ablation)
    fresh: bool = False  # paper: the given pairs; True [ours]: new ones every epoch, where a rule scores any two
    epoch_pairs: int = 1024  # ours: fresh pairs drawn per epoch
    given: float = 0.0  # ours: given pairs drawn beside each epoch's fresh ones, as a share of those
    rarity: float = 0.0  # ours, fresh pairs of emotions: 1 draws every combination of two emotions equally often
    # paper: Adam 1e-4, batch 1024, at most 200 epochs, patience 30; no weight decay
    schedule: Schedule = field(default_factory=lambda: Schedule(1e-4, 0.0, batch=1024, max_epochs=200, patience=30))
    epochs: int = 200  # paper's limit; used where there are no stopping pairs
    members: int = 1  # paper; more [ours]: networks of different initialisation, whose logits are averaged
    references: int = 0  # ours: training items a side, as many of each emotion; an item's mean with them is taken off
    calibration_folds: int = 0  # paper: the score is the network's; k [ours]: logistic regression out of k folds


PAPER = AFCLNetConfig()
OURS = AFCLNetConfig(
    shape=nets.OURS,
    # with 32 numbers a side the head learns the training items by heart, with 8 self-attention has one channel a head
    reduction=ReductionConfig("cca", components=16, ridge=100.0),
    affect=AffectConfig("linear", true_labels=False, form="evidence", scaled=True),
    loss="bce",
    fresh=True,
    rarity=0.25,
    epochs=80,
    schedule=Schedule(learning_rate=3e-3, weight_decay=1e-3, batch=512, max_epochs=200, patience=30),
    calibration_folds=4,
)
"""All choices on grouped folds of EmoMV-C's training pairs."""
UNBIASED = replace(OURS, references=65)
"""Ours without what a collection's shares of emotions teach: no track fits everything.

Folds of one collection have the same shares and cannot show that these do harm elsewhere. Showing all combinations of
emotions equally often as well (`rarity` 1) costs video->music mAP on other collections (`docs/results/transfer.md`).
"""


@dataclass(frozen=True)
class AFCLNet:
    """AFCLNet as a system; the same data, recipe and seed give the same network."""

    name: str = "afclnet"
    config: AFCLNetConfig = OURS

    def without_calibration(self) -> "AFCLNet":
        """The same recipe whose scores are the network's own, at a fraction of the time."""
        return replace(self, config=replace(self.config, calibration_folds=0))

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: Extra | None = None) -> "FittedAFCLNet":
        """Fitted on `train`; `extra` music teaches its affect predictor."""
        target = self.config.target
        held = None if stop is None else score_pairs(stop, target)
        return self.fit_scored(score_pairs(train, target), seed, held, extra=extra)

    def fit_scored(
        self, data: Scored, seed: int, stop: Scored | None = None, *, extra: Extra | None = None
    ) -> "FittedAFCLNet":
        """Fitted on pairs with any score and affect."""
        fitted = fit_once(data, self.config, seed, stop=stop, extra=extra)
        if not self.config.calibration_folds:
            return fitted
        held = list(cross_fit(data, self.config, self.config.calibration_folds, seed=seed, extra=extra))
        logit = np.concatenate([part.logit(rest.video, rest.music) for rest, part in held])
        return replace(fitted, calibration=calibration(logit, np.concatenate([rest.score for rest, _ in held])))


def cross_fit(
    data: Scored, config: AFCLNetConfig, folds: int, *, seed: int, extra: Extra | None
) -> Iterator[tuple[Scored, "FittedAFCLNet"]]:
    """Held-out pairs with networks fitted on the others, part by part."""
    for inside, held in data.parts(folds, seed):
        yield data.take(held), fit_once(data.take(inside), config, seed, stop=None, extra=extra)


def fit_once(
    data: Scored, config: AFCLNetConfig, seed: int, *, stop: Scored | None, extra: Extra | None
) -> "FittedAFCLNet":
    """Networks fitted on `data`, their score not calibrated."""
    clusters = affect_clusters(data, config.reduction, seed)
    reducer = reduce(data.video, data.music, data.score, config=config.reduction, seed=seed, clusters=clusters)
    affect, raw = fit_seen(data, config.affect, extra, seed=seed)
    kind = config.auxiliary
    batch = _batch(data, kind, reducer, affect.video_scale(raw[0]), affect.music_scale(raw[1]))
    held = None
    if stop is not None:
        held = _batch(stop, kind, reducer, affect.see("video", stop.video), affect.see("music", stop.music))
    a = raw[0].shape[1]
    sizes = {"video": batch.video.shape[1] - a, "music": batch.music.shape[1] - a, "affect": a}
    shape = replace(config.shape, **sizes, auxiliary_size=0 if config.auxiliary == "affect" else 1)
    fits = [_network(shape, config, data, batch, held, seed + 1000 * member) for member in range(config.members)]
    networks, epochs = zip(*fits, strict=True)
    fitted = FittedAFCLNet(networks, epochs, reducer, affect, data.classes, IDENTITY)
    if not config.references:
        return fitted
    rows = [choose_rows(of, data.classes, config.references) for of in (data.video_affect, data.music_affect)]
    return replace(fitted, references=(data.video[rows[0]], data.music[rows[1]]))


def affect_clusters(data: Scored, config: ReductionConfig, seed: int) -> Clusters | None:
    """Clusters for cluster-DCCA: the emotions, or k-means [ours] of both sides' rated affect; None for others."""
    if config.name != "cluster-dcca":
        return None
    if data.classes:
        return Clusters(data.video_affect.argmax(axis=1), data.music_affect.argmax(axis=1))
    both = np.vstack([data.video_affect, data.music_affect])
    count = min(config.clusters, len(np.unique(both, axis=0)))
    label = kmeans2(both, count, minit="++", rng=np.random.default_rng(seed))[1].astype(np.int64)
    return Clusters(label[: len(data)], label[len(data) :])


def _batch(data: Scored, kind: Auxiliary, reducer: Reducer, video_affect: Array, music_affect: Array) -> Batch:
    """Pairs as the loop takes them: reduced features and seen affect side by side; what the auxiliary task is to
    predict in the label slots."""
    video, music = reducer.video(data.video), reducer.music(data.music)
    sides = np.hstack([video, video_affect]), np.hstack([music, music_affect])
    return Batch(*(torch.as_tensor(c, dtype=torch.float32) for c in (*sides, data.score, *_labels(data, kind))))


def _labels(data: Scored, kind: Auxiliary) -> tuple[Array, Array]:
    """Of either side what the auxiliary task predicts: its true affect, or one label [n, 1] of the pair, twice."""
    if kind == "affect":
        return data.video_affect, data.music_affect
    label = data.voice if kind == "voice" else data.person
    if label is None:
        raise InputError(f"the auxiliary task {kind!r} needs pairs with that label, and these have none: use 'affect'")
    return label[:, None], label[:, None]


def _network(
    shape: Shape, c: AFCLNetConfig, data: Scored, batch: Batch, stop: Batch | None, seed: int
) -> tuple[Network, int]:
    with reproducible(seed):
        net, epoch = Network(shape), epochs_of(data, batch, c)
        step = partial(loss, net, c)
        return net, train_loop(net, step, epoch, schedule=c.schedule, seed=seed, epochs=c.epochs, stop=stop)


def loss(net: Network, config: AFCLNetConfig, batch: Batch) -> Tensor:
    """L_match + L_affect + lambda L_consistency of a batch."""
    shape = net.shape
    video = net.video_side(batch.video[:, : shape.video], batch.video[:, shape.video :])
    music = net.music_side(batch.music[:, : shape.music], batch.music[:, shape.music :])
    out = net.head(video, music)
    total = match_score(out.logit, batch.match, config.loss)
    if out.affect is not None:
        total = total + config.affect_weight * _auxiliary(out.affect, config.auxiliary, batch)
    if config.consistency_weight and shape.video == shape.music and shape.inputs != "perceptual":
        total = total + config.consistency_weight * consistency(video.attended, music.attended, batch.match)
    return total


def _auxiliary(predicted: Tensor, kind: Auxiliary, batch: Batch) -> Tensor:
    """L_affect; or, of a voice in the music and a person in the picture, cross-entropy over all pairs [ours]."""
    if kind == "affect":
        return affect_loss(predicted, nets.fuse(batch.video_emotion, batch.music_emotion), batch.match)
    label = batch.music_emotion if kind == "voice" else batch.video_emotion
    return functional.binary_cross_entropy_with_logits(predicted, label)


def epochs_of(data: Scored, batch: Batch, config: AFCLNetConfig) -> Epoch:
    """Where pairs of epochs come from: new ones where they are asked for and a rule scores any two, else the given."""
    return Fresh(data, batch, config) if config.fresh and data.rule is not None else lambda _: batch


class Fresh:
    """Epochs of new pairs: any video with any music of the fold, as many matched as not.

    A pair is drawn in proportion to c^-`rarity`, c being how many pairs have its emotions, or lie in its quadrants of
    valence and arousal.
    `given` adds given pairs with their own scores: what belongs together beyond the rule.
    """

    def __init__(self, data: Scored, batch: Batch, config: AFCLNetConfig) -> None:
        if data.rule is None:
            raise InputError("fresh pairs need a rule that scores any video with any music: train on the given ones")
        n = self.n = len(data)
        self.batch, self.half = batch, config.epoch_pairs // 2
        self.given = round(config.given * config.epoch_pairs)
        rows = np.repeat(np.arange(n), n), np.tile(np.arange(n), n)
        self.score = data.rule(data.video_affect[rows[0]], data.music_affect[rows[1]]).astype(np.float32)
        kinds = [np.flatnonzero(is_matched(self.score) == kind) for kind in (True, False)]
        kind_of = self._cells(data)
        self.kinds = [(kind, _upto(kind_of[kind], config.rarity)) for kind in kinds if len(kind)]

    def __call__(self, rng: np.random.Generator) -> Batch:
        pairs = np.concatenate([kind[np.searchsorted(upto, rng.random(self.half))] for kind, upto in self.kinds])
        v, m = torch.as_tensor(pairs // self.n), torch.as_tensor(pairs % self.n)
        b, score = self.batch, torch.as_tensor(self.score[pairs])
        new = Batch(b.video[v], b.music[m], score, b.video_emotion[v], b.music_emotion[m])
        again = b.take(torch.as_tensor(rng.integers(0, self.n, self.given)))
        return Batch(*(torch.cat(both) for both in zip(new, again, strict=True)))

    def _cells(self, data: Scored) -> Array:
        """int64 [n * n]: a number for the two emotions, or quadrants, of every combination; 0 of other affects."""
        if data.classes:
            video, music = data.video_affect.argmax(axis=1), data.music_affect.argmax(axis=1)
        elif data.video_affect.shape[1] == data.music_affect.shape[1] == 2:
            video, music = ((affect > 0) @ np.array([1, 2]) for affect in (data.video_affect, data.music_affect))
        else:
            return np.zeros(self.n**2, np.int64)
        return np.asarray((video[:, None] * (1 + music.max()) + music[None, :]).ravel())


def _upto(cell: Array, rarity: float) -> Array:
    """float64 [k], ascending to 1: the cumulated chances of drawing pairs whose cells are given."""
    chance = np.bincount(cell).astype(np.float64)[cell] ** -rarity
    upto = np.cumsum(chance / chance.sum())
    upto[-1] = 1.0
    return np.asarray(upto)


@dataclass(frozen=True)
class FittedAFCLNet(EmotionsOfAffect):
    """Fitted networks; `sides` of either modality can be stored, `join` is the head over them.

    references: raw features [r, d] of training videos and of training music; an item's mean logit with those of the
    other side, how well it goes with anything, is taken off its logits.
    """

    nets: tuple[Network, ...]
    epochs: tuple[int, ...]
    reducer: Reducer
    affect: Affect
    classes: bool
    calibration: Calibration
    references: tuple[Array, ...] = ()

    def sides(self, modality: Modality, features: Array) -> tuple[Side, ...]:
        """One `Side` of n items per network, without the other modality."""
        reduced = getattr(self.reducer, modality)(features)
        inputs = torch.as_tensor(reduced), torch.as_tensor(self.affect.see(modality, features), dtype=torch.float32)
        with torch.no_grad():
            return tuple((net.video_side if modality == "video" else net.music_side)(*inputs) for net in self.nets)

    def join(self, video: tuple[Side, ...], music: tuple[Side, ...]) -> Array:
        """Mean logit float64 [n] of pairs of sides; sides of one row meet every row of the others."""
        with torch.no_grad():
            logits = [net.head(v, m).logit for net, v, m in zip(self.nets, video, music, strict=True)]
        return np.asarray(torch.stack(logits).double().mean(dim=0).numpy())

    def logit(self, video: Array, music: Array) -> Array:
        """Mean logit float64 [n] of n pairs."""
        sides = self.sides("video", video), self.sides("music", music)
        return self.join(*sides) - self._usual("video", sides[0]) - self._usual("music", sides[1])

    def _usual(self, modality: Modality, sides: tuple[Side, ...]) -> Array | float:
        """Mean logit float64 [n] of items with the references of the other side; 0 without references."""
        if not self.references:
            return 0.0
        if modality == "video":
            others = self.sides("music", self.references[1])
        else:
            others = self.sides("video", self.references[0])
        found = []
        for row in torch.arange(len(self.references[0]))[:, None]:
            one = tuple(side.take(row) for side in others)
            found.append(self.join(sides, one) if modality == "video" else self.join(one, sides))
        return np.asarray(np.mean(found, axis=0))

    def match(self, video: Array, music: Array) -> Array:
        """Match score [n]: calibrated where folds were asked for, else as the network gives it."""
        return self.calibration(self.logit(video, music))

    def similarity(self, video: Array, music: Array) -> Array:
        """Mean logits float64 [a, b] of every pair, one video over all music at a time."""
        rows, columns = self.sides("video", video), self.sides("music", music)
        one_by_one = torch.arange(len(video))[:, None]
        logits = np.array([self.join(tuple(side.take(i) for side in rows), columns) for i in one_by_one])
        return logits - np.reshape(self._usual("video", rows), (-1, 1)) - self._usual("music", columns)


def choose_rows(affect: Array, classes: bool, count: int) -> Array:
    """Rows int64 of `affect` [n, a], about `count`: as many of each class, few rows more than once; else spread."""
    labels = affect.argmax(axis=1) if classes else np.zeros(len(affect), np.int64)
    each = count // len(np.unique(labels))
    every = (np.flatnonzero(labels == label) for label in np.unique(labels))
    return np.concatenate([rows[np.linspace(0, len(rows) - 1, each).round().astype(int)] for rows in every])


SYSTEMS: dict[str, Callable[[], System]] = {
    "afclnet": lambda: AFCLNet(),
    "afclnet-unbiased": lambda: AFCLNet("afclnet-unbiased", UNBIASED),
    "afclnet-paper": lambda: AFCLNet("afclnet-paper", PAPER),
}

SPACES: dict[str, Mapping[str, tuple[Any, ...]]] = {
    "afclnet": {
        "reduction.components": (8, 16, 32),
        "reduction.ridge": (10.0, 100.0, 300.0),
        "affect.penalty": (30.0, 100.0, 300.0),
        "shape.dropout": (0.3, 0.5, 0.7),
        "consistency_weight": (0.0, 0.3, 1.0),
        "epochs": (40, 80, 120),
        "schedule.learning_rate": (1e-3, 3e-3, 1e-2),
        "schedule.weight_decay": (0.0, 1e-3, 1e-2),
    }
}
