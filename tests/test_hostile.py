"""Files that somebody sent: no pipe hangs a command, no small file takes all memory, nothing of theirs runs."""

import csv
import io
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing, suppress

import numpy as np
import pytest

from indexing import ingest
from indexing.catalog import schema, trust
from indexing.ingest.import_vectors import import_vectors, load_queries
from indexing.library import Library
from recommender import opening, sharing
from recommender.errors import CliptuneError, InputError, LibraryError, ModelError
from recommender.outputs import listing
from recommender.text import cell, printable
from running import ROOT
from tests.indexing.fakes import FakeAnalyser, toy

EVIL = "\x1b]0;gone\x07\x9b2J\u202e=cmd()"


@pytest.fixture(autouse=True)
def in_time():
    """A test that waits for a pipe fails and does not hang."""

    def late(*_):
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(500)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def test_only_regular_files_of_a_size_that_is_meant_are_opened(pipe, tmp_path):
    (tmp_path / "large").write_bytes(bytes(11))
    for path, word in ((pipe, "no regular file"), ("/dev/zero", "no regular file"), (tmp_path, "folder")):
        with pytest.raises(OSError, match=word):
            opening.read(path, 10)
    with pytest.raises(OSError, match="larger"):
        opening.read(tmp_path / "large", 10)
    assert opening.read(tmp_path / "large", 11) == bytes(11)
    (tmp_path / "deep.json").write_text("[" * 200_000)
    with pytest.raises(ValueError, match="too deep"):
        opening.load_json(tmp_path / "deep.json")


COMMANDS = {
    "list": ("--video", "clip.mp4", "--only", "PIPE"),
    "vector": ("--vector", "PIPE"),
    "vectors": ("index", "import", "PIPE", "--space", "s", "--library", "new"),
    "ids": ("index", "import", "v.npy", "--ids", "PIPE", "--space", "s", "--library", "new"),
    "model": ("models", "import", "PIPE"),
    "labels": ("dataset", "build", "--labels", "PIPE", "--out", "set"),
    "run": ("eval", "--run", "PIPE", "--qrels", "PIPE"),
    "track": ("--track", "PIPE"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_waits_for_a_pipe(pipe, tmp_path, monkeypatch, run, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    np.save("v.npy", np.eye(3))
    ran = run(*(str(pipe) if word == "PIPE" else word for word in COMMANDS[name]))
    assert ran.code in (1, 2)
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "name", ["catalog.sqlite", "manifest.json", "search.json", "writer.json", "write.lock", "part"]
)
def test_no_pipe_in_a_library_hangs(tmp_path, name):
    toy(tmp_path / "music" / "a.mp3", 1)
    with Library.create(tmp_path / "library", FakeAnalyser().space) as library:
        list(ingest.add(library, [tmp_path / "music"], FakeAnalyser(), executor="inline"))
    path = tmp_path / "library" / name
    if name == "part":
        (path,) = (tmp_path / "library" / "parts").glob("*.parquet")
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    toy(tmp_path / "music" / "b.mp3", 2)
    with suppress(CliptuneError), Library.open(tmp_path / "library") as library:
        library.search([1.0] * 8, 5, "music")
        list(ingest.update(library, FakeAnalyser(), executor="inline"))


def bomb(path, rows, width):
    """A Parquet file of equal numbers: a few kilobytes, whatever it makes of them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    flat = pa.array(np.zeros(rows * width, np.float32))
    pq.write_table(pa.table({"vector": pa.FixedSizeListArray.from_arrays(flat, width)}), path, compression="zstd")
    return path


def test_a_small_parquet_file_that_asks_for_gigabytes_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = bomb(tmp_path / "bomb.parquet", 100_000, 1024)
    assert path.stat().st_size < 100_000

    class Unread(Exception):
        pass

    def iter_batches(*_, **__):
        raise Unread

    import pyarrow.parquet as pq

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", iter_batches)
    with pytest.raises(InputError, match=r"holds 0\.4 GB, [\d,]+ times its size: refused"):
        list(load_queries(path))


def test_dimensions_and_ids_are_bounded(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    np.save(tmp_path / "wide.npy", np.ones((1, 70_000), np.float32))
    with pytest.raises(InputError, match="70,000 numbers"):
        list(load_queries(tmp_path / "wide.npy"))
    pq.write_table(pa.table({"vector": [[1.0]], "id": ["x" * 5000]}), tmp_path / "id.parquet")
    with pytest.raises(InputError, match="longer than 4,096"):
        list(load_queries(tmp_path / "id.parquet"))
    (tmp_path / "huge.npy").write_bytes(np.lib.format.magic(1, 0) + b"\x76\0{'descr': '<f4', 'fortran_order': False, ")
    data = io.BytesIO()
    np.lib.format.write_array_header_1_0(data, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 64)})
    (tmp_path / "huge.npy").write_bytes(data.getvalue() + bytes(100))
    with pytest.raises(InputError, match="no NumPy array"):
        list(load_queries(tmp_path / "huge.npy"))


FOREIGN = {
    "view": "CREATE VIEW evil AS SELECT 1",
    "trigger": "CREATE TRIGGER evil AFTER UPDATE ON meta BEGIN DELETE FROM files; END",
    "virtual table": "CREATE VIRTUAL TABLE evil USING fts5(a)",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_catalog_with_what_no_catalog_has_is_refused(tmp_path, kind):
    toy(tmp_path / "music" / "a.mp3", 1)
    with Library.create(tmp_path / "library", FakeAnalyser().space) as library:
        list(ingest.add(library, [tmp_path / "music"], FakeAnalyser(), executor="inline"))
    with closing(sqlite3.connect(tmp_path / "library" / "catalog.sqlite")) as connection:
        connection.execute(FOREIGN[kind])
        connection.commit()
    with pytest.raises(LibraryError, match=f"holds a {kind} 'evil.*' that cliptune never made"):
        Library.open(tmp_path / "library")


def test_a_catalog_whose_version_is_no_number_is_damaged(tmp_path):
    with Library.create(tmp_path / "library", FakeAnalyser().space):
        pass
    with closing(sqlite3.connect(tmp_path / "library" / "catalog.sqlite")) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'schema_version INTEGER NOT NULL', 'schema_version')"
        )
        connection.commit()
    with closing(sqlite3.connect(tmp_path / "library" / "catalog.sqlite")) as connection:
        connection.execute("UPDATE meta SET schema_version = NULL")
        connection.commit()
    with pytest.raises(LibraryError, match="damaged"):
        Library.open(tmp_path / "library")


def test_a_trigger_of_a_known_name_does_what_it_always_did(tmp_path):
    toy(tmp_path / "music" / "a.mp3", 1)
    with Library.create(tmp_path / "library", FakeAnalyser().space) as library:
        list(ingest.add(library, [tmp_path / "music"], FakeAnalyser(), executor="inline"))
    with closing(sqlite3.connect(tmp_path / "library" / "catalog.sqlite")) as connection:
        connection.execute("CREATE TRIGGER contents_insert AFTER INSERT ON files BEGIN DELETE FROM tracks; END")
        connection.commit()
    toy(tmp_path / "music" / "b.mp3", 2)
    with Library.open(tmp_path / "library") as library:
        list(ingest.update(library, FakeAnalyser(), executor="inline"))
        assert library.count("music") == 2
    assert {*schema.TRIGGERS} <= trust.TRIGGERS_EVER


def test_csv_runs_no_formula_and_keeps_numbers():
    texts = ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "=\x1b[2J"]
    assert [cell(text)[0] for text in texts if not text.startswith("\r")] == ["'"] * 8
    assert cell("\r=1") == "\\r=1"
    assert [cell(value) for value in (-1.5, "-1.5", "+3", None, "a=b", "-")] == [-1.5, "-1.5", "+3", None, "a=b", "'-"]
    rows = [{"title": "=cmd()", "bpm": -3.5}]
    text = listing.as_csv(listing.Listing(rows, rows, ("title", "bpm")))
    assert list(csv.DictReader(io.StringIO(text))) == [{"title": "'=cmd()", "bpm": "-3.5"}]


def test_what_is_printed_steers_no_terminal():
    assert printable(EVIL) == "\\x1b]0;gone\\x07\\x9b2J\\u202e=cmd()"
    assert printable("a\tb\r\nc\udcff é\n") == "a\tb\r\nc\udcff é\n"
    assert printable("over\rwritten") == "over\\rwritten"


def hostile_library(tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(3, 4)))
    with open(tmp_path / "ids.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "artist", "genre", "licence"])
        writer.writerows([f"{EVIL}{k}", EVIL, EVIL, EVIL, EVIL] for k in range(3))
    import_vectors(tmp_path / "library", tmp_path / "v.npy", tmp_path / "ids.csv", space=f"space{EVIL}")
    np.save(tmp_path / "q.npy", np.ones(4))


@pytest.mark.parametrize("format", ["table", "json", "csv"])
def test_no_command_prints_what_steers_a_terminal(tmp_path, monkeypatch, run, format):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    hostile_library(tmp_path)
    at = ("--library", str(tmp_path / "library"))
    evil = tmp_path / f"folder{EVIL}"
    toy(evil / f"a{EVIL}.mp3", 1)
    toy(evil / f".hidden{EVIL}" / "b.mp3", 1)
    for words in (
        ("--vector", str(tmp_path / "q.npy"), *at),
        ("--vector", str(evil / "none.npy"), *at),
        ("--track", str(evil / f"a{EVIL}.mp3"), *at),
        ("index", "list", *at),
        ("index", "list", "--failed", *at),
        ("index", "info", *at),
        ("index", "verify", *at),
        ("index", "add", str(evil), "--library", str(tmp_path / "second")),
        ("index", "list", "--failed", "--library", str(tmp_path / "second")),
        ("models", "list"),
        ("doctor",),
    ):
        ran = run(*words, "--format", format)
        for text in (ran.out, ran.err):
            assert not set(text) & {"\x1b", "\x07", "\x9b", "\u202e"}, words
            assert "Traceback" not in text


def test_a_models_card_steers_no_terminal(tmp_path, monkeypatch, run):
    import shutil

    from recommender.model import MODELS

    shutil.copytree(MODELS / "emomv-c", tmp_path / "theirs")
    (tmp_path / "theirs" / "card.md").write_text(f"# card {EVIL}\n\nmore\n", "utf-8")
    ran = run("models", "info", str(tmp_path / "theirs"))
    assert "\\x1b" in ran.out
    assert not set(ran.out) & {"\x1b", "\x07", "\x9b", "\u202e"}
    assert "\n\nmore\n" in ran.out


def test_what_a_killed_import_left_is_cleared_by_the_next(tmp_path, monkeypatch):
    from recommender.model.folder import models_home

    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    models_home().mkdir(parents=True)
    left = models_home() / ".partial-left over"
    left.mkdir()
    (left / "manifest.json").write_text("{}")
    (tmp_path / "no model").mkdir()
    with sharing._at_work(models_home()):  # of a second import at the same time, nothing is taken away
        (models_home() / ".partial-at work").mkdir()
        with pytest.raises(ModelError):
            sharing.import_model(tmp_path / "no model")
        assert (models_home() / ".partial-at work").exists()
    with pytest.raises(ModelError):
        sharing.import_model(tmp_path / "no model")
    assert not list(models_home().iterdir())


def test_a_zip_with_a_long_list_of_files_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for k in range(2000):
            archive.writestr(f"theirs/{k}.json", b"")
    monkeypatch.setattr(sharing.zipfile, "ZipFile", None)
    with pytest.raises(ModelError, match="more files than the 64"):
        sharing.import_model(tmp_path / "many.zip")


def test_hostile_files_of_every_kind_are_taken_or_refused_in_one_line():
    """A bounded run; `python -m tests.faults.fuzz_inputs` makes more."""
    words = ("-m", "tests.faults.fuzz_inputs", "--count", "60", "--seed", "20261129")
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=one_thread, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 files, " in done.stdout
    assert ", 0 findings" in done.stdout


def test_a_catalog_without_a_write_ahead_log_keeps_no_writer_waiting(tmp_path):
    """As tools of others leave it: what reads it would lock it against the writer that changes that."""
    toy(tmp_path / "music" / "a.mp3", 1)
    with Library.create(tmp_path / "library", FakeAnalyser().space) as library:
        list(ingest.add(library, [tmp_path / "music"], FakeAnalyser(), executor="inline"))
    with closing(sqlite3.connect(tmp_path / "library" / "catalog.sqlite")) as connection:
        assert connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("delete",)
    toy(tmp_path / "music" / "b.mp3", 2)
    signal.alarm(20)
    with Library.open(tmp_path / "library") as library:
        list(ingest.update(library, FakeAnalyser(), executor="inline"))
        assert library.count("music") == 2
