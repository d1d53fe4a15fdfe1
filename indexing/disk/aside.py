"""The folder of a library for files that are damaged or of no use to it: the user's to delete."""

import itertools
import os
from pathlib import Path

from recommender.atomic import ensure_folder, publish, sync

ASIDE = "aside"


def set_aside(folder: Path, path: Path) -> str:
    """Move a file or folder of a library into its folder ASIDE, durably; under which name."""
    home = folder / ASIDE
    ensure_folder(home, parents=False)
    names = (path.name if n == 0 else f"{path.name}.{n}" for n in itertools.count())
    kept = next(home / name for name in names if not os.path.lexists(home / name))
    publish(path, kept)
    sync(path.parent)  # back in its place the next writer would remove it
    return f"{ASIDE}/{kept.name}"
