"""Beats and bars of songs that nothing was fitted on: weights of `bars` and parameters of `beat_times` by ten folds.

Used by `beats.py`. The weights of a downbeat are a logistic regression over the beats that are told for songs whose
level is right, each song counting once (piano music of games half, made songs a quarter). The parameters are the best
of a grid by the beat F of `pop909` in all folds but one. All versions of a song are in one fold.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import mir_eval
import numpy as np
from beats_data import Song
from scipy.optimize import minimize

from recommender.extractors.audio import bars, beat_times, beats, music
from recommender.extractors.audio.beats import Beats
from recommender.extractors.audio.stft import Clock
from recommender.types import Array

FOLDS, DEALS = 10, 3
COUNTS = {"pop909": 1.0, "pop909 with drums": 1.0, "vgmidi": 0.5, "progressions": 0.25}
RIDGE = 0.01
RIGHT_LEVEL = 0.8  # CMLt
LOW, HARMONY, TIGHT = (0.5, 1.0, 2.0), (0.0, 1.0, 2.0), (300.0, 1000.0, 3000.0)


class Heard(NamedTuple):
    """A song with its series and what is told of it: tempo in bpm and its confidence, beats."""

    song: Song
    corpus: str
    frames: music.Series
    slow: music.Series
    bpm: float | None
    sure: float
    beats: Beats


class Scores(NamedTuple):
    """What mir_eval says: F of beats, AMLt, CMLt, F of downbeats; and whether the metre is right."""

    f: float
    amlt: float
    cmlt: float
    down_f: float
    metre: bool


def listen(song: Song, corpus: str) -> Heard:
    """Analyse the sound of a song as `music.extract` does."""
    frames, slow, _ = music._series([song.sound()], Clock())
    item = music._measure(frames, slow)
    found = music._tempo(item, frames, None)
    bpm, sure = (None, 0.0) if found is None else (found.bpm, found.confidence)
    return Heard(song, corpus, frames, slow, bpm, sure, beats.estimate(frames, slow, bpm))


def scores(song: Song, told_s: Array, down_s: Array, metre: int | None) -> Scores:
    """Told beats and downbeats against those of the song, the first five seconds left out as usual."""
    there, told, bars_there, down = (
        mir_eval.beat.trim_beats(np.asarray(times)) for times in (song.beats_s, told_s, song.downbeats_s, down_s)
    )
    if len(there) < 2 or len(told) < 2:
        return Scores(0.0, 0.0, 0.0, 0.0, metre == song.metre)
    _, cmlt, _, amlt = mir_eval.beat.continuity(there, told)
    down_f = mir_eval.beat.f_measure(bars_there, down) if len(down) and len(bars_there) else 0.0
    return Scores(mir_eval.beat.f_measure(there, told), amlt, cmlt, down_f, metre == song.metre)


def as_told(heard: Heard) -> Scores:
    """The scores of what is told today."""
    return scores(heard.song, heard.beats.times_s, heard.beats.downbeats_s, heard.beats.beats_per_bar)


# --- downbeats ----------------------------------------------------------------------------------------------


def fit(known: Sequence[Heard]) -> Array:
    """The weights and, last, the log-odds of an average beat."""
    evidence, down, counts = [np.zeros((0, len(bars.WEIGHTS)))], [np.zeros(0)], [np.zeros(0)]
    for heard in known:
        told = heard.beats.times_s
        if heard.corpus not in COUNTS or heard.song.metre not in bars.METRES:
            continue
        if as_told(heard).cmlt > RIGHT_LEVEL:
            evidence.append(bars.evidence(told, heard.frames, heard.slow))
            down.append(np.abs(told[:, None] - heard.song.downbeats_s).min(axis=1) < 0.07)
            counts.append(np.full(len(told), COUNTS[heard.corpus] / len(told)))
    x, y, weight = (np.concatenate(part) for part in (evidence, down, counts))
    x = np.column_stack([x, np.ones(len(x))])

    def loss(w: Array) -> tuple[float, Array]:
        score = x @ w
        value = float(weight @ (np.logaddexp(0, score) - y * score)) + RIDGE * float(w[:-1] @ w[:-1])
        return value, x.T @ (weight * (1 / (1 + np.exp(-score)) - y)) + 2 * RIDGE * np.append(w[:-1], 0)

    return np.asarray(minimize(loss, np.zeros(x.shape[1]), jac=True).x)


def by_folds(known: Sequence[Heard]) -> list[tuple[Heard, Scores]]:
    """Every song with scores of the downbeats that weights fitted without it tell, in each of `DEALS` deals."""
    told = []
    for deal in range(DEALS):
        for inside, outside in folds(known, deal):
            weights = fit(inside)
            told += [(heard, _with(heard, weights)) for heard in outside]
    return told


def _with(heard: Heard, weights: Array) -> Scores:
    times_s = heard.beats.times_s
    if not len(times_s):
        return as_told(heard)
    evidence = bars.evidence(times_s, heard.frames, heard.slow)
    place, metre = bars.positions(evidence @ weights[:-1] + weights[-1])
    return scores(heard.song, times_s, times_s[place == 0], metre)


def folds(known: Sequence[Heard], deal: int) -> Iterator[tuple[list[Heard], list[Heard]]]:
    """The songs of all folds but one, and of that one; versions of a song stay together."""
    names = sorted({heard.song.name for heard in known})
    dealt = np.random.default_rng(deal).permutation(names).tolist()
    fold = {name: at % FOLDS for at, name in enumerate(dealt)}
    for part in range(FOLDS):
        yield (
            [heard for heard in known if fold[heard.song.name] != part],
            [heard for heard in known if fold[heard.song.name] == part],
        )


# --- beats --------------------------------------------------------------------------------------------------


def grid(known: Sequence[Heard]) -> dict[tuple[float, float, float], Array]:
    """F and AMLt of each song [n, 2] for every setting of the grid: weights of low onsets and harmony, tightness."""
    before = beat_times.CURVE, beat_times.TIGHT
    found = {}
    for low, harmony, tight in product(LOW, HARMONY, TIGHT):
        beat_times.CURVE, beat_times.TIGHT = (1.0, low, harmony), tight
        rows = []
        for heard in known:
            told = beats.estimate(heard.frames, heard.slow, heard.bpm)
            rows.append(scores(heard.song, told.times_s, told.downbeats_s, told.beats_per_bar)[:2])
        found[low, harmony, tight] = np.array(rows)
    beat_times.CURVE, beat_times.TIGHT = before
    return found


def chosen(known: Sequence[Heard]) -> tuple[Array, Array]:
    """F and AMLt [deals * n, 2] with the setting that is best without the song, and the spread of F over the grid."""
    table, out = grid(known), []
    at = {heard.song.name: i for i, heard in enumerate(known)}
    for deal in range(DEALS):
        for inside, outside in folds(known, deal):
            rows = [at[heard.song.name] for heard in inside]
            best = max(table, key=lambda setting: float(table[setting][rows, 0].mean()))
            out += [table[best][at[heard.song.name]] for heard in outside]
    means = np.array([rows[:, 0].mean() for rows in table.values()])
    return np.array(out), np.array([means.min(), means.max()])
