"""From decisions to committed batches: links at once, analyses as they finish, then copies of what was analysed."""

import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, cast

from indexing.catalog.changes import Analysed, Change, Linked, Refused
from indexing.disk.files import File, is_gone, trouble
from indexing.executors import Crash, open_executor
from indexing.ingest.events import Event, Failed, Ingested, PartlyRead, Skipped
from indexing.ingest.job import Bad, Done, Job, analyse
from indexing.ingest.plan import Decisions
from indexing.writing.writer import Writer
from recommender.errors import CliptuneError
from recommender.model import Model
from recommender.types import Modality, loss_of

_BATCH_FILES = 32
_BATCH_S = 5.0  # a kill loses at most this much work per worker; a commit costs tens of milliseconds
_LIMIT_S = 600.0
_BYTES_PER_S = 100_000  # of media; a film of 2 GB gets 6 hours
NEVER = -1  # a modification time no file has: such a failure is tried again on the next run


def default_workers() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    ) -> None:
        self.writer, self.analyser, self.modality = writer, analyser, modality
        workers = default_workers() if workers is None else workers
        self.executor = open_executor(executor, workers, default_limit_s if limit_s is None else lambda _: limit_s)
        self.batch = _Batch()
        self.refused: dict[bytes, str] = {}

    def run(self, todo: Decisions) -> Iterator[Event]:
        """The events of all decisions, files that need no analysis first."""
        for path, reason in todo.skip:
            yield Skipped(path, reason)
        for linked, reason in todo.links:
            yield from self._take(linked, Skipped(linked.file.path, reason))
        yield from self._commit()
        jobs, waiting = todo.jobs, todo.wait
        while jobs:
            yield from self._analyse(jobs)
            jobs, waiting = yield from self._copies(waiting)

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
            outcome = Bad(job.hash, trouble(path, outcome.reason), lasting=True)
        if outcome.lasting and outcome.hash is not None:
            self.refused[outcome.hash] = outcome.reason
        return self._refusal(job.file, outcome), Failed(path, outcome.reason)

    def _refusal(self, file: File, bad: Bad) -> Refused | None:
        if bad.lasting:
            return Refused(file, bad.hash, bad.reason)
        if is_gone(file.path):
            return None  # nothing to remember: `update` forgets what was known of it
        return Refused(File(file.path, file.size, NEVER), bad.hash, bad.reason)

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
                yield from self._take(Refused(job.file, digest, reason), Failed(job.file.path, reason))
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
