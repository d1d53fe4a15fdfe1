"""The `recommend` command: reads arguments, calls one function, renders. All imports wait until `main` runs.

Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 something failed, 2 wrong usage, 130 interrupted.
"""

import _signal as signal  # type: ignore[import-not-found]  # the module `signal` takes its time to import


def _on_interrupt(then: "Any") -> "Any":
    """Set what Ctrl-C does, where nobody else has; what it did before."""
    before = signal.getsignal(signal.SIGINT)
    if before in (signal.default_int_handler, signal.SIG_DFL):
        signal.signal(signal.SIGINT, then)
    return before


_ASKED = _on_interrupt(signal.SIG_DFL)  # nothing is begun while modules are imported: end without a word

import os  # noqa: E402
import sys  # noqa: E402
from contextlib import suppress  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    import typer

HELP = """Music for your video by emotion: ranked, explained tracks from your own library.

\b
Examples:
  recommend --video clip.mp4 --music ~/Music
  recommend index add ~/Music && recommend --video clip.mp4 --top 5 --format json
  recommend --video clip.mp4 --like reference.mp3 --like-weight 0.3
  recommend --track song.mp3 --library my-clips
  recommend --video clip.mp4 --library film --calibrate-on-library
  recommend --video pictures/ --slideshow 4
  recommend --video clip.mp4 --preview 3 --out previews
  recommend --video clip.mp4 --preview 3 --fit --out previews
  recommend --video clip.mp4 --top 3 --figures
  recommend film wedding.mp4 --music ~/Music
  recommend --video clip.mp4 --bpm 90-130 --half-double --key "A minor" --duration 2:30- --exclude ~/Music/Christmas
"""
_INTERRUPTED = 130


def make_app() -> "typer.Typer":
    """All commands."""
    from indexing.commands.doctor import doctor
    from indexing.commands.film import film
    from indexing.commands.picks import app as index_app
    from indexing.commands.query import query
    from recommender.commands import app as models_app
    from recommender.commands import sample
    from recommender.console import RootGroup, group
    from recommender.editing_commands import export, preview
    from training import commands as training_commands
    from training.dataset_commands import dataset_app, features_app
    from training.taste.commands import app as edits_app
    from webapp.commands import app as web_app

    app = group(HELP, cls=RootGroup)
    app.callback(invoke_without_command=True)(query)
    app.add_typer(index_app, name="index")
    app.add_typer(edits_app, name="edits")
    app.add_typer(models_app, name="models")
    app.add_typer(training_commands.app, name="train")
    app.add_typer(dataset_app, name="dataset")
    app.add_typer(features_app, name="features")
    app.command("benchmark")(training_commands.benchmark)
    app.command("matching")(training_commands.matching)
    app.command("eval")(training_commands.evaluate)
    app.command("film")(film)
    app.command("doctor")(doctor)
    app.command("sample")(sample)
    app.command("app")(web_app)
    app.command("preview")(preview)
    app.command("export")(export)
    return app


def main() -> None:
    """Runs the command; every error becomes one line on stderr and an exit code."""
    asked = _on_interrupt(signal.SIG_DFL)
    try:
        code = _run(asked)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except Exception as error:
        code = _fail(error)
    sys.exit(code)


def _run(asked: Any) -> Any:
    """Run the command; its exit code."""
    import atexit
    import gc

    atexit.register(gc.freeze)  # what is alive goes with the process: looking for cycles in it is a tenth of a query
    from recommender.streams import open_streams

    open_streams()
    os.environ.setdefault("CLIPTUNE_LOG", "warning")  # read where the first logger is made
    app = make_app()
    _on_interrupt(asked)
    atexit.register(_on_interrupt, signal.SIG_DFL)
    try:
        app()
    except SystemExit as stop:
        return stop.code
    return 0


def _fail(error: Exception) -> int:
    """Tell an error in one line; the exit code."""
    line, code = f"error: {error}", 1
    with suppress(ImportError, MemoryError):
        from recommender.failing import line_and_code

        line, code = line_and_code(error)
    try:
        print(line, end="\n" if line else "", file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # nobody hears of it
    return code


_on_interrupt(_ASKED)
if __name__ == "__main__":
    main()
