"""Short files share the batches of a network; what that cannot measure is left to measuring one by one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelled_texts import Toy
from recommender.errors import CliptuneError, MediaError
from recommender.extractors import EXTRACTORS
from training.construction.batch import extract_folder
from training.construction.features import content_hashes
from training.construction.together import TogetherConfig, fill, group_short_files

CALLS: list[list[str]] = []


def level(path: Path) -> np.ndarray:
    """The number that a file holds; its features, and why it has none."""
    text = path.read_text()
    if text == "bad":
        raise MediaError(f"{path.name}: no number")
    return np.full(2, float(text), np.float32)


class Level(Toy):
    """Measures `level`; what files it was given together is in CALLS."""

    def each(self, paths):
        given = list(paths)
        CALLS.append([path.name for path in given])
        if any(path.read_text() == "fatal" for path in given):
            raise CliptuneError("nothing works")
        yield from super().each(given)


LEVEL = Level("Level", "music", ("a", "b"), level, shares=True)


@pytest.fixture
def numbers(tmp_path, monkeypatch) -> Path:
    """A folder of six sounds, one of them bad; the features `level` measure them."""
    monkeypatch.setitem(EXTRACTORS, "level", LEVEL)
    CALLS.clear()
    folder = tmp_path / "sounds"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.wav").write_text("bad" if i == 3 else f"{i}")
    (folder / "5.wav").write_text("0" * 40 + "5")
    return folder


def digests(folder: Path) -> dict[str, bytes]:
    return content_hashes({str(file): file for file in sorted(folder.iterdir())})[0]


def test_short_files_go_together_and_only_once(numbers, tmp_path) -> None:
    ticks, cache = [], tmp_path / "cache"
    config = TogetherConfig(files=3, bytes=20)
    found = fill(digests(numbers), LEVEL, cache, workers=1, on_progress=lambda *at: ticks.append(at), config=config)
    assert CALLS == [["0.wav", "1.wav", "2.wav"], ["3.wav", "4.wav"]]  # the long one is left
    assert found == 4
    assert ticks == [(3, 6), (4, 6)]
    assert fill(digests(numbers), LEVEL, cache, workers=1, on_progress=lambda *at: None, config=config) == 0
    assert CALLS[2:] == [["3.wav"]]
    for one in (EXTRACTORS["builtin-music"], replace(LEVEL, label="Alone", shares=False)):
        assert fill(digests(numbers), one, cache, workers=1, on_progress=lambda *at: None) == 0
    assert CALLS[3:] == []


def test_the_table_has_what_was_measured_together_and_alone(numbers, tmp_path) -> None:
    out = tmp_path / "f.npy"
    done = extract_folder(numbers, ["level"], out, workers=1, tick=lambda *_: None)
    assert np.load(done.written[0]).tolist() == [[0, 0], [1, 1], [2, 2], [4, 4], [5, 5]]
    assert done.computed == 5
    assert done.failed == {str(numbers / "3.wav"): "3.wav: no number"}
    again = extract_folder(numbers, ["level"], out, workers=1, tick=lambda *_: None)
    assert (again.computed, again.rows) == (0, {"level": 5})


def test_files_that_end_it_all_are_measured_alone(numbers, tmp_path) -> None:
    (numbers / "2.wav").write_text("fatal")
    found = fill(
        digests(numbers),
        LEVEL,
        tmp_path / "cache",
        workers=1,
        on_progress=lambda *at: None,
        config=TogetherConfig(files=2),
    )
    assert found == 4  # of the groups (0, 1), (2, 3) and (4, 5), the first and the last
    (numbers / "2.wav").write_text("2")
    assert extract_folder(numbers, ["level"], tmp_path / "f.npy", workers=1, tick=lambda *_: None).computed == 5


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 30), max_size=9), st.integers(1, 5), st.integers(1, 4))
def test_groups_hold_every_short_file_once_in_order(files: dict[str, int], most: int, workers: int) -> None:
    config = TogetherConfig(files=most, bytes=20)
    groups = list(group_short_files(files, config, workers))
    assert [file for group in groups for file in group] == [file for file, size in files.items() if size <= 20]
    for group in groups:
        assert 1 <= len(group) <= most
        assert sum(files[file] for file in group) <= 20
