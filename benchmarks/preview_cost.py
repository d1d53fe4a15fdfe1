"""What previews cost: CPU time of placing and rendering, beside another version of the code, and memory.

    python benchmarks/preview_cost.py [--against CHECKOUT] [--out docs/results/preview_cost.md]

Reads `../shared/data`. Both versions work in turns, each in a process of its own, on files that are touched before, so
that nothing is kept from the time before. Seconds of a busy machine differ by half; the ratio of two that follow each
other does not, and is what is told of another version.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import copy
from typing import Any

import av
import measuring
import numpy as np
from preview import CHOSEN_ON, DATA, RATE, SEED, decoded, film_of, repeated

import recommender
from recommender.editing.placement import Stretch
from recommender.editing.placing import place
from recommender.editing.preview import write_preview
from recommender.extractors.audio.speech import speech_in
from recommender.media import probe, remux

ROOT = Path(__file__).resolve().parents[1]
TRACKS = ("JRPG_town_loop.ogg", "04 - Sanctuary.ogg", "19 - Courtesan.ogg")
FILMS = {"short": 1, "minute": 12, "two": 24}
"""Each so many times `bigbuckbunny.mp4` (720p with sound, 5.3 s), one after the other."""
SPEECH = {"short": (Stretch(1.0, 4.0),), "minute": (Stretch(5.0, 15.0), Stretch(30.0, 40.0))}
SPEECH["two"] = SPEECH["minute"]
CASES = (
    ("minute", 1, "given", "a minute, with speech"),
    ("minute", 1, "none", "a minute, without"),
    ("minute", 1, "found", "a minute, and its speech looked for"),
    ("minute", 3, "given", "a minute, with speech, under each of three tracks"),
    ("two", 1, "given", "two minutes, with speech"),
    ("short", 1, "given", "5 s, with speech"),
)
"""Which film, how many tracks under it, where its speech comes from; and that in words."""


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--against", type=Path, help="a checkout of another version")
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--render", type=Path, help="a folder of films: render as stdin says, and print what it took")
    options.add_argument("--memory", type=Path, help="a film: render it, and print how much memory it took")
    args = options.parse_args()
    if args.render:
        return render(args.render)
    if args.memory:
        return print(memory_kb(args.memory))
    if not DATA.is_dir():
        print(f"needs {DATA}, which is not there", file=sys.stderr)
        raise SystemExit(1)
    with tempfile.TemporaryDirectory() as folder:
        parts = [seconds(Path(folder), args.against, args.rounds), memory(Path(folder)), coder(Path(folder))]
    head = f"# What previews cost\n\n{measuring.environment('numpy', 'scipy', 'av')}; seed {SEED}.\n"
    made = "Made by `python benchmarks/preview_cost.py --against CHECKOUT --out docs/results/preview_cost.md`.\n"
    return measuring.publish("\n".join([head + made, *parts]), args.out)


def seconds(folder: Path, against: Path | None, rounds: int) -> str:
    """CPU time of each case by the second of film and track, as a table."""
    for name, times in FILMS.items():
        repeated(DATA / "clips" / "bigbuckbunny.mp4", times, folder / f"{name}.mp4")
    for track in TRACKS:
        copy(DATA / "music" / track, folder)
    versions = [worker(version, folder) for version in (ROOT, against) if version is not None]
    head = ["| 720p | CPU seconds per second, least | median |", "|---|---|---|"]
    if against is not None:
        head = [
            "| 720p | CPU seconds per second, least | median | before, least | median | ratio, median | quartiles |",
            "|---|---|---|---|---|---|---|",
        ]
    rows = [f"| {case[-1]} | {told(took(versions, case, rounds))} |" for case in CASES]
    for one in versions:
        one.stdin.close()
        one.wait()
    return "\n".join(["## Time\n", f"Placed and rendered; {rounds} times each:\n", *head, *rows, ""])


def worker(version: Path, folder: Path) -> Any:
    """A process that renders with a version of the code."""
    command = [sys.executable, __file__, "--render", str(folder)]
    known = os.environ | {"PYTHONPATH": str(version)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": known}
    started = subprocess.Popen(command, **pipes)  # type: ignore[call-overload]
    assert Path(started.stdout.readline().strip()).is_relative_to(version.resolve())
    return started


def took(versions: list[Any], case: tuple[str, int, str, str], rounds: int) -> np.ndarray:
    """float64 [rounds, versions], after a round that does not count."""
    found = np.zeros((rounds + 1, len(versions)))
    for k, place_ in turns(rounds + 1, len(versions)):
        print(*case[:3], file=versions[place_].stdin, flush=True)
        found[k, place_] = float(versions[place_].stdout.readline())
    print(case[-1], *np.median(found[1:], axis=0), file=sys.stderr, flush=True)
    return found[1:]


def turns(rounds: int, versions: int) -> Iterator[tuple[int, int]]:
    """Rounds and versions, which begin in turn."""
    for k in range(rounds):
        yield from ((k, (k + at) % versions) for at in range(versions))


def told(found: np.ndarray) -> str:
    """The cells of a row."""
    cells = [f"{value:.4f}" for one in found.T for value in (one.min(), np.median(one))]
    if found.shape[1] > 1:
        low, middle, high = np.percentile(found[:, 0] / found[:, 1], (25, 50, 75))
        cells += [f"{middle:.2f}", f"{low:.2f} to {high:.2f}"]
    return " | ".join(cells)


def render(folder: Path) -> None:
    """Render what stdin asks for, a line each, and print the CPU seconds per second of film and track."""
    print(Path(recommender.__file__).resolve(), flush=True)
    for line in sys.stdin:
        name, count, source = line.split()
        clip, tracks = folder / f"{name}.mp4", [folder / track for track in TRACKS[: int(count)]]
        for path in (clip, *tracks):
            os.utime(path)
        start = time.process_time()
        speech = speech_in(clip) if source == "found" else SPEECH[name] if source == "given" else ()
        for track in tracks:
            write_preview(place(clip, track, in_s=5, speech=speech), folder / "film.mp4", overwrite=True)
        took_s = time.process_time() - start
        print(took_s / (probe(clip).duration_s or 0) / len(tracks), flush=True)


def memory(folder: Path) -> str:
    """What is needed at most for films of some lengths, as a table."""
    rows = []
    for minutes in (1, 2, 10):
        y = np.random.default_rng(SEED).normal(0, 0.05, (2, 60 * RATE)).astype(np.float32)
        film_of(folder / "one.mp4", y, fps=5, size=(64, 48))
        repeated(folder / "one.mp4", minutes, folder / "long.mp4")
        kb = int(subprocess.check_output([sys.executable, __file__, "--memory", str(folder / "long.mp4")]))
        rows.append(f"| {minutes} | {kb / 1024:.0f} |")
    return "\n".join(["## Memory\n", "| minutes of film | MB at most |", "|---|---|", *rows, ""])


def coder(folder: Path) -> str:
    """What the AAC coder's shaping of noise in time costs and brings, on what settings are chosen on, as a table."""
    found = {path.stem: path for path in (*DATA.glob("music/*.ogg"), *DATA.glob("macleod/*.mp3"))}
    rows = []
    for name, path in [(name, found[name]) for name in CHOSEN_ON] + [
        ("speech", DATA / "clips" / "tests__data__test.avi")
    ]:
        y = (decoded(path)[1][:, : 40 * RATE] / 2).astype(np.float32)
        pairs = [[coded(folder, y, shapes=shapes) for shapes in ("0", "1")] for _ in range(9)]
        ratio = np.median([without[0] / shaped[0] for without, shaped in pairs])
        rows.append(f"| {name} | {ratio:.2f} | {pairs[0][0][1]:.1f} | {pairs[0][1][1]:.1f} |")
    head = "| sound | CPU without, of that with it (median of 9 pairs) | dB without | dB with |"
    told = (
        "The coder's shaping of noise in time (`aac_tns`), left out: signal to noise of the worst twentieth of 5 ms.\n"
    )
    return "\n".join(["## AAC\n", told, head, "|---|---|---|---|", *rows, ""])


def coded(folder: Path, y: np.ndarray, *, shapes: str) -> tuple[float, float]:
    """CPU seconds of coding y [2, n], and dB between signal and noise that 95 % of its stretches of 5 ms reach."""
    start, kept = time.process_time(), remux._AAC["aac_tns"]
    remux._AAC["aac_tns"] = shapes
    with remux.new_container(folder / "sound.mp4", "mp4") as target:
        remux.Coder(target, "aac", 0, [y[:, at : at + RATE] for at in range(0, y.shape[1], RATE)]).finish()
    took_s, remux._AAC["aac_tns"] = time.process_time() - start, kept
    z = decoded(folder / "sound.mp4")[1]
    count = min(y.shape[1], z.shape[1]) // 240
    shape = (2, count, 240)
    signal, noise = (
        np.square(x[:, : count * 240]).reshape(shape).mean(axis=(0, 2))
        for x in (y, z[:, : count * 240] - y[:, : count * 240])
    )
    heard = signal > 1e-8
    return took_s, float(np.percentile(10 * np.log10(signal[heard] / np.maximum(noise[heard], 1e-14)), 5))


def memory_kb(film: Path) -> int:
    """Render a preview of `film`, and say how much memory that took."""
    track = film.with_name("long.flac")
    with av.open(str(track), "w") as container:
        stream = container.add_stream("flac", rate=44_100, layout="stereo")
        stream.codec_context.format = "s16"
        for k in range(60 * 11):
            container.mux(stream.encode(chord(k)))
        container.mux(stream.encode(None))
    write_preview(place(film, track), film.with_name("out.mp4"), overwrite=True)
    status = Path("/proc/self/status").read_text()  # getrusage counts what the process was forked from
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def chord(k: int) -> av.AudioFrame:
    """A second of a chord."""
    t = np.arange(44_100) / 44_100
    y = (3000 * (np.sin(2 * np.pi * 220 * t) + np.sin(2 * np.pi * (275 + k % 7) * t))).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(y, 2).reshape(1, -1), format="s16", layout="stereo")
    frame.sample_rate, frame.pts = 44_100, k * 44_100
    return frame


if __name__ == "__main__":
    main()
