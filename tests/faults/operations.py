"""What is done to a library while it is killed: each operation with a world to do it in, made from a seed."""

import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "indexing"))

from fakes import DIM, Marking, state, toy

from indexing import ingest
from indexing.catalog.schema import is_made
from indexing.disk.locations import BACKUP, CATALOG
from indexing.ingest import pipeline
from indexing.ingest.events import Ingested
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import orphans, verify
from indexing.search import ann_files, ann_index, ann_tuning
from tests.faults.older import made_older
from tests.faults.serving import served

_WINDOWS, _TRACKS = 6000, 60  # of the library that a search index is built for
ANALYSER, NEXT = Marking(), Marking("2")


def in_small_batches() -> None:
    """Have this process commit every two files: a handful makes several parts; a few thousand windows are many."""
    pipeline._BATCH_FILES = 2
    ann_tuning.FAISS_PQ_ROWS = _WINDOWS


@dataclass(frozen=True)
class World:
    """Where an operation happens: files, a library as it is before, and the seed that made both."""

    home: Path
    seed: int

    @property
    def music(self) -> Path:
        return self.home / "music"

    @property
    def notes(self) -> Path:
        """What went wrong beside the operation, a line each."""
        return self.home / "notes"

    @property
    def base(self) -> Path:
        return self.home / "base"

    def random(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, 7])

    def track(self, name: str, number: int) -> Path:
        """A toy track of the seed's own content; numbers 0 and 1, 2 and 3, ... are of one recording each."""
        return toy(self.music / name, 1000 * self.seed + number, f"{1 + (self.seed + number) % 4} {number // 2}")


@dataclass(frozen=True)
class Operation:
    """`prepare` makes the world, `run` does the work on a copy of the base and yields what it reports.

    `again` is what is done after a fault, by default the same. `readable`: the base can be opened, so that whatever a
    kill leaves can be, too; `damaged` are the kinds of what is wrong with it from the start.
    """

    prepare: Callable[[World], None]
    run: Callable[[World, Path], Iterable[Any]]
    again: Callable[[World, Path], Iterable[Any]] | None = None
    readable: bool = True
    damaged: tuple[str, ...] = ()

    def once_more(self, world: World, folder: Path) -> None:
        """Do it again, to its end."""
        list((self.again or self.run)(world, folder))


def _filled(world: World, tracks: int = 5) -> None:
    """A library of that many tracks in parts of two, and one file that is no music."""
    for number in range(tracks):
        world.track(f"{'ab'[number % 2]}/{number}.mp3", number)
    toy(world.music / "bad.mp3", "bad")
    with Library.create(world.base, ANALYSER.space) as library:
        list(ingest.add(library, [world.music], ANALYSER, executor="inline"))


def _to_be_updated(world: World) -> None:
    _filled(world, 7)
    world.track("a/0.mp3", 90)
    (world.music / "b" / "1.mp3").unlink()
    (world.music / "a" / "2.mp3").rename(world.music / "b" / "moved.mp3")
    shutil.copy(world.music / "b" / "3.mp3", world.music / "a" / "copy.mp3")
    world.track("c/new.mp3", 91)


def _to_be_compacted(world: World) -> None:
    _filled(world, 9)
    (world.music / "a" / "4.mp3").unlink()
    with Library.open(world.base) as library:
        list(ingest.update(library, ANALYSER, executor="inline"))
    with closing(sqlite3.connect(world.base / CATALOG, isolation_level=None)) as connection:  # free pages
        connection.execute("CREATE TABLE ballast AS SELECT zeroblob(100000) AS x")
        connection.execute("DROP TABLE ballast")


def _to_be_repaired(world: World) -> None:
    _filled(world, 7)
    parts = sorted((world.base / "parts").iterdir())
    part = parts[int(world.random().integers(len(parts)))]
    data = bytearray(part.read_bytes())
    data[int(world.random().integers(len(data)))] ^= 0xFF
    part.write_bytes(data)
    shutil.copy(parts[0], world.base / "parts" / "stray.parquet")


def _to_be_brought_back(world: World) -> None:
    _filled(world)
    catalog = world.base / CATALOG
    data = bytearray(catalog.read_bytes())
    at = 4096 * int(world.random().integers(0, len(data) // 4096))
    data[at : at + 4096] = b"\x07" * 4096
    catalog.write_bytes(data)


def _to_be_found_again(world: World) -> None:
    _filled(world)
    for path in world.base.glob(CATALOG + "*"):
        path.unlink()


def _to_be_renamed(world: World) -> None:
    _filled(world)
    made_older(world.base / CATALOG, 3)


def _to_be_migrated(world: World) -> None:
    _filled(world)
    made_older(world.base / CATALOG, 1)
    (world.base / "manifest.json").unlink()  # that version's snapshot cannot be read today, and it grouped nothing
    for folder in ("snapshots", "marks"):
        shutil.rmtree(world.base / folder, ignore_errors=True)


def _nothing(world: World) -> None:
    for number in range(5):
        world.track(f"{number}.mp3", number)


def _to_be_added_to(world: World) -> None:
    _filled(world)
    for number in range(20, 25):
        world.track(f"new/{number}.mp3", number)


def _to_be_imported(world: World) -> None:
    random, count = world.random(), 12
    world.music.mkdir(parents=True)
    np.save(world.music / "v.npy", random.normal(size=(count, DIM)).astype(np.float32))
    ids = "".join(f"{world.seed} {i // 2}\n" for i in range(count))
    (world.music / "ids.csv").write_text("id\n" + ids)


def _to_be_searched(world: World) -> None:
    """Tracks of many windows around their own direction, and settings that codes of eight dimensions can reach."""
    random = world.random()
    world.music.mkdir(parents=True)
    tracks = np.repeat(random.normal(size=(_TRACKS, DIM)), _WINDOWS // _TRACKS, axis=0)
    np.save(world.music / "v.npy", (tracks + 0.5 * random.normal(size=tracks.shape)).astype(np.float32))
    ids = "".join(f"{world.seed} {i * _TRACKS // _WINDOWS}\n" for i in range(_WINDOWS))
    (world.music / "ids.csv").write_text("id\n" + ids)
    _import(world, world.base)
    ann_files.save_settings(world.base, ann_tuning.Settings(recall=0.95))


def _build(world: World, folder: Path) -> list[Any]:
    with served(folder, world.notes):
        return [ann_index.build(folder)]


def _make(world: World, folder: Path) -> Iterator[Any]:
    with Library.open_or_create(folder, ANALYSER.space) as library:
        yield from ingest.add(library, [world.music], ANALYSER, executor="inline")


def _with(call: Callable[..., Iterable[Any]], *args: Any, **named: Any) -> Callable[[World, Path], Iterator[Any]]:
    def run(world: World, folder: Path) -> Iterator[Any]:
        with Library.open(folder) as library:
            yield from call(library, *(arg(world) if callable(arg) else arg for arg in args), **named)

    return run


def _upgraded(world: World, folder: Path) -> Iterator[Any]:
    """The upgrade again, which does nothing where it was done; then a writer that clears up."""
    yield from _with(ingest.upgrade, NEXT, executor="inline")(world, folder)
    yield from _with(ingest.update, NEXT, executor="inline")(world, folder)


def _compact(world: World, folder: Path) -> list[Any]:
    return [compact(folder, full_bytes=12_000)]


def _repair(world: World, folder: Path) -> Iterator[Any]:
    yield from repair(folder, ANALYSER, [world.music], executor="inline")


def _import(world: World, folder: Path) -> list[Any]:
    return [import_vectors(folder, world.music / "v.npy", world.music / "ids.csv", space="mine", modality="music")]


OPERATIONS = {
    "create": Operation(_nothing, _make),
    "add": Operation(_to_be_added_to, _with(ingest.add, lambda w: [w.music], ANALYSER, executor="inline")),
    "update": Operation(_to_be_updated, _with(ingest.update, ANALYSER, executor="inline")),
    "remove": Operation(_filled, _with(ingest.remove, lambda w: [w.music / "a"])),
    "import": Operation(_to_be_imported, _import),
    "upgrade": Operation(_filled, _with(ingest.upgrade, NEXT, executor="inline"), _upgraded),
    "compact": Operation(_to_be_compacted, _compact),
    "repair": Operation(_to_be_repaired, _repair, damaged=("part",)),
    "bring back": Operation(_to_be_brought_back, _repair, readable=False),
    "find again": Operation(_to_be_found_again, _repair, readable=False),
    "build": Operation(_to_be_searched, _build),
    "migrate": Operation(_to_be_migrated, _with(ingest.update, ANALYSER, executor="inline")),
    "migrate 3": Operation(_to_be_renamed, _with(ingest.update, ANALYSER, executor="inline")),
}


@dataclass(frozen=True)
class Seen:
    """All that can be seen of a library, JSON-ready: a digest per track by modality and path, ids, the model.

    `versions` are the paths of the same recording, by path; `searched` is what kind of index searches each modality.
    """

    tracks: dict[str, str]
    ids: dict[str, int]
    versions: dict[str, list[str]]
    space: list[Any] | None
    searched: dict[str, str] = field(default_factory=dict)


def seen(folder: Path) -> Seen:
    """What a library shows; nothing where there is none yet, or one that was never finished."""
    if not is_made(folder):
        return Seen({}, {}, {}, None)
    with Library.open(folder) as library:
        tracks = {" ".join(key): blake2b(repr(value).encode()).hexdigest() for key, value in state(library).items()}
        ids = {track.path: track.id for track in library.tracks()}
        versions = {path: sorted(library.tracks_of([key])[0].versions) for path, key in ids.items()}
        searched = {modality: found["kind"] for modality, found in library.info()["search"].items()}
        return Seen(tracks, ids, versions, list(library.space), searched)


def faults_when_reopened(
    folder: Path, before: Seen, after: Seen, reported: Iterable[str], damaged: Sequence[str]
) -> Iterator[str]:
    """What is wrong with a library right after a kill: anything lost, doubled, half there or unreadable."""
    now = seen(folder)
    for key, value in now.tracks.items():
        if value not in (before.tracks.get(key), after.tracks.get(key)):
            yield f"{key} is neither as before nor as after"
    for key in before.tracks.keys() & after.tracks.keys() - now.tracks.keys():
        yield f"{key} is lost"
    for path in reported:
        if f"music {path}" not in now.tracks:
            yield f"{path} was reported and is not there"
    if now.space is not None:
        with Library.open(folder) as library:
            yield from (str(p) for p in verify(library) if p.kind not in ("snapshot", *damaged))


def faults_when_done(folder: Path, after: Seen) -> Iterator[str]:
    """What is wrong with a library after the operation was done again."""
    now = seen(folder)
    if now.tracks != after.tracks:
        differing = {key for key in now.tracks | after.tracks if now.tracks.get(key) != after.tracks.get(key)}
        yield f"other tracks than without a fault: {sorted(differing)}"
    if now.ids != after.ids:
        yield "other ids than without a fault"
    if now.versions != after.versions:
        yield "other recordings than without a fault"
    if now.searched != after.searched:
        yield f"searched by {now.searched} instead of {after.searched}"
    if now.space != after.space:
        yield f"the space is {now.space}"
    with closing(Library.open(folder)) as library:
        yield from map(str, verify(library))
        yield from (f"orphan {name}" for name in orphans(library.folder))
    left = [*folder.rglob(".partial-*"), *folder.glob(BACKUP + "*"), *folder.glob("writer.json")]
    yield from (f"left behind: {path.name}" for path in left)
    if len(list((folder / "snapshots").iterdir())) != 1:
        yield "more than one snapshot"


def reported_by(event: Any) -> str | None:
    """The path that an event says is in the library for good."""
    return event.path if isinstance(event, Ingested) else None
