"""Libraries of several segments for tests: made once, restored for each test, and what they answer."""

import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from fakes import DIM, Marking, toy

from indexing import ingest
from indexing.library import Library
from indexing.maintenance.verify import verify
from indexing.snapshot import publishing, snapshot
from indexing.writing import writer
from recommender.types import Filter, Range


def make(home: Path) -> Path:
    """`home` with twelve toy tracks, two of them of one recording, and two libraries of them.

    `several` has two segments, a track that was dropped and one that moved.
    """
    with pytest.MonkeyPatch.context() as patch:
        publish_eagerly(patch)
        for seed in range(12):
            toy(home / "now" / "music" / f"{seed}.mp3", seed, f"{1 + seed % 4} {min(seed, 10)}")
        with Library.create(home / "now" / "library", Marking().space) as library:
            update(library, home / "now" / "music")
            shutil.copytree(home / "now", home / "whole")
            change(library, home / "now" / "music")
        shutil.copytree(home / "now", home / "several")
    return home


def publish_eagerly(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(writer, "_SMALL_ROWS", 0)
    patch.setattr(writer, "_PUBLISH_ROWS", -1)
    patch.setattr(publishing, "SMALL_ROWS", 4)
    patch.setattr(publishing, "BANDED", 12)
    patch.setattr("indexing.search.ann_index.start", lambda folder: False)


def change(library: Library, music: Path) -> None:
    toy(music / "new.mp3", 100, "3 100")
    (music / "2.mp3").unlink()
    (music / "4.mp3").rename(music / "moved.mp3")
    update(library, music)


def restored(made: Path, name: str) -> Library:
    shutil.rmtree(made / "now", ignore_errors=True)
    shutil.copytree(made / name, made / "now")
    return Library.open(made / "now" / "library")


def update(library: Library, music: Path, *others: Path) -> None:
    list(ingest.add(library, [music, *others], Marking(), executor="inline"))
    list(ingest.update(library, Marking(), executor="inline"))


FILTERS = (Filter(bpm=Range(60, 65)), Filter(keys=frozenset(["A minor"])), Filter(bpm=Range(0, 68), half_double=True))


def answers(library: Library) -> list:
    """All that some queries see, to the bit."""
    found = []
    for seed, where in itertools.product(range(3), (None, *FILTERS)):
        query = np.random.default_rng(seed).normal(size=DIM)
        ids, scores = library.search(query, 5, "music", where=where)
        windows = [np.asarray(part).tobytes() for one in library.windows_of(ids) for part in one]
        found.append((scores.tobytes(), library.tracks_of(ids.tolist()), windows))
        assert [c.ids.tolist() for c in library.search_many(query[None], 5, "music", where=where)] == [ids.tolist()]
    counts = [library.count("music", where) for where in (None, *FILTERS)]
    ids = library.ids("music")
    return [found, library.medians("music").tobytes(), counts, ids.tolist(), library.recordings(ids).tolist()]


def check(library: Library) -> None:
    """The library answers as its store does without a snapshot, and is whole."""
    assert library._facts
    found = answers(library)
    manifest = library.folder / snapshot.MANIFEST
    manifest.rename(manifest.with_name("aside"))
    with Library.open(library.folder) as without:
        assert not without._facts
        assert answers(without) == found
    manifest.with_name("aside").rename(manifest)
    assert verify(library) == []
    used = set(snapshot.load(library.folder).crcs)
    assert {path.parent for path in library.folder.glob("snapshots/*/*/ids.npy")} == used


def sizes(library: Library) -> list[int]:
    return [len(segment.ids) for segment in library.segments("music")]
