"""`recommend train|dataset|benchmark|eval`: fit models, build datasets, measure."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from recommender.console import TABLE, FormatOption, command_line, group, tell, write, write_list
from recommender.errors import InputError
from recommender.options import Options, argument, option, setting, take_options
from recommender.outputs.listing import Listing, align
from recommender.outputs.progress import Progress
from training.dataset_commands import Classes

if TYPE_CHECKING:
    from recommender.model.retrieval import RetrievalModel
    from training.evaluation.trials import Bench
    from training.types import Dataset, Extra, System, Tick

app = group("Train the models that come with the package.", no_args_is_help=True)


Protocol = StrEnum("Protocol", {"clean": "clean", "paper": "paper", "transfer": "transfer"})
Split = StrEnum("Split", {"published": "published", "folds": "folds"})
MEASURES = ["mAP", "top@1", "top@5", "nDCG@10"]
DATASETS = "emomv-a, emomv-b, emomv-c, or a folder made by `dataset build`."
EmomvOption = Annotated[Path | None, option("Folder of the data set (EmoMV: in its published layout).")]
ModelFolderOption = Annotated[Path, option("Model folder to write.")]
SystemOption = Annotated[str, option("What to fit: a system with vectors, or a fusion (`benchmark` lists all).")]
NameOption = Annotated[str | None, option("Name of the model and its space (default: the folder's).")]
RatedPairsOption = Annotated[
    Path | None, option("CSV: video, music, score (0-1 or 1-5), and affect as video_X, music_X.")
]
RatedDataOption = Annotated[Path | None, option("Folder with oasis/ and vgmidi/, instead of --pairs.")]
EvaluateOption = Annotated[
    str | None, option("Score the saved model on the evaluated part as well; the value says why, for the log.")
]


@app.command("affect")
def train_affect(
    data: Annotated[Path, option("Folder with oasis/, vgmidi/ and, for checks, pmemo320/.")],
    out: ModelFolderOption = Path("model"),
    seeds: Annotated[int, option("Repetitions of the grouped cross-validation.", min=1)] = 5,
    soundfont: Annotated[Path | None, option("Soundfont to render the MIDI with.")] = None,
) -> None:
    """Train the built-in affect model from rated pictures and rated music.

    Example: recommend train affect --data ../shared/data --out my-model"""
    from training.affect.train import train_affect as train

    with Progress("training") as progress:
        train(data, out, seeds, soundfont=soundfont, on_progress=progress.stage)
    write((out / "card.md").read_text(encoding="utf-8"))


@app.command("retrieval")
def train_retrieval(
    dataset: Annotated[str, option(DATASETS + " Several, separated by commas, are learnt from together.")],
    out: ModelFolderOption,
    data: EmomvOption = None,
    system: SystemOption = "predicted",
    name: NameOption = None,
    seed: Annotated[int, option("Seed of the fit.")] = 0,
    seeds: Annotated[int, option("Repetitions of the grouped cross-validation.", min=1)] = 3,
    extra: Annotated[bool, option("Give labelled music without pictures too: EmoMV-B's, or the sets' own.")] = False,
    evaluate: EvaluateOption = None,
) -> None:
    """Train a retrieval model on a dataset of matched pairs and save it as a model folder.

    Example: recommend train retrieval --dataset emomv-c --data ../shared/data/emomv --out my-retrieval

    Example: recommend train retrieval --dataset emomv-b,emomv-c --data ../shared/data/emomv --out my-retrieval"""
    from training.retrieval.train import train_retrieval as train
    from training.systems import system as one

    more: dict[str, Any] = {}
    if "," in dataset:
        loaded = _gather(dataset, data)
        more = {"further": extra}
    else:
        loaded = _load(dataset, data)
        more = {"extra": _further(data)} if extra else {}
    fit = partial(train, loaded, one(system), out, command=command_line(), name=name, seed=seed)
    with Progress("training") as progress:
        model = fit(**more, seeds=range(seeds), reason=evaluate, tick=progress.stage)
    write(model.card())


@app.command("adapt")
def train_adapt(
    out: ModelFolderOption,
    clips: Annotated[str | None, option("Your clips, 20 or more: a folder, a list of paths, or a data set.")] = None,
    pairs: RatedPairsOption = None,
    dataset: Annotated[str | None, option("Instead of --pairs: all pairs of " + DATASETS)] = None,
    data: EmomvOption = None,
    model: Annotated[str, option("The retrieval model to adapt, by name or folder.")] = "emomv",
    name: NameOption = None,
    seed: Annotated[int, option("Seed that deals the folds.")] = 0,
    workers: Annotated[int, option("Processes that measure media.", min=1)] = 1,
) -> None:
    """Move a retrieval model to where your clips lie (--clips), and towards your own pairs of clips and music (--pairs;
    20 to some thousands) as far as that helps: nothing is written where held-out pairs do not show it.

    Example: recommend train adapt --model emomv --clips ~/Videos --out mine

    Example: recommend train adapt --model emomv --pairs mine.csv --out mine"""
    from training.datasets import is_set
    from training.learning.model_folder import writable
    from training.retrieval.adapt import adapt
    from training.retrieval.own_clips import centre, read_clips, save_centred, take_clips
    from training.retrieval.own_pairs import Measuring, read_own, take_own

    if (pairs is not None and dataset is not None) or (pairs, dataset, clips) == (None, None, None):
        raise InputError("give --clips (your clips), either --pairs TABLE (your own pairs) or --dataset NAME, or both")
    base = _retrieval_model(model)
    writable(out)
    with Progress("adapting") as progress:
        how = Measuring(out / "cache", workers, progress.stage, progress.note)
        if clips is not None:
            found = take_clips(_load(clips, data), base) if is_set(clips) else read_clips(Path(clips), base, how)
            base = centre(base, found)
        if (pairs, dataset) == (None, None):
            made = save_centred(base, out, command=command_line(), name=name)
        else:
            own = take_own(_load(str(dataset), data), base) if pairs is None else read_own(pairs, base, how)
            made = adapt(base, own, out, command=command_line(), name=name, seed=seed, tick=progress.stage)
    write(made.card())


@app.command("afclnet")
def train_afclnet(
    out: ModelFolderOption,
    pairs: RatedPairsOption = None,
    data: RatedDataOption = None,
    model: Annotated[str, option("With --data: the affect model to extend, by name or folder.")] = "builtin",
    name: NameOption = None,
    seed: Annotated[int, option("Deals the folds of --pairs and draws the weights.")] = 0,
    seeds: Annotated[int, option("With --data: repetitions of the cross-validation.", min=1)] = 3,
    soundfont: Annotated[Path | None, option("With --data: soundfont to render the MIDI with.")] = None,
    workers: Annotated[int, option("With --pairs: processes that measure media.", min=1)] = 1,
) -> None:
    """Train AFCLNet on a table of rated pairs of your own clips and music; or, with --data, on rated pictures and rated
    music, for a model that predicts affect.

    Example: recommend train afclnet --pairs pairs.csv --out my-model

    Example: recommend train afclnet --data ../shared/data --out my-model"""
    command = command_line()
    failed: dict[str, str] = {}
    with Progress("training") as progress:
        tick = progress.stage
        if pairs is not None and data is None:
            from training.retrieval.train_rated import train_rated

            rated = train_rated(pairs, out, command, name=name, seed=seed, workers=workers, tick=tick)
            card, failed = rated.model.card(), rated.failed
        elif data is not None and pairs is None:
            from training.reranking.train import train_builtin

            trained = train_builtin(
                data, out, command, base=model, name=name, seed=seed, seeds=seeds, soundfont=soundfont, tick=tick
            )
            card = trained.card()
        else:
            raise InputError("give either --pairs TABLE (your rated pairs) or --data FOLDER (rated pictures and music)")
    for reason in failed.values():
        tell(f"failed: {reason}")
    write(card)


@app.command("tagger")
def train_tagger(
    dataset: Annotated[str, option("emomv-c, or a folder made by `dataset build`.")],
    out: ModelFolderOption,
    data: EmomvOption = None,
    name: Annotated[str | None, option("Name of the tagger (default: the folder's).")] = None,
    seed: Annotated[int, option("Seed of the fit.", min=0)] = 0,
    seeds: Annotated[int, option("Repetitions of the grouped cross-validation.", min=1)] = 1,
) -> None:
    """Train a tagger: emotions of media by picture, by sound and by both, for `dataset tag`.

    Example: recommend train tagger --dataset my-dataset --out my-tagger"""
    from training.tagger.learn import train_tagger as learn

    loaded, command = _load(dataset, data), command_line()
    with Progress("training") as progress:
        learn(loaded, out, command, name=name, seed=seed, seeds=range(seeds), tick=progress.stage)
    write((out / "card.md").read_text(encoding="utf-8"))


class BenchmarkOptions(Options):
    """What is measured, on what, and how."""

    dataset: str | None = setting(DATASETS + " With --protocol transfer: several, separated by commas.")
    suite: str | None = setting("Instead of --dataset: afclnet-ablation, emomv-tables or matching-baselines.")
    data: EmomvOption = None
    systems: str | None = setting("`all` (unless --model is given), or names and suites separated by commas.")
    model: list[str] | None = setting(
        "A saved retrieval model, by name or folder, to score as it is; repeat for several."
    )
    protocol: Protocol = setting(
        "clean: nothing of the evaluated items is used; paper: stopping on them; transfer: each of several sets is left"
        " out and scored by what the others taught.",
        Protocol.clean,
    )
    split: Split = setting(
        "published: the published sets; folds: grouped cross-validation within train.", Split.published
    )
    seeds: int | None = setting("Seeds 0, 1, ... of every system (10; a suite has its own number).", min=1)
    trials: int = setting("With --suite matching-baselines: configurations each system is tuned over.", 12, min=1)
    folds: int = setting("Folds of --split folds.", 5, min=2)
    against: str | None = setting("Compare every system with this one only.")
    stages: list[str] | None = setting(
        "FIRST:SECOND: report what is won by rescoring FIRST's candidates with SECOND; repeatable."
    )
    extra: bool = setting(
        "Give systems the labelled music of EmoMV-B as well (transfer: of the sets' parts without pictures).", False
    )
    relevance: Classes = setting(
        "Relevant is what shares the emotion (five), or is as positive or negative (three).", Classes.five
    )
    reason: str = setting("Why the evaluated items are scored; goes to the log.", "benchmark")
    out: Path = setting("Folder to write; a stopped run goes on there.", Path("benchmark"))


@take_options
def benchmark(asked: BenchmarkOptions) -> None:
    """Fit systems on a dataset and report how good they are, beside chance and the published figures.

    Example: recommend benchmark --dataset emomv-c --data ../shared/data/emomv --systems all --seeds 10 --out results

    Example: recommend benchmark --protocol transfer --dataset emomv-b,emomv-c --data ../shared/data/emomv --out moved

    Example: recommend benchmark --suite matching-baselines --data ../shared/data/emomv --out matching-baselines"""
    command = command_line()
    if (asked.dataset is None) == (asked.suite is None):
        raise InputError("give either --dataset (with --systems) or --suite NAME")
    with Progress(asked.suite or "benchmark") as progress:
        if asked.suite is not None:
            _run_suite(asked.suite, asked, command, tick=progress.stage)
        else:
            _run_systems(asked, command, tick=progress.stage)
    write((asked.out / "report.md").read_text(encoding="utf-8"))


def _run_suite(name: str, asked: BenchmarkOptions, command: str, tick: "Tick") -> None:
    """Run a suite, whose systems are its own."""
    from training.evaluation.suites import Asked, run_suite

    if asked.systems or asked.model or asked.stages:
        raise InputError("--suite has its own systems: leave --systems, --model and --stages out, or take --dataset")
    run_suite(name, Asked(asked.out, asked.data, asked.seeds, asked.trials, asked.reason, tick), command)


def _run_systems(asked: BenchmarkOptions, command: str, tick: "Tick") -> None:
    """Run systems on a dataset."""
    from training.evaluation.benchmark import benchmark as run
    from training.evaluation.saved import Saved
    from training.evaluation.stages import parse_pair
    from training.systems import systems as named

    name, against = str(asked.dataset), asked.against
    if name.startswith("emomv-"):
        _emomv(asked.data)
    made = _saved_systems(asked.model or []) | named(asked.systems or ("" if asked.model else "all"))
    if against is not None and against not in made:
        raise InputError(f"--against {against}: not one of the systems to run ({', '.join(made)})")
    pairs = [parse_pair(text, list(made)) for text in dict.fromkeys(asked.stages or [])]
    saved = bool(asked.model) and not asked.systems
    bench = _bench(asked, name, saved)
    for one in made.values():
        if isinstance(one, Saved):
            one.model.check(bench.dataset.features, bench.dataset.name)
    seeds = range(1 if saved else asked.seeds or 10)
    run(
        bench, made, seeds, out=asked.out, command=command, against=against, reason=asked.reason, tick=tick, pairs=pairs
    )


def _bench(asked: BenchmarkOptions, name: str, saved: bool) -> "Bench":
    """The bench that was asked for, on the data set `name`, or on the sets it lists."""
    from training.evaluation.trials import Bench

    if asked.protocol.value == "transfer":
        loaded = _gather(name, asked.data)
        return Bench(
            loaded, "transfer", "collections", saved=saved, relevance=asked.relevance.value, further=asked.extra
        )
    more = _further(asked.data) if asked.extra else None
    loaded = _load(name, asked.data)
    return Bench(loaded, asked.protocol.value, asked.split.value, asked.folds, more, saved, asked.relevance.value)


def matching(
    out: Annotated[Path, option("Folder to write matching.md and matching.json to.")],
    effects: Annotated[str, option("`all`, or effects to plant, separated by commas.")] = "all",
    seeds: Annotated[int, option("Generated data sets of every experiment.", min=2)] = 10,
    pairs: Annotated[int, option("Pairs of a data set.", min=100)] = 2200,
    table_seeds: Annotated[int, option("Data sets of the table of all recipes.", min=1)] = 10,
    paper_seeds: Annotated[int, option("Of the paper's slow recipe there.", min=1)] = 2,
) -> None:
    """Which parts of AFCLNet find the effects that were planted in generated pairs (slow: hours at the defaults).

    Example: recommend matching --out matching --effects perceptual --seeds 3 --table-seeds 1 --paper-seeds 1"""
    from training.evaluation.matching import run_matching

    run = partial(run_matching, out, effects, seeds, pairs=pairs, command=command_line())
    with Progress("matching") as progress:
        run(tick=progress.stage, table_seeds=table_seeds, paper_seeds=paper_seeds)
    write((out / "matching.md").read_text(encoding="utf-8"))


def _retrieval_model(name: str) -> "RetrievalModel":
    """The retrieval model of that name, or in that folder."""
    from recommender.model import Model
    from recommender.model.retrieval import RetrievalModel

    loaded = Model.load(name)
    if not isinstance(loaded, RetrievalModel):
        raise InputError(f"the model '{name}' does not read features of a dataset: only retrieval models do")
    return loaded


def _saved_systems(names: list[str]) -> dict[str, "System"]:
    """Saved retrieval models as systems, by the models' names."""
    from training.evaluation.saved import Saved

    made: dict[str, System] = {}
    for name in names:
        loaded = _retrieval_model(name)
        if loaded.name in made:
            raise InputError(f"two models are called '{loaded.name}': train one of them under another --name")
        made[loaded.name] = Saved(loaded)
    return made


def _load(name: str, data: Path | None) -> "Dataset":
    """The dataset of that name, or in that folder."""
    from training.datasets import PAIRED, load_pairs

    if name in PAIRED and name != "built":
        return load_pairs(name, _emomv(data))
    return load_pairs("built", Path(name))


def _gather(names: str, data: Path | None) -> "Dataset":
    """The data sets of a list with commas between as one of several collections."""
    from training.datasets.collections import gather

    return gather([_load(name.strip(), data) for name in names.split(",") if name.strip()])


def _further(data: Path | None) -> "Extra":
    """The labelled music of EmoMV-B."""
    from training.datasets.emomv import extra_music

    return extra_music(_emomv(data), "b")


def _emomv(data: Path | None) -> Path:
    if data is None:
        raise InputError("--data FOLDER is needed: where the data set lies (EmoMV: in its published layout)")
    return data


def evaluate(
    qrels: Annotated[Path, argument("Judgements: query iteration document relevance.")],
    run: Annotated[Path, argument("Run: query Q0 document rank score tag.")],
    measure: Annotated[list[str], option("mAP, top@1, nDCG@10, ...; repeatable.", "-m", "--measure")] = MEASURES,
    format: FormatOption = TABLE,
) -> None:
    """Measures of a TREC run by TREC judgements.

    Example: recommend eval video-music.qrels system.run -m mAP -m top@1 --format json"""
    from training.evaluation.slices import number
    from training.evaluation.trec import evaluate_trec

    found = evaluate_trec(qrels, run, measure)
    means = {name: number(mean) for name, mean in found.means.items()}
    apart = {
        "without_relevant": ("without a relevant item (left out)", found.undefined),
        "missing_from_run": ("missing from the run (counted as nothing found)", found.missing),
        "not_judged": ("in the run but not judged (ignored)", found.unjudged),
    }
    value = {"means": means, "queries": len(found.queries)} | {name: list(which) for name, (_, which) in apart.items()}
    rows = [{"measure": name, "value": mean} for name, mean in means.items()]
    text = align([(name, f"{mean:.4f}") for name, mean in found.means.items()])
    write_list(Listing(value, rows, ("measure", "value"), text), format)
    for what, which in apart.values():
        if which and format != "json":
            tell(f"{len(which)} queries {what}")
