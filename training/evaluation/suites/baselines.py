"""`matching-baselines`: AFCLNet beside its five comparison systems and others, all tuned over as many trials."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from recommender.errors import InputError
from recommender.types import Array
from training.evaluation import report as rendering
from training.evaluation import summary
from training.evaluation.matching import PAPER_SMALL, PUBLISHED
from training.evaluation.suites import labelled, rated
from training.evaluation.suites.cache import Kept
from training.evaluation.suites.labelled import RANKED, Place
from training.evaluation.suites.rated import Contender
from training.evaluation.suites.request import Asked, Found
from training.evaluation.suites.tables import Cell, Row, Table, figures_cell
from training.evaluation.trials import Bench, Trial
from training.learning.search import Tuned, tune
from training.systems import SYSTEMS, space, system
from training.systems.afclnet.system import AFCLNet
from training.types import System

NAME = "matching-baselines"
SEEDS, FOLD_SEEDS, PAPER_SEEDS = 10, 1, 2
"""Generated data sets (over fewer than nine no p of nine comparisons stays below .05); partitions of EmoMV-C's training
pairs; data sets of the slow recipe of AFCLNet's paper."""
DEVELOPMENT = 500
"""The generated data set on which every system is tuned: no figure is from it."""

FIRST = "afclnet"
PAPER = "afclnet-paper"
COMPARED: dict[str, str | None] = {
    FIRST: "AFCLNet (MSE .018 in its tables of parts)",
    PAPER: "AFCLNet (MSE .018 in its tables of parts)",
    "cca-ga-bpnn": "CCA-GA-BPNN",
    "videoadviser": "VideoAdviser",
    "ccda": "CCDA",
    "affective-cca": "affective similarity + CCA",
    "stacking": "stacking",
    "acp-net": None,
    "l3-net-features": None,
    "spectrogram-acp-features": None,
    "cca": None,
    "emomv-classifier": None,
    "li-kumar": None,
}
"""The systems, and what AFCLNet's table of comparisons calls them."""
NOT_GIVEN = (None, None, None)
"""Of VideoAdviser the paper says that AFCLNet is better, without a figure."""

SHORT = (
    "How well AFCLNet matches, beside the five systems that its paper compares it with and others. Every system that "
    "has candidates for its configuration is tuned over as many configurations, AFCLNet too: its default first, the "
    "others drawn at random."
)
HOW = (
    "Generated pairs with every term of the score planted in equal shares. Mean ± SD over data sets, 95 % interval in "
    "brackets. Difference: R2 of `afclnet` minus this one's, paired by data set, p of the sign-flip test after Holm's "
    "correction over the table. Published: MAE / MSE / R2 on 2,200 pairs that are not public: for orientation only. "
    "Every score is calibrated alike on the second part of the split, but for `afclnet-paper`, which stops early on it."
)
HOW_LABELLED = (
    "Grouped cross-validation within train; tuning happens inside the fitted part of every fold. Mean, 95 % interval "
    "in brackets (mAP: over queries, else over source videos). AFCLNet's paper has no figures on EmoMV."
)
HOW_TESTS = (
    "`afclnet` minus the other on the same queries and pairs, with 95 % interval, p of the sign-flip test, and p after "
    "Holm's correction within the measure."
)
HOW_CHOSEN = (
    "What the search chose. Quality: on generated pairs R2 on a data set of its own, on EmoMV-C mAP (mean of both "
    "directions) plus AUC on an inner fold of the fitted pairs. The chosen quality is the best of all trials, so it "
    "leans optimistic; the tables above do not."
)


class Chosen(NamedTuple):
    """A search: on which data, for which system, and what it found."""

    where: str
    name: str
    tuned: Tuned


@dataclass(frozen=True)
class Comparison:
    """A run of the suite: what was asked for, what is compared, what is kept, and what tuning has chosen so far."""

    asked: Asked
    compared: Mapping[str, str | None]
    seeds: range
    kept: Kept
    chosen: list[Chosen] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The systems that there are."""
        return [name for name in self.compared if name in SYSTEMS]

    def tune(self, where: str, name: str, measure: Callable[[System], float]) -> System:
        """The system with the configuration that `measure` likes best."""
        best = tune(system(name), space(name), measure, trials=self.asked.trials)
        self.chosen.append(Chosen(where, name, best))
        return best.system


def run(asked: Asked, compared: Mapping[str, str | None] = COMPARED) -> Found:
    """The suite; without a folder of EmoMV the generated pairs alone."""
    seeds = asked.numbers(SEEDS, least=2)
    this = Comparison(asked, compared, seeds, Kept(asked.out, asked.tick, _fits(asked, compared, seeds)))
    made = [_generated(this)]
    facts = [
        f"generated pairs: {asked.world.pairs} a data set, {len(seeds)} data sets, split 8:1:1; tuned on another one",
        f"tuning: {asked.trials} configurations of every system that has candidates",
    ]
    if asked.data is None:
        facts.append("EmoMV-C: not run (no folder of it was given)")
    else:
        bench = Bench(labelled.emomv_c(asked.data), "clean", "folds", asked.folds)
        made += _labelled(this, bench)
        facts.append(
            f"EmoMV-C: revision `{bench.dataset.revision[:16]}`, {asked.folds} grouped folds of train, 1 partition; "
            f"tuned on one of {labelled.INNER} inner folds of the fitted pairs"
        )
    tables = [*made, _choices(this.chosen)]
    configurations = {f"{c.name}, {c.where}": repr(c.tuned.system) for c in this.chosen}
    return Found("AFCLNet and its rivals, tuned alike", SHORT, facts, tables, this.kept, configurations)


def _fits(asked: Asked, compared: Mapping[str, str | None], seeds: range) -> int:
    """About how many fits there are to do: those that cannot run are counted too."""
    names = [name for name in compared if name in SYSTEMS]
    searched = asked.trials * sum(bool(space(name)) for name in names)
    folds = asked.folds * FOLD_SEEDS if asked.data is not None else 0
    return searched * (1 + folds) + len(names) * (len(seeds) + folds)


def _generated(this: Comparison) -> Table:
    """The table of generated pairs."""
    found: dict[str, dict[str, Array]] = {}
    failed: dict[str, str] = {}
    for name in this.names:
        try:
            found[name] = _on_generated(this, name)
        except InputError as error:
            failed[name] = rated.cannot(error)
    others = {name: one for name, one in found.items() if name != FIRST}
    less = rated.differences(found[FIRST], others) if FIRST in found else {}
    columns = (*rated.MEASURES, f"R2: {FIRST} minus this", "published")
    rows = [Row("chance: a constant score", dict(rated.constant(this.asked.world, this.seeds)), "chance")]
    for name in this.names:
        cells: dict[str, Cell] = dict(rated.cells(found[name])) if name in found else {columns[0]: failed[name]}
        rows.append(Row(name, cells | {columns[-2]: less.get(name), "published": _published(this.compared[name])}))
    return Table("Generated pairs", HOW, columns, rows)


def _published(name: str | None) -> str | None:
    return None if name is None else figures_cell(PUBLISHED.get(name, NOT_GIVEN))


def _on_generated(this: Comparison, name: str) -> dict[str, Array]:
    """Figures of the tuned system over data sets; those of the paper's recipe as it is, over few."""
    world = this.asked.world
    if name == PAPER:
        slow = Contender(name, AFCLNet(PAPER, PAPER_SMALL), stops=True)
        return rated.runs(this.kept, slow, world, seeds=this.seeds[:PAPER_SEEDS])
    if not rated.learns_scores(system(name)):
        raise InputError("it learns from emotion labels, which ratings do not have")

    def on_development(candidate: System) -> float:
        return rated.fit(this.kept, Contender(name, candidate), world, number=DEVELOPMENT, seed=0)["R2"]

    best = this.tune("generated", name, on_development)
    return rated.runs(this.kept, Contender(name, best), world, seeds=this.seeds)


def _labelled(this: Comparison, bench: Bench) -> Iterator[Table]:
    """The table of EmoMV-C, and the paired tests."""
    scored: dict[str, summary.Scored] = {}
    rows = [Row("chance", dict(summary.chance(bench, range(FOLD_SEEDS))), "chance")]
    columns = ("accuracy", "F1", "AUC", "R2", *RANKED)
    for name in this.names:
        try:
            scored[name] = _on_folds(this, bench, name)
            rows.append(Row(name, labelled.cells(scored[name])))
        except InputError as error:
            rows.append(Row(name, {columns[0]: rated.cannot(error)}))
    yield Table("EmoMV-C, folds of train", HOW_LABELLED, columns, rows)
    if FIRST in scored and len(scored) > 1:
        yield _tests(scored)


def _on_folds(this: Comparison, bench: Bench, name: str) -> summary.Scored:
    """What the system left behind that is tuned anew inside every fold."""
    place = Place(this.asked.out / "emomv-c", this.asked.reason)

    def inside(seed: int, fold: int) -> System:
        if name == PAPER:
            return AFCLNet(PAPER, PAPER_SMALL)
        if not space(name):
            return system(name)
        return _tuned_inside(this, bench, name, Trial(name, seed, fold))

    outcomes = labelled.trials_of(bench, name, inside, seeds=range(FOLD_SEEDS), place=place, kept=this.kept)
    return summary.collect_scores(bench, outcomes)


def _tuned_inside(this: Comparison, bench: Bench, name: str, trial: Trial) -> System:
    """The system tuned on an inner fold of what the trial fits on."""
    train = bench.task(trial.seed, trial.fold).train

    def on_inner_fold(candidate: System) -> float:
        facts = ("emomv-c", bench.dataset.revision, bench.folds, trial, labelled.INNER, repr(candidate))
        what = f"{name}, tuning on emomv-c, fold {trial.fold}"
        found = this.kept(what, facts, lambda: {"quality": labelled.inner_quality(candidate, train, trial.seed)})
        return found["quality"]

    return this.tune(f"emomv-c, fold {trial.fold}", name, on_inner_fold)


def _tests(scored: Mapping[str, summary.Scored]) -> Table:
    """`afclnet` against every other; `significance` gives the other minus it, which is turned around."""
    columns = ("measure", "difference", "p", "p (Holm)")
    rows = []
    for test in summary.significance(scored, FIRST):
        turned = f"{-test['difference']:+.3f} [{-test['high_95']:+.3f}, {-test['low_95']:+.3f}]"
        found = (test["measure"], turned, rendering.p_value(test["p"]), rendering.p_value(test["p_holm"]))
        rows.append(Row(f"{FIRST} - {test['a']}", dict(zip(columns, found, strict=True))))
    return Table("EmoMV-C, paired tests", HOW_TESTS, columns, rows, "systems")


def _choices(found: Sequence[Chosen]) -> Table:
    columns = ("data", "tried", "quality of the default", "of the chosen", "chosen")
    rows = []
    for where, name, tuned in found:
        values = ", ".join(f"`{field} = {value}`" for field, value in tuned.values.items()) or "the default"
        chosen = values if tuned.trials > 1 else "no candidates"
        cells: tuple[Cell, ...] = (where, str(tuned.trials), tuned.default, tuned.quality, chosen)
        rows.append(Row(name, dict(zip(columns, cells, strict=True))))
    return Table("What the tuning chose", HOW_CHOSEN, columns, rows)
