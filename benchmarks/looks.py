"""How steadily a clip of seconds is read when it is looked at more often.

    python benchmarks/looks.py ../shared/data --work ../looks [--out docs/results/looks.md]

Excerpts of 3 s of 45 real clips, one after another, two at most: the first in every encoding of `reencodings`, the
other in four of them, each compared with a lossless one; and a lossless one that begins half a second later. A file is
looked at eight times a second, and what fewer looks give is taken from these, to the bit. Whole clips, as the most
looks read them, tell what excerpts should say, and whether calm and busy ones are still told apart. What was read is
kept in `--work`.

The clips are in two parts: those that `encoding_spread` chooses on, and half of those that it has not, dealt by `SEED`;
and all others, for the report. Taken is what lies nearest to the lossless original on the clips to choose on, valence
and arousal together.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import measuring
import numpy as np
from encoding_spread import ALL, CHOSEN_ON, DRAWS, HDR, LIMIT, SEED
from looks_activity import activity_lines
from looks_thinned import SCHEMES, counts, read
from reencodings import ENCODINGS, SECONDS, encode

from recommender import Model
from recommender.extractors.video import clip
from recommender.media import looks
from recommender.types import Array
from training.affect.activity_labels import read_labelled_clips

MOST, LATER_S = 2, 0.5
"""Excerpts of a clip at most; how much later one begins again."""
FIRST_S, NEXT_S = 1.4, 2.85
"""What is left of a clip for its first excerpt to begin again later, and for any further one to begin."""
FEWER = (0, 2, 6, 7, 8)
"""Places of the encodings of further excerpts: those that move a reading most."""
COSTS = (
    "activity/davis__bmx.mp4",
    "clips/bikes.mp4",
    "activity/ask__jesse_dance.mp4",
    "clips/big_buck_bunny_0_30.webm",
)
"""480p of 3 s, 272p and 720p of 10 s, 720p of 30 s."""
WHOLE_S = 5.0
"""Clips of so many seconds tell what their first excerpt should say."""
WITHOUT = {"tests__data__test.avi": "times of its frames repeat"}


class Moves(NamedTuple):
    """Of one excerpt, float64 [schemes, 2] each, None where it is not known.

    encodings: [n, schemes, 2], the change by each. later: that of half a second. whole: from the whole clip.
    """

    clip: str
    places: tuple[int, ...]
    encodings: Array
    later: Array | None
    whole: Array | None


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("data", type=Path, help="folder with clips/, activity/ and oasis/")
    options.add_argument("--work", type=Path, required=True, help="where encoded clips and what was read are kept")
    args = options.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)

    def kept(path: Path, name: str, make: Callable[[Path], Array]) -> Array:
        file = args.work / f"{path.parent.name}_{path.name}.{name}.npy"
        if not file.exists():
            np.save(file, make(path))
        return np.load(file)

    model = Model.load()

    def affect(path: Path) -> Array:
        return np.array([model.describe(one, "video").item_affect[:2] for one in read(path, clip.SIGHT)], float)

    found: list[Moves] = []
    for path in clips(args.data):
        found += moves(path, args.work, lambda path: kept(path, "affect", affect))
        print(path.name, flush=True)
    measuring.publish(report(found, activity_lines(args.data, kept, DRAWS, SEED), costs(args.data)), args.out)


def clips(data: Path) -> list[Path]:
    """The labelled ones, and those of `encoding_spread`."""
    labelled = [path for path in read_labelled_clips(data).paths if path.name not in WITHOUT]
    return labelled + [data / name for name in ALL if data / name not in labelled]


def moves(path: Path, work: Path, affect: Callable[[Path], Array]) -> list[Moves]:
    """What is read of each excerpt of a clip."""
    seconds, made = length(path), []
    whole = affect(path) if seconds >= WHOLE_S else None
    for k in range(MOST):
        start_s = k * SECONDS
        if k and start_s + NEXT_S > seconds:
            break

        def reading(place: int, later_s: float = 0.0, k: int = k, start_s: float = start_s) -> Array:
            name = f"{path.parent.name}_{path.stem}_{k}_{len(ENCODINGS) if later_s else place}.mp4"
            if not (work / name).exists():
                encode(path, ENCODINGS[place], work / name, start_s + later_s)
            return affect(work / name)

        places = tuple(range(len(ENCODINGS))) if k == 0 else FEWER
        first, *others = (reading(place) for place in places)
        fits = start_s + LATER_S + (NEXT_S if k else FIRST_S) <= seconds
        later = reading(0, LATER_S) - first if fits else None
        apart = None if whole is None or k else first - whole[-1]
        made.append(Moves(f"{path.parent.name}/{path.name}", places[1:], np.array(others) - first, later, apart))
    return made


def length(path: Path) -> float:
    """How long the pictures last, in s."""
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    seconds = times[-1] - times[0]
    return float(seconds + seconds / max(len(times) - 1, 1))


def costs(data: Path) -> list[str]:
    """A row per clip: CPU of reading it by the first looks and by those that ship, one thread, less of two each."""
    shipped, lines = (looks.LEAST_S, looks.SHARE), ["| clip | first looks | as shipped | ratio |", "|---|---|---|---|"]
    for name in COSTS:
        spent = []
        for looks.LEAST_S, looks.SHARE in (next(iter(SCHEMES.values())), shipped):
            spent.append(measuring.cpu(lambda path=data / name: clip.extract(path), 2))
        lines.append(f"| {name} | {spent[0]:.2f} | {spent[1]:.2f} | {spent[1] / spent[0]:.2f} |")
    return lines


def report(found: list[Moves], of_activity: list[str], of_costs: list[str]) -> str:
    """The page in markdown."""
    chosen_on = {*CHOSEN_ON, *dealt(sorted({one.clip for one in found}))}
    parts = {
        "Clips to choose on": [one for one in found if one.clip in chosen_on],
        "Clips to report": [one for one in found if one.clip not in chosen_on],
    }
    lines = [
        "# Looks at a clip of seconds",
        "",
        f"{measuring.environment('numpy', 'av', 'opencv-python-headless')}. Made by",
        "`python benchmarks/looks.py ../shared/data --work ../looks --out docs/results/looks.md`; it says how. Seed "
        f"{SEED}, {DRAWS} draws of clips (of sources for AUC), 95 % intervals, each less the first line.",
        "",
        "| looks: at least, share of the time passed | in 1.5, 3, 10, 30 s |",
        "|---|---|",
    ]
    apart = by_clip([(one.clip, np.abs(one.encodings).mean(axis=0)) for one in parts["Clips to choose on"]])
    taken = int(apart.mean(axis=(0, 2)).argmin())
    numbers = np.array([counts(seconds) for seconds in (1.5, 3, 10, 30)]).T
    lines += [f"| {name} | {', '.join(map(str, row))} |" for name, row in zip(SCHEMES, numbers, strict=True)]
    lines += ["", f"Nearest to the lossless original on the clips to choose on: **{list(SCHEMES)[taken]}**."]
    for title, some in parts.items():
        lines += ["", f"## {title}: {len({one.clip for one in some})} clips, {len(some)} excerpts", "", *table(some)]
    lines += ["", "## All clips", "", *within(found)]
    lines += ["", "## Calm and busy clips told apart, AUC", "", *of_activity]
    return "\n".join([*lines, "", "## CPU seconds of a clip, decoding and all", "", *of_costs, ""])


def dealt(names: list[str]) -> list[str]:
    """Half of the clips that `encoding_spread` has not."""
    rest = [name for name in names if name not in ALL]
    return [rest[i] for i in np.random.default_rng(SEED).permutation(len(rest))[: len(rest) // 2]]


def table(found: list[Moves]) -> list[str]:
    """A row per scheme and what changes: the mean size of the change, and how much more that is than by the first."""

    ways: dict[str, Callable[[Moves], Array | None]] = {
        "another encoding": lambda one: np.abs(one.encodings).mean(axis=0),
        "PQ and HLG alone": lambda one: np.abs(hdr(one)).mean(axis=0),
        f"share of PQ and HLG beyond {LIMIT}": lambda one: (np.abs(hdr(one)) > LIMIT).mean(axis=0),
        "half a second later": lambda one: None if one.later is None else np.abs(one.later),
        "beside the whole clip": lambda one: None if one.whole is None else np.abs(one.whole),
    }
    lines = ["| | looks | valence | less the first | arousal | less the first |", "|---|---|---|---|---|---|"]
    for way, size in ways.items():
        of_clips = by_clip([(one.clip, size(one)) for one in found])
        for k, name in enumerate(SCHEMES):
            values = of_clips[:, k]
            less = [gain(values[:, axis] - of_clips[:, 0, axis]) if k else "-" for axis in (0, 1)]
            cells = [f"{values[:, axis].mean():.4f} | {less[axis]}" for axis in (0, 1)]
            lines.append(f"| {f'{way} ({len(of_clips)} clips)' if k == 0 else ''} | {name} | {' | '.join(cells)} |")
    return lines


def hdr(one: Moves) -> Array:
    """The change by PQ and HLG alone."""
    return np.asarray(one.encodings[[place - 1 in HDR for place in one.places]])


def within(found: list[Moves]) -> list[str]:
    """A row per scheme: how many PQ and HLG files are where they should be."""
    near = np.concatenate([np.abs(hdr(one)) <= LIMIT for one in found])
    lines = [f"| of {len(near)} PQ and HLG files within {LIMIT} | valence | arousal | both |", "|---|---|---|---|"]
    for k, name in enumerate(SCHEMES):
        cells = [*near[:, k].sum(axis=0), near[:, k].all(axis=1).sum()]
        lines.append(f"| {name} | {' | '.join(map(str, cells))} |")
    return lines


def by_clip(sizes: list[tuple[str, Array | None]]) -> Array:
    """Means over the excerpts of each clip, float64 [clips, schemes, 2]."""
    known = [(name, size) for name, size in sizes if size is not None]
    return np.array([np.mean([size for other, size in known if other == name], axis=0) for name in dict(known)])


def gain(change: Array) -> str:
    """The mean of `change` [clips] and its interval."""
    drawn = change[np.random.default_rng(SEED).integers(0, len(change), (DRAWS, len(change)))].mean(axis=1)
    return "{:+.4f} [{:+.4f}, {:+.4f}]".format(change.mean(), *np.quantile(drawn, [0.025, 0.975]))


if __name__ == "__main__":
    main()
