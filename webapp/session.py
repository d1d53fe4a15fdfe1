"""The folder of what goes with a run of the app: the clips that were dropped and what was made of them."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from recommender.errors import InputError
from recommender.home import data_home
from recommender.text import show

FOLDER = "webapp"
"""Name of the folder, in the data folder, that sessions are in."""
_SESSION = "session-"
_WAIT_S = 30.0  # for another run that starts


@contextmanager
def open_session() -> Iterator[Path]:
    """A context with a new folder that nobody else may look into, removed with all that is in it at the end.

    What killed runs left is removed first: the lock of a session falls with its process. Raises InputError where the
    data folder cannot be written.
    """
    home = data_home() / FOLDER
    lock, session = _begin(home)
    try:
        yield session
    finally:
        _remove(session)
        lock.release()
        _lock_of(session).unlink(missing_ok=True)


def _begin(home: Path) -> tuple[FileLock, Path]:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(home / "sessions.lock", timeout=_WAIT_S):  # none is swept between its lock and its folder
            _sweep(home)
            session = home / f"{_SESSION}{secrets.token_hex(8)}"
            lock = FileLock(_lock_of(session), timeout=0, thread_local=False)
            lock.acquire()
            session.mkdir(mode=0o700)
    except Timeout as error:
        raise InputError(f"another start of the app does not end; stop it, or remove {show(home)}") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"cannot keep clips in {show(home)}: {reason}; set CLIPTUNE_HOME to another folder") from error
    return lock, session


def _sweep(home: Path) -> None:
    """Remove sessions, and locks of sessions, that no process has."""
    left = {path.with_suffix("") for path in home.glob(f"{_SESSION}*")}
    for session in left:
        lock = FileLock(_lock_of(session), timeout=0, thread_local=False)
        with suppress(Timeout, OSError), lock:
            _remove(session)
            _lock_of(session).unlink(missing_ok=True)


def _remove(session: Path) -> None:
    """Remove a folder, of a link in its place only the link."""
    if session.is_symlink():
        session.unlink()
    else:
        shutil.rmtree(session, ignore_errors=True)


def _lock_of(session: Path) -> Path:
    return session.with_suffix(".lock")
