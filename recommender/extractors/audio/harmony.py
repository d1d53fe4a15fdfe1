"""Key, mode, chords and notes from the salience of notes; everything but `chroma_*` ignores transposition."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from recommender.extractors.audio.dissonance import note_dissonance
from recommender.extractors.audio.linear import product
from recommender.extractors.audio.pitch import MIDI, NOTES
from recommender.extractors.audio.stft import SLOW_HZ
from recommender.extractors.running import running_mean
from recommender.types import Array, Column

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
# Probe-tone ratings of the degrees of a major and of a minor key (Krumhansl & Kessler 1982).
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
MAJOR_SCALE = (0, 2, 4, 5, 7, 9, 11)
MINOR_SCALE = (0, 2, 3, 5, 7, 8, 10, 11)  # natural and harmonic: the leading note belongs to the key
LOCAL_FRAMES = 43  # 8 s: the span over which a local key is read
CHORD_FRAMES = 3  # 0.56 s
QUIET = 1e-3  # frames 60 dB below the loudest have no harmony
NEIGHBOURS = 11  # 2 s
ACTIVE = 0.25  # a note sounds above this share of the strongest within about two seconds
TOP = 0.1  # the top note is often faint
LOW_NOTES = 15  # A1 to B2
BASS_NOTES = 20  # A1 to E3: what a bass plays
RISE = 1.2  # with ACTIVE chosen against the notes of VGMIDI: durations r .77, note rate r .76

_CHROMA = {f"chroma_{name.lower().replace('#', 's')}": name for name in NAMES}
CHROMA_COLUMNS = tuple(Column(column, "share", f"share of pitch class {name}") for column, name in _CHROMA.items())
COLUMNS = (
    Column("key_clarity", "correlation", "best of 24 key profiles with the slice's chroma"),
    Column("mode_major", "correlation", "best major minus best minor key: positive is major"),
    Column("key_clarity_local", "correlation", "mean clarity of the key over 8 s around each moment"),
    Column("mode_major_local", "correlation", "mean of major minus minor over 8 s around each moment"),
    Column("major_window_share", "share", "moments whose surrounding 8 s are in a major key"),
    Column("major_chord_share", "share", "moments whose best triad is major"),
    Column("chord_clarity", "correlation", "mean of the best triad's fit"),
    Column("chord_mode", "correlation", "mean of best major minus best minor triad"),
    Column("chord_tension", "correlation", "best diminished or augmented minus best plain triad"),
    Column("harmonic_change", "distance", "mean step of the tonal centroid per second"),
    Column("second_major_minus_minor", "share", "major minus minor second of the local key in its chroma"),
    Column("third_major_minus_minor", "share", "major minus minor third of the local key in its chroma"),
    Column("fourth_minus_tritone", "share", "perfect minus augmented fourth of the local key in its chroma"),
    Column("sixth_major_minus_minor", "share", "major minus minor sixth of the local key in its chroma"),
    Column("out_of_scale_share", "share", "chroma outside the scale of the local key"),
    Column("semitone_share", "share", "semitones among the pitch classes that sound together"),
    Column("major_third_share", "share", "major thirds among the pitch classes that sound together"),
    Column("tritone_share", "share", "tritones among the pitch classes that sound together"),
    Column("chroma_entropy", "share", "evenness of the twelve pitch classes over the slice"),
    Column("chroma_entropy_local", "share", "mean evenness of the pitch classes at each moment"),
    Column("note_dissonance", "ratio", "sensory dissonance between the notes that sound together"),
    Column("note_on_rate_hz", "1/s", "notes that start per second"),
    Column("note_duration_s", "s", "mean time a note sounds"),
    Column("polyphony", "notes", "notes that sound at once"),
    Column("low_register_share", "share", "notes below C3 among all that sounds"),
    Column("mean_pitch_midi", "MIDI", "centre of the notes that sound"),
    Column("top_pitch_midi", "MIDI", "mean of the highest note that sounds"),
    *CHROMA_COLUMNS,
)


@cache
def profiles() -> Array:
    """24 centred unit key profiles, major from C then minor from C: float64 [12, 24]."""
    return profiles_of(MAJOR, MINOR)


def profiles_of(major: tuple[float, ...], minor: tuple[float, ...]) -> Array:
    """24 centred unit profiles float64 [12, 24], major from C then minor from C, of the weights of the degrees."""
    return _unit_columns([np.roll(p, tonic) for p in (major, minor) for tonic in range(12)])


@cache
def _triads() -> Array:
    """48 centred unit triads: major and minor in the order of `profiles`, diminished, augmented."""
    chords = ((0, 4, 7), (0, 3, 7), (0, 3, 6), (0, 4, 8))
    shapes = [np.isin(np.arange(12), notes).astype(float) for notes in chords]
    return _unit_columns([np.roll(s, root) for s in shapes for root in range(12)])


def _unit_columns(rows: list[Array]) -> Array:
    table = np.array(rows)
    table = table - table.mean(axis=1, keepdims=True)
    return (table / np.linalg.norm(table, axis=1, keepdims=True)).T


@cache
def _fold() -> Array:
    """Notes of `MIDI` to pitch classes, float32 [NOTES, 12]."""
    return (MIDI[:, None] % 12 == np.arange(12)).astype(np.float32)


@cache
def _centroid_map() -> Array:
    """Pitch classes to the six-dimensional tonal centroid [12, 6] (Harte, Sandler & Gasser 2006)."""
    pitch = np.arange(12)
    angles = (7 * np.pi / 6, 3 * np.pi / 2, 2 * np.pi / 3)
    radii = (1, 1, 0.5)
    return np.stack([r * f(a * pitch) for a, r in zip(angles, radii, strict=True) for f in (np.sin, np.cos)], 1)


def correlate(chroma: Array, shapes: Array) -> Array:
    """Pearson correlation of each chroma [..., 12] with each column of `shapes` [12, k]; flat chroma gives 0."""
    centred = chroma - chroma.mean(axis=-1, keepdims=True)
    norm = np.linalg.norm(centred, axis=-1, keepdims=True)
    unit = centred / np.where(norm > 1e-9 * chroma.sum(axis=-1, keepdims=True), norm, np.inf)
    return product(unit.reshape(-1, 12), shapes).reshape(*chroma.shape[:-1], -1)


def tonal(active: Array) -> dict[str, Array]:
    """Per-slow-frame series of an item, each [n] or [n, k], from `salience` [n, NOTES]."""
    chroma = product(active, _fold()).astype(np.float64)
    total = chroma.sum(axis=1)
    sounds = total > QUIET * max(float(total.max()), 1e-30)
    around = _smooth(chroma, LOCAL_FRAMES)
    local = correlate(around, profiles())
    chord = correlate(_smooth(chroma, CHORD_FRAMES), _triads())
    plain, tense = chord[:, :24], chord[:, 24:]
    on, sounding = note_events(active)
    top = above(active, TOP)
    return {
        "chroma": chroma,
        "sounds": sounds,
        "key_clarity_local": local.max(axis=1),
        "mode_major_local": major_minus_minor(local),
        **degrees(around, local.argmax(axis=1)),
        "chord_clarity": plain.max(axis=1),
        "chord_mode": major_minus_minor(plain),
        "chord_tension": tense.max(axis=1) - plain.max(axis=1),
        "harmonic_change": _harmonic_step(chroma),
        "interval": intervals((product(sounding.astype(np.float32), _fold()) > 0).astype(np.float64)),
        "chroma_entropy_local": _entropy(chroma),
        "note_dissonance": note_dissonance(active),
        "note_on": on.sum(axis=1),
        "sounding": sounding.sum(axis=1),
        "low_register_share": _low_register(active),
        "mean_pitch": _mean_pitch(active * sounding),
        "top_pitch": np.where(top.any(axis=1), MIDI[NOTES - 1 - top[:, ::-1].argmax(axis=1)], 0),
    }


def bass_chroma(active: Array) -> Array:
    """Chroma of the notes up to `BASS_NOTES` of each slow frame, float64 [n, 12], from `salience` [n, NOTES]."""
    return product(active[:, :BASS_NOTES], _fold()[:BASS_NOTES]).astype(np.float64)


def _smooth(series: Array, frames: int) -> Array:
    smooth = running_mean(series, frames, "constant")
    return np.maximum(smooth, 0)


def major_minus_minor(fits: Array) -> Array:
    return fits[..., :12].max(axis=-1) - fits[..., 12:].max(axis=-1)


def degrees(around: Array, key: Array) -> dict[str, Array]:
    """What tells modes apart, columns per frame [n]: differences of scale degrees, and chroma outside the scale.

    `around` [n, 12] is the chroma of the surroundings, `key` [n] its best column of `profiles`.
    """
    total = around.sum(axis=1, keepdims=True)
    share = around / np.where(total > 0, total, 1)
    steps = (key[:, None] + np.arange(12)) % 12
    degree = np.take_along_axis(share, steps, axis=1)
    outside = np.stack([~np.isin(np.arange(12), scale) for scale in (MAJOR_SCALE, MINOR_SCALE)])
    return {
        "second_major_minus_minor": degree[:, 2] - degree[:, 1],
        "third_major_minus_minor": degree[:, 4] - degree[:, 3],
        "fourth_minus_tritone": degree[:, 5] - degree[:, 6],
        "sixth_major_minus_minor": degree[:, 9] - degree[:, 8],
        "out_of_scale_share": (degree * outside[key // 12]).sum(axis=1),
    }


def _entropy(chroma: Array) -> Array:
    """Evenness in [0, 1] of each chroma [..., 12]: entropy over its maximum, 1 where nothing sounds."""
    total = chroma.sum(axis=-1, keepdims=True)
    share = np.where(total > 0, chroma / np.where(total > 0, total, 1), 1 / 12)
    return -(share * np.log(np.maximum(share, 1e-12))).sum(axis=-1) / np.log(12)


def _harmonic_step(chroma: Array) -> Array:
    """Distance of successive tonal centroids, per second; 0 for the first frame."""
    smooth = _smooth(chroma, CHORD_FRAMES)
    total = smooth.sum(axis=1, keepdims=True)
    centroid = product(smooth / np.where(total > 0, total, 1), _centroid_map())
    return np.linalg.norm(np.diff(centroid, axis=0, prepend=centroid[:1]), axis=1) * SLOW_HZ


def intervals(chroma: Array) -> Array:
    """Strength of the interval classes 1 to 6 in each frame [n, 6]: products of pitch-class pairs, sum <= 1."""
    pairs = np.stack([(chroma * np.roll(chroma, -k, axis=1)).sum(axis=1) for k in range(1, 7)], axis=1)
    pairs[:, 5] /= 2  # each tritone was counted from both ends
    total = pairs.sum(axis=1, keepdims=True)
    return pairs / np.where(total > 0, total, 1)


def note_events(active: Array) -> tuple[Array, Array]:
    """Where notes start and where they sound, two bool [n, NOTES].

    A note sounds `above` the share `ACTIVE`; it starts where it begins
    to sound, or where it rises by a fifth while sounding (struck again).
    """
    sounding = above(active, ACTIVE)
    before = np.concatenate([np.zeros_like(active[:1]), active[:-1]])
    on = sounding & (active > RISE * before)
    on[1:] &= ~on[:-1]
    return on, sounding


def above(active: Array, share: float) -> Array:
    """Notes above `share` of the strongest note within about a second to either side, bool [n, NOTES]."""
    loud = running_mean(active.max(axis=1), NEIGHBOURS)[:, None]
    return active > np.maximum(share * loud, QUIET * max(float(active.max()), 1e-30))


def _low_register(active: Array) -> Array:
    total = active.sum(axis=1)
    return active[:, :LOW_NOTES].sum(axis=1) / np.where(total > 0, total, 1)


def _mean_pitch(active: Array) -> Array:
    total = active.sum(axis=1)
    return (active * MIDI).sum(axis=1) / np.where(total > 0, total, 1)


def measure(slow: Mapping[str, Array]) -> dict[str, float]:
    """The columns of this module over one slice of the `tonal` series (at least one frame)."""
    return {**_key_columns(slow["chroma"]), **_local_columns(slow), **_note_columns(slow)}


def _key_columns(chroma: Array) -> dict[str, float]:
    summed = chroma.sum(axis=0)
    total = float(summed.sum())
    share = summed / total if total > 0 else np.full(12, 1 / 12)
    fits = correlate(share, profiles())
    return {
        "key_clarity": float(fits.max()),
        "mode_major": float(major_minus_minor(fits)),
        "chroma_entropy": float(_entropy(share)),
        **{c.name: float(v) for c, v in zip(CHROMA_COLUMNS, share, strict=True)},
    }


def _local_columns(slow: Mapping[str, Array]) -> dict[str, float]:
    """Means over the moments with sound, of the series that are called as a column above all."""
    sounds = slow["sounds"].astype(np.float64)
    heard = float(sounds.sum())
    weight = sounds / max(heard, 1)
    means = [column.name for column in COLUMNS if column.name in slow]
    mean = (np.stack([slow[name] for name in means]) * weight).sum(axis=1)
    interval = (slow["interval"] * weight[:, None]).sum(axis=0)
    return {
        **dict(zip(means, mean.tolist(), strict=True)),
        "major_window_share": float((weight * (slow["mode_major_local"] > 0)).sum()) if heard else 0.5,
        "major_chord_share": float((weight * (slow["chord_mode"] > 0)).sum()) if heard else 0.5,
        "semitone_share": float(interval[0]),
        "major_third_share": float(interval[3]),
        "tritone_share": float(interval[5]),
    }


def _note_columns(slow: Mapping[str, Array]) -> dict[str, float]:
    frames = len(slow["note_on"])
    starts, sounding = float(slow["note_on"].sum()), float(slow["sounding"].sum())
    voiced = np.maximum((slow["sounding"] > 0).sum(), 1)
    return {
        "note_on_rate_hz": starts / frames * SLOW_HZ,
        "note_duration_s": sounding / max(starts, 1) / SLOW_HZ,
        "polyphony": sounding / frames,
        "mean_pitch_midi": float(slow["mean_pitch"].sum() / voiced),
        "top_pitch_midi": float(slow["top_pitch"].sum() / voiced),
    }
