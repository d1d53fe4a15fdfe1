"""How well a clip's emotion is read in a collection that was not learnt from, and what helps.

    python benchmarks/video_emotion.py ../shared [--seeds 10] [--out docs/results/video_emotion.md]

Classifiers are trained on one EmoMV collection and tested on the other, both ways: C's 454 clips with labels (train and
validation) and B's 120 (validation; the pictures of its train split are not published here). Ranking is by the score of
`evidence`, all clips of the tested collection with all of their own music, and the training collection's music
classifier. Options are chosen in folds of the training collection; which way is best is told from these transfers.
"""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import measuring

# isort: split
import numpy as np
from scipy.special import log_softmax, softmax
from video_emotion_methods import (
    CLASSES,
    INDUCTIVE,
    READ_HALF,
    TRANSDUCTIVE,
    Clips,
    Method,
    about_own_mean,
    centre,
    circumplex,
    fit,
    logistic,
    prior,
    read_music,
)

from recommender.errors import InputError
from recommender.types import Array, unit
from training.datasets.emomv import extra_music, load_emomv
from training.datasets.emomv_labels import JOIN
from training.datasets.emomv_layout import LAYOUTS
from training.evaluation.intervals import Interval, bootstrap
from training.learning.folds import deal_folds
from training.measures.order import rank
from training.measures.ranking import average_precision
from training.systems.matching import calibrate
from training.systems.predicted import PredictedConfig, PredictedMusic
from training.systems.prepare import standardiser
from training.types import Dataset, Extra, Pairs

FIELDS = ("video", "music", "match", "video_emotion", "music_emotion", "video_source", "music_source")
BASE = next(iter(INDUCTIVE))


INTRODUCTION = """# A clip's emotion in a collection that was not learnt from

Made by `python benchmarks/video_emotion.py ../shared --out docs/results/video_emotion.md`; it says how. Seeds 0 to
{last} where a method draws (folds, weights, mixtures, clips). Accuracy / balanced accuracy in percent, pooled over the
574 clips of both tests, with 95 % bootstrap intervals over sources of the clips that are asked for (what they are
compared with is held fixed). Gains are paired, over the first line; mAP in points, clip to music / music to clip.
Options were chosen inside the training collection; which *way* is best was seen on these transfers: the best line
flatters. **No way is surely right for half of the clips.** Leaning on common emotions gains accuracy, not mAP; a
calibrated posterior in place of the evidence gains on C only; the mean of the user's own clips gains on both.
"""
SURENESS = "The evidence times what makes held-out sources of the training collection likeliest; same order."
EQUAL = "Equally many clips of each emotion (three draws), decided without the prior; mAP, gains over the first line."
TIMES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18)
DRAWS = 3


class Collection(NamedTuple):
    """The clips of a collection, the pairs that `predicted` learns from, and labelled music without pictures."""

    name: str
    clips: Clips
    pairs: Pairs
    further: Extra


class Outcome(NamedTuple):
    """Per clip of both tested collections, [2 lists]: right (mean over seeds), and average precision both ways."""

    right: list[Array]
    v_to_m: list[Array]
    m_to_v: list[Array]


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/")
    options.add_argument("--seeds", type=int, default=10)
    args = options.parse_args()
    folder = args.shared / "data" / "emomv"
    try:
        collections = [collection(load_emomv(folder, name)) for name in ("emomv-b", "emomv-c")]
    except InputError as error:
        sys.exit(f"no benchmark without EmoMV's B and C: {error}")
    b, c = collections
    measuring.publish(report([(c, b), (b, c)], folder, args.seeds), args.out)


def collection(data: Dataset) -> Collection:
    """All labelled clips with pictures once each, in order of name; raises InputError where there are none."""
    source_of, found = LAYOUTS[data.name].source, {}
    splits = [split for split in data.pairs.values() if split.video.shape[1]]
    if data.corpus is None or not splits:
        raise InputError(f"{data.name} has no clips with pictures here")
    own = {segment: row for row, segment in enumerate(data.corpus.ids)}
    music = {name: (data.corpus.music[row], int(data.corpus.emotion[row])) for name, row in own.items()}
    for split in data.pairs.values():
        for row, pair in enumerate(split.ids):
            music.setdefault(pair.split(JOIN)[-1], (split.music[row], int(split.music_emotion[row])))
    for split in splits:
        for row, pair in enumerate(split.ids):
            found.setdefault(pair.split(JOIN)[0], (split.video[row], int(split.video_emotion[row])))
    names = sorted(found)
    clips = Clips(
        np.array([found[name][0] for name in names], np.float64),
        np.array([music[name][0] for name in names], np.float64),
        np.array([found[name][1] for name in names]),
        np.unique([source_of(name) for name in names], return_inverse=True)[1],
    )
    extra = sorted(set(music) - set(names))
    further = np.array([music[name][0] for name in extra]).reshape(len(extra), clips.music.shape[1])
    rest = Extra(further, np.array([music[name][1] for name in extra], np.int64), np.arange(len(extra)))
    pairs = Pairs(
        *(np.concatenate([getattr(split, field) for split in splits]) for field in FIELDS),
        ids=sum((split.ids for split in splits), ()),
    )
    return Collection(data.name, clips, pairs, rest)


Transfers = list[tuple[Collection, Collection]]


def music_side(train: Collection) -> Callable[[Array], Array]:
    """The softened likelihoods [m, 5] of music, as `evidence` reads it."""
    prepare, shares = standardiser(train.clips.music), prior(train.clips.emotion)
    model = fit(prepare(train.clips.music), train.clips.emotion)
    return lambda music: softmax(0.5 * centre(model.logits(prepare(music)) - shares), axis=1)


def precisions(score: Array, emotion: Array) -> tuple[Array, Array]:
    """Average precision in percent of every clip and of every piece, [n] each; ties as expected of a random order."""
    same = emotion[:, None] == emotion
    return tuple(100 * average_precision(rank(np.ascontiguousarray(s), same)) for s in (score, score.T))


def outcome(method: Method, transfers: Transfers, seeds: int) -> Outcome:
    """What the method reaches; one without a random part is run twice, and once where both agree."""
    found = Outcome([], [], [])
    for train, test in transfers:
        shares, side = prior(train.clips.emotion), music_side(train)(test.clips.music)
        runs = []
        for seed in range(seeds):
            logits = method(train.clips, test.clips.video, seed)
            right = 100.0 * (logits.argmax(axis=1) == test.clips.emotion)
            runs.append((right, *precisions(unit(centre(logits - shares)) @ side.T, test.clips.emotion)))
            if seed == 1 and all(np.array_equal(a, b) for a, b in zip(*runs, strict=True)):
                break
        for kept, values in zip(found, zip(*runs, strict=True), strict=True):
            kept.append(np.mean(values, axis=0))
    return found


def groups(transfers: Transfers) -> Array:
    """The number of the source of every clip of both tests."""
    first, second = (test.clips.source for _, test in transfers)
    return np.concatenate([first, second + first.max() + 1])


def by_class(right: Array, emotion: Array) -> float:
    """The mean over emotions of the share that is right."""
    return float(np.mean([right[emotion == c].mean() for c in range(CLASSES)]))


def told(interval: Interval, digits: int = 1) -> str:
    """An estimate and its interval."""
    return f"{interval.estimate:+.{digits}f} [{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]"


def row(name: str, found: Outcome, base: Outcome, transfers: Transfers) -> str:
    """One line of a table: both transfers, the pooled accuracy with its interval, and what is gained."""
    where = groups(transfers)
    each = []
    for right, (_, test) in zip(found.right, transfers, strict=True):
        each.append(f"{right.mean():.1f} / {by_class(right, test.clips.emotion):.1f}")
    pooled = bootstrap(np.concatenate(found.right), groups=where)
    emotion = np.concatenate([test.clips.emotion for _, test in transfers])
    cells = [name, *each, f"{pooled.estimate:.1f} [{pooled.low:.1f}, {pooled.high:.1f}]"]
    cells.append(f"{by_class(np.concatenate(found.right), emotion):.1f}")
    gains = (np.concatenate(a) - np.concatenate(b) for a, b in zip(found, base, strict=True))
    same = found is base
    cells += ["-" if same else told(bootstrap(gain, groups=where)) for gain in gains]
    maps = (np.concatenate(found[i]).mean() for i in (1, 2))
    return " | ".join(["", *cells, " / ".join(f"{value:.1f}" for value in maps), ""]).strip()


def table(methods: Mapping[str, Method], transfers: Transfers, seeds: int, base: Outcome) -> list[str]:
    """The lines of the methods."""
    head = "| | C to B | B to C | pooled | balanced | accuracy gained | clip to music | music to clip | mAP |"
    lines = [head, "|---|---|---|---|---|---|---|---|---|"]
    for name, method in methods.items():
        print(name, file=sys.stderr, flush=True)
        lines.append(row(name, base if name == BASE else outcome(method, transfers, seeds), base, transfers))
    return lines


def levels(transfers: Transfers) -> list[str]:
    """Majority, and what the true emotion of either side would give."""
    lines = []
    for train, test in transfers:
        emotion, most = test.clips.emotion, np.bincount(train.clips.emotion).argmax()
        one_hot, side = np.eye(CLASSES)[emotion], music_side(train)(test.clips.music)
        shares = prior(train.clips.emotion)
        video = unit(centre(logistic(train.clips, test.clips.video, 0) - shares))
        scores = [precisions(score, emotion) for score in (one_hot @ side.T, video @ one_hot.T, 0 * video @ side.T)]
        known = [f"{a.mean():.1f} / {b.mean():.1f}" for a, b in scores]
        held = [(out_of_fold(logistic, train.clips, seed) + shares).argmax(axis=1) for seed in range(3)]
        right = np.array(held) == train.clips.emotion
        lines.append(
            f"- {train.name} to {test.name}: commonest emotion {100 * np.mean(emotion == most):.1f} % (balanced 20);"
            f" mAP with the clips' true emotion {known[0]}, with the music's {known[1]}, by chance {known[2]}."
            f" In folds inside {train.name} the same classifier is right for {100 * np.mean(right):.1f} %."
        )
    return lines


def out_of_fold(method: Method, clips: Clips, seed: int) -> Array:
    """Evidence [n, 5] of every clip from five folds of its collection, sources apart."""
    held, one_hot = np.zeros((len(clips.emotion), CLASSES)), np.eye(CLASSES)[clips.emotion]
    for a, b in deal_folds(np.column_stack([np.ones(len(held)), one_hot]), clips.source, 5, seed=seed):
        held[b] = centre(method(clips.take(a), clips.video[b], seed) - prior(clips.emotion[a]))
    return held


def vectors(transfers: Transfers) -> str:
    """What the vectors hold."""
    (_, b), (_, c) = transfers
    likeness = unit(b.clips.video) @ unit(c.clips.video).T
    agree = 100 * np.mean(c.clips.emotion[likeness.argmax(axis=1)] == b.clips.emotion)
    both = np.vstack([b.clips.video, c.clips.video])
    values = np.linalg.svd(both - both.mean(axis=0), compute_uv=False) ** 2
    near, held = 100 * np.mean(likeness.max(axis=1) > 0.995), 100 * np.cumsum(values) / values.sum()
    return (
        f"{near:.0f} % of B's vectors have a cosine above .995 with one of C's; the nearest one has the same emotion in"
        f" {agree:.0f} % of all cases. One direction holds {held[0]:.0f} % of the variance, five {held[4]:.0f} %."
    )


def music_rows(transfers: Transfers, folder: Path) -> list[str]:
    """The other half: the emotion of music in the collection that was not learnt from."""
    evaluated = np.vstack([test.clips.music for _, test in transfers])
    a = extra_music(folder, "a", evaluated)

    def read(train: Collection, test: Collection, *, further: bool, a_too: bool, own: str) -> Array:
        clips = train.clips
        music, emotion = clips.music, clips.emotion
        if further and len(train.further.music):
            music, emotion = np.vstack([music, train.further.music]), np.concatenate([emotion, train.further.emotion])
        prepare, weight = standardiser(music), np.ones(len(emotion))
        x = prepare(music)
        z = standardiser(test.clips.music)(test.clips.music) if own == "both" else prepare(test.clips.music)
        z = z - z.mean(axis=0) if own == "mean" else z
        if a_too:
            x = np.vstack([x, standardiser(a.music)(a.music)])
            weight = np.concatenate([weight, np.full(len(a.music), len(weight) / len(a.music))])
            emotion = np.concatenate([emotion, a.emotion])
        return 100.0 * (fit(x, emotion, weight=weight).logits(z).argmax(axis=1) == test.clips.emotion)

    ways = {
        "logistic regression (as in `evidence`)": partial(read, further=False, a_too=False, own=""),
        "and the music of B's train split": partial(read, further=True, a_too=False, own=""),
        "and A's music": partial(read, further=False, a_too=True, own=""),
        "own mean of the tested music": partial(read, further=False, a_too=False, own="mean"),
        "own mean and deviations": partial(read, further=False, a_too=False, own="both"),
    }
    found = {name: [way(*transfer) for transfer in transfers] for name, way in ways.items()}
    base, where = next(iter(found.values())), groups(transfers)
    lines = ["| | C to B | B to C | pooled | gained |", "|---|---|---|---|---|"]
    for name, right in found.items():
        each = [
            f"{r.mean():.1f} / {by_class(r, t.clips.emotion):.1f}" for r, (_, t) in zip(right, transfers, strict=True)
        ]
        gain = told(bootstrap(np.concatenate(right) - np.concatenate(base), groups=where))
        pooled = f"{np.concatenate(right).mean():.1f}"
        lines.append(f"| {name} | {each[0]} | {each[1]} | {pooled} | {'-' if right is base else gain} |")
    return lines


def predicted_rows(transfers: Transfers) -> list[str]:
    """The whole system `predicted` with its share of reading, clips as they are or about their own mean."""
    ways = {f"share {share}{', own mean' * own}": (share, own) for own in (False, True) for share in (0.25, 0.5)}
    found = {}
    for name, (share, own) in ways.items():
        values = []
        for train, test in transfers:
            encoder = PredictedMusic(config=PredictedConfig(reading=share, told_folds=0)).encoder(train.pairs, None)
            matcher, video = calibrate(encoder, train.pairs), test.clips.video
            video = video - video.mean(axis=0) + train.clips.video.mean(axis=0) if own else video
            score = matcher.similarity(video.astype(np.float32), test.clips.music.astype(np.float32))
            posteriors = [encoder.emotions(m, x) for m, x in (("video", video), ("music", test.clips.music))]
            product = precisions(posteriors[0] @ posteriors[1].T, test.clips.emotion)
            values.append((*precisions(score.astype(np.float64), test.clips.emotion), *product))
        found[name] = [list(column) for column in zip(*values, strict=True)]
    base, where = next(iter(found.values())), groups(transfers)
    lines = ["| `predicted` | C to B | B to C | clip to music | music to clip | posteriors' product, pooled |"]
    lines.append("|---|---|---|---|---|---|")
    for name, columns in found.items():
        each = [f"{columns[0][i].mean():.1f} / {columns[1][i].mean():.1f}" for i in (0, 1)]
        gains = [np.concatenate(columns[i]) - np.concatenate(base[i]) for i in (0, 1)]
        gained = ["-" if columns is base else told(bootstrap(gain, groups=where)) for gain in gains]
        product = " / ".join(f"{np.concatenate(columns[i]).mean():.1f}" for i in (2, 3))
        lines.append(f"| {name} | {each[0]} | {each[1]} | {gained[0]} | {gained[1]} | {product} |")
    return lines


def calibrated(method: Method, train: Clips, video: Array, seed: int) -> Array:
    """`method` with its evidence times what makes the labels of held-out sources likeliest: how sure to be."""
    shares, held = prior(train.emotion), out_of_fold(method, train, seed)
    rows = np.arange(len(held))
    fits = [np.mean(log_softmax(times * held + shares, axis=1)[rows, train.emotion]) for times in TIMES]
    return TIMES[int(np.argmax(fits))] * centre(method(train, video, seed) - shares) + shares


def drawn_alike(emotion: Array, seed: int) -> Array:
    """Rows drawn so that every emotion is as frequent as the rarest."""
    order = np.random.default_rng(seed).permutation(len(emotion))
    few = np.bincount(emotion).min()
    return np.concatenate([order[emotion[order] == c][:few] for c in range(CLASSES)])


def alike(method: Method, transfers: Transfers, *, posterior: bool) -> Outcome:
    """As `outcome` where emotions are equally frequent: draws, NaN for clips in none; decided without the prior."""
    found = Outcome([], [], [])
    for train, test in transfers:
        shares, likely = prior(train.clips.emotion), music_side(train)(test.clips.music)
        runs = np.full((3, DRAWS, len(test.clips.emotion)), np.nan)
        for seed in range(DRAWS):
            rows = drawn_alike(test.clips.emotion, seed)
            emotion, logits = test.clips.emotion[rows], method(train.clips, test.clips.video[rows], 0)
            told = softmax(logits, axis=1) if posterior else unit(centre(logits - shares))
            right = 100.0 * ((logits - shares).argmax(axis=1) == emotion)
            runs[:, seed, rows] = (right, *precisions(told @ likely[rows].T, emotion))
        count = np.maximum((~np.isnan(runs)).sum(axis=1), 1)
        values = np.where(np.isnan(runs).all(axis=1), np.nan, np.nansum(runs, axis=1) / count)
        for kept, value in zip(found, values, strict=True):
            kept.append(value)
    return found


def alike_rows(transfers: Transfers) -> list[str]:
    """What stays of the gains where the tested collection has other shares of emotions."""
    lines = ["| | accuracy | C to B | B to C | clip to music | music to clip |", "|---|---|---|---|---|---|"]
    base, where = None, groups(transfers)
    for name, (method, posterior) in ALIKE.items():
        print("equal shares:", name, file=sys.stderr, flush=True)
        columns = list(map(np.concatenate, found := alike(method, transfers, posterior=posterior)))
        each = [f"{np.nanmean(a):.1f} / {np.nanmean(b):.1f}" for a, b in zip(found.v_to_m, found.m_to_v, strict=True)]
        means = " | ".join([f"{np.nanmean(columns[0]):.1f}", *each])
        gains = ["-"] * 2 if base is None else [told(bootstrap(columns[i] - base[i], groups=where)) for i in (1, 2)]
        base = base or columns
        lines.append(f"| {name} | {means} | {gains[0]} | {gains[1]} |")
    return lines


SURE = {
    "logistic regression, as sure as folds allow": partial(calibrated, logistic),
    "predicted music .5, as sure as folds allow": partial(calibrated, READ_HALF),
}
ALIKE: dict[str, tuple[Method, bool]] = {
    "predicted music .25 (as `predicted`)": (read_music, False),
    "its calibrated posterior instead of its evidence": (partial(calibrated, read_music), True),
    "predicted music .5": (READ_HALF, False),
    "valence and arousal": (circumplex, False),
    "own mean, predicted music .25": (partial(about_own_mean, read_music), False),
    "own mean, predicted music .5": (partial(about_own_mean, READ_HALF), False),
}


def report(transfers: Transfers, folder: Path, seeds: int) -> str:
    """The page."""
    base = outcome(INDUCTIVE[BASE], transfers, seeds)
    sections = {
        "One clip at a time": table(INDUCTIVE, transfers, seeds, base),
        "How sure to be": [SURENESS, "", *table(SURE, transfers, seeds, base)],
        "With the user's other clips, unlabelled": table(TRANSDUCTIVE, transfers, seeds, base),
        "Where emotions are equally frequent": [EQUAL, "", *alike_rows(transfers)],
        "The system `predicted`": predicted_rows(transfers),
        "Music, the other half": music_rows(transfers, folder),
    }
    lines = [INTRODUCTION.format(last=seeds - 1), *levels(transfers), f"- {vectors(transfers)}", ""]
    for title, section in sections.items():
        lines += [f"## {title}", "", *section, ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
