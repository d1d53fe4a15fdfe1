"""A worker process and the jobs that wait for it."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from itertools import count
from typing import Any

from recommender.logs import VARIABLE
from webapp.job import Job
from webapp.tasks import TASKS

_LONGEST_LINE = 256 << 20
_STOP_S = 5.0  # what is cancelled may end by itself: what was finished is kept
CRASHED = (
    "the work stopped in the middle (it was killed, or memory ran out): try it again; where that does not help, leave "
    "the file out"
)


class Lane:
    """Jobs one after the other, in the order of their priority, in a process of their own that is started by the first
    of them and replaced when it is lost."""

    def __init__(self) -> None:
        self._waiting: asyncio.PriorityQueue[tuple[int, int, Job]] = asyncio.PriorityQueue()
        self._numbers = count(1)
        self._process: asyncio.subprocess.Process | None = None
        self._runner: asyncio.Task[None] | None = None

    def put(self, job: Job) -> None:
        """Let a job wait for its turn; of equal priority the first comes first."""
        if self._runner is None:
            self._runner = asyncio.create_task(self._run())
        self._waiting.put_nowait((job.priority, next(self._numbers), job))

    async def _run(self) -> None:
        while True:
            _, number, job = await self._waiting.get()
            if job.state == "waiting":
                await self._do(number, job)

    async def _do(self, number: int, job: Job) -> None:
        """See a job through: its end, its cancellation, or the time it may take."""
        job.begin()
        work = asyncio.create_task(self._talk(number, job))
        stop = asyncio.create_task(job.stop.wait())
        try:
            limit_s = TASKS[job.kind].limit_s
            await asyncio.wait({work, stop}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                job.fail(503, f"given up after {limit_s or 0:g} s: the file may be too long, or the machine too busy")
                await self._end(number, work)
        except Exception as error:  # the lane goes on, whatever it is
            job.fail(500, f"unexpected {type(error).__name__}")
        finally:
            stop.cancel()
            work.cancel()

    async def _talk(self, number: int, job: Job) -> None:
        try:
            process = await self._worker()
            request = {"id": number, "task": job.kind, "arguments": job.arguments}
            await _write(process, request)
            while line := await _read(process):
                told = json.loads(line)
                if told["id"] != number:
                    continue
                if "stage" in told:
                    job.advance(*told["stage"])
                elif "line" in told:
                    job.note(told["line"])
                elif "error" in told:
                    job.fail(told["status"], told["error"])
                    return
                else:
                    job.finish(told["result"])
                    return
        except OSError:
            pass
        await self.close()
        job.fail(503, CRASHED)

    async def _worker(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "webapp.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=None if os.environ.get(VARIABLE) in ("debug", "info") else asyncio.subprocess.DEVNULL,
                limit=_LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is the server's
            )
        return self._process

    async def _end(self, number: int, work: "asyncio.Task[None]") -> None:
        """Ask for the end of a job, and where it does not come, end the process."""
        process = self._process
        if process is not None:
            with suppress(OSError):
                await _write(process, {"cancel": number})
            await asyncio.wait({work}, timeout=_STOP_S)
            if not work.done():
                await self.close()

    async def close(self) -> None:
        """End the process and all that it started."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def stop(self) -> None:
        """Do no more; what is under way may end by itself for a while."""
        if self._runner is not None:
            self._runner.cancel()
            with suppress(asyncio.CancelledError):
                await self._runner
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _STOP_S)
        await self.close()


async def _write(process: asyncio.subprocess.Process, message: dict[str, Any]) -> None:
    if process.stdin is None:
        raise BrokenPipeError
    process.stdin.write(json.dumps(message).encode("ascii") + b"\n")
    await process.stdin.drain()


async def _read(process: asyncio.subprocess.Process) -> bytes:
    return b"" if process.stdout is None else await process.stdout.readline()
