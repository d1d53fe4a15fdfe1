"""`recommend train tagger` and `recommend dataset tag`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.console import TABLE, FormatOption, argument, command_line, option, write, write_list
from recommender.outputs.listing import facts
from recommender.outputs.progress import Progress

if TYPE_CHECKING:
    from training.types import Dataset

TRAIN_HELP = (
    "Train a tagger: emotions of media by picture, by sound and by both, for `dataset tag`.\n\n"
    "Example: recommend train tagger --dataset my-dataset --out my-tagger"
)
TAG_HELP = (
    "Label media with a tagger: a table for `dataset build` with what its three models agree on.\n\n"
    "Every file gets one label: cut long ones into segments first (film_00.mp4, film_01.mp4, ... are of one source). "
    "All opinions go to LABELS.opinions.csv. A stopped run goes on.\n\n"
    "Example: recommend dataset tag ~/Clips --tagger my-tagger --out labels.csv"
)


def add_tagger(train: typer.Typer, dataset: typer.Typer, load: "Callable[[str, Path | None], Dataset]") -> None:
    """Add both commands to their groups; `load` gives a data set by name or folder and EmoMV's folder."""

    def train_tagger(
        dataset: Annotated[str, option("emomv-c, or a folder made by `dataset build`.")],
        out: Annotated[Path, option("Model folder to write.")],
        data: Annotated[Path | None, option("Folder of EmoMV in its published layout.")] = (None),
        name: Annotated[str | None, option("Name of the tagger (default: the folder's).")] = None,
        seed: Annotated[int, option("Seed of the fit.", min=0)] = 0,
        seeds: Annotated[int, option("Repetitions of the grouped cross-validation.", min=1)] = 1,
    ) -> None:
        from training.tagger.learn import train_tagger as learn

        loaded, command = load(dataset, data), command_line()
        with Progress("training") as progress:
            learn(loaded, out, command, name, seed, range(seeds), tick=progress.stage)
        write((out / "card.md").read_text(encoding="utf-8"))

    train.command("tagger", help=TRAIN_HELP)(train_tagger)
    dataset.command("tag", help=TAG_HELP)(dataset_tag)


def dataset_tag(
    folder: Annotated[Path, argument("Folder of media with picture and sound.")],
    tagger: Annotated[str, option("Folder of a tagger made by `train tagger`.")],
    out: Annotated[Path, option("Table to write, ending in .csv.")] = Path("labels.csv"),
    workers: Annotated[int, option("Processes that measure media.", min=1)] = 1,
    force: Annotated[bool, option("Write over tables that are there already.", "--force")] = False,
    format: FormatOption = TABLE,
) -> None:
    from training.tagger.media import tag_folder
    from training.tagger.model import load

    with Progress("tagging") as progress:
        report = tag_folder(folder, load(tagger), out, workers, progress.stage, force)
    for reason in report.failed.values():
        typer.echo(f"failed: {reason}", err=True)
    write_list(facts(report.as_dict()), format)
