"""Checksums of derived files, so that one that is damaged counts as absent: of small ones whenever they are opened.

CRC-32, which finds every single run of up to 32 wrong bits: against the hardware, not against people.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from recommender.opening import check_regular, is_absent, open_regular

SMALL = 1 << 20
"""Bytes up to which a file is looked at whenever it is opened: below a millisecond."""
_BLOCK = 1 << 20
_SEAL = "crc"


def crc(path: Path, most: int | None = None) -> int:
    """The CRC-32 of a file, or of its first `most` bytes; raises OSError."""
    found, left = 0, check_regular(path) if most is None else most
    with open_regular(path) as file:
        while block := file.read(min(_BLOCK, left)):
            found = zlib.crc32(block, found)
            left -= len(block)
    return found


def crcs(home: Path, known: Mapping[str, int] = MappingProxyType({})) -> dict[str, int]:
    """The CRC-32 of every array below a folder, by its path there, where it is not `known` already."""
    paths = {path.relative_to(home).as_posix(): path for path in sorted(home.rglob("*.npy"))}
    return {name: known[name] if name in known else crc(path) for name, path in paths.items()}


def differing(home: Path, written: Mapping[str, int], most: int | None = None) -> Iterator[str]:
    """The files (of at most `most` bytes, where given) that are missing or not as they were written; raises OSError."""
    for name, expected in written.items():
        path = home / name
        try:
            if (most is None or check_regular(path) <= most) and crc(path) != expected:
                yield name
        except OSError as error:
            if not is_absent(error):
                raise
            yield name


def seal(value: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with the checksum of what is in it."""
    return {**value, _SEAL: _of(value)}


def unseal(value: Any) -> dict[str, Any]:
    """The JSON object without its checksum, which older ones lack; ValueError where that is not right."""
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    held = dict(value)
    if held.pop(_SEAL, None) not in (None, _of(held)):
        raise ValueError("it is not as it was written")
    return held


def _of(value: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())
