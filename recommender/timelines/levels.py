"""The gain of music over time as keyframes, in the ways that editing programs draw lines between them."""

from fractions import Fraction
from math import log10

import numpy as np

from recommender.placement import Keyframe, Placement

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


def curve(placement: Placement) -> list[Keyframe]:
    """Gain, ducks and fades, keyframes `STEP_DB` apart where it moves, silence at `SILENT_DB`."""
    start, end = placement.at_s, placement.at_s + placement.duration_s
    fades_in, fades_out = min(placement.fade_in_s, end - start), min(placement.fade_out_s, end - start)
    corners = {start, end, start + fades_in, end - fades_out, *(k.at_s for k in gains(placement))}
    shares = [10 ** (-db / 20) for db in np.arange(STEP_DB, -SILENT_DB, STEP_DB)]
    at = corners | {start + share * fades_in for share in shares} | {end - share * fades_out for share in shares}
    ducks = gains(placement)
    for one, other in zip(ducks, ducks[1:], strict=False):
        at |= set(np.linspace(one.at_s, other.at_s, max(round(abs(other.gain_db - one.gain_db) / STEP_DB), 1) + 1))
    inside = sorted(s for s in at if start <= s <= end)
    return [Keyframe(s, _db(a)) for s, a in zip(inside, placement.amplitude(np.array(inside)).tolist(), strict=True)]


def on_frames(keyframes: list[Keyframe], start: int, end: int, *, rate: Fraction) -> list[tuple[int, float]]:
    """(frame from `start` on, gain in dB there) for the keyframes of the frames `start` to `end`, each frame once.

    The ends have one where the gain moves; a single one where it does not.
    """
    at, gain = np.array(keyframes).T
    frames = sorted({start, *(f for f in (round(Fraction(s) * rate) for s in at.tolist()) if start < f < end), end})
    found = np.interp([float(frame / rate) for frame in frames], at, gain).tolist()
    pairs = [(frame - start, db) for frame, db in zip(frames, found, strict=True)]
    return pairs if max(found) - min(found) > 1e-4 else pairs[:1]


def amplitude(gain_db: float) -> float:
    """What a gain multiplies samples by; 0 at `SILENT_DB`."""
    return 10 ** (gain_db / 20) if gain_db > SILENT_DB else 0.0


def _db(amplitude: float) -> float:
    return max(20 * log10(amplitude), SILENT_DB) if amplitude > 0 else SILENT_DB
