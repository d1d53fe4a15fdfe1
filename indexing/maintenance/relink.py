"""Contents that lost their paths, and the files that have their bytes."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType

import sqlalchemy as sa

from indexing.catalog import queries
from indexing.catalog.schema import contents, tracks
from indexing.disk.content_hash import fingerprint
from indexing.disk.files import File
from indexing.ingest.events import Event, Mended
from indexing.ingest.scan import scan
from indexing.writing.writer import Writer
from recommender.tags import read_tags
from recommender.types import Modality, Track


def link_all(link: sa.Connection, space: int, content: int, track: Track, digest: bytes) -> None:
    """Give a content the paths of a track as the snapshot shows it, with its title and artist."""
    named = {"title": track.title, "artist": track.artist} if track.title != Path(track.path).stem else {}
    for path in (track.path, *track.copies):
        _link(link, space, track.modality, content, path, digest, named)


def _link(
    link: sa.Connection,
    space: int,
    modality: Modality,
    content: int,
    path: str,
    digest: bytes,
    named: Mapping[str, str | None] = MappingProxyType({}),
) -> None:
    """Give a content a path, unless another content is there now; a file out of reach is looked at when it is back."""
    file = File(path, 1, -1)
    with suppress(OSError, ValueError):
        status = Path(path).stat()
        if fingerprint(Path(path)) != digest:
            return
        file = File(path, status.st_size, status.st_mtime_ns)
    tags = dict(named) | {name: value for name, value in read_tags(Path(path)).items() if name in tracks.c}
    values = {"path": os.fsencode(path), "size": file.size, "mtime_ns": file.mtime_ns, "content": content, **tags}
    row = sa.insert(tracks).prefix_with("OR IGNORE").values(space=space, modality=modality, **values)
    link.execute(sa.update(contents).where(contents.c.id == content, contents.c.size == 0).values(size=file.size))
    link.execute(row)


def relink(writer: Writer, folders: Sequence[str | Path] = ()) -> Iterator[Event]:
    """Give contents without a path those of the files with their bytes, in `folders` and the library's own."""
    for modality in ("music", "video"):
        lost = writer.reading(partial(pathless, space=writer.space_id, modality=modality))
        if not lost:
            continue
        own = [root.path for root in writer.reading(queries.all_roots) if root.modality == modality]
        linked = 0
        for file in scan([*folders, *own], modality).files:
            with suppress(OSError):
                digest = fingerprint(Path(file.path))
                if digest in lost:
                    put = partial(_linked, writer.space_id, modality, lost[digest], file.path, digest)
                    writer.apply(put)
                    linked += 1
        left = len(writer.reading(partial(pathless, space=writer.space_id, modality=modality)))
        hint = "; name the folders they are in: recommend index repair FOLDER..." if left else ""
        yield Mended(f"{linked} files were linked to tracks without a path, {left} tracks are left{hint}")


def _linked(space: int, modality: Modality, content: int, path: str, digest: bytes, link: sa.Connection) -> list[str]:
    _link(link, space, modality, content, path, digest)
    return []


def pathless(link: sa.Connection, space: int, modality: Modality) -> dict[bytes, int]:
    """Contents without a path by their hash."""
    c = contents.c
    query = sa.select(c.hash, c.id).where(c.space == space, c.modality == modality)
    return {row.hash: row.id for row in link.execute(query.where(c.id.not_in(sa.select(tracks.c.content))))}
