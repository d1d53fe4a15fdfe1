"""Songs whose beats and downbeats are known, for `beats.py` and `beats_fit.py`; a corpus that is absent says why.

- `pop909`: songs as MIDI, the first 90 s rendered, with the beats of `beat_midi.txt`. Its second column marks every
  second beat, or every third in songs in three, its third every fourth or sixth: downbeats are the third column, in
  three the second, as in the bars that people counted (`human_label1.txt`). Notes lie on the beats to a millisecond.
- `pop909 with drums`: the same with kick, snare and hi-hat on the annotated beats (`cases/synth.py`): produced music
  has a backbeat, and its loudest stroke is not the downbeat.
- `pop909 swaying`: the same resampled so that the tempo sways by 8 % within 25 s; rendered songs keep theirs to the
  millisecond, people do not.
- `vgmidi`: piano arrangements of games' music, rendered; beats and bars of their time signatures, where nine in ten
  notes lie on a division of these beats. In 6/8 a beat is three eighths.
- `progressions`: songs of chords, bass, melody and drums in two keys each, made by `cases/progs.py` at 100 bpm.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tempo_key_data as data

from recommender.errors import InputError
from recommender.extractors.audio.stft import SR_HZ
from recommender.media import audio_blocks
from recommender.types import Array
from training.affect import midi as rendering

SWAY, SWAY_S = 0.08, 25.0
DRUMS = 0.8  # of the music's root mean square
ON_GRID = 0.9
KEYS = ("_0", "_7")


class Song(NamedTuple):
    """A sound and its beats: times in seconds; `name` is that of the song in all its versions."""

    name: str
    sound: Callable[[], Array]
    beats_s: Array
    downbeats_s: Array
    metre: int


def corpora(shared: Path, renders: Path) -> Iterator[tuple[str, list[Song] | str]]:
    """Each corpus by name, or one line that says why it is not there."""
    made = {
        "pop909": pop909,
        "pop909 with drums": drums,
        "pop909 swaying": swaying,
        "vgmidi": vgmidi,
        "progressions": progressions,
    }
    for name, read in made.items():
        try:
            yield name, read(shared, renders)
        except (InputError, OSError, ImportError) as error:
            yield name, str(error)


def decoded(path: Path) -> Array:
    """The samples of a file, float32 at SR_HZ."""
    return np.concatenate([np.zeros(0, np.float32), *audio_blocks(path, SR_HZ)])


def pop909(shared: Path, renders: Path) -> list[Song]:
    """Songs as rendered."""
    songs = []
    for piece in data.pop909(shared, renders):
        rows = np.loadtxt(shared / "data" / "pop909" / piece.name / "beat_midi.txt")
        rows = rows[rows[:, 0] < rendering.SECONDS]
        metre = 3 if np.median(np.diff(np.flatnonzero(rows[:, 1]))) == 3 else 4
        down = rows[:, 1 if metre == 3 else 2] > 0
        songs.append(Song(piece.name, partial(decoded, piece.path), rows[:, 0], rows[down, 0], metre))
    return songs


def drums(shared: Path, renders: Path) -> list[Song]:
    """Songs with drums."""
    sys.path.insert(0, str(shared / "cases"))
    synth = importlib.import_module("synth")
    return [song._replace(sound=partial(_drummed, song, synth)) for song in pop909(shared, renders)]


def _drummed(song: Song, synth: Any) -> Array:
    """The song with kick and snare in turn (in three a kick and two snares) in one of three patterns, and a hi-hat."""
    y, rng = song.sound(), np.random.default_rng(int(song.name))
    kit, pattern = np.zeros(round((len(y) / SR_HZ + 1) * synth.SR)), int(rng.integers(3))
    place = 0
    for at, step in zip(song.beats_s, np.diff(song.beats_s, append=song.beats_s[-1] + 0.5), strict=True):
        place = 0 if np.abs(song.downbeats_s - at).min() < 0.01 else place + 1
        strong = place == 0 or (song.metre == 4 and place == 2)
        synth.add(kit, synth.kick(rng) if strong else synth.snare(rng), at)
        if pattern == 1 and song.metre == 4 and place == 2:
            synth.add(kit, synth.kick(rng), at + step / 2)
        if pattern == 2 and not strong:
            synth.add(kit, synth.kick(rng), at)
        for half in range(2):
            synth.add(kit, synth.hat(rng), at + half * step / 2)
    kit = np.interp(np.arange(len(y)) * (synth.SR / SR_HZ), np.arange(len(kit)), kit)
    both = y + DRUMS * kit * np.sqrt(np.square(y).mean() / max(float(np.square(kit).mean()), 1e-12))
    return (both / max(1.1 * float(np.abs(both).max()), 1e-9)).astype(np.float32)


def swaying(shared: Path, renders: Path) -> list[Song]:
    """Songs whose tempo, and with it their pitch, sways."""
    return [
        song._replace(sound=partial(_swayed, song), beats_s=_later(song.beats_s), downbeats_s=_later(song.downbeats_s))
        for song in pop909(shared, renders)
    ]


def _later(times_s: Array) -> Array:
    """When moments of the song are in its swaying version: the integral of 1 + SWAY sin(2 pi t / SWAY_S)."""
    turn = 2 * np.pi / SWAY_S
    return np.asarray(times_s + SWAY / turn * (1 - np.cos(turn * times_s)))


def _swayed(song: Song) -> Array:
    y = song.sound()
    after = _later(np.arange(len(y)) / SR_HZ)
    at = np.interp(np.arange(int(after[-1] * SR_HZ)) / SR_HZ, after, np.arange(len(y)))
    return np.interp(at, np.arange(len(y)), y).astype(np.float32)


def progressions(shared: Path, renders: Path) -> list[Song]:
    """Made songs: a beat each 0.6 s from the start, bars of four."""
    beats_s = np.arange(0, 28, 0.6)
    pieces = [piece for piece in data.progressions(shared, renders) if piece.name.endswith(KEYS)]
    return [Song(piece.name, partial(decoded, piece.path), beats_s, beats_s[::4], 4) for piece in pieces]


# --- bars that a MIDI file states ---------------------------------------------------------------------------


def vgmidi(shared: Path, renders: Path) -> list[Song]:
    """Arrangements that are written in bars."""
    files = sorted((shared / "data" / "vgmidi" / "midi").glob("*.mid"))
    if not files:
        raise InputError(f"{shared / 'data' / 'vgmidi'}: no pieces")
    stated = {file: found for file in files if (found := bars(file.read_bytes()))}
    sounds = data.rendered(list(stated), renders)
    return [Song(f.stem, partial(decoded, s), *stated[f]) for f, s in zip(stated, sounds, strict=True)]


def bars(midi: bytes) -> tuple[Array, Array, int] | None:
    """Beats and downbeats in seconds and the usual metre of the part that is rendered; None of what has no bars."""
    division = int.from_bytes(midi[12:14], "big")
    events = sorted(data._events(midi), key=lambda event: event[0])
    signatures = [(tick, body[0], 2 ** body[1]) for tick, kind, body in events if kind == 0x58]
    notes = [tick for tick, kind, body in events if kind & 0xF0 == 0x90 and body[1]]
    if not signatures or not notes:
        return None
    signatures = [(0, 4, 4)] * (signatures[0][0] > 0) + signatures
    ends = [tick for tick, *_ in signatures[1:]] + [events[-1][0]]
    ticks, metres, places = [], [], []
    for (first, count, unit), end in zip(signatures, ends, strict=True):
        compound = unit == 8 and count % 3 == 0 and count > 3
        beat = division * 4 / unit * (3 if compound else 1)
        metre = count // 3 if compound else count
        k = np.arange(-(-(end - first) // beat))
        ticks.append(first + k * beat)
        metres.append(np.full(len(k), metre))
        places.append(k % metre)
    seconds = _clock(events, division)
    beats_s, place, metre = seconds(np.concatenate(ticks)), np.concatenate(places), np.concatenate(metres)
    notes_s = seconds(np.array(notes))
    notes_s = notes_s[notes_s < rendering.SECONDS]
    heard = beats_s <= min(rendering.SECONDS, notes_s.max(initial=0) + 0.1)
    if heard.sum() < 8 or _on_grid(notes_s, beats_s) < ON_GRID:
        return None
    return beats_s[heard], beats_s[heard & (place == 0)], int(np.median(metre[heard]))


def _clock(events: list[tuple[int, int, bytes]], division: int) -> Callable[[Array], Array]:
    """Seconds of ticks."""
    changes = [(0, 500_000)] + [(tick, int.from_bytes(body, "big")) for tick, kind, body in events if kind == 0x51]
    tick, each = np.array(changes, np.float64).T
    each /= 1e6 * division
    start = np.concatenate([[0], np.cumsum(np.diff(tick) * each[:-1])])

    def seconds(at: Array) -> Array:
        piece = np.searchsorted(tick, at, "right") - 1
        return np.asarray(start[piece] + (at - tick[piece]) * each[piece])

    return seconds


def _on_grid(notes_s: Array, beats_s: Array) -> float:
    """The share of notes on quarters or thirds of beats, to a fiftieth of a beat."""
    place = np.interp(notes_s, beats_s, np.arange(len(beats_s)))
    off = [np.abs(place * parts - np.round(place * parts)) / parts for parts in (3, 4)]
    return float((np.minimum(*off) < 0.02).mean())
