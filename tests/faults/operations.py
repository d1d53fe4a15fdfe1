"""What is done to a library while it is killed: each operation with a world to do it in, made from a seed."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "indexing"))

from fakes import DIM, Marking, toy
from fakes import state as state

from indexing import ingest
from indexing.disk.locations import CATALOG
from indexing.ingest import pipeline
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.repair import repair
from indexing.maintenance.verify import examine
from indexing.search import ann_files, ann_index, ann_tuning
from indexing.snapshot import publishing
from indexing.writing.writer import writing
from recommender.errors import LibraryLocked
from tests.faults.older import made_older
from tests.faults.serving import served
from tests.faults.truth import tracks_in, versions_in

_WINDOWS, _TRACKS = 6000, 60  # of the library that a search index is built for
ANALYSER, NEXT = Marking(), Marking("2")


def in_small_batches() -> None:
    """Have this process commit every two files: a handful makes several parts, and several segments of the snapshot;
    a few thousand windows are many."""
    pipeline._BATCH_FILES = 2
    publishing.SMALL_ROWS = 8
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

    @property
    def truth(self) -> Path:
        """What the operation must end in, where the files tell it: tracks and versions as in `Seen`, as JSON."""
        return self.home / "truth.json"

    @property
    def files(self) -> list[Path]:
        return sorted(path for path in self.music.rglob("*") if path.is_file())

    def random(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, 7])

    def track(self, name: str, number: int) -> Path:
        """A toy track of the seed's own content; numbers 0 and 1, 2 and 3, ... are of one recording each."""
        return toy(self.music / name, 1000 * self.seed + number, f"{1 + (self.seed + number) % 4} {number // 2}")


@dataclass(frozen=True)
class Operation:
    """`prepare` makes the world, `run` does the work on a copy of the base and yields what it reports.

    `again` is what is done after a fault, by default the same. `readable`: the base can be opened, so that whatever a
    kill leaves can be, too; `damaged` are the kinds of what is wrong with it from the start, all of which a check must
    find. `kept` chooses the files that the library must show in the end, as `analyser` sees them, and `grouped` says
    whether it knows recordings; without it the files do not tell. `away`: the files are taken away before, what the
    library holds must do. `atomic`: the tracks are as before or as after, never some of each.
    """

    prepare: Callable[[World], None]
    run: Callable[[World, Path], Iterable[Any]]
    again: Callable[[World, Path], Iterable[Any]] | None = None
    readable: bool = True
    damaged: tuple[str, ...] = ()
    kept: Callable[[Path], bool] | None = Path.exists
    analyser: Marking = ANALYSER
    grouped: bool = True
    atomic: bool = False
    away: bool = False

    def make(self, world: World) -> None:
        """Prepare the world, and note what the operation must end in."""
        self.prepare(world)
        if self.kept is not None:
            files = list(filter(self.kept, world.files))
            versions = versions_in(files) if self.grouped else {path: [] for path in versions_in(files)}
            truth = {"tracks": tracks_in(files, self.analyser), "versions": versions}
            world.truth.write_text(json.dumps(truth), "utf-8")
        if self.away:
            world.music.rename(world.home / "away")
        if self.damaged:
            found = {problem.kind for problem in examine(world.base, queries=0).problems}
            assert found == {*self.damaged}, f"a check finds wrong: {sorted(found)}"

    def once_more(self, world: World, folder: Path) -> None:
        """Do it again, to its end."""
        list((self.again or self.run)(world, folder))


def _filled(world: World, tracks: int = 5) -> None:
    """A library of that many tracks in parts of two, and one file that is no music."""
    for number in range(tracks):
        world.track(f"{'ab'[number % 2]}/{number}.mp3", number)
    shutil.copy(world.music / "b" / "1.mp3", world.music / "b" / "the same.mp3")
    toy(world.music / "bad.mp3", "bad")
    with Library.create(world.base, ANALYSER.space) as library:
        list(ingest.add(library, [world.music], ANALYSER, executor="inline"))


def _stays(path: Path) -> bool:
    return path.parent.name != "a"


def _to_be_updated(world: World) -> None:
    _filled(world, 7)
    world.track("a/0.mp3", 90)
    (world.music / "b" / "1.mp3").unlink()
    (world.music / "a" / "2.mp3").rename(world.music / "b" / "moved.mp3")
    shutil.copy(world.music / "b" / "3.mp3", world.music / "a" / "copy.mp3")
    world.track("c/new.mp3", 91)


def _to_be_moved(world: World) -> None:
    """What is computed stays as it is, what is known of the files does not."""
    _filled(world)
    (world.music / "a" / "2.mp3").rename(world.music / "b" / "moved.mp3")
    shutil.copy(world.music / "b" / "3.mp3", world.music / "a" / "copy.mp3")


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
    _forge(next(other for other in parts if other != part))
    shutil.copy(parts[0], world.base / "parts" / "stray.parquet")


def _forge(part: Path) -> None:
    """Put other numbers into a part, in a file that Arrow finds nothing wrong with."""
    table = pq.read_table(part)
    at = table.schema.get_field_index("start_s")
    pq.write_table(table.set_column(at, "start_s", pc.add(table["start_s"], 1.0)), part)


def _to_be_compacted_around(world: World) -> None:
    _filled(world, 9)
    parts = sorted((world.base / "parts").iterdir())
    _forge(parts[int(world.random().integers(len(parts)))])


def _to_be_copied_again(world: World) -> None:
    """An array of the snapshot with another byte among its values."""
    _filled(world)
    arrays = sorted(path for path in world.base.glob("snapshots/*/music/*.npy") if path.stem in ("vectors", "inputs"))
    array = arrays[int(world.random().integers(len(arrays)))]
    data = bytearray(array.read_bytes())
    data[-int(world.random().integers(1, 64))] ^= 0xFF
    array.write_bytes(data)


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


def _to_be_widened(world: World) -> None:
    _filled(world)
    made_older(world.base / CATALOG, 4)


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


def _add_alone(world: World, folder: Path) -> Iterator[Any]:
    """Add, while another writer is refused."""
    with Library.open(folder) as library:
        for event in ingest.add(library, [world.music], ANALYSER, executor="inline"):
            with suppress(LibraryLocked), writing(folder):
                raise AssertionError("a second writer was let in")
            yield event


def _upgraded(world: World, folder: Path) -> Iterator[Any]:
    """The upgrade again, which does nothing where it was done; then a writer that clears up."""
    yield from _with(ingest.upgrade, NEXT, executor="inline")(world, folder)
    yield from _with(ingest.update, NEXT, executor="inline")(world, folder)


def _compact(world: World, folder: Path) -> list[Any]:
    return [compact(folder, full_bytes=12_000)]


def _compact_and_repair(world: World, folder: Path) -> Iterator[Any]:
    """What is damaged is left out, so that the repair still finds it."""
    yield from _compact(world, folder)
    yield from _repair(world, folder)


def _repair(world: World, folder: Path) -> Iterator[Any]:
    yield from repair(folder, ANALYSER, [world.music], executor="inline")


def _import(world: World, folder: Path) -> list[Any]:
    return [import_vectors(folder, world.music / "v.npy", world.music / "ids.csv", space="mine", modality="music")]


_update = _with(ingest.update, ANALYSER, executor="inline")
OPERATIONS = {
    "create": Operation(_nothing, _make),
    "add": Operation(_to_be_added_to, _add_alone, _with(ingest.add, lambda w: [w.music], ANALYSER, executor="inline")),
    "update": Operation(_to_be_updated, _update),
    "move": Operation(_to_be_moved, _update),
    "remove": Operation(_filled, _with(ingest.remove, lambda w: [w.music / "a"]), kept=_stays),
    "import": Operation(_to_be_imported, _import, kept=None, atomic=True),
    "upgrade": Operation(
        _filled, _with(ingest.upgrade, NEXT, executor="inline"), _upgraded, analyser=NEXT, atomic=True
    ),
    "compact": Operation(_to_be_compacted, _compact, away=True),
    "compact around": Operation(_to_be_compacted_around, _compact_and_repair, damaged=("part",)),
    "repair": Operation(_to_be_repaired, _repair, damaged=("part",)),
    "repair a snapshot": Operation(_to_be_copied_again, _repair, damaged=("snapshot",), away=True),
    "bring back": Operation(_to_be_brought_back, _repair, readable=False, away=True),
    "find again": Operation(_to_be_found_again, _repair, readable=False, away=True),
    "build": Operation(_to_be_searched, _build, kept=None),
    "migrate": Operation(_to_be_migrated, _update, grouped=False),
    "migrate 3": Operation(_to_be_renamed, _compact, away=True),
    "migrate 4": Operation(_to_be_widened, _compact, away=True),
}
