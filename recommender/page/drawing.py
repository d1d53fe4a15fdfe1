"""The curves of the report as inline SVG, all on the clip's clock: 1,000 units wide, stretched to the page.

What has to be read stands beside them as text, so that nothing but lines is stretched.
"""

from collections.abc import Sequence

import numpy as np

from recommender.editing.placement import Stretch
from recommender.page.markup import Markup, join, tag
from recommender.types import Array, Moment

WIDE = 1000.0
HIGH, LOW = 100.0, 44.0
"""Heights of a curve of feelings and loudness, and of cuts and beats."""
QUIET_LUFS, LOUD_LUFS = -45.0, -5.0
"""Loudness at the bottom and at the top of its curve."""
MOST_POINTS = 240
"""Points of a waveform: what a page shows, and 2 kB."""


def canvas(*inside: str, label: str, high: float = HIGH) -> Markup:
    """A picture with a description for those who do not see it."""
    return tag(
        "svg",
        tag("title", label),
        *inside,
        class_="plot",
        role="img",
        viewBox=f"0 0 {WIDE:g} {high:g}",
        preserveAspectRatio="none",
    )


def course(moments: Sequence[Moment], dimension: int, *, duration_s: float, shift_s: float, kind: str) -> Markup:
    """The curve of valence (0) or arousal (1) with its band of one SD to either side; `kind`: whose, a class.

    `shift_s`: where second 0 of the moments lies on the clip. Before the middle of the first and after that of the last
    it goes on as it is.
    """
    if not moments:
        return Markup("")
    at = np.array([(m.start_s + m.end_s) / 2 for m in moments]) + shift_s
    mean, sd = (np.array([m.affect[dimension + 2 * k] for m in moments]) for k in (0, 1))
    begins, ends = max(0.0, moments[0].start_s + shift_s), min(duration_s, moments[-1].end_s + shift_s)
    inside = (at > begins) & (at < ends)
    times = np.concatenate([[begins], at[inside], [ends]])
    upper, line, lower = (np.interp(times, at, values) for values in (mean + sd, mean, mean - sd))
    x = _x(times, duration_s)
    band = [*zip(x, _feeling(upper), strict=True), *reversed(list(zip(x, _feeling(lower), strict=True)))]
    return join(
        tag("polygon", points=_points(band), class_=f"band {kind}"),
        tag("path", d=_path(zip(x, _feeling(line), strict=True)), class_=f"line {kind}"),
    )


def neutral() -> Markup:
    """The line between calm and energetic, unpleasant and pleasant."""
    return tag("line", x1=0, x2=WIDE, y1=HIGH / 2, y2=HIGH / 2, class_="neutral")


def spans(stretches: Sequence[Stretch], duration_s: float, *, kind: str, high: float = HIGH) -> Markup:
    """Stretches of the clip as shaded columns."""
    found = []
    for start, end in stretches:
        a, b = _x(np.array([start, end]), duration_s)
        found.append(tag("rect", x=f"{a:.1f}", y=0, width=f"{max(b - a, 1):.1f}", height=high, class_=kind))
    return join(*found)


def waveform(peaks: Array, *, at_s: float, hop_s: float, duration_s: float) -> Markup:
    """The peaks [n] of every `hop_s`, mirrored about the middle."""
    if not len(peaks):
        return Markup("")
    size = -(-len(peaks) // MOST_POINTS)
    largest = np.maximum.reduceat(peaks, np.arange(0, len(peaks), size))
    x = _x(at_s + hop_s * size * (np.arange(len(largest)) + 0.5), duration_s)
    tall = HIGH / 2 * np.clip(largest, 0.005, 1)
    outline = [*zip(x, HIGH / 2 - tall, strict=True), *reversed(list(zip(x, HIGH / 2 + tall, strict=True)))]
    return tag("polygon", points=_points(outline), class_="wave")


def loudness(short_lufs: Array, *, at_s: float, hop_s: float, duration_s: float) -> Markup:
    """The curve of short-term loudness [n] of every `hop_s`."""
    step = max(1, len(short_lufs) // MOST_POINTS)
    values = np.clip(short_lufs[::step], QUIET_LUFS, LOUD_LUFS)
    x = _x(at_s + hop_s * step * (np.arange(len(values)) + 0.5), duration_s)
    y = HIGH * (1 - (values - QUIET_LUFS) / (LOUD_LUFS - QUIET_LUFS))
    return tag("path", d=_path(zip(x, y, strict=True)), class_="line music") if len(values) else Markup("")


def ticks(seconds: Sequence[float] | Array, duration_s: float, *, kind: str, top: float, bottom: float) -> Markup:
    """A short upright line at each of some seconds of the clip, as one path."""
    inside = [at for at in np.asarray(seconds, float).tolist() if 0 <= at <= duration_s]
    drawn = "".join(f"M{x:.1f} {top:g}V{bottom:g}" for x in _x(np.array(inside), duration_s))
    return tag("path", d=drawn, class_=kind) if drawn else Markup("")


def _x(seconds: Array, duration_s: float) -> list[float]:
    found: list[float] = np.clip(WIDE * np.asarray(seconds) / max(duration_s, 1e-9), 0, WIDE).tolist()
    return found


def _feeling(values: Array) -> list[float]:
    """Heights of values in [-1, 1]."""
    found: list[float] = (HIGH * (1 - np.clip(values, -1, 1)) / 2).tolist()
    return found


def _points(pairs: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)


def _path(pairs: "zip[tuple[float, float]]") -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in pairs)
