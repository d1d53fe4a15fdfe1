"""What the app takes beside the command: a first answer, a first preview, and the memory of serving a film of 2 GB.

    python benchmarks/app_speed.py [--out docs/results/app.md]

Reads `../shared/data`. The command and the app answer in turns, each time about a clip that neither saw before (of the
same pictures and sound, with other bytes): from the start of the command, and from the moment that the clip is dropped,
to the whole answer. The library is warm: another clip was asked about before.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import app_running
import numpy as np
from app_running import DATA, ROOT, Running, environment, memory_mb, quantiles, watch_memory
from preview import repeated

SEED, ROUNDS = 20261130, 7
SOURCE = DATA / "clips" / "bigbuckbunny.mp4"
"""720p with sound, 5.3 s; repeated six times it is the clip of half a minute, twelve times that of a minute."""
LARGE, PIECES = 2_000_000_000, 200
"""Bytes of the large film, at least, and places in it that are sought."""


def unlike(film: Path, number: int, out: Path) -> Path:
    """The same film with a box more, which nobody reads: other bytes, and so another clip."""
    out.write_bytes(film.read_bytes() + (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big"))
    return out


def by_command(home: Path, clip: Path) -> tuple[float, float]:
    """Seconds, and seconds of CPU, in which the command answers."""
    words = [sys.executable, str(ROOT / "cli.py"), "--video", str(clip), "--library", "music", "--format", "json"]
    start, before = time.perf_counter(), _children_s()
    subprocess.run(words, env=environment(home), check=True, capture_output=True)
    return time.perf_counter() - start, _children_s() - before


def _children_s() -> float:
    """Seconds of CPU of the processes that were started here and ended, other than the app."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def by_app(server: Running, library: str, clip: Path) -> tuple[float, float]:
    """Seconds, and seconds of CPU, in which a clip is sent and answered about."""
    client, body = server.client(), clip.read_bytes()
    start, before = time.perf_counter(), app_running.cpu_s(server.pid)
    clip_id = client.json("/api/clips?name=clip.mp4", method="POST", body=body)["id"]
    client.json(f"/api/answers?clip={clip_id}&library={library}")
    return time.perf_counter() - start, app_running.cpu_s(server.pid) - before


def answers(server: Running, library: str, folder: Path) -> str:
    """How long first answers take."""
    half = folder / "half.mp4"
    repeated(SOURCE, 6, half)
    pairs = []
    for number in range(ROUNDS + 1):
        clip = unlike(half, number, folder / f"half-{number}.mp4")
        app = by_app(server, library, clip)
        pairs.append((by_command(server.home, clip), app))
    rows = []
    for k, what in enumerate(("s", "s of CPU")):
        command, app_s = np.array(pairs[1:])[:, :, k].T  # the first warms the library
        low, median, high = np.quantile(app_s / command, [0.25, 0.5, 0.75])
        of_both = f"{np.median(app_s):.2f} | {np.median(command):.2f}"
        rows.append(f"| {what} | {of_both} | {median:.2f} ({low:.2f} to {high:.2f}) | {max(app_s / command):.2f} |")
    return "\n".join(
        [
            f"A first answer about a clip of half a minute, {ROUNDS} rounds (medians; of ratios quartiles, too):\n",
            "| | app | command | app / command | largest |",
            "|---|---|---|---|---|",
            *rows,
        ]
    )


def previews(server: Running, library: str, folder: Path) -> str:
    """How long first previews take: every time of another track, the first with the worker not yet started."""
    minute = folder / "minute.mp4"
    repeated(SOURCE, 12, minute)
    client = server.client()
    clip = client.upload(minute)["id"]
    found = client.json(f"/api/answers?clip={clip}&library={library}&top={ROUNDS}")["recommendations"]
    took, cpu = [], []
    for one in found:
        start, before = time.perf_counter(), app_running.cpu_s(server.pid)
        client.json(f"/api/previews?clip={clip}&library={library}&track={one['track']}&in={one['in_s']}")
        took.append(time.perf_counter() - start)
        cpu.append(app_running.cpu_s(server.pid) - before)
    return (
        f"A preview of a clip of a minute: {took[0]:.1f} s the first time in a session ({cpu[0]:.1f} s of CPU), then "
        f"{statistics.median(took[1:]):.1f} s ({statistics.median(cpu[1:]):.1f} s; largest {max(took[1:]):.1f} s, "
        f"{len(took) - 1} tracks)."
    )


def large(server: Running, folder: Path) -> str:
    """The memory of the server while a film of 2 GB is sent, and while it is sought in."""
    film = folder / "large.mp4"
    repeated(SOURCE, LARGE // SOURCE.stat().st_size + 1, film)
    client, size = server.client(), film.stat().st_size
    before = memory_mb(server.pid)
    with watch_memory(server.pid) as sending, film.open("rb") as body:
        start = time.perf_counter()
        given = {"method": "POST", "body": body, "Content_Length": str(size)}
        clip = client.json("/api/clips?name=large.mp4", **given)
        sent_s = time.perf_counter() - start
    while clip["film"] is None and not clip["error"]:
        time.sleep(0.2)
        clip = client.json(f"/api/clips/{clip['id']}")
    rng, took = np.random.default_rng(SEED), []
    with watch_memory(server.pid) as seeking, film.open("rb") as own:
        for at in map(int, rng.integers(size - 1, size=PIECES)):
            end = min(size - 1, at + 1_048_575)
            start = time.perf_counter()
            status, piece = client.ask(f"/media/clips/{clip['id']}/film", Range=f"bytes={at}-{end}")
            took.append(time.perf_counter() - start)
            own.seek(at)
            assert (status, piece) == (206, own.read(end - at + 1))
    median, late, largest = (1000 * value for value in quantiles(took))
    return (
        f"A film of {size / 1e9:.2f} GB: the server has {before:.1f} MB before, at most {max(sending):.1f} MB while it "
        f"is sent ({size / sent_s / 1e6:.0f} MB/s) and at most {max(seeking):.1f} MB while a megabyte each is asked "
        f"for at {PIECES} random places, all bytes right, in {median:.0f} ms (95th percentile {late:.0f}, largest "
        f"{largest:.0f})."
    )


def main() -> None:
    args = app_running.read_options(__doc__)
    if not DATA.is_dir():
        raise SystemExit("needs ../shared/data, which is not beside this checkout")
    with tempfile.TemporaryDirectory() as folder:
        work, home = Path(folder), Path(folder) / "home"
        app_running.recommend(home, "index", "add", str(DATA / "music"), "--library", "music", "--workers", "1")
        with app_running.running(home) as server:
            load = os.getloadavg()[0]
            (library,) = (one["id"] for one in server.client().json("/api/libraries")["libraries"])
            lines = [answers(server, library, work), previews(server, library, work), large(server, work)]
    about = (
        f"{os.cpu_count()} cores, load average {load:.1f} before, python {sys.version.split()[0]}; seed {SEED}. Made "
        "by `python benchmarks/app_speed.py --out docs/results/app.md`. Wall time of a busy machine: the ratio is of "
        "two that follow each other."
    )
    app_running.write_section(args.out, "Speed and memory", "\n\n".join([about, *lines]))


if __name__ == "__main__":
    main()
