"""Objective features of a piece of music, per 10 s window and for the whole, from one shared transform."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recommender.extractors.audio import acoustic, beats, harmony, key, rhythm, silence, spectrum, tempo
from recommender.extractors.audio.dissonance import peaks, roughness
from recommender.extractors.audio.pitch import log_spectrum, salience, tuning_cents
from recommender.extractors.audio.stft import CHUNK, FRAME_HZ, HOP, SLOW_HZ, SR_HZ, Clock, chunks, slow_power
from recommender.extractors.audio.voice import Ear
from recommender.extractors.windows import windows
from recommender.types import Array, Column, Features

if TYPE_CHECKING:
    from recommender.media import Damage

REVISION = "music-3"  # change it whenever a value of any column changes
# The same values but of recordings whose channels cancel, of loud infrasound and of silence of 3 s and more.
FORMER = ("music-2",)
SILENT_DB = -70.0
BLOCK_S = CHUNK * HOP / SR_HZ  # a block per chunk of frames: larger ones would only wait, and cost fresh pages

ROUGHNESS = Column("roughness", "ratio", "sensory dissonance of the strongest spectral peaks over their energy")
COLUMNS: tuple[Column, ...] = (*spectrum.COLUMNS, *rhythm.COLUMNS, ROUGHNESS, *harmony.COLUMNS)
NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)
# These change with the gain of a file; the rest describes the music however loud it was mastered.
LEVEL_COLUMNS: tuple[str, ...] = tuple(name for name in NAMES if name.startswith("level_"))
# These change with transposition; of no use for mood, of use for mixing in key.
CHROMA_COLUMNS: tuple[str, ...] = tuple(column.name for column in harmony.CHROMA_COLUMNS)
# Our column -> the statistic of librosa it reproduces (feature, then mean or std over frames).
LIBROSA: Mapping[str, str] = {
    "level_rms": "rms_mean",
    "level_rms_std": "rms_std",
    "level_mfcc_0": "mfcc_0_mean",
    "zcr": "zcr_mean",
    "zcr_std": "zcr_std",
    **{f"spectral_{s}_hz": f"spectral_{s}_mean" for s in ("centroid", "bandwidth", "rolloff")},
    **{f"spectral_{s}_std_hz": f"spectral_{s}_std" for s in ("centroid", "bandwidth", "rolloff")},
    **{f"mfcc_{k}": f"mfcc_{k}_mean" for k in range(1, spectrum.MFCC)},
    **{f"mfcc_{k}_std": f"mfcc_{k}_std" for k in range(1, spectrum.MFCC)},
}

Series = Mapping[str, Array]


def extract(path: Path) -> Features:
    """The features of an audio file (or of a video's sound), decoded as a stream.

    Raises
    ------
    MediaError: there is no audio stream, or nothing in it can be decoded.
    """
    from recommender.media import Damage, audio_blocks
    from recommender.tags import bpm_tag

    damage = Damage()
    return from_blocks(audio_blocks(path, SR_HZ, BLOCK_S, damage=damage), damage, bpm_tag(path))


def from_blocks(blocks: Iterable[Array], damage: "Damage | None" = None, tagged: float | None = None) -> Features:
    """The features of mono audio at `SR_HZ`, given as consecutive float32 blocks of any length.

    Memory grows by about 34 kB per second of audio (series per frame, at the peak); samples are not kept. Values
    are finite for any input, silence and no samples at all included.

    Parameters
    ----------
    damage: read after the last block: it becomes the fact `damaged_packets`, and what is lost.
    tagged: the tempo in bpm that the file states, if it does.
    """
    clock, ear = Clock(), Ear()
    frames, slow, fingerprint = _series(ear.listen(blocks), clock)
    bounds = silence.windows_of_sound(windows(clock.duration_s), frames[silence.HEARD])
    values = np.array([_measure(_cut(frames, FRAME_HZ, b), _cut(slow, SLOW_HZ, b)) for b in bounds])
    music = silence.leave_out(frames), silence.leave_out(slow)
    item = _measure(*music)
    heard = _tempo(item, music[0], tagged)
    tapped = beats.estimate(frames, slow, None if heard is None else heard.bpm)
    return Features(
        columns=NAMES,
        windows=bounds,
        values=values.astype(np.float32),
        item=item.astype(np.float32),
        duration_s=clock.duration_s,
        facts={
            **tempo.facts(heard),
            **beats.facts(tapped),
            **_harmony(item, music[1]),
            **ear.facts(),
            **({"damaged_packets": 0} if damage is None else damage.facts()),
            "silent": _silent(item),
        },
        fingerprint=acoustic.to_bytes(fingerprint),
        beats=beats.to_bytes(tapped),
    )


def _series(blocks: Iterable[Array], clock: Clock) -> tuple[Series, Series, acoustic.Fingerprint]:
    """Series per frame and per slow frame of the whole item, and its fingerprint; of silence none tells anything."""
    analyser = spectrum.Spectrum()
    parts, partials, spectra = [], [], []
    for chunk in chunks(blocks, clock):
        power = slow_power(chunk.power)
        parts.append(analyser.series(chunk))
        partials.append(peaks(np.sqrt(power)))
        spectra.append(log_spectrum(power))
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    log_spectra = np.concatenate(spectra)
    sounds = silence.sounding(joined["square"])
    slow_sounds = silence.slow_frames(sounds)
    active = salience(log_spectra, tuning_cents(log_spectra))[slow_sounds]
    slow = silence.spread(harmony.tonal(active) | {"bass_chroma": harmony.bass_chroma(active)}, slow_sounds)
    hz, amplitude = (np.concatenate(part) for part in zip(*partials, strict=True))
    slow |= {
        "contrast": joined.pop("contrast"),
        "roughness": np.concatenate([roughness(*part) for part in partials]),
        "peak_hz": hz,
        "peak_amplitude": amplitude,
    }
    joined |= silence.spread({"onset_at": rhythm.onsets(joined["onset"][sounds], joined["square"][sounds])}, sounds)
    return joined, slow, acoustic.fingerprint(log_spectra)


def _cut(series: Series, rate_hz: float, bounds: Array) -> Series:
    """The frames centred in [start, end) of `bounds` but for silence, at least one."""
    first, last = np.ceil(bounds * rate_hz - 1e-9).astype(int)
    length = len(next(iter(series.values())))
    first = min(int(first), length - 1)
    return silence.leave_out({name: values[first : max(int(last), first + 1)] for name, values in series.items()})


def _measure(frames: Series, slow: Series) -> Array:
    """All columns over one slice of the series, float64 [f], in the order of `COLUMNS`."""
    found = {
        **spectrum.measure({**frames, "contrast": slow["contrast"]}),
        **rhythm.measure(frames),
        ROUGHNESS.name: float(slow["roughness"].mean()),
        **harmony.measure(slow),
    }
    return np.array([found[name] for name in NAMES])


def _silent(item: Array) -> bool:
    return bool(item[NAMES.index("level_rms_db")] <= SILENT_DB)


def _tempo(item: Array, frames: Series, tagged: float | None) -> tempo.Tempo | None:
    """The tempo of an item, None where it has no beat."""
    onsets = 0 if _silent(item) else int(frames["onset_at"].sum())
    return tempo.estimate(frames["onset"], onsets, float(item[NAMES.index("spectral_flux")]), tagged=tagged)


def _harmony(item: Array, slow: Series) -> dict[str, str | float | None]:
    """The facts `key` and `key_confidence` of an item."""
    found = key.estimate(slow["peak_hz"], slow["peak_amplitude"], float(item[NAMES.index("chroma_entropy")]))
    if found is None or _silent(item):
        return {"key": None, "key_confidence": None}
    return {"key": found.name, "key_confidence": round(found.confidence, 2)}
