"""From decisions to committed batches: links at once, analyses as they finish, then copies of what was analysed."""

import os
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from indexing.catalog.changes import Analysed, Change, Linked, Refused, Tagged
from indexing.catalog.rows import NEVER
from indexing.catalog.writer import CatalogWriter
from indexing.disk.files import File, is_gone, trouble
from indexing.executors import Crash, open_executor
from indexing.ingest.events import Event, Failed, Ingested, PartlyRead, Skipped
from indexing.ingest.job import Bad, Done, Job, analyse
from indexing.ingest.plan import Decisions
from indexing.writing.writer import Writer
from recommender.errors import CliptuneError, PassingError
from recommender.model import Model
from recommender.tags import read_tags
from recommender.types import Modality, loss_of

_BATCH_FILES = 32
_BATCH_TAGS = 500
_BATCH_S = 5.0  # a kill loses at most this much work per worker; a commit costs tens of milliseconds
_LIMIT_S = 600.0
_BYTES_PER_S = 100_000  # of media; a film of 2 GB gets 6 hours


def default_limit_s(job: Job) -> float:
    """Seconds after which the analysis of a file counts as hanging: some ten times what the slowest model takes."""
    return _LIMIT_S + job.file.size / _BYTES_PER_S


@dataclass
class _Batch:
    """Finished work on its way to the disk, with the events to report once it is there."""

    changes: list[Change] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Whether it is time to commit."""
        return len(self.events) >= _BATCH_FILES or time.monotonic() - self.since >= _BATCH_S


class Pipeline:
    """Carries out decisions about files of one modality; every event is yielded after its commit."""

    def __init__(
        self,
        writer: Writer,
        analyser: Model,
        modality: Modality,
        workers: int | None,
        executor: str,
        limit_s: float | None = None,
        *,
        charset: str | None = None,
    ) -> None:
        self.charset = charset
        self.writer, self.analyser, self.modality = writer, analyser, modality
        self.executor = open_executor(executor, workers, default_limit_s if limit_s is None else lambda _: limit_s)
        self.batch = _Batch()
        self.refused: dict[bytes, str] = {}

    def run(self, todo: Decisions) -> Iterator[Event]:
        """The events of all decisions, files that need no analysis first."""
        if todo.seen:
            self.writer.apply(partial(CatalogWriter.see, modality=self.modality, seen=todo.seen))
        for path, reason in todo.skip:
            yield Skipped(path, reason)
        for linked, reason in todo.links:
            yield from self._take(linked, Skipped(linked.file.path, reason))
        yield from self._commit()
        self._retag(todo.retag)
        jobs, waiting = todo.jobs, todo.wait
        while jobs:
            yield from self._analyse(jobs)
            jobs, waiting = yield from self._copies(waiting)

    def _retag(self, paths: list[str]) -> None:
        """Read the tags of known files again, those that are in reach."""
        for at in range(0, len(paths), _BATCH_TAGS):
            found = [Tagged(p, tags) for p in paths[at : at + _BATCH_TAGS] if (tags := self._tags(p)) is not None]
            self.writer.commit(found, self.modality)

    def _tags(self, path: str) -> Mapping[str, str] | None:
        """The tags of a file, None where it is out of reach."""
        try:
            return read_tags(Path(path), self.charset) if os.access(path, os.R_OK) else None
        except PassingError:
            return None

    def _analyse(self, jobs: list[Job]) -> Iterator[Event]:
        results = cast(Generator[tuple[Job, Any]], self.executor.run(analyse, self.analyser, jobs))
        try:
            with closing(results):
                for job, outcome in results:
                    self.batch.events += _losses(job, outcome)
                    yield from self._take(*self._outcome(job, outcome))
        except (KeyboardInterrupt, GeneratorExit, CliptuneError):
            self._commit()  # what is finished is not lost
            raise
        yield from self._commit()

    def _outcome(self, job: Job, outcome: Any) -> tuple[Change | None, Event]:
        """What an executor's result changes in the catalog, and the event that reports it."""
        path = job.file.path
        if isinstance(outcome, CliptuneError):
            raise outcome
        if isinstance(outcome, Done):
            features = outcome.analysis.features
            inputs, source = self.analyser.inputs(self.modality), self.analyser.source(self.modality)
            self.writer.describe(self.modality, features.columns, inputs, source=source)
            return Analysed(job.file, outcome.hash, outcome.analysis), Ingested(path, outcome.seconds)
        if isinstance(outcome, Crash):
            passing = outcome.passing
            outcome = Bad(job.hash, trouble(path, outcome.reason), lasting=not passing, machine=passing)
        if outcome.lasting and outcome.hash is not None:
            self.refused[outcome.hash] = outcome.reason
        return self._refusal(job.file, outcome)

    def _refusal(self, file: File, bad: Bad) -> tuple[Change | None, Event]:
        """What a failure changes, and its event: an analysis of the same content stays, whatever failed now."""
        held = self.writer.reading(lambda catalog: catalog.content_at(self.modality, file.path))
        keep = held is not None and (bad.machine or held == bad.hash)
        gone = is_gone(file.path)  # nothing to remember: `update` forgets what was known of it
        event = Failed(file.path, bad.reason, kept=keep, lost=held is not None and not keep and not gone)
        if bad.lasting:
            return Refused(file, bad.hash, bad.reason, keep), event
        if keep or gone:
            return None, event
        return Refused(replace(file, mtime_ns=NEVER), bad.hash, bad.reason), event

    def _copies(self, waiting: list[Job]) -> Generator[Event, None, tuple[list[Job], list[Job]]]:
        """Settle files that waited for the analysis of a twin; those whose twin gave none are next."""
        known = self.writer.reading(lambda catalog: catalog.hashes(self.modality))
        jobs: dict[bytes | None, Job] = {}
        still = []
        for job in waiting:
            digest = job.hash or b""
            if digest in known:
                yield from self._take(Linked(job.file, digest), Skipped(job.file.path, "copy"))
            elif digest in self.refused:
                reason = f"same content as a file that failed: {self.refused[digest]}"
                yield from self._take(*self._refusal(job.file, Bad(digest, reason, lasting=True)))
            elif digest in jobs:
                still.append(job)
            else:
                jobs[digest] = job
        yield from self._commit()
        return list(jobs.values()), still

    def _take(self, change: Change | None, event: Event) -> Iterator[Event]:
        if not self.batch.events:
            self.batch.since = time.monotonic()
        self.batch.changes += [] if change is None else [change]
        self.batch.events.append(event)
        if self.batch.due():
            yield from self._commit()

    def _commit(self) -> list[Event]:
        """Make the batch durable; its events."""
        batch = self.batch
        if batch.changes:
            self.writer.commit(batch.changes, self.modality)
        self.batch = _Batch()
        return batch.events


def _losses(job: Job, outcome: Any) -> list[PartlyRead]:
    """What is to be told of a file that could be read in part."""
    loss = loss_of(outcome.analysis.features.facts) if isinstance(outcome, Done) else None
    return [] if loss is None else [PartlyRead(job.file.path, loss)]
