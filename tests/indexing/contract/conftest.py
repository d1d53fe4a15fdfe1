"""Executors by name, a cluster of two workers on this machine behind `dask`."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from indexing.executors import Executor, open_executor


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a scheduler with two workers of one thread, which may have children."""
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'cliptune[cluster]'")
    import dask

    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with dask.config.set({"distributed.worker.daemon": False}), distributed.LocalCluster(**settings) as made:
        yield made.scheduler_address


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Callable[..., Executor]:
    """`open_executor`, which gives `dask` its address."""

    def call(name: str, *args: Any) -> Executor:
        return open_executor(f"dask:{request.getfixturevalue('cluster')}" if name == "dask" else name, *args)

    return call
