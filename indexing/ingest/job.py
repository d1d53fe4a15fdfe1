"""What a worker process does with one file: check, hash, analyse, check again."""

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from indexing.disk.content_hash import content_hash
from indexing.disk.files import File, trouble
from recommender.errors import CliptuneError, MediaError
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
    """A file that cannot be used; `lasting` when the content itself is to blame."""

    hash: bytes | None
    reason: str
    lasting: bool


def analyse(analyser: Model, job: Job) -> Done | Bad | CliptuneError:
    """The outcome for one file; a CliptuneError other than MediaError is returned: it concerns all files."""
    start = time.perf_counter()
    path, digest = Path(job.file.path), job.hash

    def bad(why: str, lasting: bool) -> Bad:
        return Bad(digest, trouble(job.file.path, why), lasting)

    try:
        if _has_changed(job.file):
            return bad("it changed while it waited for its analysis", lasting=False)
        digest = digest or content_hash(path)
        analysis = analyser.analyse(path, job.modality)
        if job.charset and job.modality == "music":
            analysis = replace(analysis, tags=read_tags(path, job.charset))
        flaw = _flaw(analysis, analyser.space.dim)
        if _has_changed(job.file):
            return bad("it changed during its analysis", lasting=False)
    except MediaError as error:
        return Bad(digest, str(error), lasting=not _has_moved(job.file))
    except CliptuneError as error:
        return error
    except OSError as error:
        return bad(show(str(error.strerror or error)).lower(), lasting=False)
    except Exception as error:  # one file must never stop the others
        return bad(f"unexpected {type(error).__name__}: {show(str(error))}", lasting=True)
    return bad(flaw, lasting=True) if flaw else Done(digest, analysis, time.perf_counter() - start)


def _has_changed(file: File) -> bool:
    status = os.stat(file.path)  # noqa: PTH116
    return (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns)


def _has_moved(file: File) -> bool:
    try:
        return _has_changed(file)
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
