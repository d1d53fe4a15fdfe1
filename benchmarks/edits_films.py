"""Films for `edits.py`, made of real tracks and real speech, with what lies under them.

Kinds of films with tracks of the library: `one` excerpt; `crossfade` of two tracks; `stops`, one track that goes on
elsewhere after a pause; `recut`, three pieces of a track in another order; `loop end`, from within a track of exact
loops into what follows them; `loop alone`, of which nothing tells which of its equal places it is. The rest is
`foreign`: one or two tracks that the library does not hold. Five in six have speech throughout, all have level changes,
fades and AAC at 96 kbit/s.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from recommender.media import audio_blocks, probe, write_audio
from recommender.types import Array
from training.affect.midi import find_synth, render_all

RATE_HZ = 44_100
LOUDER_DB = (None, 0, 3, 6, 9, 12)
KINDS = ("one", "one", "crossfade", "stops", "recut", "loop end", "loop alone")
LOOP_S, LOOPS, END_S = 8.0, 3, 14.0
LEAST_S = 26.0  # of a track that films are made of
FADE_S = 1.0


class Part(NamedTuple):
    """A stretch of a track under a film, in seconds; `ways`: other places of the track that sound the same."""

    track: Path
    film_in: float
    film_out: float
    track_in: float
    ways: tuple[float, ...] = ()


class Film(NamedTuple):
    """A film, what lies under it, how much louder the speech is (None: there is none), and of which kind it is."""

    path: Path
    parts: tuple[Part, ...]
    louder_db: int | None
    kind: str


class Half(NamedTuple):
    """Tracks that the library holds, loops among them, and tracks that it does not."""

    library: list[Path]
    loops: list[Path]
    foreign: list[Path]


def real_tracks(data: Path) -> list[Path]:
    """Produced tracks of at least `LEAST_S`."""
    paths = [*sorted((data / "macleod").glob("*.mp3")), *sorted((data / "music").glob("*.ogg"))]
    return [path for path in paths if (probe(path).duration_s or 0.0) >= LEAST_S]


def renderings(data: Path, cache: Path) -> list[Path]:
    """Songs of POP909 and pieces of VGMIDI, rendered."""
    midi = [*sorted((data / "pop909").glob("*/*.mid")), *sorted((data / "vgmidi/midi").iterdir())]
    return sorted(render_all(midi, find_synth(), cache, tick=lambda *_: None))


def split(tracks: Sequence[Path], fillers: Sequence[Path], folder: Path) -> tuple[Half, Half]:
    """Tracks to choose by and to report, none in both; every second one is foreign."""
    halves = []
    for half in range(2):
        held, foreign = ([path for part in (tracks, fillers) for path in part[half + at :: 4]] for at in (0, 2))
        real = [path for path in held if path in tracks]
        loops = [_loop(path, folder / f"loop {half} {path.stem}.flac") for path in real[::4]]
        halves.append(Half([path for path in held if path not in real[::4]], loops, foreign))
    return halves[0], halves[1]


def _loop(path: Path, out: Path) -> Path:
    y = samples(path)
    first = round(LOOP_S * RATE_HZ)
    write_audio(out, np.concatenate([*[y[:first]] * LOOPS, y[first : first + round(END_S * RATE_HZ)]]), RATE_HZ)
    return out


def make_films(half: Half, speech: Path, folder: Path, *, count: int, rng: np.random.Generator) -> Iterator[Film]:
    """So many films, half of them with foreign music alone."""
    for number in range(count):
        kind = "foreign" if number % 2 else KINDS[number // 2 % len(KINDS)]
        pool = half.foreign if kind == "foreign" else half.loops if kind.startswith("loop") else half.library
        chosen = [pool[at] for at in rng.choice(len(pool), 2, replace=False)]
        parts = _parts(kind, chosen, rng)
        louder_db = LOUDER_DB[number // 2 % len(LOUDER_DB)]
        path = folder / f"{number}.mp4"
        encode(path, _mixed(parts, samples(speech), louder_db, rng=rng))
        yield Film(path, () if kind == "foreign" else parts, louder_db, kind)


def _parts(kind: str, tracks: Sequence[Path], rng: np.random.Generator) -> tuple[Part, ...]:
    """Where which tracks lie in a film of a kind."""
    begin = rng.uniform(1, 8)
    one, two = tracks
    if kind == "recut":
        places, cuts = rng.permutation(3), begin + np.array([0, 8, 16, 24])
        return tuple(Part(one, cuts[at], cuts[at + 1], 8.3 * place) for at, place in enumerate(places))
    if kind == "stops":
        return _part(one, begin, 10, rng), _part(one, begin + 14, 10, rng)
    if kind == "loop end":
        return (Part(one, begin, begin + 18, LOOP_S * LOOPS - rng.uniform(6, 10)),)
    if kind == "loop alone":
        at = rng.uniform(0, 2)
        equal = tuple(at + LOOP_S * loop for loop in range(LOOPS))
        return (Part(one, begin, begin + 6 + 8, equal[0], equal[1:2]),)
    first = _part(one, begin, rng.uniform(12, 24), rng)
    if kind == "crossfade" or (kind == "foreign" and rng.random() < 0.5):
        return first, _part(two, first.film_out - 2, rng.uniform(12, 24), rng)
    return (first,)


def _part(track: Path, film_in: float, lasts: float, rng: np.random.Generator) -> Part:
    return Part(track, film_in, film_in + lasts, rng.uniform(0, max(0.0, len(samples(track)) / RATE_HZ - lasts - 0.1)))


def _mixed(parts: Sequence[Part], speech: Array, louder_db: float | None, *, rng: np.random.Generator) -> Array:
    music = np.zeros(round((max(part.film_out for part in parts) + rng.uniform(1, 8)) * RATE_HZ), np.float32)
    for part in parts:
        y = samples(part.track)[round(part.track_in * RATE_HZ) :][: round((part.film_out - part.film_in) * RATE_HZ)]
        first = round(part.film_in * RATE_HZ)
        music[first : first + len(y)] += y * _faded(len(y)) * 10 ** (rng.uniform(-6, 0) / 20)
    mixed = music
    if louder_db is not None:
        level = np.sqrt(np.mean(np.square(music[music != 0])))
        said = np.resize(np.roll(speech, -int(rng.integers(len(speech)))), len(music))
        mixed = music + said * (level * 10 ** (louder_db / 20) / np.sqrt(np.mean(np.square(speech))))
    return np.asarray(mixed * (rng.uniform(0.05, 0.8) / np.abs(mixed).max()), np.float32)


def _faded(count: int) -> Array:
    edge = np.arange(count) / (FADE_S * RATE_HZ)
    return np.clip(np.minimum(edge, edge[::-1]), 0, 1).astype(np.float32)


@lru_cache(48)
def samples(path: Path) -> Array:
    """A file at `RATE_HZ` in mono, float32 [n]."""
    return np.concatenate(list(audio_blocks(path, RATE_HZ)))


def encode(path: Path, y: Array) -> None:
    """A film of black pictures with sound, AAC at 96 kbit/s."""
    with av.open(str(path), "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        sound.bit_rate = 96_000
        shown = container.add_stream("libx264", rate=5)
        shown.width, shown.height, shown.pix_fmt = 64, 64, "yuv420p"
        black = av.VideoFrame.from_ndarray(np.zeros((96, 64), np.uint8), format="yuv420p")
        for number in range(5 * len(y) // RATE_HZ):
            black.pts = number
            container.mux(shown.encode(black))
        container.mux(shown.encode(None))
        for first in range(0, len(y), 1 << 16):
            part = np.ascontiguousarray(y[None, first : first + (1 << 16)])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, first, Fraction(1, RATE_HZ)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
