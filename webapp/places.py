"""Folders and media files that a person may look into, by ids that tell nothing of their paths.

A request never carries a path: it gives an id that this run has handed out. An id is an HMAC (RFC 2104) of the path
under a random key, so that it can neither be guessed nor be made from a path. What it names is looked at again
whenever it is used: a link that leads out of the folders that may be looked into is refused then, too.
"""

import errno
import hmac
import os
import secrets
import stat
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from indexing.disk.files import absolute, below
from indexing.ingest.ignored import IGNORE_BYTES, Rules, is_ignored, read_rules
from indexing.ingest.suffixes import IGNORE, is_bin, is_hidden, suffix_of
from recommender.opening import read
from recommender.text import show
from webapp.refusal import Refusal

MOST_LISTED, MOST_SEEN, MOST_KNOWN = 1000, 50_000, 20_000
"""Most entries of a folder that are listed, and that are looked at; most ids that are remembered."""


class _Place(NamedTuple):
    """Something below a folder that may be looked into: that folder, and the names that lead down from there."""

    top: str
    names: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return os.path.join(self.top, *self.names)  # noqa: PTH118

    @property
    def name(self) -> str:
        return show(os.path.basename(self.path.rstrip(os.sep)) or self.top)  # noqa: PTH119


class _Entry(NamedTuple):
    """What a folder holds: a folder, or a file of so many bytes."""

    place: _Place
    size_bytes: int | None


class Places:
    """What is below some folders: folders, and files with some suffixes, as `indexing.ingest.scan` would find them.

    Hidden names, recycle bins, what a `.recommendignore` names and links that lead out are left out. May be used from
    several threads; every call reads the disk, so that an event loop calls it in another one.

    Parameters
    ----------
    roots: the folders. suffixes: of the files, with their dots, in small letters.
    """

    def __init__(self, roots: Sequence[Path], suffixes: Collection[str]) -> None:
        self._tops = list(dict.fromkeys(map(absolute, roots)))
        self._homes = [os.path.realpath(top) for top in self._tops]
        self._suffixes = frozenset(suffixes)
        self._key = secrets.token_bytes(32)
        self._known: OrderedDict[str, _Place] = OrderedDict()
        self._lock = threading.Lock()

    def tops(self) -> list[dict[str, Any]]:
        """`{id, name}` of every folder that may be looked into."""
        return [{"id": self._id(place), "name": place.name} for place in map(_Place, self._tops)]

    def look(self, id: str) -> dict[str, Any]:
        """What is in the folder with an id: `{id, name, path, parent, folders, files, more}`.

        `parent` is None for a folder that was named; `more` is how many more of the first MOST_SEEN entries there are.
        Raises Refusal.
        """
        place = self._place(id)
        self._check(place, stat.S_ISDIR, "folder")
        found = list(self._entries(place))
        found.sort(key=lambda entry: (entry.size_bytes is not None, entry.place.name.casefold(), entry.place.path))
        listed = [
            {"id": self._id(e.place), "name": e.place.name, "size_bytes": e.size_bytes} for e in found[:MOST_LISTED]
        ]
        return {
            "id": id,
            "name": place.name,
            "path": show(place.path),
            "parent": self._id(_Place(place.top, place.names[:-1])) if place.names else None,
            "folders": [{"id": e["id"], "name": e["name"]} for e in listed if e["size_bytes"] is None],
            "files": [e for e in listed if e["size_bytes"] is not None],
            "more": len(found) - len(listed),
        }

    def folder(self, id: str) -> Path:
        """The folder with an id, there and below a folder that may be looked into; raises Refusal."""
        return self._check(self._place(id), stat.S_ISDIR, "folder")

    def file(self, id: str) -> Path:
        """The media file with an id, as `folder`."""
        place = self._place(id)
        if suffix_of(place.path) not in self._suffixes:
            raise _unknown()
        return self._check(place, stat.S_ISREG, "file")

    def holds(self, path: Path) -> bool:
        """Whether a path leads, all links followed, to something at or below a folder that may be looked into."""
        try:
            real = os.path.realpath(path, strict=True)
        except (OSError, ValueError):
            return False
        return any(below(real, home) for home in self._homes)

    def _id(self, place: _Place) -> str:
        id = hmac.digest(self._key, os.fsencode(f"{len(place.top)} {place.path}"), "sha256").hex()[:32]
        with self._lock:
            self._known[id] = place
            self._known.move_to_end(id)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return id

    def _place(self, id: str) -> _Place:
        with self._lock:
            place = self._known.get(id)
        if place is None:
            raise _unknown()
        return place

    def _check(self, place: _Place, fits: Any, kind: str) -> Path:
        """The path of a place of that kind, which is there and leads nowhere else."""
        path = place.path
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116
        except (OSError, ValueError) as error:
            raise _trouble(path, error) from error
        if not self.holds(Path(path)):
            raise Refusal(403, f"{show(path)} leads out of the folders that may be looked into")
        if not fits(mode):
            raise Refusal(404, f"{show(path)} is no {kind} any more; look into its folder again")
        return Path(path)

    def _entries(self, place: _Place) -> Iterator[_Entry]:
        rules = _rules(place)
        try:
            with os.scandir(place.path) as entries:
                for entry in islice(entries, MOST_SEEN):
                    inner = _Place(place.top, (*place.names, entry.name))
                    found = self._entry(entry, inner, rules)
                    if found is not None:
                        yield found
        except OSError as error:
            raise _trouble(place.path, error) from error

    def _entry(self, entry: os.DirEntry[str], place: _Place, rules: Rules) -> _Entry | None:
        """An entry of a folder, None where it is left out."""
        try:
            folder = entry.is_dir()
            if self._is_left_out(entry.name, folder) or is_ignored((place.top, *place.names), folder, rules):
                return None
            if entry.is_symlink() and not self.holds(Path(entry.path)):
                return None
            status = entry.stat()
        except OSError:  # gone, or a link to nothing
            return None
        if folder:
            return _Entry(place, None)
        return _Entry(place, status.st_size) if stat.S_ISREG(status.st_mode) else None

    def _is_left_out(self, name: str, folder: bool) -> bool:
        return is_hidden(name) or (is_bin(name) if folder else suffix_of(name) not in self._suffixes)


def _rules(place: _Place) -> Rules:
    """What the ignore files of a folder and of those above it say, outermost first."""
    found: Rules = ()
    for depth in range(len(place.names) + 1):
        path = _Place(place.top, place.names[:depth]).path
        try:
            rules = read_rules(os.fsdecode(read(os.path.join(path, IGNORE), IGNORE_BYTES)))  # noqa: PTH118
        except OSError:
            continue
        found = (*found, (1 + depth, rules))
    return found


def _unknown() -> Refusal:
    return Refusal(404, "no such folder or file is known here; look into the folders again")


def _trouble(path: str, error: OSError | ValueError) -> Refusal:
    gone = isinstance(error, OSError) and error.errno in (errno.ENOENT, errno.ENOTDIR)
    why = ((error.strerror if isinstance(error, OSError) else None) or str(error)).lower()
    return Refusal(404 if gone else 403, f"cannot look at {show(path)}: {why}")
