"""What two tables of music can share: columns of PMEmo's table, measured by us as its makers did, and read alike.

PMEmo comes without audio, so only columns that our own code reproduces (benchmarks/librosa_agreement.py) may carry a
model from one corpus to the other. Pitch classes are turned into mode and key, which ignore transposition.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from recommender import media
from recommender.extractors.audio.harmony import correlate, degrees, major_minus_minor, profiles
from recommender.extractors.audio.spectrum import Spectrum
from recommender.extractors.audio.stft import SR_HZ, Clock, chunks
from recommender.types import Array
from training.affect.chroma import CLASSES, chroma
from training.affect.feature_table import FeatureTable

SECONDS = 30.0
"""What the makers of the table measured of each song."""

Series = Mapping[str, Array]
Statistic = Callable[[Array], float]


def skew(x: Array) -> float:
    """Third standardised moment; 0 for a constant."""
    centred = x - x.mean()
    sd = float(np.sqrt(np.square(centred).mean()))
    return float((centred**3).mean()) / sd**3 if sd > 0 else 0.0


STATISTICS: Mapping[str, Statistic] = {
    "mean": lambda x: float(x.mean()),
    "std": lambda x: float(x.std()),
    "median": lambda x: float(np.median(x)),
    "max": lambda x: float(x.max()),
    "skew": skew,
}
WANTED: Mapping[str, tuple[str, ...]] = {
    "rms": ("mean", "std", "median", "max", "skew"),
    "mfcc_0": ("mean",),
    "zcr": ("mean",),
    "spectral_centroid": ("mean",),
    "spectral_bandwidth": ("mean",),
    "spectral_rolloff": ("mean",),
    **{f"chroma_{k}": ("mean", "std") for k in range(CLASSES)},
}
RAW: tuple[str, ...] = tuple(f"{series}_{s}" for series, statistics in WANTED.items() for s in statistics)
"""The columns read, by their names in the table: 34 of 334."""


def measure(path: Path) -> Array:
    """The columns `RAW` of the first `SECONDS` of a file, float64 [34]."""
    return from_samples(next(iter(media.audio_blocks(path, SR_HZ, SECONDS))))


def from_samples(y: Array) -> Array:
    """The columns `RAW` of mono audio `y` [n] at the extractor's rate, float64 [34]."""
    series = _series(y)
    return np.array([STATISTICS[s](series[name]) for name, statistics in WANTED.items() for s in statistics])


def _series(y: Array) -> Series:
    """Per-frame series by the names of the table, float64 [n] each."""
    analyser, parts, power = Spectrum(), [], []
    for chunk in chunks([y], Clock()):
        parts.append(analyser.series(chunk))
        power.append(chunk.power)
    joined = {name: np.concatenate([part[name] for part in parts]).astype(np.float64) for name in parts[0]}
    classes = chroma(np.concatenate(power))
    return {
        "rms": np.sqrt(joined["square"]),
        "mfcc_0": joined["mfcc"][:, 0],
        "zcr": joined["zcr"],
        **{f"spectral_{name}": joined[name] for name in ("centroid", "bandwidth", "rolloff")},
        **{f"chroma_{k}": classes[:, k] for k in range(CLASSES)},
    }


def derive_columns(raw: Array) -> FeatureTable:
    """What is told from the columns `RAW` [n, 34], the same way for either corpus; a row is its own only window."""
    columns = {**_tonal(raw), **_dynamics(raw), **_timbre(raw)}
    values = np.stack(list(columns.values()), axis=1)
    return FeatureTable(tuple(columns), values, values, np.arange(len(values)))


def _column(raw: Array, name: str) -> Array:
    return np.asarray(raw[:, RAW.index(name)])


def _tonal(raw: Array) -> dict[str, Array]:
    mean, moving = (np.stack([_column(raw, f"chroma_{k}_{s}") for k in range(CLASSES)], 1) for s in ("mean", "std"))
    fits, moving_fits = correlate(mean, profiles()), correlate(moving, profiles())
    above = mean - mean.min(axis=1, keepdims=True)  # noise and reverberation fill every class alike
    return {
        "mode_major": major_minus_minor(fits),
        "mode_major_moving": major_minus_minor(moving_fits),
        "key_clarity": fits.max(axis=1),
        "key_clarity_moving": moving_fits.max(axis=1),
        **degrees(above, fits.argmax(axis=1)),
    }


def _dynamics(raw: Array) -> dict[str, Array]:
    rms = np.maximum(_column(raw, "rms_mean"), 1e-9)
    return {
        "level_rms": rms,
        "level_rms_std": _column(raw, "rms_std"),
        "rms_variation": _column(raw, "rms_std") / rms,
        "rms_median": _column(raw, "rms_median") / rms,
        "rms_peak": _column(raw, "rms_max") / rms,
        "rms_skew": _column(raw, "rms_skew"),
    }


def _timbre(raw: Array) -> dict[str, Array]:
    rms_db = 20 * np.log10(np.maximum(_column(raw, "rms_mean"), 1e-9))
    mean_mel_db = _column(raw, "mfcc_0_mean") / np.sqrt(128)  # the zeroth coefficient of an orthonormal transform
    return {
        "level_mfcc_0": _column(raw, "mfcc_0_mean"),
        "mel_fullness_db": mean_mel_db - rms_db,
        "zcr": _column(raw, "zcr_mean"),
        **{f"spectral_{s}_hz": _column(raw, f"spectral_{s}_mean") for s in ("centroid", "bandwidth", "rolloff")},
    }
