"""How light the light install is: a fresh virtual environment, `pip install '.[cpu]'`, the first `recommend --help`.

    python benchmarks/install_size.py [--extra cpu] [--top 10]

Prints a Markdown table. Wall time includes what the network and pip's cache make of it; the processor time is the
part that the machine itself sets. Sizes are of files on disk, byte code included.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
MB = 1e6


class Cost(NamedTuple):
    """What a child process took: wall-clock and processor seconds, its own children included."""

    wall_s: float
    cpu_s: float


def timed(*command: str | Path) -> Cost:
    """The cost of running `command`; its standard error is shown, its output is not."""
    before, start = os.times(), time.perf_counter()
    subprocess.run([str(word) for word in command], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    wall_s, after = time.perf_counter() - start, os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(wall_s, cpu_s)


def sizes(site: Path) -> Counter[str]:
    """Bytes on disk by distribution, from each one's own list of files; what no list names is `(unlisted)`."""
    owner: dict[Path, str] = {}
    for dist in metadata.distributions(path=[str(site)]):
        for file in dist.files or ():
            owner[Path(os.path.normpath(site / file))] = dist.metadata["Name"]
    total: Counter[str] = Counter()
    for path in site.rglob("*"):
        if path.is_file() and not path.is_symlink():
            total[owner.get(path, "(unlisted)")] += path.stat().st_size
    return total


def report(extra: str, top: int) -> str:
    """The table for a fresh install of `.[extra]`."""
    with tempfile.TemporaryDirectory(prefix="install-size-") as folder:
        venv = Path(folder) / "venv"
        made = timed(sys.executable, "-m", "venv", venv)
        python = venv / "bin" / "python"
        installed = timed(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f".[{extra}]")
        first, second = (timed(python, venv / "bin" / "recommend", "--help") for _ in range(2))
        site = next((venv / "lib").glob("python*")) / "site-packages"
        by_package = sizes(site)
    own = {name: size for name, size in by_package.items() if name not in ("pip", "setuptools")}
    rows = [
        ("Python, machine", f"{platform.python_version()}, {os.cpu_count()} processors"),
        ("virtual environment made", f"{made.wall_s:.1f} s ({made.cpu_s:.1f} s of processor time)"),
        (f"`pip install '.[{extra}]'`", f"{installed.wall_s:.1f} s ({installed.cpu_s:.1f} s of processor time)"),
        ("packages", str(len(own) - ("(unlisted)" in own))),
        ("site-packages without pip", f"{sum(own.values()) / MB:.0f} MB"),
        ("`recommend --help`, first run", f"{first.wall_s:.2f} s"),
        ("`recommend --help`, second run", f"{second.wall_s:.2f} s"),
    ]
    rows += [(f"of which {name}", f"{size / MB:.0f} MB") for name, size in Counter(own).most_common(top)]
    return "\n".join(["| what | value |", "|---|---|", *(f"| {what} | {value} |" for what, value in rows)])


def main() -> None:
    """Reads the arguments and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extra", default="cpu", choices=("cpu", "gpu"))
    parser.add_argument("--top", type=int, default=10, help="packages listed by size")
    arguments = parser.parse_args()
    print(report(arguments.extra, arguments.top))


if __name__ == "__main__":
    main()
