"""Cue sheets: what music was used where and how long, as broadcasters and collecting societies ask for it, as CSV."""

import csv
import io
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

from recommender.text import cell
from recommender.timelines.timecode import frame_at, nominal, timecode

NOT_ON_FILE = "not on file"
"""What stands for what no tag tells: whoever reports the music finds it out."""
COLUMNS = ("cue", "clip", "timecode_in", "timecode_out", "duration", "title", "artist", "album", "isrc", "licence")
_NTSC = Fraction(1000, 1001)


class Use(NamedTuple):
    """Music under a clip, from the clip's beginning on.

    Attributes
    ----------
    clip: its name. length_s: how long the music is heard, None where that is not known. rate: frames per second of the
        clip, None of stills. start: timecode of its first frame, None: midnight. known: title, artist, album, isrc and
        licence as far as they are known.
    """

    clip: str
    length_s: float | None
    rate: Fraction | None
    start: str | None
    known: dict[str, str | None]


def cue_sheet(uses: Iterable[Use]) -> str:
    """A header and a numbered row per use; ends are exclusive, in timecode where the clip has frames, else in time."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for number, use in enumerate(uses, 1):
        row: dict[str, Any] = {name: use.known.get(name) or NOT_ON_FILE for name in COLUMNS[5:]}
        row |= {"cue": number, "clip": use.clip, **_span(use)}
        writer.writerow({name: cell(value) for name, value in row.items()})
    return text.getvalue()


def rate_of(frames_per_s: float | None) -> Fraction | None:
    """The rate that timecode counts next to a measured one; None where none is near, or nothing was measured."""
    if frames_per_s is None:
        return None
    near = Fraction(round(frames_per_s))
    rates = [rate for rate in (near, near * _NTSC) if rate and abs(frames_per_s - float(rate)) < 0.005]
    return min(rates, key=lambda rate: abs(frames_per_s - float(rate)), default=None)


def _span(use: Use) -> dict[str, str]:
    if use.length_s is None:
        return dict.fromkeys(COLUMNS[2:5], NOT_ON_FILE)
    lasts = _clock(use.length_s, digits=0)
    if use.rate is None or nominal(use.rate) is None:
        ends = {"timecode_in": _clock(0.0, digits=3), "timecode_out": _clock(use.length_s, digits=3)}
        return {**ends, "duration": lasts}
    first, drop = frame_at(use.start or "", use.rate) or (0, False)
    frames = (first, first + round(Fraction(use.length_s) * use.rate))
    begins, ends_at = (timecode(frame, use.rate, drop=drop) for frame in frames)
    return {"timecode_in": begins, "timecode_out": ends_at, "duration": lasts}


def _clock(seconds: float, *, digits: int) -> str:
    """Hours, minutes and seconds."""
    ticks = round(seconds * 10**digits)
    minutes, rest = divmod(ticks, 60 * 10**digits)
    shown = f"{rest / 10**digits:0{3 + digits if digits else 2}.{digits}f}"
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{shown}"
