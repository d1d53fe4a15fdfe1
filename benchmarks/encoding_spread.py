"""How far a clip's valence and arousal move when nothing but its encoding changes.

    python benchmarks/encoding_spread.py ../shared/data --work ../encodings [--save FILE] [--beside FILE]
        [--out docs/results/encodings.md]

3 s of 28 real clips, at most 640 wide, are encoded by PyAV in every way of `reencodings` and kept in `--work`. Each
file is read by the built-in model as a query is, and compared with the lossless one. The clips are in three parts: what
is to be changed is chosen on the first and reported on the others. `--save` keeps the differences (npy); `--beside`
sets those beside that a changed program saved, under the name of the file, paired: 95 % intervals draw clips anew.
"""

from pathlib import Path

import measuring
import numpy as np
from reencodings import ENCODINGS, SECONDS, WIDEST, make

from recommender import Model
from recommender.extractors.video import clip
from recommender.types import Array, Features

CHOSEN_ON = (
    *("clips/big_buck_bunny_0_30.webm", "clips/carphone_pristine.mp4", "clips/demo__demo.mp4", "clips/fire2.mp4"),
    *("activity/ask__hitting_baseball.mp4", "activity/davis__bmx.mp4", "activity/davis__surf.mp4"),
    "activity/tav__man-skiing.mp4",
)
REPORTED = (
    *("clips/bikes.mp4", "clips/chaplin.mp4", "clips/example2.mp4", "clips/tests__data__test.mp4"),
    *("activity/ask__yoga.mp4", "activity/davis__elephant.mp4", "activity/lita__waterfall.mp4"),
    "activity/thnak__football3.mp4",
)
FURTHER = (
    *("activity/ask__jesse_dance.mp4", "activity/ask__making_cake.mp4", "activity/ask__playing_guitar.mp4"),
    *("activity/davis__breakdance.mp4", "activity/davis__bus.mp4", "activity/davis__car-turn.mp4"),
    *("activity/davis__cows.mp4", "activity/davis__soapbox.mp4", "clips/bigbuckbunny.mp4"),
    *("clips/demo__test_video_structuralize.mp4", "clips/example.mp4", "clips/example3.mp4"),
)
ALL = (*CHOSEN_ON, *REPORTED, *FURTHER)
LIMIT, DRAWS, SEED = 0.1, 4000, 0
"""A difference that nobody should see."""
HDR = [k for k, encoding in enumerate(ENCODINGS[1:]) if encoding.transfer]


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("data", type=Path, help="folder with clips/ and activity/")
    options.add_argument("--work", type=Path, required=True, help="where the encoded clips are kept")
    options.add_argument("--save", type=Path, help="where the differences are kept")
    options.add_argument("--beside", type=Path, action="append", default=[], help="what a changed program saved")
    args = options.parse_args()
    sources = [args.data / name for name in ALL]
    if missing := [str(path) for path in sources if not path.is_file()]:
        raise SystemExit(f"not here: {', '.join(missing)}")
    args.work.mkdir(parents=True, exist_ok=True)
    found = [[clip.extract(path) for path in paths] for paths in make(sources, args.work)]
    apart = moves(Model.load(), found)
    if args.save:
        np.save(args.save, apart)
    measuring.publish(report(apart, {path.stem: np.load(path) for path in args.beside}), args.out)


def moves(model: Model, found: list[list[Features]]) -> Array:
    """By how much valence and arousal differ from the first encoding's, float64 [clips, encodings - 1, 2]."""
    affect = np.array([[model.describe(one, "video").item_affect[:2] for one in files] for files in found], float)
    return affect[:, 1:] - affect[:, :1]


def report(apart: Array, beside: dict[str, Array]) -> str:
    """The tables in markdown."""
    lines = [
        "# What encoding does to a clip's valence and arousal",
        "",
        f"{measuring.environment('numpy', 'av', 'opencv-python-headless')}. Made by",
        "`python benchmarks/encoding_spread.py ../shared/data --work ../encodings --out docs/results/encodings.md`;",
        "what was tried, with `--beside` what a program so changed saved.",
        f"{SECONDS:g} s of {len(ALL)} clips, at most {WIDEST} wide, each in {len(ENCODINGS) - 1} "
        "encodings against a lossless one. How far valence and arousal lie apart, on the plane [-1, 1]: median, 90 %, "
        "most. The model learnt activity from these clips.",
        *table("As shipped", apart),
    ]
    for name, other in beside.items():
        lines += [*table(f"Tried: {name}", other), "", "Mean difference of the sizes from those as shipped:", ""]
        lines += [
            f"- {part}: valence {gain(change[..., 0])}, arousal {gain(change[..., 1])}; of PQ and HLG alone valence "
            f"{gain(change[:, HDR, 0])}, arousal {gain(change[:, HDR, 1])}"
            for part, change in parts(np.abs(other) - np.abs(apart))
        ]
    return "\n".join([*lines, ""])


def parts(apart: Array) -> list[tuple[str, Array]]:
    """Differences of the clips, by what they are for."""
    ends = np.cumsum([len(CHOSEN_ON), len(REPORTED)])
    return list(zip(("clips to choose on", "clips to report", "further clips"), np.split(apart, ends), strict=True))


def table(title: str, apart: Array) -> list[str]:
    """A row per encoding over all clips, and one per part."""
    rows = [(e.name, apart[:, k]) for k, e in enumerate(ENCODINGS[1:])] + parts(apart)
    lines = ["", f"## {title}", "", "| encoding | valence | arousal | valence on average |", "|---|---|---|---|"]
    beyond = np.mean(np.abs(apart) > LIMIT, axis=(0, 1))
    told = f"Further apart than {LIMIT}: {beyond[0]:.0%} in valence, {beyond[1]:.0%} in arousal."
    return [*lines, *(f"| {label} | {cells(some)} |" for label, some in rows), "", told]


def gain(change: Array) -> str:
    """The mean of `change` [clips, encodings] and its interval."""
    of_clips, rng = change.mean(axis=1), np.random.default_rng(SEED)
    drawn = of_clips[rng.integers(0, len(of_clips), (DRAWS, len(of_clips)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return f"{of_clips.mean():+.4f} [{low:+.4f}, {high:+.4f}]"


def cells(apart: Array) -> str:
    """Of differences [..., 2]: how large on either axis, and the mean of valence."""
    sizes = np.abs(apart).reshape(-1, 2)
    told = [np.quantile(sizes, share, axis=0) for share in (0.5, 0.9, 1.0)]
    valence, arousal = (" ".join(f"{one[axis]:.3f}" for one in told) for axis in (0, 1))
    return f"{valence} | {arousal} | {apart[..., 0].mean():+.3f}"


if __name__ == "__main__":
    main()
