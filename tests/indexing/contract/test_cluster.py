"""A cluster of workers: what one machine does not meet. Workers that are lost or made otherwise, or see no files."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from errands import parent, sees_nothing
from fakes import FakeAnalyser, state, toy

from indexing import ingest
from indexing.executors import hosting, open_executor
from indexing.ingest import pipeline
from indexing.ingest.events import Failed, Ingested
from indexing.library import Library
from recommender.errors import CliptuneError, InputError
from running import ROOT

pytest.importorskip("distributed", reason="needs Dask: pip install 'cliptune[cluster]'")
from indexing.executors import dask

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(cluster: str, tmp_path: Path) -> Iterator[Start]:
    """Starts a worker, with its processes in a group of its own that can be killed at once."""
    started: list[subprocess.Popen[bytes]] = []

    def call(*before: Path) -> "subprocess.Popen[bytes]":
        paths = os.pathsep.join(map(str, [*before, *sys.path]))
        values = {**os.environ, "PYTHONPATH": paths}
        command = [sys.executable, "-P", "-m", "distributed.cli.dask_worker", cluster, "--no-nanny", "--nthreads", "1"]
        command += ["--no-dashboard", "--local-directory", str(tmp_path)]
        with (tmp_path / "worker.log").open("ab") as log:
            done = subprocess.Popen(command, env=values, start_new_session=True, stdout=log, stderr=log)
        started.append(done)
        return done

    yield call
    for one in started:
        kill(one)


def kill(group: "subprocess.Popen[bytes]") -> None:
    """Kill a group of processes outright."""
    if group.poll() is None:
        os.killpg(group.pid, signal.SIGKILL)
    group.wait()


def wait_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def workers_of(address: str) -> int:
    with dask._connection(address) as client:
        return len(client.nthreads())


def test_a_group_of_workers_that_is_killed_costs_no_file_and_no_bit(start, cluster, tmp_path, monkeypatch):
    for seed in range(16):
        toy(tmp_path / "music" / f"{seed}.mp3", seed, 1 + seed % 4)
    group, libraries = start(), {}
    wait_for(lambda: workers_of(cluster) == 3)
    monkeypatch.setattr(pipeline, "_BATCH_FILES", 2)
    for executor, analyser in ((f"dask:{cluster}", FakeAnalyser(delay_s=0.3)), ("processes", FakeAnalyser())):
        libraries[executor] = Library.create(tmp_path / executor.partition(":")[0], analyser.space)
        events = []
        for event in ingest.add(libraries[executor], [tmp_path / "music"], analyser, executor=executor):
            events.append(event)
            if sum(isinstance(e, Ingested) for e in events) == 4:
                kill(group)
        assert not [event for event in events if isinstance(event, Failed)]
    made, expected = map(state, libraries.values())
    assert len(made) == 16
    assert made == expected
    assert workers_of(cluster) == 2


def test_a_late_worker_with_other_sources_gets_no_item(start, cluster, tmp_path, caplog):
    for name in ("recommender", "indexing"):
        shutil.copytree(ROOT / name, tmp_path / "other" / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "other" / "indexing" / "one_more.py").write_text('"""More."""\n')

    def items():
        yield from range(4)
        start(tmp_path / "other")
        until = time.monotonic() + 60
        while "left out" not in caplog.text and time.monotonic() < until:
            yield None
        yield from range(4)

    found = {pid for _, pid in open_executor(f"dask:{cluster}").run(parent, None, items())}
    assert workers_of(cluster) == 3
    assert len(found) == 2
    (line,) = [line for line in caplog.messages if "left out" in line]
    assert line.startswith("left out: worker tcp://127.0.0.1:")
    assert f" instead of {hosting.hash_sources()}: its numbers could differ; install what is installed here" in line


def test_workers_with_other_sources_alone_are_an_error_that_names_one(cluster, monkeypatch):
    monkeypatch.setattr(hosting, "hash_sources", lambda: "others")
    told = r"^no worker of the cluster can be used: worker tcp://\S+: \S+ has sources of cliptune \w+ instead of others"
    with pytest.raises(CliptuneError, match=told):
        list(open_executor(f"dask:{cluster}").run(parent, None, [1]))


def test_what_a_worker_must_be(cluster):
    run = dask._Run(dask.Dask(cluster, None), None, b"", iter(()))  # type: ignore[arg-type]
    here = hosting.describe()
    assert run._objection(here) is None
    assert run._objection({**here, "host": "else", "torch": "unknown here"} | {"torch": here.get("torch", "")}) is None
    assert "numpy 1.0 instead of" in str(run._objection({**here, "numpy": "1.0"}))
    assert "DASK_DISTRIBUTED__WORKER__DAEMON=False" in str(run._objection({**here, "daemon": "yes"}))
    assert "no cliptune of this version" in str(run._objection(ModuleNotFoundError("No module named 'indexing'")))


def test_a_machine_that_sees_no_files_is_left_out_and_costs_none(cluster, tmp_path, caplog):
    results = [result for _, result in open_executor(f"dask:{cluster}").run(sees_nothing, tmp_path / "at", range(14))]
    assert not any(result.machine for result in results)
    assert len({result.reason for result in results}) == 1
    assert "5 files in a row failed there and not elsewhere" in caplog.text


def test_a_fault_of_all_machines_names_the_last(cluster):
    ((_, result),) = open_executor(f"dask:{cluster}").run(sees_nothing, None, [1])
    assert result.machine
    assert "(worker tcp://127.0.0.1:" in result.reason


def test_a_file_with_which_workers_are_lost_again_and_again_is_given_up(cluster):
    run = dask._Run(dask.Dask(cluster, None), None, b"", iter(()))  # type: ignore[arg-type]
    given = dask._Given(0, "item", 1.0)
    for _ in range(6):
        assert not run.done
        run._blame(given, "it is gone")
    assert run.done[0].passing
    assert "6 workers of the cluster were lost with this file" in run.done[0].reason


def test_without_a_scheduler_or_workers_there_is_one_line(monkeypatch, tmp_path):
    from distributed import LocalCluster

    monkeypatch.setattr(dask, "_ANSWER_S", 0.5)
    monkeypatch.setattr(dask, "_WAIT_S", 0.0)
    with pytest.raises(CliptuneError, match=r"^no Dask scheduler answers at tcp://127.0.0.1:9 \(.*\); start it"):
        list(open_executor("dask:tcp://127.0.0.1:9").run(parent, None, [1]))
    with LocalCluster(n_workers=0, dashboard_address=":0") as empty:
        (tmp_path / "scheduler.json").write_text(f'{{"address": "{empty.scheduler_address}"}}')
        with pytest.raises(CliptuneError, match=r"has no workers to use: start some \(dask worker tcp://"):
            list(open_executor(f"dask:{tmp_path / 'scheduler.json'}").run(parent, None, [1]))


def test_a_scheduler_that_goes_ends_the_run_within_seconds():
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0") as going:
        with closing(open_executor(f"dask:{going.scheduler_address}").run(parent, None, range(100_000))) as results:
            next(results)
            going.close()
            start = time.monotonic()
            with pytest.raises(CliptuneError, match=r"the Dask scheduler at \S+ is gone; what was finished is kept"):
                list(results)
        assert time.monotonic() - start < 20


def test_wrong_addresses_are_refused(tmp_path):
    (tmp_path / "no.json").write_text("[]")
    with pytest.raises(InputError, match="is no scheduler file of Dask"):
        open_executor(f"dask:{tmp_path / 'no.json'}")
    with pytest.raises(InputError, match="where is the Dask scheduler"):
        open_executor("dask")
    with pytest.raises(InputError, match="only the executor dask has an address"):
        open_executor("processes:tcp://127.0.0.1:9")
