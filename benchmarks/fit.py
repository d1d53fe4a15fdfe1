"""Fit to length on songs whose bars and phrases are known, and on produced music.

    python benchmarks/fit.py ../shared --out docs/results/fit.md

Songs of `pop909` are rendered whole with fluidsynth. Parameters were chosen on every second song in the order of their
names, from the first on ("chosen on"); of those that find bar lines, the weights of `bars` and what is taken two by
two were set with all 46 songs in view, the rest (repetition, lasting changes, breaks, doubt) on the songs chosen on, as
they are and with drums. A song whose low notes (below E3) begin on another beat of the annotated bars more than twice
as often as on the first is told as at odds with its music. Tasks, each with an in-point drawn at random
(seed: the song's number and the length): free ends at 15 to 90 s, free ends at 1.25 times the song's length, the real
ending at 15 to 90 s, and the section's peak on two fifths of 30 and 60 s. A joint counts as on a downbeat where both of
its sides lie within 70 ms of an annotated one; in phase where both lie at the same place of an annotated bar, whatever
that is; of the same phrase where the letter of what follows is that of what should have followed (`human_label1.txt`,
counted in annotated bars). By chance: jumps between any two lines found in the song.
Seam steps are measured on what the stem writes: the largest step between samples of the crossfade less the largest one
within 50 ms on either side of it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import NamedTuple

import beats_data
import measuring
import numpy as np
import tempo_key_data as data

from recommender.editing.mix import music_blocks
from recommender.editing.placement import JOINT_S, Fit, Placement, Stretch
from recommender.errors import FitError
from recommender.extractors.audio import beats, music
from recommender.fitting.barlines import barlines
from recommender.fitting.fit import LEAD_S, Wish, fit
from recommender.fitting.sound import listen
from training.affect import midi

LENGTHS_S, LONGER = (15.0, 30.0, 45.0, 60.0, 90.0), 1.25
NEAR_S = 0.07
RATE_HZ, BESIDE_S = 48_000, 0.05
CHANCES = 200
WHOLE_S = 900.0
LOW_MIDI = 52


class Known(NamedTuple):
    """Annotated downbeats in seconds, and the letter of each bar."""

    down_s: np.ndarray
    letters: str
    at_odds: bool


class Tried(NamedTuple):
    """A fit of a task (None: refused, for `why`), what is true of its joints, its seam steps and its CPU seconds."""

    song: str
    task: str
    made: Fit | None
    why: str = ""
    on: tuple[bool, ...] = ()
    phase: tuple[bool, ...] = ()
    letter: tuple[bool, ...] = ()
    steps: tuple[float, ...] = ()
    cpu_s: float = 0.0
    at_odds: bool = False


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--renders", type=Path, default=data.RENDERS.with_name("cliptune-renders-whole"))
    asked = parser.parse_args()
    midi.SECONDS = WHOLE_S
    lines = ["# Fit to length", "", f"Made by `python benchmarks/fit.py ../shared --out {asked.out or 'fit.md'}`.", ""]
    lines += [measuring.environment("numpy", "scipy"), "", *(__doc__ or "").split("\n\n", 2)[2].splitlines(), ""]
    folders = sorted(path.parent for path in (asked.shared / "data" / "pop909").glob("*/beat_midi.txt"))
    if folders:
        sounds = data.rendered([folder / f"{folder.name}.mid" for folder in folders], asked.renders)
        tried = [songs(folder, sound) for folder, sound in zip(folders, sounds, strict=True)]
        lines += table("chosen on", [one for song in tried[0::2] for one in song[0]], [s[1] for s in tried[0::2]])
        lines += table("others", [one for song in tried[1::2] for one in song[0]], [s[1] for s in tried[1::2]])
    else:
        lines += [f"{asked.shared / 'data' / 'pop909'}: no songs", ""]
    for name in ("music", "macleod"):
        lines += produced(name, sorted((asked.shared / "data" / name).glob("*.*")))
    measuring.publish("\n".join(lines), asked.out)


def songs(folder: Path, path: Path) -> tuple[list[Tried], tuple[float, float]]:
    """All tasks of a song, and by chance the shares of joints on downbeats and of the same letter."""
    start = process_time()
    sound = listen(path)
    found = beats.from_bytes(music.from_blocks([sound.samples]).beats or b"")
    first = process_time() - start
    known, tried = annotated(folder), []
    for task, wish in tasks(int(folder.name), sound.duration_s):
        start = process_time()
        try:
            made = fit(sound, found, wish)
        except FitError as error:
            tried.append(Tried(folder.name, task, None, str(error)))
            continue
        spent = first + process_time() - start
        sides = [(joint.left_s + LEAD_S, joint.entered_s + LEAD_S) for joint in made.joints]
        told = judged(sides, known), tuple(seams(made, path))
        tried.append(Tried(folder.name, task, made, "", *told[0], told[1], spent, known.at_odds))
    rng = np.random.default_rng(int(folder.name))
    sides = [tuple(pair) for pair in rng.choice(barlines(sound, found).at_s, (CHANCES, 2)).tolist()]
    on, _, letter = judged(sides, known)
    return tried, (float(np.mean(on)), float(np.mean(letter)))


def tasks(song: int, duration_s: float) -> Iterator[tuple[str, Wish]]:
    """Every task by name."""
    for length_s in (*LENGTHS_S, LONGER * duration_s):
        rng = np.random.default_rng([song, int(length_s)])
        begin = float(rng.uniform(0, max(duration_s - length_s, 1)))
        section = Stretch(begin, begin + length_s)
        if length_s > duration_s:
            yield "longer than the song", Wish(length_s, section)
            continue
        yield "free ends", Wish(length_s, section)
        yield "real ending", Wish(length_s, section, "real")
        if length_s in (30.0, 60.0):
            yield "peak hit", Wish(length_s, section, hit_s=0.4 * length_s)


def annotated(folder: Path) -> Known:
    """What people say of a song (see `beats_data`)."""
    rows = np.loadtxt(folder / "beat_midi.txt")
    column = 1 if np.median(np.diff(np.flatnonzero(rows[:, 1]))) == 3 else 2
    labels = re.findall(r"([A-Za-z])(\d+)", (folder / "human_label1.txt").read_text("utf-8"))
    down_s = rows[rows[:, column] > 0, 0]
    letters = "".join(letter * int(bars) for letter, bars in labels)
    return Known(
        down_s, letters, at_odds((folder / f"{folder.name}.mid").read_bytes(), down_s, 4 if column == 2 else 3)
    )


def at_odds(song: bytes, down_s: np.ndarray, metre: int) -> bool:
    """Whether low notes begin on another beat of the bars more than twice as often as on the first."""
    events = sorted(data._events(song), key=lambda event: event[0])
    low = [tick for tick, kind, body in events if kind & 0xF0 == 0x90 and body[1] and body[0] < LOW_MIDI]
    at_s = beats_data._clock(events, int.from_bytes(song[12:14], "big"))(np.array(low))
    bar = np.interp(at_s[(at_s >= down_s[0]) & (at_s < down_s[-1])], down_s, np.arange(len(down_s)))
    counts = np.bincount(np.round(bar * metre).astype(int) % metre, minlength=metre)
    return bool(counts[1:].max() > 2 * counts[0])


def judged(sides: list[tuple[float, ...]], known: Known) -> tuple[tuple[bool, ...], ...]:
    """For pairs of moments: whether both are on downbeats, in phase, and of the same letter."""
    if not sides:
        return (), (), ()
    at = np.array(sides)
    down = known.down_s
    on = np.abs(at[:, :, None] - down).min(axis=2) < NEAR_S
    bar = np.interp(at, down, np.arange(len(down)))
    off = np.abs((bar[:, 0] - bar[:, 1] + 0.5) % 1 - 0.5) * np.median(np.diff(down))
    places = np.searchsorted(down, at + NEAR_S) - 1
    letters = [[known.letters[i] if 0 <= i < len(known.letters) else "" for i in pair] for pair in places]
    same = tuple(left == entered != "" for left, entered in letters)
    return tuple(on.all(axis=1).tolist()), tuple((off < NEAR_S).tolist()), same


def seams(made: Fit, path: Path) -> Iterator[float]:
    """The excess of the largest step between samples in each crossfade over those beside it, of full scale."""
    if not made.joints:
        return
    placement = Placement(path, sum(end - start for start, end in made.pieces), path, made.pieces)
    heard = np.concatenate(list(music_blocks(placement, rate_hz=RATE_HZ, gains=False)), axis=1)
    steps = np.abs(np.diff(heard, axis=1)).max(axis=0)
    half, beside = round(JOINT_S / 2 * RATE_HZ), round(BESIDE_S * RATE_HZ)
    for joint in made.joints:
        at = round(joint.at_s * RATE_HZ)
        inside = steps[at - half - 1 : at + half + 1]
        around = np.concatenate([steps[max(at - half - beside, 0) : at - half - 1], steps[at + half + 1 :][:beside]])
        yield max(float(inside.max() - around.max()), 0.0)


def table(name: str, tried: list[Tried], chance: list[tuple[float, float]]) -> list[str]:
    """A row per task."""
    rows = [
        f"## pop909, {name} ({len({one.song for one in tried})} songs)",
        "",
        "| task | fits | refused | joints | on downbeats | in phase | same letter | cost of a fit with joints, median "
        "| of a joint, median | length off, most | seam step, most | CPU s, median and most |",
        "|" + "---|" * 12,
    ]
    names = ("free ends", "longer than the song", "real ending", "peak hit")
    for task in (*names, "all"):
        rows.append(row(task, [one for one in tried if task in (one.task, "all")]))
    on, letter = np.mean(chance, axis=0)
    rows.append(f"| by chance | | | | {100 * on:.0f} % | | {100 * letter:.0f} % | 1.00 | 1.00 | | | |")
    free = [one for one in tried if one.task in names[:2] and one.made is not None]
    joints = [(joint.sure, on) for one in free for joint, on in zip(one.made.joints, one.on, strict=True)]
    sure = [on for s, on in joints if s >= 0.9]
    ends = [on for one in free for on in one.on]
    rows += ["", f"Free ends, looped songs and not: {share(ends)} of {len(ends)} on downbeats."]
    rows += [f"Free ends, joints told as sure (.9 or more): {share(sure)} of {len(sure)} on downbeats."]
    wrong = sorted({one.song for one in free if not all(one.on)})
    odd = sorted({one.song for one in tried if one.at_odds})
    apart = [on for one in free if not one.at_odds for on in one.on]
    rows.append(f"Songs with a joint off the downbeat there: {', '.join(wrong) or 'none'}.")
    said = f"Songs at odds with their music: {', '.join(odd) or 'none'}"
    return [*rows, f"{said}; without them, free ends: {share(apart)} of {len(apart)} on downbeats.", ""]


def row(task: str, tried: list[Tried]) -> str:
    """What is true of the fits of a task."""
    fits = [one for one in tried if one.made is not None]
    joined = [one.made for one in fits if one.made is not None and one.made.joints]
    costs = [joint.cost for made in joined for joint in made.joints]
    flat = {name: [x for one in fits for x in getattr(one, name)] for name in ("on", "phase", "letter", "steps")}
    off_ms = max((abs(one.made.error_s) for one in fits if one.made is not None), default=0) * 1000
    spent = [one.cpu_s for one in fits] or [0.0]
    return (
        f"| {task} | {len(fits)}, {len(joined)} with joints | {len(tried) - len(fits)} | {len(costs)} "
        f"| {share(flat['on'])} | {share(flat['phase'])} | {share(flat['letter'])} "
        f"| {middle([made.cost for made in joined])} | {middle(costs)} | {off_ms:.3f} ms "
        f"| {max(flat['steps'], default=0):.3f} | {np.median(spent):.2f}, {max(spent):.2f} |"
    )


def share(said: list[bool]) -> str:
    return f"{100 * np.mean(said):.0f} %" if said else "-"


def middle(values: list[float]) -> str:
    return f"{np.median(values):.2f}" if values else "-"


def produced(name: str, paths: list[Path]) -> list[str]:
    """Produced music: seams and costs; nothing is annotated."""
    tried = []
    for path in (p for p in paths if p.suffix in (".mp3", ".ogg", ".flac", ".wav", ".m4a", ".opus")):
        start = process_time()
        sound = listen(path)
        found = beats.from_bytes(music.from_blocks([sound.samples]).beats or b"")
        first = process_time() - start
        for task, wish in (("half", Wish(sound.duration_s / 2, None, "real")), ("twice", Wish(2 * sound.duration_s))):
            start = process_time()
            try:
                made = fit(sound, found, wish)
            except FitError as error:
                tried.append(Tried(path.name, task, None, str(error)))
                continue
            spent = first + process_time() - start
            tried.append(Tried(path.name, task, made, steps=tuple(seams(made, path)), cpu_s=spent))
    if not tried:
        return [f"## {name}", "", "Not there.", ""]
    head = (
        "| task | fits | refused | joints | | | | cost, median | of a joint, median | length off | seam step | CPU s |"
    )
    rows = [f"## {name} ({len({one.song for one in tried})} tracks)", "", head, "|" + "---|" * 12]
    rows += [row(f"{task} its length", [one for one in tried if one.task == task]) for task in ("half", "twice")]
    why: dict[str, int] = {}
    for one in (one for one in tried if one.made is None):
        reason = re.sub(r"[\d.]+", "N", one.why)
        why[reason] = why.get(reason, 0) + 1
    return [*rows, "", *(f"Refused {count} times: {reason}." for reason, count in why.items()), ""]


if __name__ == "__main__":
    main()
