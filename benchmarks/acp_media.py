"""ACP-Net, L3-Net and Spectrogram-ACP on slideshows with music of the same or another valence.

    python benchmarks/acp_media.py ../shared/data --work acp-media --out docs/results/acp.md

There is no collection of rated pictures with rated music at hand, so one is made: OASIS pictures of one theme and one
third of the valence ratings, as a slideshow of 20 s, with 20 s of a VGMIDI piece from the same third of its own.
`recommend dataset build --classes three` then pairs them into matched and mismatched ones. The ratings are real; that a
picture and a piece of equal valence belong together is the papers' assumption, not a judgement of people.
"""

import argparse
import csv
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from platformdirs import user_cache_path
from training.evaluation.versions import versions

from recommender import media
from training import datasets
from training.affect.midi import SR_HZ, find_synth, render_all
from training.construction import build
from training.datasets import load_pairs
from training.evaluation.benchmark import benchmark
from training.evaluation.trials import Bench
from training.systems import system
from training.types import CLASSES

SEED, SEEDS, FOLDS = 0, 5, 3
PICTURES, PICTURE_S, FPS, SIZE = 4, 5, 2, (320, 240)
START_S = 10.0  # of a piece: past its introduction
RUNS = {
    "builtin": ("acp-net", "l3-net-features", "evidence"),
    "spectrogram": ("spectrogram-acp",),
    "raw": ("l3-net",),
}
"""The systems on each kind of features of the same pairs."""
PUBLISHED = {"acp-net": 61.67, "l3-net": 57.17, "spectrogram-acp": 55.84}
COLUMNS = (
    "accuracy",
    "AUC",
    "video->music mAP",
    "music->video mAP",
    "video emotion accuracy",
    "music emotion accuracy",
)


class Clip(NamedTuple):
    """A slideshow to be: its pictures, its piece of music, its class and the theme it is of."""

    pictures: list[Path]
    piece: int
    label: int
    theme: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, default=Path("acp-media"), help="where clips and datasets are put")
    parser.add_argument("--out", type=Path, help="markdown report (printed otherwise)")
    args = parser.parse_args()
    start = time.process_time()
    command = shlex.join(["python", "benchmarks/acp_media.py", *map(str, sys.argv[1:])])
    table, clips = make_clips(args.data, args.work)
    reports = {}
    for pair, names in RUNS.items():
        folder = args.work / pair
        build(table, folder, "return", seed=SEED, extractor=pair, validation=0.1, classes="three")
        bench = Bench(load_pairs("built", folder), "clean", "folds", FOLDS, relevance="three")
        made = {name: system(name) for name in names}
        reports[pair] = benchmark(bench, made, range(SEEDS), out=args.work / f"results-{pair}", command=command)
    text = page(reports, clips, command, time.process_time() - start)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    print(text)


def thirds(ratings: np.ndarray) -> np.ndarray:
    """The class of each rating, an index into CLASSES: the upper third of them is positive."""
    low, high = np.quantile(ratings, [1 / 3, 2 / 3])
    return np.where(ratings >= high, 0, np.where(ratings >= low, 1, 2))


def chosen(data: Path) -> tuple[list[Clip], Sequence[Path]]:
    """The clips, every picture and every piece in one of them at most, and the pieces as MIDI files."""
    rng = np.random.default_rng(SEED)
    oasis, vgmidi = (datasets.load(name, data) for name in ("oasis", "vgmidi"))
    shown, heard = thirds(oasis.affect[:, 0]), thirds(vgmidi.affect[:, 0])
    groups: dict[tuple[str, int], list[Path]] = {}
    for theme, label, path in zip(oasis.groups, shown.tolist(), oasis.paths, strict=True):
        groups.setdefault((theme, label), []).append(path)
    left = {label: rng.permutation(np.flatnonzero(heard == label)).tolist() for label in range(len(CLASSES))}
    kept = [(key, paths) for key, paths in groups.items() if len(paths) > 1]
    clips = []
    for index in rng.permutation(len(kept)):
        (theme, label), paths = kept[index]
        if left[label]:
            clips.append(Clip(sorted(paths)[:PICTURES], left[label].pop(), label, theme))
    return clips, vgmidi.paths


def make_clips(data: Path, work: Path) -> tuple[Path, list[Clip]]:
    """The table of the rendered clips, for `dataset build`."""
    clips, midi = chosen(data)
    (work / "clips").mkdir(parents=True, exist_ok=True)
    cache = user_cache_path("cliptune") / "renderings"
    pieces = render_all([midi[clip.piece] for clip in clips], find_synth(), cache, tick=lambda *_: None)
    table = work / "labels.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["path", "emotion", "source"])
        for number, (clip, piece) in enumerate(zip(clips, pieces, strict=True)):
            path = work / "clips" / f"{number:03d}.mkv"
            if not path.is_file():
                write_clip(path, clip.pictures, piece)
            lines.writerow([f"clips/{path.name}", CLASSES[clip.label], clip.theme])
    return table, clips


def write_clip(path: Path, pictures: Sequence[Path], piece: Path) -> None:
    """A slideshow with sound (H.264 and FLAC)."""
    length = PICTURES * PICTURE_S
    y = np.concatenate(list(media.audio_blocks(piece, SR_HZ)))
    first = min(round(START_S * SR_HZ), max(0, len(y) - length * SR_HZ))
    y = y[first : first + length * SR_HZ]
    partial = path.with_suffix(".part")
    with av.open(str(partial), "w", format="matroska") as container:
        video = container.add_stream("libx264", rate=FPS)
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        sound = container.add_stream("flac", rate=SR_HZ, layout="mono")
        sound.codec_context.format = "s16"
        for rgb in slides(pictures):
            container.mux(video.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(video.encode(None))
        samples = np.clip(np.round(y * 32767), -32768, 32767).astype(np.int16)[None]
        for at in range(0, samples.shape[1], 1 << 15):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, at : at + (1 << 15)]), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = SR_HZ, at, Fraction(1, SR_HZ)
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    partial.replace(path)


def slides(pictures: Sequence[Path]) -> Iterator[np.ndarray]:
    """The frames of a slideshow; where there are few pictures they are shown again."""
    for k in range(PICTURES):
        rgb = next(media.frames(pictures[k % len(pictures)], max_side=max(SIZE))).rgb
        yield from [cv2.resize(rgb, SIZE, interpolation=cv2.INTER_AREA)] * (PICTURE_S * FPS)


def page(reports: dict[str, Any], clips: Sequence[Clip], command: str, cpu_s: float) -> str:
    """The report in markdown."""
    first = next(iter(reports.values()))
    counts = ", ".join(f"{sum(c.label == k for c in clips)} {name}" for k, name in enumerate(CLASSES))
    used = ", ".join(f"{name} {version}" for name, version in versions(("cliptune", "numpy", "torch", "av")).items())
    lines = [
        "# ACP-Net, L3-Net and Spectrogram-ACP on media",
        "",
        f"Made by `{command}` in {cpu_s:.0f} s of processor time, beside what an earlier run had rendered ({used}).",
        "",
        f"{len(clips)} slideshows of 20 s ({counts}): OASIS pictures of one theme and one third of the valence ratings "
        "with a VGMIDI piece of the same third of its own, rendered. Paired by `dataset build --classes three`: "
        f"{first['dataset']['counts']['train']} pairs to train on. Grouped cross-validation within them, {FOLDS} folds,"
        f" seeds 0 to {SEEDS - 1}: no clip and no theme is on both sides; pieces of one game series may be. Nothing "
        "was tuned on this set. That equal valence belongs together is the papers' assumption: nobody judged these.",
        "",
        "Mean ± SD over seeds [95 % interval]; relevant is what is of the same class. Emotion accuracy: three classes "
        "read off each modality's vectors by logistic regression, beside the share of the most frequent one; for the "
        "networks the vectors were learnt from pairs alone.",
        "",
        "| system | sees | " + " | ".join(COLUMNS) + " | published accuracy |",
        "|---" * (len(COLUMNS) + 3) + "|",
    ]
    usual = max(sum(c.label == k for c in clips) for k in range(len(CLASSES))) / len(clips)
    chance = [first["chance"].get(name) for name in COLUMNS[:4]] + [usual, usual]
    lines.append("| *chance* | | " + " | ".join(f"{level:.3f}" for level in chance) + " | 50 % |")
    for pair, report in reports.items():
        for name, entry in report["systems"].items():
            cells = [figure(entry["measures"].get(column)) for column in COLUMNS]
            paper = f"{PUBLISHED[name]:.2f} %" if name in PUBLISHED else "-"
            lines.append(f"| {name} | {pair} | " + " | ".join(cells) + f" | {paper} |")
    lines += [
        "",
        "Published accuracies are those of the paper on IMAC (3,500 music clips, 85,000 images, pretrained image and "
        "audio networks): other data, far more of it, and not to be compared with these. `builtin`: the measured "
        "features of the product; `spectrogram`: its picture features with a log-mel spectrogram; `raw`: four frames "
        "of 32 x 32 pixels with the spectrogram, networks trained from scratch. `evidence`, which is told the classes, "
        "is there for comparison.",
    ]
    return "\n".join(lines) + "\n"


def figure(entry: Any) -> str:
    """A measure with its spread."""
    if entry is None:
        return "-"
    interval = "" if entry["low_95"] is None else f" [{entry['low_95']:.3f}, {entry['high_95']:.3f}]"
    return f"{entry['mean']:.3f} ± {entry['sd_over_seeds']:.3f}{interval}"


if __name__ == "__main__":
    main()
