"""Changes of libraries: music added, looked at again, verified."""

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from recommender.outputs.progress import Progress
from webapp.tasks import Tell

if TYPE_CHECKING:
    from indexing.ingest.events import Event

_LINES = 200


class _Progress(Progress):
    """Progress that is told to the page, and not printed."""

    def __init__(self, verb: str, tell: Tell) -> None:
        super().__init__(verb)
        self._tell = tell
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        self._tell.stage("looking at files", 0, 1)
        return self

    def expect(self, total: int) -> None:
        """So many files will come."""
        self.total = total
        self._show()

    def note(self, line: str) -> None:
        """A line that stays."""
        self.lines = [*self.lines, line][-_LINES:]
        self._tell.line(line)

    def _show(self) -> None:
        self._tell.stage(self.verb, self.done, max(1, self.total))


def add(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Analyse `path`, a folder, into the library in `folder`, made with `model` where there is none."""
    from indexing import ingest
    from indexing.library import Library
    from recommender.model import Model

    folder = Path(arguments["folder"])
    model = Model.load(arguments["model"]) if arguments.get("model") else _model_of(folder)
    model.check_media("music")
    opened = Library.open_or_create(folder, model.space)
    return _follow(ingest.add(opened, [Path(arguments["path"])], model, modality="music"), tell)


def update(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Look at the folders of the library in `folder` again; `retry`: also at files that failed; `prune`: as in the
    command."""
    from indexing import ingest
    from indexing.library import Library

    folder = Path(arguments["folder"])
    choices = {"retry": arguments["retry"], "prune": arguments["prune"]}
    return _follow(ingest.update(Library.open(folder), _model_of(folder), **choices), tell)


def verify(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Whether the library in `folder` is whole."""
    from indexing.maintenance.verify import examine

    tell.stage("checking every part", 0, 1)
    report = examine(Path(arguments["folder"]), 50)
    lines = [f"search of {modality}: {recall}" for modality, recall in report.recalls.items()]
    return {"problems": [str(problem) for problem in report.problems], "lines": lines}


def _model_of(folder: Path) -> Any:
    """The model of a library that is there, by name; else the built-in one."""
    from indexing.disk.locations import CATALOG
    from indexing.library import Library
    from recommender.model import Model

    if not (folder / CATALOG).is_file():
        return Model.load()
    with Library.open(folder) as opened:
        return Model.load(opened.space.model)


def _follow(events: "Generator[Event]", tell: Tell) -> dict[str, Any]:
    from indexing.commands.following import follow
    from indexing.ingest.events import LeftOut

    progress, left = _Progress("analysing", tell), list[LeftOut]()
    counts: Counter[str] = follow(events, "analysing", left=left, progress=progress)
    names = ("files", "analysed", "unchanged", "failed", "removed")
    told = {name: counts[name] for name in names}
    return told | {"left_out": sum(left, LeftOut()).as_json(), "lines": progress.lines}
