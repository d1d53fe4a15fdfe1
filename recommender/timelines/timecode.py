"""Frames as timecode and back (SMPTE ST 12-1), drop-frame where it exists."""

import re
from fractions import Fraction

_TEXT = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})")
_NTSC = Fraction(1001, 1000)
DAY_H = 24


def nominal(rate: Fraction) -> int | None:
    """The frames that timecode counts to a second at `rate`: 30 at 29.97; None where no timecode counts it."""
    for count in (rate, rate * _NTSC):
        if count.denominator == 1:
            return int(count)
    return None


def is_ntsc(rate: Fraction) -> bool:
    """Whether a second of timecode lasts 1.001 seconds."""
    return rate.denominator != 1 and nominal(rate) is not None


def can_drop(rate: Fraction) -> bool:
    """Whether drop-frame exists at `rate`: 29.97 and 59.94."""
    return is_ntsc(rate) and nominal(rate) in (30, 60)


def frame_at(text: str, rate: Fraction, *, drop: bool | None = None) -> tuple[int, bool] | None:
    """(frame since midnight, whether it is drop-frame) of a timecode; None of any other text, or without a count.

    drop: whether it counts so, where that is known; by default as its last sign says.
    """
    match, count = _TEXT.fullmatch(text.strip()), nominal(rate)
    if match is None or count is None:
        return None
    hours, minutes, seconds, frames = (int(match[n]) for n in (1, 2, 3, 5))
    if hours >= DAY_H or minutes > 59 or seconds > 59 or frames >= count:
        return None
    drop = (match[4] != ":" if drop is None else drop) and can_drop(rate)
    if drop and minutes % 10 and not seconds:
        frames = max(frames, count // 15)  # the numbers before are left out: the first that there is
    at = ((hours * 60 + minutes) * 60 + seconds) * count + frames
    passed = hours * 60 + minutes
    return at - (count // 15 * (passed - passed // 10) if drop else 0), drop


def first_frame(stated: str | None, rate: Fraction) -> tuple[int, bool]:
    """(frame since midnight of a film's first, whether it counts in drop-frame), by the one rule of all that we write.

    What the film states; where it states nothing, midnight, and drop-frame where there is one (29.97 and 59.94): so
    count Premiere Pro, Final Cut Pro and Media Composer by default, and OpenTimelineIO where nobody says (Resolve does
    not), and so a clock and the timecode agree.
    """
    return frame_at(stated or "", rate) or (0, can_drop(rate))


def clock(seconds: float | Fraction, *, digits: int = 0) -> str:
    """Hours, minutes and seconds, for what no timecode counts."""
    ticks = round(seconds * 10**digits)
    minutes, rest = divmod(ticks, 60 * 10**digits)
    shown = f"{rest / 10**digits:0{3 + digits if digits else 2}.{digits}f}"
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{shown}"


def seconds(text: str) -> float:
    """The seconds that `62.5`, `1:02.5` or `1:02:03` say; raises ValueError for any other text."""
    parts = [float(part) for part in text.split(":")]
    if len(parts) > 3 or not all(0 <= part < float("inf") for part in parts):
        raise ValueError(text)
    return sum(part * 60**place for place, part in enumerate(reversed(parts)))


def timecode(frame: int, rate: Fraction, *, drop: bool = False) -> str:
    """`01:00:00:00`, drop-frame `01:00:00;00`, of a frame since midnight; it starts over after a day.

    Raises ValueError for a rate that has no timecode.
    """
    count = nominal(rate)
    if count is None:
        raise ValueError(f"no timecode counts {rate} frames a second")
    if drop:  # of every minute but each tenth the first 2 (4) numbers are left out
        skip, ten = count // 15, 600 * count - 9 * (count // 15)
        tens, rest = divmod(frame % (6 * DAY_H * ten), ten)
        frame = frame % (6 * DAY_H * ten) + skip * (9 * tens + max(0, (rest - skip) // (60 * count - skip)))
    seconds, frames = divmod(frame, count)
    hours, minutes, seconds = seconds // 3600 % DAY_H, seconds // 60 % 60, seconds % 60
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if drop else ':'}{frames:02d}"
