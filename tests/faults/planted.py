"""Faults planted in the program, one at a time, and whether the suite notices: `python -m tests.faults.planted`.

Each is an edit of the source of a module, made while it is imported by a process of its own, which then runs kills and
power cuts of the operations that it concerns (`tests.faults.kills`). One line each says what noticed it.
`--only WORD` keeps to those whose name holds it. Exit 1 when any went unnoticed or could no longer be planted.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from tests.faults import disk

_LIMIT_S = 600
_OURS = "__import__('tests.faults.planted', fromlist=['x'])"


@dataclass(frozen=True)
class Edit:
    """A piece of a module's source, and what takes its place."""

    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Planted:
    """A fault: what is edited, the operations that must suffer from it, and the steps at which kills show it."""

    name: str
    edits: tuple[Edit, ...]
    operations: tuple[str, ...]
    among: str = ""


@contextmanager
def unsynced(final: Path) -> Iterator[Path]:
    """A file in its place without a sync."""
    partial = final.with_name(f".partial-{final.name}")
    yield partial
    partial.replace(final)


@contextmanager
def kept_back(final: Path) -> Iterator[Path]:
    """A folder that is filled, and not yet renamed into its place."""
    partial = final.with_name(f".partial-{final.name}")
    partial.mkdir(parents=True)
    yield partial


_ATOMIC, _NPY, _PARTS, _DURABLE = (
    "recommender.atomic",
    "indexing.disk.npy",
    "indexing.disk.parts",
    "indexing.disk.durable",
)
_SNAPSHOT, _WRITER, _ENGINE = "indexing.snapshot.publishing", "indexing.writing.writer", "indexing.catalog.engine"
_SALVAGE, _DAMAGE, _CATALOG = "indexing.maintenance.salvage", "indexing.maintenance.damage", "indexing.catalog.writer"

_KILLS, _COMMITS = "60", "write library/catalog.sqlite-wal"
_NO_SYNC = Edit(_ATOMIC, "os.fsync(handle)", "pass")
_NO_ARRAYS = Edit(_NPY, "os.fsync(self._file.fileno())", "pass")
_NO_CATALOG = Edit(_ENGINE, "PRAGMA synchronous=FULL", "PRAGMA synchronous=OFF")
FAULTS = (
    Planted("no fsync anywhere", (_NO_SYNC, _NO_ARRAYS, _NO_CATALOG), ("add",)),
    Planted(
        "no fsync of folders", (Edit(_ATOMIC, 'if path.is_dir() and os.name == "nt"', "if path.is_dir()"),), ("create",)
    ),
    Planted(
        "no fsync of the manifest",
        (
            Edit(
                _DURABLE,
                "write(path, json.dumps(value, indent=1)",
                f"{_OURS}.write_unsynced(path, json.dumps(value, indent=1)",
            ),
        ),
        ("add", "update"),
    ),
    Planted(
        "no fsync of the parts",
        (Edit(_PARTS, "new_file(path, make_folder=False)", f"{_OURS}.unsynced(path)"),),
        ("create", "add"),
    ),
    Planted("no fsync of the arrays", (_NO_ARRAYS,), ("add", "update")),
    Planted("the catalog is not synced", (_NO_CATALOG,), ("add", "create")),
    Planted("the catalog has no journal", (Edit(_ENGINE, "mode=WAL", "mode=MEMORY"),), ("add", "update")),
    Planted(
        "a file is renamed into place and the folder not synced",
        (Edit(_ATOMIC, "    partial.replace(final)\n    sync(final.parent)", "    partial.replace(final)"),),
        ("create", "add"),
    ),
    Planted(
        "a new folder is not synced", (Edit(_ATOMIC, "            sync(path.parent)", "            pass"),), ("create",)
    ),
    Planted(
        "names in a new folder are not synced",
        (Edit(_ATOMIC, "            sync(path)\n", "            pass\n"),),
        ("add", "update"),
    ),
    Planted(
        "the manifest is published before the arrays of its snapshot",
        (
            Edit(
                _SNAPSHOT, "with new_folder(folder / FOLDER / name)", f"with {_OURS}.kept_back(folder / FOLDER / name)"
            ),
            Edit(
                _SNAPSHOT,
                "    snapshot.remove_others(folder, {",
                "    (folder / FOLDER / ('.partial-' + name)).replace(folder / FOLDER / name)\n"
                "    snapshot.remove_others(folder, {",
            ),
        ),
        ("add", "update"),
    ),
    Planted(
        "the old snapshot goes before the new one is published",
        (
            Edit(
                _SNAPSHOT,
                "        write_json(folder / MANIFEST",
                "        snapshot.remove_others(folder, {folder / FOLDER / name / one.modality for one in made})\n"
                "        write_json(folder / MANIFEST",
            ),
        ),
        ("update",),
    ),
    Planted(
        "a snapshot is linked though facts changed",
        (
            Edit(_SNAPSHOT, "anew = always or self._lags(segment, changed)", "anew = False"),
            Edit(_SNAPSHOT, "if home is None or self._lags(segment, changed)", "if home is None"),
            Edit(_SNAPSHOT, "self.moved += [moved] if len(moved) else []", "pass"),
        ),
        ("move",),
    ),
    Planted(
        "an old part is removed before the new row is committed",
        (
            Edit(
                _WRITER,
                "dead = change(self.catalog) or ()",
                "dead = change(self.catalog) or ()\n                self.discard(dead)",
            ),
        ),
        ("update", "compact", "remove"),
        _COMMITS,
    ),
    Planted(
        "what a killed writer left stays", (Edit(_WRITER, "            writer.clear()", "            pass"),), ("add",)
    ),
    Planted(
        "a writer does not take the lock", (Edit(_WRITER, "    with lock(folder, wait_s):", "    if True:"),), ("add",)
    ),
    Planted(
        "files are told to be in before they are",
        (
            Edit(
                "indexing.ingest.pipeline",
                "        self.batch.events.append(event)\n",
                "        self.batch.events.append(event)\n        yield event\n",
            ),
        ),
        ("add", "create"),
    ),
    Planted(
        "an import is half committed",
        (
            Edit(
                _CATALOG,
                "        replaced, left = imported.put(self._connection, (self.space_id, modality), rows)",
                "        rows = list(rows)\n"
                "        imported.put(self._connection, (self.space_id, modality), rows[:2])\n"
                "        driver_of(self._connection).execute('COMMIT')\n"
                "        driver_of(self._connection).execute('BEGIN IMMEDIATE')\n"
                "        replaced, left = imported.put(self._connection, (self.space_id, modality), rows[2:])",
            ),
        ),
        ("import",),
        _COMMITS,
    ),
    Planted(
        "a migration is no transaction",
        (
            Edit(
                "indexing.catalog.migrations",
                "                REVISIONS[version](operations)\n",
                "                REVISIONS[version](operations)\n"
                "                connection.exec_driver_sql('COMMIT')\n"
                "                connection.exec_driver_sql('BEGIN IMMEDIATE')\n",
            ),
        ),
        ("migrate",),
        _COMMITS,
    ),
    Planted(
        "compact believes parts whose checksum is wrong",
        (Edit(_PARTS, "    check_written(folder, part)\n", "    pass\n"),),
        ("compact around",),
    ),
    Planted(
        "compact confuses where tracks begin",
        (Edit("indexing.maintenance.compact", "begin = sum(map(len, tables))", "begin = 0"),),
        ("compact",),
    ),
    Planted(
        "verify believes parts whose checksum is wrong",
        (Edit("indexing.maintenance.verify", "        parts.check_written(folder, part)", "        pass"),),
        ("compact around",),
    ),
    Planted(
        "repair believes a damaged part",
        (Edit(_DAMAGE, "next(check_part(writer.folder, held, columns), None)", "None"),),
        ("repair",),
    ),
    Planted(
        "relink forgets copies",
        (Edit("indexing.maintenance.relink", "(track.path, *track.copies)", "(track.path,)"),),
        ("find again",),
    ),
    Planted(
        "salvage is off by one row", (Edit(_SALVAGE, '"first_row": at,', '"first_row": at + 1,'),), ("find again",)
    ),
    Planted(
        "salvage takes what is known of a track from the next row",
        (Edit(_SALVAGE, "rows.affect[at - 1].tolist()", "rows.affect[at].tolist()"),),
        ("find again",),
    ),
    Planted(
        "recordings are not grouped again",
        (Edit(_SALVAGE, "        _group(folder, catalog)\n", "        pass\n"),),
        ("find again", "bring back"),
    ),
    Planted(
        "the fingerprint of one track is given to another",
        (Edit(_PARTS, "getattr(analysis.features, BLOBS[name])", "getattr(items[0][1].features, BLOBS[name])"),),
        ("find again",),
    ),
    Planted(
        "an upgrade forgets recordings",
        (Edit("indexing.ingest.reencode", "catalog.copy_recordings(old)", "None"),),
        ("upgrade",),
    ),
    Planted(
        "an update forgets which tracks were touched",
        (Edit("indexing.catalog.schema", '"; ".join([bump, *notes])', "bump"),),
        ("move", "update"),
        "snapshots/.partial",
    ),
    Planted(
        "a copy loses its title",
        (Edit(_CATALOG, "{key: getattr(like, key, None) for key in _TAGS}", "{}"),),
        ("move",),
    ),
    Planted(
        "a search index is recorded before it is written",
        (
            Edit(
                "indexing.search.ann_files",
                "    size = 0 if name is None else _write(codes, home, name)",
                "    size = 0 if name is None else 1",
            ),
        ),
        ("build",),
    ),
)


def write_unsynced(path: Path, content: str, **_: Any) -> None:
    """A file replaced without a sync."""
    with unsynced(path) as partial:
        partial.write_text(content, "utf-8")


class _Loader(SourceFileLoader):
    """Loads modules with the edits of a fault."""

    edits: tuple[Edit, ...] = ()

    def get_code(self, fullname: str) -> CodeType | None:
        source = Path(self.path).read_text("utf-8")
        for edit in self.edits:
            if edit.module == fullname:
                if source.count(edit.old) != 1:
                    sys.exit(f"{edit.old!r} is not once in {fullname}")
                source = source.replace(edit.old, edit.new)
        return compile(source, self.path, "exec")


class _Finder(MetaPathFinder):
    """Finds the modules that a fault edits."""

    def __init__(self, edits: tuple[Edit, ...]) -> None:
        self.edits = edits

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        if fullname not in {edit.module for edit in self.edits}:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None and spec.origin is not None:
            spec.loader = loader = _Loader(fullname, spec.origin)
            loader.edits = self.edits
        return spec


def suffer(fault: Planted) -> int:
    """The exit status of the suite with a fault in the program, 1 when it notices; in a fresh process only."""
    sys.meta_path.insert(0, _Finder(fault.edits))
    from tests.faults import kills

    words = [word for name in fault.operations for word in ("--operation", name)]
    counts = ("--steps", _KILLS, "--instants", "0", "--errors", "0", "--kills", "1", "--first")
    return kills.main([*words, *counts, "--among", fault.among])


def notice(fault: Planted) -> str | None:
    """What the suite says of a program with that fault; None where it says nothing, or something else is wrong."""
    command = [sys.executable, "-m", "tests.faults.planted", "--suffer", fault.name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S)
    except subprocess.TimeoutExpired:
        print(f"not done after {_LIMIT_S} s")
        return None
    if done.returncode != 1 or "is not once in" in done.stderr:
        print(done.stdout, done.stderr, sep="\n")
        return None
    return next((line for line in done.stdout.splitlines() if line), done.stderr.strip()[-200:])


def main(argv: Sequence[str] | None = None) -> int:
    """1 when a fault went unnoticed, else 0."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="python -m tests.faults.planted", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", action="append", help="faults whose name holds this word")
    parser.add_argument("--suffer", help=argparse.SUPPRESS)
    given = parser.parse_args(words)
    if given.suffer:
        if not disk.is_watched():
            return disk.watched("tests.faults.planted", words)
        return suffer(next(fault for fault in FAULTS if fault.name == given.suffer))
    chosen = [fault for fault in FAULTS if not given.only or any(word in fault.name for word in given.only)]
    unnoticed = 0
    for fault in chosen:
        found = notice(fault)
        unnoticed += found is None
        print(
            f"{'NOT NOTICED' if found is None else 'noticed'}: {fault.name}{f' ({found})' if found else ''}", flush=True
        )
    print(f"{len(chosen) - unnoticed} of {len(chosen)} noticed")
    return int(bool(unnoticed))


if __name__ == "__main__":
    sys.exit(main())
