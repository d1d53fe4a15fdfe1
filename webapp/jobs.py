"""The queue: what is asked for, what is under way, what became of it."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from webapp.events import Events
from webapp.job import SOON, Job
from webapp.lane import Lane
from webapp.refusal import Refusal
from webapp.tasks import LANES, TASKS

_KNOWN, _RESULTS, _WAITING, _KEPT = 200, 20, 300, 500


class Jobs:
    """All jobs: equal ones are one, each waits for its lane, and the last ones are remembered."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lanes = {name: Lane() for name in LANES}
        self._known: OrderedDict[str, Job] = OrderedDict()
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def start(
        self,
        kind: str,
        arguments: Mapping[str, Any],
        *,
        about: Mapping[str, Any] | None = None,
        priority: int = SOON,
        then: Callable[[Job], None] | None = None,
    ) -> Job:
        """The job of a task with these arguments, a new one unless it is under way. Raises Refusal for too many."""
        for job in self._known.values():
            if not job.is_over and job.kind == kind and job.arguments == arguments:
                if priority < job.priority:  # what was made ahead, somebody waits for now
                    job.priority = priority
                    self._lanes[TASKS[kind].lane].put(job)
                return job
        if sum(not job.is_over for job in self._known.values()) >= _WAITING:
            raise Refusal(429, f"{_WAITING} jobs wait already; let some of them end")
        job = Job(kind, arguments, about or {}, self._events, priority, then=then)
        self._known[job.id] = job
        over = [one for one in self._known.values() if one.is_over]
        for old in over[: max(0, len(self._known) - _KNOWN)]:
            del self._known[old.id]
        for old in over[:-_RESULTS]:
            old.result = None  # some are large
        self._lanes[TASKS[kind].lane].put(job)
        return job

    def recall(self, kind: str, about: Mapping[str, Any], result: Any) -> Job:
        """A job that is over: what comes of it was found before."""
        job = Job(kind, {}, about, self._events)
        self._known[job.id] = job
        job.finish(result)
        return job

    async def run(
        self,
        kind: str,
        arguments: Mapping[str, Any],
        *,
        about: Mapping[str, Any] | None = None,
        priority: int = SOON,
        keep: bool = False,
    ) -> Any:
        """What comes of a task; `keep`: remembered for equal arguments. Raises Refusal for what fails."""
        key = json.dumps([kind, arguments], sort_keys=True)
        if keep and key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        result = await self.wait(self.start(kind, arguments, about=about, priority=priority))
        if keep:
            self._kept[key] = result
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return result

    async def wait(self, job: Job) -> Any:
        """What comes of a job; raises Refusal where it fails."""
        await job.ended.wait()
        if job.refusal is not None:
            raise Refusal(job.refusal.status, job.refusal.line)
        return job.result

    def get(self, job_id: str) -> Job:
        """The job of that id; raises Refusal."""
        if (job := self._known.get(job_id)) is None:
            raise Refusal(404, "there is no such job, or it is long over")
        return job

    def all(self) -> list[Job]:
        """Those that are remembered, the newest first."""
        return list(reversed(self._known.values()))

    def cancel(self, job: Job) -> None:
        """Let a job end without a result; what it finished until then stays."""
        job.stop.set()
        if job.state == "waiting":
            job.fail(409, "cancelled")

    async def close(self) -> None:
        """End all processes."""
        for job in self._known.values():
            if not job.is_over:
                self.cancel(job)
        await asyncio.gather(*(lane.stop() for lane in self._lanes.values()))
