"""The steps of a process that touch the disk, counted and named; at one of them it is killed, or the step fails.

A step is a sync, a rename, a removal, a new folder or link, a write of a part, an array or a note, or a commit of
SQLite. A write has two points: before it, and when half of it is there. A name says which code asked for what:
`disk.parts._write_table: fsync`.
"""

import errno
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SYSTEM = ("fsync", "replace", "rename", "unlink", "rmdir", "mkdir", "link")
_GIVES = {"fsync", "replace", "mkdir", "link", "commit", "write", "copy", "vacuum"}  # what a full disk refuses
_PLUMBING = {"indexing.disk.durable", "indexing.disk.npy", "recommender.atomic"}  # whoever called is of interest
_LAYERS = ("indexing", "recommender")


@dataclass
class Points:
    """What was done so far, by name, and what happens at step number `last` (counted from 1; 0: nothing).

    `act` is "kill", "EIO" (the step fails, once) or "ENOSPC" (this step and all that follow need room there is not).
    """

    last: int = 0
    act: str = "kill"
    names: list[str] = field(default_factory=list)

    def pass_(self, step: str) -> None:
        """Count a step that is about to be taken; ends or fails where that is wanted."""
        self.names.append(f"{_asked_by()}: {step}")
        here = len(self.names) == self.last
        if here and self.act == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if here and self.act == "EIO":
            _fail(step, errno.EIO)
        if self.act == "ENOSPC" and 0 < self.last <= len(self.names) and step in _GIVES:
            _fail(step, errno.ENOSPC)

    def install(self) -> None:
        """Put the points into this process, for good."""
        for name in _SYSTEM:
            setattr(os, name, self._before(name, getattr(os, name)))
        for name in ("write_text", "write_bytes"):
            _patch(Path, name, self._writing(lambda args: args[0]))
        _patch(shutil, "copyfile", self._writing(lambda args: args[1], "copy"))
        self._install_ours()
        self._install_sqlite()

    def _before(self, step: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **named: Any) -> Any:
            self.pass_(step)
            return real(*args, **named)

        return run

    def _writing(self, target: Callable[[tuple[Any, ...]], Any], step: str = "write") -> Any:
        """Points before a write and half way through it."""

        def around(real: Callable[..., Any]) -> Callable[..., Any]:
            def run(*args: Any, **named: Any) -> Any:
                self.pass_(step)
                done = real(*args, **named)
                if len(self.names) + 1 == self.last and self.act == "kill":
                    os.truncate(target(args), Path(target(args)).stat().st_size // 2)
                self.pass_(f"half a {step}")
                return done

            return run

        return around

    def _install_ours(self) -> None:
        from indexing.disk import npy, parts
        from indexing.search.backends import faiss_pq

        _patch(parts, "_write", self._writing(lambda args: args[0]))
        _patch(faiss_pq, "save", self._writing(lambda args: args[1]))
        for name in ("put", "__exit__"):
            setattr(npy.NpyWriter, name, self._before("write", getattr(npy.NpyWriter, name)))

    def _install_sqlite(self) -> None:
        points, connect = self, sqlite3.connect

        class Connection(sqlite3.Connection):
            def commit(self) -> None:
                if self.in_transaction:
                    points.pass_("commit")
                super().commit()

            def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
                if sql.split()[0] in ("VACUUM", "REINDEX") or "wal_checkpoint" in sql:
                    points.pass_(sql.split("(")[0].lower())
                return super().execute(sql, *args)

            def backup(self, *args: Any, **named: Any) -> None:
                points.pass_("copy")
                super().backup(*args, **named)

        def connected(*args: Any, **named: Any) -> sqlite3.Connection:
            return connect(*args, **{"factory": Connection} | named)  # readers have their own class

        sqlite3.connect = connected  # type: ignore[assignment]


def _patch(owner: Any, name: str, around: Callable[[Any], Any]) -> None:
    setattr(owner, name, around(getattr(owner, name)))


def _fail(step: str, code: int) -> None:
    if step in ("commit", "copy", "vacuum", "reindex"):
        raise sqlite3.OperationalError("database or disk is full" if code == errno.ENOSPC else "disk I/O error")
    raise OSError(code, os.strerror(code))


def _asked_by() -> str:
    """The function of ours, below those that only pass a request on, that led to this step."""
    frame = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] in _LAYERS and module not in _PLUMBING:
            return f"{module.removeprefix('indexing.')}.{frame.f_code.co_qualname.replace('.<locals>', '')}"
        frame = frame.f_back
    return "elsewhere"
