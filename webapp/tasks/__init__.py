"""What worker processes do: functions of JSON-ready arguments that give a JSON-ready result."""

from importlib import import_module
from typing import Any, NamedTuple, Protocol


class Tell(Protocol):
    """What a task reports on the way."""

    def stage(self, verb: str, done: int, total: int) -> None:
        """`done` of `total` steps of what `verb` says."""

    def line(self, text: str) -> None:
        """Something that should be known."""


class Task(NamedTuple):
    """A task.

    Attributes
    ----------
    lane: which of the worker processes does it. place: `module:function`, imported by its first use. limit_s: seconds
    after which it is given up; None: as long as it takes.
    """

    lane: str
    place: str
    limit_s: float | None = 60.0

    def run(self, arguments: dict[str, Any], tell: Tell) -> Any:
        """Do it."""
        module, _, name = self.place.partition(":")
        return getattr(import_module(f"webapp.tasks.{module}"), name)(arguments, tell)


LANES = ("lists", "answers", "scores", "renders", "films", "library")
"""A process each: short questions; clips looked at and asked about; whole films read and scored; previews and files
made; clips made playable; libraries changed."""

TASKS = {
    "libraries": Task("lists", "lists:libraries"),
    "failures": Task("lists", "lists:failures"),
    "tracks": Task("lists", "lists:tracks"),
    "track": Task("lists", "lists:track"),
    "beats": Task("lists", "lists:beats"),
    "options": Task("lists", "lists:options"),
    "warm": Task("answers", "answers:warm"),
    "picks": Task("lists", "picks:picks"),
    "pick": Task("lists", "picks:pick"),
    "unpick": Task("lists", "picks:unpick"),
    "sheet": Task("lists", "picks:sheet"),
    "models": Task("lists", "models:models"),
    "card": Task("lists", "models:card"),
    "benchmarks": Task("lists", "benchmarks:benchmarks"),
    "benchmark": Task("lists", "benchmarks:benchmark"),
    "queries": Task("lists", "benchmarks:queries"),
    "look": Task("answers", "clips:look", 600),
    "answer": Task("answers", "answers:answer", 600),
    "peaks": Task("renders", "renders:peaks", 120),
    "film": Task("films", "clips:film", 3600),
    "preview": Task("renders", "renders:preview", 1800),
    "export": Task("renders", "exports:export", 3600),
    "score": Task("scores", "scores:score", 14_400),
    "scene_table": Task("scores", "scene_table:take", 600),
    "soundtrack": Task("renders", "scored:preview", 14_400),
    "delivery": Task("renders", "scored:export", 14_400),
    "cuesheet": Task("renders", "scored:sheet", 3600),
    "pack": Task("renders", "exports:pack", 3600),
    "add": Task("library", "libraries:add", None),
    "update": Task("library", "libraries:update", None),
    "verify": Task("library", "libraries:verify", None),
}
