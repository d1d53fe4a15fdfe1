"""Films of a few seconds with scenes, cues of noise for them, and beats that are known."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import media_samples
from recommender.extractors.audio.beats import Beats
from recommender.films.cues import MusicCue, Scene
from recommender.query import Query
from recommender.types import Affect, AffectPair, Recommendation, Track
from timeline_samples import HZ, noise

NOTHING = AffectPair(None, None)


def scene(number: int, start_s: float, end_s: float, *, arousal: float = 0.0, **known: Any) -> Scene:
    """A scene; `known`: of its query, or its label."""
    label = known.pop("label", None)
    query = Query(np.zeros(4, np.float32), Affect(0.0, arousal, 0.4, 0.4), end_s - start_s, "music", **known)
    return Scene(number, start_s, end_s, query, label=label)


def cue(where: Scene, track: Path | None, in_s: float = 0.0, **known: Any) -> MusicCue:
    """Music for a scene, or none; `known`: of the track, or how it ends."""
    transition = known.pop("transition", None)
    if track is None:
        return MusicCue(where, None, transition=transition)
    told = Track(where.number, str(track), "music", known.pop("title", track.stem), **known)
    chosen = Recommendation(told, 0.8, 1, in_s, in_s + where.duration_s, NOTHING)
    return MusicCue(where, chosen, transition=transition)


def scenes(rate: Fraction, *frames: int, **known: Any) -> list[Scene]:
    """Scenes that begin and end at these frames."""
    seconds = [float(frame / rate) for frame in frames]
    return [scene(n, a, b, **known) for n, (a, b) in enumerate(pairwise(seconds), 1)]


def beats(beat_s: float, first_s: float = 0.0, length_s: float = 30.0) -> Beats:
    """Bars of four beats."""
    times = np.arange(first_s, length_s, beat_s)
    return Beats(times, np.arange(len(times)) % 4 == 0, 4, 1.0)


def tracks(folder: Path, count: int, seconds: float = 16.0) -> list[Path]:
    """Pieces of noise, each another."""
    return [noise(folder / f"track {n}.wav", seconds, seed=10 + n) for n in range(count)]


def film_with(folder: Path, own: np.ndarray, name: str = "film.mp4") -> Path:
    """A film at 25 frames a second as long as its own sound, float32 [n] at 44.1 kHz."""
    return media_samples.clip(folder / name, media_samples.ramp(round(len(own) / 44100 * 25)), y=own)


def left(blocks: Any) -> np.ndarray:
    """The left channel of blocks."""
    return np.concatenate([block[0] for block in blocks])


def at(sound: np.ndarray, start_s: float, end_s: float) -> np.ndarray:
    return sound[round(start_s * HZ) : round(end_s * HZ)]
