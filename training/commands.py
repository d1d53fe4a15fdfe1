"""`recommend train ...`: fit the models that come with the package."""

from pathlib import Path
from typing import Annotated

import typer

from recommender.console import group, write

app = group("Train the models that come with the package.", no_args_is_help=True)


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
    from training.affect import train_affect as train

    with Progress("training") as progress:
        train(data, out, seeds, soundfont, on_progress=progress.stage)
    write((out / "card.md").read_text(encoding="utf-8"))
