"""One recording or a mix of several: edits of a track and wholes made of several tracks, by the share that must agree.

    python benchmarks/recordings.py ../shared/data [--out docs/results/recordings.md]

Of two tracks the smaller share in the other decides (`Limits.both`). It was chosen on the tracks at even places of
each folder; those at odd places are reported.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import measuring

# isort: split
import numpy as np
from alterations import faded

from indexing.duplicates import matching
from indexing.duplicates.matching import Recordings
from recommender.extractors.audio import acoustic
from recommender.extractors.audio.stft import SR_HZ
from recommender.media import audio_blocks
from recommender.types import Array

SHARES = (0.5, 0.55, 0.6, 0.65, 0.66, 0.67, 0.68, 0.69, 0.7, 0.75, 0.8, 0.9)
SHORTEST_S, LONGEST_S = 40, 120
JOIN_S = 2.0
ABOUT = """\
Each track with three edits (a stretch of 15 to 40 % taken out, one of 15 to 40 % played twice, the first 10 to 35 %
left out and the end faded), which are the same recording; and wholes of two to five tracks (60 to 100 % of each, joined
by crossfades), which are not the same as any of theirs. Tracks are 40 to 120 s long, most of them 45. Precision and
recall are over pairs that end in one group, a chain of matches joining all it touches; in brackets the 95 % interval
over tracks (bootstrap, 1,000 draws). What is not the same but lies in the other is told as contained, "also in".

Seconds beside cuts and fades are lost, which weighs more in short tracks; a mix counts as wrong also where one of its
tracks makes up more of it than the share."""


class File(NamedTuple):
    """What a file is and the tracks it is made of, one of them unless it is a mix."""

    kind: str
    tracks: frozenset[int]
    fingerprint: acoustic.Fingerprint


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("--seed", type=int, default=0)
    args = options.parse_args()
    measuring.publish(report(args), args.out)


def report(args: argparse.Namespace) -> str:
    """The tables in markdown."""
    folders = [sorted((args.data / "music").glob("*.ogg")), sorted((args.data / "macleod").glob("**/*.*3"))]
    halves = [[path for paths in folders for path in paths[half::2]] for half in (0, 1)]
    texts = [
        "# One recording, or a mix of several",
        f"{measuring.environment('numpy', 'av')}; seed {args.seed}. Made by\n"
        "`python benchmarks/recordings.py ../shared/data --out docs/results/recordings.md`.",
        ABOUT,
    ]
    for name, paths in zip(("Chosen on (even places)", "Reported (odd places)"), halves, strict=True):
        texts += [f"## {name}", table(list(files(paths, np.random.default_rng(args.seed))), args.seed)]
    return "\n\n".join(texts) + "\n"


def files(paths: list[Path], rng: np.random.Generator) -> Iterator[File]:
    """Every track that is long enough with its edits, and the mixes."""
    sounds = []
    for path in paths:
        y = np.concatenate(list(audio_blocks(path, SR_HZ)))[: LONGEST_S * SR_HZ]
        if len(y) >= SHORTEST_S * SR_HZ:
            sounds.append(y)
    for track, y in enumerate(sounds):
        for kind, edit in edits(y, rng):
            yield File(kind, frozenset([track]), listened(edit))
    order = rng.permutation(len(sounds)).tolist()
    for size in (2, 3, 4, 5):
        for at in range(0, len(order) - size + 1, size):
            several = order[at : at + size]
            yield File("mix", frozenset(several), listened(mix([sounds[track] for track in several], rng)))


def edits(y: Array, rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    """The track and its edits."""
    yield "original", y
    n = len(y)
    length = round(rng.uniform(0.15, 0.4) * n)
    at = round(rng.uniform(0.1, 0.5) * n)
    yield "cut", joined([y[:at], y[at + length :]], 0.02)
    length = round(rng.uniform(0.15, 0.4) * n)
    yield "extended", joined([y[: at + length], y[at:]], 0.02)
    yield "later", faded(y[round(rng.uniform(0.1, 0.35) * n) :])


def mix(sounds: list[Array], rng: np.random.Generator) -> Array:
    """60 to 100 % of each, one after the other."""
    parts = []
    for y in sounds:
        length = round(rng.uniform(0.6, 1) * len(y))
        at = round(rng.uniform(0, 1) * (len(y) - length))
        parts.append(y[at : at + length])
    return joined(parts, JOIN_S)


def joined(parts: list[Array], seconds: float) -> Array:
    """Parts one after the other, with crossfades of equal power."""
    whole, n = parts[0], round(seconds * SR_HZ)
    rise = np.sin(np.linspace(0, np.pi / 2, n)).astype(np.float32)
    for part in parts[1:]:
        seam = whole[-n:] * rise[::-1] + part[:n] * rise
        whole = np.concatenate([whole[:-n], seam, part[n:]])
    return whole


def listened(y: Array) -> acoustic.Fingerprint:
    return acoustic.from_blocks(y[at : at + SR_HZ] for at in range(0, len(y), SR_HZ))


def table(made: list[File], seed: int) -> str:
    """A row for each share."""
    tracks = sorted(set().union(*(file.tracks for file in made)))
    rows = [
        f"{len(tracks)} tracks, {len(made)} files.",
        "",
        "| share | edits matched as the same | mixes taken for one of theirs | precision | recall | largest group |",
        "|---|---|---|---|---|---|",
    ]
    truth = [(a, b) for a, b in combinations(range(len(made)), 2) if is_same(made[a], made[b])]
    for share in SHARES:
        edges = same_pairs(made, share)
        groups = components(len(made), edges)
        together = [(a, b) for a, b in combinations(range(len(made)), 2) if groups[a] == groups[b]]
        mixed = [(a, b) for a, b in edges if not is_same(made[a], made[b])]
        right = [is_same(made[a], made[b]) for a, b in together]
        wanted = [groups[a] == groups[b] for a, b in truth]
        default = "**" if share == matching.DEFAULT.both else ""
        rows.append(
            f"| {default}{share:.2f}{default} | {len(edges) - len(mixed)} of {len(truth)} | {len(mixed)} |"
            f" {with_interval(right, [made[a].tracks for a, _ in together], seed)} |"
            f" {with_interval(wanted, [made[a].tracks for a, _ in truth], seed)} | {np.bincount(groups).max()} |"
        )
    return "\n".join(rows)


def is_same(a: File, b: File) -> bool:
    return a.tracks == b.tracks and "mix" not in (a.kind, b.kind)


def same_pairs(made: list[File], share: float) -> list[tuple[int, int]]:
    """Pairs that the matcher calls one recording."""
    recordings = Recordings(replace(matching.DEFAULT, both=share))
    recordings.add(enumerate(file.fingerprint for file in made))
    found = set()
    for at, file in enumerate(made):
        found |= {
            tuple(sorted((at, m.track))) for m in recordings.matches(file.fingerprint) if m.same and m.track != at
        }
    return sorted(found)


def components(n: int, edges: list[tuple[int, int]]) -> Array:
    """The group of each of n files, int [n]."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = np.array(edges, int).reshape(-1, 2).T
    return connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(n, n)), directed=False)[1]


def with_interval(hits: list[bool], tracks: list[frozenset[int]], seed: int) -> str:
    """A share of hits with its interval, drawn by the first track of each pair."""
    if not hits:
        return "-"
    of = np.array([min(one) for one in tracks])
    names, place = np.unique(of, return_inverse=True)
    right, all_ = np.bincount(place, hits), np.bincount(place)
    draws = np.random.default_rng(seed).integers(len(names), size=(1000, len(names)))
    low, high = np.quantile(right[draws].sum(axis=1) / all_[draws].sum(axis=1), (0.025, 0.975))
    return f"{np.mean(hits):.3f} [{low:.3f}, {high:.3f}]"


if __name__ == "__main__":
    main()
