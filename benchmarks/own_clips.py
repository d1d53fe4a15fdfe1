"""What the mean of a user's own clips wins on a collection never seen, alone and before own pairs.

    python benchmarks/own_clips.py ../shared [--seeds 5] [--out page.md]

The models are those of `recommend train retrieval`, `fusion-mixture` of one EmoMV collection, written to a folder and
opened again. They are moved and written as `recommend train adapt --clips` does it: to all clips of the other
collection, or to some that the seed draws; ranked are all of its clips. Own pairs are learnt from on top as
`benchmarks/adaptation.py` does it: what is ranked is held out of the pairs, not of the mean, which needs no labels.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import measuring

# isort: split
import numpy as np
from adaptation import gain, model_of

from recommender.encoders.mixture import MixtureEncoder
from recommender.model.folder import read_manifest
from recommender.model.retrieval import RetrievalModel, load
from recommender.types import Array
from training.datasets.collections import gather
from training.datasets.emomv import load_emomv
from training.evaluation.intervals import paired_bootstrap
from training.learning.folds import deal_pair_folds
from training.learning.loop import queries
from training.learning.markdown import table
from training.learning.model_folder import files_of, write
from training.measures import POINTWISE
from training.measures.order import rank
from training.measures.ranking import average_precision
from training.retrieval.adapt import FOLDS, choose_weight, cosines, fit_own, move_encoder
from training.retrieval.own_clips import Clips, centre, save_centred
from training.retrieval.train import manifest_of, parts_of
from training.systems import system
from training.types import Collection, Corpus, Dataset, Pairs

SOME = (20, 40, 80)
PLAIN, ALL, TOO = "as it is", "all clips", "all clips, the network moved too"
DEALS = 2
SIZES = {"emomv-b": (50,), "emomv-c": (100, 360)}


def train(data: Dataset, left: int, seed: int, home: Path) -> RetrievalModel:
    """`fusion-mixture` of the other collection, as a folder has it."""
    every, one = data.pairs["train"], system("fusion-mixture")
    parts = parts_of(one.fit(every.take(every.collection != left), seed), one.name)
    facts = {"dataset": data.collections[1 - left].name}
    manifest, weights = manifest_of("m", data.features, one.name, parts=parts, default="fusion", trained_on=facts)
    write(home, files_of(manifest, weights, {}, card=""))
    return load(home, read_manifest(home))


def with_network(model: RetrievalModel, clips: Clips) -> RetrievalModel:
    """`model` with the first map of the mixture's network moved as well."""
    moved, old = centre(model, clips), model.matcher.encoder.tensors
    tensors, name = dict(moved.matcher.encoder.tensors), "second.video.reduce"
    shift = old["first.video.mean"] - clips.video.mean(axis=0, dtype=np.float64)
    tensors[f"{name}.bias"] = old[f"{name}.bias"] + shift @ old[f"{name}.weights"]
    encoder = MixtureEncoder(moved.matcher.encoder.settings, tensors)
    return replace(moved, matcher=replace(moved.matcher, encoder=encoder))


def ways(model: RetrievalModel, video: Array, seed: int, home: Path) -> Iterator[tuple[str, RetrievalModel]]:
    """The model, and those moved to some of the clips and to all, from folders."""
    yield PLAIN, model
    order = np.random.default_rng(seed).permutation(len(video))
    for name, rows in [(f"{n} clips", order[:n]) for n in SOME] + [(ALL, order)]:
        yield name, save_centred(centre(model, Clips("own", "", video[rows])), home / name, command="")
    yield TOO, with_network(model, Clips("own", "", video))


def precisions(score: Array, emotion: Array) -> Array:
    """Average precision in points [2, n] of every clip and every piece; ties as expected of a random order."""
    same = emotion[:, None] == emotion
    both = (np.ascontiguousarray(s, np.float64) for s in (score, score.T))
    return np.array([100 * average_precision(rank(s, same)) for s in both])


Values = dict[str, Array]
"""By way what was found, the mean over seeds where nothing else is said."""


def transfer(data: Dataset, left: int, seeds: int) -> tuple[Values, Values, Values]:
    """Of one collection left out: precision by cosine and by default [2, n] each, probabilities of pairs [seeds, m]."""
    one = data.collections[left]
    found: tuple[dict[str, list[Array]], ...] = ({}, {}, {})
    for seed in range(seeds):
        print(one.name, "seed", seed, file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as scratch:
            model = train(data, left, seed, Path(scratch) / "model")
            for name, moved in ways(model, one.corpus.video, seed, Path(scratch)):
                sides = one.corpus.video, one.corpus.music
                scores = moved.matcher.similarity(*sides), moved.similarity(*sides)
                values = [precisions(score, one.corpus.emotion) for score in scores]
                for kept, value in zip(found, (*values, moved.match(one.pairs.video, one.pairs.music)), strict=True):
                    kept.setdefault(name, []).append(value)
    cosine, default = ({name: np.mean(values, axis=0) for name, values in part.items()} for part in found[:2])
    return cosine, default, {name: np.array(values) for name, values in found[2].items()}


def told(new: Array, old: Array, groups: Array) -> str:
    """A gain in points with its interval."""
    change = paired_bootstrap(new, old, groups=groups)
    return f"{change.estimate:+.1f} [{change.low:+.1f}, {change.high:+.1f}]"


def rows_of(found: list[Values], corpora: list[Corpus], ranker: str) -> list[list[str]]:
    """A line per way: both transfers, and the gains over the model as it is, pooled."""
    first = [0, 1 + int(corpora[0].source.max())]
    groups = np.concatenate([one.source + start for one, start in zip(corpora, first, strict=True)])
    lines = []
    for name in found[0]:
        each = [" / ".join(f"{x:.1f}" for x in one[name].mean(axis=1)) for one in found]
        new, old = (np.concatenate([one[way] for one in found], axis=1) for way in (name, PLAIN))
        gains = ["-", "-"] if name == PLAIN else [told(new[i], old[i], groups) for i in (0, 1)]
        lines.append([f"{name}, {ranker}", *each, *gains])
    return lines


def probabilities(one: Collection, found: Values) -> list[list[str]]:
    """What the match probabilities of the pairs are worth, before and after."""
    lines = []
    for name in (PLAIN, ALL):
        truth, sure = one.pairs.match == 1, found[name]
        figures = [[POINTWISE[measure].of(one.pairs.match, p) for p in sure] for measure in ("AUC", "ECE")]
        cells = [f"{np.mean(values):.3f}" for values in (figures[0], (sure > 0.5) == truth, figures[1])]
        lines.append([f"{one.name}, {name}", *cells, f"{np.mean(found[name] > 0.5):.2f}"])
    return lines


def with_pairs(model: RetrievalModel, video: Array, pairs: Pairs, *, size: int, labelled: bool, seeds: int) -> Values:
    """mAP [2, n] of held-out pairs by the cosine: of the model, moved, and of own pairs learnt from after either."""
    moved = centre(model, Clips("own", "", video))
    found: dict[str, list[Array]] = {}
    for seed in range(seeds):
        values = {name: np.full((2, len(pairs)), np.nan) for name in ("model", "clips", "pairs", "clips, then pairs")}
        for inside, rows in deal_pair_folds(pairs, FOLDS, seed):
            part = pairs.take(np.sort(np.random.default_rng(seed).permutation(inside)[:size]))
            rest = pairs.take(rows)
            for start, after, one in (("model", "pairs", model), ("clips", "clips, then pairs", moved)):
                weight = choose_weight(one, part, labelled, seed=seed)
                encoder = move_encoder(one, fit_own(one, part, labelled), part, weight=weight)
                values[start][:, rows] = queries(cosines(one.matcher.encoder, rest), rest)
                values[after][:, rows] = queries(cosines(encoder, rest), rest)
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {name: np.mean(value, axis=0) for name, value in found.items()}


def pair_rows(data: Dataset, seeds: int) -> Iterator[list[str]]:
    """A line per collection, size and kind of pairs."""
    for left, one in enumerate(data.collections):
        model = model_of(data, left)
        for size in SIZES[one.name]:
            for labelled in (True, False):
                print(one.name, size, labelled, file=sys.stderr, flush=True)
                of = with_pairs(model, one.corpus.video, one.pairs, size=size, labelled=labelled, seeds=seeds)
                groups = one.pairs.groups()
                gains = [gain(of[name], of["model"], groups) for name in list(of)[1:]]
                more = gain(of["clips, then pairs"], of["pairs"], groups)
                line = [one.name, str(size), "given" if labelled else "heard", *gains, more]
                print(" | ".join(line), file=sys.stderr, flush=True)
                yield line


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/")
    options.add_argument("--seeds", type=int, default=5)
    args = options.parse_args()
    folder = args.shared / "data" / "emomv"
    if not folder.is_dir():
        sys.exit(f"{folder} is not there: nothing to measure")
    data = gather([load_emomv(folder, name) for name in ("emomv-b", "emomv-c")])
    found = [transfer(data, left, args.seeds) for left in range(2)]
    corpora = [one.corpus for one in data.collections]
    lines = rows_of([one[0] for one in found], corpora, "cosine")
    lines += [line for line in rows_of([one[1] for one in found], corpora, "fusion") if line[0][:3] in ("as ", "all")]
    matches = [line for one, part in zip(data.collections, found, strict=True) for line in probabilities(one, part[2])]
    first = [
        "## The mean of own clips",
        f"mAP in points, clip to music / music to clip, means over seeds 0 to {args.seeds - 1}; gains over the model "
        "as it is, both collections together.",
        table(("moved to", "C to B", "B to C", "clip to music", "music to clip"), lines),
        "Match probabilities of the default ranker:",
        table(("model", "AUC", "accuracy", "ECE", "called matched"), matches),
    ]
    print("\n\n".join(first), file=sys.stderr, flush=True)
    head = ("own collection", "pairs", "emotions", "clips", "pairs", "clips, then pairs", "the same over pairs alone")
    second = [
        "## Own clips, then own pairs",
        f"Gains of mAP over the model by the cosine, on held-out fifths of the sources, dealt in {DEALS} ways.",
        table(head, list(pair_rows(data, DEALS))),
    ]
    measuring.publish("\n\n".join(first + second) + "\n", args.out)


if __name__ == "__main__":
    main()
