"""Cue sheets: what music was used where and how long, as broadcasters and collecting societies ask for it, as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from recommender.text import cell
from recommender.timelines.timecode import clock, first_frame, nominal, timecode

NOT_ON_FILE = "not on file"
"""What stands for what no tag tells: whoever reports the music finds it out."""
_SPAN = ("timecode_in", "timecode_out", "duration")
_KNOWN = ("title", "artist", "album", "isrc", "licence")
COLUMNS = ("cue", "clip", *_SPAN, *_KNOWN)
FILM_COLUMNS = ("cue", "scene", *_SPAN, "frames", *_KNOWN, "use", "vocal")
"""Of a film: the scene in which the music begins, how long it lasts in frames too, what it is used for, whether it has
a voice."""
_NTSC = Fraction(1000, 1001)


class Use(NamedTuple):
    """Music under a clip.

    Attributes
    ----------
    clip: its name. length_s: how long the music is heard, None where that is not known. rate: frames per second of the
        clip, None of stills. start: timecode of its first frame, None: midnight. known: title, artist, album, isrc and
        licence as far as they are known, and what else a column is for. at_s: second of the clip at which it begins.
    """

    clip: str
    length_s: float | Fraction | None
    rate: Fraction | None
    start: str | None
    known: dict[str, str | None]
    at_s: float | Fraction = 0


def cue_sheet(uses: Iterable[Use], columns: Sequence[str] = COLUMNS) -> str:
    """A header and a numbered row per use; ends are exclusive, in timecode where the clip has frames, else in time."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows(uses, columns):
        writer.writerow({name: cell(value) for name, value in row.items()})
    return text.getvalue()


def rows(uses: Iterable[Use], columns: Sequence[str] = COLUMNS) -> list[dict[str, Any]]:
    """A numbered row per use; what is not known is `NOT_ON_FILE`."""
    told = ({"cue": number, "clip": use.clip, **_span(use), **use.known} for number, use in enumerate(uses, 1))
    return [{name: row.get(name) or NOT_ON_FILE for name in columns} for row in told]


def rate_of(frames_per_s: float | None) -> Fraction | None:
    """The rate that timecode counts next to a measured one; None where none is near, or nothing was measured."""
    if frames_per_s is None:
        return None
    near = Fraction(round(frames_per_s))
    rates = [rate for rate in (near, near * _NTSC) if rate and abs(frames_per_s - float(rate)) < 0.005]
    return min(rates, key=lambda rate: abs(frames_per_s - float(rate)), default=None)


def _span(use: Use) -> dict[str, str]:
    if use.length_s is None:
        return dict.fromkeys(_SPAN, NOT_ON_FILE)
    ends_s = (use.at_s, use.at_s + use.length_s)
    if use.rate is None or nominal(use.rate) is None:
        ends = [clock(at_s, digits=3) for at_s in ends_s]
    else:
        first, drop = first_frame(use.start, use.rate)
        ends = [timecode(first + round(Fraction(at_s) * use.rate), use.rate, drop=drop) for at_s in ends_s]
    return dict(zip(_SPAN, (*ends, clock(use.length_s)), strict=True))
