"""`recommend train tagger` and `recommend dataset tag`."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.console import Format, FormatOption, flat, write, write_json, write_rows

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
        dataset: Annotated[str, typer.Option(help="emomv-c, or a folder made by `dataset build`.")],
        out: Annotated[Path, typer.Option(readable=False, help="Model folder to write.")],
        data: Annotated[Path | None, typer.Option(readable=False, help="Folder of EmoMV in its published layout.")] = (
            None
        ),
        name: Annotated[str | None, typer.Option(help="Name of the tagger (default: the folder's).")] = None,
        seed: Annotated[int, typer.Option(min=0, help="Seed of the fit.")] = 0,
        seeds: Annotated[int, typer.Option(min=1, help="Repetitions of the grouped cross-validation.")] = 1,
    ) -> None:
        from recommender.outputs.progress import Progress
        from training.tagger.learn import train_tagger as learn

        loaded, command = load(dataset, data), shlex.join(["recommend", *sys.argv[1:]])
        with Progress("training") as progress:
            learn(loaded, out, command, name, seed, range(seeds), tick=progress.stage)
        write((out / "card.md").read_text(encoding="utf-8"))

    train.command("tagger", help=TRAIN_HELP)(train_tagger)
    dataset.command("tag", help=TAG_HELP)(dataset_tag)


def dataset_tag(
    folder: Annotated[Path, typer.Argument(readable=False, help="Folder of media with picture and sound.")],
    tagger: Annotated[str, typer.Option(help="Folder of a tagger made by `train tagger`.")],
    out: Annotated[Path, typer.Option(readable=False, help="Table to write, ending in .csv.")] = Path("labels.csv"),
    workers: Annotated[int, typer.Option(min=1, help="Processes that measure media.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Write over tables that are there already.")] = False,
    format: FormatOption = Format.table,
) -> None:
    from recommender.outputs.progress import Progress
    from training.tagger.media import tag_folder
    from training.tagger.model import load

    with Progress("tagging") as progress:
        report = tag_folder(folder, load(tagger), out, workers, progress.stage, force)
    for reason in report.failed.values():
        typer.echo(f"failed: {reason}", err=True)
    if format is Format.json:
        write_json(report.as_dict())
    else:
        write_rows(flat(report.as_dict()))
