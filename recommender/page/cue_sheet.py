"""Cue sheets of films: a table, or a page to print; cues to the frame, what is not on file said, totals that add up."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from recommender.atomic import write
from recommender.errors import InputError
from recommender.films.cues import MusicCue
from recommender.films.sheet import Entry, lasts_in, uses
from recommender.home import model_errors
from recommender.media.footage import Footage
from recommender.page.layout import document, footer
from recommender.page.markup import Markup, join, tag
from recommender.page.report import refuse_existing
from recommender.text import show
from recommender.timelines.cue_sheet import FILM_COLUMNS, cue_sheet, rows
from recommender.timelines.timecode import clock, first_frame, nominal, timecode

SHEETS = (".csv", ".html")
"""Suffixes of cue sheets."""
_HEADS = (
    ("Cue", "number"),
    ("In", "time"),
    ("Out", "time"),
    ("Duration", "time"),
    ("Frames", "number"),
    ("Title", "text"),
    ("Artist", "text"),
    ("Album", "text"),
    ("ISRC", "text"),
    ("Licence", "text"),
    ("Use", None),
    ("Voice", None),
)
_CELLS = ("cue", "timecode_in", "timecode_out", "duration", "frames", *FILM_COLUMNS[6:])
NOTES = (
    "Ends are exclusive. Where two cues sound together the time counts for the one that begins, so that music and "
    "silence add up to the film.",
    "Use: all music here lies under the pictures, which makes it background (BI instrumental, BV vocal) whatever its "
    "level; where somebody is seen to perform it, it is visual (VI, VV) or featured: correct that by hand.",
    "Composers, publishers and their shares are in no tag read here: add them before you report the music.",
)


def write_cue_sheet(
    film: Path, cues: Sequence[MusicCue], out: Path, *, name: str | None = None, overwrite: bool = False
) -> None:
    """Write the cue sheet of a film, whole or not at all: a table (.csv), or a page to print (.html).

    Parameters
    ----------
    cues: laid (`films.laying.lay`), of all scenes. name: of the film, by default its file's. overwrite: whether a file
        that is there may be replaced.

    Raises InputError for another suffix or a file that is there, MediaError for a film that cannot be read, ModelError
    where the file cannot be written.
    """
    suffix = out.suffix.lower()
    if suffix not in SHEETS:
        raise InputError(f"{show(out)}: a cue sheet ends in {' or '.join(SHEETS)}")
    refuse_existing(out, overwrite, what="cue sheet")
    text = page(film, cues, name) if suffix == ".html" else cue_sheet(uses(film, cues)[2], FILM_COLUMNS)
    with model_errors(out):
        write(out, text)


def page(film: Path, cues: Sequence[MusicCue], name: str | None = None) -> str:
    """The whole page, which needs nothing but itself. name: of the film, by default its file's.

    Raises as `films.sheet.uses` does.
    """
    seen, found, told = uses(film, cues)
    listed = iter(rows(told, FILM_COLUMNS))
    body = [_row(next(listed)) if one.cue is not None else _silence(one, seen) for one in found]
    heads = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in _HEADS))
    table = tag("table", tag("thead", heads), tag("tbody", *body), _totals(found, seen))
    title = f"Cue sheet of {name or film.name}"
    notes = (tag("p", note, class_="soft") for note in NOTES)
    inside = join(
        tag("header", tag("h1", title), tag("p", _counted(seen, found), class_="soft")),
        tag("main", table, *notes),
        tag("footer", footer()),
    )
    return document(title, inside, "cue_sheet.css")


def _row(row: dict[str, Any]) -> Markup:
    kinds = [kind for _, kind in _HEADS]
    cells = (tag("td", str(row[name]), class_=kind) for name, kind in zip(_CELLS, kinds, strict=True))
    return tag("tr", *cells)


def _silence(one: Entry, seen: Footage) -> Markup:
    ends = (tag("td", _at(frame, seen), class_="time") for frame in (one.start, one.end))
    lasts = tag("td", lasts_in(seen, one.frames), class_="time")
    told = (lasts, tag("td", str(one.frames), class_="number"), tag("td", "no music", colspan=len(_HEADS) - 5))
    return tag("tr", tag("td", "", class_="number"), *ends, *told, class_="none")


def _totals(found: Sequence[Entry], seen: Footage) -> Markup:
    """Music, silence, and both together, which is the film."""
    music = sum(one.frames for one in found if one.cue is not None)
    whole = sum(one.frames for one in found)
    lines = (("Music", music), ("No music", whole - music), ("Film", whole))
    made = []
    for name, frames in lines:
        lasts = tag("td", lasts_in(seen, frames), class_="time")
        head = tag("th", name, scope="row", colspan=3)
        made.append(tag("tr", head, lasts, tag("td", str(frames), class_="number"), tag("td", "", colspan=7)))
    return tag("tfoot", *made)


def _counted(seen: Footage, found: Sequence[Entry]) -> str:
    """How the film is counted, in words."""
    cues = sum(one.cue is not None for one in found)
    count = "1 cue" if cues == 1 else f"{cues} cues"
    if nominal(seen.rate) is None:
        return f"{count}; times in hours, minutes and seconds at {float(seen.rate):.6g} frames a second"
    drop = " drop-frame" if first_frame(seen.timecode, seen.rate)[1] else ""
    return f"{count}; timecode at {float(seen.rate):.5g} frames a second{drop}, from {_at(0, seen)} on"


def _at(frame: int, seen: Footage) -> str:
    """A frame of the film in timecode, or in time where none counts it."""
    if nominal(seen.rate) is None:
        return clock(Fraction(frame) / seen.rate, digits=3)
    first, drop = first_frame(seen.timecode, seen.rate)
    return timecode(first + frame, seen.rate, drop=drop)
