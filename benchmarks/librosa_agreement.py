"""Do our columns reproduce librosa's? Correlation over real tracks, column by column, and the cost of both.

    OMP_NUM_THREADS=1 python benchmarks/librosa_agreement.py ../shared/data/music

Published tables of librosa features (PMEmo-320) may be used only through columns that agree: r >= 0.99 over the
tracks. Two sets are compared: the extractor's own, and those that training measures on its renderings to carry models
between corpora. Both sides get the same decoded samples, so that only the definitions are compared; costs are CPU
seconds of this process. Exits 1 when a column falls below. librosa is the peer here and nowhere else: `pip install
librosa`.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import librosa
import numpy as np

from recommender.extractors.audio import music
from recommender.extractors.audio.stft import SR_HZ
from recommender.media import audio_blocks
from training.affect import pmemo_columns
from training.affect.agreement import pearson

LEAST_R = 0.99
SECONDS = 30.0  # what the makers of the table used
SUFFIXES = (".ogg", ".mp3", ".flac", ".wav", ".m4a", ".opus")

Item = TypeVar("Item")
Value = TypeVar("Value")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    tracks, decoding_s = timed(opening, [p for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES])
    if len(tracks) < 3:
        print(f"{folder}: at least 3 tracks are needed", file=sys.stderr)
        return 2
    peer(tracks[0])  # librosa compiles on its first call: not part of its cost
    ours, our_s = timed(extracted, tracks)
    shared, _ = timed(measured, tracks)
    theirs, their_s = timed(peer, tracks)
    print(f"{len(tracks)} tracks, first {SECONDS:g} s of each; librosa {version('librosa')}\n")
    worst = min(
        compare("extractor", dict(music.LIBROSA), ours, theirs),
        compare("shared with PMEmo", {name: name for name in pmemo_columns.RAW}, shared, theirs),
    )
    print(f"\nlowest r {worst:.4f}; needed {LEAST_R}")
    print(
        f"CPU: whole extractor ({len(music.COLUMNS)} columns) {our_s / decoding_s:.2f} of decoding, "
        f"{their_s / our_s:.1f} times cheaper than librosa's features behind these tables"
    )
    return 0 if worst >= LEAST_R else 1


def timed(measure: Callable[[Item], Value], items: Sequence[Item]) -> tuple[list[Value], float]:
    """The values of all items and the CPU seconds they took."""
    start = time.process_time()
    values = [measure(item) for item in items]
    return values, time.process_time() - start


def opening(path: Path) -> np.ndarray:
    """The first seconds of a track, float32 mono at the extractor's rate."""
    return np.asarray(next(iter(audio_blocks(path, SR_HZ, SECONDS))))


def extracted(y: np.ndarray) -> dict[str, float]:
    """Our item values of all columns."""
    return dict(zip(music.NAMES, music.from_blocks([y]).item.tolist(), strict=True))


def measured(y: np.ndarray) -> dict[str, float]:
    """The columns that training shares with the table."""
    return dict(zip(pmemo_columns.RAW, pmemo_columns.from_samples(y).tolist(), strict=True))


def plain(y: np.ndarray) -> dict[str, np.ndarray]:
    """Series over frames by librosa with its defaults, coefficient by coefficient."""
    series = {
        "rms": librosa.feature.rms(y=y),
        "zcr": librosa.feature.zero_crossing_rate(y),
        "spectral_centroid": librosa.feature.spectral_centroid(y=y, sr=SR_HZ),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(y=y, sr=SR_HZ),
        "spectral_rolloff": librosa.feature.spectral_rolloff(y=y, sr=SR_HZ),
    }
    return series | {f"mfcc_{k}": row for k, row in enumerate(librosa.feature.mfcc(y=y, sr=SR_HZ, n_mfcc=20))}


def peer(y: np.ndarray) -> dict[str, float]:
    """The same by librosa with its defaults, as the table was made."""
    chroma = librosa.feature.chroma_stft(y=y, sr=SR_HZ)
    series = plain(y) | {f"chroma_{k}": row for k, row in enumerate(chroma)}
    return {
        f"{name}_{stat}": f(np.ravel(row).astype(np.float64))
        for name, row in series.items()
        for stat, f in pmemo_columns.STATISTICS.items()
    }


def compare(title: str, names: dict[str, str], ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> float:
    """The lowest r of `names` (ours: theirs) over the tracks; prints a line for each."""
    print(f"| {title} | librosa | r | median ratio |\n| --- | --- | --- | --- |")
    worst = 1.0
    for name, other in names.items():
        here, there = np.array([row[name] for row in ours]), np.array([row[other] for row in theirs])
        r = pearson(here, there)
        worst = min(worst, r)
        ratio = np.nanmedian(here / np.where(there == 0, np.nan, there))
        print(f"| `{name}` | {other} | {r:.4f}{'' if r >= LEAST_R else ' **below**'} | {ratio:.3f} |")
    print()
    return worst


if __name__ == "__main__":
    sys.exit(main())
