"""The log of every scoring of evaluated items: whoever looks at a test set leaves a line.

One JSON object per line, appended in one write: several processes may log at once. Nothing is ever rewritten.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

from recommender.errors import InputError
from recommender.opening import parse_json
from recommender.text import show
from training.evaluation.files import read_text
from training.types import ProtocolName


@dataclass(frozen=True)
class Scoring:
    """One scoring: when (UTC, ISO 8601), which system under which protocol and seed, on what, and why."""

    time: str
    system: str
    protocol: ProtocolName
    seed: int
    dataset: str
    revision: str
    part: str
    reason: str


class Entries(NamedTuple):
    """What a log holds: its scorings in order, and the numbers of lines that are damaged (a write cut short)."""

    scorings: tuple[Scoring, ...]
    damaged: tuple[int, ...]


def record(
    path: Path, *, system: str, protocol: ProtocolName, seed: int, dataset: str, revision: str, part: str, reason: str
) -> Scoring:
    """The scoring that was appended to the log at `path`, stamped now; on the disk when this returns.

    Call it before the items are scored, so that a run that dies has been seen. Raises InputError for an unknown
    protocol, an empty reason, or a log that cannot be written.
    """
    if protocol not in get_args(ProtocolName):
        raise InputError(f"unknown protocol {protocol!r}: use {', '.join(get_args(ProtocolName))}")
    if not reason.strip():
        raise InputError("scoring evaluated items needs a reason for the log")
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    scoring = Scoring(now, system, protocol, int(seed), dataset, revision, part, reason)
    append(path, asdict(scoring))
    return scoring


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Append one JSON line in a single O_APPEND write and sync it; a last line cut short is ended first."""
    line = (json.dumps(entry, sort_keys=False) + "\n").encode("ascii")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            _lock(handle)
            if os.lseek(handle, 0, os.SEEK_END):
                os.lseek(handle, -1, os.SEEK_END)
                line = line if os.read(handle, 1) == b"\n" else b"\n" + line
            if os.write(handle, line) != len(line):
                raise OSError("the disk is full")
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise InputError(f"cannot write the log {show(path)}: {error.strerror or error}") from error


def _lock(handle: int) -> None:
    """Wait until no other process appends, so that none is seen half-way; without such locks O_APPEND must do."""
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)  # until the file is closed


def entries(path: Path) -> Entries:
    """All scorings of the log at `path` (none when there is no such file yet) and its damaged lines."""
    scorings, damaged = [], []
    lines = read_text(path).split("\n") if path.exists() else []
    for number, line in enumerate(lines, 1):
        if line.strip():
            scoring = _scoring(line)
            if scoring is None:
                damaged.append(number)
            else:
                scorings.append(scoring)
    return Entries(tuple(scorings), tuple(damaged))


def _scoring(line: str) -> Scoring | None:
    try:
        entry = parse_json(line)
    except ValueError:
        return None
    names = [field.name for field in fields(Scoring)]
    if not isinstance(entry, dict) or any(name not in entry for name in names):
        return None
    return Scoring(**{name: entry[name] for name in names})
