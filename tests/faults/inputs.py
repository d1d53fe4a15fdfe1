"""Files other than media that come from outside, whole: vectors, tables, lists, models, and all that a library is.

`SEEDS` has the bytes of each by its kind; `examine` gives a file of a kind to whatever reads such files, and says what
is wrong with what came of it.
"""

import atexit
import csv
import gc
import io
import json
import os
import shutil
import sqlite3
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from indexing import ingest
from indexing.ingest.events import Failed
from indexing.ingest.import_vectors import import_vectors, load_queries
from indexing.ingest.scan import scan
from indexing.library import Library
from indexing.maintenance.verify import examine as verify
from indexing.search import ann_files
from recommender.errors import CliptuneError
from recommender.lists import paths_in
from recommender.model import MODELS, Model
from recommender.outputs import listing, records
from recommender.sharing import import_model
from recommender.types import Filter
from tests.faults.judge import _where
from tests.faults.older import DATA
from tests.indexing.fakes import DIM, Marking, toy
from training.datasets import built, emomv_labels, source
from training.evaluation.trec import read_run

_LONGEST = 2000  # letters of a message
_MODEL = "emomv-c"


@dataclass(frozen=True)
class Seed:
    """A whole file: `kind` says who reads it, `name` what it is called there."""

    kind: str
    name: str
    data: bytes


def _npy(values: np.ndarray, order: str = "C") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(values, order=order), allow_pickle=False)
    return file.getvalue()


def _vectors() -> Iterator[tuple[str, bytes]]:
    rows = np.random.default_rng(1).normal(size=(6, 4))
    for kind in (np.float16, np.float32, np.float64, np.int32):
        yield f"{np.dtype(kind).name}.npy", _npy(rows.astype(kind))
    yield "columns.npy", _npy(rows, "F")
    yield "one.npy", _npy(rows[0])
    yield "empty.npy", _npy(rows[:0])
    yield "complex.npy", _npy(rows.astype(complex))
    yield "fields.npy", _npy(np.zeros(3, [("a", "f4"), ("b", "f8")]))


def _parquet() -> Iterator[tuple[str, bytes]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = np.random.default_rng(2).normal(size=(40, 4)).astype(np.float32)
    lists = pa.array(list(rows), pa.list_(pa.float32()))
    fixed = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), 4)
    ids = {"text": pa.array([f"track {k % 7}" for k in range(40)]), "number": pa.array(range(40))}
    for name, column, more in (
        ("lists", lists, {"compression": "none"}),
        ("fixed", fixed, {"compression": "snappy"}),
        ("groups", lists, {"compression": "zstd", "row_group_size": 7}),
        ("plain", lists, {"compression": "gzip", "use_dictionary": False, "write_page_checksum": True}),
    ):
        for what, id_column in ids.items():
            file = io.BytesIO()
            pq.write_table(pa.table({"vector": column, "id": id_column}), file, **more)
            yield f"{name} {what}.parquet", file.getvalue()


def _tables() -> Iterator[tuple[str, str, bytes]]:
    head = "id,path,title,artist,duration_s,start_s,end_s,bpm,key\n"
    rows = "".join(f'{k},music/{k}.mp3,"a ""title"" {k}",me,30.5,0,10,12{k},A minor\n' for k in range(6))
    yield "ids", "ids.csv", ("\ufeff" + head + rows).encode()
    yield "list", "list.txt", "a.mp3\n/abs/b.mp3\n~/c.mp3\n\n../é.mp3\n".encode()
    yield "ignore", ".recommendignore", b"# no\n*.mp3\n!keep.mp3\n/a/**/b?[xy]/\n"
    yield "labels", "labels.csv", b"clip,match,e1,e2\n1,a_b,1,happy,happy,sad,sad\n"
    yield "rows", "rows.csv", b"id,valence\na,1.5\nb,-2\n"
    yield "run", "a.run", b"q1 Q0 d1 1 0.5 me\nq1 Q0 d2 2 0.25 me\n"
    stream = {"prefix": "v_", "columns": ["a", "b"], "revision": "1"}
    manifest = {"format": 1, "name": "x", "encoder": "y", "video": stream, "music": stream, "build": {}}
    yield "dataset", "manifest.json", json.dumps(manifest).encode()


def _model_files() -> Iterator[tuple[str, str, bytes]]:
    for path in sorted((MODELS / _MODEL).iterdir()):
        if path.suffix in (".json", ".safetensors", ".md") and path.stat().st_size < 1 << 20:
            yield "model", path.name, path.read_bytes()
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            for path in sorted(_shared().iterdir()):
                archive.write(path, f"theirs/{path.name}")
        yield "zip", f"theirs{method}.zip", file.getvalue()


def _kept(what: str) -> Path:
    """A folder that goes with this process, not with those that it forks."""
    folder, mine = tempfile.mkdtemp(prefix=f"fuzz-{what}-"), os.getpid()
    atexit.register(lambda: os.getpid() == mine and shutil.rmtree(folder))
    return Path(folder)


@cache
def _shared() -> Path:
    """The folder of a model as somebody would send it."""
    from recommender.model.retrieval import revision_of

    folder = _kept("model") / "theirs"
    shutil.copytree(MODELS / _MODEL, folder, ignore=shutil.ignore_patterns("report.json", "evaluated.jsonl"))
    manifest = json.loads((folder / "manifest.json").read_text()) | {"name": "theirs"}
    manifest["revision"] = revision_of(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@cache
def _library() -> Path:
    """A small library with its music, a search index's settings, fingerprints and a snapshot."""
    home = _kept("library")
    for seed in range(5):
        (home / "music").mkdir(exist_ok=True)
        (home / "music" / f"{seed}.mp3").write_text(f"{seed} {1 + seed % 3} {seed // 2}\n")
    toy(home / "music" / "bad.mp3", "bad")
    with Library.create(home / "library", Marking().space) as library:
        list(ingest.add(library, [home / "music"], Marking(), executor="inline"))
    gc.collect()
    with closing(sqlite3.connect(home / "library" / "catalog.sqlite")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ann_files.save_settings(home / "library", ann_files.Settings())
    return home


def _library_files() -> Iterator[tuple[str, str, bytes]]:
    top = _library() / "library"
    for path in sorted(top.rglob("*")):
        if path.is_file() and path.stat().st_size and path.name not in ("write.lock", "catalog.sqlite-shm"):
            yield "library", str(path.relative_to(top)), path.read_bytes()
    for version in (3, 4):
        with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "c")) as connection:
            connection.executescript((DATA / f"catalog_v{version}.sql").read_text("utf-8"))
            connection.commit()
            yield "library", "catalog.sqlite", (Path(folder) / "c").read_bytes()


@cache
def corpus() -> tuple[Seed, ...]:
    """Every whole file."""
    files = [("vectors", *one) for one in (*_vectors(), *_parquet())]
    return tuple(Seed(*one) for one in [*files, *_tables(), *_model_files(), *_library_files()])


def examine(path: Path, kind: str, name: str) -> tuple[list[str], list[tuple[str, str]]]:
    """([the kind] where the file was taken, findings as pairs of reader and what is wrong)."""
    accepted, findings = [], []
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        for reader in READERS[kind]:
            told = f"{kind} {reader.__name__.strip('_')}"
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    findings += [(told, what) for what in reader(path, name, Path(place))]
                accepted.append(told)
                continue
            except CliptuneError as error:
                if fault := unclear(str(error)):
                    findings.append((told, fault))
            except BaseException as error:
                findings.append((told, _where(error)))
            gc.collect()  # what a reader that gave up held open
    return accepted, findings


def unclear(line: str) -> str | None:
    """What is wrong with a message, or None."""
    return (
        None
        if line.isprintable() and len(line) < _LONGEST
        else f"a message of {len(line)} letters that is not one short line: {line[:300]!r}"
    )


Reader = Callable[[Path, str, Path], Iterator[str]]


def _import(path: Path, _: str, place: Path) -> Iterator[str]:
    made = import_vectors(place / "library", path, _ids(place, 6), space="theirs")
    with Library.open(place / "library") as library:
        yield from _asked(library, np.ones(made.dim))


def _ids(place: Path, count: int) -> Path:
    (place / "ids.csv").write_text("id\n" + "".join(f"{k}\n" for k in range(count)))
    return place / "ids.csv"


def _own_ids(path: Path, _: str, place: Path) -> Iterator[str]:
    made = import_vectors(place / "own", path, None, space="theirs")
    if not 0 < made.tracks <= made.windows:
        yield f"{made.tracks} tracks of {made.windows} windows"


def _query(path: Path, _: str, __: Path) -> Iterator[str]:
    for _name, vector in load_queries(path):
        if not np.isfinite(vector).all():
            yield "a query that is not finite"


def _id_table(path: Path, _: str, place: Path) -> Iterator[str]:
    np.save(place / "v.npy", np.random.default_rng(3).normal(size=(6, 4)))
    import_vectors(place / "library", place / "v.npy", path, space="theirs")
    with Library.open(place / "library") as library:
        yield from _asked(library, np.ones(4))


def _list(path: Path, _: str, __: Path) -> Iterator[str]:
    if not all(isinstance(entry, str) for entry in paths_in(path)):
        yield "entries that are no paths"


def _ignore(path: Path, name: str, place: Path) -> Iterator[str]:
    toy(place / "a" / "b" / "c.mp3", 1)
    shutil.copyfile(path, place / "a" / name)
    yield from (p.reason for p in scan([place], "music").problems if unclear(p.reason))


def _labels(path: Path, _: str, __: Path) -> Iterator[str]:
    list(emomv_labels.lines(path))
    yield from ()


def _rows(path: Path, _: str, __: Path) -> Iterator[str]:
    rows = source.read_rows(path, ["id", "valence"])
    if not np.isfinite(source.numbers(path, rows, ["valence"])).all():
        yield "numbers that are not finite"


def _run(path: Path, _: str, __: Path) -> Iterator[str]:
    read_run(path)
    yield from ()


def _dataset(path: Path, name: str, place: Path) -> Iterator[str]:
    shutil.copyfile(path, place / name)
    built.read_manifest(place)
    yield from ()


def _model(path: Path, name: str, place: Path) -> Iterator[str]:
    folder = shutil.copytree(MODELS / _MODEL, place / "model")
    shutil.copyfile(path, folder / name)
    model = Model.load(folder)
    model.card()
    if model.space.dim < 1:
        yield f"a space of {model.space.dim} dimensions"


def _zip(path: Path, _: str, place: Path) -> Iterator[str]:
    os.environ["CLIPTUNE_HOME"] = str(place / "home")
    model = import_model(path)
    if not model.folder.is_relative_to(place / "home"):
        yield f"installed at {model.folder}"


def _opened(path: Path, name: str, place: Path) -> Iterator[str]:
    """Open a library, ask for all that it tells, check it, and bring it up to date."""
    top = shutil.copytree(_library() / "library", place / "library", dirs_exist_ok=True)
    shutil.copyfile(path, top / name)
    with Library.open(top) as library:
        yield from _asked(library, np.ones(DIM))


def _verified(path: Path, name: str, place: Path) -> Iterator[str]:
    report = verify(place / "library", 3)
    yield from (fault for problem in report.problems if (fault := unclear(str(problem))))


def _updated(path: Path, name: str, place: Path) -> Iterator[str]:
    with Library.open(place / "library") as library:
        for event in ingest.update(library, Marking(), executor="inline"):
            if isinstance(event, Failed) and (fault := unclear(event.reason)):
                yield fault


def _asked(library: Library, vector: np.ndarray) -> Iterator[str]:
    """What a query, a filter and the lists of a library give, as a user is shown it."""
    for modality in library.modalities:
        found = library.search(list(vector), 5, modality)
        tracks = library.tracks_of(found.ids.tolist())
        rows = [records.track_record(track) for track in tracks]
        for format in listing.FORMATS.values():
            text = format(listing.Listing(rows, rows, records.TRACK_COLUMNS))
            if "\x1b" in text:
                yield "an escape sequence in what is printed"
        with suppress(StopIteration):
            csv.reader(io.StringIO(text)).__next__()
        library.count(modality, Filter(genres=frozenset({"rock"})))
        library.windows_of(found.ids.tolist())
    list(library.tracks())
    list(library.failures())


READERS: dict[str, list[Reader]] = {
    "vectors": [_import, _own_ids, _query],
    "ids": [_id_table],
    "list": [_list],
    "ignore": [_ignore],
    "labels": [_labels],
    "rows": [_rows],
    "run": [_run],
    "dataset": [_dataset],
    "model": [_model],
    "zip": [_zip],
    "library": [_opened, _verified, _updated],
}
