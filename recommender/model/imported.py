"""The model of a library whose vectors came from outside: it knows their space, and nothing else."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.errors import Argument, SpaceMismatch
from recommender.model.base import Model
from recommender.types import IMPORTED, Analysis, Array, Coded, Modality, Space


@dataclass(frozen=True)
class ImportedVectors(Model):
    """Vectors [n, dim] of the space `name`, which are their own features."""

    name: str
    dim: int
    revision: str = IMPORTED

    @property
    def space(self) -> Space:
        return Space(self.name, self.revision, self.dim)

    @property
    def reads(self) -> str:
        return ""

    def inputs(self, modality: Modality) -> tuple[str, ...]:
        return ()

    source_columns = library_columns = inputs

    def source(self, modality: Modality) -> str:
        return ""

    def code(self, modality: Modality, values: Array, still: Array, *, lengths_s: Array | None = None) -> Coded:
        """The values themselves, scaled to unit length."""
        vectors = np.asarray(values, np.float64)
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        nothing = np.empty((len(vectors), 0), np.float32)
        return Coded(nothing, nothing, vectors.astype(np.float32))

    def analyse(self, path: Path, modality: Modality) -> Analysis:
        raise SpaceMismatch(
            f"this library holds imported vectors of the space '{self.name}': query it with a vector of that space (",
            Argument("vector", "q.npy"),
            f"), not with {str(path)!r}",
        )
