"""How a film counts its time: frames, and the timecode that people read and write."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from recommender.errors import InputError, StillError
from recommender.media.footage import footage
from recommender.timelines.timecode import clock, first_frame, frame_at, nominal, seconds, timecode

MOST_SHOWN = 40
"""Characters of what is no time that a message repeats."""


@dataclass(frozen=True)
class Clock:
    """The counting of a film.

    Attributes
    ----------
    rate: frames per second, exact; None of a still. start: frame of its first timecode. drop: whether that is
        drop-frame (`timecode.first_frame` tells both).
    frames: how many it has; None where they do not come at that rate.
    """

    rate: Fraction | None = None
    start: int = 0
    drop: bool = False
    frames: int | None = None

    def snap(self, at_s: float) -> float:
        """The time of the frame nearest to a second of the film."""
        return at_s if self.rate is None else float(round(Fraction(at_s) * self.rate) / self.rate)

    def lasts_s(self, measured_s: float) -> float:
        """How long the film lasts by its frames, else as measured."""
        by_frames_s = measured_s if self.rate is None or self.frames is None else float(self.frames / self.rate)
        return by_frames_s if abs(by_frames_s - measured_s) < 1 else measured_s

    def timecode(self, at_s: float) -> str:
        """Of a second of the film; hours, minutes, seconds with thousandths where no timecode counts its frames."""
        if self.rate is None or nominal(self.rate) is None:
            return clock(at_s, digits=3)
        return timecode(self.start + round(Fraction(at_s) * self.rate), self.rate, drop=self.drop)

    def seconds(self, text: str, *, drop: bool | None = None) -> float:
        """The second of the film that a text says: timecode, `1:02:03.5`, `2:03`, or seconds alone.

        drop: whether timecode in it is drop-frame; by default where the film's own is, else as its last sign says.
        Raises InputError.
        """
        told = text.strip()
        counts = (self.drop or None) if drop is None else drop
        if self.rate is not None and (found := frame_at(told, self.rate, drop=counts)) is not None:
            return float((found[0] - self.start) / self.rate)
        try:
            return seconds(told)
        except ValueError:
            shown, example = told if len(told) <= MOST_SHOWN else f"{told[:MOST_SHOWN]}...", self.timecode(62.0)
            raise InputError(f"'{shown}' is no time: give seconds, 1:02.5, or timecode such as {example}") from None


def clock_of(path: Path) -> Clock:
    """How the film at `path` counts. Raises MediaError where it shows nothing."""
    try:
        seen = footage(path)
    except StillError:
        return Clock()
    return Clock(seen.rate, *first_frame(seen.timecode, seen.rate), None if seen.is_variable else seen.frames)
