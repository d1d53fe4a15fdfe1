"""What no ear hears but every measure of a waveform sees: an offset (direct current) and rumble below 20 Hz."""

from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

import numpy as np

from recommender.types import Array

PIECE_S = 3.0  # judged together
HIGHEST_HZ = 17.0  # organs and basses go down to 20 Hz
LOUD, SHARE = 0.006, 0.05  # mean square (-22 dBFS) and share of all power, both: no track of music has so much
DROWNING, HEARD = 0.4, 1e-6  # or nearly half of all power, above -60 dBFS
EDGE_HZ, ORDER, RIPPLE_DB, STOP_DB = 20.0, 5, 0.1, 60.0  # elliptic, there and back: no phase moves, 15 Hz lose 43 dB
FADE_S = 0.05
NOTHING = 1e-8  # what rounding leaves of an offset


def without_infrasound(pieces: Iterable[Array], sr_hz: int) -> Iterator[Array]:
    """Pieces float32 [n] of one sound; from the first that infrasound drowns, all of them without it.

    Other sounds pass to the bit. A piece is held back until the next one is there.
    """
    end = np.empty(0, np.float32)
    before, sections = end, None
    for piece, after in pairwise(chain(pieces, [end])):
        if sections is None and _drowns(piece, sr_hz):
            from scipy.signal import ellip

            sections = ellip(ORDER, RIPPLE_DB, STOP_DB, EDGE_HZ, "high", fs=sr_hz, output="sos")
            fade = np.minimum(np.arange(len(piece)) / (FADE_S * sr_hz), 1) if len(before) else 1.0
            filtered = piece + (_filter(sections, before, piece, after=after) - piece) * fade
        else:
            filtered = piece if sections is None else _filter(sections, before, piece, after=after)
        yield filtered.astype(np.float32, copy=False)
        before = piece


def _filter(sections: Array, before: Array, piece: Array, *, after: Array) -> Array:
    """`piece` between its neighbours through the filter, float64."""
    from scipy.signal import sosfiltfilt

    whole = np.concatenate([before, piece, after]).astype(np.float64)
    filtered = sosfiltfilt(sections, whole, padlen=min(len(piece), len(whole) - 1))[len(before) :][: len(piece)]
    return np.where(np.abs(filtered) < NOTHING, 0, filtered)


def _drowns(piece: Array, sr_hz: int) -> bool:
    """Whether infrasound makes up so much of a piece that its measures are those of the infrasound."""
    total = float(np.einsum("i,i->", piece, piece, dtype=np.float64)) / max(len(piece), 1)
    group = max(sr_hz // 128, 1)
    if total < HEARD or len(piece) < group:
        return False
    slow = piece[: len(piece) // group * group].reshape(-1, group).mean(axis=1, dtype=np.float64)
    taper = np.hanning(len(slow) + 2)[1:-1]
    power = np.square(np.abs(np.fft.rfft(slow * taper))) / (len(slow) * np.square(taper).sum())
    power[1:] *= 2
    below = float(power[np.fft.rfftfreq(len(slow), group / sr_hz) < HIGHEST_HZ].sum())
    return (below >= LOUD and below >= SHARE * total) or (below >= HEARD and below >= DROWNING * total)
