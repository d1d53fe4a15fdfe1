"""CPU cost of decoding music and measuring all descriptors, beside a librosa pipeline, in the same run.

    pip install librosa
    python benchmarks/music_speed.py ../shared/data/music [--out docs/results/music_speed.md]

CPU time, one thread, the least of `--repeats` runs over all files. Ours: `music.extract`, all columns, per window and
for the whole. Peer: idiomatic librosa, `load` at our rate and one call per feature with its defaults, mean and standard
deviation over frames, of only the descriptors that both define alike; a second peer adds what librosa offers for the
rest (chroma, contrast, flatness, onset strength, tempo), which is defined differently. librosa compiles parts of
itself on first use: one file is measured before the clock starts. Floor: decoding alone.
"""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import measuring

# isort: split
import librosa
import numpy as np
from librosa_agreement import LEAST_R, SUFFIXES, plain

from recommender.extractors.audio import music
from recommender.extractors.audio.stft import SR_HZ
from recommender.media import audio_blocks
from training.affect.agreement import pearson


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--files", type=int, default=12, help="how many files, evenly chosen by name")
    options.add_argument("--repeats", type=int, default=2)
    args = options.parse_args()
    paths = [path for path in sorted(args.folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    chosen = [paths[i] for i in np.linspace(0, len(paths) - 1, min(args.files, len(paths))).astype(int)]
    measuring.publish(report([path for path, _ in groupby(chosen)], args.repeats), args.out)


def report(paths: list[Path], repeats: int) -> str:
    """The tables in markdown."""
    shortest = min(paths, key=lambda path: path.stat().st_size)
    rich(shortest)
    music.extract(shortest)
    ours, theirs, features = [], [], []

    def extract() -> None:
        features[:] = [music.extract(path) for path in paths]

    def shared_alone() -> None:
        theirs[:] = [shared(loaded(path)) for path in paths]

    every = measuring.cpu(extract, repeats)
    peer = measuring.cpu(shared_alone, repeats)
    richer = measuring.cpu(lambda: [rich(path) for path in paths], repeats)
    decoding = measuring.cpu(lambda: [sum(map(len, audio_blocks(path, SR_HZ))) for path in paths], repeats)
    loading = measuring.cpu(lambda: [loaded(path) for path in paths], repeats)
    seconds = sum(f.duration_s for f in features)
    ours = np.array([[f.item[f.columns.index(name)] for name in music.LIBROSA] for f in features])
    agreement = {name: pearson(ours[:, j], np.array(theirs)[:, j]) for j, name in enumerate(music.LIBROSA)}
    lowest = min(agreement, key=lambda name: agreement[name])
    return "\n".join(
        [
            "# Decoding and measuring music",
            "",
            f"{measuring.environment('numpy', 'scipy', 'av', 'opencv-python-headless', 'librosa')}; "
            f"{len(paths)} files of the folder, {seconds / 60:.1f} minutes. Made by",
            "`python benchmarks/music_speed.py ../shared/data/music --out docs/results/music_speed.md`.",
            "",
            "| | seconds of music per CPU second | this / ours |",
            "|---|---|---|",
            row(f"ours: decode, {len(music.COLUMNS)} columns per window and whole", seconds, every, every),
            row(f"librosa: decode, the {len(music.LIBROSA)} shared columns of the whole", seconds, peer, every),
            row("librosa: the same with chroma, contrast, flatness, onsets and tempo", seconds, richer, every),
            row("floor: our decoding alone", seconds, decoding, every),
            row("librosa's decoding alone", seconds, loading, every),
            "",
            f"Decoding and measuring costs {every / decoding:.1f} times decoding alone (librosa's shared columns: "
            f"{peer / loading:.1f} times its own).",
            "",
            f"Agreement of the {len(music.LIBROSA)} shared columns over the files: lowest r {agreement[lowest]:.4f} "
            f"(`{lowest}`); {sum(value >= LEAST_R for value in agreement.values())} reach {LEAST_R}.",
            "",
        ]
    )


def row(name: str, seconds: float, cpu_s: float, ours_s: float) -> str:
    return f"| {name} | {seconds / cpu_s:,.0f} | {cpu_s / ours_s:.2f} |"


def loaded(path: Path) -> np.ndarray:
    """The samples of a file, as librosa decodes it."""
    y, _ = librosa.load(path, sr=SR_HZ)
    return y


def shared(y: np.ndarray) -> list[float]:
    """The shared descriptors by librosa, in the order of `music.LIBROSA`."""
    found = {
        f"{name}_{stat}": float(pool(values))
        for name, values in plain(y).items()
        for stat, pool in (("mean", np.mean), ("std", np.std))
    }
    return [found[other] for other in music.LIBROSA.values()]


def rich(path: Path) -> list[float]:
    """`shared`, and means of what librosa has nearest to our other columns."""
    y = loaded(path)
    onset = librosa.onset.onset_strength(y=y, sr=SR_HZ)
    others: list[Callable[[], np.ndarray]] = [
        lambda: librosa.feature.chroma_cqt(y=y, sr=SR_HZ),
        lambda: librosa.feature.spectral_contrast(y=y, sr=SR_HZ),
        lambda: librosa.feature.spectral_flatness(y=y),
        lambda: librosa.beat.beat_track(onset_envelope=onset, sr=SR_HZ)[0],
    ]
    return [*shared(y), *(float(np.mean(other())) for other in others)]


if __name__ == "__main__":
    main()
