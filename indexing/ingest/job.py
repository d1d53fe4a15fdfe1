"""What a worker process does with one file: check, hash, analyse, check again."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from indexing.disk.content_hash import content_hash
from indexing.disk.files import File, file_of, trouble
from recommender.errors import CliptuneError, MediaError, PassingError
from recommender.faults import machine_fault
from recommender.model import Model
from recommender.tags import read_tags
from recommender.text import show
from recommender.types import Analysis, Modality


@dataclass(frozen=True)
class Job:
    """A file to analyse; `hash` where it is already known, `charset` of its tags where a person said it."""

    file: File
    modality: Modality
    hash: bytes | None = None
    charset: str | None = None


@dataclass(frozen=True)
class Done:
    """An analysed file and the seconds that took."""

    hash: bytes
    analysis: Analysis
    seconds: float


@dataclass(frozen=True)
class Bad:
    """A file that cannot be used; `lasting` when the content itself is to blame.

    `machine`: when the machine is: then nothing is said of the file, and what is known of it stays.
    """

    hash: bytes | None
    reason: str
    lasting: bool
    machine: bool = False


def analyse(analyser: Model, job: Job) -> Done | Bad | CliptuneError:
    """The outcome for one file; a CliptuneError other than MediaError is returned: it concerns all files."""
    start = time.perf_counter()
    path, digest = Path(job.file.path), job.hash

    def bad(why: str, lasting: bool, machine: bool = False) -> Bad:
        return Bad(digest, trouble(job.file.path, why), lasting, machine)

    try:
        if _has_changed(job.file, digest):
            return bad("it changed while it waited for its analysis", lasting=False)
        digest = digest or content_hash(path)
        analysis = analyser.analyse(path, job.modality)
        if job.charset and job.modality == "music":
            analysis = replace(analysis, tags=read_tags(path, job.charset))
        flaw = _flaw(analysis, analyser.space.dim)
        if _has_changed(job.file, digest):
            return bad("it changed during its analysis", lasting=False)
    except PassingError as error:
        return Bad(digest, str(error), lasting=False, machine=True)
    except MediaError as error:
        return Bad(digest, str(error), lasting=not _has_moved(job.file, digest))
    except CliptuneError as error:
        return error
    except Exception as error:  # one file must never stop the others
        if fault := machine_fault(error) or (isinstance(error, OSError) and show(str(error.strerror or error)).lower()):
            return bad(fault, lasting=False, machine=True)
        return bad(f"unexpected {type(error).__name__}: {show(str(error))}", lasting=True)
    return bad(flaw, lasting=True) if flaw else Done(digest, analysis, time.perf_counter() - start)


def _has_changed(file: File, digest: bytes | None) -> bool:
    """Whether a file is no longer what was found; where only its inode or status changed, its content tells."""
    now = file_of(file.path, os.stat(file.path)).stamp  # noqa: PTH116
    if now[:2] != file.stamp[:2]:
        return True
    return digest is not None and not now.fits(file.stamp) and content_hash(Path(file.path)) != digest


def _has_moved(file: File, digest: bytes | None) -> bool:
    try:
        return _has_changed(file, digest)
    except OSError:
        return True


def _flaw(analysis: Analysis, dim: int) -> str | None:
    """Why an analysis cannot be stored, or None."""
    features, n = analysis.features, len(analysis.vectors)
    width = len(features.columns)
    scale = 4 if np.size(analysis.item_affect) else 0  # a model may know nothing of affect
    arrays = {
        "windows": (features.windows, (n, 2)),
        "values": (features.values, (n, width)),
        "item": (features.item, (width,)),
        "affect": (analysis.affect, (n, scale)),
        "vectors": (analysis.vectors, (n, dim)),
        "item_affect": (analysis.item_affect, (scale,)),
        "item_vector": (analysis.item_vector, (dim,)),
    }
    if n == 0:
        return "the analysis holds no windows"
    for name, (array, shape) in arrays.items():
        if np.shape(array) != shape:
            return f"the analysis' {name} have shape {list(np.shape(array))} instead of {list(shape)}"
        if not np.isfinite(array).all():
            return f"the analysis' {name} are not finite"
    norms = np.linalg.norm(np.vstack([analysis.vectors, analysis.item_vector[None]]), axis=1)
    return None if np.allclose(norms, 1, atol=1e-3) else "the analysis' vectors are not of unit length"
