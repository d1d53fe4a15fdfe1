"""Which files below some paths are worth a try: by suffix in folders, always when named explicitly."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from indexing.disk.files import File, absolute, file_of, trouble
from indexing.ingest.events import Failed
from recommender.errors import InputError
from recommender.text import show
from recommender.types import Modality

_MUSIC = (
    ".mp3 .flac .wav .ogg .oga .opus .m4a .m4b .aac .wma .aif .aiff .aifc .ape .wv .mka .mp2 .mpc .ac3 .caf .au .amr "
    ".weba .tta .alac"
)
_CLIPS = (
    ".mp4 .m4v .mov .mkv .webm .avi .wmv .flv .mpg .mpeg .m2v .ts .mts .m2ts .3gp .3g2 .ogv .mxf .vob .gif .jpg .jpeg "
    ".png .webp .bmp .tif .tiff"
)
SUFFIXES: dict[Modality, frozenset[str]] = {"music": frozenset(_MUSIC.split()), "video": frozenset(_CLIPS.split())}


@dataclass
class Found:
    """What a scan found: files in sorted order of their paths, and what could not be looked at."""

    files: list[File] = field(default_factory=list)
    problems: list[Failed] = field(default_factory=list)


def scan(paths: Sequence[str | Path], modality: Modality) -> Found:
    """The media files at and below `paths`, each once, hidden ones left out unless named.

    Links to folders are followed, every real folder once: a loop ends.
    """
    found = Found()
    files = {file.path: file for path in paths for file in _walk(absolute(path), modality, found, set())}
    found.files = sorted(files.values(), key=lambda file: os.fsencode(file.path))
    return found


def media_files(folder: str | Path, modality: Modality) -> list[Path]:
    """The media files below a folder, sorted."""
    return [Path(file.path) for file in scan([folder], modality).files]


def expand_clips(paths: Sequence[Path]) -> list[Path]:
    """`paths` with every folder replaced by the clips, stills and animations in it, sorted."""
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = media_files(path, "video")
        if not inside:
            raise InputError(f"no clips in {show(path)}: give a folder with video files, pictures or GIFs")
        found.extend(inside)
    return found


def _walk(path: str, modality: Modality, found: Found, visited: set[tuple[int, int]]) -> Iterator[File]:
    status = _status(path, found)
    if status is None:
        return
    if not stat.S_ISDIR(status.st_mode):
        if stat.S_ISREG(status.st_mode):
            yield file_of(path, status)
        else:
            found.problems.append(Failed(path, trouble(path, "it is neither a file nor a folder")))
        return
    if (status.st_dev, status.st_ino) in visited:
        return
    visited.add((status.st_dev, status.st_ino))
    try:
        with os.scandir(path) as entries:
            children = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: os.fsencode(e.name))
    except OSError as error:
        found.problems.append(Failed(path, trouble(path, str(error.strerror).lower())))
        return
    for child in children:
        if _worth(child, modality):
            yield from _walk(child.path, modality, found, visited)


def _worth(entry: os.DirEntry[str], modality: Modality) -> bool:
    """Whether an entry of a folder is a folder, or a regular file (or broken link) with a fitting suffix."""
    try:
        if entry.is_dir():
            return True
        fits = os.path.splitext(entry.name)[1].lower() in SUFFIXES[modality]  # noqa: PTH122
        return fits and (entry.is_file() or entry.is_symlink())
    except OSError:
        return True  # let the walk name the problem


def _status(path: str, found: Found) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        found.problems.append(Failed(path, trouble(path, reason.lower())))
        return None
