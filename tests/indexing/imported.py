"""Libraries of imported vectors for tests, and the command that builds their search index."""

from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from indexing.commands import index as commands
from indexing.ingest.import_vectors import import_vectors
from recommender.types import Array


def import_tracks(folder: Path, vectors: Array, windows: int, *, bpm: Array | None = None) -> Path:
    """The library made of `vectors` [n, dim], of tracks of so many windows each; bpm: of each track."""
    np.save(folder / "v.npy", vectors)
    told = ["id" if bpm is None else "id,bpm"]
    told += [f"t{row // windows}" + ("" if bpm is None else f",{bpm[row // windows]}") for row in range(len(vectors))]
    (folder / "ids.csv").write_text("\n".join(told) + "\n")
    import_vectors(folder / "lib", folder / "v.npy", folder / "ids.csv", space="mine")
    return folder / "lib"


def build(folder: Path, *options: str) -> str:
    """What `recommend index build` prints."""
    run = CliRunner().invoke(commands.app, ["build", "--library", str(folder), *options])
    assert run.exit_code == 0, run.output
    return run.output
