"""Loudness as EBU R 128 measures it (ITU-R BS.1770-5): K-weighted power in blocks of 400 ms, and gates.

What a meter keeps is the power of each tenth of a second. Powers of sounds that have nothing to do with each other add
up, so that the loudness of a mix is known before it is mixed.
"""

import numpy as np
from scipy.signal import sosfilt

from recommender.types import Array

RATE_HZ = 48_000
HOP_S = 0.1
_HOP = round(HOP_S * RATE_HZ)
_BLOCK = 4  # hops: 400 ms, which overlap by three quarters
_ABSOLUTE_LUFS, _RELATIVE_LU = -70.0, -10.0
_OFFSET = -0.691
# Tables 1 and 2 of the recommendation: a shelf for the head, a high-pass; at 48 kHz.
_K = np.array(
    [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585],
        [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621],
    ]
)


class Meter:
    """Measures what it is fed, in order: `powers` float64 [n] and `peaks` [n] of every whole tenth of a second.

    A power is the sum over both channels of the mean square, K-weighted; a peak the largest sample.
    """

    def __init__(self) -> None:
        self._state = np.zeros((2, 2, 2))
        self._held = np.zeros((2, 0))
        self._raw = np.zeros((2, 0), np.float32)
        self._powers: list[Array] = []
        self._peaks: list[Array] = []

    def feed(self, y: Array) -> None:
        """float32 [2, n] at 48 kHz."""
        if not y.size:
            return
        weighted, self._state = sosfilt(_K, y, axis=-1, zi=self._state)
        held, raw = np.concatenate([self._held, weighted], axis=1), np.concatenate([self._raw, y], axis=1)
        count = held.shape[1] // _HOP
        whole = held[:, : count * _HOP].reshape(2, count, _HOP)
        self._powers.append(np.einsum("chn,chn->h", whole, whole) / _HOP)
        self._peaks.append(np.abs(raw[:, : count * _HOP]).reshape(2, count, _HOP).max(axis=(0, 2), initial=0.0))
        self._held, self._raw = held[:, count * _HOP :], raw[:, count * _HOP :]

    @property
    def powers(self) -> Array:
        return np.concatenate([np.zeros(0), *self._powers])

    @property
    def peaks(self) -> Array:
        return np.concatenate([np.zeros(0), *self._peaks])


def programme_lufs(powers: Array, within: Array | None = None) -> float:
    """The integrated loudness of some hops' powers [n], gated; -inf where nothing passes the gates.

    within: bool [n], the hops that count: blocks that lie in them altogether, else the hops by themselves.
    """
    inside = np.ones(len(powers), bool) if within is None else within
    size = min(_BLOCK, len(powers))
    if not size:
        return -np.inf
    window = np.ones(size)
    blocks = np.convolve(powers, window, "valid") / size
    whole = np.convolve(inside, window, "valid") > size - 0.5
    return _gated(blocks[whole] if whole.any() else powers[inside])


def _gated(blocks: Array) -> float:
    """The mean of the powers of blocks that pass both gates, in LUFS."""
    heard = blocks[lufs(blocks) > _ABSOLUTE_LUFS]
    if not len(heard):
        return -np.inf
    return float(lufs(heard[lufs(heard) > lufs(heard.mean()) + _RELATIVE_LU].mean()))


def lufs(power: Array) -> Array:
    """Loudness of a K-weighted power; -inf of none."""
    with np.errstate(divide="ignore"):
        return _OFFSET + 10 * np.log10(power)
