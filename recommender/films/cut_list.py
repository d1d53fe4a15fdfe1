"""Where scenes begin as a person has it: a list of times, or the table of scenes edited by hand."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from recommender.errors import InputError
from recommender.films.clock import Clock
from recommender.films.edit_lists import edl_marks, is_edl, otio_marks
from recommender.films.marks import Mark
from recommender.opening import LIST, read
from recommender.text import show
from recommender.timelines.timecode import seconds

START, LABEL, MUSIC, PATH, BEGINS = "start", "label", "music", "path", "begins"
"""Columns of the table that are read; the others tell. `path` is read where its track is kept."""
SILENCE, KEPT = "silence", "kept"
"""What stands in the column `music` of a scene that is to have none, and of one whose track stays as it is."""


class CutList(NamedTuple):
    """Borders in order of time, the first at 0; `exact`: scenes as they are, else shots to merge into scenes."""

    marks: tuple[Mark, ...]
    exact: bool


def read_cuts(path: Path, clock: Clock, duration_s: float) -> CutList:
    """The borders in a file: a list of times or timecodes, a line each; the table of scenes (CSV); an EDL (CMX 3600) or
    OTIO file of the edit, which gives shots.

    Raises InputError that names the line of what is no time, out of order, or beyond the film.
    """
    return cuts_in(_text(path), path, clock, duration_s=duration_s)


def cuts_in(text: str, path: Path, clock: Clock, *, duration_s: float) -> CutList:
    """As `read_cuts`, of a text that came from a file of that name."""
    if "\0" in text:
        raise InputError(f"{show(path)} is no list of cuts: give times, the table of scenes, an EDL or an OTIO file")
    if path.suffix.lower() == ".otio" or text.lstrip().startswith("{"):
        return CutList(_check(otio_marks(text, show(path)), path, clock, duration_s=duration_s), exact=False)
    if path.suffix.lower() == ".edl" or is_edl(text):
        return CutList(_check(edl_marks(text, show(path), clock), path, clock, duration_s=duration_s), exact=False)
    return CutList(_check(list(_listed(text, path, clock)), path, clock, duration_s=duration_s), exact=True)


def _text(path: Path) -> str:
    from recommender.charsets import decode

    try:
        return decode(read(path, LIST)).removeprefix("\ufeff")
    except OSError as error:
        raise InputError(f"cannot read the cuts {show(path)}: {show(str(error.strerror).lower())}") from error


def _listed(text: str, path: Path, clock: Clock) -> Iterator[Mark]:
    """The marks of a table, or of plain lines; empty ones and those that begin with # tell nothing."""
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), None)
    if first is None:
        raise InputError(f"{show(path)}: no cuts in it; write a time or timecode a line")
    by = next((sign for sign in ("\t", ";", ",") if sign in lines[first]), ",")
    names = [name.strip().lower().strip('"') for name in lines[first].split(by)]
    if START in names:
        yield from _rows("\n".join(lines[first:]), names, by, path=path, clock=clock, before=first)
    else:
        for number, line in enumerate(lines[first:], first + 1):
            if (said := line.split("#")[0].strip()) and said:
                yield Mark(_seconds(said, clock, path, line=number), line=number)


def _rows(text: str, names: Sequence[str], by: str, *, path: Path, clock: Clock, before: int) -> Iterator[Mark]:
    rows = csv.reader(io.StringIO(text), delimiter=by)
    next(rows)
    for row in rows:
        told = {name: value.strip().removeprefix("'") for name, value in zip(names, row, strict=False)}
        if any(told.values()):
            number = before + rows.line_num
            at_s = _seconds(told.get(START, ""), clock, path, line=number)
            silent = told.get(MUSIC, "").lower() == SILENCE
            kept = {} if silent else _kept(told, where=f"{show(path)}, line {number}")
            yield Mark(at_s, told.get(LABEL) or None, silent, number, **kept)


def _kept(told: Mapping[str, str], *, where: str) -> dict[str, Any]:
    """The track that a row keeps, and where in it its music begins: who sets that keeps the track."""
    begins = told.get(BEGINS, "")
    if told.get(MUSIC, "").lower() != KEPT and not begins:
        return {}
    if not (track := told.get(PATH, "")):
        raise InputError(f"{where}: it keeps a track, and `{PATH}` is empty: say which")
    try:
        return {"track": track, "begins_s": seconds(begins) if begins else None}
    except ValueError:
        raise InputError(f"{where}: '{show(begins)}' is no time of a track: give seconds or 1:02.5") from None


def _seconds(text: str, clock: Clock, path: Path, *, line: int) -> float:
    try:
        return clock.seconds(text)
    except InputError as error:
        raise InputError(f"{show(path)}, line {line}: {show(str(error))}") from error


def _check(marks: Sequence[Mark], path: Path, clock: Clock, *, duration_s: float) -> tuple[Mark, ...]:
    """The marks on frames, from 0 on. Raises InputError."""
    kept: list[Mark] = []
    for mark in marks:
        at_s = clock.snap(mark.at_s)
        where = f"{show(path)}, line {mark.line}: " if mark.line else f"{show(path)}: "
        if at_s < 0:
            raise InputError(f"{where}before the film, which begins at {clock.timecode(0.0)}")
        if at_s >= duration_s:
            ends = clock.timecode(duration_s)
            raise InputError(f"{where}{clock.timecode(at_s)} is beyond the film, which ends at {ends}")
        if kept and at_s <= kept[-1].at_s:
            raise InputError(
                f"{where}{clock.timecode(at_s)} does not come after {clock.timecode(kept[-1].at_s)}: put it in order"
            )
        kept.append(mark._replace(at_s=at_s))
    return tuple(kept if kept and kept[0].at_s == 0 else [Mark(0.0), *kept])
