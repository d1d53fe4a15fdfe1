"""Libraries with one damage each, asked and repaired: `python -m tests.faults.damage --count 5000 --seed 1`.

A library is made from the seed (several parts, catalog, snapshot, fingerprints, notes of others; some with a search
index, some without a snapshot), and one of its files damaged: a bit flipped (in its first bytes more often), its end
cut off, a page of zeros, emptied, removed, a folder in its place, another file in its place, or unreadable for a time
(EIO, EACCES). Then it is searched, listed, verified and repaired, with the media at hand or without, and verified
again. Nothing may hang, end in anything but a line, be lost that another copy holds, or be there twice; afterwards all
is whole, or a line says why not. `--only N` keeps to one number of the run; exit 1 when anything was found.
"""

import argparse
import errno
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a process with threads must not fork

import numpy as np

from indexing import ingest
from indexing.disk.locations import CATALOG
from indexing.library import Library
from indexing.maintenance.repair import repair, what_is_left
from indexing.maintenance.verify import examine
from indexing.search import ann_index
from recommender.errors import CliptuneError
from recommender.model.imported import ImportedVectors
from tests.faults.children import child
from tests.faults.operations import ANALYSER, DIM, OPERATIONS, World, in_small_batches, state
from tests.faults.unreadable import unreadable

_WORLD, _IMPORTED = 25, 8  # damages of one library; one in so many is of imported vectors
_PASSING = {"EIO": errno.EIO, "EACCES": errno.EACCES}
_OTHERS = ("parts/@eaDir/x.parquet", "parts/.DS_Store", "snapshots/Thumbs.db", "marks/lost+found/x", ".Trash/x")
_BY_OTHERS = (".sqlite", ".faiss", "-wal", "-shm")  # files that are not opened by Python: no fault can be put there


def _flip(data: bytearray, random: np.random.Generator, most: int | None = None) -> None:
    data[int(random.integers(0, min(len(data), most or len(data))))] ^= 1 << int(random.integers(0, 8))


def _zero(data: bytearray, random: np.random.Generator) -> None:
    size = min(len(data), int(random.choice([64, 512, 4096])))
    at = size * int(random.integers(0, -(-len(data) // size)))
    data[at : at + size] = bytes(len(data[at : at + size]))


def _cut(data: bytearray, random: np.random.Generator) -> None:
    del data[int(random.integers(0, len(data))) :]


BYTES: dict[str, Callable[[bytearray, np.random.Generator], None]] = {
    "flip": _flip,
    "flip in header": lambda data, random: _flip(data, random, 128),
    "cut": _cut,
    "zeros": _zero,
    "empty": lambda data, random: data.clear(),
}
KINDS = (*BYTES, "flip", "flip in header", "remove", "folder", "swap", *_PASSING)


@dataclass(frozen=True)
class Damage:
    """What is done to which file of a library; `other` takes its place where two are swapped."""

    kind: str
    path: Path
    other: Path
    seed: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.kind} of {self.path}" + (f" and {self.other}" if self.kind == "swap" else "")

    def inflict(self, folder: Path) -> None:
        """Do it."""
        path, random = folder / self.path, np.random.default_rng(self.seed)
        if self.kind in BYTES:
            data = bytearray(path.read_bytes())
            BYTES[self.kind](data, random)
            path.write_bytes(data)
        elif self.kind == "swap":
            path.rename(folder / "between")
            (folder / self.other).rename(path)
            (folder / "between").rename(folder / self.other)
        elif self.kind in ("remove", "folder"):
            path.unlink()
            if self.kind == "folder":
                path.mkdir()

    def lasting(self, folder: Path) -> AbstractContextManager[None]:
        """A context in which the file cannot be opened, where it is one of those faults."""
        if self.kind not in _PASSING:
            return nullcontext()
        code, hidden = _PASSING[self.kind], folder / self.path
        return unreadable(hidden, OSError(code, os.strerror(code), str(hidden)))


@dataclass(frozen=True)
class Place:
    """A library with one damage, and what it was before."""

    world: World
    folder: Path
    damage: Damage
    before: dict[str, str]
    has_media: bool
    has_snapshot: bool

    @property
    def imported(self) -> bool:
        """Whether it is of imported vectors, with what was built for their search."""
        return self.world.seed % _IMPORTED == 0

    @property
    def analyser(self) -> Any:
        """Its model."""
        return ImportedVectors("mine", DIM) if self.imported else ANALYSER


@dataclass
class Tally:
    """What was done and found."""

    kinds: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)


def shown(folder: Path) -> dict[str, str]:
    """A digest of every track by its path: of its windows, and behind it of all that is told of it."""
    with Library.open(folder) as library:
        found = {}
        for (_, path), value in state(library).items():
            told = blake2b(repr(value).encode(), digest_size=8).hexdigest()
            found[path] = blake2b(repr(value[-1]).encode(), digest_size=8).hexdigest() + told
        return found


def suffered(place: Place) -> dict[str, Any]:
    """What is wrong after a damage, and how it ended."""
    wrong: list[str] = []
    place.damage.inflict(place.folder)
    was = _bytes_of(place.folder / place.damage.path)
    if not place.has_media:
        place.world.music.rename(place.world.home / "unplugged")
    with place.damage.lasting(place.folder):
        for step in (_search, shown, lambda folder: examine(folder, queries=1)):
            _one_line(lambda step=step: step(place.folder), wrong)
        reason = _repaired(place, wrong)
    wrong += _lost(place, reason, was)
    if not place.has_media:
        (place.world.home / "unplugged").rename(place.world.music)
    if (reason is not None or not place.has_media) and not place.imported:
        wrong += _afterwards(place)
    wrong += [f"{name} is gone" for name in _OTHERS if not (place.folder / name).exists()]
    return {"wrong": wrong, "end": "whole" if reason is None else _kind_of(reason)}


def _search(folder: Path) -> None:
    with Library.open(folder) as library:
        for modality in library.modalities:
            query = np.eye(library.space.dim)[0]
            found = library.search(query, 3, modality)
            library.tracks_of(found.ids)
            library.windows_of(found.ids)


def _one_line(step: Callable[[], Any], wrong: list[str]) -> str | None:
    """The line that a step ends with, None where it comes to its end; anything else is wrong."""
    try:
        step()
    except CliptuneError as error:
        if "\n" in str(error):
            wrong.append(f"several lines: {error}")
        return str(error)
    return None


def _repaired(place: Place, wrong: list[str]) -> str | None:
    """Why the library is not whole after a repair, None where it is."""
    reason = None

    def work() -> None:
        nonlocal reason
        list(repair(place.folder, place.analyser, executor="inline"))
        reason = what_is_left(place.folder)

    return _one_line(work, wrong) or reason


def _lost(place: Place, reason: str | None, was: bytes | None) -> Iterator[str]:
    """What the library lost though another copy holds it; damaged parts are kept."""
    damage = place.damage
    if damage.kind in _PASSING and was is not None and damage.path.parts[0] == "parts":
        if _bytes_of(place.folder / damage.path) != was:
            yield "a file that could not be read was changed"
    elif was is not None and damage.path.parts[0] == "parts" and damage.kind in BYTES:
        files = (path for name in ("parts", "aside") for path in (place.folder / name).glob("*"))
        if was not in map(_bytes_of, files):
            yield "the damaged file is gone"
    if damage.path.name.startswith("catalog") or (damage.kind == "swap" and damage.other.name.startswith("catalog")):
        return
    told: list[str] = []
    now: dict[str, str] = {}
    line = _one_line(lambda: now.update(shown(place.folder)), told)
    if line is not None:
        if reason is None:
            yield f"called whole, but cannot be opened: {line}"
        return
    yield from (f"{path} is another track now" for path in now if now[path] != place.before.get(path))
    missing = place.before.keys() - now.keys()
    of_part = damage.path.parts[0] == "parts" and not place.has_snapshot and not place.has_media
    if missing and not (of_part and reason):
        yield f"{sorted(missing)} are lost"


def _afterwards(place: Place) -> Iterator[str]:
    """What is wrong once the media are there again, and the library is repaired and updated."""
    told: list[str] = []

    def work() -> None:
        list(repair(place.folder, ANALYSER, [place.world.music], executor="inline"))
        with Library.open(place.folder) as library:
            list(ingest.add(library, [place.world.music], ANALYSER, executor="inline"))

    if (line := _one_line(work, told)) is not None:
        yield f"with the media it ends with: {line}"
        return
    yield from told
    if reason := what_is_left(place.folder):
        yield f"with the media it is not whole: {reason}"
    now, before = shown(place.folder), place.before
    same = slice(16) if "catalog" in place.damage.path.name + place.damage.other.name else slice(None)
    for path in before.keys() | now.keys():
        if now.get(path, "")[same] != before.get(path, "")[same]:
            yield f"with the media {path} is {'another track' if path in now else 'lost'}"


def _bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _kind_of(reason: str) -> str:
    for words in ("cannot be read now", "lost with a damaged part", "is missing", "is damaged", "cannot"):
        if words in reason:
            return words
    return "another reason"


class Maker:
    """Libraries to damage: one for every `_WORLD` numbers of a run, copied for each."""

    def __init__(self, seed: int, home: Path) -> None:
        self.seed, self.home, self._made = seed, home, (-1, False, {})

    def place(self, number: int) -> Place:
        """The library of that number, and what is to be done to it."""
        random = np.random.default_rng([self.seed, number])
        world = World(self.home / "world", 100_000 * self.seed + number // _WORLD)
        if self._made[0] != number // _WORLD:
            self._made = (number // _WORLD, *self._make(world))
        _, has_snapshot, before = self._made
        folder = world.home / "library"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(world.base, folder)
        files = [
            path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file() and path.stat().st_size
        ]
        files = [path for path in files if not path.name.endswith("-shm")]  # SQLite makes it anew
        files = [path for path in files if str(path) not in _OTHERS]
        kind = KINDS[int(random.integers(len(KINDS)))]
        if kind in _PASSING:
            files = [path for path in files if not path.name.endswith(_BY_OTHERS)]
        tops = sorted({path.parts[0] for path in files})  # parts, catalog, snapshot, ... alike
        top = tops[int(random.integers(len(tops)))]
        mine = [path for path in files if path.parts[0] == top]
        path = mine[int(random.integers(len(mine)))]
        others = [other for other in files if other != path]
        other = others[int(random.integers(len(others)))]
        damage = Damage(kind, path, other if kind == "swap" else path, (self.seed, number))
        has_media = bool(random.integers(2))
        return Place(world, folder, damage, before, has_media, has_snapshot)

    def _make(self, world: World) -> tuple[bool, dict[str, str]]:
        """Make the base, in a process of its own: whether it has a snapshot, and what it shows."""
        shutil.rmtree(world.home, ignore_errors=True)
        has_snapshot = world.seed % 4 != 1

        def work() -> dict[str, str]:
            if world.seed % _IMPORTED == 0:
                OPERATIONS["build"].prepare(world)
                ann_index.build(world.base)
            else:
                for number in range(8):
                    world.track(f"{'ab'[number % 2]}/{number}.mp3", number)
                with Library.create(world.base, ANALYSER.space) as library:
                    list(ingest.add(library, [world.music], ANALYSER, executor="inline"))
            before = shown(world.base)
            with closing(sqlite3.connect(world.base / CATALOG)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if not has_snapshot:
                (world.base / "manifest.json").unlink()
                shutil.rmtree(world.base / "snapshots")
                (world.base / "snapshots").mkdir()
            for name in _OTHERS:
                (world.base / name).parent.mkdir(exist_ok=True, parents=True)
                (world.base / name).write_text("of others")
            return before

        made = child(work)
        if made.failed:
            raise RuntimeError(f"{world.seed}: {made.failed}")
        return has_snapshot, made.value


def main(argv: Sequence[str] | None = None) -> int:
    """1 when anything was found, else 0."""
    given = _arguments().parse_args(argv)
    numbers = range(given.first, given.first + given.count) if given.only is None else [given.only]
    tally, start = Tally(), time.monotonic()
    in_small_batches()
    with tempfile.TemporaryDirectory(prefix="cliptune-damage-") as home:
        maker = Maker(given.seed, Path(home))
        suffered(
            maker.place(numbers[0])
        )  # what is imported and compiled in this process is there in each that it forks
        maker = Maker(given.seed, Path(home))
        for number in numbers:
            place = maker.place(number)
            ended = child(lambda place=place: suffered(place))
            found = [ended.failed] if ended.failed else ended.value["wrong"]
            tally.kinds[place.damage.kind] += 1
            tally.ends["failed" if ended.failed else ended.value["end"]] += 1
            if (number + 1) % 100 == 0:
                print(
                    f"{number + 1}: {sum(tally.kinds.values())} libraries, {len(tally.findings)} findings", flush=True
                )
            for fault in found:
                media = "with media" if place.has_media else "without media"
                tally.findings.append(f"{number}: {place.damage}, {media}: {fault}")
                print(tally.findings[-1], flush=True)
            if ended.failed or found:  # what it left of the world may be half done
                maker._made = (-1, False, {})
    ends = ", ".join(f"{count} {name}" for name, count in tally.ends.most_common())
    took = time.monotonic() - start
    print(f"{len(numbers)} libraries ({ends}), {took:.0f} s, {len(tally.findings)} findings")
    return int(bool(tally.findings))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.damage", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="how many libraries")
    parser.add_argument("--first", type=int, default=0, help="number of the first, to go on where a run ended")
    parser.add_argument("--seed", type=int, default=1, help="of the run")
    parser.add_argument("--only", type=int, help="number of a single library")
    return parser


if __name__ == "__main__":
    sys.exit(main())
