"""CPU cost of a clip's features from bursts at key frames, beside the same features from every frame, in the same run.

    python benchmarks/video_speed.py ../shared/data/clips --work ../footage [--out docs/results/video_speed.md]

Full HD h264 is made once and kept in `--work`: drawn films of known speed and cuts, and medleys of real clips scaled
up, each with a key frame every 50 and every 250 pictures (and more at cuts, as x264 sets them), and every 50 with none
at cuts. Peer: our own extractor on every decoded frame, sampled at 8 per second. CPU time, one thread, the least of
`--repeats` runs of each. Agreement: Pearson's r over clips, and over their 10 s windows.
"""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import measuring
import numpy as np
from footage import Style, make

from recommender import Model
from recommender.extractors.video import clip, video
from recommender.media import frames
from recommender.types import Features
from training.affect.agreement import pearson

NAMES = [column.name for column in (*video.MOTION, *video.EVENTS)]
STILL = [column.name for column in video.COLUMNS if column.name not in NAMES]


class Pair(NamedTuple):
    """One clip both ways, with the CPU seconds of each."""

    bursts: Features
    every: Features
    bursts_s: float
    every_s: float


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("clips", type=Path, help="the folder with the real clips")
    options.add_argument("--work", type=Path, required=True, help="where the footage is kept")
    options.add_argument("--repeats", type=int, default=1)
    args = options.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    found: dict[Style, list[Pair]] = {}
    for paths in make(args.work, args.clips):
        for style, path in paths.items():
            found.setdefault(style, []).append(measured(path, args.repeats))
    measuring.publish(report(found, args.repeats), args.out)


def measured(path: Path, repeats: int) -> Pair:
    """The features of `path` both ways."""
    kept: list[Features] = []
    bursts_s = measuring.cpu(lambda: kept.append(clip.extract(path)), repeats)
    shown = partial(frames, path, look_side=video.LOOK_PX)
    every_s = measuring.cpu(lambda: kept.append(video.from_frames(shown(), sight=clip.SIGHT)), repeats)
    return Pair(kept[0], kept[-1], bursts_s, every_s)


def report(found: dict[Style, list[Pair]], repeats: int) -> str:
    """All tables in markdown."""
    count, seconds = len(next(iter(found.values()))), next(iter(found.values()))[0].every.duration_s
    sparse = sum(p.bursts.facts["sampling"] == "key frames" for pairs in found.values() for p in pairs)
    lines = [
        "# Features of full HD clips from bursts at key frames",
        "",
        f"{measuring.environment('numpy', 'av', 'opencv-python-headless')}; {count} clips of {seconds:.0f} s per "
        f"style: half drawn, half medleys of real clips, h264 1920 x 1080 at 25 per second; least of {repeats} run(s).",
        "Made by "
        "`python benchmarks/video_speed.py ../shared/data/clips --work ../footage --out docs/results/video_speed.md`.",
        "",
        "CPU seconds per second of video, both with decoding:",
        "",
        "| | every frame | bursts | ratio | least and largest of a clip | seen of the time |",
        "|---|---|---|---|---|---|",
        *(cost(str(style), pairs) for style, pairs in found.items()),
        "",
        "Agreement with every frame, r over clips (over windows):",
        "",
        f"| | {' | '.join(map(str, found))} |",
        f"|---|{'---|' * len(found)}",
        *(f"| `{name}` | {' | '.join(agreement(pairs, name) for pairs in found.values())} |" for name in NAMES),
        f"| the {len(STILL)} columns of stills, median | {' | '.join(stills(pairs) for pairs in found.values())} |",
        "",
        "Affect of the built-in model: difference from every frame, mean and largest over clips, in standard "
        "deviations over the clips:",
        "",
        "| | valence | arousal |",
        "|---|---|---|",
        *(f"| {style} | {' | '.join(affect(pairs))} |" for style, pairs in found.items()),
        "",
        f"{sparse} of {count * len(found)} files were seen through bursts alone; in the others key frames are too few, "
        "and more was decoded.",
    ]
    return "\n".join([*lines, ""])


def cost(name: str, pairs: list[Pair]) -> str:
    """One row of the first table."""
    seconds = sum(p.every.duration_s for p in pairs)
    every, bursts = (sum(values) / seconds for values in (costs(pairs, "every_s"), costs(pairs, "bursts_s")))
    ratios = [p.every_s / p.bursts_s for p in pairs]
    seen = 100 * sum(float(p.bursts.facts.get("seen_s") or 0.0) for p in pairs) / seconds
    return (
        f"| {name} | {every:.3f} | {bursts:.3f} | **{every / bursts:.1f}** | {min(ratios):.1f} to {max(ratios):.1f} "
        f"| {seen:.0f} % |"
    )


def costs(pairs: list[Pair], which: str) -> list[float]:
    return [getattr(p, which) for p in pairs]


def agreement(pairs: list[Pair], name: str) -> str:
    """r over clips and over windows; a dash where the full decode does not vary."""
    item, windows = (both(pairs, name, which) for which in ("item", "values"))
    return f"{r(item)} ({r(windows)})"


def both(pairs: list[Pair], name: str, which: str) -> tuple[Any, Any]:
    """The column `name` of all clips (`item`) or all windows (`values`), from bursts and from every frame."""
    k = video.COLUMNS.index(next(c for c in video.COLUMNS if c.name == name))
    sides: tuple[list[Any], list[Any]] = ([], [])
    for pair in pairs:
        n = min(len(pair.bursts.windows), len(pair.every.windows)) if which == "values" else None
        for side, features in zip(sides, (pair.bursts, pair.every), strict=True):
            side.append(np.atleast_2d(getattr(features, which))[:n, k])
    return np.concatenate(sides[0]), np.concatenate(sides[1])


def r(values: tuple[Any, Any]) -> str:
    return "-" if min(np.ptp(values[0]), np.ptp(values[1])) == 0 else f"{pearson(*values):.2f}"


def stills(pairs: list[Pair]) -> str:
    item, windows = ([r(both(pairs, name, which)) for name in STILL] for which in ("item", "values"))
    centres = [np.median([float(value) for value in values if value != "-"]) for values in (item, windows)]
    return f"{centres[0]:.2f} ({centres[1]:.2f})"


def affect(pairs: list[Pair]) -> list[str]:
    """Mean and largest difference of valence and of arousal, in standard deviations over the clips."""
    model = Model.load()
    bursts, every = (
        np.array([model.describe(getattr(p, which), "video").item_affect[:2] for p in pairs])
        for which in ("bursts", "every")
    )
    apart = np.abs(bursts - every) / every.std(axis=0)
    return [f"{mean:.2f}, {largest:.2f}" for mean, largest in zip(apart.mean(axis=0), apart.max(axis=0), strict=True)]


if __name__ == "__main__":
    main()
