"""Every executor: results in order, lazily, for any number of workers; `APART`: in processes that may die.

The cluster is one of Dask on this machine, of two workers with a thread each.
"""

import os
import signal
import sys
import time
from contextlib import closing

import pytest

from indexing.executors import EXECUTORS, Crash, open_executor
from recommender.errors import CliptuneError, InputError

APART = ("processes", "dask")


def double(shared, item):
    time.sleep(0.02 if item == 0 else 0)  # the first is the slowest
    return shared * item


def threads(shared, item):
    return [os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")]


def fragile(shared, item):
    if item == "exit":
        os._exit(3)
    if item == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def killed_beside_others(shared, item):
    """Dies once, as where a neighbour needs the memory: the second try finds the mark of the first."""
    if item == "kill" and not (shared / "tried").exists():
        (shared / "tried").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "kill":
        time.sleep(0.3)
    started = time.monotonic()
    time.sleep(0.05)
    return os.getpid(), started, time.monotonic()


def starved(shared, item):
    """Its result does not fit into memory, or its own work does not."""
    if item == "work":
        raise MemoryError
    return Unsendable() if item == "result" else item


class Unsendable:
    """As a result for which there is no memory."""

    def __reduce__(self):
        raise MemoryError


class KilledAtTheStart:
    """Kills the process that receives it, the first times."""

    def __init__(self, place, times):
        self.place, self.times = place, times

    def __reduce__(self):
        return kill_at_the_start, (self.place, self.times)


def kill_at_the_start(place, times):
    """A number, or the end of the process for so many that ask for it."""
    if len(list(place.iterdir())) < times:
        (place / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1


def dawdling(shared, item):
    time.sleep(60 if item == "hang" else 0)
    return item


def clock(shared, item):
    return time.monotonic()


def interrupted(shared, item):
    os.kill(os.getpid(), signal.SIGINT)
    return item


def told_and_hanging(shared, item):
    """Says which process hangs at the second item."""
    if item == 1:
        shared.with_suffix(".new").write_text(str(os.getpid()))
        shared.with_suffix(".new").rename(shared)
        time.sleep(60)
    return item


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Unloadable:
    """Breaks the process that receives it."""

    def __reduce__(self):
        return os._exit, (5,)


@pytest.mark.parametrize("name", sorted(EXECUTORS))
@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(opened, name, workers):
    items = iter(range(20))
    assert list(opened(name, workers).run(double, 3, items)) == [(i, 3 * i) for i in range(20)]
    assert list(opened(name, workers).run(double, 3, [])) == []


@pytest.mark.parametrize("name", sorted(EXECUTORS))
def test_items_are_taken_as_needed_and_closing_ends_it(opened, name):
    taken = []
    with closing(opened(name, 1).run(double, 1, (taken.append(i) or i for i in range(1000)))) as results:
        assert next(results) == (0, 0)
    assert len(taken) < 20


@pytest.mark.parametrize("name", APART)
def test_closing_ends_what_is_worked_on(opened, name, tmp_path):
    with closing(opened(name, 1).run(told_and_hanging, tmp_path / "pid", range(3))) as results:
        next(results)
        while not (tmp_path / "pid").exists():
            time.sleep(0.05)
    pid, until = int((tmp_path / "pid").read_text()), time.monotonic() + 20
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(pid)


def test_unknown_names_and_no_workers_are_refused():
    with pytest.raises(InputError, match="unknown executor 'nope'; there are: dask, inline, processes"):
        open_executor("nope", 1)
    with pytest.raises(InputError, match="at least 1"):
        open_executor("inline", 0)


def test_without_dask_a_cluster_is_refused_with_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "indexing.executors.dask", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CliptuneError, match=r"needs Dask \(.*\): pip install 'cliptune\[cluster\]'"):
        open_executor("dask:tcp://127.0.0.1:9")


@pytest.mark.parametrize("name", APART)
def test_a_worker_goes_on_while_the_parent_is_busy(opened, name):
    with closing(opened(name, 1).run(clock, None, range(3))) as results:
        next(results)
        time.sleep(0.5)  # far longer than the next item takes
        now = time.monotonic()
        assert next(results)[1] < now


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", APART)
def test_a_dead_worker_costs_its_own_item_only(opened, name, workers):
    items = [1, "exit", 2, "kill", 3, 4]
    results = list(opened(name, workers).run(fragile, None, items))
    assert [item for item, _ in results] == items
    crashes = {item: result.reason for item, result in results if isinstance(result, Crash)}
    assert crashes == {
        "exit": "the worker process died on this file (exit status 3)",
        "kill": "the worker process died on this file (killed by SIGKILL)",
    }


@pytest.mark.parametrize("name", APART)
def test_an_item_that_killed_its_worker_is_tried_once_more_alone(opened, name, tmp_path):
    items = [1, 2, "kill", 3, 4, 5, 6]
    results = dict(opened(name, 3).run(killed_beside_others, tmp_path, items))
    assert list(results) == items
    pid, start, end = results.pop("kill")
    assert all(begun >= end for other, begun, _ in results.values() if other == pid)  # in a fresh worker
    if name == "processes":  # of a cluster, other workers go on
        assert all(done <= start or begun >= end for _, begun, done in results.values())


@pytest.mark.parametrize("name", APART)
def test_crashes_say_whether_the_item_may_not_be_to_blame(opened, name):
    results = dict(opened(name, 2).run(fragile, None, ["kill", "exit"]))
    assert (results["kill"].passing, results["exit"].passing) == (True, False)


@pytest.mark.parametrize("name", APART)
def test_an_item_that_finds_no_memory_stops_nothing(opened, name, capfd):
    results = dict(opened(name, 1).run(starved, None, [1, "work", "result", 2]))
    starving = Crash("not enough memory; close other programs, or use fewer workers", passing=True)
    assert results == {1: 1, 2: 2, "work": starving, "result": starving}
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", APART)
def test_a_worker_that_is_killed_while_it_starts_is_replaced(opened, name, tmp_path, workers):
    shared = KilledAtTheStart(tmp_path, 2)
    assert list(opened(name, workers).run(double, shared, [1, 2, 3])) == [(1, 1), (2, 2), (3, 3)]


@pytest.mark.parametrize("name", APART)
def test_workers_that_are_always_killed_while_they_start_are_an_error(opened, name, tmp_path):
    shared = KilledAtTheStart(tmp_path, 1000)
    with pytest.raises(CliptuneError, match=r"a worker process could not start \(killed by SIGKILL\); run it again"):
        list(opened(name, 2).run(double, shared, [1, 2, 3]))


def test_the_run_goes_on_with_fewer_workers_where_no_more_can_start(monkeypatch):
    from indexing.executors import processes

    made, real = [], processes._Worker

    def worker(work):
        if made:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        made.append(real(work))
        return made[0]

    monkeypatch.setattr(processes, "_Worker", worker)
    assert list(open_executor("processes", 3).run(double, 1, range(9))) == [(i, i) for i in range(9)]
    with pytest.raises(CliptuneError, match=r"could not start \(no more threads or processes can be started; close"):
        list(open_executor("processes", 3).run(double, 1, range(9)))


@pytest.mark.parametrize("name", APART)
def test_an_item_that_hangs_is_given_up(opened, name):
    items = [1, "hang", 2, 3]
    for workers in (1, 2):
        executor = opened(name, workers, lambda item: 0.5 if item == "hang" else 60)
        results = dict(executor.run(dawdling, None, items))
        assert list(results) == items
        assert results.pop("hang") == Crash("it was not done after 0.5 s, and given up")
        assert results == {1: 1, 2: 2, 3: 3}


@pytest.mark.parametrize("name", APART)
def test_workers_have_one_thread_and_the_parent_keeps_its_setting(opened, name, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert list(opened(name, 1).run(threads, None, [0])) == [(0, ["1", "1"])]
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


@pytest.mark.parametrize("name", APART)
def test_workers_ignore_interrupts(opened, name):
    assert list(opened(name, 1).run(interrupted, None, [1, 2])) == [(1, 1), (2, 2)]


@pytest.mark.parametrize("name", APART)
def test_a_worker_that_cannot_start_is_an_error_not_a_crash(opened, name):
    with pytest.raises(CliptuneError, match=r"could not start \(exit status 5\).*__main__"):
        list(opened(name, 1).run(double, Unloadable(), [1]))
