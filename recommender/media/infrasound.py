"""What no ear hears but every measure of a waveform sees: an offset (direct current) and rumble below 20 Hz."""

from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

import numpy as np

from recommender.types import Array

PIECE_S = 3.0  # judged together
HIGHEST_HZ = 17.0  # organs and basses go down to 20 Hz
LOUD, SHARE = 0.006, 0.05  # mean square (-22 dBFS) and share of all power, both: no track of music has so much
DROWNING, HEARD = 0.4, 1e-6  # or nearly half of all power, above -60 dBFS
EDGE_HZ, ORDER, RIPPLE_DB, STOP_DB = 20.0, 5, 0.1, 60.0  # elliptic, there and back: no phase moves, 15 Hz lose 31 dB
FADE_S = 0.05
LOW_HZ = 690.0
NOTHING = 1e-6  # what float32 leaves of an offset; 16 bits go down to 3e-5


def without_infrasound(pieces: Iterable[Array], sr_hz: int) -> Iterator[Array]:
    """Pieces float32 [n] of one sound; from the first that infrasound drowns, all of them without it.

    Other sounds pass to the bit. A piece is held back until the next one is there.
    """
    end = np.empty(0, np.float32)
    before, remove = end, None
    for piece, after in pairwise(chain(pieces, [end])):
        if remove is None and _drowns(piece, sr_hz):
            remove = _Infrasound(sr_hz)
            fade = np.minimum(np.arange(len(piece), dtype=np.float32) / (FADE_S * sr_hz), 1) if len(before) else 1
            yield _subtract(piece, remove.part(before, piece, after=after) * fade)
        else:
            yield piece if remove is None else _subtract(piece, remove.part(before, piece, after=after))
        before = piece


def _subtract(piece: Array, part: Array) -> Array:
    rest = piece - part
    return np.where(np.abs(rest) < NOTHING, np.float32(0), rest)


class _Infrasound:
    """The part of a sound below `EDGE_HZ`, found where it costs little: at some 690 Hz.

    Down and up again by quadratic B-splines (a moving average three times over; what lies around a multiple of the
    low rate comes 90 dB lower), both as products with one small matrix (Unser, Splines, IEEE SPM 1999).
    """

    def __init__(self, sr_hz: int) -> None:
        from scipy.signal import ellip

        self.step = max(round(sr_hz / LOW_HZ), 1)
        box = np.ones(self.step) / self.step
        spline = np.convolve(np.convolve(box, box), box)
        self.spline = np.pad(spline, (1, 1)).reshape(3, self.step).T.astype(np.float32)  # [step, 3]
        self.sections = ellip(ORDER, RIPPLE_DB, STOP_DB, EDGE_HZ, "high", fs=sr_hz / self.step, output="sos")

    def part(self, before: Array, piece: Array, *, after: Array) -> Array:
        """Infrasound float32 [n] of `piece`, which stands between its neighbours."""
        from scipy.signal import sosfiltfilt

        whole = np.concatenate([before, piece, after])
        whole = np.pad(whole, (0, -len(whole) % self.step), mode="edge")
        means = np.pad(whole.reshape(-1, self.step) @ self.spline, ((1, 1), (0, 0)), mode="edge")
        low = (means[:-2, 0] + means[1:-1, 1] + means[2:, 2]).astype(np.float64)
        low -= sosfiltfilt(self.sections, low, padlen=min(len(piece) // self.step, len(low) - 1))
        first, end = len(before) // self.step, -(-(len(before) + len(piece)) // self.step)
        near = np.pad(low.astype(np.float32) * self.step, 1, mode="edge")[first : end + 2]
        raised = np.stack([near[2:], near[1:-1], near[:-2]], axis=1) @ self.spline.T
        return raised.reshape(-1)[len(before) - first * self.step :][: len(piece)]


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
