"""What own pairs win: a model of one EmoMV collection adapted to pairs of another, as many as a user may have.

`python benchmarks/adaptation.py ../shared --out docs/results/adaptation.md`

The model learnt from the other collection alone. Own pairs are drawn from four fifths of the sources, the rest is
ranked: with emotions given, and read from the matched music by the model itself. Then AFCLNet, fitted on the own pairs,
scores the adapted cosine's candidates again. At the end own pairs that teach nothing, shuffled ones, must be refused.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender import atomic
from recommender.encoders import Calibration, Matcher
from recommender.model.retrieval import RetrievalModel
from recommender.types import Array
from training.datasets.collections import gather
from training.datasets.emomv import load_emomv
from training.evaluation.intervals import paired_bootstrap
from training.learning.folds import deal_pair_folds
from training.learning.loop import queries
from training.learning.markdown import table
from training.learning.weighing import scale_of
from training.measures import POINTWISE
from training.retrieval.adapt import FOLDS, choose_weight, cosines, cross_fit, fit_own, gains_of, move_encoder
from training.retrieval.own_pairs import Own
from training.systems.afclnet.system import UNBIASED, AFCLNet
from training.systems.mixture import Mixture
from training.types import Dataset, Pairs

SIZES = (50, 100, 200, 360)
SHARES = (0.1, 0.3)
"""Weights of AFCLNet beside the adapted cosine, in standard deviations."""
MODEL = "the model"
FIRST = 1000
"""First seed of the shuffles: how sure a gain must be was chosen on seeds 0 to 99."""


class Ranked(NamedTuple):
    """Similarities [h, h] of held-out pairs, whose numbers are given, by what ranked them."""

    rows: Array
    pairs: Pairs
    by: dict[str, Array]


def model_of(data: Dataset, number: int) -> RetrievalModel:
    """The mixture, seed 0, of all collections but one."""
    every = data.pairs["train"]
    encoder = Mixture().encoder(every.take(every.collection != number), extra=None, seed=0)
    matcher = Matcher(encoder, Calibration(1.0, 0.0))
    return RetrievalModel("other", "", Path(), "mixture", data.features, matcher, {})


def rank(model: RetrievalModel, pairs: Pairs, size: int, seed: int) -> Iterator[Ranked]:
    """Every fold of sources, ranked by what `size` pairs of the other folds taught."""
    for inside, rows in deal_pair_folds(pairs, FOLDS, seed):
        drawn = np.sort(np.random.default_rng(seed).permutation(inside)[:size])
        part, rest = pairs.take(drawn), pairs.take(rows)
        by = {MODEL: cosines(model.matcher.encoder, rest)}
        for name, labelled in (("emotions given", True), ("emotions heard", False)):
            weight = choose_weight(model, part, labelled, seed=seed)
            by[name] = cosines(move_encoder(model, fit_own(model, part, labelled), part, weight=weight), rest)
        if not seed:  # a network a fold: one way of dealing them
            config = UNBIASED
            second = AFCLNet("own", config).without_calibration().fit(part, 0).similarity(rest.video, rest.music)
            for share in SHARES:
                cosine = by["emotions given"]
                fused = (1 - share) * scale_of(cosine)(cosine) + share * scale_of(second)(second)
                by[f"AFCLNet {share:g}"] = fused
        yield Ranked(rows, rest, by)


class Curve(NamedTuple):
    """Per held-out pair of a collection, in its order: mAP [2, n] by what ranked, and AUC; `first`: of seed 0 alone."""

    values: dict[str, Array]
    auc: dict[str, float]
    first: dict[str, Array]


def measure(model: RetrievalModel, pairs: Pairs, size: int, seeds: int) -> Curve:
    """Means over `seeds` ways of dealing folds and drawing pairs."""
    found: dict[str, list[Array]] = {}
    auc: dict[str, list[float]] = {}
    for seed in range(seeds):
        parts = list(rank(model, pairs, size, seed))
        for name in parts[0].by:
            values = np.full((2, len(pairs)), np.nan)
            for part in parts:
                values[:, part.rows] = queries(part.by[name], part.pairs)
            found.setdefault(name, []).append(values)
            inside = [POINTWISE["AUC"].of(part.pairs.match, np.diag(part.by[name])) for part in parts]
            auc.setdefault(name, []).append(float(np.nanmean(inside)))
    means = {name: np.mean(values, axis=0) for name, values in found.items()}
    return Curve(means, {n: float(np.mean(v)) for n, v in auc.items()}, {n: values[0] for n, values in found.items()})


def gain(new: Array, old: Array, groups: Array) -> str:
    """Difference of mAP in points with its interval, of both directions."""
    told = []
    for way in range(2):
        change = paired_bootstrap(new[way], old[way], groups=groups)
        told.append(f"{100 * change.estimate:+.1f} [{100 * change.low:+.1f}, {100 * change.high:+.1f}]")
    return " / ".join(told)


def rows_of(name: str, pairs: Pairs, size: int, curve: Curve) -> tuple[list[str], list[str]]:
    """A line of the learning curve, and one of the second stage."""
    groups, old = pairs.groups(), curve.values[MODEL]
    level = " / ".join(f"{100 * x:.1f}" for x in np.nanmean(old, axis=1))
    told = [gain(curve.values[one], old, groups) for one in ("emotions given", "emotions heard")]
    auc = [f"{curve.auc[one]:.2f}" for one in (MODEL, "emotions given", "emotions heard")]
    second = [gain(curve.first[f"AFCLNet {s:g}"], curve.first["emotions given"], groups) for s in SHARES]
    return [name, str(size), level, *told, ", ".join(auc)], [name, str(size), *second]


def shuffle(pairs: Pairs, seed: int) -> Pairs:
    """The same videos and music with emotions, and so with matches, that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    video, music = rng.permutation(len(pairs)), rng.permutation(len(pairs))
    columns = {name: getattr(pairs, name) for name in Pairs.__dataclass_fields__}
    return Pairs(**columns | {"video": pairs.video[video], "music": pairs.music[music]})


def acceptances(model: RetrievalModel, pairs: Pairs, size: int, times: int) -> list[str]:
    """Of `times` drawn own sets, how many are taken; with emotions given and heard."""
    taken = []
    for labelled in (True, False):
        kept = 0
        for seed in range(times):
            some = pairs.take(np.sort(np.random.default_rng(seed).permutation(len(pairs))[:size]))
            own = Own("own", "", some, labelled)
            kept += gains_of(own, list(cross_fit(model, own, seed, tick=lambda *_: None)))[0].sure
        taken.append(f"{kept} of {times}")
    return taken


def refusals(model: RetrievalModel, pairs: Pairs, size: int, times: int) -> list[str]:
    """Of `times` shuffled own sets, how many are refused; with emotions given and heard."""
    refused = []
    for labelled in (True, False):
        kept = 0
        for seed in range(FIRST, FIRST + times):
            some = pairs.take(np.sort(np.random.default_rng(seed).permutation(len(pairs))[:size]))
            own = Own("shuffled", "", shuffle(some, seed), labelled)
            kept += not gains_of(own, list(cross_fit(model, own, seed, tick=lambda *_: None)))[0].sure
        refused.append(f"{kept} of {times}")
    return refused


def main() -> None:
    """The whole page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shuffles", type=int, default=100)
    asked = parser.parse_args()
    folder = asked.shared / "data" / "emomv"
    if not folder.is_dir():
        sys.exit(f"{folder} is not there: nothing to measure")
    data = gather([load_emomv(folder, name) for name in ("emomv-b", "emomv-c")])
    lines, seconds = [], []
    for number, one in enumerate(data.collections):
        model = model_of(data, number)
        for size in (size for size in SIZES if size <= 0.8 * len(one.pairs)):
            print(one.name, size, file=sys.stderr, flush=True)
            line, second = rows_of(one.name, one.pairs, size, measure(model, one.pairs, size, asked.seeds))
            lines.append(line)
            seconds.append(second)
    largest = max(range(len(data.collections)), key=lambda number: len(data.collections[number].pairs))
    one, size = data.collections[largest], 100
    model = model_of(data, largest)
    sure = [[one.name, str(n), *acceptances(model, one.pairs, n, asked.seeds)] for n in SIZES[1:]]
    shuffled = [[one.name, str(size), *refusals(model, one.pairs, size, asked.shuffles)]]
    head = ("own collection", "pairs", "model, mAP", "emotions given", "emotions heard", "AUC: model, given, heard")
    parts = [
        "# Adapting a model to own pairs",
        "Made by `python benchmarks/adaptation.py ../shared --out docs/results/adaptation.md`. The model is the "
        "mixture, seed 0, of the other collection alone. mAP in points, video->music / music->video, on held-out "
        f"fifths of the sources; means over {asked.seeds} ways of dealing them and drawing the pairs; "
        "95 % intervals over groups of sources. Weights are chosen inside the own pairs.",
        "## Learning curve: gain over the model",
        table(head, lines),
        "## AFCLNet, fitted on the own pairs, after the adapted cosine",
        "Gain over the adapted cosine (emotions given) at two weights, seed 0, one network a fold.\n\n"
        + table(("own collection", "pairs", *(f"weight {share:g}" for share in SHARES)), seconds),
        "## Own pairs that surely help are taken",
        table(("own collection", "pairs", "emotions given", "emotions heard"), sure),
        "## Own pairs that teach nothing are refused",
        table(("own collection", "pairs", "emotions given", "emotions heard"), shuffled),
    ]
    atomic.write(asked.out, "\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
