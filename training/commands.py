"""`recommend train|dataset|benchmark|eval`: fit models, build datasets, measure."""

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.console import Format, FormatOption, group, write, write_json, write_rows
from recommender.errors import InputError
from training.dataset_commands import Classes, dataset_app
from training.tagger.commands import add_tagger

if TYPE_CHECKING:
    from training.types import Dataset, Extra, System

app = group("Train the models that come with the package.", no_args_is_help=True)


class Protocol(StrEnum):
    clean = "clean"
    paper = "paper"


class Split(StrEnum):
    published = "published"
    folds = "folds"


@app.command(
    "affect",
    help="Train the built-in affect model from rated pictures and rated music.\n\n"
    "Example: recommend train affect --data ../shared/data --out my-model",
)
def train_affect(
    data: Annotated[Path, typer.Option(readable=False, help="Folder with oasis/, vgmidi/ and, for checks, pmemo320/.")],
    out: Annotated[Path, typer.Option(readable=False, help="Model folder to write.")] = Path("model"),
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions of the grouped cross-validation.")] = 5,
    soundfont: Annotated[Path | None, typer.Option(readable=False, help="Soundfont to render the MIDI with.")] = None,
) -> None:
    from recommender.outputs.progress import Progress
    from training.affect.train import train_affect as train

    with Progress("training") as progress:
        train(data, out, seeds, soundfont, on_progress=progress.stage)
    write((out / "card.md").read_text(encoding="utf-8"))


@app.command(
    "retrieval",
    help="Train a retrieval model on a dataset of matched pairs and save it as a model folder.\n\n"
    "Example: recommend train retrieval --dataset emomv-c --data ../shared/data/emomv --out my-retrieval",
)
def train_retrieval(
    dataset: Annotated[str, typer.Option(help="emomv-a, emomv-b, emomv-c, or a folder made by `dataset build`.")],
    out: Annotated[Path, typer.Option(readable=False, help="Model folder to write.")],
    data: Annotated[Path | None, typer.Option(readable=False, help="Folder of EmoMV in its published layout.")] = None,
    system: Annotated[
        str, typer.Option(help="What to fit: a system with vectors, or a fusion (`benchmark` lists all).")
    ] = ("predicted"),
    name: Annotated[str | None, typer.Option(help="Name of the model and its space (default: the folder's).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the fit.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions of the grouped cross-validation.")] = 3,
    extra: Annotated[bool, typer.Option(help="Give the system the labelled music of EmoMV-B as well.")] = False,
    evaluate: Annotated[
        str | None,
        typer.Option(help="Score the saved model on the evaluated part as well; the value says why, for the log."),
    ] = None,
) -> None:
    from recommender.outputs.progress import Progress
    from training.retrieval.train import train_retrieval as train
    from training.systems import system as one

    loaded, more = _load(dataset, data), _further(data) if extra else None
    command = shlex.join(["recommend", *sys.argv[1:]])
    with Progress("training") as progress:
        model = train(loaded, one(system), out, command, name, seed, more, range(seeds), evaluate, progress.stage)
    write(model.card())


@app.command(
    "afclnet",
    help="Train AFCLNet on a table of rated pairs of your own clips and music; or, with --data, on rated pictures and "
    "rated music, for a model that predicts affect.\n\n"
    "Example: recommend train afclnet --pairs pairs.csv --out my-model\n\n"
    "Example: recommend train afclnet --data ../shared/data --out my-model",
)
def train_afclnet(
    out: Annotated[Path, typer.Option(readable=False, help="Model folder to write.")],
    pairs: Annotated[
        Path | None,
        typer.Option(readable=False, help="CSV: video, music, score (0-1 or 1-5), and affect as video_X, music_X."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(readable=False, help="Folder with oasis/ and vgmidi/, instead of --pairs.")
    ] = None,
    model: Annotated[str, typer.Option(help="With --data: the affect model to extend, by name or folder.")] = "builtin",
    name: Annotated[str | None, typer.Option(help="Name of the model and its space (default: the folder's).")] = None,
    seed: Annotated[int, typer.Option(help="Deals the folds of --pairs and draws the weights.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="With --data: repetitions of the cross-validation.")] = 3,
    soundfont: Annotated[
        Path | None, typer.Option(readable=False, help="With --data: soundfont to render the MIDI with.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="With --pairs: processes that measure media.")] = 1,
) -> None:
    from recommender.outputs.progress import Progress

    command = shlex.join(["recommend", *sys.argv[1:]])
    failed: dict[str, str] = {}
    with Progress("training") as progress:
        if pairs is not None and data is None:
            from training.retrieval.train_rated import train_rated

            rated = train_rated(pairs, out, command, name, seed, workers, progress.stage)
            card, failed = rated.model.card(), rated.failed
        elif data is not None and pairs is None:
            from training.reranking.train import train_builtin

            trained = train_builtin(data, out, command, model, name, seed, seeds, soundfont, tick=progress.stage)
            card = trained.card()
        else:
            raise InputError("give either --pairs TABLE (your rated pairs) or --data FOLDER (rated pictures and music)")
    for reason in failed.values():
        typer.echo(f"failed: {reason}", err=True)
    write(card)


def benchmark(
    dataset: Annotated[
        str | None, typer.Option(help="emomv-a, emomv-b, emomv-c, or a folder made by `dataset build`.")
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(help="Instead of --dataset: afclnet-ablation, emomv-tables or matching-baselines."),
    ] = None,
    data: Annotated[Path | None, typer.Option(readable=False, help="Folder of EmoMV in its published layout.")] = None,
    systems: Annotated[
        str | None, typer.Option(help="`all` (unless --model is given), or names and suites separated by commas.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="A saved retrieval model, by name or folder, to score as it is; repeat for several."),
    ] = None,
    protocol: Annotated[
        Protocol, typer.Option(help="clean: nothing of the evaluated items is used; paper: stopping on them.")
    ] = Protocol.clean,
    split: Annotated[
        Split, typer.Option(help="published: the published sets; folds: grouped cross-validation within train.")
    ] = Split.published,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Seeds 0, 1, ... of every system (10; a suite has its own number).")
    ] = None,
    trials: Annotated[
        int, typer.Option(min=1, help="With --suite matching-baselines: configurations each system is tuned over.")
    ] = 12,
    folds: Annotated[int, typer.Option(min=2, help="Folds of --split folds.")] = 5,
    against: Annotated[str | None, typer.Option(help="Compare every system with this one only.")] = None,
    stages: Annotated[
        list[str] | None,
        typer.Option(help="FIRST:SECOND: report what is won by rescoring FIRST's candidates with SECOND; repeatable."),
    ] = None,
    extra: Annotated[bool, typer.Option(help="Give systems the labelled music of EmoMV-B as well.")] = False,
    relevance: Annotated[
        Classes, typer.Option(help="Relevant is what shares the emotion (five), or is as positive or negative (three).")
    ] = Classes.five,
    reason: Annotated[str, typer.Option(help="Why the evaluated items are scored; goes to the log.")] = "benchmark",
    out: Annotated[Path, typer.Option(readable=False, help="Folder to write; a stopped run goes on there.")] = (
        Path("benchmark")
    ),
) -> None:
    from recommender.outputs.progress import Progress
    from training.evaluation.benchmark import benchmark as run
    from training.evaluation.stages import parse_pair
    from training.evaluation.trials import Bench
    from training.systems import systems as named

    command = shlex.join(["recommend", *sys.argv[1:]])
    if suite is not None and dataset is None:
        if systems or model or stages:
            raise InputError(
                "--suite has its own systems: leave --systems, --model and --stages out, or take --dataset"
            )
        _suite(suite, data, out, seeds, trials, reason, command)
        return
    if dataset is None or suite is not None:
        raise InputError("give either --dataset (with --systems) or --suite NAME")
    if dataset.startswith("emomv-"):
        _emomv(data)
    made = _saved(model or []) | named(systems or ("" if model else "all"))
    if against is not None and against not in made:
        raise InputError(f"--against {against}: not one of the systems to run ({', '.join(made)})")
    pairs = [parse_pair(text, list(made)) for text in dict.fromkeys(stages or [])]
    loaded = _load(dataset, data)
    more = _further(data) if extra else None
    _check_features(made, loaded)
    only_saved = bool(model) and not systems
    bench = Bench(loaded, protocol.value, split.value, folds, more, only_saved, relevance.value)
    with Progress("benchmark") as progress:
        run(bench, made, range(1 if only_saved else seeds or 10), out, command, against, reason, progress.stage, pairs)
    write((out / "report.md").read_text(encoding="utf-8"))


def _suite(name: str, data: Path | None, out: Path, seeds: int | None, trials: int, reason: str, command: str) -> None:
    """Run a suite and show its report."""
    from recommender.outputs.progress import Progress
    from training.evaluation.suites import Asked, run_suite

    with Progress(name) as progress:
        run_suite(name, Asked(out, data, seeds, trials, reason, progress.stage), command)
    write((out / "report.md").read_text(encoding="utf-8"))


def matching(
    out: Annotated[Path, typer.Option(readable=False, help="Folder to write matching.md and matching.json to.")],
    effects: Annotated[str, typer.Option(help="`all`, or effects to plant, separated by commas.")] = "all",
    seeds: Annotated[int, typer.Option(min=2, help="Generated data sets of every experiment.")] = 10,
    pairs: Annotated[int, typer.Option(min=100, help="Pairs of a data set.")] = 2200,
    table_seeds: Annotated[int, typer.Option(min=1, help="Data sets of the table of all recipes.")] = 10,
    paper_seeds: Annotated[int, typer.Option(min=1, help="Of the paper's slow recipe there.")] = 2,
) -> None:
    from recommender.outputs.progress import Progress
    from training.evaluation.matching import run_matching

    command = shlex.join(["recommend", *sys.argv[1:]])
    with Progress("matching") as progress:
        run_matching(out, effects, seeds, pairs, command, progress.stage, table_seeds, paper_seeds)
    write((out / "matching.md").read_text(encoding="utf-8"))


def _saved(names: list[str]) -> dict[str, "System"]:
    """Saved retrieval models as systems, by the models' names."""
    from recommender.model import Model
    from recommender.model.retrieval import RetrievalModel
    from training.retrieval.train import Saved

    made: dict[str, System] = {}
    for name in names:
        loaded = Model.load(name)
        if not isinstance(loaded, RetrievalModel):
            raise InputError(f"the model '{name}' does not read features of a dataset: only retrieval models do")
        if loaded.name in made:
            raise InputError(f"two models are called '{loaded.name}': train one of them under another --name")
        made[loaded.name] = Saved(loaded)
    return made


def _check_features(made: dict[str, "System"], dataset: "Dataset") -> None:
    """Saved models must read what the dataset holds."""
    from training.retrieval.train import Saved

    for one in made.values():
        if isinstance(one, Saved):
            one.model.check(dataset.features, dataset.name)


def _load(name: str, data: Path | None) -> "Dataset":
    """The dataset of that name, or in that folder."""
    from training.datasets import PAIRED, load_pairs

    if name.startswith("emomv-") and name in PAIRED:
        return load_pairs(name, _emomv(data))
    return load_pairs("built", Path(name))


def _further(data: Path | None) -> "Extra":
    """The labelled music of EmoMV-B."""
    from training.datasets.emomv import extra_music

    return extra_music(_emomv(data), "b")


def _emomv(data: Path | None) -> Path:
    if data is None:
        raise InputError("--data FOLDER is needed: where EmoMV lies in its published layout")
    return data


def evaluate(
    qrels: Annotated[Path, typer.Argument(readable=False, help="Judgements: query iteration document relevance.")],
    run: Annotated[Path, typer.Argument(readable=False, help="Run: query Q0 document rank score tag.")],
    measure: Annotated[list[str], typer.Option("-m", "--measure", help="mAP, top@1, nDCG@10, ...; repeatable.")] = [  # noqa: B006 (typer copies it)
        "mAP",
        "top@1",
        "top@5",
        "nDCG@10",
    ],
    format: FormatOption = Format.table,
) -> None:
    from training.evaluation.slices import number
    from training.evaluation.trec import evaluate_trec

    found = evaluate_trec(qrels, run, measure)
    if format is Format.json:
        write_json(
            {
                "means": {name: number(value) for name, value in found.means.items()},
                "queries": len(found.queries),
                "without_relevant": list(found.undefined),
                "missing_from_run": list(found.missing),
                "not_judged": list(found.unjudged),
            }
        )
        return
    write_rows([(name, f"{value:.4f}") for name, value in found.means.items()])
    for what, which in (
        ("without a relevant item (left out)", found.undefined),
        ("missing from the run (counted as nothing found)", found.missing),
        ("in the run but not judged (ignored)", found.unjudged),
    ):
        if which:
            typer.echo(f"{len(which)} queries {what}", err=True)


add_tagger(app, dataset_app, _load)

BENCHMARK_HELP = (
    "Fit systems on a dataset and report how good they are, beside chance and the published figures.\n\n"
    "Example: recommend benchmark --dataset emomv-c --data ../shared/data/emomv --systems all --seeds 10 --out results"
    "\n\nExample: recommend benchmark --suite matching-baselines --data ../shared/data/emomv --out matching-baselines"
)
MATCHING_HELP = (
    "Which parts of AFCLNet find the effects that were planted in generated pairs (slow: hours at the defaults).\n\n"
    "Example: recommend matching --out matching --effects perceptual --seeds 3 --table-seeds 1 --paper-seeds 1"
)
EVAL_HELP = (
    "Measures of a TREC run by TREC judgements.\n\n"
    "Example: recommend eval video-music.qrels system.run -m mAP -m top@1 --format json"
)
