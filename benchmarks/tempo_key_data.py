"""Pieces with a stated tempo or key, for `tempo_key.py` and `tempo_fit.py`; a corpus that is absent says why.

- `macleod`: produced tracks with their composer's tempo (`labels.csv`; where the length differs from the catalogue
  it may belong to another edit, and counts all the same).
- `pop909`: songs as MIDI, rendered; tempo from the annotated beats, key of most of the part that is rendered.
- `vgmidi`: games' piano music as MIDI, rendered; tempo and key signature that the files state. 120 bpm and no sharp or
  flat are what sequencers write unasked: such a statement is passed over. A signature rarely says minor where it is.
- `progressions`: songs of chords, bass, melody and drums in all twelve keys, made by `cases/progs.py`.
"""

import csv
import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender import media
from recommender.errors import InputError
from training.affect import midi

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
UNASKED_BPM = 120.0
STEADY = 0.9  # share of the rendered part that one tempo must cover
UNAMBIGUOUS = ("min_i-iv-V-i", "min_i-iv-v-i", "min_i-VI-iv-V", "min_i-VI-iv-v")
SONG_HZ = 44100
RENDERS = Path(tempfile.gettempdir()) / "cliptune-renders"


class Piece(NamedTuple):
    """A sound with what is stated of it; of a `signature` only the number of sharps and flats is believed."""

    name: str
    path: Path
    bpm: float | None = None
    key: str | None = None
    signature: str | None = None


def corpora(shared: Path, renders: Path) -> Iterator[tuple[str, list[Piece] | str]]:
    """Each corpus by name, or one line that says why it is not there."""
    for name, read in (("macleod", macleod), ("pop909", pop909), ("vgmidi", vgmidi), ("progressions", progressions)):
        try:
            yield name, read(shared, renders)
        except (InputError, OSError, ImportError) as error:
            yield name, str(error)


def macleod(shared: Path, renders: Path) -> list[Piece]:
    """Produced tracks by their composer's tempo."""
    folder = shared / "data" / "macleod"
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["bpm"]]
    return [Piece(row["file"], folder / row["file"], float(row["bpm"])) for row in rows]


def pop909(shared: Path, renders: Path) -> list[Piece]:
    """Songs with annotated beats and keys."""
    folders = sorted(path.parent for path in (shared / "data" / "pop909").glob("*/beat_midi.txt"))
    if not folders:
        raise InputError(f"{shared / 'data' / 'pop909'}: no songs")
    sounds = rendered([folder / f"{folder.name}.mid" for folder in folders], renders)
    return [Piece(f.name, sound, _beats(f), _longest_key(f)) for f, sound in zip(folders, sounds, strict=True)]


def _beats(folder: Path) -> float:
    beats = np.loadtxt(folder / "beat_midi.txt", usecols=0)
    return float(60 / np.median(np.diff(beats[beats < midi.SECONDS])))


def _longest_key(folder: Path) -> str:
    lines = [line.split() for line in (folder / "key_audio.txt").read_text(encoding="utf-8").splitlines() if line]
    heard = [(min(float(end), midi.SECONDS) - float(start), name) for start, end, name in lines]
    tonic, mode = max(heard)[1].split(":")
    return key_name(tonic, mode == "min")


def key_name(tonic: str, minor: bool) -> str:
    """A key as the facts write it, from a tonic such as `Gb`."""
    pitch = STEPS[tonic[0]] + tonic.count("#") - tonic[1:].count("b")
    return f"{NAMES[pitch % 12]} {'minor' if minor else 'major'}"


def vgmidi(shared: Path, renders: Path) -> list[Piece]:
    """Games' piano music by what its files state."""
    files = sorted((shared / "data" / "vgmidi" / "midi").glob("*.mid"))
    if not files:
        raise InputError(f"{shared / 'data' / 'vgmidi'}: no pieces")
    heads = [(file, *stated(file.read_bytes(), midi.SECONDS)) for file in files]
    said = [head for head in heads if head[1] or head[2]]
    sounds = rendered([file for file, *_ in said], renders)
    return [Piece(file.stem, sound, bpm, signature=name) for (file, bpm, name), sound in zip(said, sounds, strict=True)]


def rendered(files: list[Path], renders: Path) -> list[Path]:
    """The sound of each MIDI file, kept in `renders`."""
    return midi.render_all(files, midi.find_synth(), renders, tick=lambda done, total: None)


def progressions(shared: Path, renders: Path) -> list[Piece]:
    """Songs in all keys, kept in `renders`; their names begin with the progression."""
    sys.path.insert(0, str(shared / "cases"))
    made = importlib.import_module("progs")
    pieces = []
    for name, (chords, minor) in made.PROGS.items():
        for tonic in range(12):
            path = renders / f"{name}_{tonic}.flac"
            if not path.is_file():
                _keep(path, made.chordsong(tonic, chords, minor, seconds=28, seed=tonic))
            pieces.append(Piece(path.stem, path, key=key_name(NAMES[tonic], minor)))
    return pieces


def _keep(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        media.write_audio(Path(scratch) / path.name, samples, SONG_HZ)
        (Path(scratch) / path.name).replace(path)


# --- what a MIDI file states --------------------------------------------------------------------------------


def stated(data: bytes, seconds: float) -> tuple[float | None, str | None]:
    """The tempo of nearly all of the first `seconds` and the only key signature, each None where it says nothing."""
    division = int.from_bytes(data[12:14], "big")
    events = sorted((tick, kind, value) for tick, kind, value in _meta(data))
    signatures = {value for _, kind, value in events if kind == 0x59}
    bpm, share = _most(
        [(tick, int.from_bytes(value, "big")) for tick, kind, value in events if kind == 0x51],
        _last_tick(data),
        division,
        seconds,
    )
    told = bpm if share > STEADY and abs(bpm - UNASKED_BPM) > 0.01 else None
    return told, _signature(signatures.pop()) if len(signatures) == 1 else None


def _signature(value: bytes) -> str | None:
    sharps, minor = int.from_bytes(value[:1], "big", signed=True), value[1:2] == b"\x01"
    return None if sharps == 0 else key_name(NAMES[(7 * sharps + (9 if minor else 0)) % 12], minor)


def _most(tempi: list[tuple[int, int]], last: int, division: int, seconds: float) -> tuple[float, float]:
    """The tempo in bpm that lasts longest in the first `seconds`, and its share of them."""
    spent: dict[int, float] = {}
    at_s, tick, per_beat = 0.0, 0, 500_000
    for when, after in [*tempi, (last, 0)]:
        length = (when - tick) * per_beat / 1e6 / division
        spent[per_beat] = spent.get(per_beat, 0) + max(min(length, seconds - at_s), 0)
        at_s, tick, per_beat = at_s + length, when, after
    longest = max(spent, key=lambda tempo: spent[tempo])
    return 60e6 / longest, spent[longest] / max(sum(spent.values()), 1e-9)


def _last_tick(data: bytes) -> int:
    return max((tick for tick, _, _ in _events(data)), default=0)


def _meta(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    yield from ((tick, kind, value) for tick, kind, value in _events(data) if kind in (0x51, 0x59))


def _events(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Tick, type (of a meta event; the status byte of others) and body of each event of each track."""
    at = 14
    while data[at : at + 4] == b"MTrk":
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        yield from _track(data[at + 8 : end])
        at = end


def _track(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at, tick, status = 0, 0, 0
    while at < len(data):
        delta, at = _number(data, at)
        tick += delta
        if data[at] & 0x80:
            status, at = data[at], at + 1
        if status in (0xF0, 0xF7, 0xFF):
            kind, at = (data[at], at + 1) if status == 0xFF else (status, at)
            length, at = _number(data, at)
            yield tick, kind, data[at : at + length]
        else:
            length = 1 if status & 0xE0 == 0xC0 else 2
            yield tick, status, data[at : at + length]
        at += length


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits per byte that starts at `at`, and where it ends."""
    value = 0
    while True:
        value = value << 7 | data[at] & 0x7F
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
