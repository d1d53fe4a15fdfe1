"""Loudness, dynamics and spectral shape: one pass over the shared transform, then statistics of a slice.

Centroid, bandwidth, roll-off, flatness, zero crossings, RMS and MFCC follow the definitions of
librosa 0.11 (McFee et al. 2015), so tables of those features can be used through these columns.
"""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise

import numpy as np

from recommender.extractors.audio.linear import product
from recommender.extractors.audio.stft import BINS, CHUNK, HOP, N_FFT, SLOW, SR_HZ, Chunk, bin_hz, mel_bands
from recommender.extractors.running import quantiles
from recommender.types import Array, Column

MFCC = 13
ROLLOFF = 0.85
BASS_HZ = 150.0
CONTRAST_EDGES_HZ = (0, 200, 400, 800, 1600, 3200, 6400, 12800)
CONTRAST_QUANTILE = 0.02
FLOOR_DB = -80.0
SPAN = 128  # frames (3 s) after which the loudest so far is taken anew; divides CHUNK
RANGE = 1e-8  # 80 dB below the loudest band so far: fainter bands carry codec noise, not music
BASS_BANDS, BASS_WIDTH = 30, 5  # six bands of about 130 Hz up to 800 Hz: wider than a step of the melody
ONSET_RANGE_DB = 60.0  # a band that wakes from below this is heard as starting from silence
TINY = 1e-20
SILENT_MFCC_0 = -1131.37  # 128 bands at -100 dB through the orthonormal transform
GROUP = 41  # 25 groups of 41 bins make 1025

COLUMNS = (
    Column("level_rms_db", "dBFS", "mean power over the slice, floor -80"),
    Column("level_rms", "full scale", "mean over frames of the root mean square"),
    Column("level_rms_std", "full scale", "standard deviation over frames of the root mean square"),
    Column("level_mfcc_0", "dB", "zeroth cepstral coefficient: mean log-mel level, scaled"),
    Column("crest_db", "dB", "peak over root mean square of the slice"),
    Column("low_energy_share", "share", "frames quieter than the slice's mean root mean square"),
    Column("dynamic_range_db", "dB", "95th minus 10th percentile of frame level, at most 60"),
    Column("rms_variation", "ratio", "standard deviation over mean of frame root mean square"),
    Column("spectral_centroid_hz", "Hz", "mean centre of gravity of the magnitude spectrum"),
    Column("spectral_centroid_std_hz", "Hz", "its standard deviation over frames"),
    Column("spectral_bandwidth_hz", "Hz", "mean spread around the centroid"),
    Column("spectral_bandwidth_std_hz", "Hz", "its standard deviation over frames"),
    Column("spectral_rolloff_hz", "Hz", "mean frequency below which 85 % of the magnitude lies"),
    Column("spectral_rolloff_std_hz", "Hz", "its standard deviation over frames"),
    Column("spectral_flatness", "ratio", "geometric over arithmetic mean of power: 1 for noise"),
    Column("spectral_entropy", "share", "entropy of the power spectrum over its maximum"),
    Column("octave_contrast_db", "dB", "spectral peaks over valleys, mean over seven octave bands (sampled)"),
    Column("spectral_flux", "ratio", "change of the magnitude spectrum per frame over its norm"),
    Column("spectral_flux_variation", "ratio", "standard deviation over mean of the flux"),
    Column("zcr", "share", "sign changes per sample"),
    Column("zcr_std", "share", "its standard deviation over frames"),
    Column("bass_share", "share", "magnitude below 150 Hz"),
    *(Column(f"mfcc_{k}", "dB", f"mean of cepstral coefficient {k}") for k in range(1, MFCC)),
    *(Column(f"mfcc_{k}_std", "dB", f"deviation over frames of coefficient {k}") for k in range(1, MFCC)),
)


class Spectrum:
    """Turns chunks of the shared transform into per-frame series; remembers what crosses a chunk border."""

    def __init__(self) -> None:
        self._before: tuple[Array, Array, Array] | None = None  # magnitude, mel and bass level of the last frame
        self._loudest_mel = 0.0
        self._loudest_bin = 0.0
        self._scratch = np.empty((2, CHUNK, BINS), np.float32)  # fresh pages would cost more than what is computed

    def series(self, chunk: Chunk) -> dict[str, Array]:
        """Per-frame float32 series by name, each [n] or [n, k]; `contrast` is per slow frame."""
        mel = mel_bands().apply(chunk.power)
        bass = np.einsum("ijk->ij", mel[:, :BASS_BANDS].reshape(len(mel), -1, BASS_WIDTH))
        loudest_mel, loudest_bin = _so_far(mel, self._loudest_mel), _so_far(chunk.power, self._loudest_bin)
        self._loudest_mel, self._loudest_bin = float(loudest_mel[-1, 0]), float(loudest_bin[-1, 0])
        mel_db, bass_db = _decibels(mel, loudest_mel), _decibels(bass, loudest_mel)
        before = self._before or (chunk.magnitude[:1], mel_db[:1], bass_db[:1])
        self._before = (chunk.magnitude[-1:].copy(), mel_db[-1:].copy(), bass_db[-1:].copy())
        norm, n = np.sqrt(np.einsum("ij,ij->i", chunk.magnitude, chunk.magnitude)), len(chunk.power)
        above, log = self._scratch
        return {
            **level(chunk.samples),
            **shape(chunk.magnitude),
            **texture(chunk.power, 1e-14 * loudest_bin + 1e-30, above=above[:n], log=log[:n]),
            "flux": _flux(chunk.magnitude, before[0], above[:n]),
            "norm": norm,
            "onset": _rise(mel_db, before[1], loudest_mel),
            "bass_onset": _rise(bass_db, before[2], loudest_mel),
            "low_onset": _rise(bass_db[:, :1], before[2][:, :1], loudest_mel),
            "mfcc": _coefficients(mel_db),
            "contrast": contrast(chunk.magnitude[::SLOW]),
        }


def _loudest(values: Array, span: int) -> Array:
    """The largest of `values` [n, k] in the span of `span` frames that each frame is in, float32 [n, 1]."""
    spans = np.maximum.reduceat(values.max(axis=1), np.arange(0, len(values), span))
    return np.repeat(spans, span)[: len(values), None]


def _so_far(values: Array, before: float) -> Array:
    """The largest of `before` and of `values` [n, k] to the end of the span each frame is in, float32 [n, 1]."""
    return np.maximum(np.maximum.accumulate(_loudest(values, SPAN)), np.float32(before))


def _coefficients(mel_db: Array) -> Array:
    """The first coefficients float32 [n, MFCC] of mel levels in dB."""
    return np.maximum(product(mel_db, _cosines(mel_db.shape[1])), np.float32(SILENT_MFCC_0))


@cache
def _cosines(bands: int) -> Array:
    """The first columns of the orthonormal cosine transform (type 2), float32 [bands, MFCC]."""
    angles = np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(MFCC)
    scale = np.sqrt(np.where(np.arange(MFCC) > 0, 2, 1) / bands)
    return (np.cos(angles) * scale).astype(np.float32)


def _decibels(bands: Array, loudest: Array) -> Array:
    """The levels of `bands` [n, k] (powers, overwritten) in dB, at most 80 dB below `loudest` [n, 1]."""
    np.maximum(bands, np.maximum(loudest * RANGE, TINY), out=bands)
    np.log(bands, out=bands)
    bands *= np.float32(10 / np.log(10))
    return bands


def _rise(levels_db: Array, before: Array, loudest: Array) -> Array:
    """Mean rise of levels [n, k] from frame to frame in dB, float32 [n]; `before` [1, k] is the frame before."""
    floor = 10 * np.log10(np.maximum(loudest, TINY)) - ONSET_RANGE_DB
    steps = np.maximum(levels_db, floor)
    steps -= np.maximum(np.concatenate([before, levels_db[:-1]]), floor)
    return np.maximum(steps, 0, out=steps).mean(axis=1)


def level(samples: Array) -> dict[str, Array]:
    """Mean square, peak and zero-crossing share of each frame, float32 [n], from hop-sized pieces."""
    pieces = samples.reshape(-1, HOP)
    square = np.einsum("ij,ij->i", pieces, pieces) / HOP
    peak = np.maximum(pieces.max(axis=1), -pieces.min(axis=1))
    negative = np.signbit(samples)
    change = np.zeros(len(samples), bool)
    np.not_equal(negative[1:], negative[:-1], out=change[1:])
    words = change.view(np.uint64).reshape(-1, HOP // 8).sum(axis=1)  # eight counts at once, one per byte
    cross = words.view(np.uint8).reshape(-1, 8).sum(axis=1, dtype=np.float32) / HOP
    frames = np.arange(len(pieces) - N_FFT // HOP + 1)[:, None] + np.arange(N_FFT // HOP)
    return {"square": square[frames].mean(axis=1), "peak": peak[frames].max(axis=1), "zcr": cross[frames].mean(axis=1)}


def shape(magnitude: Array) -> dict[str, Array]:
    """Centroid, bandwidth and roll-off in Hz and bass share of each frame, float32 [n]; 0 where silent."""
    total, first, second, bass = product(magnitude, _moments()).T
    safe = np.where(total > 0, total, 1)
    centroid = first / safe
    spread = second / safe - np.square(centroid)
    return {
        "centroid": centroid * 1000,
        "bandwidth": np.sqrt(np.maximum(spread, 0)) * 1000,
        "rolloff": rolloff(magnitude),
        "bass": bass / safe,
    }


@cache
def _moments() -> Array:
    """Columns 1, f, f² (f in kHz) and the bass mask: float32 [BINS, 4]."""
    khz = bin_hz() / 1000
    return np.stack([np.ones_like(khz), khz, khz**2, khz < BASS_HZ / 1000], axis=1).astype(np.float32)


def rolloff(magnitude: Array) -> Array:
    """Lowest frequency in Hz at which the running sum reaches 85 % of the total, float32 [n].

    Two stages (groups of bins, then the bins of one group) touch the spectrum once instead of scanning it.
    """
    groups = magnitude.reshape(len(magnitude), -1, GROUP)
    running = np.cumsum(np.einsum("ijk->ij", groups), axis=1)  # sums short rows in a quarter of the time of `sum`
    target = ROLLOFF * running[:, -1:]
    group = np.minimum((running < target).sum(axis=1), running.shape[1] - 1)
    rows = np.arange(len(magnitude))
    below = np.where(group > 0, running[rows, group - 1], 0)
    inside = np.cumsum(groups[rows, group], axis=1) + below[:, None]
    index = group * GROUP + np.minimum((inside < target).sum(axis=1), GROUP - 1)
    return bin_hz()[index]


def texture(power: Array, floor: Array, *, above: Array, log: Array) -> dict[str, Array]:
    """Flatness in (0, 1] and entropy in [0, 1] of each frame, float32 [n]; `floor` [n, 1] keeps the logarithm finite.

    `above` and `log`, of the shape of `power`, are overwritten.
    """
    power = np.maximum(power, floor, out=above)
    np.log(power, out=log)
    total = power.sum(axis=1)
    flatness = np.exp(log.mean(axis=1) - np.log(total / BINS))
    entropy = (np.log(total) - np.einsum("ij,ij->i", power, log) / total) / np.log(BINS)
    return {"flatness": np.minimum(flatness, 1), "entropy": np.clip(entropy, 0, 1).astype(np.float32)}


def contrast(magnitude: Array) -> Array:
    """Octave-band spectral contrast of each frame in dB, float32 [n] (Jiang et al. 2002)."""
    floor = np.maximum(_loudest(magnitude, SPAN // SLOW) * RANGE, 1e-30)[:, 0]
    bands = [(np.sort(magnitude[:, low:high], axis=1), count) for low, high, count in _octaves()]
    peak = np.stack([band[:, -count:].sum(axis=1) / count for band, count in bands])
    valley = np.stack([band[:, :count].sum(axis=1) / count for band, count in bands])
    decibels = 10 * np.log10(np.maximum(peak, floor) / np.maximum(valley, floor))
    return np.asarray(decibels.mean(axis=0, dtype=np.float32))


@cache
def _octaves() -> tuple[tuple[int, int, int], ...]:
    """First bin, end bin and number of bins averaged for each octave band."""
    step = SR_HZ / N_FFT
    found = []
    last = len(CONTRAST_EDGES_HZ) - 2
    for k, (low, high) in enumerate(pairwise(CONTRAST_EDGES_HZ)):
        start = int(np.ceil(low / step)) - (k > 0)
        end = BINS if k == last else int(high // step)
        found.append((start, end, max(round(CONTRAST_QUANTILE * (end - start + (k < last))), 1)))
    return tuple(found)


def _flux(magnitude: Array, before: Array, steps: Array) -> Array:
    """Norm of the change from frame to frame, float32 [n]; `before` [1, BINS] is the frame before."""
    np.subtract(magnitude[:1], before, out=steps[:1])
    np.subtract(magnitude[1:], magnitude[:-1], out=steps[1:])
    return np.sqrt(np.einsum("ij,ij->i", steps, steps))


def measure(frames: Mapping[str, Array]) -> dict[str, float]:
    """The columns of this module over one slice of the series (at least one frame)."""
    return {**_levels(frames), **_shapes(frames), **_cepstrum(frames["mfcc"])}


def _levels(frames: Mapping[str, Array]) -> dict[str, float]:
    rms = np.sqrt(frames["square"].astype(np.float64))
    power, mean, loudest = float(np.square(rms).mean()), float(rms.mean()), float(rms.max())
    frame_db = 20 * np.log10(np.maximum(rms, loudest * 1e-3) / loudest) if loudest > 0 else np.zeros(1)
    low, high = quantiles(frame_db, (0.10, 0.95))
    crest = 10 * np.log10(float(frames["peak"].max()) ** 2 / power) if power > 0 else 0.0
    return {
        "level_rms_db": max(10 * np.log10(power), FLOOR_DB) if power > 0 else FLOOR_DB,
        "level_rms": mean,
        "level_rms_std": float(rms.std()),
        "level_mfcc_0": float(frames["mfcc"][:, 0].mean()),
        "crest_db": max(float(crest), 0.0),
        "low_energy_share": float((rms < mean).mean()),
        "dynamic_range_db": high - low,
        "rms_variation": float(rms.std()) / mean if mean > 0 else 0.0,
    }


def _shapes(frames: Mapping[str, Array]) -> dict[str, float]:
    names = ("centroid", "bandwidth", "rolloff", "zcr", "flatness", "entropy", "bass", "flux", "norm")
    table = np.stack([frames[name] for name in names]).astype(np.float64)
    mean, std = (dict(zip(names, v.tolist(), strict=True)) for v in (table.mean(axis=1), table.std(axis=1)))
    return {
        **{f"spectral_{name}_hz": mean[name] for name in names[:3]},
        **{f"spectral_{name}_std_hz": std[name] for name in names[:3]},
        "spectral_flatness": mean["flatness"],
        "spectral_entropy": mean["entropy"],
        "octave_contrast_db": float(frames["contrast"].mean()),
        "spectral_flux": mean["flux"] / mean["norm"] if mean["norm"] > 0 else 0.0,
        "spectral_flux_variation": std["flux"] / mean["flux"] if mean["flux"] > 0 else 0.0,
        "zcr": mean["zcr"],
        "zcr_std": std["zcr"],
        "bass_share": mean["bass"],
    }


def _cepstrum(mfcc: Array) -> dict[str, float]:
    mean, std = mfcc.mean(axis=0, dtype=np.float64), mfcc.std(axis=0, dtype=np.float64)
    both = {"": mean.tolist(), "_std": std.tolist()}
    return {f"mfcc_{k}{end}": values[k] for end, values in both.items() for k in range(1, MFCC)}
