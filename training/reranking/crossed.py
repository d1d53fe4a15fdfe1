"""AFCLNet on all combinations of rated pictures and rated music, and how it does on themes and series it never saw."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from recommender.rankers.scoring import Fusion
from recommender.types import Array
from training.affect.nested import group_folds
from training.learning.loop import Batch, reproducible, train
from training.learning.targets import Rule, Scored
from training.learning.weighing import weigh
from training.nets.afclnet import AFCLNet as Network
from training.reranking.pigeonhole_bootstrap import retrieval
from training.reranking.rated import Rated, Seen, deal_pairs
from training.systems.afclnet.affect import Affect, Ridge
from training.systems.afclnet.reduction import ReductionConfig, reduce
from training.systems.afclnet.system import IDENTITY, OURS, AFCLNetConfig, FittedAFCLNet, Fresh, loss
from training.systems.prepare import Standardiser

RECIPE = replace(OURS, reduction=ReductionConfig("cca", components=8, ridge=100.0), rarity=1.0, calibration_folds=0)
"""Ours, smaller. On folds of themes crossed with folds of series 8 components do as well as 16 and as PCA, at half of
what a library stores. Half or twice the epochs, less dropout, squared error, three networks, no attention, no auxiliary
task: no better. The affect alone does worse."""


def fit(video: Seen, music: Seen, rule: Rule, *, config: AFCLNetConfig, seed: int) -> FittedAFCLNet:
    """AFCLNet that scores any video with any music as `rule` scores their ratings; its affect is what is `Seen`."""
    rows = deal_pairs((len(video.ratings), len(music.ratings)), np.random.default_rng(seed))
    features = video.features[rows[0]], music.features[rows[1]]
    ratings = video.ratings[rows[0]], music.ratings[rows[1]]
    data = Scored(*features, rule(*ratings), *ratings, np.arange(len(rows[0])), rule)
    reducer = reduce(*_combine(video, music, rule), config=config.reduction, seed=seed)
    affect = Affect(_given(video), _given(music))
    seen = affect.video(features[0]), affect.music(features[1])
    reduced = reducer.video(features[0]), reducer.music(features[1])
    columns = np.hstack([reduced[0], seen[0]]), np.hstack([reduced[1], seen[1]]), data.score, *ratings
    batch = Batch(*(torch.as_tensor(c, dtype=torch.float32) for c in columns))
    shape = replace(config.shape, video=reduced[0].shape[1], music=reduced[1].shape[1], affect=2)
    with reproducible(seed):
        net = Network(shape)
        fresh, epochs = Fresh(data, batch, config), config.epochs
        train(net, lambda b: loss(net, config, b), fresh, schedule=config.schedule, seed=seed, epochs=epochs)
    return FittedAFCLNet((net,), (config.epochs,), reducer, affect, False, IDENTITY)


def _combine(video: Seen, music: Seen, rule: Rule) -> tuple[Array, Array, Array]:
    """Features of every combination, and its score."""
    v = np.repeat(np.arange(len(video.ratings)), len(music.ratings))
    m = np.tile(np.arange(len(music.ratings)), len(video.ratings))
    return video.features[v], music.features[m], rule(video.ratings[v], music.ratings[m])


def _given(seen: Seen) -> Ridge:
    """The first two features, valence and arousal as the model states them, in SDs of the reference population."""
    columns = seen.features.shape[1]
    spread = seen.affect.std(axis=0) / np.where(seen.z.std(axis=0) > 0, seen.z.std(axis=0), 1.0)
    weights = np.zeros((columns, 2))
    weights[:2] = np.diag(1 / np.where(spread > 0, spread, 1.0))
    return Ridge(Standardiser(np.zeros(columns), np.ones(columns)), weights, np.zeros(2))


class Crossed(NamedTuple):
    """Scores of every picture with every piece by stages that saw neither its theme nor its series.

    cosine: float64 [a, b], of the affect space, music measured against its own kind. read: [a, b], the same where it is
    not. logit: [a, b], AFCLNet's, `remove_bias`. same: [a, b], how near a piece seems to be to the pictures of the
    training part on average: one order of the music for all pictures. video_fold, music_fold: int64 [a] and [b].
    """

    cosine: Array
    read: Array
    logit: Array
    same: Array
    video_fold: Array
    music_fold: Array


def cross_fit(
    video: Rated, music: Rated, rule: Rule, *, config: AFCLNetConfig, folds: int, seed: int, tick: Callable[[], None]
) -> Crossed:
    """Out-of-fold scores of all combinations: folds of themes cross folds of series, one fit for each two folds."""
    of = group_folds(video.groups, folds, seed), group_folds(music.groups, folds, seed)
    sides = [list(_parts(side, fold, seed)) for side, fold in zip((video, music), of, strict=True)]
    scores = np.empty((4, len(video), len(music)))
    for a, (v, held_v) in enumerate(sides[0]):
        for b, (m, held_m) in enumerate(sides[1]):
            fitted = fit(v, m, rule, config=config, seed=seed)
            block = np.ix_(of[0] == a, of[1] == b)
            scores[0][block] = video.vectors(held_v.affect) @ music.vectors(held_m.affect).T
            scores[1][block] = video.vectors(held_v.affect) @ music.vectors(music.as_read(held_m.z)).T
            scores[2][block] = remove_bias(fitted, v, m, held_v=held_v, held_m=held_m)
            scores[3][block] = _average(held_m, v.ratings, rule)
            tick()
    return Crossed(scores[0], scores[1], scores[2], scores[3], of[0], of[1])


def remove_bias(fitted: FittedAFCLNet, v: Seen, m: Seen, *, held_v: Seen, held_m: Seen) -> Array:
    """Logits of all held-out combinations [a, b], less the mean of each item with the other side's training items."""
    of_video = fitted.similarity(held_v.features, m.features).mean(axis=1)
    of_music = fitted.similarity(v.features, held_m.features).mean(axis=0)
    return np.asarray(fitted.similarity(held_v.features, held_m.features) - of_video[:, None] - of_music[None])


def _parts(side: Rated, fold: Array, seed: int) -> Iterator[tuple[Seen, Seen]]:
    """What was fitted on and what was held out, fold by fold."""
    for number in range(int(fold.max()) + 1):
        yield side.see(np.flatnonzero(fold != number), np.flatnonzero(fold == number), seed)


def _average(held: Seen, pictures: Array, rule: Rule) -> Array:
    """float64 [b]: mean score of each held-out piece, where it is predicted to lie, with the `pictures`' ratings."""
    return np.array([rule(pictures, np.broadcast_to(one, pictures.shape)).mean() for one in held.z])


def fusion(runs: Sequence[Crossed], distance: Array) -> Fusion:
    """AFCLNet and cosine with the weight of the largest mAP (mean of both directions, mean over `runs`)."""

    def quality(tried: Fusion) -> float:
        return float(np.mean([retrieval(tried(run.cosine, run.logit), distance) for run in runs]))

    return weigh(np.array([run.cosine for run in runs]), np.array([run.logit for run in runs]), quality)


def fuse_out_of_fold(run: Crossed, distance: Array) -> Array:
    """Fused scores [a, b]: the weight of each block is chosen on the combinations that share neither of its folds."""
    score = np.empty_like(run.cosine)
    for a in np.unique(run.video_fold):
        for b in np.unique(run.music_fold):
            block = np.ix_(run.video_fold == a, run.music_fold == b)
            rest = np.ix_(run.video_fold != a, run.music_fold != b)
            chosen = fusion([run._replace(cosine=run.cosine[rest], logit=run.logit[rest])], distance[rest])
            score[block] = chosen(run.cosine[block], run.logit[block])
    return score
