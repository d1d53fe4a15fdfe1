"""The checkpoints in the user's data folder: NAME.safetensors and, beside it, NAME.json: the record of its source.

The record is written last: without it a checkpoint is not there. The SHA-256 of the published file is taken at the
first pull and enforced at every later one.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recommender.atomic import new_file, write
from recommender.errors import Argument, InputError, ModelError
from recommender.home import data_home, model_errors
from recommender.opening import check_regular, load_json, open_regular
from recommender.text import show
from recommender.weights.convert import convert, empty, fitting
from recommender.weights.fetch import FetchConfig, OnBytes, check_address, discard, fetch
from recommender.weights.published import Checkpoint, Figure, checkpoint, require_package, require_torch

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT = 1
MIRROR_VARIABLE = "CLIPTUNE_MIRROR"
ROOM = 4
"""A published file may be so many times its expected size: some carry an optimiser's state."""


@dataclass(frozen=True)
class Record:
    """What is remembered of a checkpoint on disk.

    Attributes
    ----------
    sha256, size_bytes, source: of the published file, and the address or path that it came from.
    weights_sha256, weights_bytes: of the converted file beside the record.
    """

    name: str
    source: str
    sha256: str
    size_bytes: int
    weights_sha256: str
    weights_bytes: int
    format: int = FORMAT


class Pulled(NamedTuple):
    """The record of a pulled checkpoint, and whether it had been there before."""

    record: Record
    before: bool


def folder() -> Path:
    """Where checkpoints live."""
    return data_home() / "checkpoints"


def weights_path(name: str) -> Path:
    """The converted weights of a checkpoint."""
    return folder() / f"{name}.safetensors"


def record_path(name: str) -> Path:
    """The record of a checkpoint."""
    return folder() / f"{name}.json"


def record(name: str) -> Record | None:
    """What is remembered of a checkpoint, None when it was never pulled; raises ModelError when it cannot be read."""
    checkpoint(name)
    path = record_path(name)
    if not path.is_file():
        return None
    try:
        with model_errors(path, "read"):
            found = Record(**load_json(path))
    except (ValueError, TypeError) as error:
        raise ModelError(f"{show(path)}: not a whole record; remove it and pull the checkpoint again") from error
    if found.format != FORMAT or found.name != name:
        raise ModelError(f"{show(path)}: not the record of {name} in format {FORMAT}; remove it and pull again")
    return found


def present(name: str) -> bool:
    """Whether a checkpoint is on disk and as long as recorded; `verify` looks at every byte."""
    known = record(name)
    weights = weights_path(name)
    return known is not None and weights.is_file() and weights.stat().st_size == known.weights_bytes


def address(name: str, mirror: str | None = None) -> str:
    """Where a checkpoint is fetched from: below `mirror`, else $CLIPTUNE_MIRROR, else where it is published."""
    one = checkpoint(name)
    base = mirror or os.environ.get(MIRROR_VARIABLE)
    if not base:
        return one.url
    check_address(base)
    return f"{base.rstrip('/')}/{one.file}"


def pull(
    name: str,
    source: Path | None = None,
    sha256: str | None = None,
    *,
    mirror: str | None = None,
    on_bytes: OnBytes = lambda have, total: None,
    config: FetchConfig | None = None,
) -> Pulled:
    """Fetch (or read from the file `source`), check, convert and keep a checkpoint; one that is there is left alone.

    Raises InputError for arguments that make no sense, and ModelError when the file cannot be had, is not the one
    expected, or does not fit its network: nothing of it is then kept.
    """
    one = checkpoint(name)
    if source and mirror:
        told = " names a place to fetch it from: give one"
        raise InputError(Argument("source"), " reads a file, ", Argument("mirror"), told)
    known = record(name)
    expected = _expected_hash(name, sha256, known)
    if known and not source and _whole(name, known):
        return Pulled(known, before=True)
    require_torch()
    require_package(name)  # told before a long download, not after it
    with _alone(name):
        part = folder() / f"{one.file}.part"
        url = "" if source else address(name, mirror)
        if url:
            fetch(url, part, ROOM * one.size_bytes, on_bytes=on_bytes, config=config)
        try:
            found, state = _check(source or part, one, url or str(source), expected)
        except ModelError:
            if not source:
                discard(part)
            raise
        made = _keep(name, state, source or part, url or str(source), found)
        if not source:
            discard(part)
    return Pulled(made, before=False)


def verify(name: str) -> list[Figure]:
    """Published figures beside those of the checkpoint on disk (none where none are published).

    Raises ModelError when it is not there, a byte has changed, or it does not fit its network.
    """
    one, known = checkpoint(name), record(name)
    if known is None:
        raise _absent(name)
    if not _whole(name, known):
        told = "not what was recorded when it was pulled (SHA-256): damaged or changed"
        raise ModelError(f"{show(weights_path(name))}: {told}; `recommend models pull {name}` mends it")
    net = load(name)
    return one.check(net) if one.check else []


def load(name: str) -> "nn.Module":
    """The network of a checkpoint with its weights, for inference; raises ModelError when it is not there."""
    one = checkpoint(name)
    require(name)
    net = empty(one)
    net.load_state_dict(fitting(_read(weights_path(name)), net, show(weights_path(name))), assign=True)
    return net.eval().requires_grad_(False)


def require(name: str) -> None:
    """Raise ModelError, saying what to do, unless the checkpoint is here and so is what runs it."""
    if not present(name):
        raise _absent(name)
    require_torch()
    require_package(name)


def _absent(name: str) -> ModelError:
    return ModelError(f"the checkpoint {name} is not on this machine: `recommend models pull {name}` fetches it")


def _expected_hash(name: str, given: str | None, known: Record | None) -> str | None:
    """The SHA-256 that the published file must have, as far as it is known."""
    if given is None:
        return known.sha256 if known else None
    given = given.lower()
    if len(given) != 64 or set(given) - set("0123456789abcdef"):
        raise InputError(Argument("sha256", f"'{show(given)}'"), " is no SHA-256: 64 hexadecimal digits")
    if known and given != known.sha256:
        told = f" differs from the {known.sha256} recorded when {name} was first pulled; remove "
        raise InputError(Argument("sha256"), f"{told}{show(record_path(name))} to begin anew")
    return given


def _check(file: Path, one: Checkpoint, source: str, expected: str | None) -> tuple[str, dict[str, "Tensor"]]:
    """SHA-256 and tensors of a published file that is the expected one and fits its network."""
    found = _sha256(file)
    if expected and found != expected:
        told = f"its SHA-256 is {found}, not {expected}: not the file that was expected, nothing was kept"
        raise ModelError(f"{show(source)}: {told}")
    return found, convert(file, one, show(source))


def _keep(name: str, state: dict[str, "Tensor"], file: Path, source: str, sha256: str) -> Record:
    """Write the weights, then their record."""
    from safetensors.torch import save_file

    weights = weights_path(name)
    with model_errors(weights), new_file(weights) as partial:
        save_file(state, partial, {"sha256": sha256})  # one entry: several come in any order
    made = Record(name, source, sha256, file.stat().st_size, _sha256(weights), weights.stat().st_size)
    with model_errors(record_path(name)):
        write(record_path(name), json.dumps(asdict(made), indent=1) + "\n")
    return made


def _whole(name: str, known: Record) -> bool:
    return present(name) and _sha256(weights_path(name)) == known.weights_sha256


def _sha256(file: Path) -> str:
    with model_errors(file, "read"), open_regular(file) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _read(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError

    require_torch()
    from safetensors.torch import load_file

    try:
        with model_errors(path, "read"):
            check_regular(path)
            return load_file(path)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"{show(path)}: no whole safetensors file; pull the checkpoint again") from error


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """A context that one process at a time can be in."""
    from filelock import FileLock, Timeout

    with model_errors(folder()):
        folder().mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder() / f"{name}.lock", timeout=0):
            yield
    except Timeout as error:
        raise ModelError(f"another process is fetching {name}; wait for it, then run the command again") from error
