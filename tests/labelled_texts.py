"""A table of labelled "media" that are plain texts, and an encoder for them: builds in milliseconds."""

import hashlib
from pathlib import Path

import numpy as np

from recommender.errors import MediaError
from recommender.types import Array
from training.construction.encoders import Encoder, Extractor
from training.types import EMOTIONS

CALLS: list[str] = []


def numbers(path: Path, width: int, salt: str) -> Array:
    """Features that a file's text stands for; a text may say that it is damaged."""
    text = path.read_text()
    if text.startswith("damaged"):
        raise MediaError(f"cannot read '{path.name}': no audio stream")
    CALLS.append(path.name)
    digest = hashlib.sha256((salt + text).encode()).digest()
    return np.frombuffer(digest[:width], np.uint8).astype(np.float32)


TEXT = Encoder(
    video=Extractor("TextVideo", ("a", "b", "c"), "1", lambda path: numbers(path, 3, "v")),
    music=Extractor("TextMusic", ("p", "q"), "1", lambda path: numbers(path, 2, "m")),
)


def row(source: int, i: int) -> tuple[str, str, str]:
    return f"media/{source}-{i}.txt", EMOTIONS[(source + i // 2) % 5], f"film {source}"


ROWS = [row(source, i) for source in range(12) for i in range(4)]


def write_table(folder: Path, rows=ROWS, name: str = "labels.csv") -> Path:
    """A table and its `media`, each file with a text of its own."""
    (folder / "media").mkdir(parents=True, exist_ok=True)
    for path, _, _ in rows:
        if not (folder / path).exists():
            (folder / path).write_text(path)
    table = folder / name
    table.write_text("path,emotion,source\n" + "".join(",".join(r) + "\n" for r in rows))
    return table
