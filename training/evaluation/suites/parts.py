"""`afclnet-ablation`: the four tables of AFCLNet's parts, on generated pairs and on folds of EmoMV-C's train."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from recommender.types import Array
from training.evaluation import summary
from training.evaluation.matching import GENERATED, PUBLISHED, STATES
from training.evaluation.suites import labelled, rated
from training.evaluation.suites.cache import Kept
from training.evaluation.suites.labelled import RANKED, Place
from training.evaluation.suites.rated import Contender
from training.evaluation.suites.request import Asked, Found
from training.evaluation.suites.tables import Cell, Row, Table, figures_cell
from training.evaluation.trials import Bench
from training.learning.search import change_config
from training.systems.afclnet.system import OURS, AFCLNet, AFCLNetConfig

NAME = "afclnet-ablation"
SEEDS, FOLD_SEEDS = 10, 3
"""Generated data sets, and partitions of EmoMV-C's training pairs."""

FULL = "AFCLNet (MSE .018 in its tables of parts)"
SHORT = (
    "AFCLNet with one part taken away or exchanged, as in the four tables of its paper. Its data are not public: the "
    "published figures are of other pairs, and what can be compared is which part matters."
)
HOW = (
    "Generated pairs in which all that the parts are there for is planted in equal shares. Mean ± SD over data sets, "
    "95 % interval in brackets; the last but one column is the R2 of the whole network minus this one's, paired by "
    "data set, with p of the sign-flip test after Holm's correction over the table. Published: MAE / MSE / R2. "
    "In table 3 CGC with the consistency loss is CGC: as we read the loss it trains what self-attention gives, and "
    "there is none; so there is a row with both."
)
HOW_LABELLED = (
    "Real features with emotion labels, grouped cross-validation within train, mean ± SD over partitions. The match "
    "scores are not calibrated here, which takes five times the fits, so that the table has what does not depend on "
    "it: mAP, relevant being what has the query's emotion, and AUC of the match label. 95 % intervals: of mAP over "
    "queries, of AUC over sources. The whole network has linear CCA here; table 2 exchanges it for linear DCCAs as "
    "they are on generated pairs."
)


class Part(NamedTuple):
    """A row: its label, the published row beside it, and what it changes in the whole network."""

    label: str
    published: str | None
    changes: Mapping[str, Any]


WHOLE = Part("the whole network", FULL, {})
ALONE: dict[str, Any] = {"shape.self_attention": False, "shape.mutual_attention": False, "consistency_weight": 0.0}


def _but(*kept: str) -> dict[str, Any]:
    return {name: value for name, value in ALONE.items() if name not in kept}


TABLES: dict[str, tuple[Part, ...]] = {
    "1: inputs": (
        Part("perceptual inputs only", "perceptual only", {"shape.inputs": "perceptual"}),
        Part("objective inputs only", "objective only", {"shape.inputs": "objective"}),
        WHOLE,
    ),
    "2: reduction": (
        Part("no reduction", "no reduction", {"reduction.name": "none"}),
        Part("one DCCA", "one DCCA", {"reduction.name": "dcca"}),
        Part("cluster-DCCA", "cluster-DCCA", {"reduction.name": "cluster-dcca"}),
        Part("linear CCA of matched pairs (ours)", None, {"reduction": OURS.reduction}),
        WHOLE,
    ),
    "3: attention and consistency": (
        Part("gate control alone (CGC)", "no attention, no consistency (CGC)", ALONE),
        Part("CGC + self-attention", "CGC + self-attention", _but("shape.self_attention")),
        Part("CGC + mutual attention", "CGC + mutual attention", _but("shape.mutual_attention")),
        Part("CGC + consistency loss", "CGC + consistency", _but("consistency_weight")),
        Part("CGC + self-attention + consistency loss", None, {"shape.mutual_attention": False}),
        WHOLE,
    ),
    "4: auxiliary task": (
        Part("voice in the music", "auxiliary task: voice", {"auxiliary": "voice"}),
        Part("person in the picture", "auxiliary task: person", {"auxiliary": "person"}),
        Part("none", None, {"shape.auxiliary": False}),
        WHOLE,
    ),
}
BASE = replace(GENERATED, reduction=STATES)
"""The whole network on generated pairs: our recipe with the paper's reduction, one DCCA per matching state, linear."""

LABELLED = replace(OURS, calibration_folds=0)
"""On EmoMV-C: our recipe. Its reduction is linear CCA, so that table 2 exchanges that one."""
NOT_LABELLED = {
    "no reduction": "left out: attention among 2,304 channels; one fit did not end within five minutes",
    "voice in the music": "not here: EmoMV has no such labels",
    "person in the picture": "not here: EmoMV has no such labels",
}


def run(asked: Asked) -> Found:
    """The suite; without a folder of EmoMV the generated pairs alone."""
    seeds = asked.numbers(SEEDS, least=2)
    distinct = {repr(change_config(BASE, part.changes)) for parts in TABLES.values() for part in parts}
    kept = Kept(asked.out, asked.tick, len(distinct) * len(seeds) + _labelled_fits(asked))
    made = list(_generated(asked, seeds, kept))
    facts = [f"generated pairs: {asked.world.pairs} a data set, {len(seeds)} data sets, split 8:1:1"]
    if asked.data is not None:
        bench = Bench(labelled.emomv_c(asked.data), "clean", "folds", asked.folds)
        made += list(_labelled(bench, asked, kept))
        facts.append(
            f"EmoMV-C: revision `{bench.dataset.revision[:16]}`, {asked.folds} grouped folds of train, "
            f"{FOLD_SEEDS} partitions"
        )
    else:
        facts.append("EmoMV-C: not run (no folder of it was given)")
    recipes = {"generated pairs": repr(BASE), "emomv-c": repr(LABELLED)}
    return Found("AFCLNet, part by part", SHORT, facts, made, kept, recipes)


def on_labels(part: Part) -> AFCLNetConfig:
    """The configuration of a part on EmoMV-C."""
    if "reduction.name" in part.changes:
        return replace(LABELLED, reduction=replace(STATES, **{"name": part.changes["reduction.name"]}))
    found: AFCLNetConfig = change_config(LABELLED, part.changes)
    return found


def _generated(asked: Asked, seeds: Sequence[int], kept: Kept) -> Iterator[Table]:
    columns = (*rated.MEASURES, "R2: whole minus this", "published")
    constant = Row("chance: a constant score", dict(rated.constant(asked.world, seeds)), "chance")
    for title, parts in TABLES.items():
        found = {part.label: rated.runs(kept, _contender(part), asked.world, seeds=seeds) for part in parts}
        rows = [constant, *_rows(parts, found)]
        yield Table(f"Table {title}, generated pairs", HOW if title[0] == "1" else "", columns, rows, "network")


def _contender(part: Part) -> Contender:
    return Contender(part.label, AFCLNet("afclnet", change_config(BASE, part.changes)))


def _rows(parts: Sequence[Part], found: Mapping[str, Mapping[str, Array]]) -> Iterator[Row]:
    others = {label: one for label, one in found.items() if label != WHOLE.label}
    less = rated.differences(found[WHOLE.label], others)
    for part in parts:
        cells: dict[str, Cell] = dict(rated.cells(found[part.label]))
        cells |= {"R2: whole minus this": less.get(part.label), "published": _published(part)}
        yield Row(part.label, cells)


def _published(part: Part) -> str | None:
    return None if part.published is None else figures_cell(PUBLISHED[part.published])


def _labelled_fits(asked: Asked) -> int:
    if asked.data is None:
        return 0
    return FOLD_SEEDS * asked.folds * len({repr(on_labels(part)) for part in _runnable()})


def _runnable() -> list[Part]:
    whole = Part("one DCCA per matching state", None, {"reduction.name": "dcca-matched-unmatched"})
    every = [part for parts in TABLES.values() for part in parts if part.label not in NOT_LABELLED]
    return [*every, whole]


def _labelled(bench: Bench, asked: Asked, kept: Kept) -> Iterator[Table]:
    """The same tables on EmoMV-C. Trials are kept by their configuration: several tables share one."""
    done: dict[str, dict[str, Cell]] = {}
    columns = (*RANKED, "AUC", "published R2")
    chance = Row("chance", dict(summary.chance(bench, range(FOLD_SEEDS))), "chance")
    for title, parts in TABLES.items():
        rows = [chance]
        for part in _with_ours(title, parts):
            if part.label not in NOT_LABELLED:
                cells = _cells(bench, part, done, asked, kept)
            else:
                cells = {columns[0]: NOT_LABELLED[part.label]}
            said = None if part.published is None else PUBLISHED[part.published][2]
            rows.append(Row(part.label, cells | {"published R2": said}))
        how = HOW_LABELLED if title[0] == "1" else ""
        yield Table(f"Table {title}, folds of EmoMV-C", how, columns, rows, "network")


def _with_ours(title: str, parts: Sequence[Part]) -> list[Part]:
    """The rows on EmoMV-C, where the whole network has linear CCA and DCCA per matching state is an exchange."""
    if not title.startswith("2"):
        return list(parts)
    states = Part("one DCCA per matching state", FULL, {"reduction.name": "dcca-matched-unmatched"})
    ours = Part(f"{WHOLE.label}: linear CCA (ours)", None, {})
    return [*(part for part in parts if part.label != WHOLE.label and "reduction" not in part.changes), states, ours]


def _cells(bench: Bench, part: Part, done: dict[str, dict[str, Cell]], asked: Asked, kept: Kept) -> dict[str, Cell]:
    config = on_labels(part)
    if repr(config) not in done:
        name = f"afclnet-{len(done)}"
        place = Place(asked.out / "emomv-c", asked.reason)
        outcomes = labelled.trials_of(
            bench, name, lambda seed, fold: AFCLNet("afclnet", config), seeds=range(FOLD_SEEDS), place=place, kept=kept
        )
        done[repr(config)] = dict(labelled.cells(summary.collect_scores(bench, outcomes)))
    return done[repr(config)]
