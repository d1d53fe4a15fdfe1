"""Silence around and between music: long, far below the music and below what is heard; what is said of a track leaves
it out. Pauses and soft passages are music."""

from collections.abc import Mapping

import numpy as np

from recommender.extractors.audio.stft import FRAME_HZ, SLOW
from recommender.extractors.running import running_mean
from recommender.extractors.windows import LENGTH_S
from recommender.types import Array

SECOND = round(FRAME_HZ)  # frames
LEAST_S = 3.0  # a shorter pause belongs to the music
BELOW_LOUDEST, BELOW_FULL_SCALE = 1e-5, 1e-6  # of the mean square: 50 dB below the loudest second, and -60 dBFS
TOLERATED_S = 1.0  # of silence in a window
HEARD = "heard"  # the series that says which frames sound


def sounding(square: Array) -> Array:
    """Which frames are no silence, bool [n], of their mean squares [n]; all where nothing is to be heard."""
    loudest = float(running_mean(square.astype(np.float64), SECOND, "constant").max())
    quiet = square <= min(BELOW_LOUDEST * loudest, BELOW_FULL_SCALE)
    heard = np.ones(len(square), bool)
    for first, last in _runs(quiet):
        if last - first >= LEAST_S * FRAME_HZ:
            heard[first:last] = False
    return heard if heard.any() else ~heard


def _runs(marked: Array) -> Array:
    """Where runs of True begin and end, int64 [k, 2]."""
    return np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8))).reshape(-1, 2)


def slow_frames(heard: Array) -> Array:
    """`sounding` of the slow frames: those with a frame that sounds."""
    return np.asarray(np.logical_or.reduceat(heard, np.arange(0, len(heard), SLOW)))


def spread(series: Mapping[str, Array], heard: Array) -> dict[str, Array]:
    """`series` of the frames that sound as series of all frames, 0 in silence; with `heard` itself as `HEARD`."""
    out = {name: np.zeros((len(heard), *values.shape[1:]), values.dtype) for name, values in series.items()}
    for name, values in series.items():
        out[name][heard] = values
    return out | {HEARD: heard}


def leave_out(series: Mapping[str, Array]) -> Mapping[str, Array]:
    """The frames of `series` that sound; all where none does."""
    heard = series[HEARD]
    return {name: values[heard] for name, values in series.items()} if heard.any() and not heard.all() else series


def windows_of_sound(bounds: Array, heard: Array) -> Array:
    """Those of the windows `bounds` [n, 2] (seconds) that hold least silence: hardly any, where there are such.

    A silence between music counts where it is longer than a window; a shorter one is a rest.
    """
    silent = ~heard
    for first, last in _runs(silent):
        if first > 0 and last < len(heard) and last - first <= LENGTH_S * FRAME_HZ:
            silent[first:last] = False
    total = np.concatenate([[0], np.cumsum(silent)]) / FRAME_HZ
    first, last = np.clip(np.ceil(bounds * FRAME_HZ - 1e-9).astype(int), 0, len(heard)).T
    lacking = total[last] - total[first]
    return np.asarray(bounds[lacking <= max(TOLERATED_S, float(lacking.min()))])
