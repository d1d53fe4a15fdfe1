"""Content identity: two files are the same item when their bytes are."""

import hashlib
from pathlib import Path

from recommender.opening import open_regular

SIZE = 16  # bytes of digest: chance of one collision among 10^9 files is below 10^-20
_BLOCK = 1 << 20


def content_hash(path: Path) -> bytes:
    """The content hash of a file (BLAKE2b-128 of all bytes), read in blocks of 1 MiB.

    Raises OSError when the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=SIZE)
    with open_regular(path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def of_name(name: str) -> bytes:
    """The content hash that stands for an imported id, of which no bytes are known."""
    return hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=SIZE, person=b"imported id").digest()
