"""The tagger measured: three opinions and their agreement on EmoMV-C, music across collections, and real clips.

    python benchmarks/tagger.py ../shared/data --work scratch --out docs/results/tagger.md

Everything is chosen on grouped folds of EmoMV-C's training pairs. Each part of the report is kept in the work folder,
and a part that is there is not run again. `--evaluate REASON` scores the published validation segments, and logs it.
"""

import argparse
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from measuring import environment, publish
from platformdirs import user_cache_path

from recommender.affect.words import emotion
from recommender.media import frames, write_video
from recommender.types import Affect, Array
from training import datasets
from training.affect.midi import find_synth, render_all
from training.construction import build
from training.datasets.emomv import extra_music
from training.datasets.source import Ratings
from training.evaluation import log
from training.learning.folds import deal, tally
from training.systems.logistic import multinomial
from training.systems.prepare import standardiser
from training.tagger.figures import KINDS, figures, summary
from training.tagger.labelled import Labelled, corpus_segments, parts, training_segments
from training.tagger.learn import FOLDS, cross_fit, train_tagger
from training.tagger.media import tag_folder
from training.tagger.model import fit, inputs, layouts
from training.tagger.network import PAPER, Labels, TaggerConfig, fit_members, opinion
from training.types import EMOTIONS, Dataset

PUBLISHED = {"video": "80.0 / .799 / .958", "music": "82.33 / .786 / .945", "joint": "86.67 / .866 / .982"}
"""Accuracy %, F1 and AUC on the test set of MVED, six emotions (EmoMV, table 2)."""

PENALTY = 100.0  # as in the systems `posterior` and `evidence`
BLOCKS, PER_EMOTION, PICTURES, SHOW_S, FPS = 10, 16, 4, 12.0, 8.0

Part = Callable[[argparse.Namespace], dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is kept between runs")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--few-seeds", type=int, default=1, help="of what only stands for comparison")
    parser.add_argument("--evaluate", help="score the validation segments of EmoMV-C; the value says why, for the log")
    parser.add_argument("--out", type=Path, help="markdown report")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    chosen: dict[str, Part] = {"media": on_media, "folds": on_folds}
    if args.evaluate:
        chosen["validation"] = on_validation
    chosen["collections"] = across
    found = {name: kept(args.work / f"{name}.json", partial(part, args)) for name, part in chosen.items()}
    publish(report(found, args), args.out)


def kept(path: Path, part: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A part's figures from its file, where it was run before."""
    if not path.exists():
        found = part()
        path.write_text(json.dumps(found, indent=1))
    return dict(json.loads(path.read_text()))


def emomv(args: argparse.Namespace) -> tuple[Dataset, Labelled]:
    dataset = datasets.load_pairs("emomv-c", args.data / "emomv")
    return dataset, training_segments(dataset)


def on_folds(args: argparse.Namespace) -> dict[str, Any]:
    """Figures of several recipes out of grouped folds, by recipe."""
    dataset, data = emomv(args)
    linear = [figures(logistic(data, seed), data.emotion) for seed in range(args.seeds)]
    ours, paper = TaggerConfig(), PAPER
    found: dict[str, Any] = {"logistic regression": summary(linear)}
    apart = replace(ours, shape=replace(ours.shape, attention=False))
    for name, config, seeds in (
        ("tagger", ours, args.seeds),
        ("tagger without attention", apart, args.few_seeds),
        ("published recipe", paper, args.few_seeds),
    ):
        each = [figures(cross_fit(data, dataset.features, config, seed=seed), data.emotion) for seed in range(seeds)]
        found[name] = summary(each)
    return found | {"segments": len(data), "counts": np.bincount(data.emotion).tolist(), "seeds": args.seeds}


def logistic(data: Labelled, seed: int) -> dict[str, Array]:
    """Out of the same folds: multinomial logistic regression of each of the three inputs."""
    classes = len(data.names)
    found = {kind: np.zeros((len(data), classes)) for kind in KINDS}
    for inside, outside in parts(data.emotion, data.source, FOLDS, seed=seed):
        for kind, x in inputs(data.video, data.music).items():
            scale = standardiser(x[inside])
            model = multinomial(
                scale(x[inside]), data.emotion[inside], classes, penalty=PENALTY, sample_weight=np.ones(len(inside))
            )
            found[kind][outside] = model(scale(x[outside]))
    return found


def across(args: argparse.Namespace) -> dict[str, Any]:
    """Accuracy of the music model where it learnt from another collection, and with further music of B."""
    dataset, data = emomv(args)
    tokens = layouts(dataset.features)["music"]
    config, classes = TaggerConfig(), len(EMOTIONS)
    sets = {"C": Labels(data.music, data.emotion, data.source)}
    for which in ("a", "b"):
        extra = extra_music(args.data / "emomv", which, data.music)
        sets[which.upper()] = Labels(extra.music, extra.emotion, extra.source)
    found: dict[str, Any] = {"sizes": {name: len(labels.emotion) for name, labels in sets.items()}}
    for learnt, tried in (("B", "C"), ("A", "C"), ("C", "B"), ("C", "A")):
        right = []
        for seed in range(args.few_seeds if learnt == "A" else args.seeds):  # A is ten times as large
            members = fit_members(sets[learnt], tokens, classes, config=config, seed=seed)
            # Each collection by its own statistics, as everywhere where music of another one is used.
            own = standardiser(sets[tried].features)
            members = tuple(member._replace(scale=own) for member in members)
            right.append(figure(opinion(members, sets[tried].features), sets[tried].emotion))
        found[f"{learnt} to {tried}"] = summary(right)
    further = []
    for seed in range(args.few_seeds):
        p = np.zeros((len(data), classes))
        for inside, outside in parts(data.emotion, data.source, FOLDS, seed=seed):
            one = Labels(data.music[inside], data.emotion[inside], data.source[inside])
            p[outside] = opinion(
                fit_members(one, tokens, classes, config=config, seed=seed, further=sets["B"]), data.music[outside]
            )
        further.append(figure(p, data.emotion))
    return found | {"C with B": summary(further)}


def figure(p: Array, truth: Array) -> dict[str, float]:
    """Figures of one opinion."""
    found = figures(dict.fromkeys(KINDS, p), truth)
    return {name.removeprefix("joint "): found[name] for name in found if name.startswith(("joint ", "majority"))}


def on_validation(args: argparse.Namespace) -> dict[str, Any]:
    """Figures on the validation segments of EmoMV-C: fitted on all of train, scored once."""
    dataset, data = emomv(args)
    if dataset.corpus is None:
        raise SystemExit("EmoMV-C's retrieval set is not there")
    held, each = corpus_segments(dataset.corpus), []
    for seed in range(args.seeds):
        log.record(
            args.work / "evaluated.jsonl",
            system="tagger",
            protocol="clean",
            seed=seed,
            dataset=dataset.name,
            revision=dataset.revision,
            part="validation",
            reason=args.evaluate,
        )
        tagger = fit(data, dataset.features, TaggerConfig(), seed=seed)
        each.append(figures(tagger.opinions(held.video, held.music), held.emotion))
    return {"tagger": summary(each), "segments": len(held), "reason": args.evaluate}


def on_media(args: argparse.Namespace) -> dict[str, Any]:
    """A tagger of built-in features, learnt from slideshows of rated pictures under rated music; and real clips."""
    folder = args.work / "shows"
    labels = make_shows(args.data, folder)
    build(labels, args.work / "shows-dataset", "return", seed=0)
    dataset = datasets.load_pairs("built", args.work / "shows-dataset")
    where = args.work / "shows-tagger"
    tagger = train_tagger(dataset, where, "benchmarks/tagger.py", seeds=range(args.seeds))
    held = corpus_segments(dataset.corpus) if dataset.corpus else None
    told = tag_folder(args.data / "clips", tagger, args.work / "clips.csv", workers=1, force=True)
    card = json.loads((where / "report.json").read_text())
    found = {"cross-validation": card["cross-validation"], "trained_on": card["model"]["trained_on"]}
    if held is not None:
        found["held out"] = summary([figures(tagger.opinions(held.video, held.music), held.emotion)])
        found["held out segments"] = len(held)
    rows = [
        {"path": one.path, "outcome": one.outcome, "opinions": one.tag and [list(o) for o in one.tag]}
        for one in told.outcomes
    ]
    reasons = [reason.replace(str(args.data.resolve()) + os.sep, "") for reason in told.failed.values()]
    return found | {"clips": told.as_dict(), "rows": rows, "reasons": reasons}


def make_shows(data: Path, folder: Path) -> Path:
    """The table of the slideshows, each of pictures and a piece of one emotion, made where they are not there yet.

    Themes of pictures and series of pieces are dealt to blocks; a show is of one block, which is its source: no theme
    and no series is on both sides of a split.
    """
    pictures, pieces = datasets.load("oasis", data), datasets.load("vgmidi", data)
    synth, cache = find_synth(), user_cache_path("cliptune") / "renderings"
    rng = np.random.default_rng(0)
    at = {name: (emotions_of(rated), blocks_of(rated, rng)) for name, rated in (("p", pictures), ("m", pieces))}
    chosen = []
    for e in range(len(EMOTIONS)):
        mine = rng.permutation(np.flatnonzero(at["m"][0] == e))
        chosen += [(e, int(i)) for i in mine if _pictures(at["p"], e, at["m"][1][i]).size >= PICTURES][:PER_EMOTION]
    folder.mkdir(parents=True, exist_ok=True)
    sounds = render_all([pieces.paths[i] for _, i in chosen], synth, cache, tick=lambda *_: None)
    lines = ["path,emotion,source"]
    for (e, i), sound in zip(chosen, sounds, strict=True):
        block = at["m"][1][i]
        shown = rng.choice(_pictures(at["p"], e, block), PICTURES, replace=False)
        target = folder / f"{pieces.ids[i]}.mkv"
        if not target.exists():
            slideshow([pictures.paths[j] for j in shown], sound, target)
        lines.append(f"{target.name},{EMOTIONS[e]},block {block}")
    table = folder / "labels.csv"
    table.write_text("\n".join(lines) + "\n")
    return table


def emotions_of(rated: Ratings) -> Array:
    """int64 [n]: the nearest emotion of every rating, on the scale of the corpus: .4 is one standard deviation."""
    z = 0.4 * (rated.affect - rated.affect.mean(axis=0)) / rated.affect.std(axis=0)
    return np.array([EMOTIONS.index(emotion(Affect(float(v), float(a), 0.1, 0.1))) for v, a in z])


def blocks_of(rated: Ratings, rng: np.random.Generator) -> Array:
    """int64 [n]: groups of the corpus dealt to BLOCKS blocks, every emotion spread over them."""
    names, member = np.unique(rated.groups, return_inverse=True)
    labels = np.column_stack([np.ones(len(rated)), np.eye(len(EMOTIONS))[emotions_of(rated)]])
    return deal(tally(labels, member, len(names)), [1 / BLOCKS] * BLOCKS, rng)[member]


def _pictures(of: tuple[Array, Array], e: int, block: int) -> Array:
    return np.flatnonzero((of[0] == e) & (of[1] == block))


def slideshow(pictures: list[Path], sound: Path, target: Path) -> None:
    """Write the pictures one after the other, SHOW_S in all, over the first SHOW_S of `sound`."""
    silent = target.with_suffix(".silent.mp4")
    count = round(SHOW_S * FPS / len(pictures))
    stills = [next(iter(frames(path))).rgb for path in pictures]
    write_video(silent, (squared(rgb) for rgb in stills for _ in range(count)), FPS)
    with av.open(silent) as seen, av.open(sound) as heard, av.open(target, "w") as out:
        sides = [(box.streams[0], out.add_stream_from_template(box.streams[0])) for box in (seen, heard)]
        for (stream, copy), box in zip(sides, (seen, heard), strict=True):
            for packet in box.demux(stream):
                if packet.dts is not None and packet.dts * packet.time_base < SHOW_S:
                    packet.stream = copy
                    out.mux(packet)
    silent.unlink()


def squared(rgb: Array) -> Array:
    """The middle of a picture, all of one size: a video has but one."""
    side = 224
    h, w = rgb.shape[:2]
    y, x = np.linspace(0, h - 1, side).astype(int), np.linspace(0, w - 1, side).astype(int)
    return np.ascontiguousarray(rgb[y][:, x])


def cell(found: Mapping[str, Any], name: str, percent: bool = False) -> str:
    mean, sd = found[name]["mean"], found[name]["sd"]
    if mean is None:
        return "-"
    scale, digits = (100, 1) if percent else (1, 3)
    return f"{scale * mean:.{digits}f}" + (f" ± {scale * sd:.{digits}f}" if sd else "")


def triple(found: Mapping[str, Any], kind: str) -> str:
    return " / ".join(cell(found, f"{kind} {m}", m == "accuracy") for m in ("accuracy", "macro-F1", "AUC"))


RULE = ("survival", "agreed accuracy", "most certain accuracy", "joint beside")


def table(rows: Mapping[str, Mapping[str, Any]], first: str) -> list[str]:
    """Two tables: the three opinions of each row, then what their agreement is worth."""
    lines = [f"| {first} | video | music | joint |", "|---|---|---|---|"]
    lines += [f"| {name} | " + " | ".join(triple(found, kind) for kind in KINDS) + " |" for name, found in rows.items()]
    head = "| {} | all agree on % | right there % | as many, most certain joint % | joint where they differ % |"
    lines += ["", head.format(first), "|---|---|---|---|---|"]
    return lines + [
        f"| {name} | " + " | ".join(cell(found, m, True) for m in RULE) + " |" for name, found in rows.items()
    ]


def report(found: Mapping[str, Any], args: argparse.Namespace) -> str:
    """The report in markdown."""
    folds, cross, media = found["folds"], found["collections"], found["media"]
    recipes = {name: part for name, part in folds.items() if isinstance(part, dict)}
    majority = cell(recipes["tagger"], "majority accuracy", True)
    lines = [
        "# The tagger",
        "",
        "Made by `python benchmarks/tagger.py ../shared/data --work scratch"
        + (f' --evaluate "{args.evaluate}"' if args.evaluate else "")
        + f" --out docs/results/tagger.md`; {environment('torch', 'numpy', 'scipy', 'av')}.",
        "",
        "Accuracy in %, macro-F1, AUC (each emotion against the others): mean ± SD over seeds, which deal the folds "
        "and draw the weights. `as many, most certain joint` keeps as many segments as the rule, by the joint model's "
        "probability alone: what three opinions must beat.",
        "",
        f"## EmoMV-C, grouped folds of train ({folds['segments']} segments, {folds['seeds']} seeds; the last two rows "
        f"{args.few_seeds})",
        "",
        f"Always answering the most frequent emotion: {majority} %. AUC of chance: .5. The tagger's sizes and dropouts "
        "were chosen on these folds with seed 0, out of seven.",
        "",
        *table(recipes, "recipe"),
        "",
        "Published, on the test set of MVED (other data, six emotions, four networks' features; not comparable): "
        + "; ".join(f"{kind} {value}" for kind, value in PUBLISHED.items())
        + ". There 832 of 4,487 segments (19 %) and 663 of 2,688 (25 %) survived the rule.",
        "",
        "EmoMV-C's labels are themselves such agreements of the authors' tagger: nobody listened. A figure here says "
        "how far one tagger repeats another, and the segments on which theirs disagreed are not in the set.",
    ]
    if "validation" in found:
        part = found["validation"]
        lines += [
            "",
            f"## EmoMV-C, validation ({part['segments']} segments), fitted on all of train, scored once",
            "",
            f'Logged as "{part["reason"]}". Majority: {cell(part["tagger"], "majority accuracy", True)} %.',
            "",
            *table({"tagger": part["tagger"]}, "recipe"),
        ]
    sizes = ", ".join(f"{name} {count}" for name, count in cross["sizes"].items())
    lines += [
        "",
        "## Music across collections",
        "",
        f"The music model on VGGish features ({sizes} pieces of the training parts; copies of C's music left out of A "
        "and B), each collection standardised by itself; no SD: one seed.",
        "",
        "| learnt from, tried on | accuracy % / macro-F1 / AUC | majority % |",
        "|---|---|---|",
    ]
    for name, part in cross.items():
        if name != "sizes":
            values = " / ".join(cell(part, m, m == "accuracy") for m in ("accuracy", "macro-F1", "AUC"))
            lines.append(f"| {name} | {values} | {cell(part, 'majority accuracy', True)} |")
    return "\n".join([*lines, "", *media_lines(media)]) + "\n"


def media_lines(media: Mapping[str, Any]) -> list[str]:
    """The part of the report on media."""
    on, clips = media["trained_on"], media["clips"]
    rows = {"cross-validation": media["cross-validation"]}
    if "held out" in media:
        rows[f"held-out blocks ({media['held out segments']})"] = media["held out"]
    counts = ", ".join(f"{n} {name}" for name, n in on["emotions"].items())
    kept_counts = ", ".join(f"{n} {name}" for name, n in clips["emotions"].items() if n) or "none"
    lines = [
        "## Media, built-in features",
        "",
        f"{on['segments']} slideshows of {on['sources']} blocks ({counts}): {PICTURES} OASIS pictures under the first "
        f"{SHOW_S:.0f} s of a VGMIDI piece, both rated nearest to the same emotion; `dataset build --extractor "
        "builtin`, `train tagger`, then `dataset tag ../shared/data/clips`. Slides do not move: motion cannot be "
        "learnt from them.",
        "",
        f"Majority: {cell(media['cross-validation'], 'majority accuracy', True)} %.",
        "",
        *table(rows, "evaluated on"),
        "",
        f"Of {clips['files']} files {clips['failed']} have no usable sound or picture, {clips['copies']} are copies; "
        f"of the other {clips['kept'] + clips['disagree']} the rule keeps {clips['kept']} "
        f"({100 * clips['survival']:.0f} %: {kept_counts}). Nobody labelled these clips: this shows survival, not "
        "correctness.",
        "",
        "| clip | outcome | video | music | joint |",
        "|---|---|---|---|---|",
    ]
    for row in media["rows"]:
        if row["opinions"]:
            said = " | ".join(f"{name} {p:.2f}" for name, p in row["opinions"])
            lines.append(f"| {row['path']} | {row['outcome']} | {said} |")
    return lines


if __name__ == "__main__":
    main()
