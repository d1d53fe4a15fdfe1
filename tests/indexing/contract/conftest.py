"""Executors by name, a cluster of two workers on this machine behind `dask`; a library for vector servers."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import clustered
from serving_samples import EACH, TRACKS, put

from indexing.executors import Executor, open_executor
from indexing.library import Library
from indexing.search.servers import WINDOWS, depth, serving
from recommender.types import Array


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


@pytest.fixture(scope="session")
def vectors() -> Array:
    """Windows of TRACKS tracks, and of 60 more."""
    return clustered((TRACKS + 60) * EACH, EACH)


@pytest.fixture(scope="session")
def imported(tmp_path_factory: pytest.TempPathFactory, vectors: Array) -> Path:
    """A library of TRACKS tracks, which is not to be changed."""
    folder = tmp_path_factory.mktemp("imported") / "lib"
    put(folder, vectors[: TRACKS * EACH], range(TRACKS))
    return folder


@pytest.fixture
def in_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each query asks, and for the state too, though there are few tracks; what is remembered goes with the test."""
    monkeypatch.setenv("CLIPTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(depth, "QUERIES", 20)
    monkeypatch.setattr(serving, "_FEW", 0)
    monkeypatch.setattr(serving, "FRESH_S", -1.0)
    monkeypatch.setattr("indexing.maintenance.publish.PAUSE_S", 0.0)


@pytest.fixture
def folder(tmp_path: Path, imported: Path) -> Path:
    """A copy of the library."""
    return shutil.copytree(imported, tmp_path / "lib")


@pytest.fixture
def library(folder: Path) -> Iterator[Library]:
    """The copy, opened to search exactly where no server does."""
    with Library.open(folder, backend="exact") as opened:
        yield opened


@pytest.fixture
def as_windows(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Publishes in the form that the test names."""
    if request.getfixturevalue("form") == WINDOWS:
        monkeypatch.setattr("indexing.maintenance.publish.measure_depth", lambda *_: None)
