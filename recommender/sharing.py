"""Trained models as one file: a zip of a model folder, and its way into the user's data folder.

What comes from outside is data alone: plain files of known kinds in one folder, of bounded size, loaded once before
they are installed under the name that their manifest gives.
"""

import errno
import fcntl
import io
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from recommender.atomic import PARTIAL, new_file, publish, sync
from recommender.errors import Argument, CliptuneError, InputError, ModelError
from recommender.home import model_errors
from recommender.model import Model, available
from recommender.model.folder import MANIFEST, models_home
from recommender.opening import open_regular
from recommender.text import show
from recommender.weights import CHECKPOINTS

SUFFIXES = (".json", ".jsonl", ".safetensors", ".md", ".txt")
"""Kinds of files that a model folder is made of."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
FILES = 64
MAX_BYTES = 1 << 30
"""Most files, and most bytes in all, of a model from outside: ours have less than ten and some hundred kilobytes."""
_WHEN = (1980, 1, 1, 0, 0, 0)  # one model gives one archive, whenever it is written
_BLOCK = 1 << 20
_TAIL, _LISTING = 22 + (1 << 16), 1 << 16  # bytes where a zip's list of files is told, and of it at most


def export_model(name_or_folder: str | Path, file: Path) -> list[str]:
    """Write a model (manifest, tensors, card, reports) as a zip; names of the files in it.

    Parameters
    ----------
    name_or_folder: as `Model.load` takes it. file: the zip to write, which must not exist.

    Raises ModelError when it is no whole model, InputError when `file` exists.
    """
    if str(name_or_folder) in CHECKPOINTS:
        told = f"'{name_or_folder}' is a published checkpoint: others fetch it themselves (`recommend models pull`),"
        raise InputError(f"{told} or share the published file (", Argument("source", "FILE", "models pull NAME"), ")")
    if file.exists():
        raise InputError(f"{show(file)} exists already: give another name")
    model = Model.load(name_or_folder)
    model.card()
    paths = [path for path in sorted(model.folder.iterdir()) if path.suffix in SUFFIXES and _regular(path)]
    with model_errors(file), new_file(file) as partial, zipfile.ZipFile(partial, "w") as archive:
        for path in paths:
            entry = zipfile.ZipInfo(f"{_check_name(model.name)}/{path.name}", _WHEN)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, (stat.S_IFREG | 0o644) << 16
            with archive.open(entry, "w") as target, open_regular(path) as opened:
                shutil.copyfileobj(opened, target, _BLOCK)
    return [path.name for path in paths]


def import_model(source: Path) -> Model:
    """The model of others, installed in the user's data folder under its own name.

    Parameters
    ----------
    source: its folder or zip.

    Raises ModelError when it holds anything but a model that loads here, or another model has its name.
    """
    if not source.exists():
        raise InputError(f"no such folder or file: {show(source)}")
    home = models_home()
    with model_errors(home):
        home.mkdir(parents=True, exist_ok=True)
    with model_errors(home), _at_work(home):
        place = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=home))
        return _import(source, place)


def _import(source: Path, place: Path) -> Model:
    try:
        files = _folder_files(source) if source.is_dir() else _zip_files(source)
        with model_errors(source, "import"), _readable(source), closing(files):
            for name, opened in files:
                _copy(opened, place / name, MAX_BYTES - sum(path.stat().st_size for path in place.iterdir()), source)
        return _install(place, source)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _at_work(home: Path) -> Iterator[None]:
    """A context of an import; one that begins while no other is at work clears what killed ones left."""
    handle = os.open(home, os.O_RDONLY)
    try:
        with suppress(OSError):  # another is at work, or the file system knows no locks
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in home.glob(PARTIAL + "*"):
                shutil.rmtree(left, ignore_errors=True)
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def _install(place: Path, source: Path) -> Model:
    """Move the model in `place` to where models live, when it loads and its name is free."""
    if not (place / MANIFEST).is_file():
        raise ModelError(f"{show(source)}: no model: it holds no {MANIFEST}")
    model = _load(place, source)
    name = model.name
    if name in available() and _revision(name) == model.revision:
        return Model.load(name)
    if name in available() or name in CHECKPOINTS:
        raise ModelError(f"{show(source)}: its model is called '{name}' as one that comes with cliptune: not imported")
    final = models_home() / name
    if not final.exists():
        with model_errors(final):
            publish(place, final)
    elif _revision(final) != model.revision:
        told = f"another model '{name}' was imported before: remove {show(final)} first, or train this one again"
        raise ModelError(f"{show(source)}: {told} under another name")
    return Model.load(final)


def _load(place: Path, source: Path) -> Model:
    """The model in `place`, with a card and a name that is safe; messages speak of `source`."""
    try:
        model = Model.load(place)
        model.card()
        _check_name(model.name)
    except CliptuneError as error:
        line = str(error).replace(str(place), show(source))
        raise ModelError(line if show(source) in line else f"{show(source)}: {line}") from error
    except Exception as error:  # a manifest may be wrong in more ways than the loaders translate
        raise ModelError(f"{show(source)}: its manifest makes no sense ({type(error).__name__})") from error
    return model


def _revision(name_or_folder: str | Path) -> str | None:
    """The revision of a model at hand, None of one that cannot be loaded."""
    try:
        return Model.load(name_or_folder).revision
    except ModelError:
        return None


def _check_name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ModelError(f"the model's name '{show(name[:80])}' is not made of up to 64 letters, digits and . _ -")
    return name


def _regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _folder_files(folder: Path) -> Generator[tuple[str, IO[bytes]]]:
    """Names and contents of the files of a model folder; others than a model's own stay behind."""
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES]
    _check_count(len(paths), folder)
    for path in paths:
        if not _regular(path):
            raise ModelError(f"{show(path)}: only plain files are imported, not links or folders")
        with open_regular(path, MAX_BYTES) as opened:
            yield path.name, opened


def _zip_files(file: Path) -> Generator[tuple[str, IO[bytes]]]:
    """Names and contents of the files in a zip, which all lie in one folder or in none."""
    with open_regular(file, MAX_BYTES) as opened_file, zipfile.ZipFile(_check_listing(opened_file, file)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _check_count(len(entries), file)
        seen: set[PurePosixPath] = set()
        for entry in entries:
            path = _entry_path(entry, file)
            if path in seen or any(path.parent != other.parent for other in seen):
                told = f"'{show(entry.filename)}' is there twice or in a second folder"
                raise ModelError(f"{show(file)}: {told}: refused")
            seen.add(path)
            with archive.open(entry) as opened:
                yield path.name, opened


def _check_listing(opened: io.BufferedReader, file: Path) -> io.BufferedReader:
    """The zip `opened`, refused when its list of files, which is read as a whole, is too long for a model's."""
    end = opened.seek(0, os.SEEK_END)
    opened.seek(max(0, end - _TAIL))
    tail = opened.read()
    at = tail.rfind(b"PK\5\6")
    large = tail.rfind(b"PK\6\7") >= 0 or int.from_bytes(tail[at + 12 : at + 16], "little") > _LISTING
    if at >= 0 and large:
        raise ModelError(f"{show(file)}: more files than the {FILES} that a model may have: refused")
    opened.seek(0)
    return opened


@contextmanager
def _readable(source: Path) -> Iterator[None]:
    """A context in which whatever a damaged zip makes its reader fail with becomes a ModelError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # that is a place before the file's start
            raise
        raise ModelError(f"{show(source)}: no whole zip ({show(str(error)[:200])}); export the model again") from error


def _entry_path(entry: zipfile.ZipInfo, file: Path) -> PurePosixPath:
    """Where an entry lies in its archive, refused unless it is a plain file of a known kind at most one folder deep."""
    name, where = entry.filename, f"{show(file)}: '{show(entry.filename[:80])}'"
    path = PurePosixPath(name)
    if path.is_absolute() or len(path.parts) > 2 or ".." in path.parts or "\\" in name or ":" in name:
        raise ModelError(f"{where} leads out of the model's folder: refused")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        raise ModelError(f"{where} is a link or a device, not a plain file: refused")
    if path.suffix not in SUFFIXES or not NAME.fullmatch(path.name):
        raise ModelError(f"{where} is no file of a model ({', '.join(SUFFIXES)}): refused")
    return path


def _check_count(files: int, source: Path) -> None:
    if files > FILES:
        raise ModelError(f"{show(source)}: {files} files, more than the {FILES} that a model may have: refused")


def _copy(opened: IO[bytes], target: Path, room: int, source: Path) -> None:
    """Write what `opened` gives, counted as it comes: what an archive says of its sizes is not believed."""
    with open(target, "xb") as file:
        while block := opened.read(_BLOCK):
            room -= len(block)
            if room < 0:
                raise ModelError(f"{show(source)}: more than {MAX_BYTES / 1e6:.0f} MB unpacked: refused")
            file.write(block)
    sync(target)
