"""How well speech is found over music, how surely voices of tracks are told, and what ranks under speech.

    pip download silero-vad==6.2.3 --no-deps --no-binary :all: && tar xzf silero_vad-6.2.3.tar.gz
    python benchmarks/speech.py ../shared silero_vad-6.2.3 [--out docs/results/speech.md]

Speech: the recordings in the sources of silero-vad (MIT): a speaker before an audience (aepyx.wav), on which parameters
were chosen, and another recording (test.wav), on which is reported. Music: `macleod` and `music`, every other track for
either, but for the one that is sung. Where somebody speaks is told by the level of the clean recording: within 25 dB
of its active level, with pauses below 0.3 s; applause was marked by eye, on spectrograms, and is not counted, nor is
what lies within 0.1 s of a beginning or end. A vocal twin is a track with the speech laid over it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from unittest.mock import patch

import measuring

# isort: split
import numpy as np

from recommender import Recommender
from recommender.editing.placement import Stretch
from recommender.extractors.audio import music as extractor
from recommender.extractors.audio import silero, voice
from recommender.extractors.audio.speech import regions
from recommender.media import audio_blocks, write_audio
from recommender.memory import MemoryLibrary
from recommender.model import Model
from recommender.rankers import speech as ranking

Array = Any
SEED = 18
RATE_HZ = 22050
SNRS_DB = (12, 6, 0)
TWINS_DB = (6, 0, -6)
PART_S, TRACK_S, BLOCK_S = 20.0, 45.0, 5.0
TRACKS, CLIPS = 20, 6
COSTS = (0.2, 0.25, 0.3, 0.35, 0.4)
COLLAR_S, PAUSE_S, BELOW_DB = 0.1, 0.3, 25.0
SUNG = "Karissa"
APPLAUSE = ((0.0, 2.6), (18.4, 19.1), (25.6, 28.4), (63.5, 67.0))
"""Seconds of aepyx.wav."""


class Speech(NamedTuple):
    """Mono speech at 16 kHz with what is known of its chunks: whether somebody speaks, whether that counts; and all
    at `RATE_HZ`."""

    samples: Array
    spoken: Array
    counts: Array
    level_db: float
    at_rate: Array


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/")
    options.add_argument("silero", type=Path, help="the unpacked sources of silero-vad")
    args = options.parse_args()
    data = args.shared / "data"
    tracks = [*sorted((data / "macleod").glob("*.mp3")), *sorted((data / "music").glob("*.ogg"))]
    recordings = {"chosen": args.silero / "examples/c++/aepyx.wav", "reported": args.silero / "tests/data/test.wav"}
    missing = [str(path) for path in recordings.values() if not path.is_file()] + [str(data)] * (not tracks)
    if missing:
        raise SystemExit(f"nothing to measure: {', '.join(missing)} is not there")
    plain = [path for path in tracks if SUNG not in path.name]
    halves = {"chosen": plain[0::2], "reported": plain[1::2]}
    speech = {name: label(path, APPLAUSE * (name == "chosen")) for name, path in recordings.items()}
    parts = [
        lambda: frames({name: (speech[name], halves[name]) for name in halves}, np.random.default_rng(SEED)),
        lambda: voices(
            {name: (speech[name], halves[name]) for name in halves},
            set(tracks) - set(plain),
            np.random.default_rng(SEED),
        ),
        lambda: ranks({n: (speech[n], halves[n][:TRACKS]) for n in halves}, data, np.random.default_rng(SEED)),
        lambda: presence(plain[::4]),
        lambda: costs(plain[:8], recordings["chosen"]),
    ]
    done = []
    for part in parts:
        done.append(part())
        print(done[-1], flush=True)
    head = f"# Speech and voices\n\n`python benchmarks/speech.py`, seed {SEED}. {measuring.environment('numpy')}.\n\n"
    measuring.publish(head + __doc__.partition("\n\n")[2].partition("\n\n")[2] + "\n" + "\n".join(done), args.out)


def load(path: Path, rate_hz: int, most_s: float = 1e9) -> Array:
    """Mono samples float32 of a file."""
    blocks = takewhile(lambda at: at[0] * BLOCK_S < most_s, enumerate(audio_blocks(path, rate_hz, BLOCK_S)))
    return np.concatenate([block for _, block in blocks])[: round(min(most_s, 1e6) * rate_hz)]


def label(path: Path, noise: Sequence[tuple[float, float]]) -> Speech:
    """Speech with its chunks labelled by their level."""
    y = load(path, silero.SR_HZ)
    chunks = y[: len(y) // silero.CHUNK * silero.CHUNK].reshape(-1, silero.CHUNK)
    db = 10 * np.log10(np.square(chunks).mean(axis=1) + 1e-12)
    active = 10 * np.log10(np.mean(10 ** (db[db > np.quantile(db, 0.9) - 20] / 10)))
    spoken = bridged(db > active - BELOW_DB, round(PAUSE_S / silero.CHUNK_S))
    counts = np.ones(len(spoken), bool)
    around = round(COLLAR_S / silero.CHUNK_S)
    for edge in np.flatnonzero(np.diff(spoken)) + 1:
        counts[max(edge - around, 0) : edge + around] = False
    for start, end in noise:
        counts[round(start / silero.CHUNK_S) : round(end / silero.CHUNK_S)] = False
    return Speech(chunks.reshape(-1), spoken, counts, float(active), load(path, RATE_HZ))


def bridged(marks: Array, most: int) -> Array:
    """`marks` with gaps of at most `most` filled."""
    filled, edges = marks.copy(), np.flatnonzero(np.diff(np.r_[0, marks, 0])).reshape(-1, 2)
    for (_, end), (start, _) in pairwise(edges.tolist()):
        filled[end:start] |= start - end <= most
    return filled


def told(likely: Array) -> Array:
    """bool [n]: the chunks that lie in a region."""
    marks = np.zeros(len(likely), bool)
    for start, end in regions(likely):
        marks[round(start / silero.CHUNK_S) : round(end / silero.CHUNK_S)] = True
    return marks


def level_db(y: Array) -> float:
    return 10 * float(np.log10(np.mean(np.square(y)) + 1e-12))


def frames(halves: Mapping[str, tuple[Speech, Sequence[Path]]], rng: np.random.Generator) -> str:
    """Precision and recall of frames over music, and how much of instrumentals counts as speech."""
    lines = ["## Frames of speech over music\n", "| | SNR dB | precision | recall |", "|---|---|---|---|"]
    size = round(PART_S / silero.CHUNK_S)
    for name, (speech, tracks) in halves.items():
        counted = {snr: np.zeros(3) for snr in SNRS_DB}
        for path in tracks[:TRACKS]:
            y = np.resize(load(path, silero.SR_HZ, PART_S), size * silero.CHUNK)
            first = int(rng.integers(len(speech.spoken) - size))
            part = slice(first, first + size)
            s = speech.samples.reshape(-1, silero.CHUNK)[part].reshape(-1)
            for snr in SNRS_DB:
                mixed = s + y * 10 ** ((speech.level_db - snr - level_db(y)) / 20)
                found, true = told(silero.probabilities([mixed.astype(np.float32)])), speech.spoken[part]
                of = speech.counts[part]
                counted[snr] += [np.sum(found & true & of), np.sum(found & ~true & of), np.sum(~found & true & of)]
        for snr, (right, wrong, missed) in counted.items():
            lines.append(f"| {name} | {snr} | {right / (right + wrong):.3f} | {right / (right + missed):.3f} |")
    lines += [
        "",
        "| instrumentals | tracks | frames in regions of speech | worst track | tracks above 0.05 |",
        "|" + "---|" * 5,
    ]
    for name, (_, tracks) in halves.items():
        shares = [float(told(silero.probabilities(audio_blocks(path, silero.SR_HZ))).mean()) for path in tracks]
        above = sum(share > 0.05 for share in shares)
        lines.append(f"| {name} | {len(shares)} | {np.mean(shares):.4f} | {max(shares):.3f} | {above} |")
    return "\n".join(lines) + "\n"


def twin(y: Array, speech: Speech, db: float, rng: np.random.Generator) -> Array:
    """`y` at `RATE_HZ` with speech `db` above its level."""
    s = np.resize(np.roll(speech.at_rate, -int(rng.integers(len(speech.at_rate)))), len(y))
    mixed = y + s * 10 ** ((level_db(y) + db - speech.level_db) / 20)
    return (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)


def cue(y: Array) -> float:
    """How likely a voice is in `y`."""
    ear = voice.Ear()
    for _ in ear.listen([y]):
        pass
    return float(ear.facts()["voice"] or 0.0)


def voices(halves: Mapping[str, tuple[Speech, Sequence[Path]]], sung: Iterable[Path], rng: np.random.Generator) -> str:
    """How far instrumentals and their vocal twins are told apart."""
    from recommender.conditions import INSTRUMENTAL

    lines = ["## Voices of tracks\n", f"Called instrumental where `voice` is at most {INSTRUMENTAL}.\n"]
    lines += [
        "| | tracks | instrumentals kept | " + " | ".join(f"twin {db:+d} dB kept" for db in TWINS_DB) + " | AUC |"
    ]
    lines += ["|" + "---|" * (4 + len(TWINS_DB))]
    for name, (speech, tracks) in halves.items():
        plain, twins = [], {db: list[float]() for db in TWINS_DB}
        for path in tracks:
            y = load(path, RATE_HZ, TRACK_S)
            plain.append(cue(y))
            for db, found in twins.items():
                found.append(cue(twin(y, speech, db, rng)))
        kept = [np.mean(np.array(v) <= INSTRUMENTAL) for v in (plain, *twins.values())]
        every = np.concatenate([*twins.values()])[:, None]
        auc = np.mean(every > np.array(plain)) + 0.5 * np.mean(every == np.array(plain))
        lines.append(f"| {name} | {len(plain)} | " + " | ".join(f"{k:.2f}" for k in kept) + f" | {auc:.3f} |")
    for path in sung:
        y = load(path, RATE_HZ)
        quarters = [f"{cue(part):.2f}" for part in np.array_split(y, 4)]
        lines.append(f"\nThe one sung track ({path.stem}): {cue(y):.2f}; its quarters alone: {', '.join(quarters)}.")
    return "\n".join(lines) + "\n"


def ranks(halves: Mapping[str, tuple[Speech, Sequence[Path]]], data: Path, rng: np.random.Generator) -> str:
    """How often a vocal twin ranks below its instrumental, by what a voice costs; half of each clip is speech."""
    model = Model.load()
    clips = [*sorted((data / "clips").glob("*.mp4")), *sorted((data / "activity").glob("*.mp4"))]
    head = ["", "a voice costs", *(f"below, voice {db:+d} dB" for db in TWINS_DB), "pairs each"]
    lines = [f"## Ranking under speech\n\n| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, (speech, tracks) in halves.items():
        with TemporaryDirectory() as folder:
            found = analysed(model, speech, tracks, Path(folder), rng)
        engine = Recommender(MemoryLibrary.of_analyses(found, model), model)
        queries = [replace(engine.clip(path), speech=()) for path in clips[:: max(len(clips) // CLIPS, 1)]]
        for cost in (None, *COSTS) if name == "chosen" else (None, ranking.VOICE):
            with patch.object(ranking, "VOICE", cost or 0.0):
                below = np.mean([lower(engine, q, len(tracks), cost is not None) for q in queries], axis=0)
            cells = [name, "(no speech)" if cost is None else f"{cost:g}", *(f"{b:.3f}" for b in below)]
            lines.append(f"| {' | '.join(cells)} | {len(tracks) * len(queries)} |")
    return "\n".join(lines) + "\n"


def analysed(
    model: Model, speech: Speech, tracks: Sequence[Path], folder: Path, rng: np.random.Generator
) -> dict[Path, Any]:
    """Analyses of tracks and their twins by paths NUMBER-LEVEL.wav; the tracks' own level is `plain`."""
    found = {}
    for i, path in enumerate(tracks):
        y = load(path, RATE_HZ, TRACK_S)
        for name, sound in {"plain": y, **{str(db): twin(y, speech, db, rng) for db in TWINS_DB}}.items():
            file = folder / f"{i}-{name}.wav"
            write_audio(file, sound, RATE_HZ)
            found[file] = model.analyse(file, "music")
    return found


def lower(engine: Recommender, query: Any, tracks: int, spoken: int) -> list[float]:
    """Per level the share of twins that rank below their instrumental; half of a spoken clip is speech."""
    asked = replace(query, speech=(Stretch(0.0, query.duration_s / 2),) * spoken)
    every = tracks * (1 + len(TWINS_DB))
    rank = {Path(r.track.path).stem: r.rank for r in engine.recommend(asked, top=every, candidates=every)}
    return [np.mean([rank[f"{i}-{db}"] > rank[f"{i}-plain"] for i in range(tracks)]) for db in TWINS_DB]


def presence(tracks: Sequence[Path]) -> str:
    """How well energy at 1-4 kHz is told by columns that every library has."""
    true, found = [], []
    for path in tracks:
        y = load(path, RATE_HZ)
        measured = extractor.from_blocks([y])
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(y, (0, 2048)), 2048)[::1024] * np.hanning(2048)
        power = np.square(np.abs(np.fft.rfft(frames.astype(np.float32), axis=1)))
        hz, at = np.fft.rfftfreq(2048, 1 / RATE_HZ), np.arange(len(power)) * 1024 / RATE_HZ
        band = (hz >= 1000) & (hz < 4000)
        for (start, end), row in zip(measured.windows, measured.values, strict=True):
            inside = power[(at >= start) & (at < end)]
            true.append(10 * np.log10(inside[:, band].sum() / (inside.sum() + 1e-12) + 1e-4))
            found.append(ranking.presence_db(measured.columns, row[None]))
    r, off = np.corrcoef(true, found)[0, 1], np.sqrt(np.mean(np.square(np.subtract(true, found))))
    told = f"{len(true)} windows of {len(tracks)} tracks: r = {r:.2f}, {off:.1f} dB off (root mean square)"
    unseen = "it was fitted on these and others (five folds of 115 tracks, unseen: r = 0.84, 3.6 dB)"
    return f"## Energy at 1-4 kHz\n\n{told}; {unseen}.\n"


def costs(tracks: Sequence[Path], recording: Path) -> str:
    """CPU of listening to a clip, and to the tracks that are analysed."""
    y = load(recording, silero.SR_HZ, 60)
    minute = measuring.cpu(lambda: silero.probabilities([y]))
    sounds = [load(path, RATE_HZ) for path in tracks]
    minutes = sum(map(len, sounds)) / RATE_HZ / 60
    whole = measuring.cpu(lambda: [extractor.from_blocks([s]) for s in sounds])
    ears = measuring.cpu(lambda: [cue(s) for s in sounds])
    lines = ["## Cost\n", f"A minute of a clip's sound: {minute:.2f} s of CPU beside its decoding. Of the analysis of "]
    lines[-1] += (
        f"music ({whole / minutes:.2f} s a minute, decoding aside), listening for a voice is {ears / whole:.1%}."
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
