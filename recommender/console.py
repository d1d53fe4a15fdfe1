"""What the command line's parts share: option types, formats and printing to stdout."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from recommender.options import Options, option, setting
from recommender.outputs.listing import FORMATS, Listing
from recommender.text import printable

if TYPE_CHECKING:
    from recommender.errors import Argument, CliptuneError
    from recommender.model import Model
    from recommender.types import Modality

OK, FAILED, USAGE = 0, 1, 2
"""Exit codes."""


def group(help: str, **options: Any) -> typer.Typer:
    """A command group in the one style of this program: plain help text, plain errors."""
    return typer.Typer(
        help=help, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **options
    )


class RootGroup(TyperGroup):
    """All commands; in them an option of `WHOLE` may stand without a value, and means the whole."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, name_the_whole(args))


WHOLE = {"--fit": "clip"}
_TIME = re.compile(r"[0-9][0-9:.]*")


def name_the_whole(args: list[str]) -> list[str]:
    """Arguments with the value of each option of `WHOLE` that has none: no time follows it."""
    out: list[str] = []
    for place, one in enumerate(args):
        out.append(one)
        following = args[place + 1] if place + 1 < len(args) else ""
        if one in WHOLE and "--" not in args[:place] and following != WHOLE[one] and not _TIME.fullmatch(following):
            out.append(WHOLE[one])
    return out


def rename_options(**words: str) -> dict[str, Any]:
    """Settings of a command whose options are called otherwise now, `old="new"`: their old names work, but untold."""
    return {"token_normalize_func": lambda word: words.get(word, word)}


class Format(StrEnum):
    """The formats of lists, as registered."""

    vars().update((name, name) for name in FORMATS)


TABLE = Format("table")


class Kind(StrEnum):
    music = "music"
    clips = "clips"

    @property
    def modality(self) -> "Modality":
        return "music" if self is Kind.music else "video"

    @property
    def other(self) -> "Modality":
        """What is searched for it."""
        return "video" if self is Kind.music else "music"


class Executor(StrEnum):
    processes = "processes"
    dask = "dask"


LibraryOption = Annotated[str, option("Library name (in your user data folder) or folder.", "--library")]
FormatOption = Annotated[Format, option("How to print the result.", "--format")]
ModelOption = Annotated[str, option("Model name or folder.", "--model")]
KindOption = Annotated[Kind, option("What the files are: music, or clips that music looks for.", "--kind")]
WorkersOption = Annotated[int | None, option("Processes [default: one per core].", "--workers", min=1)]
TimeoutOption = Annotated[
    float | None,
    option("Seconds after which a file is given up [default: 600, more for large ones].", "--timeout", min=1),
]
ExecutorOption = Annotated[
    Executor | None, option("Where files are analysed [default: processes, with --scheduler dask].", "--executor")
]
SchedulerOption = Annotated[
    str | None, option("Dask cluster whose workers analyse: its scheduler's address, or file.", "--scheduler")
]
FollowLinksOption = Annotated[bool, option("Follow links that lead out of the folders named, too.", "--follow-links")]


TagCharsetOption = Annotated[
    str | None,
    option("Charset of tags marked as Latin-1, such as cp1251; also read again [default: found].", "--tag-charset"),
]


def name_executor(executor: Executor | None, scheduler: str | None) -> str:
    """What ingestion calls it: a scheduler alone means its cluster."""
    return ":".join(filter(None, (executor or ("dask" if scheduler else "processes"), scheduler)))


class WorkOptions(Options):
    """How files are worked through."""

    workers: WorkersOption = None
    executor: ExecutorOption = None
    scheduler: SchedulerOption = None
    retry: bool = setting("Try files again that failed before.", False, "--retry")
    timeout: TimeoutOption = None
    tag_charset: TagCharsetOption = None
    follow_links: FollowLinksOption = False
    dry_run: bool = setting("Only say what would be done.", False, "--dry-run")

    def settings(self) -> dict[str, Any]:
        """What ingestion takes."""
        asked = {"workers": self.workers, "retry": self.retry, "limit_s": self.timeout, "dry_run": self.dry_run}
        where = {"executor": name_executor(self.executor, self.scheduler), "follow_links": self.follow_links}
        return {**asked, **where, "tag_charset": self.tag_charset}


@contextmanager
def say_when_interrupted(kept: str) -> Iterator[None]:
    """A context that tells whoever interrupts it what is kept of the work."""
    try:
        yield
    except KeyboardInterrupt:
        tell(f"interrupted: {kept}; the same command goes on from there")
        raise


def load_model(name: str) -> "Model":
    """The model of that name or folder."""
    from recommender.model import Model

    return Model.load(name)


def command_line() -> str:
    """The command line as it was typed."""
    import shlex

    return shlex.join(["recommend", *sys.argv[1:]])


_OPTIONS = {"calibrate": "calibrate-on-library", "clip": "video", "source": "from"}
"""Arguments whose option has another name."""


def word_as_options(error: "CliptuneError") -> str:
    """The line of an error with its arguments as options: what to type."""
    return error.word(_option)


def _option(argument: "Argument") -> str:
    option = "--" + _OPTIONS.get(argument.name, argument.name.replace("_", "-"))
    typed = option if argument.value is None else f"{option} {argument.value}"
    return typed if argument.command is None else f"`{' '.join(f'recommend {argument.command} {typed}'.split())}`"


def tell(line: str) -> None:
    """A line to stderr."""
    typer.echo(printable(line), err=True)


def write(text: str) -> None:
    """`text` to stdout at once: a reader in a pipe sees each answer as it comes."""
    sys.stdout.write(printable(text))
    sys.stdout.flush()


def write_list(listing: Listing, format: Format) -> None:
    """`listing` in the format asked for."""
    write(FORMATS[format](listing))
