"""What search needs on disk: a library's settings, and codes beside the arrays of its snapshot, checked before use.

`snapshots/<name>/<modality>/search.json` says what was built and measured and names the file of codes beside it; both
go with their snapshot. What a library's search may cost and must reach, and which backend it is set to, is kept in
`search.json` of its own folder.
"""

import time
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from indexing.disk.checksums import crc, seal, unseal
from indexing.disk.durable import PARTIAL, library_errors, write_json
from indexing.search.ann_tuning import Measured, Settings, tune
from indexing.search.backends import AUTO, SETTINGS
from indexing.search.backends import faiss_pq as codes_of
from indexing.search.backends.faiss_pq import FaissPQ, Layout
from indexing.snapshot.snapshot import CODES, RECORD
from recommender.atomic import new_file
from recommender.errors import Argument, BackendError, CliptuneError, InputError, LibraryError
from recommender.opening import load_json
from recommender.text import show
from recommender.types import Array

BUILD = "run `recommend index build`"
_FORMAT = 1
_HEAD = 4 << 20  # bytes of a file of codes that are looked at before FAISS reads it: 4 ms
_UNUSABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, CliptuneError)


@dataclass(frozen=True)
class Built:
    """What was built for a matrix of vectors.

    Attributes
    ----------
    file:       the codes' file name, None where exact search was found to serve better.
    size_bytes: of that file.
    cpu_s:      spent on building and measuring.
    crcs:       of that file's beginning, which holds all but codes, and of all of it; none of before there were any.
    """

    rows: int
    dim: int
    settings: Settings
    file: str | None
    size_bytes: int
    layout: Layout | None
    measured: Measured | None
    cpu_s: float
    crcs: tuple[int, int] | None = None

    def __str__(self) -> str:
        if self.measured is None:
            return f"exact search of {self.rows:,} windows"
        found = f"{self.measured.recall_at_10:.4f} of the best 10, {self.measured.recall_at_100:.4f} of the best 100"
        return f"{self.kind} of {self.rows:,} windows in {self.size_bytes / 1e6:.0f} MB finds {found}"

    @property
    def kind(self) -> str:
        """`exact`, `scan` of all codes, or `lists` of them."""
        if self.layout is None:
            return "exact"
        return "lists" if self.layout.lists else "scan"


def load_settings(folder: Path) -> Settings:
    """The library's settings, the defaults where none were given; raises LibraryError for a damaged file."""
    try:
        with library_errors(folder, "read the search settings of"):
            return Settings(**load_json(folder / SETTINGS))
    except (ValueError, TypeError, InputError) as error:
        raise LibraryError(
            f"{show(folder / SETTINGS)} is damaged; run ", Argument("recall", 0.999, "index build")
        ) from error
    except LibraryError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return Settings()
        raise


def save_settings(folder: Path, settings: Settings) -> None:
    """Keep settings with the library."""
    with library_errors(folder, "write to the library at"):
        write_json(folder / SETTINGS, _as_json(settings))


def _as_json(settings: Settings) -> dict[str, Any]:
    """What is written of settings: no backend where none is set, as before there was a choice."""
    return {name: value for name, value in asdict(settings).items() if (name, value) != ("backend", AUTO)}


def open_built(home: Path, vectors: Array) -> tuple[FaissPQ, Built]:
    """The codes in a snapshot's folder over its vectors, and what was measured of them.

    Raises BackendError where none were built, LibraryError where they are damaged, with what to do.
    """
    if not (home / RECORD).exists():
        raise BackendError(f"nothing is built yet: {BUILD}")
    built = _whole(home, vectors)
    if built is None:
        raise LibraryError(f"what was built is damaged: {BUILD}")
    if built.file is None or built.layout is None:
        raise BackendError("codes do not reach the recall that is set, or not within its memory")
    return codes_of.load(home / built.file, vectors, built.layout), built


def has_codes(home: Path) -> bool:
    """Whether a record says that codes were built, or is damaged."""
    try:
        return load_built(home).file is not None
    except _UNUSABLE:
        return True


def load_built(home: Path) -> Built:
    """What was built in a snapshot's folder; raises one of several errors when unusable."""
    held = unseal(load_json(home / RECORD))
    if held.pop("format") != _FORMAT:
        raise ValueError("unknown format of a search index")
    held["crcs"] = tuple(held["crcs"]) if held.get("crcs") else None
    held["settings"] = Settings(**held["settings"])
    for name, kind in {"layout": Layout, "measured": Measured}.items():
        held[name] = None if held[name] is None else kind(**held[name])
    held["file"] = None if held["file"] is None else Path(held["file"]).name
    return Built(**held)


def describe(built: Built) -> dict[str, Any]:
    """What searches by codes, JSON-ready: kind, memory of its codes, measured recall and time of a query."""
    told = asdict(built)
    measured = {name: round(value, 4) for name, value in told["measured"].items()}
    cost = {"size_bytes": built.size_bytes, "built_cpu_s": round(built.cpu_s, 1)}
    return {"kind": built.kind, "vectors": built.rows} | measured | told["layout"] | cost


def files(home: Path) -> list[str]:
    """Names of the files of a usable index in a snapshot's folder: what a snapshot of the same vectors may link."""
    try:
        built = load_built(home)
    except _UNUSABLE:
        return []
    return [RECORD] if built.file is None else [built.file, RECORD]


def find_kept(home: Path, vectors: Array, settings: Settings) -> Built | None:
    """What is built there already for these vectors and settings; codes serve whatever backend was set then."""
    built = _whole(home, vectors)
    asked = built and (built.settings if built.file is None else replace(built.settings, backend=settings.backend))
    return built if asked == settings else None


def is_damaged(home: Path, vectors: Array) -> bool:
    """Whether what was built in a folder, if anything, is not as it was written; raises OSError."""
    if not (home / RECORD).exists():
        return False
    built = _whole(home, vectors)
    if built is None or built.file is None or built.crcs is None:
        return built is None
    return crc(home / built.file) != built.crcs[1]


def _whole(home: Path, vectors: Array) -> Built | None:
    """What was built for these vectors, None where it is not there, damaged or of others."""
    try:
        built = load_built(home)
        whole = built.file is None or (home / built.file).stat().st_size == built.size_bytes
        if whole and built.file is not None and built.crcs is not None:
            whole = crc(home / built.file, _HEAD) == built.crcs[0]
    except _UNUSABLE:
        return None
    return built if whole and (built.rows, built.dim) == vectors.shape else None


def build_codes(home: Path, vectors: Array, settings: Settings) -> Built:
    """Codes of vectors in their folder, unless they are there, or the note that exact search serves better."""
    before = find_kept(home, vectors, settings)
    if before is not None:
        return before
    _clear(home)
    start_s = time.process_time()
    codes, layout, measured = tune(vectors, settings) or (None, None, None)
    name = None if codes is None else f"search-{uuid.uuid4().hex[:8]}.faiss"
    size = 0 if name is None else _write(codes, home, name)
    rows, dim = vectors.shape
    sums = None if name is None else (crc(home / name, _HEAD), crc(home / name))
    built = Built(rows, dim, settings, name, size, layout, measured, time.process_time() - start_s, sums)
    write_json(home / RECORD, seal({"format": _FORMAT, **asdict(built), "settings": _as_json(settings)}))
    _clear(home)
    return built


def remove_codes(home: Path, vectors: Array, settings: Settings) -> Built:
    """Nothing in the folder of a segment that is searched exactly."""
    (home / RECORD).unlink(missing_ok=True)
    _clear(home)
    rows, dim = vectors.shape
    return Built(rows, dim, settings, None, 0, None, None, 0.0)


def _write(codes: Any, home: Path, name: str) -> int:
    """Bytes of the codes, written under their name once they are whole and on disk."""
    with new_file(home / name, make_folder=False) as partial:
        try:
            codes_of.save(codes, partial)
        except RuntimeError as error:  # what FAISS makes of a full disk
            raise OSError(f"the search index could not be written ({str(error).splitlines()[-1][:80]})") from error
    return (home / name).stat().st_size


def _clear(home: Path) -> None:
    """Remove what a killed build left and what was replaced; who has a file mapped keeps it."""
    used = files(home)
    for path in [*home.glob(f"{PARTIAL}search*"), *home.glob(CODES)]:
        if path.name not in used:
            path.unlink(missing_ok=True)
