"""Do our columns reproduce librosa's? Correlation over real tracks, column by column, and the speed of both.

    python benchmarks/librosa_agreement.py ../shared/data/music

Published tables of librosa features (PMEmo-320) may be used only through columns that agree: r >= 0.99 over the
tracks. Both sides get the same decoded samples, so that only the definitions are compared. Exits 1 when a column
falls below. librosa is the peer here and nowhere else: `pip install librosa`.
"""

import argparse
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import librosa
import numpy as np

from recommender.features import music
from recommender.features.stft import SR_HZ
from recommender.media import audio_blocks
from training.figures import pearson

LEAST_R = 0.99
SECONDS = 30.0  # what the makers of the table used
SUFFIXES = (".ogg", ".mp3", ".flac", ".wav", ".m4a", ".opus")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    tracks = [opening(p) for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES]
    if len(tracks) < 3:
        print(f"{folder}: at least 3 tracks are needed", file=sys.stderr)
        return 2
    peer(tracks[0])  # librosa compiles on its first call: not part of its speed
    ours, our_s = timed(mine, tracks)
    theirs, their_s = timed(peer, tracks)
    seconds = sum(len(y) for y in tracks) / SR_HZ
    print(f"{len(tracks)} tracks, first {SECONDS:g} s of each; librosa {version('librosa')}\n")
    print("| column | librosa | r | median ratio |\n| --- | --- | --- | --- |")
    worst = 1.0
    for j, (name, other) in enumerate(music.LIBROSA.items()):
        r = pearson(ours[:, j], theirs[:, j])
        worst = min(worst, r)
        ratio = np.median(ours[:, j] / np.where(theirs[:, j] == 0, np.nan, theirs[:, j]))
        print(f"| `{name}` | {other} | {r:.4f}{'' if r >= LEAST_R else ' **below**'} | {ratio:.3f} |")
    print(f"\nlowest r {worst:.4f}; needed {LEAST_R}")
    print(
        f"whole extractor ({len(music.COLUMNS)} columns) {seconds / our_s:.0f}x realtime, these "
        f"{len(music.LIBROSA)} columns by librosa {seconds / their_s:.0f}x: ratio {their_s / our_s:.1f}"
    )
    return 0 if worst >= LEAST_R else 1


def opening(path: Path) -> np.ndarray:
    """The first seconds of a track, float32 mono at the extractor's rate."""
    return np.asarray(next(iter(audio_blocks(path, SR_HZ, SECONDS))))


def timed(measure: Callable[[np.ndarray], list[float]], tracks: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Values [n, columns] and the seconds they took."""
    start = time.perf_counter()
    values = np.array([measure(y) for y in tracks])
    return values, time.perf_counter() - start


def mine(y: np.ndarray) -> list[float]:
    """Our item values of the columns that are meant to agree."""
    item = dict(zip(music.NAMES, music.from_blocks([y]).item.tolist(), strict=True))
    return [item[name] for name in music.LIBROSA]


def peer(y: np.ndarray) -> list[float]:
    """The same by librosa with its defaults, as the table was made."""
    series = {
        "rms": librosa.feature.rms(y=y),
        "zcr": librosa.feature.zero_crossing_rate(y),
        "spectral_centroid": librosa.feature.spectral_centroid(y=y, sr=SR_HZ),
        "spectral_bandwidth": librosa.feature.spectral_bandwidth(y=y, sr=SR_HZ),
        "spectral_rolloff": librosa.feature.spectral_rolloff(y=y, sr=SR_HZ),
    }
    mfcc = librosa.feature.mfcc(y=y, sr=SR_HZ, n_mfcc=20)
    found = {f"{name}_{stat}": f(row) for name, row in series.items() for stat, f in STATISTICS.items()}
    found |= {f"mfcc_{k}_{stat}": f(mfcc[k]) for k in range(20) for stat, f in STATISTICS.items()}
    return [float(found[other]) for other in music.LIBROSA.values()]


STATISTICS: dict[str, Callable[[np.ndarray], float]] = {"mean": np.mean, "std": np.std}


if __name__ == "__main__":
    sys.exit(main())
