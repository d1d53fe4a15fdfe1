"""Fixtures of the library tests: a folder of toy files and a library made from it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import segmented
from fakes import FakeAnalyser, toy

from indexing import ingest
from indexing.library import Library


@pytest.fixture
def analyser(tmp_path: Path) -> FakeAnalyser:
    """Counts its analyses in `tmp_path / "log"`."""
    return FakeAnalyser(log=str(tmp_path / "log"))


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Six toy tracks of 1 to 4 windows in two folders."""
    for seed in range(6):
        toy(tmp_path / "music" / ("a" if seed < 3 else "b c") / f"{seed}.mp3", seed, 1 + seed % 4)
    return tmp_path / "music"


@pytest.fixture
def library(tmp_path: Path, music: Path, analyser: FakeAnalyser) -> Iterator[Library]:
    """A library of the toy tracks."""
    with Library.create(tmp_path / "library", analyser.space) as made:
        list(ingest.add(made, [music], analyser, executor="inline"))
        (tmp_path / "log").unlink()
        yield made


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every change is published, and segments of a few windows are large."""
    segmented.publish_eagerly(monkeypatch)


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Libraries of one segment and of several, which `segmented.restored` gives to a test."""
    return segmented.make(tmp_path_factory.mktemp("segments"))


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 1 MB, or a skip where mounting is not permitted."""
    place = tmp_path / "small disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
