"""Which beats begin a bar, and of how many: from how harmony and bass change and sound at each beat.

A bar's first beat is where chords change, where the bass moves and where it is strongest. Each piece of evidence is
compared with that of the piece's other beats; their weighted sum is the log-odds of a downbeat, and the likeliest run
of positions in bars of three or four beats decides (Viterbi), a bar cut short at a price.
`benchmarks/beats.py` finds the weights.
"""

from collections.abc import Mapping

import numpy as np

from recommender.extractors.audio.beat_times import LATE_S, NEAR, path, standing_out, unlike
from recommender.extractors.audio.stft import FRAME_HZ, SLOW
from recommender.extractors.running import running_maximum
from recommender.types import Array

METRES = (4, 3)
WEIGHTS: Mapping[str, float] = {
    "change of bass": 0.6,
    "change of harmony, two beats": 0.25,
    "change of harmony, four beats": 0.15,
    "low onset": 0.65,
    "rise of bass": 0.25,
    "bass": 0.25,
}
LOG_ODDS = -1.4  # of a downbeat at an average beat, in four
BREAK = 12.0  # what a bar cut short costs, in natural logarithms
TRIPLE = 3.0  # what it costs a piece to be in three
UNUSUAL = 3.0  # deviations: evidence beyond counts for no more


def bars(beats_s: Array, frames: Mapping[str, Array], slow: Mapping[str, Array]) -> tuple[Array, int]:
    """Where bars begin, bool [n], among beats in seconds [n >= 2], and the beats of a whole bar.

    Reads `low_onset` per frame, `chroma` and `bass_chroma` per slow frame [m, 12].
    """
    weighed = evidence(beats_s, frames, slow) * np.array(list(WEIGHTS.values()))
    position, metre = positions(weighed.sum(axis=1) + LOG_ODDS)
    return position == 0, metre


def evidence(beats_s: Array, frames: Mapping[str, Array], slow: Mapping[str, Array]) -> Array:
    """What the weights of `WEIGHTS` weigh, in its order, float64 [n, 6], in deviations from the piece's mean."""
    at = np.round((beats_s - LATE_S) * FRAME_HZ).astype(int).clip(0, len(frames["low_onset"]) - 1)
    chroma, bass = (_Spans(np.sqrt(np.maximum(slow[name], 0)), beats_s) for name in ("chroma", "bass_chroma"))
    level = _Spans(slow["bass_chroma"].sum(axis=1, keepdims=True), beats_s)
    before, after = (side[:, 0] + 1e-3 * level.mean + 1e-12 for side in level.sides(1))
    found = np.stack(
        [
            unlike(*bass.sides(1)),
            unlike(*chroma.sides(2)),
            unlike(*chroma.sides(4)),
            running_maximum(standing_out(frames["low_onset"]), 2 * NEAR + 1)[at],
            np.log(after / before),
            np.log(after),
        ],
        axis=1,
    )
    spread = np.maximum(found.std(axis=0), 1e-9)
    return np.clip((found - found.mean(axis=0)) / spread, -UNUSUAL, UNUSUAL)


def sides(series: Array, beats_s: Array, beats: int) -> tuple[Array, Array]:
    """Sums of the roots of a slow series [m, k] over `beats` beats before and after each beat, two arrays [n, k]."""
    return _Spans(np.sqrt(np.maximum(series, 0)), beats_s).sides(beats)


class _Spans:
    """Sums of a slow series [m, k] over the beats before and after each of n beats."""

    def __init__(self, series: Array, beats_s: Array) -> None:
        self._total = np.concatenate([np.zeros((1, series.shape[1])), np.cumsum(series, axis=0)])
        self._at = (beats_s * FRAME_HZ + 0.5) / SLOW
        self._beat = float(np.median(np.diff(self._at)))
        self.mean = float(series.mean()) * self._beat

    def sides(self, beats: int) -> tuple[Array, Array]:
        """The sums over `beats` beats before and after each beat, two arrays [n, k]; beyond the ends nothing sounds."""
        steps = self._beat * np.arange(1, beats + 1)
        borders = np.concatenate([self._at[0] - steps[::-1], self._at, self._at[-1] + steps])
        borders = borders.clip(0, len(self._total) - 1)
        low = np.minimum(borders.astype(int), len(self._total) - 2)
        upto = self._total[low] + (borders - low)[:, None] * (self._total[low + 1] - self._total[low])
        n = len(self._at)
        middle = upto[beats : beats + n]
        return middle - upto[:n], upto[2 * beats :] - middle


def positions(log_odds: Array) -> tuple[Array, int]:
    """Each beat's place in its bar, int64 [n], 0 first, and the beats of a bar, from log-odds [n] of a downbeat."""
    found = {metre: _run(log_odds + np.log(3 / (metre - 1)), metre) for metre in METRES}  # the odds of one in `metre`
    worth = {metre: total - TRIPLE * (metre == 3) for metre, (_, total) in found.items()}
    metre = max(METRES, key=lambda m: worth[m])
    return found[metre][0], metre


def _run(log_odds: Array, metre: int) -> tuple[Array, float]:
    """The likeliest places in bars of `metre` beats, int64 [n], and the logarithm of their likelihood."""
    chance = np.repeat(-np.logaddexp(0, log_odds)[:, None], metre, axis=1)
    chance[:, 0] = -np.logaddexp(0, -log_odds)
    cost = np.full((metre, metre), np.inf)  # to, from
    cost[0] = BREAK
    cost[(np.arange(metre) + 1) % metre, np.arange(metre)] = 0
    found = path(chance, cost)
    total = chance[np.arange(len(found)), found].sum() - cost[found[1:], found[:-1]].sum()
    return found, float(total)
