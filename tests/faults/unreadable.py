"""Files that cannot be opened, or removed, for a time: by whichever of Python's ways."""

import builtins
import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch


@contextmanager
def unreadable(hidden: Path, error: BaseException) -> Iterator[None]:
    """A context in which opening `hidden` raises `error`."""

    def refusing(real: Any) -> Any:
        def opened(file: Any, *args: Any, **named: Any) -> Any:
            if isinstance(file, str | os.PathLike) and Path(file) == hidden:
                raise error
            return real(file, *args, **named)

        return opened

    ours = refusing(builtins.open)
    with (
        patch.object(builtins, "open", ours),
        patch.object(io, "open", ours),
        patch.object(os, "open", refusing(os.open)),
    ):
        yield


@contextmanager
def undeletable(name: str) -> Iterator[None]:
    """A context in which removing files of that name is an I/O error."""
    real = os.unlink

    def unlink(path: Any, *args: Any, **named: Any) -> None:
        if Path(path).name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(path, *args, **named)

    with patch.object(os, "unlink", unlink):
        yield
