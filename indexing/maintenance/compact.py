"""A library without what it no longer needs: few large parts, no dead rows, a catalog without free pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexing.catalog.queries import Catalog
from indexing.catalog.rows import Held
from indexing.catalog.writer import CatalogWriter
from indexing.disk import parts
from indexing.disk.durable import library_errors, tree_bytes
from indexing.writing.writer import Writer, writing

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
        found = {"parts": self.parts, "small_parts": self.small, "dead_rows": self.dead, "free_bytes": self.free_bytes}
        return found | {"pays": self.pays, "advice": advice}


@dataclass(frozen=True)
class Saved:
    """What a compaction did: parts, rows and bytes of the library before and after; `left` parts could not be read."""

    parts: tuple[int, int]
    rows: tuple[int, int]
    bytes: tuple[int, int]
    left: list[str]
    why: str = ""

    def __str__(self) -> str:
        dropped, saved = self.rows[0] - self.rows[1], (self.bytes[0] - self.bytes[1]) / 1e6
        return f"{self.parts[0]} parts are {self.parts[1]} now, {dropped} dead rows dropped, {saved:.1f} MB saved"


def estimate(catalog: Catalog) -> Estimate:
    """What compaction would find."""
    held = catalog.parts_with_tracks()
    small = [h for h in held if h.part.bytes < _FULL_BYTES // 2]
    rows = sum(h.part.rows for h in held)
    mergeable = len(small) if len(small) > 1 else 0
    return Estimate(len(held), mergeable, rows, rows - sum(h.live for h in held), catalog.free_bytes())


def compact(folder: Path, wait_s: float = 0.0, full_bytes: int = _FULL_BYTES) -> Saved:
    """Merge small parts, drop dead rows and tracks without a path, shrink the catalog, rebuild the snapshot.

    Every merged part is a transaction of its own: interrupted, the library is whole, and the next call goes on.
    Readers keep what they have open. A part that is damaged, or cannot be read now, is left as it is. Raises
    LibraryLocked and LibraryError.
    """
    before = tree_bytes(folder)
    with writing(folder, wait_s=wait_s) as writer:
        first = writer.reading(Catalog.parts_with_tracks)
        writer.apply(CatalogWriter.drop_unused)
        left: dict[str, str] = {}
        for group in _groups(writer.folder, writer.reading(Catalog.parts_with_tracks)):
            for batch in _batches(group, full_bytes):
                left |= _merge(writer, batch)
        last = writer.reading(Catalog.parts_with_tracks)
        writer.publish(always=True, whole=True)
        with library_errors(folder, "shrink the catalog of the library at"):
            writer.catalog.shrink()
    rows = (sum(h.part.rows for h in first), sum(h.part.rows for h in last))
    return Saved((len(first), len(last)), rows, (before, tree_bytes(folder)), list(left), next(iter(left.values()), ""))


def _groups(folder: Path, held: Sequence[Held]) -> list[list[Held]]:
    """Parts to be written anew, by what they may be merged with: one space, one modality, one set of columns."""
    groups: dict[Any, list[Held]] = {}
    for one in held:
        if one.part.bytes < _FULL_BYTES // 2 or one.live < one.part.rows:
            groups.setdefault((one.space, one.modality, parts.kind_of(folder, one.part)), []).append(one)
    return [g for g in groups.values() if len(g) > 1 or g[0].live < g[0].part.rows]


def _batches(group: Sequence[Held], full_bytes: int) -> Iterator[list[Held]]:
    """Runs of parts that make a full one each; the last may be a small one of its own that stays as it is."""
    batch: list[Held] = []
    for one in group:
        batch.append(one)
        if sum(h.part.bytes for h in batch) >= full_bytes:
            yield batch
            batch = []
    if len(batch) > 1 or (batch and batch[0].live < batch[0].part.rows):
        yield batch


def _merge(writer: Writer, batch: Sequence[Held]) -> dict[str, str]:
    """Write the living rows of some parts as one, which takes their place; parts left out, and why."""
    sound, tables, left, first = list[Held](), list[Any](), dict[str, str](), dict[int, int]()
    for held in batch:
        try:
            table, starts = parts.read_living(writer.folder, held.part, held.placed)
        except (parts.DamagedPartError, parts.UnreadPartError) as error:  # what is damaged is never written anew
            left[held.part.name] = str(error)
            continue
        begin = sum(map(len, tables))
        first |= {row.id: begin + at for row, at in zip(held.placed, starts.tolist(), strict=True)}
        sound.append(held)
        tables.append(table)
    if len(sound) > 1 or (sound and sound[0].live < sound[0].part.rows):
        part, old = parts.write_merged(writer.folder, tables), [held.id for held in sound]
        space, modality = sound[0].space, sound[0].modality
        writer.apply(lambda catalog: catalog.beside(space).merge_parts(old, modality, part, first=first), [part])
    return left
