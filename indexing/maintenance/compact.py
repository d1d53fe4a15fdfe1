"""A library without what it no longer needs: few large parts, no dead rows, a catalog without free pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from indexing.catalog import queries
from indexing.catalog.schema import contents, parts, tracks
from indexing.disk import parts as store
from indexing.disk.content_hash import SIZE
from indexing.disk.durable import translated, tree_bytes
from indexing.writing import changes
from indexing.writing.writer import Writer, writing
from recommender.types import Array, Modality

_FULL_BYTES = 64 << 20  # a part this large costs nothing to open any more, and fits memory a few times over
_MANY = 32  # small parts of one kind: one open, one footer and one seek each, where the store is read
_DEAD = 0.2  # of all rows: a fifth of the store, which the next reanalysis reads for nothing


@dataclass(frozen=True)
class Estimate:
    """What compaction would find, from the catalog alone.

    Attributes
    ----------
    parts, small: parts, and those of them that would be merged.
    rows, dead:   rows of the parts, and those of them that no track refers to.
    free_bytes:   of the catalog file.
    """

    parts: int
    small: int
    rows: int
    dead: int
    free_bytes: int

    @property
    def pays(self) -> bool:
        """Whether `recommend index compact` is worth its time."""
        return self.small >= _MANY or self.dead > _DEAD * self.rows

    def as_json(self) -> dict[str, Any]:
        """The estimate, JSON-ready."""
        advice = "recommend index compact" if self.pays else "not needed"
        return {
            "parts": self.parts,
            "small_parts": self.small,
            "dead_rows": self.dead,
            "free_bytes": self.free_bytes,
            "pays": self.pays,
            "advice": advice,
        }


@dataclass(frozen=True)
class Saved:
    """What a compaction did: parts, rows and bytes of the library before and after; `left` parts are damaged."""

    parts: tuple[int, int]
    rows: tuple[int, int]
    bytes: tuple[int, int]
    left: list[str]

    def __str__(self) -> str:
        dropped, saved = self.rows[0] - self.rows[1], (self.bytes[0] - self.bytes[1]) / 1e6
        return f"{self.parts[0]} parts are {self.parts[1]} now, {dropped} dead rows dropped, {saved:.1f} MB saved"


@dataclass(frozen=True)
class _Held:
    """A part with its tracks: the contents that it holds, as the catalog places them."""

    id: int
    space: int
    modality: Modality
    part: store.Part
    placed: list[Any]

    @property
    def live(self) -> int:
        """Rows that are needed: windows, and a row that describes each track that was not imported."""
        return sum(c.windows + (c.size > 0) for c in self.placed)


def estimate(link: sa.Connection) -> Estimate:
    """What compaction would find."""
    held = _held(link)
    small = [h for h in held if h.part.bytes < _FULL_BYTES // 2]
    rows = sum(h.part.rows for h in held)
    pages, size = (link.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("freelist_count", "page_size"))
    mergeable = len(small) if len(small) > 1 else 0
    return Estimate(len(held), mergeable, rows, rows - sum(h.live for h in held), pages * size)


def compact(folder: Path, wait_s: float = 0.0, full_bytes: int = _FULL_BYTES) -> Saved:
    """Merge small parts, drop dead rows and contents without a path, shrink the catalog, rebuild the snapshot.

    Every merged part is a transaction of its own: interrupted, the library is whole, and the next call goes on.
    Readers keep what they have open. A part that is damaged is left as it is. Raises LibraryLocked and LibraryError.
    """
    before = tree_bytes(folder)
    with writing(folder, wait_s=wait_s) as writer:
        first = writer.reading(_held)
        writer.apply(_drop_unused)
        left: list[str] = []
        for group in _groups(writer.folder, writer.reading(_held)):
            for batch in _batches(group, full_bytes):
                left += _merge(writer, batch)
        last = writer.reading(_held)
        writer.publish(always=True)
        with translated(folder, "shrink the catalog of the library at"):
            writer.database.shrink()
    rows = (sum(h.part.rows for h in first), sum(h.part.rows for h in last))
    return Saved((len(first), len(last)), rows, (before, tree_bytes(folder)), left)


def _held(link: sa.Connection) -> list[_Held]:
    """All parts with what they hold, by id."""
    c = contents.c
    placed: dict[int, list[Any]] = {}
    query = sa.select(c.id, c.part, c.first_row, c.windows, c.hash, c.size).order_by(c.part, c.first_row)
    for row in link.execute(query):
        placed.setdefault(row.part, []).append(row)
    infos = queries.known_parts(link)
    rows = link.execute(sa.select(parts.c.id, parts.c.space, parts.c.modality).order_by(parts.c.id)).all()
    return [_Held(r.id, r.space, r.modality, infos[r.id], placed.get(r.id, [])) for r in rows]


def _drop_unused(link: sa.Connection) -> list[str]:
    """Contents without a path, and parts without a content."""
    unused = sa.select(contents.c.id).where(contents.c.id.not_in(sa.select(tracks.c.content)))
    every = link.execute(sa.select(parts.c.id)).scalars().all()
    return changes.collect(link, link.execute(unused).scalars().all(), every)[0]


@dataclass
class _Loaded:
    """The living rows of a part as an Arrow table of all its columns, and where its contents begin in it."""

    table: Any
    held: _Held
    first: Array


def _groups(folder: Path, held: Sequence[_Held]) -> list[list[_Held]]:
    """Parts to be written anew, by what they may be merged with: one space, one modality, one set of columns."""
    groups: dict[Any, list[_Held]] = {}
    for one in held:
        if one.part.bytes < _FULL_BYTES // 2 or one.live < one.part.rows:
            groups.setdefault((one.space, one.modality, _kind(folder / store.FOLDER / one.part.name)), []).append(one)
    return [g for g in groups.values() if len(g) > 1 or g[0].live < g[0].part.rows]


def _kind(path: Path) -> bytes | str:
    """What the columns of a part are, its notes included; its own name where it cannot be read."""
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
    except (OSError, ValueError, KeyError):
        return path.name
    return bytes(schema.serialize())


def _batches(group: Sequence[_Held], full_bytes: int) -> Iterator[list[_Held]]:
    """Runs of parts that make a full one each; the last may be a small one of its own that stays as it is."""
    batch: list[_Held] = []
    for one in group:
        batch.append(one)
        if sum(h.part.bytes for h in batch) >= full_bytes:
            yield batch
            batch = []
    if len(batch) > 1 or (batch and batch[0].live < batch[0].part.rows):
        yield batch


def _merge(writer: Writer, batch: Sequence[_Held]) -> list[str]:
    """Write the living rows of some parts as one, which takes their place; the names of parts left out, damaged."""
    import pyarrow as pa

    loaded = {held.part.name: _load(writer.folder, held) for held in batch}
    sound = [one for one in loaded.values() if one is not None]
    damaged = [name for name, one in loaded.items() if one is None]
    if len(sound) > 1 or (sound and sound[0].held.live < sound[0].held.part.rows):
        part = store.write_table(writer.folder, pa.concat_tables([one.table for one in sound]))
        writer.apply(lambda link: _replace(link, sound, part), [part])
    return damaged


def _load(folder: Path, held: _Held) -> _Loaded | None:
    """What is alive in a part; None when it is not as it was written: what is damaged is never written anew."""
    import pyarrow.parquet as pq

    path = folder / store.FOLDER / held.part.name
    try:
        if store.checksum(path) != held.part.checksum:
            return None
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read(use_threads=False).combine_chunks()
        hashes = np.frombuffer(b"".join(table["hash"].to_pylist()), np.uint8).reshape(len(table), SIZE)
        at, first, _ = store.located(hashes, table["window"].to_numpy(), held.placed)
        return _Loaded(table.take(at), held, first)
    except (OSError, ValueError, KeyError, store.DamagedPartError):
        return None


def _replace(link: sa.Connection, sound: Sequence[_Loaded], part: store.Part) -> list[str]:
    """Refer to the merged part in place of those it was made of; their names."""
    old = [one.held.id for one in sound]
    held = sound[0].held
    new, begin = changes.add_part(link, held.space, held.modality, part), 0
    for one in sound:
        moved = [
            {"content": c.id, "row": begin + at} for c, at in zip(one.held.placed, one.first.tolist(), strict=True)
        ]
        here = sa.update(contents).where(contents.c.id == sa.bindparam("content"))
        link.execute(here.values(part=new, first_row=sa.bindparam("row")), moved)
        begin += len(one.table)
    link.execute(sa.delete(parts).where(parts.c.id.in_(old)))
    return [one.held.part.name for one in sound]
