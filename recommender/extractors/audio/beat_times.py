"""When the beats of a piece are, at the level of its told tempo.

- Curve: onsets, onsets of the lowest band (what starts low starts a beat more often than what is loud) and changes of
  harmony, each as far as it rises above its surroundings.
- Tempo: the told one, followed through windows of 8 s by the curve's self-similarity along the likeliest path.
- Beats: the chain that collects most of the curve with intervals near the local beat (dynamic programming, Ellis 2007).
  Predecessors of the next half beat are all known, so its frames are decided at once.
- Then each is drawn to the peak of the curve beside it, as far as even spacing allows: 2 ms instead of a frame's 23.

`benchmarks/beats.py` tells what the parameters are worth.
"""

from collections.abc import Mapping

import numpy as np

from recommender.extractors.audio.silence import sounding
from recommender.extractors.audio.stft import FRAME_HZ, SLOW
from recommender.extractors.running import running_maximum, running_mean
from recommender.types import Array

AROUND = 43  # frames (1 s): the surroundings
CURVE = (1.0, 1.0, 1.0)  # weights of onsets, low onsets and changes of harmony
CHANGE = 3  # slow frames (0.56 s) compared on each side of a change of harmony

SPAN, STEP = round(8 * FRAME_HZ), round(2.5 * FRAME_HZ)  # windows of the local tempo, in frames
STRAY, RATIOS = 0.2, 41  # it stays within a fifth of the told one
MULTIPLES = (1, 2, 4)  # beats after which the curve is compared with itself
SIMILAR, STRAYING, DRIFT = 8.0, 1.0, 10.0  # what likeness is worth; what a tempo off by STRAY, or changed by it, costs

TIGHT = 1000.0  # what the square of the logarithm of an interval over the local beat costs, in deviations of the curve
SHORTEST, LONGEST = 0.6, 1.6  # intervals, in local beats
NEAR = 2  # frames to either side in which the onset of a beat may lie
STARTS = 0.5  # deviations: something starts there
STIFF = 4.0  # even spacing against the onset of an average beat
LATE_S = 0.015  # the curve peaks so long before a stroke, whose first samples its frames already hold
QUIET = 1e-5  # 50 dB below the loudest frame nothing sounds (as in `rhythm`)


def beat_times(frames: Mapping[str, Array], slow: Mapping[str, Array], bpm: float) -> tuple[Array, float]:
    """Beats in seconds, float64 [n], ascending, at about `bpm`, and the share of them on which something starts.

    Reads `onset` and `low_onset` (dB) and `square` per frame, and `chroma` per slow frame [m, 12]. Silence at the ends
    has no beats, beats in silence between music do not count for the share; without any it is 0.
    """
    heard = curve(frames, slow)
    at = chain(heard, local_beat(heard, 60 * FRAME_HZ / bpm))
    sounds = np.flatnonzero(frames["square"] > QUIET * float(frames["square"].max()))
    margin = 30 * FRAME_HZ / bpm
    at = at[(at >= sounds[0] - margin) & (at <= sounds[-1] + margin)] if len(sounds) else at[:0]
    starts = running_maximum(heard, 2 * NEAR + 1)[at] > STARTS
    starts = starts[sounding(frames["square"])[at]]
    return np.maximum(even_out(at, heard) / FRAME_HZ + LATE_S, 0.0), float(starts.mean()) if len(starts) else 0.0


def curve(frames: Mapping[str, Array], slow: Mapping[str, Array]) -> Array:
    """What beats are looked for in, float64 [n], not below 0, in units of its standard deviation."""
    change = harmony_change(slow["chroma"], len(frames["onset"]))
    parts = (frames["onset"], frames["low_onset"], change)
    total = np.sum([weight * standing_out(part) for weight, part in zip(CURVE, parts, strict=True)], axis=0)
    return np.asarray(total / max(float(total.std()), 1e-9))


def standing_out(series: Array) -> Array:
    """How far `series` [n] rises above its surroundings, in units of the standard deviation of that; else 0."""
    above = series.astype(np.float64)
    above = np.maximum(above - running_mean(above, AROUND), 0)
    return np.asarray(above / max(float(above.std()), 1e-9))


def harmony_change(chroma: Array, frames: int) -> Array:
    """How unlike the chroma [m, 12] is before and after each frame, [frames], 0 to 1: 1 minus the cosine."""
    rooted = np.sqrt(np.maximum(chroma, 0))
    total = np.concatenate([np.zeros((1, rooted.shape[1])), np.cumsum(rooted, axis=0)])
    border = np.arange(len(total))
    after = total[np.minimum(border + CHANGE, len(chroma))] - total
    before = total - total[np.maximum(border - CHANGE, 0)]
    return np.interp(np.arange(frames), SLOW * border - 0.5, unlike(before, after))


def unlike(one: Array, other: Array) -> Array:
    """1 minus the cosine of the rows of two arrays [n, k], [n]; 0 where either row is empty."""
    norm = np.sqrt(np.square(one).sum(axis=1) * np.square(other).sum(axis=1))
    return np.where(norm > 1e-12, 1 - (one * other).sum(axis=1) / np.maximum(norm, 1e-12), 0.0)


def local_beat(heard: Array, beat: float) -> Array:
    """The length of a beat in frames around each frame of the curve `heard` [n], within STRAY of `beat`."""
    import scipy.fft

    width = min(SPAN, len(heard))
    windows = np.lib.stride_tricks.sliding_window_view(heard, width)[::STEP]
    windows = (windows - windows.mean(axis=1, keepdims=True)) * np.hanning(width + 2)[1:-1]
    size = scipy.fft.next_fast_len(2 * width, real=True)
    power = np.square(np.abs(scipy.fft.rfft(windows, size, axis=1, workers=1)))
    likeness = scipy.fft.irfft(power, size, axis=1, workers=1)[:, :width]
    likeness /= np.maximum(likeness[:, :1], 1e-9)
    stray = np.linspace(-1, 1, RATIOS)
    ratios = (1 + STRAY) ** stray
    score = np.zeros((len(windows), RATIOS))
    lags = [m * beat * ratios for m in MULTIPLES if m * beat * ratios[-1] < width - 2]
    for lag in lags:
        low = lag.astype(int)
        at = likeness[:, low] + (likeness[:, low + 1] - likeness[:, low]) * (lag - low)
        score += np.maximum(at, 0) / (1 - lag / width) * (SIMILAR / len(lags))
    best = path(score - STRAYING * np.square(stray), DRIFT * np.square(stray[:, None] - stray))
    centres = np.arange(len(windows)) * STEP + width / 2
    return np.interp(np.arange(len(heard)), centres, beat * ratios[best])


def path(score: Array, cost: Array) -> Array:
    """The states int64 [n] with the greatest sum of `score` [n, k] less `cost` [k, k] (to, from) of their changes."""
    total, came = score[0], np.zeros(score.shape, np.int64)
    for at in range(1, len(score)):
        options = total - cost
        came[at] = options.argmax(axis=1)
        total = score[at] + options.max(axis=1)
    found = np.empty(len(score), np.int64)
    found[-1] = total.argmax()
    for at in range(len(score) - 1, 0, -1):
        found[at - 1] = came[at, found[at]]
    return found


def chain(heard: Array, beat: Array) -> Array:
    """Frames of the beats, int64 [k]: the most of `heard` [n] with intervals near the local `beat` [n] in frames.

    The first beat follows one that may lie anywhere before the sound.
    """
    total, came, at = np.zeros(len(heard)), np.empty(len(heard), np.int64), 0
    while at < len(heard):
        here = float(beat[at])
        shortest = max(round(SHORTEST * here), 1)
        steps = np.arange(shortest, round(LONGEST * here) + 2)
        end = min(at + shortest, len(heard))
        before = np.arange(at, end)[:, None] - steps
        options = np.where(before >= 0, total[np.maximum(before, 0)], 0.0) - TIGHT * np.square(np.log(steps / here))
        best = options.argmax(axis=1)[:, None]
        total[at:end] = heard[at:end] + np.take_along_axis(options, best, axis=1)[:, 0]
        came[at:end] = np.take_along_axis(before, best, axis=1)[:, 0]
        at = end
    last = max(len(heard) - round(float(beat[-1])), 0)
    found = [last + int(total[last:].argmax())]
    while came[found[-1]] >= 0:
        found.append(int(came[found[-1]]))
    return np.array(found[::-1])


def even_out(at: Array, heard: Array) -> Array:
    """The beats `at` (frames) to a fraction of a frame, float64 [k], ascending: at onsets, but evenly spaced.

    Minimises the squared distances to the peaks of `heard` beside the beats, weighted by their height, and the
    squared changes of the interval (as Whittaker 1922 smooths tables).
    """
    if len(at) < 3:
        return at.astype(np.float64)
    from scipy.linalg import solveh_banded

    peak, height = _peaks(at, heard)
    weight = height / max(float(height.mean()), 1e-9) + 1e-3
    banded = np.zeros((3, len(at)))  # the upper diagonals of weight + STIFF * D'D, D the second differences
    for place, factor in enumerate((1.0, -2.0, 1.0)):
        banded[2, place : len(at) - 2 + place] += STIFF * factor**2
    banded[2] += weight
    banded[1, 1:] = STIFF * np.convolve(np.ones(len(at) - 2), (-2.0, -2.0))
    banded[0, 2:] = STIFF
    even: Array = solveh_banded(banded, weight * peak)
    return np.maximum.accumulate(np.clip(even, at - NEAR - 1, at + NEAR + 1))


def _peaks(at: Array, heard: Array) -> tuple[Array, Array]:
    """Where beside each beat the curve is highest, by a parabola, and how high; the beat itself where it is flat."""
    near = (at[:, None] + np.arange(-NEAR, NEAR + 1)).clip(0, len(heard) - 1)
    top = np.take_along_axis(near, heard[near].argmax(axis=1)[:, None], axis=1)[:, 0]
    left, middle, right = (heard[(top + k).clip(0, len(heard) - 1)] for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    curved = (bend < 0) & (middle >= left) & (middle >= right)
    shift = np.where(curved, 0.5 * (left - right) / np.where(curved, bend, 1.0), 0.0)
    return np.where(middle > 0, top + shift, at), middle
