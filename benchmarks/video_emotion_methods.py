"""Ways to read a clip's emotion from its SlowFast vector, for `benchmarks/video_emotion.py`.

Each takes the labelled clips of one collection, the vectors [m, 2304] of another without labels, and a seed, and gives
logits [m, 5]: their softmax are the posteriors, prior included. Those of TRANSDUCTIVE look at all the vectors at once:
a user would need a library of clips. The others treat each vector alone.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.linalg import fractional_matrix_power
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from recommender.types import Array, unit
from training.learning.folds import deal_folds
from training.systems.logistic import Multinomial, multinomial, row_space
from training.systems.predicted import whitening
from training.systems.prepare import standardiser

CLASSES = 5
PENALTY = 100.0  # of the product's own classifier, see `training.systems.posterior`
PENALTIES = (30.0, 100.0, 300.0, 1000.0)
SMALLEST = 20  # principal components that whitened methods keep
VALENCE_AROUSAL = np.array([[0.6, 0.8], [-0.7, 0.7], [-0.4, 0.6], [-0.7, -0.5], [0.6, -0.7]])
"""Where the five emotions lie, by the circumplex of Russell (1980), A circumplex model of affect; not fitted."""


class Clips(NamedTuple):
    """n clips of a collection: SlowFast of the picture, VGGish of its own music, emotion, and number of the source."""

    video: Array
    music: Array
    emotion: Array
    source: Array

    def take(self, rows: Array) -> "Clips":
        """The clips at `rows`."""
        return Clips(*(column[rows] for column in self))


Method = Callable[[Clips, Array, int], Array]


def prior(emotion: Array) -> Array:
    """Log shares [5], one more of each as in the product."""
    counts = np.bincount(emotion, minlength=CLASSES) + 1
    return np.log(counts / counts.sum())


def fit(x: Array, target: Array, *, penalty: float = PENALTY, weight: Array | None = None) -> Multinomial:
    """Logistic regression of labels int [n] or of shares [n, 5]."""
    sample = np.ones(len(x)) if weight is None else weight
    if target.ndim == 1:
        return multinomial(x, target, CLASSES, penalty=penalty, sample_weight=sample)
    few, rotation = row_space(np.asarray(x, np.float64))
    share, ridge, d = (sample / sample.sum())[:, None], penalty / x.shape[1], few.shape[1]

    def objective(flat: Array) -> tuple[float, Array]:
        w = flat.reshape(d + 1, CLASSES)
        log_p = log_softmax(few @ w[:d] + w[d], axis=1)
        rest = share * (np.exp(log_p) - target)
        loss = -np.sum(share * target * log_p) + 0.5 * ridge * np.sum(w[:d] ** 2)
        return float(loss), np.vstack([few.T @ rest + ridge * w[:d], rest.sum(axis=0)]).ravel()

    options = {"maxiter": 2000, "gtol": 1e-7}
    found = minimize(objective, np.zeros((d + 1) * CLASSES), jac=True, method="L-BFGS-B", options=options).x
    return Multinomial(rotation @ found.reshape(d + 1, CLASSES)[:d], found.reshape(d + 1, CLASSES)[d])


def choose(options: tuple[float, ...], make: Callable[[float], Method], train: Clips, seed: int) -> float:
    """The option that is right most often on five folds of the training collection, sources apart."""
    one_hot = np.column_stack([np.ones(len(train.emotion)), np.eye(CLASSES)[train.emotion]])
    folds = deal_folds(one_hot, train.source, 5, seed=seed)
    right = [
        sum((make(option)(train.take(a), train.video[b], seed).argmax(1) == train.emotion[b]).sum() for a, b in folds)
        for option in options
    ]
    return options[int(np.argmax(right))]


def in_folds(options: tuple[float, ...], make: Callable[[float], Method]) -> Method:
    """The method with its option chosen in the training collection; `seed` deals the folds."""
    return lambda train, video, seed: make(choose(options, make, train, seed))(train, video, seed)


def prepared(train: Clips, video: Array, change: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Both sides' vectors, changed and standardised on the training collection."""
    prepare = standardiser(change(train.video))
    return prepare(change(train.video)), prepare(change(video))


def as_is(video: Array) -> Array:
    """The vectors themselves."""
    return video


def logistic(
    train: Clips, video: Array, seed: int, *, change: Callable[[Array], Array] = as_is, penalty: float = PENALTY
) -> Array:
    """Multinomial logistic regression on standardised vectors: the product's classifier with its own penalty."""
    x, z = prepared(train, video, change)
    return fit(x, train.emotion, penalty=penalty).logits(z)


def balanced(train: Clips, video: Array, seed: int) -> Array:
    """Every emotion counts alike in training; the prior is put back afterwards."""
    x, z = prepared(train, video, as_is)
    weight = 1 / np.bincount(train.emotion, minlength=CLASSES)[train.emotion]
    return fit(x, train.emotion, weight=weight).logits(z) + prior(train.emotion)


def components(train: Clips, video: Array, keep: int = SMALLEST) -> tuple[Array, Array]:
    """Whitened principal components [n, keep] of the unit vectors."""
    mean = unit(train.video).mean(axis=0)
    _, values, rows = np.linalg.svd(unit(train.video) - mean, full_matrices=False)
    scale = rows[:keep].T / values[:keep] * np.sqrt(len(train.video))
    return (unit(train.video) - mean) @ scale, (unit(video) - mean) @ scale


def whitened(train: Clips, video: Array, seed: int) -> Array:
    """Logistic regression on few whitened components."""
    x, z = components(train, video)
    return fit(x, train.emotion, penalty=0.1 * SMALLEST).logits(z)


def without_first(train: Clips, video: Array, seed: int) -> Array:
    """Logistic regression without the direction that holds nine tenths of the variance and most of the shift."""
    x, z = prepared(train, video, as_is)
    first = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][0]
    x, z = x - np.outer(x @ first, first), z - np.outer(z @ first, first)
    return fit(x, train.emotion).logits(z)


def lda(train: Clips, video: Array, seed: int, *, shrink: float = 0.3) -> Array:
    """Linear discriminants with the covariance shrunk towards a multiple of the unit matrix."""
    x, z = prepared(train, video, as_is)
    means = np.array([x[train.emotion == c].mean(axis=0) for c in range(CLASSES)])
    inside = np.asarray(x - means[train.emotion], np.float64)
    floor, part = shrink * np.square(inside).mean(), (1 - shrink) / len(x)
    gram = np.linalg.solve(floor / part * np.eye(len(x)) + inside @ inside.T, inside @ means.T)
    weights = (means.T - inside.T @ gram) / floor
    return z @ weights - 0.5 * np.sum(means.T * weights, axis=0) + prior(train.emotion)


def prototypes(train: Clips, video: Array, seed: int) -> Array:
    """The nearest mean vector of an emotion by cosine."""
    x, z = prepared(train, video, as_is)
    means = np.array([x[train.emotion == c].mean(axis=0) for c in range(CLASSES)])
    return 5 * unit(z) @ unit(means).T + prior(train.emotion)


def neighbours(train: Clips, video: Array, seed: int, *, k: int = 25) -> Array:
    """The votes of the k nearest clips by cosine of components."""
    x, z = components(train, video)
    near = np.argsort(-unit(z) @ unit(x).T, axis=1, kind="stable")[:, :k]
    return np.log(np.eye(CLASSES)[train.emotion][near].mean(axis=1) + np.exp(prior(train.emotion)) / k)


def kernel(train: Clips, video: Array, seed: int, *, width: float = 0.3) -> Array:
    """Logistic regression in the space of a Gaussian kernel of standardised vectors."""
    x, z = prepared(train, video, as_is)

    def likeness(a: Array, b: Array) -> Array:
        apart = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
        return np.exp(-width * np.asarray(apart, np.float64) / a.shape[1])

    values, vectors = np.linalg.eigh(likeness(x, x))
    kept = values > 1e-8 * values[-1]
    to_space = vectors[:, kept] / np.sqrt(values[kept])
    return fit(likeness(x, x) @ to_space, train.emotion, penalty=0.003 * kept.sum()).logits(likeness(z, x) @ to_space)


def trees(train: Clips, video: Array, seed: int) -> Array:
    """LightGBM on components."""
    import lightgbm

    x, z = components(train, video)
    options = {"objective": "multiclass", "num_class": CLASSES, "num_leaves": 5, "learning_rate": 0.05, "seed": seed}
    options |= {"min_data_in_leaf": 8, "bagging_fraction": 0.7, "bagging_freq": 1, "feature_fraction": 0.5}
    options |= {"num_threads": 1, "verbose": -1, "deterministic": True}
    found = lightgbm.train(options, lightgbm.Dataset(x, train.emotion), 80).predict(z)
    return np.log(found)


def smoothed(train: Clips, video: Array, seed: int, *, share: float = 0.1) -> Array:
    """Labels of which `share` is the prior's."""
    x, z = prepared(train, video, as_is)
    return fit(x, (1 - share) * np.eye(CLASSES)[train.emotion] + share * np.exp(prior(train.emotion))).logits(z)


def mixed(train: Clips, video: Array, seed: int) -> Array:
    """Mixup: as many mixtures of two clips and their labels as there are clips (Zhang et al., ICLR 2018)."""
    x, z = prepared(train, video, as_is)
    rng = np.random.default_rng(seed)
    other, share = rng.permutation(len(x)), rng.beta(0.4, 0.4, (len(x), 1))
    target = np.eye(CLASSES)[train.emotion]
    both = share * x + (1 - share) * x[other], share * target + (1 - share) * target[other]
    return fit(np.vstack([x, both[0]]), np.vstack([target, both[1]])).logits(z)


def bagged(train: Clips, video: Array, seed: int) -> Array:
    """The mean of ten classifiers, each on sources drawn with replacement."""
    rng, sources = np.random.default_rng(seed), np.unique(train.source)
    total = np.zeros((len(video), CLASSES))
    for _ in range(10):
        drawn = rng.choice(sources, len(sources))
        rows = np.concatenate([np.flatnonzero(train.source == source) for source in drawn])
        total += softmax(logistic(train.take(rows), video, seed), axis=1)
    return np.log(total / 10)


def group_dro(train: Clips, video: Array, seed: int) -> Array:
    """The worst of four clusters of clips counts more every round (Sagawa et al., ICLR 2020)."""
    x, z = prepared(train, video, as_is)
    group = kmeans2(components(train, video, 6)[0], 4, seed=seed, minit="++")[1]
    count, weight = np.bincount(group, minlength=4), np.ones(4) / 4
    for _ in range(15):
        model = fit(x, train.emotion, weight=(weight / np.maximum(count, 1))[group])
        loss = -log_softmax(model.logits(x), axis=1)[np.arange(len(x)), train.emotion]
        each = np.array([loss[group == part].mean() if count[part] else 0 for part in range(4)])
        weight = weight * np.exp(0.2 * each / each.mean())
        weight /= weight.sum()
    return model.logits(z)


def circumplex(train: Clips, video: Array, seed: int, *, ridge: float = 0.01) -> Array:
    """Ridge regression of valence and arousal; the nearer an emotion's point, the likelier."""
    x, z = (np.asarray(side, np.float64) for side in prepared(train, video, as_is))
    target = VALENCE_AROUSAL[train.emotion]
    mean = target.mean(axis=0)
    dual = np.linalg.solve(x @ x.T / x.shape[1] + ridge * len(x) * np.eye(len(x)), target - mean)
    found = z @ (x.T @ dual) / x.shape[1] + mean
    return -2 * np.square(found[:, None] - VALENCE_AROUSAL).sum(axis=2) + prior(train.emotion)


def distilled(train: Clips, video: Array, seed: int, *, share: float = 0.3) -> Array:
    """Targets of which `share` is what the clip's own music says, out of fold."""
    one_hot = np.eye(CLASSES)[train.emotion]
    told = np.zeros_like(one_hot)
    heard = standardiser(train.music)(train.music)
    for a, b in deal_folds(np.column_stack([np.ones(len(one_hot)), one_hot]), train.source, 5, seed=seed):
        told[b] = fit(heard[a], train.emotion[a])(heard[b])
    x, z = prepared(train, video, as_is)
    return fit(x, (1 - share) * one_hot + share * told).logits(z)


def read_music(train: Clips, video: Array, seed: int, *, share: float = 0.25, ridge: float = 3.0) -> Array:
    """As `predicted`: the music's classifier reads the music that ridge regression foresees, and counts `share`."""
    x, z = (np.asarray(side, np.float64) for side in prepared(train, video, as_is))
    music = standardiser(train.music)(train.music)
    shares = prior(train.emotion)
    direct, reader = fit(x, train.emotion), fit(music, train.emotion)
    dual = np.linalg.solve(x @ x.T + ridge * len(x) * np.eye(len(x)), music)
    sides = [
        (centre(direct.logits(side) - shares), centre(reader.logits(side @ (x.T @ dual)) - shares)) for side in (x, z)
    ]
    spread = [np.sqrt(np.sum(np.var(told, axis=0))) for told in sides[0]]
    return (1 - share) * sides[1][0] + share * spread[0] / spread[1] * sides[1][1] + shares


def through_cca(train: Clips, video: Array, seed: int, *, keep: int = 10) -> Array:
    """Logistic regression on the directions that correlate most with the clips' own music (regularised CCA)."""
    x, z = prepared(train, video, as_is)
    music = standardiser(train.music)(train.music)
    few, rotation = row_space(np.asarray(x, np.float64))
    left = whitening(few, 3.0)
    found = np.linalg.svd(left @ (few.T @ music) @ whitening(music, 1.0), full_matrices=False)[0][:, :keep]
    turned = rotation @ left @ found
    return fit(x @ turned, train.emotion, penalty=0.1 * keep).logits(z @ turned)


def centre(evidence: Array) -> Array:
    """Evidence whose rows sum to 0."""
    return evidence - evidence.mean(axis=1, keepdims=True)


def about_own_mean(method: Method, train: Clips, video: Array, seed: int, *, clips: int | None = None) -> Array:
    """`method` with the mean of the unlabelled clips (of `clips` drawn ones) moved to the training mean."""
    rows = np.arange(len(video)) if clips is None else np.random.default_rng(seed).permutation(len(video))[:clips]
    return method(train, video - video[rows].mean(axis=0) + train.video.mean(axis=0), seed)


def own_statistics(train: Clips, video: Array, seed: int) -> Array:
    """Each collection standardised on itself: mean and deviations."""
    return fit(standardiser(train.video)(train.video), train.emotion).logits(standardiser(video)(video))


def coral(train: Clips, video: Array, seed: int) -> Array:
    """Training components recoloured with the unlabelled covariance (Sun et al., AAAI 2016), means moved too."""
    x, z = components(train, video)
    z = z - z.mean(axis=0)
    covariance = [np.cov(side.T) + np.eye(SMALLEST) for side in (x, z)]
    recolour = fractional_matrix_power(covariance[0], -0.5) @ fractional_matrix_power(covariance[1], 0.5)
    return fit(x @ np.real(recolour), train.emotion, penalty=0.1 * SMALLEST).logits(z)


def aligned(train: Clips, video: Array, seed: int, *, keep: int = 20) -> Array:
    """Subspace alignment (Fernando et al., ICCV 2013) of standardised vectors, each about its own mean."""
    x, z = (side - side.mean(axis=0) for side in prepared(train, video, as_is))
    bases = [np.linalg.svd(side, full_matrices=False)[2][:keep].T for side in (x, z)]
    return fit(x @ bases[0] @ bases[0].T @ bases[1], train.emotion, penalty=keep).logits(z @ bases[1])


def self_trained(method: Method, train: Clips, video: Array, seed: int, *, surest: float = 0.4) -> Array:
    """`method` teaches a classifier the surest clips of each emotion that it finds, beside the labelled ones."""
    told = softmax(method(train, video, seed), axis=1)
    found = told.argmax(axis=1)
    rows = [np.flatnonzero(found == c) for c in range(CLASSES)]
    sure = np.concatenate([r[np.argsort(-told[r, c])[: -int(-surest * len(r) // 1)]] for c, r in enumerate(rows)])
    x, z = prepared(train, video - video.mean(axis=0) + train.video.mean(axis=0), as_is)
    return fit(np.vstack([x, z[sure]]), np.concatenate([train.emotion, found[sure]])).logits(z)


def propagated(train: Clips, video: Array, seed: int, *, k: int = 10) -> Array:
    """Posteriors of the centred classifier, half exchanged with ten neighbours', 20 rounds (Zhou et al., 2003)."""
    z = video - video.mean(axis=0) + train.video.mean(axis=0)
    start = np.vstack([np.eye(CLASSES)[train.emotion], softmax(logistic(train, z, seed), axis=1)])
    place = unit(np.vstack(components(train, z, 12)))
    near = np.argsort(-place @ place.T, axis=1, kind="stable")[:, 1 : k + 1]
    held = start
    for _ in range(20):
        held = 0.5 * start + 0.5 * held[near].mean(axis=1)
        held[: len(train.emotion)] = start[: len(train.emotion)]
    return np.log(held[len(train.emotion) :] + 1e-9)


def adversarial(train: Clips, video: Array, seed: int) -> Array:
    """Domain-adversarial network (Ganin et al., JMLR 2016) on 60 components: 32 units that tell no domain."""
    import torch

    torch.manual_seed(seed)
    x, z = (torch.tensor(side, dtype=torch.float32) for side in components(train, video, 60))
    label, domain = torch.tensor(train.emotion), torch.cat([torch.zeros(len(x)), torch.ones(len(z))]).long()
    body, emotion, which = torch.nn.Linear(x.shape[1], 32), torch.nn.Linear(32, CLASSES), torch.nn.Linear(32, 2)
    weights = [w for part in (body, emotion, which) for w in part.parameters()]
    optimiser = torch.optim.Adam(weights, 3e-3, weight_decay=1e-2)
    balance = torch.tensor([1 / len(x), 1 / len(z)])
    for _ in range(150):
        inner = torch.relu(body(torch.cat([x, z])))
        reverse = 2 * inner.detach() - inner  # the value of `inner`, minus its gradient
        loss = torch.nn.functional.cross_entropy(emotion(inner[: len(x)]), label)
        loss = loss + 0.3 * torch.nn.functional.cross_entropy(which(reverse), domain, balance)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return np.asarray(emotion(torch.relu(body(z))).detach().numpy(), np.float64)


def square_roots(video: Array) -> Array:
    """Unit vectors of the square roots: long tails evened out."""
    return unit(np.sqrt(np.maximum(video, 0)))


RIDGES = (0.003, 0.01, 0.03)
READ_HALF = partial(read_music, share=0.5)
INDUCTIVE: dict[str, Method] = {
    "logistic regression (as in `evidence`)": logistic,
    "its penalty chosen in folds": in_folds(PENALTIES, lambda p: partial(logistic, penalty=p)),
    "vectors of unit length": partial(logistic, change=unit),
    "square roots, unit length": partial(logistic, change=square_roots),
    "20 whitened components of unit vectors": whitened,
    "without the largest component": without_first,
    "emotions balanced": balanced,
    "shrinkage LDA": lda,
    "prototypes, cosine": prototypes,
    "25 nearest, cosine of components": neighbours,
    "Gaussian kernel, width in folds": in_folds((0.1, 0.3, 1.0), lambda w: partial(kernel, width=w)),
    "LightGBM on components": trees,
    "label smoothing": smoothed,
    "mixup": mixed,
    "bagging by source": bagged,
    "group DRO over clusters": group_dro,
    "valence and arousal, ridge in folds": in_folds(RIDGES, lambda r: partial(circumplex, ridge=r)),
    "music's posterior distilled": distilled,
    "CCA with the own music": through_cca,
    "predicted music read, share .25 (as `predicted`)": read_music,
    "predicted music read, share .5": READ_HALF,
    "predicted music alone": partial(read_music, share=1.0),
}
TRANSDUCTIVE: dict[str, Method] = {
    "own mean": partial(about_own_mean, logistic),
    "own mean of 10 clips": partial(about_own_mean, logistic, clips=10),
    "own mean of 20 clips": partial(about_own_mean, logistic, clips=20),
    "own mean of 40 clips": partial(about_own_mean, logistic, clips=40),
    "own mean and deviations": own_statistics,
    "CORAL of components": coral,
    "subspace alignment": aligned,
    "domain-adversarial network": adversarial,
    "label propagation, own mean": propagated,
    "self-training, own mean": partial(self_trained, partial(about_own_mean, logistic)),
    "own mean, predicted music .25": partial(about_own_mean, read_music),
    "own mean, predicted music .5": partial(about_own_mean, READ_HALF),
    "own mean, music .5, self-training": partial(self_trained, partial(about_own_mean, READ_HALF)),
    "own mean, valence and arousal": partial(about_own_mean, circumplex),
}
