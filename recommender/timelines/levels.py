"""The gain of music over time as keyframes, in the ways that editing programs draw lines between them."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import log10

import numpy as np

from recommender.editing.placement import Keyframe, Placement, gains_at

SILENT_DB = -60.0
"""What stands for silence where a fade begins or ends: programs have no less."""
STEP_DB = 2.0
"""Where a line may be drawn in dB or in amplitude, keyframes stand so close that both differ by 0.06 dB."""


def gains(placement: Placement) -> list[Keyframe]:
    """Gain and ducks from the music's beginning to its end, linear in dB between; fades are not in it."""
    start, end = placement.at_s, placement.at_s + placement.duration_s
    frames = np.array(placement.ducks or [(start, 0.0)])
    at = [start, *(one.at_s for one in placement.ducks if start < one.at_s < end), end]
    return [Keyframe(s, placement.gain_db + float(np.interp(s, frames[:, 0], frames[:, 1]))) for s in at]


def curve(placement: Placement, *, fine: bool = False) -> list[Keyframe]:
    """Gain, ducks and fades for lines in dB, keyframes `STEP_DB` apart in fades, silence at `SILENT_DB`.

    `fine`: so in ducks, too, so that lines may be drawn in amplitude.
    """
    start, end = placement.at_s, placement.at_s + placement.duration_s
    fades_in, fades_out = min(placement.fade_in_s, end - start), min(placement.fade_out_s, end - start)
    corners = {start, end, start + fades_in, end - fades_out, *(k.at_s for k in gains(placement))}
    shares = [10 ** (-db / 20) for db in np.arange(STEP_DB, -SILENT_DB, STEP_DB)]
    at = corners | {start + share * fades_in for share in shares} | {end - share * fades_out for share in shares}
    at |= set(_steps(gains(placement))) if fine else set()
    inside = sorted(s for s in at if start <= s <= end)
    return [Keyframe(s, _db(a)) for s, a in zip(inside, placement.amplitude(np.array(inside)).tolist(), strict=True)]


def follow(keyframes: Sequence[Keyframe]) -> list[Keyframe]:
    """Keyframes `STEP_DB` apart at most, so that lines between them may be drawn in amplitude."""
    at = np.unique(_steps(keyframes))
    return [Keyframe(*pair) for pair in zip(at.tolist(), gains_at(keyframes, at).tolist(), strict=True)]


def _steps(keyframes: Sequence[Keyframe]) -> list[float]:
    """Seconds between which the gain changes by `STEP_DB` at most."""
    steps = [keyframes[0].at_s]
    for one, other in pairwise(keyframes):
        count = max(round(abs(other.gain_db - one.gain_db) / STEP_DB), 1) + 1
        steps += np.linspace(one.at_s, other.at_s, count).tolist()
    return steps


def on_frames(keyframes: list[Keyframe], start: int, end: int, *, rate: Fraction) -> list[tuple[int, float]]:
    """(frame from `start` on, gain in dB) of the frames `start` to `end`: each keyframe on the frame nearest to it.

    It keeps its gain, so that what is level stays so; of several on a frame the nearest counts. The ends have one where
    the gain moves; there is a single one where it does not.
    """
    at, gain = np.array(keyframes).T
    ends = [(frame, float(np.interp(float(frame / rate), at, gain))) for frame in (start, end)]
    found = dict(ends)
    placed = sorted(((abs(float(f / rate) - s), f, db) for s, db in keyframes for f in [round(Fraction(s) * rate)]))
    for _, frame, db in reversed(placed):  # the nearest last
        if start < frame < end:
            found[frame] = db
    pairs = sorted((frame - start, db) for frame, db in found.items())
    return pairs if max(found.values()) - min(found.values()) > 1e-4 else pairs[:1]


def amplitude(gain_db: float) -> float:
    """What a gain multiplies samples by; 0 at `SILENT_DB`."""
    return 10 ** (gain_db / 20) if gain_db > SILENT_DB else 0.0


def _db(amplitude: float) -> float:
    return max(20 * log10(amplitude), SILENT_DB) if amplitude > 0 else SILENT_DB
