"""The queue and its worker processes: what is asked for twice is done once, what is lost is told, and work goes on."""

import asyncio
import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from webapp.events import Events
from webapp.job import LATER
from webapp.jobs import Jobs
from webapp.refusal import Refusal
from webapp.tasks import TASKS


@pytest.fixture(scope="module")
def long_sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours of silence: some seconds of work."""
    return silence(tmp_path_factory.mktemp("long"), 7200)


@pytest.fixture(scope="module")
def short_sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return silence(tmp_path_factory.mktemp("short"), 1)


def silence(folder: Path, seconds: int) -> Path:
    with wave.open(str(folder / "silence.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(4000)
        file.writeframes(b"\x80" * 4000 * seconds)
    return folder / "silence.wav"


def with_jobs(scenario):
    """Run `scenario(jobs)`, then end all processes."""

    async def run():
        jobs = Jobs(Events())
        try:
            return await asyncio.wait_for(scenario(jobs), 60)
        finally:
            await jobs.close()

    return asyncio.run(run())


def peaks(path: Path, count: int = 10) -> dict:
    return {"track": str(path), "count": count}


async def until_running(jobs: Jobs, job) -> int:
    """The process that does a job, when it has begun."""
    while job.state != "running" or jobs._lanes["renders"]._process is None:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    return jobs._lanes["renders"]._process.pid


def test_equal_jobs_are_one_and_their_result_is_remembered(short_sound: Path):
    async def scenario(jobs: Jobs):
        one, other = jobs.start("peaks", peaks(short_sound)), jobs.start("peaks", peaks(short_sound))
        assert one is other
        assert jobs.start("peaks", peaks(short_sound, 11)) is not one
        first = await jobs.run("peaks", peaks(short_sound), keep=True)
        short_sound.touch()
        count = len(jobs.all())
        assert await jobs.run("peaks", peaks(short_sound), keep=True) is first
        assert len(jobs.all()) == count
        return first

    assert with_jobs(scenario)["duration_s"] == pytest.approx(1.0, abs=0.01)


def test_a_killed_worker_is_told_as_a_passing_fault_and_the_next_job_is_done(long_sound: Path, short_sound: Path):
    async def scenario(jobs: Jobs):
        lost = jobs.start("peaks", peaks(long_sound))
        next_one = jobs.start("peaks", peaks(short_sound))
        os.kill(await until_running(jobs, lost), signal.SIGKILL)
        with pytest.raises(Refusal, match="stopped in the middle") as refused:
            await jobs.wait(lost)
        assert refused.value.status == 503
        assert (await jobs.wait(next_one))["duration_s"] == pytest.approx(1.0, abs=0.01)

    with_jobs(scenario)


def test_what_is_cancelled_ends_and_leaves_its_worker_as_it_was(long_sound: Path, short_sound: Path):
    async def scenario(jobs: Jobs):
        stopped, waiting = jobs.start("peaks", peaks(long_sound)), jobs.start("peaks", peaks(long_sound, 20))
        process = await until_running(jobs, stopped)
        for job in (waiting, stopped):
            jobs.cancel(job)
            with pytest.raises(Refusal, match="cancelled"):
                await jobs.wait(job)
            assert job.state == "cancelled"
        await jobs.run("peaks", peaks(short_sound))
        assert jobs._lanes["renders"]._process.pid == process

    with_jobs(scenario)


def test_what_takes_too_long_is_given_up(long_sound: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(TASKS, "peaks", TASKS["peaks"]._replace(limit_s=0.7))

    async def scenario(jobs: Jobs):
        with pytest.raises(Refusal, match="given up after 0.7 s"):
            await jobs.run("peaks", peaks(long_sound))

    with_jobs(scenario)


def test_a_fault_of_a_file_is_its_line_and_a_fault_of_the_program_keeps_a_report(tmp_path: Path, home: Path):
    async def scenario(jobs: Jobs):
        (tmp_path / "none.wav").write_bytes(b"nothing")
        with pytest.raises(Refusal, match="none.wav") as of_the_file:
            await jobs.run("peaks", peaks(tmp_path / "none.wav"))
        assert of_the_file.value.status == 422
        with pytest.raises(Refusal, match="the full report is in") as unexpected:
            await jobs.run("peaks", {})
        assert unexpected.value.status == 500

    with_jobs(scenario)


def test_a_worker_ends_when_nobody_reads_it_any_more(long_sound: Path):
    request = b'{"id": 1, "task": "peaks", "arguments": {"track": "%s", "count": 10}}\n' % os.fsencode(long_sound)
    worker = subprocess.Popen([sys.executable, "-m", "webapp.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    worker.stdin.write(request)
    worker.stdin.close()
    assert worker.wait(30) is not None
    worker.stdout.close()


def test_nothing_is_left_of_the_processes(short_sound: Path):
    async def scenario(jobs: Jobs):
        await jobs.run("peaks", peaks(short_sound))
        return jobs._lanes["renders"]._process.pid

    process = with_jobs(scenario)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_what_was_made_ahead_comes_before_others_when_somebody_waits_for_it(long_sound: Path, short_sound: Path):
    async def scenario(jobs: Jobs):
        first = jobs.start("peaks", peaks(long_sound))
        await until_running(jobs, first)
        ahead = [jobs.start("peaks", peaks(short_sound, count), priority=LATER) for count in (20, 21)]
        assert jobs.start("peaks", peaks(short_sound, 21)) is ahead[1]
        jobs.cancel(first)
        await jobs.wait(ahead[1])
        assert not ahead[0].is_over
        await jobs.wait(ahead[0])

    with_jobs(scenario)
