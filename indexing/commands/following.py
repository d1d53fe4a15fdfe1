"""Ingestion followed from the command line: progress while it works, lines that stay, counts at its end."""

from collections import Counter
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from recommender.console import FAILED, say_when_interrupted, word_as_options
from recommender.errors import CliptuneError
from recommender.outputs.progress import Progress
from recommender.text import show

if TYPE_CHECKING:
    from indexing.ingest.events import Event, LeftOut


def follow(
    stream: Generator["Event"],
    verb: str,
    quiet: bool = False,
    *,
    left: list["LeftOut"] | None = None,
    progress: Progress | None = None,
) -> Counter[str]:
    """Follows ingestion with progress (by default on stderr); returns how many events of each kind came (`quiet`: only
    news).

    What was left out is told in a line, and put on the list `left`.
    """
    from indexing.ingest.events import Failed, Ingested, LeftOut, Plan, Recoded

    counts: Counter[str] = Counter()
    # Closing the stream lets go of the library's lock, whatever happens here.
    with closing(stream), progress or Progress(verb) as progress, say_when_interrupted("what was finished is kept"):
        for event in stream:
            if isinstance(event, Plan):
                counts["files"] = max(counts["files"], event.total)
                progress.expect(progress.done + event.to_analyse)
                continue
            if isinstance(event, LeftOut):
                progress.note(event.sentence("--follow-links"))
                if left is not None:
                    left.append(event)
                continue
            counts[_counted(event)] += 1
            counts[KEPT] += getattr(event, "kept", False)
            counts[LOST] += _shrinks(event)
            if isinstance(event, Ingested | Recoded | Failed):
                progress.step()
            if line := _line(event, quiet):
                progress.note(line)
        if not quiet or counts["analysed"] or counts["failed"]:
            summary = ", ".join(f"{n} {name}" for name, n in counts.items() if n) or "nothing to do"
            progress.note(f"{summary} ({progress.elapsed_s():.1f} s)")
    return counts


def _counted(event: "Event") -> str:
    """What an event is counted as."""
    from indexing.ingest.events import PartlyRead

    return MOSTLY_LOST if isinstance(event, PartlyRead) and event.loss.is_most else COUNTED[type(event).__name__]


def _shrinks(event: "Event") -> bool:
    """Whether the library holds a track less because its file failed."""
    from indexing.ingest.events import Failed, Removed

    return (isinstance(event, Failed) and event.lost) or (isinstance(event, Removed) and bool(event.reason))


def fail_if_lost(counts: Counter[str]) -> None:
    """Exit 1 where failures cost the library tracks, or most of a file could not be read."""
    if counts[LOST] or counts[MOSTLY_LOST]:
        raise typer.Exit(FAILED)


KEPT, LOST = (
    "tracks could not be analysed again and stay as they were",
    "tracks left the library because their files failed",
)
MOSTLY_LOST = "mostly lost"
COUNTED = {
    "PartlyRead": "read in part",
    "Ingested": "analysed",
    "Recoded": "coded from what the library holds",
    "Planned": "to analyse",
    "Skipped": "unchanged",
    "Failed": "failed",
    "Removed": "removed",
    "Warned": "warnings",
    "Mended": "things put right or told",
}


def _line(event: "Event", quiet: bool) -> str | None:
    """What to say of an event, None for the many that need no line."""
    from indexing.ingest.events import Failed, Mended, PartlyRead, Planned, Removed, Skipped, Warned

    match event:
        case PartlyRead(path, loss):
            return f"warning: {show(path)}: {loss}"
        case Failed(path, reason) | Warned(path, reason):
            word = "failed" if isinstance(event, Failed) else "warning"
            if isinstance(event, Warned) and event.advice:
                reason = word_as_options(CliptuneError(f"{reason}; it takes ", event.advice, " to remove them"))
            return f"{word}: {reason}" if show(Path(path).name) in reason else f"{word}: {show(path)}: {reason}"
        case Skipped(path, reason) if reason.startswith("failed"):
            return f"skipped {show(path)}: {reason}; --retry tries it again"
        case Skipped(path, "not in the library" as reason):
            return f"{show(path)}: {reason}"
        case Removed(path, reason) if reason or not quiet:
            return f"removed {show(path)}" + (f": {reason}" if reason else "")
        case Mended(text):
            return text
        case Planned(path):
            return f"would analyse {show(path)}"
    return None
