"""A disk that can lose its power: what was not synced is undone, or partly kept, as file systems do.

`shim.c` notes every step of a process below a folder. From these notes the folder is rebuilt as a disk may show it
after a power cut: of a file what was synced is there, what was written since may be lost, there in part, or zeros; a
name that was made, changed or removed counts once its folder was synced, before that it may be as before or as after.
Needs Linux and a C compiler.
"""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

_SOURCE = Path(__file__).with_name("shim.c")
_LOADED = "CLIPTUNE_FAULTS_SHIM"
_SECTOR = 512  # bytes: what a disk writes whole or not at all
_HALF = -1  # as in shim.c
NAMES = ("lost", "the first kept", "some kept", "kept")
CONTENTS = ("lost", "zeros", "cut short", "mixed", "kept", "of each its own")


def why_not() -> str | None:
    """Why no power can be cut here, None where it can."""
    if not sys.platform.startswith("linux"):
        return "calls of the system are seen on Linux alone"
    return None if _compiler() else "needs a C compiler (cc or gcc)"


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc")


def is_watched() -> bool:
    """Whether this process was started by `watched`."""
    return _LOADED in os.environ


def watched(module: str, arguments: Sequence[str]) -> int:
    """The exit status of a module that is run as a program with the shim loaded; 2 where that cannot be."""
    if reason := why_not():
        print(f"no power can be cut here: it {reason}", file=sys.stderr)
        return 2
    with TemporaryDirectory(prefix="cliptune-shim-") as folder:
        shim = Path(folder) / "shim.so"
        command = [_compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", str(shim), str(_SOURCE), "-ldl", "-lpthread"]
        subprocess.run(command, check=True)
        environment = {**os.environ, "LD_PRELOAD": str(shim), _LOADED: str(shim)}
        return subprocess.run([sys.executable, "-m", module, *arguments], env=environment).returncode


@dataclass(frozen=True)
class Step:
    """A step that was taken: its number, counted from 1, what it does, and to which file below the root."""

    number: int
    does: str
    path: str

    @property
    def name(self) -> str:
        """The same for every file of a kind."""
        return f"{self.does} {re.sub('[0-9a-f]{32}|[0-9]{6}-[0-9a-f]{8}|search-[0-9a-f]{8}', '*', self.path)}"


@dataclass(eq=False)
class _Node:
    """A file or folder: entries of a folder as processes see them (`now`) and as the disk has them (`safe`).

    `least`: bytes of a file, as it was synced, that no truncation since took away.
    """

    inode: int
    now: dict[str, "_Node"] | None = None
    safe: dict[str, "_Node"] = field(default_factory=dict)
    least: float = np.inf


_Change = list[tuple[_Node, str, _Node | None]]  # of which folder, which name, and what it is of from then on


class Disk:
    """The files below `root`; `beside` is a folder for notes, on the same file system."""

    def __init__(self, root: Path, beside: Path) -> None:
        self._root, self._beside = root, beside

    def prepare(self) -> None:
        """Take all that is below the root for safely on the disk, and forget what was noted."""
        shutil.rmtree(self._beside, ignore_errors=True)
        for name in ("synced", "held"):
            (self._beside / name).mkdir(parents=True)
        self._root.mkdir(exist_ok=True)
        self._nodes: dict[int, _Node] = {}
        self._pending: list[_Change] = []
        self._top = self._found(self._root)

    def _found(self, path: Path) -> _Node:
        inode = path.lstat().st_ino
        node = self._nodes[inode] = _Node(inode)
        if path.is_dir():
            node.now = {entry.name: self._found(entry) for entry in path.iterdir()}
            node.safe = dict(node.now)
        else:
            shutil.copyfile(path, self._beside / "synced" / str(inode))
        return node

    def watch(self, last: int = 0, act: str | int = "kill") -> None:
        """Note what this process does from here on; at step `last` (0: never) it is killed, or the step fails.

        `act`: "kill", "half" (killed half way through a write), or the number of an error.
        """
        how = {"kill": 0, "half": _HALF}.get(act, act) if isinstance(act, str) else act
        shim = ctypes.CDLL(os.environ[_LOADED])
        shim.shim_begin(os.fsencode(self._root), os.fsencode(self._beside), ctypes.c_long(last), how)

    def steps(self) -> list[Step]:
        """The steps that were taken, without those that failed: they change nothing."""
        return [
            Step(number, does, os.path.relpath(path, self._root))
            for number, (does, path, _, _, failed) in enumerate(self._log(), start=1)
            if not failed
        ]

    def _log(self) -> list[tuple[str, str, str, int, bool]]:
        log = self._beside / "log"
        lines = [line.split("\t") for line in log.read_text("utf-8").splitlines()] if log.exists() else []
        return [(does, path, more, int(number), failed != "0") for does, path, more, number, failed in lines]

    def cut(self, random: np.random.Generator) -> str:
        """Cut the power: rebuild what is below the root as the disk may show it then; in words, how."""
        for does, path, more, number, failed in self._log():
            if not failed:
                self._replay(does, path, more, number)
        names, contents = str(random.choice(NAMES)), str(random.choice(CONTENTS))
        kept = {
            "lost": [],
            "kept": self._pending,
            "the first kept": self._pending[: int(random.integers(len(self._pending) + 1))],
            "some kept": [change for change in self._pending if random.random() < 0.5],
        }
        for change in kept[names]:
            _apply(change)
        self._rebuild(contents, random)
        return f"names {names}, contents {contents}"

    def _replay(self, does: str, path: str, more: str, number: int) -> None:
        """Do a step again among the nodes."""
        match does:
            case "create" | "mkdir":
                node = self._nodes[number] = _Node(number, {} if does == "mkdir" else None)
                self._change((path, node))
            case "unlink" | "rmdir":
                self._change((path, None))
            case "rename":
                self._change((path, None), (more, self._at(path)))
            case "link":
                self._change((more, self._at(path)))
            case "sync" if node := self._nodes.get(number):
                node.least = np.inf
            case "truncate" if node := self._nodes.get(int(more)):
                node.least = min(node.least, number)
            case "sync folder" if node := self._at(path):
                self._make_safe(node)

    def _change(self, *names: tuple[str, _Node | None]) -> None:
        change: _Change = []
        for path, node in names:
            folder, name = self._at(str(Path(path).parent)), Path(path).name
            if folder is not None and folder.now is not None:
                _set(folder.now, name, node)
                change.append((folder, name, node))
        self._pending.append(change)

    def _at(self, path: str) -> _Node | None:
        """What is at a path now; None for what was never noted."""
        node: _Node | None = self._top
        for name in Path(path).relative_to(self._root).parts:
            node = node.now.get(name) if node is not None and node.now is not None else None
        return node

    def _make_safe(self, folder: _Node) -> None:
        """Changes of a folder's names are on the disk, with those of other folders that they hang together with."""
        folders, reached = {folder}, 0
        while reached < len(folders):
            reached = len(folders)
            mine = [change for change in self._pending if any(part[0] in folders for part in change)]
            folders |= {part[0] for change in mine for part in change}
        for change in mine:
            _apply(change)
        self._pending = [change for change in self._pending if change not in mine]

    def _rebuild(self, contents: str, random: np.random.Generator) -> None:
        """Write what is below the root anew, from the safe names."""
        now = {path.lstat().st_ino: path for path in self._root.rglob("*") if path.is_file()}
        data = {number: (path.read_bytes(), path.stat().st_mtime_ns) for number, path in now.items()}

        def put(node: _Node, path: Path) -> None:
            if node.now is not None:
                path.mkdir(exist_ok=True)
                for name, one in node.safe.items():
                    put(one, path / name)
                return
            held = self._beside / "held" / str(node.inode)
            if node.inode not in data:
                data[node.inode] = (held.read_bytes(), held.stat().st_mtime_ns) if held.exists() else (b"", 0)
            content, time_ns = data[node.inode]
            path.write_bytes(_content(self._synced(node), content, node.least, how=contents, random=random))
            os.utime(path, ns=(time_ns, time_ns))

        for path in self._root.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        put(self._top, self._root)

    def _synced(self, node: _Node) -> bytes:
        kept = self._beside / "synced" / str(node.inode)
        return kept.read_bytes() if kept.exists() else b""


def _set(entries: dict[str, _Node], name: str, node: _Node | None) -> None:
    if node is None:
        entries.pop(name, None)
    else:
        entries[name] = node


def _apply(change: _Change) -> None:
    for folder, name, node in change:
        _set(folder.safe, name, node)


def _content(old: bytes, new: bytes, least: float, *, how: str, random: np.random.Generator) -> bytes:
    """What a disk may show of a file that held `old` when it was synced, and `new` when the power went.

    The first `least` bytes of the old are never lost without being replaced.
    """
    if how == "of each its own":
        how = str(random.choice(CONTENTS[:-1]))
    if old == new or how == "kept":
        return new
    if how == "cut short":
        return old[: int(min(least, len(old)))]
    if how == "lost":
        return old
    size = len(new) if how == "zeros" or len(new) < len(old) else int(random.integers(len(old), len(new) + 1))
    found = bytearray(size)
    for at in range(0, size, _SECTOR):
        end = min(at + _SECTOR, size)
        before = old[at : int(min(end, least))]
        choice = new[at:end] if how == "mixed" and random.random() < 0.5 else before
        found[at : at + len(choice)] = choice
    return bytes(found)
