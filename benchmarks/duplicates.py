"""Near-duplicates: recall by alteration, false matches between different tracks, cost, and search among 100,000.

    python benchmarks/duplicates.py ../shared/data [--out docs/results/duplicates.md]

Needs fluidsynth with two General MIDI soundfonts for the other performances (Debian: fluidsynth, timgm6mb-soundfont,
fluid-soundfont-gm). Parameters were chosen on the first half of each folder of tracks; the second half is reported.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import measuring

# isort: split
import numpy as np
from alterations import SR_HZ, alterations, resampled
from duplicates_scale import scale
from platformdirs import user_cache_path

from indexing.duplicates import matching
from indexing.duplicates.matching import Match, Recordings
from recommender import sample
from recommender.errors import MediaError
from recommender.extractors.audio import acoustic, music, stft
from recommender.extractors.audio.acoustic import RATE_HZ, Fingerprint
from recommender.extractors.audio.pitch import log_spectrum
from recommender.media import audio_blocks
from recommender.sample.pieces import PIECES, Piece
from recommender.sample.score import waveform
from training.affect.midi import find_synth, other_synth, render_all

LONGEST_S = 45  # of each file that is altered
EVERY = 23  # of the many pieces of VGMIDI
LOOSE = replace(matching.DEFAULT, errors=0.5, colour_db=np.inf)
EULER = 0.5772


class Track(NamedTuple):
    """A file, the folder it counts to, its fingerprint, and whether it is reported (or served to choose)."""

    path: Path
    folder: str
    fingerprint: Fingerprint
    reported: bool


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--sizes", type=int, nargs="*", default=(1000, 10_000, 100_000))
    args = options.parse_args()
    measuring.publish(report(args), args.out)


def report(args: argparse.Namespace) -> str:
    """The tables in markdown."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        synth = find_synth()
        second = other_synth(synth)
        midi, cache = sorted((args.data / "vgmidi/midi").iterdir()), user_cache_path("cliptune") / "renderings"
        one = sorted(render_all(midi, synth, cache, tick=lambda *_: None))
        folders = {
            "music": sorted((args.data / "music").glob("*.ogg")),
            "sound of clips": sorted((args.data / "clips").iterdir()),
            "sample": sorted(sample.render(scratch).music.iterdir()),
            "VGMIDI": one,
        }
        tracks = [track for name, paths in folders.items() for track in listened(name, paths)]
        texts = [
            "# Near-duplicates",
            f"{measuring.environment('numpy', 'av')}; seed {args.seed}. Made by\n"
            "`python benchmarks/duplicates.py ../shared/data --out docs/results/duplicates.md`.",
            recall(tracks, scratch / "altered", args.seed),
            strangers(tracks),
            performances(tracks, render_all(midi, second, cache, tick=lambda *_: None) if second else []),
            cost([track.path for track in tracks if track.folder == "music"][::3]),
            *([scale(args.sizes, args.seed)] if args.sizes else []),
        ]
    return "\n\n".join(texts) + "\n"


def listened(folder: str, paths: list[Path]) -> list[Track]:
    """The tracks of a folder; files without sound are left out."""
    fingerprints = []
    for path in paths:
        try:
            fingerprints.append((path, acoustic.from_blocks(audio_blocks(path, stft.SR_HZ))))
        except MediaError:
            continue
    half = (len(fingerprints) + 1) // 2
    return [Track(path, folder, fingerprint, at >= half) for at, (path, fingerprint) in enumerate(fingerprints)]


def recall(tracks: list[Track], file: Path, seed: int) -> str:
    """How many alterations of the reported half are recognised, by kind."""
    recordings = Recordings()
    recordings.add(enumerate(track.fingerprint for track in tracks))
    rng = np.random.default_rng(seed)
    found: dict[str, list[Match | None]] = {}
    wrong, silent = [], 0
    vgmidi = [at for at, track in enumerate(tracks) if track.folder == "VGMIDI" and track.reported][::EVERY]
    others = [at for at, track in enumerate(tracks) if track.folder != "VGMIDI" and track.reported]
    for at in others + vgmidi:
        if tracks[at].fingerprint.heard < matching.DEFAULT.frames:
            silent += 1
            continue
        y = np.concatenate(list(audio_blocks(tracks[at].path, SR_HZ)))[: LONGEST_S * SR_HZ]
        for kind, altered in alterations(y, rng):
            file.write_bytes(altered())
            matches = {m.track: m for m in recordings.matches(acoustic.from_blocks(audio_blocks(file, stft.SR_HZ)))}
            found.setdefault(kind, []).append(matches.pop(at, None))
            wrong += [(tracks[at].path.name, tracks[other].path.name) for other in matches]
    every = [match for matches in found.values() for match in matches]
    rows = [recall_row(kind, matches) for kind, matches in found.items()]
    return "\n".join(
        [
            f"{len(others) + len(vgmidi) - silent} tracks (the second half of each folder; of VGMIDI every {EVERY}th),"
            f" at most {LONGEST_S} s each, altered and looked up among all {len(tracks)} originals. Recognised: "
            f"{sum(m is not None for m in every)} of {len(every)}; matched with another track: {len(wrong)}"
            f"{''.join(f'; {a} with {b}' for a, b in sorted(set(wrong)))}. Left out: {silent} with less than 3 s that"
            " tell something.",
            "",
            "| alteration | recognised | similarity, least | median | colour, most |",
            "|---|---|---|---|---|",
            *rows,
            recall_row("all", every),
        ]
    )


def recall_row(kind: str, matches: list[Match | None]) -> str:
    hits = [match for match in matches if match is not None]
    similarity = np.array([match.similarity for match in hits] or [np.nan])
    colour = max([match.colour_db for match in hits], default=np.nan)
    counts = f"{len(hits)} of {len(matches)}"
    return f"| {kind} | {counts} | {similarity.min():.2f} | {np.median(similarity):.2f} | {colour:.1f} dB |"


def strangers(tracks: list[Track]) -> str:
    """Matches between all different tracks, and how close the reported half comes at any offset."""
    recordings = Recordings()
    recordings.add(enumerate(track.fingerprint for track in tracks))
    matched = [
        (a, m.track) for a, track in enumerate(tracks) for m in recordings.matches(track.fingerprint) if m.track > a
    ]
    named = "".join(f" ({tracks[a].path.name} with {tracks[b].path.name})" for a, b in matched)
    lines = [
        f"All {len(tracks)} originals against each other, {len(tracks) * (len(tracks) - 1) // 2:,} pairs: "
        f"{len(matched)} matched{named}.",
        "",
        "Least bit error rate of two different tracks of the reported half at any offset, and the chance that a pair "
        "falls below the limit",
        f"of {matching.DEFAULT.errors} (Gumbel distribution of least values, fitted by moments), colour not counted:",
        "",
        "| overlap, least | pairs | mean | lowest | chance of a false match per pair |",
        "|---|---|---|---|---|",
    ]
    for seconds in (5, 10, 30):
        frames = round(seconds * RATE_HZ)
        codes = [track.fingerprint.codes for track in tracks if track.reported and track.fingerprint.heard >= frames]
        signs = [signed(code) for code in codes]
        least = np.array([closest(a, b, frames) for i, a in enumerate(signs) for b in signs[:i]])
        beta = least.std() * np.sqrt(6) / np.pi
        chance = -np.expm1(-np.exp((matching.DEFAULT.errors - least.mean() - EULER * beta) / beta))
        row = f"| {seconds} s | {len(least):,} | {least.mean():.3f} | {least.min():.3f} | {chance:.0e} |"
        lines.append(row)
    return "\n".join(lines)


def signed(codes: np.ndarray) -> np.ndarray:
    """Transform of the bits as ±1, 0 where a code tells nothing, and of that mask: complex [33, 1025]."""
    bits = np.unpackbits(codes.astype("<u4").view(np.uint8).reshape(-1, 4), axis=1)
    told = (codes != 0).astype(np.float32)
    both = np.vstack([((2.0 * bits - 1) * told[:, None]).T, told])
    return np.asarray(np.fft.rfft(both, 2048, axis=1))


def closest(a: np.ndarray, b: np.ndarray, frames: int) -> float:
    """The least bit error rate of two `signed` tracks over all offsets with `frames` in common."""
    product = a.conj() * b
    agreement, common = np.fft.irfft(np.stack([product[:32].sum(axis=0), product[32]]))
    enough = np.round(common) >= frames
    return float(((1 - agreement[enough] / common[enough] / 32) / 2).min())


def performances(tracks: list[Track], other: list[Path]) -> str:
    """What other performances and mixes of the same notes, in time with each other, score."""
    lines = [
        "The same notes at the same time, sounding otherwise: not the same recording, and the hardest to tell apart. "
        "(The colour",
        "limit was set with other soundfonts in view.)",
        "",
        "| pair | counted as the same | similarity | colour |",
        "|---|---|---|---|",
    ]
    if other:
        theirs = {path.name: path for path in other}
        pairs = [(t.fingerprint, listen(theirs[t.path.name])) for t in tracks if t.folder == "VGMIDI"]
        lines.append(performance_row("VGMIDI by two soundfonts", pairs))
    left_out, shelves, faster = [], [], []
    for piece in PIECES:
        y = waveform(piece)
        whole = acoustic.from_blocks([y])
        left_out += [(whole, acoustic.from_blocks([waveform(p)])) for p in without_a_layer(piece)]
        shelves += [(whole, acoustic.from_blocks([shelf(y, treble)])) for treble in (False, True)]
        faster.append((whole, acoustic.from_blocks([resampled(y, round(stft.SR_HZ / 1.01), stft.SR_HZ)])))
    lines.append(performance_row("sample pieces with one layer left out", left_out))
    lines += [
        "",
        "Changes that were no part of the choice (they should count as the same):",
        "",
        *lines[3:5],
        performance_row("sample pieces, bass or treble raised by 4 dB", shelves),
        performance_row("sample pieces, 1 % faster and higher", faster),
    ]
    return "\n".join(lines)


def listen(path: Path) -> Fingerprint:
    return acoustic.from_blocks(audio_blocks(path, stft.SR_HZ))


def without_a_layer(piece: Piece) -> list[Piece]:
    if len(piece.layers) == 1:
        return []
    return [replace(piece, layers=piece.layers[:i] + piece.layers[i + 1 :]) for i in range(len(piece.layers))]


def shelf(y: np.ndarray, treble: bool) -> np.ndarray:
    """`y` with what is below (or above) 400 Hz raised by 4 dB, by a first-order filter."""
    from scipy.signal import butter, lfilter

    low = lfilter(*butter(1, 400 / (stft.SR_HZ / 2)), y)
    raised = y + (10 ** (4 / 20) - 1) * (y - low if treble else low)
    return np.asarray(raised / 2, np.float32)


def performance_row(name: str, pairs: list[tuple[Fingerprint, Fingerprint]]) -> str:
    strict, loose = [], []
    for a, b in pairs:
        for limits, out in ((matching.DEFAULT, strict), (LOOSE, loose)):
            recordings = Recordings(limits)
            recordings.add([(0, a)])
            out += recordings.matches(b)
    similarity, colour = ([getattr(m, name) for m in loose] or [np.nan] for name in ("similarity", "colour_db"))
    spans = [f"{min(v):.2f} to {max(v):.2f}{unit}" for v, unit in ((similarity, ""), (colour, " dB"))]
    return f"| {name} | {len(strict)} of {len(pairs)} | {' | '.join(spans)} |"


def cost(paths: list[Path]) -> str:
    """What a fingerprint costs on top of decoding and measuring music."""
    spectra = [
        np.concatenate([log_spectrum(stft.slow_power(chunk.power)) for chunk in stft.chunks([y], stft.Clock())])
        for y in (np.concatenate(list(audio_blocks(path, stft.SR_HZ))) for path in paths)
    ]
    fingerprints = [acoustic.fingerprint(rows) for rows in spectra]
    minutes = sum(len(fingerprint.codes) for fingerprint in fingerprints) / RATE_HZ / 60
    features = measuring.cpu(lambda: [music.extract(path) for path in paths], 2)
    shared = measuring.cpu(lambda: [acoustic.fingerprint(rows) for rows in spectra], 5)
    alone = measuring.cpu(lambda: [listen(path) for path in paths], 2)
    size = sum(len(acoustic.to_bytes(fingerprint)) for fingerprint in fingerprints) / minutes
    return "\n".join(
        [
            f"Cost over {len(paths)} files, {minutes:.1f} minutes; {size:,.0f} bytes a minute. CPU time relative to "
            "decoding and all music features:",
            "",
            "| | share |",
            "|---|---|",
            f"| fingerprint from the log-frequency spectra of the features | {shared / features:.2%} |",
            f"| decoding and fingerprint alone, nothing shared | {alone / features:.0%} |",
        ]
    )


if __name__ == "__main__":
    main()
