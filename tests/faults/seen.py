"""What can be seen of a library, and what is wrong with it after a fault, and after the operation was done again."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from indexing.catalog.schema import is_made
from indexing.disk.locations import BACKUP
from indexing.ingest.events import Ingested
from indexing.library import Library
from indexing.maintenance.verify import Problem, orphans, verify
from indexing.snapshot import snapshot
from recommender.conditions import Filter
from tests.faults.operations import Operation, World, state
from tests.faults.truth import digest


@dataclass(frozen=True)
class Seen:
    """All that can be seen of a library, JSON-ready: a digest per track by modality and path, ids, the model.

    `versions` are the paths of the same recording, by path; `searched` is what kind of index searches each modality.
    """

    tracks: dict[str, str]
    ids: dict[str, int]
    versions: dict[str, list[str]]
    space: list[Any] | None
    searched: dict[str, str] = field(default_factory=dict)


def seen(folder: Path) -> Seen:
    """What a library shows; nothing where there is none yet, or one that was never finished."""
    if not is_made(folder):
        return Seen({}, {}, {}, None)
    with Library.open(folder) as library:
        tracks = {" ".join(key): digest(value) for key, value in state(library).items()}
        ids = {track.path: track.id for track in library.tracks()}
        versions = {path: sorted(library.tracks_of([key])[0].versions) for path, key in ids.items()}
        searched = {modality: found["kind"] for modality, found in library.info()["search"].items()}
        return Seen(tracks, ids, versions, list(library.space), searched)


def faults_when_reopened(
    folder: Path, before: Seen, after: Seen, reported: Iterable[str], *, of: Operation
) -> Iterator[str]:
    """What is wrong with a library right after a kill: anything lost, doubled, half there or unreadable."""
    now = seen(folder)
    if of.atomic and now.tracks not in (before.tracks, after.tracks):
        yield "some tracks are as before, some as after"
    for key, value in now.tracks.items():
        if value not in (before.tracks.get(key), after.tracks.get(key)):
            yield f"{key} is neither as before nor as after"
    for key in before.tracks.keys() & after.tracks.keys() - now.tracks.keys():
        yield f"{key} is lost"
    for path in reported:
        if f"music {path}" not in now.tracks:
            yield f"{path} was reported and is not there"
    if now.space is not None:
        with Library.open(folder) as library:
            yield from (str(p) for p in verify(library) if p.kind not in of.damaged and not _is_behind(folder, p))
            for path, key in now.ids.items():
                if library.ids("music", Filter(only=frozenset({path}))).tolist() != [key]:
                    yield f"a filter does not find {path}"


def _is_behind(folder: Path, problem: Problem) -> bool:
    """Whether a snapshot is not yet there, or of before the last change: both are right after a kill."""
    missing = not (folder / "manifest.json").exists()
    return problem.kind == "snapshot" and (missing or "behind the catalog" in problem.text)


def faults_when_done(folder: Path, after: Seen) -> Iterator[str]:
    """What is wrong with a library after the operation was done again."""
    now = seen(folder)
    if now.tracks != after.tracks:
        differing = {key for key in now.tracks | after.tracks if now.tracks.get(key) != after.tracks.get(key)}
        yield f"other tracks than without a fault: {sorted(differing)}"
    if now.ids != after.ids:
        yield "other ids than without a fault"
    if now.versions != after.versions:
        yield "other recordings than without a fault"
    if now.searched != after.searched:
        yield f"searched by {now.searched} instead of {after.searched}"
    if now.space != after.space:
        yield f"the space is {now.space}"
    with closing(Library.open(folder)) as library:
        yield from map(str, verify(library))
        yield from (f"orphan {name}" for name in orphans(library.folder))
    left = [*folder.rglob(".partial-*"), *folder.glob(BACKUP + "*"), *folder.glob("writer.json")]
    yield from (f"left behind: {path.name}" for path in left)
    used = {home.parent for home in snapshot.load(folder).crcs}
    if set((folder / "snapshots").iterdir()) != used:
        yield "segments that no snapshot needs"


def faults_of_end(world: World, folder: Path, after: Seen) -> Iterator[str]:
    """What is wrong with the end of an undisturbed operation: it is not what the files say, or not whole."""
    yield from faults_when_done(folder, after)
    if world.truth.exists():
        truth = json.loads(world.truth.read_text("utf-8"))
        for name, found in (("tracks", after.tracks), ("versions", after.versions)):
            wrong = {key for key in found | truth[name] if found.get(key) != truth[name].get(key)}
            yield from (f"{name} of {key} are not what the files say" for key in sorted(wrong))


def reported_by(event: Any) -> str | None:
    """The path that an event says is in the library for good."""
    return event.path if isinstance(event, Ingested) else None
