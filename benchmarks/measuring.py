"""What the speed benchmarks share. Import it before anything that loads numpy: it asks for one thread.

CPU time is compared, not wall-clock time, and always with a peer in the same run: such ratios survive a busy machine.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"


def parser(doc: str | None) -> argparse.ArgumentParser:
    """An argument parser with `doc` as its help, and `--out`."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, help="also write the report as markdown")
    return made


def publish(text: str, out: Path | None) -> None:
    """Print the report `text`, and write it to `out` if that is given."""
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    print(text)


def cpu(call: Callable[[], object], repeats: int = 3) -> float:
    """The least CPU seconds of `repeats` calls in this process."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def environment(*packages: str) -> str:
    """Versions, machine and threads, in one line."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    kernels = os.environ.get("OPENBLAS_CORETYPE", "(not set)")
    return (
        f"{versions}, python {platform.python_version()}, {platform.machine()}, one thread, OPENBLAS_CORETYPE={kernels}"
    )
