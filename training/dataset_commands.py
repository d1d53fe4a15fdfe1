"""`recommend dataset build|tag`, `recommend features extract`: datasets of pairs, labels, and features, from media."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

from recommender.console import TABLE, FormatOption, group, rename_options, tell, write_list
from recommender.options import argument, option
from recommender.outputs.listing import facts
from recommender.outputs.progress import Progress

features_app = group("Measure media for other tools.", no_args_is_help=True)
dataset_app = group("Build datasets of matched and mismatched pairs.", no_args_is_help=True)


Classes = StrEnum("Classes", {"five": "five", "three": "three"})
Balance = StrEnum("Balance", {"returned": "return", "drop": "drop"})
BalanceOption = Annotated[Balance, option("Segments without a partner: back to matched, or dropped.")]
ExtractorOption = Annotated[
    str,
    option(
        "Features: builtin, efficientnet (pictures by EfficientNet-Lite2, music builtin), slowfast, slowfast-r101 or "
        "timesformer (each with VGGish), raw (frames and spectrogram), frames or spectrogram (the other side builtin), "
        "or two of `features extract`: VIDEO,MUSIC."
    ),
]


@dataset_app.command("build", context_settings=rename_options(encoder="extractor"))
def dataset_build(
    labels: Annotated[Path, argument("CSV with columns path, emotion, source.")],
    out: Annotated[Path, option("Folder to write.")],
    balance: BalanceOption = Balance.returned,
    seed: Annotated[int, option("Deals sources and partners.")] = 0,
    extractor: ExtractorOption = "builtin",
    max_per_source: Annotated[int | None, option("At most so many segments of one source.", min=1)] = None,
    validation: Annotated[float, option("Share of segments to validate on.", min=0, max=1)] = 0.2,
    workers: Annotated[int, option("Processes that measure media.", min=1)] = 1,
    classes: Annotated[
        Classes, option("five: the emotions; three: positive, neutral, negative (an emotion counts as its).")
    ] = Classes.five,
    format: FormatOption = TABLE,
) -> None:
    """Pair labelled media into matched and mismatched pairs with features, in EmoMV's layout.

    Example: recommend dataset build labels.csv --out my-dataset --balance drop"""
    from training.construction import build

    pair = partial(build, labels, out, balance.value, seed=seed, extractor=extractor, classes=classes.value)
    with Progress("measuring") as progress:
        tick = partial(progress.stage, "measuring")
        report = pair(max_per_source=max_per_source, validation=validation, workers=workers, on_progress=tick)
    write_list(facts(report.as_dict()), format)


@dataset_app.command("tag")
def dataset_tag(
    folder: Annotated[Path, argument("Folder of media with picture and sound.")],
    tagger: Annotated[str, option("Folder of a tagger made by `train tagger`.")],
    out: Annotated[Path, option("Table to write, ending in .csv.")] = Path("labels.csv"),
    workers: Annotated[int, option("Processes that measure media.", min=1)] = 1,
    force: Annotated[bool, option("Write over tables that are there already.", "--force")] = False,
    format: FormatOption = TABLE,
) -> None:
    """Label media with a tagger: a table for `dataset build` with what its three models agree on.

    Every file gets one label: cut long ones into segments first (film_00.mp4, film_01.mp4, ... are of one source). All
    opinions go to LABELS.opinions.csv. A stopped run goes on.

    Example: recommend dataset tag ~/Clips --tagger my-tagger --out labels.csv"""
    from training.tagger.media import tag_folder
    from training.tagger.model import load

    with Progress("tagging") as progress:
        report = tag_folder(folder, load(tagger), out, workers=workers, tick=progress.stage, force=force)
    for reason in report.failed.values():
        tell(f"failed: {reason}")
    write_list(facts(report.as_dict()), format)


@features_app.command("extract", context_settings=rename_options(encoder="extractor"))
def features_extract(
    folder: Annotated[Path, argument("Folder of media.")],
    extractor: Annotated[str, option("Features to measure, separated by commas.")],
    out: Annotated[Path, option("File to write: .parquet, .h5 or .npy.")],
    workers: Annotated[int, option("Processes that measure media.", min=1)] = 1,
    format: FormatOption = TABLE,
) -> None:
    """Measure every file of a folder and write the features as one table.

    Features: builtin-music, builtin-video, builtin-clip, efficientnet, vggish, slowfast, slowfast-r101, timesformer
    (the last four: `recommend models pull` first). FILE ends in .parquet (one table), .h5 or .npy (a matrix each, with
    the rows' names beside it). A stopped run goes on.

    Example: recommend features extract ~/Music --extractor vggish --out vggish.npy"""
    from training.construction.batch import extract_folder

    with Progress("measuring") as progress:
        names = [name.strip() for name in extractor.split(",")]
        done = extract_folder(folder, names, out, workers=workers, tick=progress.stage)
    for reason in done.failed.values():
        tell(f"failed: {reason}")
    written = [str(path) for path in done.written]
    write_list(facts({"written": written, "rows": done.rows, "measured": done.computed}), format)
