"""The app as a process of its own, for measuring: started, asked, looked at from outside, ended."""

import argparse
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"


class Running(NamedTuple):
    """A server: its process, its port, the token of those who may ask, and its data folder."""

    pid: int
    port: int
    token: str
    home: Path

    def client(self) -> "Client":
        """Somebody who may ask."""
        return Client(self.port, self.token)

    @property
    def kept(self) -> list[Path]:
        """All files of the session."""
        sessions = (self.home / "webapp").glob("session-*/**/*")
        return sorted(path for path in sessions if path.is_file())


class Client:
    """One connection, opened again where it was closed."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._headers = port, {"Authorization": f"Bearer {token}"}
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def ask(self, path: str, *, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Status and body of an answer; `headers` with underscores for hyphens."""
        sent = {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        try:
            return self._ask(path, method, body, sent)
        except (http.client.HTTPException, ConnectionError):
            self._connection.close()
            return self._ask(path, method, body, sent)

    def _ask(self, path: str, method: str, body: Any, headers: dict[str, str]) -> tuple[int, bytes]:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def json(self, path: str, **given: Any) -> Any:
        """What is answered; raises RuntimeError for what is refused."""
        status, body = self.ask(path, **given)
        if status >= 300:
            raise RuntimeError(f"{path}: {status} {body[:300]!r}")
        return json.loads(body) if body else None

    def upload(self, path: Path, name: str | None = None) -> dict[str, Any]:
        """A clip that was sent and looked at."""
        given = {"method": "POST", "body": path.read_bytes()}
        clip = self.json(f"/api/clips?name={name or 'clip' + path.suffix}", **given)
        while clip["state"] == "looking":
            time.sleep(0.02)
            clip = self.json(f"/api/clips/{clip['id']}")
        return clip


def read_options(doc: str | None) -> argparse.Namespace:
    """What was given: `out`, the page to write to."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--out", type=Path, help="a page that the section is put into")
    return made.parse_args()


def environment(home: Path) -> dict[str, str]:
    """Variables of a process of this checkout with a data folder of its own."""
    return {**os.environ, "CLIPTUNE_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def recommend(home: Path, *words: str) -> str:
    """What a command prints; raises CalledProcessError."""
    whole = [sys.executable, str(ROOT / "cli.py"), *words]
    return subprocess.run(whole, env=environment(home), check=True, capture_output=True, text=True).stdout


@contextmanager
def running(home: Path, *options: str) -> Iterator[Running]:
    """A context in which the app runs; at its end it must end by itself, and leave no session."""
    words = [sys.executable, str(ROOT / "cli.py"), "app", "--no-browser", "--port", "0", *options]
    with subprocess.Popen(words, env=environment(home), stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline() if process.stdout else ""
            found = re.search(r":(\d+)/\?token=(\S+)", address)
            if found is None:
                raise RuntimeError("the app did not start")
            one = Running(process.pid, int(found[1]), found[2], home)
            wait_until(lambda: one.client().ask("/api/status")[0] == 200)
            yield one
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    left = [path.name for path in (home / "webapp").glob("session-*")]
    if left:
        raise RuntimeError(f"left behind: {left}")


def wait_until(done: Any, most_s: float = 60.0) -> None:
    """Wait until `done()` holds; raises TimeoutError."""
    end = time.monotonic() + most_s
    while True:
        with suppress(ConnectionError):
            if done():
                return
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


def memory_mb(pid: int, field: str = "VmRSS") -> float:
    """The resident memory of a process, or its peak (`VmHWM`), in MB of 10^6 bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+)", status)[1]) * 1024 / 1e6  # type: ignore[index]


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a server and the workers that it has now took so far."""
    ticks = 0
    for one in (pid, *workers(pid)):
        ticks += sum(map(int, Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def open_files(pid: int) -> int:
    """How many file descriptors a process has."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    """How many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def workers(pid: int) -> list[int]:
    """The processes that a process started."""
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@contextmanager
def watch_memory(pid: int) -> Iterator[list[float]]:
    """A context in which the resident memory of a process is looked at every 10 ms, in MB."""
    seen: list[float] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.01):
            seen.append(memory_mb(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def quantiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Median, 95th percentile and largest."""
    ordered = sorted(seconds)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], ordered[-1]


def write_section(out: Path | None, title: str, text: str) -> None:
    """Print a section of a page, and put it into the page `out` in place of the one with the same title."""
    section = f"## {title}\n\n{text.strip()}\n"
    print(section)
    if out is None:
        return
    page = out.read_text("utf-8") if out.exists() else "# The app\n"
    parts = re.split(r"(?m)^(?=## )", page)
    mine = [k for k, part in enumerate(parts) if part.startswith(f"## {title}\n")]
    if mine:
        parts[mine[0]] = section + ("\n" if mine[0] < len(parts) - 1 else "")
    else:
        parts = [*(part.rstrip("\n") + "\n\n" for part in parts), section]
    out.write_text("".join(parts), encoding="utf-8")
