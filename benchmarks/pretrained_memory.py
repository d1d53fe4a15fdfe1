"""The resident set while `features extract` measures one short file, then several long ones, in one process.

    python benchmarks/pretrained_memory.py NAME HOME MEDIA     # used by pretrained_speed.py, which makes the media
    CLIPTUNE_HOME=HOME python benchmarks/pretrained_memory.py NAME HOME prepare
    CLIPTUNE_HOME=HOME python benchmarks/pretrained_memory.py NAME HOME each    # after each of nine files of a minute

NAME: vggish, slowfast or timesformer, full size with random weights, converted into HOME by a process of its own.
MEDIA: folders `short` and `all`, the second with the files of the first. Prints, in MB, the resident set after the
short file (the network is loaded by then, which takes more for a moment), the largest one while the others are
measured, and the one after them. Linux only: the largest is read from and reset in /proc.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import measuring  # noqa: F401 (one thread)
import numpy as np
import torch

from recommender.media import write_audio, write_video
from recommender.weights import CHECKPOINTS, pull
from training.construction.batch import extract_folder

SHORT_S, SOUND_S, VIDEO_S, FILES = 20, 1200, 90, 3
SR_HZ, FPS, HEIGHT, WIDTH = 16_000, 15, 72, 128


def main() -> None:
    name, home, media = sys.argv[1:4]
    if media == "prepare":
        prepare(name, Path(home))
        return
    torch.set_num_threads(1)
    if media == "each":
        each(name, Path(home))
        return
    extract(name, Path(home), Path(media) / "short")
    first, _ = resident()
    Path("/proc/self/clear_refs").write_text("5")
    extract(name, Path(home), Path(media) / "all")
    last, largest = resident()
    print(first, largest, last)


def each(name: str, home: Path) -> None:
    """Print the resident set now and its largest, in MB, after each of several minutes of video."""
    media = home / "each"
    media.mkdir()
    for number in range(9):
        video(media / f"{number}.mp4", 60, number)
        extract(name, home, media)
        print(number + 1, *resident(), flush=True)


def extract(name: str, home: Path, folder: Path) -> None:
    """Measure what was not measured before."""
    extract_folder(folder, [name], home / f"{name}.npy", workers=1, tick=lambda *_: None)


def resident() -> tuple[int, int]:
    """The resident set of this process now, and its largest since that was reset, in MB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    now, largest = (int(lines[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM"))
    return now, largest


def prepare(name: str, home: Path) -> None:
    """Put a checkpoint with random weights into `home`."""
    torch.manual_seed(0)
    file = home / "published.pth"
    torch.save(CHECKPOINTS[name].network().state_dict(), file)
    pull(name, file)
    file.unlink()


def rows() -> list[str]:
    """A line of the report for every network, each measured in a fresh process."""
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        media = Path(scratch) / "media"
        for place, seconds in (("short", [SHORT_S]), ("all", [SHORT_S, *[None] * FILES])):
            (media / place).mkdir(parents=True)
            for number, length in enumerate(seconds):
                sound(media / place / f"{number}.flac", length or SOUND_S, number)
                video(media / place / f"{number}.mp4", length or VIDEO_S, number)
        for name, length in (("vggish", SOUND_S), ("slowfast", VIDEO_S), ("timesformer", VIDEO_S)):
            first, largest, last = measured(name, Path(scratch), media)
            found.append(f"| {name} | {SHORT_S} s: {first} MB | {FILES} x {length} s: {largest} MB | {last} MB |")
    return found


def measured(name: str, home: Path, media: Path) -> list[int]:
    """Resident sets in MB: after the short file, the largest during the others, after them."""
    environment = os.environ | {"CLIPTUNE_HOME": str(home)}
    command = [sys.executable, __file__, name, str(home)]
    subprocess.run([*command, "prepare"], env=environment, check=True)
    told = subprocess.run([*command, str(media)], env=environment, check=True, capture_output=True, text=True)
    return [int(size) for size in told.stdout.split()]


def sound(path: Path, seconds: int, seed: int) -> None:
    """Noise."""
    rng = np.random.default_rng(seed)
    write_audio(path, 0.1 * rng.standard_normal(seconds * SR_HZ, np.float32), SR_HZ)


def video(path: Path, seconds: int, seed: int) -> None:
    """Drifting stripes."""
    rng = np.random.default_rng(seed)
    ground = np.repeat(rng.integers(0, 256, (1, WIDTH, 3), np.uint8), HEIGHT, axis=0)
    write_video(path, (np.roll(ground, k, axis=1) for k in range(seconds * FPS)), FPS)


if __name__ == "__main__":
    main()
