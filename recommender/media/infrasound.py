"""What no ear hears but every measure of a waveform sees: an offset (direct current) and rumble below 20 Hz."""

from collections.abc import Iterable, Iterator

import numpy as np

from recommender.types import Array

PIECE_S = 3.0  # judged together
HIGHEST_HZ = 17.0  # organs and basses go down to 20 Hz
LOUD, SHARE = 0.006, 0.05  # mean squares (-22 dBFS) and share of all power, both: no track of music has so much
DROWNING, HEARD = 0.4, 1e-6  # or nearly half of all power, above -60 dBFS
EDGE_HZ, ORDER, RIPPLE_DB, STOP_DB = 20.0, 7, 0.1, 60.0  # elliptic: 60 dB less at 16 Hz, 0.1 dB at 20 Hz
FADE_S = 0.05
NOTHING = 1e-8  # what rounding leaves of an offset


def without_infrasound(pieces: Iterable[Array], sr_hz: int) -> Iterator[Array]:
    """Pieces float32 [n] of one sound; from the first that infrasound drowns, all of them without it.

    Other sounds pass to the bit.
    """
    sections, state, began = np.empty(0), np.empty(0), False
    for piece in pieces:
        if not len(state):
            if not _drowns(piece, sr_hz):
                began = True
                yield piece
                continue
            from scipy.signal import ellip, sosfilt_zi

            sections = ellip(ORDER, RIPPLE_DB, STOP_DB, EDGE_HZ, "high", fs=sr_hz, output="sos")
            state = sosfilt_zi(sections) * float(piece.mean())
            filtered, state = _filter(sections, piece, state)
            if began:
                fade = np.minimum(np.arange(len(piece)) / (FADE_S * sr_hz), 1)
                filtered = (piece + (filtered - piece) * fade).astype(np.float32)
        else:
            filtered, state = _filter(sections, piece, state)
        yield filtered


def _filter(sections: Array, piece: Array, state: Array) -> tuple[Array, Array]:
    """`piece` through the filter, and the filter's state behind it."""
    from scipy.signal import sosfilt

    filtered, state = sosfilt(sections, piece.astype(np.float64), zi=state)
    return np.where(np.abs(filtered) < NOTHING, 0, filtered).astype(np.float32), state


def _drowns(piece: Array, sr_hz: int) -> bool:
    """Whether infrasound makes up so much of a piece that its measures are those of the infrasound."""
    total = float(np.einsum("i,i->", piece, piece, dtype=np.float64)) / max(len(piece), 1)
    if total < HEARD:
        return False
    group = max(sr_hz // 128, 1)
    slow = piece[: len(piece) // group * group].reshape(-1, group).mean(axis=1, dtype=np.float64)
    if not len(slow):
        return False
    taper = np.hanning(len(slow) + 2)[1:-1]
    power = np.square(np.abs(np.fft.rfft(slow * taper))) / (len(slow) * np.square(taper).sum())
    power[1:] *= 2
    below = float(power[np.fft.rfftfreq(len(slow), group / sr_hz) < HIGHEST_HZ].sum())
    return (below >= LOUD and below >= SHARE * total) or (below >= HEARD and below >= DROWNING * total)
