"""Short files measured together: a network that takes many pieces at once is not run for one sound of a second.

It only fills the cache that `training.construction.features.vectors` reads: what fails here, or dies, is tried again
there, alone, and told of there.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from indexing.executors import Crash, open_executor
from recommender.errors import CliptuneError
from recommender.extractors import Extractor
from recommender.types import Array
from training.construction.features import Progress, store_of


@dataclass(frozen=True)
class TogetherConfig:
    """How much is measured before anything of it is kept."""

    files: int = 64  # sounds of a second: four batches of a processor
    bytes: int = 16 << 20  # a larger file is measured alone, and fills batches by itself


def fill(
    files: Mapping[str, bytes],
    extractor: Extractor,
    cache: Path,
    *,
    workers: int,
    on_progress: Progress,
    config: TogetherConfig | None = None,
) -> int:
    """How many of the `files`, given with their fingerprints, were measured and put into the cache.

    0 of features that have nothing to share: only networks take several pieces at once. Raises as `vectors`.
    """
    store = store_of(extractor, cache)
    todo = [file for file, digest in files.items() if store.get(digest) is None]
    if not todo:
        return 0
    extractor.require()
    if not extractor.shares:
        return 0
    known, done = len(files) - len(todo), 0
    runner = open_executor("inline" if workers == 1 else "processes", workers)
    groups = list(group_short_files(sizes(todo), config or TogetherConfig(), workers))
    with closing(cast(Generator[tuple[Any, Any]], runner.run(vectors_of, extractor, groups))) as results:
        for group, found in results:
            whole = {} if isinstance(found, Crash) else dict(zip(group, found, strict=True))
            for file, vector in whole.items():
                if vector is not None:
                    store.put(files[file], vector)
                    done += 1
            on_progress(known + done, len(files))
    return done


def vectors_of(extractor: Extractor, files: Sequence[str]) -> list[Array | None]:
    """Features float32 [d] of every file, None where there are none."""
    try:
        found = list(extractor.each(map(Path, files)))
    except CliptuneError:
        return [None] * len(files)
    return [None if isinstance(one, Exception) or not np.isfinite(one.item).all() else one.item for one in found]


def sizes(files: Sequence[str]) -> dict[str, int]:
    """Bytes of every file that can still be found."""
    known = {}
    for file in files:
        try:
            known[file] = Path(file).stat().st_size
        except OSError:
            continue
    return known


def group_short_files(files: Mapping[str, int], config: TogetherConfig, workers: int) -> Iterator[tuple[str, ...]]:
    """The files that are short, in order, in groups that are neither large nor fewer than there are workers."""
    most = min(config.files, -(-len(files) // workers))
    group: list[str] = []
    held = 0
    for file, size in files.items():
        if size > config.bytes:
            continue
        if group and (len(group) == most or held + size > config.bytes):
            yield tuple(group)
            group, held = [], 0
        group.append(file)
        held += size
    if group:
        yield tuple(group)
