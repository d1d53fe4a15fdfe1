"""A library in another model's space from the features it holds: no file is decoded again."""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from indexing.catalog import queries
from indexing.catalog.schema import contents, failures, tracks
from indexing.disk import parts
from indexing.duplicates import groups
from indexing.ingest.events import Event, Recoded, Warned
from indexing.writing import changes
from indexing.writing.writer import Writer
from recommender.types import Affect, Analyser, Array, Modality

_PATHS = ("path", "modality", "size", "mtime_ns", "title", "artist", "album", "genre", "licence")
_FAILURES = ("path", "modality", "size", "mtime_ns", "hash", "reason", "at")


class Todo(dict[int, list[Any]]):
    """Contents (rows of the catalog) to be coded anew, by the part they are in."""

    @property
    def contents(self) -> int:
        """How many there are."""
        return sum(map(len, self.values()))


def recodable(folder: Path, link: sa.Connection, old: int, new: int | None, analyser: Analyser) -> Todo:
    """What the space `old` holds of the features that the analyser's own source would measure, and `new` does not."""
    c, other = contents.c, contents.alias()
    query = sa.select(contents).where(c.space == old).order_by(c.part, c.first_row)
    if new is not None:
        same = (other.c.hash == c.hash) & (other.c.modality == c.modality) & (other.c.space == new)
        query = query.where(~sa.exists().where(same))
    infos, found = queries.known_parts(link), Todo()
    for part, several in itertools.groupby(link.execute(query).all(), key=lambda row: row.part):
        rows = list(several)
        if parts.source_of(folder, infos[part]) == analyser.source(rows[0].modality):
            found[part] = rows
    return found


def recode(writer: Writer, old: int, analyser: Analyser, todo: Todo) -> Iterator[Event]:
    """Code `todo` into the writer's space, each part in a transaction of its own; an event per track.

    Paths, tags, facts and remembered failures come along. A part that is damaged is Warned about: what was in it is
    left to be measured from its files.
    """
    for part, rows in todo.items():
        try:
            coded = _code(writer, part, rows, analyser)
        except parts.DamagedPartError as error:
            yield Warned(str(writer.folder), f"{error}; its tracks are measured again")
        else:
            yield from _commit(writer, part, rows, *coded)
    writer.apply(partial(_copy_recordings, old=old, new=writer.space_id))
    for modality in sorted({rows[0].modality for rows in todo.values()}):
        writer.apply(partial(_copy_failures, old=old, new=writer.space_id, modality=modality))


def _code(
    writer: Writer, part: int, wanted: Sequence[Any], analyser: Analyser
) -> tuple[parts.Part, Array, list[list[float]]]:
    """The part written for the contents `wanted`, where in it the first window of each is, and the affect of each.

    That is of the whole track: empty where none is known.
    """
    modality: Modality = wanted[0].modality
    info = writer.reading(queries.known_parts)[part]
    rows = parts.read_part(writer.folder, info, analyser.measured(modality))
    at, first, lead = parts.located(rows.hashes, rows.window, wanted)
    still = np.repeat([bool(c.facts.get("still")) for c in wanted], lead + [c.windows for c in wanted])
    coded = analyser.code(modality, rows.features[at], still)
    blobs = {name: _moved(parts.read_blobs(writer.folder, info, name), at) for name in parts.BLOBS}
    columns, source = analyser.stored(modality), analyser.source(modality)
    writer.describe(modality, columns, analyser.inputs(modality), source)
    kept = parts.Rows(rows.hashes[at], rows.window[at], rows.bounds[at], *coded)
    affects = [coded.affect[row - 1].tolist() if led else [] for row, led in zip(first, lead, strict=True)]
    return parts.write_part(writer.folder, kept, columns, source, blobs), first, affects


def _moved(blobs: dict[int, bytes], at: Array) -> dict[int, bytes]:
    """What stood in the rows `at` of a part, by their places in that list."""
    return {row: blobs[old] for row, old in enumerate(at.tolist()) if old in blobs}


def _commit(
    writer: Writer, part: int, rows: Sequence[Any], written: parts.Part, first: Array, affects: list[list[float]]
) -> Iterator[Event]:
    """Put the contents with their paths into the writer's space; an event per path once that is durable."""
    modality, paths = rows[0].modality, list[str]()

    def change(link: sa.Connection) -> list[str]:
        new = changes.add_part(link, writer.space_id, modality, written)
        values = []
        for row, at, affect in zip(rows, first.tolist(), affects, strict=True):
            known = {key: value for key, value in row._mapping.items() if key != "id"}
            scores = dict(zip(Affect._fields, affect, strict=True)) if affect else dict.fromkeys(Affect._fields)
            values.append(known | scores | {"space": writer.space_id, "part": new, "first_row": at})
        link.execute(sa.insert(contents), values)
        dead = _copy_paths(link, part, new, writer.space_id)
        changes.bump(link, writer.space_id)
        paths.extend(queries.paths_in(link, new))
        return dead

    writer.apply(change, [written])
    yield from map(Recoded, paths)


def _copy_paths(link: sa.Connection, part: int, new: int, space: int) -> list[str]:
    """Give the contents of the part `new` the paths of the same in `part`; names of parts that became useless.

    A path that has newer content in the space already keeps that.
    """
    before = contents.alias()
    query = sa.select(*(tracks.c[name] for name in _PATHS), sa.literal(space), contents.c.id)
    query = query.select_from(tracks.join(before, before.c.id == tracks.c.content))
    query = query.join(contents, (contents.c.hash == before.c.hash) & (contents.c.part == new))
    query = query.where(before.c.part == part)
    link.execute(sa.insert(tracks).prefix_with("OR IGNORE").from_select([*_PATHS, "space", "content"], query))
    mine = link.execute(sa.select(contents.c.id).where(contents.c.part == new)).scalars().all()
    return changes.collect(link, mine, ())[0]


def _copy_recordings(link: sa.Connection, old: int, new: int) -> list[str]:
    """The files are the same: so is what they are versions of. No part becomes useless."""
    groups.copy(link, old, new)
    changes.bump(link, new)
    return []


def _copy_failures(link: sa.Connection, old: int, new: int, modality: Modality) -> list[str]:
    """What could not be measured cannot be measured now: the source is the same. No part becomes useless."""
    f = failures.c
    query = sa.select(*(f[name] for name in _FAILURES), sa.literal(new)).where(f.space == old, f.modality == modality)
    link.execute(sa.insert(failures).prefix_with("OR IGNORE").from_select([*_FAILURES, "space"], query))
    return []
