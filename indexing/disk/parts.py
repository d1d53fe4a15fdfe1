"""The Parquet store: immutable parts with everything that was computed, one part per committed batch.

A part is written to a partial name, synced and renamed; it counts only once the catalog refers to it.
pyarrow is imported where a part is touched: a query on a fresh snapshot never needs it.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from indexing.disk.content_hash import SIZE, content_hash
from indexing.disk.durable import library_errors
from indexing.disk.locations import PARTS
from indexing.disk.runs import spans
from recommender.atomic import ensure_folder, new_file
from recommender.errors import CliptuneError, LibraryError
from recommender.opening import is_absent, open_regular, parse_json
from recommender.text import show
from recommender.types import Analysis, Array

FOLDER = PARTS
_SUFFIX = ".parquet"
ITEM = -1  # the `window` of the row that describes the whole item
Blobs = Mapping[str, Mapping[int, bytes]]
"""What is kept of some items beside their numbers: by the name of the column, by the row that describes the item."""
NO_BLOBS: Blobs = MappingProxyType({})
BLOBS = {"mark": "fingerprint", "beats": "beats"}  # columns of the parts that have any of them -> fields of `Features`


class DamagedPartError(LibraryError):
    """A part is missing, or does not hold what it should."""


class UnreadPartError(LibraryError):
    """A part cannot be read now, which says nothing against it: nothing may be given up because of it."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"part {show(path)} cannot be read now ({why}); it is left as it is: try again when it can be read"
        )


@dataclass(frozen=True)
class Rows:
    """Rows of a part, column by column.

    Attributes
    ----------
    hashes:   uint8 [n, 16], the content hash.
    window:   int32 [n], index of the window, or ITEM.
    bounds:   float64 [n, 2], start and end in seconds.
    features: float32 [n, f].
    affect:   float32 [n, 4], or [n, 0] for imported vectors.
    vectors:  float32 [n, dim], unit length.
    """

    hashes: Array
    window: Array
    bounds: Array
    features: Array
    affect: Array
    vectors: Array

    def __len__(self) -> int:
        return len(self.window)


@dataclass(frozen=True)
class Part:
    """A written part as the catalog records it."""

    name: str
    rows: int
    bytes: int
    checksum: str


def rows_of(items: Sequence[tuple[bytes, Analysis]]) -> Rows:
    """The rows of analysed items: for each its ITEM row, then its windows."""
    pieces: list[tuple[Array, ...]] = []
    for digest, analysis in items:
        features, n = analysis.features, len(analysis.vectors)
        columns = (
            np.tile(np.frombuffer(digest, np.uint8), (n + 1, 1)),
            np.arange(ITEM, n, dtype=np.int32),
            np.vstack([[[0.0, features.duration_s]], features.windows]),
            np.vstack([features.item[None], features.values]),
            np.vstack([analysis.item_affect[None], analysis.affect]),
            np.vstack([analysis.item_vector[None], analysis.vectors]),
        )
        pieces.append(columns)
    return Rows(*map(np.concatenate, zip(*pieces, strict=True)))


def blobs_in(items: Sequence[tuple[bytes, Analysis]]) -> Blobs:
    """Acoustic fingerprints and beats of items, as `rows_of` lays them out."""
    found: dict[str, dict[int, bytes]] = {name: {} for name in BLOBS}
    row = 0
    for _, analysis in items:
        for name, blobs in found.items():
            if (blob := getattr(analysis.features, BLOBS[name])) is not None:
                blobs[row] = blob
        row += 1 + len(analysis.vectors)
    return found


def write_part(folder: Path, rows: Rows, columns: Sequence[str], *, source: str = "", blobs: Blobs = NO_BLOBS) -> Part:
    """The part that now holds `rows`, durable under its final name; LibraryError leaves nothing behind.

    `columns` are the names of the features, in order; `source` says what measured them ("" when unknown).
    """
    return _write_table(folder, _table(rows, columns, source, blobs))


def write_merged(folder: Path, tables: Sequence[Any]) -> Part:
    """The part that now holds the rows of Arrow tables with the same columns (as `read_living` gives them), durable."""
    import pyarrow as pa

    return _write_table(folder, pa.concat_tables(tables))


def _write_table(folder: Path, table: Any) -> Part:
    name = uuid.uuid4().hex + _SUFFIX
    path = folder / FOLDER / name
    with library_errors(folder, "write to the library at"):
        ensure_folder(path.parent, parents=False)
        with new_file(path, make_folder=False) as partial:
            _write(partial, table)
            digest, size = checksum(partial), partial.stat().st_size
    return Part(name, len(table), size, digest)


def read_part(folder: Path, part: Part, inputs: Sequence[str]) -> Rows:
    """All rows of a part with the feature columns `inputs`; raises DamagedPartError or UnreadPartError."""
    path = folder / FOLDER / part.name
    wanted = ["hash", "window", "start_s", "end_s", "affect", "vector", *(f"features.{c}" for c in inputs)]
    with _open(path, part.checksum) as file:
        names = set(file.schema_arrow.names)
        table = file.read(columns=[c for c in wanted if c.partition(".")[0] in names], use_threads=False)
        rows = _rows(table, inputs)
    if len(rows) != part.rows:
        raise DamagedPartError(_damage_text(path, f"holds {len(rows)} rows instead of {part.rows}"))
    return rows


def read_whole(folder: Path, part: Part) -> Rows:
    """The rows of a part without its features, however many the catalog says there are; raises as `read_part`."""
    return read_part(folder, part_at(folder / FOLDER / part.name)[0], ())


def tracks_in(rows: Rows) -> Iterator[tuple[bytes, int, int]]:
    """The tracks in the rows of a part: hash, first window and number of windows, from its window 0 on each."""
    starts = np.flatnonzero(rows.window == 0)
    ends = np.append(starts[1:], len(rows))
    for at, end in zip(starts.tolist(), ends.tolist(), strict=True):
        last = end < len(rows) and rows.window[end - 1] == ITEM  # what describes the next one
        yield rows.hashes[at].tobytes(), at, end - at - int(last)


def read_blobs(folder: Path, part: Part, name: str) -> dict[int, bytes]:
    """A column of `BLOBS` by row; none in a part of clips, or from before there were any. Raises as `read_part`."""
    with _open(folder / FOLDER / part.name, part.checksum) as file:
        if name not in file.schema_arrow.names:
            return {}
        column = file.read(columns=[name], use_threads=False)[name]
        rows = np.flatnonzero(column.is_valid().to_numpy())
        return dict(zip(rows.tolist(), column.drop_null().to_pylist(), strict=True))


def locate(hashes: Array, window: Array, wanted: Sequence[Any]) -> tuple[Array, Array, Array]:
    """Where a part holds the tracks `wanted` (rows of the catalog), by its columns `hashes` and `window`.

    Numbers of their rows in order, the row that describes the whole of a track included; where among these the first
    window of each is; and int64 [t], 1 for each with such a row (imported tracks have none). Raises DamagedPartError
    where other tracks are there than the catalog says.
    """
    first, windows = (np.array([getattr(c, name) for c in wanted], np.int64) for name in ("first_row", "windows"))
    digests = np.frombuffer(b"".join(c.hash for c in wanted), np.uint8).reshape(len(wanted), SIZE)
    whole = (first + windows).max(initial=0) <= len(window)
    if not whole or (hashes[first] != digests).any() or (window[first] != 0).any():
        raise DamagedPartError("it does not hold the tracks that the catalog says")
    lead = ((first > 0) & (window[np.maximum(first - 1, 0)] == ITEM)).astype(np.int64)
    counts = lead + windows
    return spans(first - lead, counts), np.cumsum(counts) - counts + lead, lead


def read_living(folder: Path, part: Part, placed: Sequence[Any]) -> tuple[Any, Array]:
    """An Arrow table of all columns of the rows that tracks `placed` in a part need, and where in it each begins.

    Raises DamagedPartError where the part is not as it was written, or does not hold them, UnreadPartError.
    """
    check_written(folder, part)
    with _open(folder / FOLDER / part.name, part.checksum) as file:
        table = file.read(use_threads=False).combine_chunks()
        hashes = np.frombuffer(b"".join(table["hash"].to_pylist()), np.uint8).reshape(len(table), SIZE)
        at, first, _ = locate(hashes, table["window"].to_numpy(), placed)
        return table.take(at), first


def kind_of(folder: Path, part: Part) -> bytes | str:
    """What the columns of a part are, its notes included; its own name where it cannot be read."""
    try:
        with _open(folder / FOLDER / part.name, part.checksum) as file:
            return bytes(file.schema_arrow.serialize())
    except (DamagedPartError, UnreadPartError):
        return part.name


def part_at(path: Path) -> tuple[Part, list[str]]:
    """A part without what the catalog says of it, whole (its size is 0), and the names of its features.

    Raises DamagedPartError or UnreadPartError.
    """
    with _open(path) as file:
        return Part(path.name, file.metadata.num_rows, 0, ""), list(_notes(file.schema_arrow)["columns"])


def source_of(folder: Path, part: Part) -> str:
    """What measured the features of a part, "" when unknown or when the part is damaged; raises UnreadPartError."""
    try:
        with _open(folder / FOLDER / part.name, part.checksum) as file:
            return str(_notes(file.schema_arrow).get("source", ""))
    except DamagedPartError:
        return ""


def _notes(schema: Any) -> Any:
    return parse_json((schema.metadata or {})[b"cliptune"])


def check_written(folder: Path, part: Part) -> None:
    """Raise DamagedPartError where a part is missing or not as it was written, UnreadPartError where none can tell."""
    path = folder / FOLDER / part.name
    with _judging(path, ""):
        if checksum(path) != part.checksum:
            raise DamagedPartError(_damage_text(path, "is damaged (its checksum differs)"))


def read_bytes(path: Path) -> bytes:
    """A whole part, whatever it holds; raises DamagedPartError where it is missing, UnreadPartError."""
    with _judging(path, ""):
        return path.read_bytes()


def column_spans(path: Path) -> dict[str, tuple[int, int]]:
    """Where the columns of a part begin and end by their names, as its footer says; raises as `read_part`."""
    with _open(path) as file:
        columns = list(map(file.metadata.row_group(0).column, range(file.metadata.num_columns)))
        ends = [c.total_compressed_size + (c.dictionary_page_offset or c.data_page_offset) for c in columns]
        names = [c.path_in_schema.partition(".list")[0] for c in columns]
        return {n: (e - c.total_compressed_size, e) for n, c, e in zip(names, columns, ends, strict=True)}


def unpack(packed: bytes, size: int) -> bytes:
    """The bytes of a page, decompressed; raises ValueError or OSError."""
    import pyarrow as pa

    return bytes(pa.decompress(packed, size, "zstd", asbytes=True))


@contextmanager
def _open(path: Path, written: str = "") -> Iterator[Any]:
    """A context with the Parquet file at `path`, whose checksum is `written` (where known); raises as `_judging`."""
    from pyarrow.parquet import ParquetFile

    with (
        _judging(path, written),
        open_regular(path) as data,
        ParquetFile(data, page_checksum_verification=True) as file,
    ):
        yield file


@contextmanager
def _judging(path: Path, written: str) -> Iterator[None]:
    """A context in which an error is damage of the file (DamagedPartError), or none of its doing (UnreadPartError).

    A file that is missing is damage. What the system refuses (permission, I/O, memory, too many open files) is not;
    nor is anything that is wrong with a file that has the checksum `written`.
    """
    try:
        yield
    except CliptuneError:
        raise
    except MemoryError as error:
        raise UnreadPartError(path, "out of memory") from error
    except Exception as error:  # Arrow has errors of every kind for what it cannot parse
        if isinstance(error, OSError) and is_absent(error):
            raise DamagedPartError(_damage_text(path, "is missing")) from error
        if isinstance(error, OSError) and error.errno is not None:
            raise UnreadPartError(path, str(error.strerror).lower()) from error
        with _judging(path, ""):
            if written and checksum(path) == written:
                raise UnreadPartError(path, show(str(error))) from error
        raise DamagedPartError(_damage_text(path, "is damaged")) from error


def _damage_text(path: Path, what: str) -> str:
    return (
        f"part {show(path)} {what}; `recommend index verify` tells what is affected, "
        "`recommend index repair` computes it again"
    )


def checksum(path: Path) -> str:
    """The BLAKE2b-128 checksum of a file, hexadecimal."""
    return content_hash(path).hex()


def strangers(folder: Path, known: Iterable[str]) -> list[Path]:
    """Parts that the catalog does not know, left by a writer that was killed; none while one that it knows is missing.

    That one may be among them under another name. Folders and files of another kind are none of ours.
    """
    keep, there = set(known), {path.name: path for path in (folder / FOLDER).glob("*" + _SUFFIX)}
    if not keep <= there.keys():
        return []
    return sorted(path for name, path in there.items() if name not in keep and path.is_file())


def _table(rows: Rows, columns: Sequence[str], source: str, blobs: Blobs) -> Any:
    import pyarrow as pa

    fields: dict[str, Any] = {
        "hash": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(SIZE), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows.hashes))]
        ),
        "window": pa.array(rows.window, pa.int32()),
        "start_s": pa.array(np.ascontiguousarray(rows.bounds[:, 0]), pa.float64()),
        "end_s": pa.array(np.ascontiguousarray(rows.bounds[:, 1]), pa.float64()),
    }
    if columns:
        values = np.asfortranarray(rows.features, np.float32)
        arrays = [pa.array(values[:, i]) for i in range(len(columns))]
        fields["features"] = pa.StructArray.from_arrays(arrays, names=list(columns))
    for name, matrix in (("affect", rows.affect), ("vector", rows.vectors)):
        if matrix.shape[1]:
            flat = pa.array(np.ascontiguousarray(matrix, np.float32).ravel())
            fields[name] = pa.FixedSizeListArray.from_arrays(flat, matrix.shape[1])
    for name, known in blobs.items():
        if known:
            fields[name] = pa.array((known.get(row) for row in range(len(rows))), pa.binary())
    meta = {"cliptune": json.dumps({"format": 1, "columns": list(columns), "source": source})}
    return pa.table(fields).replace_schema_metadata(meta)


def _write(path: Path, table: Any) -> None:
    import pyarrow.parquet as pq

    options = {"compression": "zstd", "compression_level": 1, "use_dictionary": ["hash"], "write_page_checksum": True}
    options |= {"write_batch_size": _page_rows(len(table)), "data_page_size": 1, "write_statistics": False}
    with open(path, "xb") as sink:
        pq.write_table(table, sink, row_group_size=max(1, len(table)), **options)


def _page_rows(rows: int) -> int:
    """How many rows of a column share a page, and so its damage: a quarter of a small part, a 32nd of a large one.

    At 672 rows of 580 features that costs 9 % of bytes and 30 ms of writing, at 100,000 rows 0.4 %. [ours]
    """
    return max(8, min(rows // 4, 256), rows // 32)


def _rows(table: Any, inputs: Sequence[str]) -> Rows:
    n = len(table)
    table = table.combine_chunks()
    hashes = np.frombuffer(b"".join(table["hash"].to_pylist()), np.uint8) if n < 4096 else _raw(table["hash"], n)
    features = np.empty((n, len(inputs)), np.float32)
    if inputs:
        struct = table["features"].combine_chunks()
        for i, name in enumerate(inputs):
            features[:, i] = struct.field(name).to_numpy(zero_copy_only=False)
    bounds = np.stack([table["start_s"].to_numpy(), table["end_s"].to_numpy()], axis=1)
    window = table["window"].to_numpy().astype(np.int32)
    return Rows(hashes.reshape(n, SIZE), window, bounds, features, _matrix(table, "affect"), _matrix(table, "vector"))


def _raw(column: Any, n: int) -> Array:
    array = column.combine_chunks()
    array = array.chunk(0) if hasattr(array, "chunk") else array
    start = array.offset * SIZE
    return np.frombuffer(array.buffers()[1], np.uint8)[start : start + n * SIZE]


def _matrix(table: Any, name: str) -> Array:
    if name not in table.schema.names:
        return np.empty((len(table), 0), np.float32)
    column = table[name].combine_chunks()
    width = column.type.list_size
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False), np.float32).reshape(len(table), width)
