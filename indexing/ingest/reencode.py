"""A library in another model's space from the features it holds: no file is decoded again."""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from indexing.catalog.queries import Catalog
from indexing.catalog.writer import CatalogWriter
from indexing.disk import parts
from indexing.ingest.events import Event, Recoded, Warned
from indexing.writing.writer import Writer
from recommender.model import Model
from recommender.types import Array, Modality


class Todo(dict[int, list[Any]]):
    """Tracks (rows of `Catalog.lacking`) to be coded anew, by the part they are in."""

    @property
    def tracks(self) -> int:
        """How many there are."""
        return sum(map(len, self.values()))


def recodable(folder: Path, catalog: Catalog, new: int | None, *, analyser: Model) -> Todo:
    """What the catalog's space holds of the features that the analyser's source would measure, and `new` does not."""
    infos, found = catalog.parts(), Todo()
    for part, several in itertools.groupby(catalog.lacking(new), key=lambda row: row.part):
        rows = list(several)
        if parts.source_of(folder, infos[part]) == analyser.source(rows[0].modality):
            found[part] = rows
    return found


def recode(writer: Writer, old: int, analyser: Model, *, todo: Todo) -> Iterator[Event]:
    """Code `todo` into the writer's space, each part in a transaction of its own; an event per track.

    Paths, tags, facts and remembered failures come along. A part that is damaged is Warned about: what was in it is
    left to be measured from its files.
    """
    for part, rows in todo.items():
        try:
            coded = _code(writer, part, rows, analyser=analyser)
        except parts.DamagedPartError as error:
            yield Warned(str(writer.folder), f"{error}; its tracks are measured again")
        else:
            yield from _commit(writer, rows, *coded)
    writer.apply(lambda catalog: catalog.copy_recordings(old))
    for modality in sorted({rows[0].modality for rows in todo.values()}):
        writer.apply(partial(CatalogWriter.copy_failures, space=old, modality=modality))


def _code(
    writer: Writer, part: int, wanted: Sequence[Any], *, analyser: Model
) -> tuple[parts.Part, Array, list[list[float]]]:
    """The part written for the tracks `wanted`, where in it the first window of each is, and the affect of each.

    That is of the whole track: empty where none is known.
    """
    modality: Modality = wanted[0].modality
    info = writer.reading(Catalog.parts)[part]
    rows = parts.read_part(writer.folder, info, analyser.source_columns(modality))
    at, first, lead = parts.locate(rows.hashes, rows.window, wanted)
    still = np.repeat([bool(c.facts.get("still")) for c in wanted], lead + [c.windows for c in wanted])
    coded = analyser.code(modality, rows.features[at], still, lengths_s=np.ptp(rows.bounds[at], axis=1))
    blobs = {name: _move(parts.read_blobs(writer.folder, info, name), at) for name in parts.BLOBS}
    columns, source = analyser.library_columns(modality), analyser.source(modality)
    writer.describe(modality, columns, analyser.inputs(modality), source=source)
    kept = parts.Rows(rows.hashes[at], rows.window[at], rows.bounds[at], *coded)
    affects = [coded.affect[row - 1].tolist() if led else [] for row, led in zip(first, lead, strict=True)]
    return parts.write_part(writer.folder, kept, columns, source=source, blobs=blobs), first, affects


def _move(blobs: dict[int, bytes], at: Array) -> dict[int, bytes]:
    """What stood in the rows `at` of a part, by their places in that list."""
    return {row: blobs[old] for row, old in enumerate(at.tolist()) if old in blobs}


def _commit(
    writer: Writer, rows: Sequence[Any], written: parts.Part, first: Array, affects: list[list[float]]
) -> Iterator[Event]:
    """Put the tracks with their paths into the writer's space; an event per path once that is durable."""
    paths = list[str]()

    def change(catalog: CatalogWriter) -> list[str]:
        dead, found = catalog.copy_tracks(rows, written, first=first.tolist(), affects=affects)
        paths.extend(found)
        return dead

    writer.apply(change, [written])
    yield from map(Recoded, paths)
