"""Which files below some paths are worth a try: by suffix in folders, always when named explicitly."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexing.disk.files import File, absolute, below, file_of, trouble
from indexing.ingest.events import Failed, LeftOut
from indexing.ingest.ignored import IGNORE_BYTES, Rule, Rules, is_ignored, read_rules
from indexing.ingest.sound_alone import VIDEO_SUFFIXES, is_sound_alone
from indexing.ingest.suffixes import IGNORE, SUFFIXES, is_bin, is_hidden, suffix_of
from recommender.errors import InputError
from recommender.opening import read
from recommender.text import show
from recommender.types import Modality

_MOST_PEEKED = 1000  # entries of a hidden folder that are looked at for music


@dataclass
class Found:
    """What a scan found: files in sorted order of their paths, what could not be looked at, and what was left out."""

    files: list[File] = field(default_factory=list)
    problems: list[Failed] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)


def scan(
    paths: Sequence[str | Path], modality: Modality, *, follow_links: bool = False, held: Iterable[str] = ()
) -> Found:
    """The media files at and below `paths`, each once; what is left out unless named, is counted.

    Links that lead out of `paths` are followed only with `follow_links`, and every real folder once: a loop ends.
    Files that a library has `held` so far are taken even where they would be left out now.
    """
    walk = _Walk(modality, None if follow_links else [os.path.realpath(path) for path in map(absolute, paths)])
    for path in map(absolute, paths):
        walk.start(path)
    kept = walk.take_held(held, [absolute(path) for path in paths]) if walk.why or walk.suffixes else 0
    files = sorted(walk.files.values(), key=lambda file: os.fsencode(file.path))
    return Found(files, walk.problems, LeftOut(walk.why, walk.suffixes, tuple(walk.named), kept))


def media_files(folder: str | Path, modality: Modality) -> list[Path]:
    """The media files below a folder, those behind links too, sorted."""
    return [Path(file.path) for file in scan([folder], modality, follow_links=True).files]


def expand_clips(
    paths: Sequence[Path], tell: Callable[[str], object], *, follow_links: bool = False, choice: str = "follow_links"
) -> list[Path]:
    """`paths` with every folder replaced by the clips, stills and animations in it, sorted.

    `tell` is given a line on what could not be looked at, or was left out; `choice` as in `LeftOut.sentence`.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        seen = scan([path], "video", follow_links=follow_links)
        for line in (*(problem.reason for problem in seen.problems), seen.left_out.sentence(choice)):
            _ = line and tell(line)
        if not seen.files:
            raise InputError(f"no clips in {show(path)}: give a folder with video files, pictures or GIFs")
        found.extend(Path(file.path) for file in seen.files)
    return found


@dataclass
class _Walk:
    """A walk through folders, one after another without recursion; `homes`: where links may lead, None: anywhere."""

    modality: Modality
    homes: list[str] | None
    files: dict[str, File] = field(default_factory=dict)
    problems: list[Failed] = field(default_factory=list)
    why: Counter[str] = field(default_factory=Counter)
    suffixes: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)

    def start(self, path: str) -> None:
        """Take a file that was named, or go through a folder with all below it."""
        status = self._status(path)
        if status is None:
            return
        if stat.S_ISREG(status.st_mode):
            self._take(path, status)
        elif stat.S_ISDIR(status.st_mode):
            self._descend(path)
        else:
            self._fail(path, "it is neither a file nor a folder")

    def take_held(self, held: Iterable[str], tops: list[str]) -> int:
        """Take what a library holds below `tops`, is there, and was left out; how many files these are."""
        barred, before = [problem.path for problem in self.problems], len(self.files)
        for path in held:
            inside = path not in self.files and _is_below(path, tops) and not _is_below(path, barred)
            if inside and os.path.isfile(path):  # noqa: PTH113
                self.start(path)
        return len(self.files) - before

    def _descend(self, top: str) -> None:
        todo: list[tuple[tuple[str, ...], Rules]] = [((top,), ())]
        visited: set[tuple[int, int]] = set()
        while todo:
            parts, rules = todo.pop()
            path = os.path.join(*parts)  # noqa: PTH118
            status = self._status(path)
            if status is None or (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            entries = self._entries(path)
            if any(entry.name == IGNORE for entry in entries):
                rules = (*rules, (len(parts), self._read_rules(os.path.join(path, IGNORE))))  # noqa: PTH118
            inner = [entry.name for entry in entries if self._sort(entry, (*parts, entry.name), rules)]
            todo += [((*parts, name), rules) for name in reversed(inner)]

    def _sort(self, entry: os.DirEntry[str], parts: tuple[str, ...], rules: Rules) -> bool:
        """Take an entry that is a file, or count why it is left out; whether it is a folder to go through."""
        try:
            folder = entry.is_dir()
            why = self._reason(entry, folder, parts, rules)
            if why is None and not folder:
                why = self._reason_of_file(entry)
        except OSError as error:
            self._fail(entry.path, str(error.strerror).lower())
            return False
        if why:
            self.why[why] += 1
        return folder and why is None

    def _reason(self, entry: os.DirEntry[str], folder: bool, parts: tuple[str, ...], rules: Rules) -> str | None:
        """Why an entry is left out by its name or place, None where it is not; empty: counted already."""
        if folder and is_bin(entry.name):
            return "bins"
        if is_hidden(entry.name):
            return self._hide(entry.path) if folder else "" if entry.name == IGNORE else "hidden_files"
        if not folder and not self._fits(entry.name):
            self.suffixes[show(suffix_of(entry.name))[:12]] += 1
            return ""
        if is_ignored(parts, folder, rules):
            return "ignored"
        return "links" if self._leads_out(entry) else None

    def _reason_of_file(self, entry: os.DirEntry[str]) -> str | None:
        """Take a file, or say why not."""
        status = entry.stat()
        if not stat.S_ISREG(status.st_mode):
            return "special"
        if suffix_of(entry.name) not in SUFFIXES[self.modality] and not is_sound_alone(entry.path):
            return "pictures"
        self._take(entry.path, status)
        return None

    def _fits(self, name: str) -> bool:
        suffix = suffix_of(name)
        return suffix in SUFFIXES[self.modality] or (self.modality == "music" and suffix in VIDEO_SUFFIXES)

    def _leads_out(self, entry: os.DirEntry[str]) -> bool:
        """Whether an entry is a link to something that is there, and outside of all that was named."""
        if self.homes is None or not entry.is_symlink():
            return False
        target = os.path.realpath(entry.path)
        return os.path.lexists(target) and not any(below(target, home) for home in self.homes)

    def _hide(self, folder: str) -> str:
        if any(self._fits(os.path.basename(path)) for path in _peek(folder)):  # noqa: PTH119
            self.named.append(folder)
        return "hidden_folders"

    def _take(self, path: str, status: os.stat_result) -> None:
        self.files[path] = file_of(path, status)

    def _fail(self, path: str, reason: str) -> None:
        self.problems.append(Failed(path, trouble(path, reason)))

    def _entries(self, path: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(path) as entries:
                return sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            self._fail(path, str(error.strerror).lower())
            return []

    def _read_rules(self, path: str) -> list[Rule]:
        try:
            return read_rules(os.fsdecode(read(path, IGNORE_BYTES)))
        except OSError as error:
            self._fail(path, str(error.strerror).lower())
            return []

    def _status(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(path)  # noqa: PTH116
        except (OSError, ValueError) as error:
            self._fail(path, (getattr(error, "strerror", None) or str(error)).lower())
            return None


def _is_below(path: str, folders: list[str]) -> bool:
    return any(below(path, folder) for folder in folders)


def _peek(top: str) -> Iterator[str]:
    """Paths of files below a hidden folder, no more than a handful of its entries looked at."""
    todo, left = [top], _MOST_PEEKED
    while todo and left > 0:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    elif entry.is_file():
                        yield entry.path
                    if left <= 0:
                        break
        except OSError:
            continue  # it is left out in any case
