"""A damaged catalog brought back: from the rows that can still be read, from the parts, and from the snapshot.

The damaged file is kept beside the new one. What a part holds of tracks that the catalog lost comes back from it; their
paths from the snapshot, or from files with the same content in folders that are looked through. Nothing is decoded.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from indexing.catalog.changes import plain
from indexing.catalog.salvage import Remade, find_elsewhere, flaw_of, keep_damaged, reindex, remaking
from indexing.catalog.writer import CatalogWriter
from indexing.disk import parts
from indexing.disk.aside import set_aside
from indexing.disk.durable import PARTIAL, library_errors, publish
from indexing.disk.locations import CATALOG
from indexing.disk.lock import lock
from indexing.duplicates.groups import Versions, fingerprints_of
from indexing.ingest.events import Event, Mended
from indexing.maintenance.relink import add_paths
from indexing.snapshot import snapshot
from indexing.snapshot.known import Known
from recommender.conditions import READ
from recommender.logs import getLogger
from recommender.model import Model
from recommender.types import Affect, Modality, Track

_BOTH: tuple[Modality, ...] = ("music", "video")
_SAMPLE = 64  # rows coded again to see whether a part is of the model's present revision
_NEAR = 1e-3
_CHUNK = 500  # tracks whose fingerprints are in memory at a time
_log = getLogger(__name__)


def bring_back(folder: Path, analyser: Model, wait_s: float = 0.0) -> Iterator[Event]:
    """Replace a catalog that SQLite calls damaged, or that is lost, atomically; nothing happens to a sound one.

    Raises LibraryError for one of a later version, UnreadPartError where a part cannot be read now.
    """
    with library_errors(folder, "read the library at"):
        flaw = flaw_of(folder)
    if flaw is None:
        return
    _log.info("%s: %s; it is made again", folder, flaw)
    with lock(folder, wait_s), library_errors(folder, "write to the library at"):
        yield Mended(flaw)
        if (found := find_elsewhere(folder)) is not None:
            if (folder / CATALOG).exists():
                yield Mended(f"what was in its place is kept as {set_aside(folder, folder / CATALOG)}")
            publish(found, folder / CATALOG)
            yield Mended(f"it was found as {found.relative_to(folder)} and is back in its place")
            return
        if reindex(folder):
            yield Mended("its indexes were made anew")
            return
        fresh = folder / (PARTIAL + CATALOG)
        yield from _remade(folder, fresh, analyser)
        kept = keep_damaged(folder)
        publish(fresh, folder / CATALOG)
        yield Mended("a new catalog is in its place" + (f", the damaged one is kept as {kept.name}" if kept else ""))


def _remade(folder: Path, fresh: Path, analyser: Model) -> Iterator[Event]:
    """Write the new catalog to `fresh`."""
    with remaking(fresh) as catalog:
        paths, tracks = catalog.take_rows(folder / CATALOG, analyser.space)
        yield Mended(f"{paths} paths and {tracks} tracks could be read from it")
        yield from _from_parts(folder, catalog, analyser)
        catalog.drop_unplaced()
        _group(folder, catalog)


def _group(folder: Path, catalog: Remade) -> None:
    """Group versions of one recording by the fingerprints that the parts hold: groups may be among what is lost."""
    known, infos, rows = Versions(folder, catalog.space_id), catalog.parts(), catalog.placements(modality="music")
    for at in range(0, len(rows), _CHUNK):
        known.take(catalog, list(fingerprints_of(folder, infos, rows[at : at + _CHUNK])))


def _from_parts(folder: Path, catalog: Remade, analyser: Model) -> Iterator[Event]:
    """Bring back the tracks that parts hold and the catalog lost."""
    known = {info.name: key for key, info in catalog.parts().items()}
    remembered, back = _remember(folder), 0
    catalog.loosen()
    for path in sorted(filter(Path.is_file, (folder / parts.FOLDER).glob("*.parquet")), key=_age):
        modality = _modality(folder, catalog, path, analyser=analyser)
        if modality is None:
            if path.name not in known:
                yield Mended(f"nothing could be made of {path.name}; it is kept as {set_aside(folder, path)}")
            continue
        rows = parts.read_part(folder, parts.part_at(path)[0], ())
        if path.name not in known:
            part = parts.Part(path.name, len(rows), path.stat().st_size, parts.checksum(path))
            known[path.name] = catalog.add_part(modality, part)
        for digest, values, vector in _tracks_in(known[path.name], rows):
            back += _put(catalog, modality, digest, values=values, track=remembered.get(vector))
    give_paths(folder, catalog)
    if back:
        yield Mended(f"{back} tracks came back from the parts")


def _age(path: Path) -> tuple[int, str]:
    """A key that sorts younger files first: they hold the later analysis of a track that two of them hold."""
    return -path.stat().st_mtime_ns, path.name


def _modality(folder: Path, catalog: Remade, path: Path, *, analyser: Model) -> Modality | None:
    """What a part is of, where it is whole and of the space; None otherwise."""
    try:
        info, columns = parts.part_at(path)
        modality = catalog.modality_of(path.name) or next(filter(partial(_fits, folder, info, analyser), _BOTH), None)
        if modality is not None:
            parts.read_part(folder, info, ())
    except parts.DamagedPartError:
        return None
    if modality is not None:
        catalog.describe(modality, columns, analyser.inputs(modality) if columns else ())
    return modality


def _fits(folder: Path, info: parts.Part, analyser: Model, modality: Modality) -> bool:
    """Whether a part holds what the analyser computes today of its features."""
    if parts.source_of(folder, info) != analyser.source(modality):
        return False
    rows = parts.read_part(folder, info, analyser.source_columns(modality))
    sample = rows.features[:_SAMPLE]
    if not sample.shape[1] or rows.vectors.shape[1] != analyser.space.dim:
        return False
    lengths_s = np.ptp(rows.bounds[:_SAMPLE], axis=1)
    coded = analyser.code(modality, sample, np.zeros(len(sample), bool), lengths_s=lengths_s).vectors
    return bool((np.einsum("nd,nd->n", coded, rows.vectors[:_SAMPLE]) > 1 - _NEAR).all())


def _tracks_in(part: int, rows: parts.Rows) -> Iterator[tuple[bytes, dict[str, Any], bytes]]:
    """The tracks in a part: hash, what the catalog has of each, and the bytes of its first vector."""
    for digest, at, count in parts.tracks_in(rows):
        lead = at > 0 and bool(rows.window[at - 1] == parts.ITEM)
        affect = rows.affect[at - 1].tolist() if lead else []
        values = {"size": 0, "part": part, "first_row": at, "windows": count, "facts": {}}
        values["duration_s"] = float(rows.bounds[at - 1 if lead else at + count - 1, 1])
        values |= dict(zip(Affect._fields, affect or [None] * len(Affect._fields), strict=True))
        yield digest, values, rows.vectors[at].tobytes()


def _remember(folder: Path) -> dict[bytes, Track]:
    """Tracks as the snapshot shows them, by the bytes of their first vector."""
    found: dict[bytes, Track] = {}
    for modality, known in _published(folder).items():
        for segment in known.segments:
            for at in np.flatnonzero(segment.alive).tolist():
                if (track := known.track(int(segment.ids[at]), modality)) is not None:
                    found[segment.vectors[segment.offsets[at]].tobytes()] = track
    return found


def _published(folder: Path) -> dict[Modality, Known]:
    published = snapshot.load_or_none(folder)
    return {} if published is None else published.facts


def _put(catalog: Remade, modality: Modality, digest: bytes, *, values: dict[str, Any], track: Track | None) -> bool:
    """Whether a track was lost or out of place: it is back, one that was lost with its paths in the snapshot."""
    facts = {} if track is None else {one.name: getattr(track, one.name) for one in READ if one.kept == "facts"}
    values["facts"] = {name: plain(value) for name, value in facts.items() if value is not None}
    back = catalog.put_back(modality, digest, values)
    if back is not None and back[1] and track is not None:
        add_paths(catalog, back[0], track, digest=digest)
    return back is not None


def give_paths(folder: Path, catalog: CatalogWriter) -> None:
    """Give tracks that kept their rows but lost their paths those that the snapshot has for them."""
    for modality, known in _published(folder).items():
        for digest, track_id in catalog.pathless(modality).items():
            if (track := known.track(track_id, modality)) is not None:
                add_paths(catalog, track_id, track, digest=digest)
