"""Vectors that were computed elsewhere as a library: embeddings of a space of their own, or features for a model."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexing.catalog.writer import CatalogWriter
from indexing.disk import parts
from indexing.disk.content_hash import SIZE, of_name
from indexing.ingest.import_ids import Ids, read_ids
from indexing.library import Library
from indexing.writing.writer import Writer, writing
from recommender.errors import Argument, InputError
from recommender.model import Model
from recommender.model.imported import ImportedVectors
from recommender.opening import check_regular, map_array
from recommender.text import show
from recommender.types import Array, Coded, Modality

_PART_BYTES = 1 << 26  # of vectors and features per part
_BLOCK_ROWS = 1 << 14  # rows looked at, or encoded, at a time
MOST_BYTES = 1 << 40
MOST_DIMENSIONS = 1 << 16
"""Most bytes of a file of vectors, and most numbers of a vector."""
_MOST_UNASKED, _MOST_GROWTH = 1 << 28, 100  # what a Parquet file may grow to: bytes, and times its size beyond these
_MOST_ID = 1 << 12  # letters
_WIDTH = {"DOUBLE": 8, "INT64": 8, "FLOAT": 4, "INT32": 4, "INT96": 12, "BYTE_ARRAY": 4}  # bytes of a value at least


@dataclass(frozen=True)
class Imported:
    """What an import brought: distinct tracks, vectors, their dimension, and tracks that were there before."""

    tracks: int
    windows: int
    dim: int
    replaced: int


def import_vectors(
    library: str | Path,
    vectors_file: str | Path,
    ids_file: str | Path | None,
    *,
    space: str | Model,
    modality: Modality = "music",
    wait_s: float = 0.0,
) -> Imported:
    """What was imported: a row of the vectors per row of the ids, rows of an equal id are windows of one track.

    Parameters
    ----------
    library: a name or folder; made when absent. An id that is there already is replaced.
    vectors_file: a .npy of floats [n, d], or Parquet with a list column `vector` (and `id`, without `ids_file`).
    ids_file: CSV or Parquet with a column `id`, and what else is known of the tracks; or None.
    space: the name of their space, Space(name, "imported", d), or the model that reads them as features.
    modality: what they are of. wait_s: how long to wait for another writer.

    Raises InputError naming the first bad row, and LibraryError.
    """
    if not space:
        raise InputError("the space needs a name: queries must come from the same encoder")
    vectors, own_ids = load_vectors(Path(vectors_file))
    if ids_file is None and own_ids is None:
        raise InputError(f"{show(vectors_file)} holds no ids; give a table of them with ", Argument("ids", "ids.csv"))
    ids = read_ids(Path(ids_file)) if ids_file is not None else Ids.plain(own_ids or [])
    source = ids_file if ids_file is not None else vectors_file
    if len(ids) != len(vectors):
        raise InputError(f"{show(source)} has {len(ids)} rows, {show(vectors_file)} has {len(vectors)} vectors")
    _check(vectors, Path(vectors_file), direction=isinstance(space, str))
    coder = ImportedVectors(space, int(vectors.shape[1])) if isinstance(space, str) else space
    coder.code(modality, vectors[:1], np.zeros(1, bool))  # values that the coder does not take make no empty library
    with Library.open_or_create(library, coder.space) as opened:
        folder = opened.folder
    with writing(folder, coder.space, wait_s) as writer:
        writer.describe(
            modality, coder.library_columns(modality), coder.inputs(modality), source=coder.source(modality)
        )
        replaced = _Import(writer, vectors, ids, modality, coder).run()
        writer.publish()
    return Imported(ids.groups, len(ids), coder.space.dim, replaced)


def load_queries(path: str | Path, direction: bool = True) -> Iterator[tuple[str, Array]]:
    """Query vectors float64 [d] with their names, from a .npy [d] or [n, d], or a Parquet file as above.

    `direction`: whether a row of zeros is refused; features may be all zero.
    """
    vectors, ids = load_vectors(Path(path), flat=True)
    _check(vectors, Path(path), direction)
    for row, vector in enumerate(vectors):
        name = ids[row] if ids is not None else show(path) if len(vectors) == 1 else f"{show(path)}[{row}]"
        yield name, np.asarray(vector, np.float64)


def load_vectors(path: Path, flat: bool = False) -> tuple[Array, list[str] | None]:
    """Vectors [n, d] (mapped where that is possible) and their ids, where the file holds some.

    `flat` lets a single vector [d] pass. Raises InputError for anything else.
    """
    try:
        size = check_regular(path, MOST_BYTES)
    except FileNotFoundError as error:
        raise InputError(f"no such file: {show(path)}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {show(path)}: {getattr(error, 'strerror', None) or error}") from error
    vectors, ids = _read(path, size, flat)
    if vectors.shape[1] > MOST_DIMENSIONS:
        raise InputError(f"{show(path)}: vectors of {vectors.shape[1]:,} numbers; at most {MOST_DIMENSIONS:,} are read")
    return vectors, ids


def _read(path: Path, size: int, flat: bool) -> tuple[Array, list[str] | None]:
    if path.suffix.lower() in (".parquet", ".pq"):
        return _from_parquet(path, size)
    try:
        vectors: Array = map_array(path)
    except (ValueError, OSError) as error:
        raise InputError(f"{show(path)} is no NumPy array of numbers (.npy), nor a .parquet file") from error
    if not isinstance(vectors, np.ndarray) or vectors.dtype.kind != "f":
        raise InputError(f"{show(path)} does not hold one array of float16, float32 or float64")
    vectors = vectors[None] if flat and vectors.ndim == 1 else vectors
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise InputError(f"{show(path)} has shape {list(vectors.shape)}; one row per vector is needed: [n, d]")
    return vectors, None


def _from_parquet(path: Path, size: int) -> tuple[Array, list[str] | None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        names = schema.names
        is_long = pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary
        long = [n for n in names if n == "id" and any(kind(schema.field(n).type) for kind in is_long)]
        with pq.ParquetFile(path, read_dictionary=long) as file:  # equal texts once: each may be long
            if "vector" not in names:
                raise InputError(f"{show(path)} has no column 'vector'; it has: {', '.join(map(show, names))}")
            table = _table(file, [n for n in ("vector", "id") if n in names], path, size=size)
        column = table["vector"].combine_chunks()
        column = column.chunk(0) if hasattr(column, "chunk") and column.num_chunks == 1 else column
        if column.null_count:
            raise InputError(f"{show(path)}: a vector is missing (null) in row {column.is_null().index(True).as_py()}")
        flat = column.flatten().to_numpy(zero_copy_only=False)
        lengths = np.diff(np.asarray(column.offsets)) if hasattr(column, "offsets") else None
    except (pa.ArrowException, OSError, AttributeError) as error:
        raise InputError(f"{show(path)} is no Parquet file with a list column 'vector' of numbers") from error
    if lengths is not None and len(lengths) and (lengths != lengths[0]).any():
        row = int(np.flatnonzero(lengths != lengths[0])[0])
        raise InputError(f"{show(path)}: row {row} has {lengths[row]} numbers, the first row has {lengths[0]}")
    if len(column) == 0 or flat.dtype.kind not in "fiu" or len(flat) == 0:
        raise InputError(f"{show(path)} holds no vectors of numbers")
    ids = _ids(table["id"], path) if "id" in table.schema.names else None
    return flat.reshape(len(column), -1), ids


def _table(file: Any, columns: list[str], path: Path, *, size: int) -> Any:
    """The columns of a Parquet file of `size` bytes, read piece by piece and never more than such a file may hold.

    A dictionary or a run of equal values makes gigabytes of a few bytes; what the file says of that is checked before
    anything is read, and not believed after.
    """
    import pyarrow as pa

    most = max(_MOST_UNASKED, size * _MOST_GROWTH)
    told = sum(
        max(chunk.total_uncompressed_size, chunk.num_values * _WIDTH.get(chunk.physical_type, 0))
        for group in map(file.metadata.row_group, range(file.metadata.num_row_groups))
        for chunk in map(group.column, range(group.num_columns))
        if chunk.path_in_schema.partition(".")[0] in columns
    )
    batches, held = [], 0
    if told <= most:
        for batch in file.iter_batches(_BLOCK_ROWS, columns=columns):
            batches.append(batch)
            held += batch.nbytes
            if held > most:
                break
    if max(told, held) > most:
        what = f"says that it holds {max(told, held) / 1e9:,.1f} GB, {max(told, held) // max(size, 1):,} times its size"
        raise InputError(f"{show(path)} {what}: refused; write the vectors as .npy")
    return pa.Table.from_batches(batches, pa.schema([file.schema_arrow.field(name) for name in columns]))


def _ids(column: Any, path: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.compute as pc

    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type) and (pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0) > _MOST_ID:
            raise InputError(f"{show(path)}: an id is longer than {_MOST_ID:,} letters")
    return [str(i) for i in column.to_pylist()]


def _check(vectors: Array, path: Path, direction: bool) -> None:
    """Raise InputError for the first row (counted from 0) that is not finite or, if wanted, has no direction."""
    for at in range(0, len(vectors), _BLOCK_ROWS):
        with np.errstate(over="ignore", invalid="ignore"):  # a signalling NaN in a foreign file warns on casting
            norms = np.linalg.norm(np.asarray(vectors[at : at + _BLOCK_ROWS], np.float64), axis=1)
        bad = np.flatnonzero(~np.isfinite(norms) | (direction & (norms == 0)))
        if len(bad):
            row = at + int(bad[0])
            what = "is zero" if norms[bad[0]] == 0 else "holds numbers that are not finite (NaN or infinity)"
            raise InputError(f"{show(path)}: row {row} (counted from 0) {what}; every vector needs a direction")


class _Import:
    """One import: columns to parts, then everything into the catalog in one transaction."""

    def __init__(self, writer: Writer, vectors: Array, ids: Ids, modality: Modality, coder: Model) -> None:
        self.writer, self.vectors, self.ids, self.modality, self.coder = writer, vectors, ids, modality, coder
        self.hashes = np.frombuffer(b"".join(map(of_name, ids.names)), np.uint8).reshape(-1, SIZE)
        self.order, self.starts = ids.group_by_id()

    def run(self) -> int:
        """Write and commit; the number of ids that were there before."""
        cuts = self._cuts()
        written: list[parts.Part] = []
        try:
            for first, last in itertools.pairwise(cuts):
                written.append(self._write(first, last))
        except BaseException:
            self.writer.discard([part.name for part in written])
            raise
        replaced = 0

        def change(catalog: CatalogWriter) -> list[str]:
            nonlocal replaced
            replaced, dead = self._commit(catalog, cuts, written)
            return dead

        self.writer.apply(change, written)
        return replaced

    def _cuts(self) -> list[int]:
        """Group numbers at which parts begin: no track lies in two."""
        cuts = [0]
        most = _PART_BYTES // (4 * (self.coder.space.dim + len(self.coder.library_columns(self.modality))))
        for group in range(1, len(self.starts) - 1):
            if self.starts[group + 1] - self.starts[cuts[-1]] > most:
                cuts.append(group)
        return [*cuts, len(self.starts) - 1]

    def _write(self, first: int, last: int) -> parts.Part:
        rows = self.order[self.starts[first] : self.starts[last]]
        counts = np.diff(self.starts[first : last + 1])
        blocks = [self._encode(rows[at : at + _BLOCK_ROWS]) for at in range(0, len(rows), _BLOCK_ROWS)]
        coded = Coded(*map(np.concatenate, zip(*blocks, strict=True)))
        starts = self.starts[first:last] - self.starts[first]
        data = parts.Rows(
            np.repeat(self.hashes[first:last], counts, axis=0),
            (np.arange(len(rows)) - np.repeat(starts, counts)).astype(np.int32),
            self.ids.bounds[rows],
            *coded,
        )
        columns, source = self.coder.library_columns(self.modality), self.coder.source(self.modality)
        return parts.write_part(self.writer.folder, data, columns, source=source)

    def _encode(self, rows: Array) -> Coded:
        return self.coder.code(self.modality, np.asarray(self.vectors[rows]), np.zeros(len(rows), bool))

    def _commit(self, catalog: CatalogWriter, cuts: list[int], written: list[parts.Part]) -> tuple[int, list[str]]:
        part_of = np.empty(len(self.starts) - 1, np.int64)
        first_row = np.empty_like(part_of)
        for part, first, last in zip(written, cuts[:-1], cuts[1:], strict=True):
            part_of[first:last] = catalog.add_part(self.modality, part)
            first_row[first:last] = self.starts[first:last] - self.starts[first]
        digests = (row.tobytes() for row in self.hashes)
        places = (part_of.tolist(), first_row.tolist(), np.diff(self.starts).tolist())
        return catalog.import_tracks(self.modality, zip(digests, *places, *self.ids.details(), strict=True))
