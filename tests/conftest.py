"""Fixtures for every test; numerical libraries take one thread, here and in processes that tests start."""

import os
from collections.abc import Iterator
from pathlib import Path

# Set before NumPy is loaded, which reads it once. Runners that share the cores spin while they wait for each other's
# threads: a fit of 0.1 s took up to two minutes. Tests of several threads ask for them themselves.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", os.environ["OMP_NUM_THREADS"])

import numpy as np
import pytest

import media_samples
from pieces import SR_HZ, chords
from running import recommend

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests begin first: where they came last, one process would wait for the other's."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(autouse=True)
def ordinary_priority() -> Iterator[None]:
    """SVT-AV1 makes a process of root that encodes with it real-time, which starves whatever else the machine does."""
    yield
    if hasattr(os, "sched_setscheduler") and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """`../shared/data` beside the project; tests that need it skip where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("needs ../shared/data, which is not beside this checkout")
    return SHARED / "data"


@pytest.fixture(scope="session")
def music_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four short pieces of different tempo and mode, one of them in a subfolder with an odd name."""
    folder = tmp_path_factory.mktemp("music")
    inner = folder / "odd name, with spaces"
    inner.mkdir()
    pieces = {
        folder / "slow major.flac": ((0, 4, 7), 1.5, 21),
        folder / "slow minor.wav": ((0, 3, 7), 1.5, 12),
        folder / "fast major.mp3": ((0, 4, 7), 0.25, 26),
        inner / "fast dissonant.ogg": ((0, 1, 6), 0.2, 12),
    }
    for seed, (path, (semitones, beat_s, seconds)) in enumerate(pieces.items()):
        media_samples.sound(path, chords(semitones, beat_s, seconds, seed), SR_HZ)
    return folder


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A still lake of a clip, a restless one, and a picture."""
    folder = tmp_path_factory.mktemp("clips")
    rng = np.random.default_rng(0)
    calm = [np.full((48, 64, 3), (90, 140 + i // 10, 200), np.uint8) for i in range(50)]
    wild = [np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(25)]
    media_samples.clip(folder / "calm.mp4", calm)
    media_samples.clip(folder / "wild.mp4", [w for w in wild for _ in range(2)])
    media_samples.still(folder / "picture.png")
    return folder


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory):
    """A user data folder of this test run's own."""
    with pytest.MonkeyPatch.context() as patch:
        place = tmp_path_factory.mktemp("home")
        patch.setenv("CLIPTUNE_HOME", str(place))
        yield place


@pytest.fixture
def run(capsys: pytest.CaptureFixture, home: Path):
    """`run("--video", clip, ...)`: the command in this process, with its own user data folder."""
    return lambda *args: recommend(capsys, *args)


@pytest.fixture(scope="session")
def indexed(music_folder: Path, home: Path) -> str:
    """The name of a library that holds `music_folder`."""
    from indexing import Library, ingest
    from recommender import Model

    model = Model.load()
    events = list(ingest.add(Library.create("indexed", model.space), [music_folder], model, workers=1))
    assert sum(isinstance(e, ingest.Ingested) for e in events) == 4
    return "indexed"
