"""What is made from the store and can be made again: looked at as a whole, and dropped where it fails."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from indexing.disk import parts
from indexing.disk.aside import set_aside
from indexing.disk.checksums import differing
from indexing.disk.durable import library_errors
from indexing.disk.locations import BACKUP, CATALOG
from indexing.disk.lock import LOCK, OWNER, lock
from indexing.duplicates import fingerprint_index
from indexing.ingest.events import Event, Mended
from indexing.search import ann_files, ann_index, representative_files
from indexing.search.backends import SETTINGS
from indexing.snapshot import snapshot
from indexing.snapshot.snapshot import Snapshot
from recommender.errors import LibraryError
from recommender.opening import is_absent
from recommender.text import show

_FINGERPRINTS = f"{fingerprint_index.FOLDER}/{fingerprint_index.MANIFEST}"
_FILES = (CATALOG, BACKUP, LOCK, OWNER, SETTINGS, ann_index.LOCK, snapshot.MANIFEST, _FINGERPRINTS)
_FAILING = (ValueError, KeyError, TypeError, AttributeError)  # of what is there, but not as it should be
_FOLDERS = (parts.FOLDER, snapshot.FOLDER, fingerprint_index.FOLDER)


def flaws(folder: Path, published: Snapshot | None) -> Iterator[tuple[str, str]]:
    """Kind and text of what is wrong with whole files that are derived; `published` is the snapshot that is there."""
    if (wrong := fingerprint_index.flaw(folder)) is not None:
        yield "fingerprints", f"{wrong} is not as it was written; `recommend index repair` has it made anew"
    homes = {} if published is None else published.crcs
    for home, written in homes.items():
        yield from (
            ("snapshot", f"its {home.name}/{name} is not as it was written") for name in differing(home, written)
        )
    for record in find_damaged_codes(folder, published):
        what = "representatives" if record.name == snapshot.REPRESENTATIVES else "codes"
        yield "search", f"{show(record.parent)} is searched without its {what}, which are damaged: {ann_files.BUILD}"


def find_damaged_codes(folder: Path, published: Snapshot | None) -> list[Path]:
    """The records of what was built for search and is not as it was written, and folders of representatives."""
    if published is None:
        return []
    codes = [home / snapshot.RECORD for home, seg in published.homes() if ann_files.is_damaged(home, seg.vectors)]
    wrong = (home for home, segment in published.homes() if representative_files.is_damaged(home, segment))
    return [*codes, *(home / snapshot.REPRESENTATIVES for home in wrong)]


def clear_way(folder: Path) -> Iterator[Event]:
    """Move aside what stands where a file or a folder should be but is none, and settings that say nothing."""
    wrong = [path for name in _FILES if (path := folder / name).exists() and not path.is_file()]
    wrong += [path for name in _FOLDERS if (path := folder / name).exists() and not path.is_dir()]
    try:
        ann_files.load_settings(folder)
    except LibraryError as error:
        if not isinstance(error.__cause__, OSError) and (folder / SETTINGS) not in wrong:
            wrong.append(folder / SETTINGS)
    for path in wrong:
        with library_errors(folder, "write to the library at"):
            yield Mended(f"{path.name} is not what it should be: it is kept as {set_aside(folder, path)}")


def drop_failing(folder: Path, wait_s: float = 0.0) -> Iterator[Event]:
    """Drop a snapshot, fingerprints and what was built for search where they fail their checks.

    Raises LibraryError where they cannot be read now.
    """
    with lock(folder, wait_s), library_errors(folder, "read the library at"):
        try:
            published = snapshot.load(folder, most=None)
        except (OSError, *_FAILING) as error:
            if isinstance(error, OSError) and not is_absent(error):
                raise
            published = None
            if (folder / snapshot.MANIFEST).exists() and any((folder / snapshot.FOLDER).glob("*")):
                _drop(folder, folder / snapshot.MANIFEST)
                yield Mended(f"the snapshot is dropped and made anew: {show(str(error))}")
        if (wrong := fingerprint_index.flaw(folder)) is not None:
            _drop(folder, folder / fingerprint_index.FOLDER / fingerprint_index.MANIFEST)
            yield Mended(f"the kept fingerprints are dropped and made anew: {wrong} is not as it was written")
        for record in find_damaged_codes(folder, published):
            _drop(folder, record)
            yield Mended(f"what was built for search is damaged and dropped: {ann_files.BUILD}")


def _drop(folder: Path, note: Path) -> None:
    """Remove a folder, or a note in JSON; what is none may be another file of the library, and goes aside."""
    if note.is_dir():
        shutil.rmtree(note)
        return
    with open(note, "rb") as file:
        is_note = file.read(1) in (b"{", b"")
    if is_note:
        note.unlink()
    else:
        set_aside(folder, note)
