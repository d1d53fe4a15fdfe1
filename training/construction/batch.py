"""Features of a folder of media in one table: Parquet, or HDF5 and NumPy matrices as EmoMV publishes them."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from indexing.disk.files import absolute
from indexing.ingest.scan import media_files
from recommender import atomic
from recommender.errors import InputError
from recommender.extractors import EXTRACTORS, Extractor, find_extractor
from recommender.text import show
from recommender.types import Array, Modality
from training.construction.features import content_hashes, npy_bytes, vectors
from training.construction.files import csv_bytes
from training.construction.storage import writing
from training.construction.together import fill
from training.datasets.h5 import matrix_bytes
from training.types import Tick


@dataclass(frozen=True)
class Extracted:
    """What an extraction gave: the files written, rows by the extractor's name, and why files have none."""

    written: tuple[Path, ...]
    rows: Mapping[str, int]
    computed: int
    failed: Mapping[str, str]


def extract_folder(folder: Path, names: Sequence[str], out: Path, *, workers: int, tick: Tick) -> Extracted:
    """What the extractors `names` measure of every file below `folder`, written to `out`: .parquet, .h5 or .npy.

    Measured features are kept by content in the folder `out`.cache, from which a stopped run goes on. Raises InputError
    for an unknown extractor or kind of file, or no usable media; ModelError when the network of an extractor was never
    fetched; CliptuneError when `out` cannot be written, or another process writes it.
    """
    chosen = _choose(names)
    if out.suffix not in WRITERS:
        raise InputError(f"{show(out)}: features are written to {', '.join(WRITERS)}; give a name that ends so")
    folder = Path(absolute(folder))
    if not folder.is_dir():
        raise InputError(f"{show(folder)}: no such folder")
    cache = out.with_name(out.name + ".cache")
    found: dict[str, dict[str, Array]] = {}
    failed: dict[str, str] = {}
    contents: dict[Modality, dict[str, bytes]] = {}  # hashed once, whatever is measured of them
    computed = 0
    with writing(cache):
        for extractor in chosen:
            name, modality = extractor.name, extractor.modality
            if modality not in contents:
                contents[modality], unread = content_hashes({str(file): file for file in media_files(folder, modality)})
                failed |= unread
            digests = contents[modality]
            computed += fill(digests, extractor, cache, workers=workers, on_progress=partial(tick, name))
            measured = vectors(digests, extractor, cache, workers=workers, on_progress=partial(tick, name))
            computed += len(measured.computed)
            failed |= measured.failed
            rows = {file: measured.found[file] for file in digests if file in measured.found}
            found[name] = {str(Path(file).relative_to(folder)): values for file, values in rows.items()}
        if not any(found.values()):
            first = f": {next(iter(failed.values()))}" if failed else ""
            raise InputError(f"{show(folder)}: no file that {' or '.join(found)} can measure{first}")
        written = WRITERS[out.suffix](out, folder, found)
    return Extracted(written, {name: len(rows) for name, rows in found.items()}, computed, failed)


def _choose(names: Sequence[str]) -> dict[Extractor, None]:
    """The extractors of those names, each once, in order."""
    found = {name: find_extractor(name) for name in names}
    if unknown := [name for name, one in found.items() if one is None]:
        raise InputError(f"no features are called '{show(unknown[0])}'; there are: {', '.join(EXTRACTORS)}")
    return {one: None for one in found.values() if one is not None}


def _parquet(out: Path, folder: Path, found: Mapping[str, Mapping[str, Array]]) -> tuple[Path, ...]:
    """A row per file: `path`, then a list of numbers per kind of features, empty (null) where a file has none."""
    import pyarrow as pa
    from pyarrow import parquet

    paths = sorted({path for rows in found.values() for path in rows})
    columns: dict[str, pa.Array] = {"path": pa.array([show(path) for path in paths])}
    for name, rows in found.items():
        columns[name] = pa.array([rows.get(path) for path in paths], pa.list_(pa.float32()))
    buffer = io.BytesIO()
    parquet.write_table(pa.table(columns), buffer, compression="zstd")
    atomic.write(out, buffer.getvalue())
    return (out,)


def _matrices(out: Path, folder: Path, found: Mapping[str, Mapping[str, Array]]) -> tuple[Path, ...]:
    """A matrix file per kind of features, NAME-vggish.h5 for one, and a CSV with the rows' `id` and `path`."""
    written = []
    for name, rows in found.items():
        matrix = out.with_name(f"{out.stem}-{name}{out.suffix}")
        values = np.array(list(rows.values()), np.float32)
        atomic.write(matrix, matrix_bytes(values) if out.suffix != ".npy" else npy_bytes(values))
        table = matrix.with_suffix(".csv")
        atomic.write(table, csv_bytes([("id", "path"), *((path, str(folder / path)) for path in rows)]))
        written += [matrix, table]
    return tuple(written)


WRITERS: dict[str, Callable[[Path, Path, Mapping[str, Mapping[str, Array]]], tuple[Path, ...]]] = {
    ".parquet": _parquet,
    ".h5": _matrices,
    ".npy": _matrices,
}
