"""Tracks that lost their paths, and the files that have their bytes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from indexing.catalog.queries import Catalog
from indexing.catalog.writer import CatalogWriter
from indexing.disk.content_hash import content_hash
from indexing.disk.files import File, file_of
from indexing.ingest.events import Event, Mended
from indexing.ingest.scan import scan
from indexing.writing.writer import Writer
from recommender.tags import read_tags
from recommender.types import Modality, Track

Named = Mapping[str, str | None]  # tags of a track that its file may lack


def add_paths(catalog: CatalogWriter, track_id: int, track: Track, *, digest: bytes) -> None:
    """Give a track of the catalog the paths of one as the snapshot shows it, with its title and artist."""
    named = {"title": track.title, "artist": track.artist} if track.title != Path(track.path).stem else {}
    for path in (track.path, *track.copies):
        add_path(catalog, track.modality, track_id, path=path, digest=digest, named=named)


def add_path(
    catalog: CatalogWriter, modality: Modality, track_id: int, *, path: str, digest: bytes, named: Named | None = None
) -> None:
    """Give a track a path, unless other content is there now; a file out of reach is looked at when it is back."""
    file = File(path, 1, -1)
    with suppress(OSError, ValueError):
        status = Path(path).stat()
        if content_hash(Path(path)) != digest:
            return
        file = file_of(path, status)
    catalog.add_path(modality, track_id, file, tags={**(named or {}), **read_tags(Path(path))})


def relink(writer: Writer, folders: Sequence[str | Path] = ()) -> Iterator[Event]:
    """Give tracks without a path those of the files with their bytes, in `folders` and the library's own."""
    for modality in ("music", "video"):
        lost = writer.reading(partial(Catalog.pathless, modality=modality))
        if not lost:
            continue
        own = [root.path for root in writer.reading(Catalog.roots) if root.modality == modality]
        linked = 0
        for file in scan([*folders, *own], modality, follow_links=True).files:
            with suppress(OSError):
                digest = content_hash(Path(file.path))
                if digest in lost:
                    put = partial(add_path, modality=modality, track_id=lost[digest], path=file.path, digest=digest)
                    writer.apply(put)
                    linked += 1
        left = len(writer.reading(partial(Catalog.pathless, modality=modality)))
        hint = "; name the folders they are in: recommend index repair FOLDER..." if left else ""
        yield Mended(f"{linked} files were linked to tracks without a path, {left} tracks are left{hint}")
