"""The `recommend` command: reads arguments, calls one function, renders. Heavy imports wait until needed.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 something failed, 2 wrong usage.
"""

import atexit
import gc
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from indexing.commands.beats import app as index_app
from indexing.commands.query import query
from recommender.commands import app as models_app
from recommender.console import FAILED, OK, TABLE, USAGE, FormatOption, group, tell, word_as_options, write, write_list
from recommender.errors import CliptuneError, InputError
from recommender.options import argument
from recommender.outputs.listing import facts
from recommender.text import show
from training import commands as training_commands
from training.dataset_commands import dataset_app, features_app

HELP = """Music for your video by emotion: ranked, explained tracks from your own library.

\b
Examples:
  recommend --video clip.mp4 --music ~/Music
  recommend index add ~/Music && recommend --video clip.mp4 --top 5 --format json
  recommend --video clip.mp4 --like reference.mp3 --like-weight 0.3
  recommend --track song.mp3 --library my-clips
  recommend --video clip.mp4 --library film --calibrate-on-library
  recommend --video pictures/ --slideshow 4
  recommend --video clip.mp4 --top 3 --figures
  recommend --video clip.mp4 --bpm 90-130 --half-double --key "A minor" --duration 2:30- --exclude ~/Music/Christmas
"""

app = group(HELP)
app.callback(invoke_without_command=True)(query)
app.add_typer(index_app, name="index")
app.add_typer(models_app, name="models")
app.add_typer(training_commands.app, name="train")
app.add_typer(dataset_app, name="dataset")
app.add_typer(features_app, name="features")
app.command("benchmark")(training_commands.benchmark)
app.command("matching")(training_commands.matching)
app.command("eval")(training_commands.evaluate)


@app.command(help="Print versions, the FAISS build, devices and conflicts.\n\nExample: recommend doctor")
def doctor(format: FormatOption = TABLE) -> None:
    from indexing.maintenance.doctor import report

    found, problems = report()
    verdict = ("verdict", "conflicts" if problems else "all well")
    rows = [*found, *(("problem", p) for p in problems), verdict]
    write_list(facts({"facts": dict(found), "problems": problems}, rows), format)
    raise typer.Exit(FAILED if problems else OK)


@app.command(
    help="Render a small sample (moody tracks and two clips) into FOLDER.\n\nExample: recommend sample .sample"
)
def sample(folder: Annotated[Path, argument("Where to put it.")]) -> None:
    from recommender.sample import render

    made = render(folder)
    write(f"music: {show(made.music)}\nclips: {show(made.clips)}\n")


def main() -> None:
    """Runs the command; every expected error becomes one line on stderr and an exit code."""
    atexit.register(gc.freeze)  # what is alive goes with the process: looking for cycles in it is a tenth of a query
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    os.environ.setdefault("CLIPTUNE_LOG", "warning")  # read where the first logger is made
    try:
        app()
    except InputError as error:
        _die(word_as_options(error), USAGE)
    except CliptuneError as error:
        _die(word_as_options(error), FAILED)
    except OSError as error:
        # The result cannot be delivered: a reader that left early wants no message, a full disk needs one.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            sys.exit(FAILED)
        _die(f"cannot write the result: {error.strerror or error}", FAILED)


def _die(message: str, code: int) -> None:
    tell(f"error: {message}")
    sys.exit(code)


if __name__ == "__main__":
    main()
