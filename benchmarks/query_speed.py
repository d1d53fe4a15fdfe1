"""CPU cost of starting the program and of a cold query, each beside a peer, in the same run.

    pip install '.[train,dev]'
    python benchmarks/query_speed.py --work ../query_speed [--out docs/results/query_speed.md]

CPU time of whole processes (user and system), the least of five runs, of two for the naive script. `recommend --help`
against the smallest Typer app with one command. `recommend --video` of a drawn 30 s full HD clip (h264, x264's default
key frames) against a library of 1,000 short synthetic tracks, beside `naive_query.py`: the same answer by a script that
imports everything at the top, decodes and measures every frame and computes the music side online. Clip and library
are made once, in a few minutes, and kept in `--work`; a library of an earlier program is brought up to date.
"""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import measuring
import numpy as np
from footage import FPS, Style, encode, film

from indexing import ingest
from indexing.library import Library
from recommender import Model
from recommender.media import write_audio

ROOT = Path(__file__).resolve().parents[1]
TRACKS, TRACK_S, SR_HZ = 1000, 12.0, 22050
CLIP_S = 30.0
BARE = """
import typer
app = typer.Typer()
@app.command()
def main(video: str, top: int = 10) -> None:
    "Recommend music."
    print(video, top)
app()
"""


def main() -> None:
    options = measuring.parser(__doc__)
    options.add_argument("--work", type=Path, required=True, help="where clip and library are kept")
    args = options.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    clip, library = footage(args.work), tracks(args.work)
    measuring.publish(report(clip, library), args.out)


def report(clip: Path, library: Path) -> str:
    """The tables in markdown."""
    ours_help, _ = least(5, "-m", "cli", "--help")
    bare_help, _ = least(5, "-c", BARE, "--help")
    imports, _ = least(5, "-c", "import numpy, cv2, av, typer")
    query = ("-m", "cli", "--video", str(clip), "--library", str(library), "--format", "json")
    ours, answer = least(5, *query)
    naive, expected = least(2, str(ROOT / "benchmarks" / "naive_query.py"), str(clip), "--library", str(library))
    same = len({row["path"] for row in rows(answer)} & set(json.loads(expected)))
    return "\n".join(
        [
            "# Starting, and a cold query",
            "",
            f"{measuring.environment('numpy', 'av', 'faiss-cpu', 'torch', 'lightgbm', 'typer')}. Made by",
            "`python benchmarks/query_speed.py --work ../query_speed --out docs/results/query_speed.md`.",
            "",
            "| | CPU s | ratio |",
            "|---|---|---|",
            f"| a bare Typer app, `--help` | {bare_help:.3f} | |",
            f"| `recommend --help` | {ours_help:.3f} | {ours_help / bare_help:.2f} of the bare app |",
            f"| naive query | {naive:.2f} | |",
            f"| `recommend --video` | {ours:.2f} | naive / this: {naive / ours:.1f} |",
            f"| (of that, Python with numpy, OpenCV, PyAV and Typer imported) | {imports:.2f} | |",
            "",
            f"{CLIP_S:.0f} s of 1920 x 1080 h264 against {TRACKS} tracks; {same} of the 10 best tracks are the same "
            "(the naive script measures motion between all frames, the product between frames about 1/8 s apart).",
            "",
        ]
    )


def rows(answer: str) -> list[dict[str, str]]:
    """The recommendations in a JSON answer of the command."""
    parsed = json.loads(answer)
    found: list[dict[str, str]] = parsed if isinstance(parsed, list) else parsed["recommendations"]
    return found


def least(runs: int, *command: str) -> tuple[float, str]:
    """The least CPU seconds of `runs` fresh Python processes, and what the last one printed."""
    times = []
    for _ in range(runs):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, *command],
            capture_output=True,
            check=True,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times), done.stdout


def footage(work: Path) -> Path:
    """The clip: drawn, at medium speed, with five cuts."""
    path = work / "clip.mp4"
    if not path.exists():
        encode(film(7, CLIP_S, 0.1, 5), {Style(10 * FPS): path})
    return path.resolve()


def tracks(work: Path) -> Path:
    """The library of short tracks: chords of different modes, tempi and timbres."""
    folder, library = work / "tracks", work / "library"
    model = Model.load()
    folder.mkdir(exist_ok=True)
    for seed in range(TRACKS):
        path = folder / f"track {seed:04d}.wav"
        if not path.exists():
            write_audio(path, tune(seed), SR_HZ)
    for event in ingest.add(Library.open_or_create(library, model.space), [folder], model, workers=1):
        if isinstance(event, ingest.Failed):
            raise SystemExit(f"{event}")
    return library.resolve()


def tune(seed: int) -> np.ndarray:
    """float32 [n]: broken chords with a decay and a few overtones."""
    rng = np.random.default_rng(seed)
    beat_s, third, root = rng.uniform(0.15, 1.2), rng.choice([3, 4]), rng.integers(40, 64)
    overtones, t = rng.uniform(0, 0.6, 4), np.arange(round(TRACK_S * SR_HZ)) / SR_HZ
    step = (t // beat_s).astype(int)
    note = root + np.array([0, third, 7, 12])[rng.integers(0, 4, step.max() + 1)][step]
    phase = 2 * np.pi * np.cumsum(440 * 2 ** ((note - 69) / 12)) / SR_HZ
    tone = np.sin(phase) + sum(gain * np.sin((k + 2) * phase) for k, gain in enumerate(overtones))
    return (0.2 * tone * np.exp(-(t % beat_s) / rng.uniform(0.1, 0.8))).astype(np.float32)


if __name__ == "__main__":
    main()
