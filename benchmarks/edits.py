"""Past edits: how often the track under a film is found, how exactly, how often something else is, and at what cost.

    python benchmarks/edits.py ../shared SILERO [--out docs/results/edits.md]

SILERO: the unpacked sources of silero-vad (PyPI), whose two recordings of people speaking lie under the films (never
the same one under both halves). Tracks: `data/macleod`, `data/music`; POP909 and VGMIDI rendered with fluidsynth.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import measuring

# isort: split
import edits_peer as peer
import numpy as np
from edits_films import LOUDER_DB, Film, Half, Part, make_films, real_tracks, renderings, split
from platformdirs import user_cache_path

from indexing.edits import landmark_files, reading
from indexing.edits.finding import LEAST_S, SURE, set_bar
from indexing.edits.reading import Shelf
from indexing.edits.uses import Use
from recommender.extractors.audio import landmarks
from recommender.media import audio_blocks
from recommender.types import Array

SEEDS = {"chosen": 51, "reported": 52}
FILMS = 100  # of each half
NEAR_S, COMMON = 0.1, 0.3
LONG_S = 1800
PEER_TRACKS = 24
ABOUT = """\
Right is a stretch of a film that is told as the right track at the right offset (within 0.1 s), or with that offset
among its equal loops. What was decided, was decided on the first half and on an earlier hundred films of the same
tracks; a bar without `stand_out` then let music through that is rendered with the samples of the library's (2 of 50
films of the second half, too), so that what is reported of foreign music is not wholly unseen; its films are new."""


class Heard(NamedTuple):
    """A film with what was found in it."""

    film: Film
    uses: Sequence[Use]


class Hit(NamedTuple):
    """A stretch that was found: the error of its offset, of its edges, and whether it was told as another loop."""

    error_s: float
    edges_s: tuple[float, float]
    is_other: bool


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("shared", type=Path, help="the folder with data/")
    options.add_argument("silero", type=Path, help="the unpacked sources of silero-vad")
    options.add_argument("--films", type=int, default=FILMS)
    args = options.parse_args()
    speech = (args.silero / "examples/c++/aepyx.wav", args.silero / "tests/data/test.wav")
    missing = [str(path) for path in (args.shared / "data/macleod", *speech) if not path.exists()]
    if missing:
        raise SystemExit(f"nothing to measure: {', '.join(missing)} is not there")
    with tempfile.TemporaryDirectory() as folder:
        text = report(args, speech, Path(folder))
    measuring.publish(text, args.out)


def report(args: argparse.Namespace, speech: Sequence[Path], folder: Path) -> str:
    """The page."""
    data = args.shared / "data"
    halves = split(real_tracks(data), renderings(data, user_cache_path("cliptune") / "renderings"), folder)
    parts = [
        "# Past edits",
        f"{measuring.environment('numpy', 'av', 'opencv-python-headless')}; seeds {SEEDS}. Made by "
        "`python benchmarks/edits.py ../shared SILERO`.",
        ABOUT,
    ]
    for name, half, said in zip(SEEDS, halves, speech, strict=True):
        shelf = make_shelf(half)
        made = folder / name
        made.mkdir()
        films = make_films(half, said, made, count=args.films, rng=np.random.default_rng(SEEDS[name]))
        heard = [Heard(film, listen(film.path, shelf)) for film in films]
        parts += [f"## {name.capitalize()}", table(heard, shelf), foreign(half, shelf)]
        print("\n\n".join(parts[-3:]), flush=True)
    parts += ["## Cost", cost(halves[1], shelf, heard), compare(halves[1])]
    return "\n\n".join(parts) + "\n"


def make_shelf(half: Half) -> Shelf:
    """The landmarks of a half's library, as the product makes and finds them."""
    paths = [*half.library, *half.loops]
    read = [reading.read_track(None, (b"", str(path))) for path in paths]
    digests = [number.to_bytes(16, "big") for number in range(len(paths))]
    piece = landmark_files.build([(digest, *one) for digest, one in zip(digests, read, strict=True)])
    names = [str(path) for path in paths]
    return Shelf([piece], names, names, np.arange(len(paths)), np.diff(piece.starts))


def listen(path: Path, shelf: Shelf) -> tuple[Use, ...]:
    """What the product finds in a film."""
    return reading.find_uses(reading.read_film(path, lambda _: None), shelf)


def hit(part: Part, uses: Sequence[Use]) -> Hit | None:
    """How a stretch was found; None where it was not."""
    for use in uses:
        common = min(use.film_out_s, part.film_out) - max(use.film_in_s, part.film_in)
        if use.path != str(part.track) or common < COMMON * (part.film_out - part.film_in):
            continue
        for number, start in enumerate((use.track_in_s, *use.loops)):
            for way in (part.track_in, *part.ways):
                error = (start - use.film_in_s) - (way - part.film_in)
                if abs(error) < NEAR_S:
                    edges = abs(use.film_in_s - part.film_in), abs(use.film_out_s - part.film_out)
                    return Hit(abs(error), edges, number > 0)
    return None


def table(heard: Sequence[Heard], shelf: Shelf) -> str:
    """How stretches were found, by how much louder speech is and by kind of film."""
    bar = set_bar(60, shelf.seconds)
    size = len(shelf.pieces[0].keys) * 8 / shelf.seconds * 3600 / 1e6
    wrong = [use for one in heard for use in one.uses if use.path not in {str(part.track) for part in one.film.parts}]
    silent = [one for one in heard if not one.film.parts]
    found = sum(len(one.uses) for one in heard)
    hits = [hit(part, one.uses) for one in heard for part in one.film.parts]
    lines = [
        f"{len(shelf.paths)} tracks, {shelf.seconds / 3600:.2f} hours, {size:.2f} MB an hour; {len(heard)} films, in "
        f"a minute of which one must be {bar.sure:.1f} sure. Films with foreign music alone in which something was "
        f"found: {sum(bool(one.uses) for one in silent)} of {len(silent)}; uses of a track that is not in the film: "
        f"{len(wrong)} of {found}. In films of loops alone, other loops told: "
        f"{sum(bool(use.loops) for one in heard if one.film.kind == 'loop alone' for use in one.uses[:1])} of "
        f"{sum(one.film.kind == 'loop alone' for one in heard)}.",
        "",
        "| films | stretches found, at the right place | of these told as an equal loop | offset: median, 95 %, most | "
        "edges: median, 90 % |",
        "|---|---|---|---|---|",
        row("all", hits),
    ]
    for level in LOUDER_DB:
        these = [hit(part, one.uses) for one in heard if one.film.louder_db == level for part in one.film.parts]
        lines.append(row("without speech" if level is None else f"speech {level} dB louder", these))
    for kind in dict.fromkeys(one.film.kind for one in heard if one.film.parts):
        lines.append(
            row(kind, [hit(part, one.uses) for one in heard if one.film.kind == kind for part in one.film.parts])
        )
    return "\n".join(lines)


def row(name: str, hits: Sequence[Hit | None]) -> str:
    right = [one for one in hits if one is not None]
    share = f"{len(right)} of {len(hits)}" + (f" ({len(right) / len(hits):.1%})" if hits else "")
    if not right:
        return f"| {name} | {share} | | | |"
    errors = np.percentile([one.error_s * 1e3 for one in right], [50, 95, 100])
    edges = np.percentile([edge for one in right for edge in one.edges_s], [50, 90])
    told = f"{errors[0]:.1f}, {errors[1]:.1f}, {errors[2]:.1f} ms | {edges[0]:.2f}, {edges[1]:.2f} s"
    return f"| {name} | {share} | {sum(one.is_other for one in right)} | {told} |"


def samples(path: Path) -> Array:
    return np.concatenate(list(audio_blocks(path, landmarks.SR_HZ)))


def foreign(half: Half, shelf: Shelf) -> str:
    """In how many foreign tracks, whole and without speech, something is found."""
    told = []
    for path in half.foreign[::2]:
        peaks, frames = landmarks.find_peaks([samples(path)], landmarks.FILM)
        uses = reading.find_uses(reading.Film([peaks], frames / landmarks.FRAME_HZ, 0.0), shelf)
        told += [f"{path.name} taken for {Path(uses[0].path).name}"] if uses else []
    real = sum(path.suffix != ".flac" for path in half.foreign[::2])
    return (
        f"Foreign tracks, whole and without speech, in which something was found: {len(told)} of "
        f"{len(half.foreign[::2])} ({real} of them produced, the others rendered with the library's samples)"
        f"{': ' + '; '.join(told) if told else ''}."
    )


def cost(half: Half, shelf: Shelf, heard: Sequence[Heard]) -> str:
    """CPU time of tracks and of a long film, beside decoding."""
    paths = half.library[:12]
    sounds = [samples(path) for path in paths]
    minutes = sum(map(len, sounds)) / landmarks.SR_HZ / 60
    decoding = measuring.cpu(lambda: [samples(path) for path in paths], 2)
    marking = measuring.cpu(lambda: [landmarks.track_landmarks([y]) for y in sounds])
    films = [samples(one.film.path) for one in heard[:60]]
    long = np.resize(np.concatenate(films), LONG_S * landmarks.SR_HZ)
    made: list[Any] = []
    peaking = measuring.cpu(lambda: made.append(landmarks.find_peaks([long], landmarks.FILM)), 1)
    film = reading.Film([made[0][0]], LONG_S, 0.0)
    finding = measuring.cpu(lambda: made.append(reading.find_uses(film, shelf)), 1)
    return "\n".join(
        [
            "| | CPU time |",
            "|---|---|",
            f"| decoding {minutes:.0f} minutes of tracks | {decoding / minutes * 1e3:.0f} ms a minute |",
            f"| their landmarks | {marking / minutes * 1e3:.0f} ms a minute |",
            f"| a film of {LONG_S / 60:.0f} minutes: peaks | {peaking:.1f} s |",
            f"| the same: what lies under it ({len(made[1])} uses) | {finding:.1f} s |",
        ]
    )


def compare(half: Half) -> str:
    """Against the published method as it is mostly written: both find the same, and how long each takes."""
    paths = [path for path in half.library if path.suffix != ".flac"][:PEER_TRACKS]
    tracks = {str(path): samples(path) for path in paths}
    rng = np.random.default_rng(SEEDS["reported"])
    queries = {}
    for name, y in tracks.items():
        first = int(rng.integers(max(1, len(y) - 20 * landmarks.SR_HZ)))
        queries[name] = (first, y[first : first + 20 * landmarks.SR_HZ] * 0.5)
    made: list[Any] = []
    theirs = measuring.cpu(lambda: made.append(peer.index(tracks)), 1)
    ours = measuring.cpu(lambda: made.append([landmarks.track_landmarks([y]) for y in tracks.values()]), 1)
    pieces = [landmark_files.build([(b"x" * 16, frames, one) for one, frames in made[1]])]
    names = list(tracks)
    shelf = Shelf(pieces, names, names, np.arange(len(names)), np.diff(pieces[0].starts))
    asked = measuring.cpu(lambda: made.append([peer.find(made[0], y) for _, y in queries.values()]), 1)

    def look(y: Array) -> tuple[Use, ...]:
        peaks, frames = landmarks.find_peaks([y], landmarks.FILM)
        return reading.find_uses(reading.Film([peaks], frames / landmarks.FRAME_HZ, 0.0), shelf)

    found = measuring.cpu(lambda: made.append([look(y) for _, y in queries.values()]), 1)
    same = both = 0
    for (name, (first, _)), uses, (other, offset, _) in zip(queries.items(), made[3], made[2], strict=True):
        mine = [use for use in uses if use.path == name]
        both += bool(mine) and other == name
        at = [start - use.film_in_s for use in mine for start in (use.track_in_s, *use.loops)]
        same += any(abs(one - offset) < NEAR_S for one in at) and abs(offset - first / landmarks.SR_HZ) < NEAR_S
    held = sum(map(len, made[0].values())) / sum(len(one.keys) for one, _ in made[1])
    return (
        f"Against the published method as it is mostly written (`edits_peer.py`: scipy, every pair, a dictionary), on "
        f"{len(tracks)} tracks and 20 s of each without speech: both name the track in {both}, at the same offset in "
        f"{same}. CPU time, theirs to ours: {theirs / ours:.1f} for the tracks, {asked / found:.1f} for the queries; "
        f"it keeps {held:.1f} times as many landmarks, and has no bar below which music is foreign. A use must be "
        f"longer than {LEAST_S:g} s, and {SURE[0]:g} + {SURE[1]:g} ln(minutes of film x hours of library) sure."
    )


if __name__ == "__main__":
    main()
