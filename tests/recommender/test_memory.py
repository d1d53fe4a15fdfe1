"""The library in memory: its search by hand, beside the library on disk, and through the engine."""

from dataclasses import replace

import numpy as np
import pytest

from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from recommender.engine import Recommender
from recommender.errors import InputError, LibraryError
from recommender.memory import MemoryLibrary
from recommender.types import Analysis, Features, Filter, LibraryReader, Range, Space, Track, TrackWindows, unit
from toy import COLUMNS, ToyLibrary, ToyModel

TRACKS = {
    "dark/slow.wav": [[-1, -1], [-1, 0]],
    "light/fast.wav": [[1, 1]],
    "light/slow.wav": [[1, -1], [0, -1], [1, 0]],
}


def angles(*degrees: float) -> np.ndarray:
    """Unit vectors float32 [n, 2]."""
    at = np.radians(degrees)
    return np.column_stack([np.cos(at), np.sin(at)]).astype(np.float32)


def held(*tracks: np.ndarray, recordings: np.ndarray | None = None) -> MemoryLibrary:
    """A library of tracks with these vectors."""
    windows = [TrackWindows(np.zeros((len(v), 2)), v, np.empty((len(v), 0)), np.empty((len(v), 0))) for v in tracks]
    names = [Track(7, f"/m/{i}.wav", "music", f"{i}", bpm=60.0 * i) for i in range(len(tracks))]
    return MemoryLibrary(Space("angles", "1", 2), names, windows, recordings=recordings)


def test_the_best_window_of_a_track_counts_and_ties_go_by_id() -> None:
    library: LibraryReader = held(angles(90, 10), angles(20), angles(10, 180))
    found = library.search(np.array([3.0, 0.0]), 2, "music")
    assert found.ids.tolist() == [0, 2]
    np.testing.assert_allclose(found.scores, np.cos(np.radians([10, 10])), rtol=1e-6)
    assert library.search(np.array([3.0, 0.0]), 9, "music").ids.tolist() == [0, 2, 1]
    assert library.search(np.array([3.0, 0.0]), 9, "video").ids.tolist() == []
    assert [track.path for track in library.tracks_of([2, 0])] == ["/m/2.wav", "/m/0.wav"]
    assert [len(windows.vectors) for windows in library.windows_of([1, 0])] == [1, 2]


def test_of_a_recording_the_best_track_that_meets_the_conditions_is_found() -> None:
    library = held(angles(30), angles(10), angles(20), angles(40), recordings=np.array([0, 0, 2, 3]))
    query = np.array([1.0, 0.0])
    assert library.search(query, 4, "music").ids.tolist() == [1, 2, 3]
    slow = Filter(exclude=frozenset(["/m/1.wav"]), bpm=Range(0, 130))
    assert library.search(query, 4, "music", where=slow).ids.tolist() == [2, 0]
    assert (library.count("music"), library.count("music", slow)) == (4, 2)


def test_what_does_not_fit_is_one_clear_line() -> None:
    library = held(angles(0))
    for query, match in (
        (np.zeros(2), "no direction"),
        (np.ones(3), r"shape \[3\]"),
        (np.array([np.nan, 1]), "finite"),
    ):
        with pytest.raises(InputError, match=match):
            library.search(query, 1, "music")
    with pytest.raises(InputError, match="at least 1"):
        library.search(np.ones(2), 0, "music")
    with pytest.raises(LibraryError, match="no track 1 in this library of 1"):
        library.tracks_of([0, 1])
    with pytest.raises(InputError, match=r"0: vectors of shape \[1, 3\]; this library needs \[n, 2\]"):
        held(np.ones((1, 3), np.float32))
    with pytest.raises(InputError, match="1 tracks, windows of 1, 2 recordings"):
        held(angles(0), recordings=np.arange(2))


def test_an_empty_library_finds_nothing() -> None:
    library = MemoryLibrary(Space("angles", "1", 2), [], [])
    assert library.search(np.ones(2), 3, "music").ids.tolist() == []
    empty = Recommender(MemoryLibrary.of_vectors(np.empty((0, 2), np.float32)))
    assert empty.recommend(empty.vector(np.ones(2))) == []


def test_it_finds_what_the_library_on_disk_finds(tmp_path) -> None:
    rng = np.random.default_rng(0)
    vectors = unit(rng.integers(-2, 3, (60, 3)) + 0.01).astype(np.float32)  # many of them equal
    np.save(tmp_path / "v.npy", vectors)
    (tmp_path / "ids.csv").write_text("id\n" + "".join(f"{i // 2:02}\n" for i in range(60)))
    import_vectors(tmp_path / "library", tmp_path / "v.npy", tmp_path / "ids.csv", space="angles")
    with Library.open(tmp_path / "library") as disk:
        ids = disk.ids("music").tolist()
        memory = MemoryLibrary(disk.space, disk.tracks_of(ids), disk.windows_of(ids))
        for k in (1, 7, 30) * 10:
            query = rng.normal(size=3)
            ours, theirs = memory.search(query, k, "music"), disk.search(query, k, "music")
            assert [ids[i] for i in ours.ids] == theirs.ids.tolist()
            assert ours.scores.tolist() == theirs.scores.tolist()
            engines = Recommender(memory), Recommender(disk)
            one, other = (engine.recommend(engine.vector(query), k) for engine in engines)
            assert [(r.track.title, r.score) for r in one] == [(r.track.title, r.score) for r in other]


def test_analyses_answer_as_the_library_they_are_put_into() -> None:
    model, toy = ToyModel(), ToyLibrary(TRACKS)
    library = MemoryLibrary.of_analyses({path: analysed(toy, i) for i, path in enumerate(TRACKS)}, model)
    assert library.inputs("music") == model.inputs("music")
    np.testing.assert_array_equal(library.medians("music"), toy.medians("music"))
    (track,) = library.tracks_of([2])
    assert (track.title, track.bpm, track.key, track.duration_s) == ("slow", 120.0, "C major", 20.0)
    assert track.artist == "somebody"
    mine, theirs = (Recommender(one, model).recommend("0.5_1.5_6.mp4", 3) for one in (library, toy))
    for ours, other in zip(mine, theirs, strict=True):
        assert ours.track.path.endswith(other.track.path)
        assert replace(ours, track=other.track) == other


def analysed(toy: ToyLibrary, i: int) -> Analysis:
    """The analysis of a track of the toy library."""
    (track,), (windows,) = toy.tracks_of([i]), toy.windows_of([i])
    facts = {"bpm": 120.0, "key": "C major"}
    features = Features(tuple(COLUMNS), windows.bounds, windows.inputs, windows.inputs[0], track.duration_s, facts)
    item = np.array(track.affect)
    return Analysis(
        "music", features, windows.affect, windows.vectors, item, windows.vectors[0], {"artist": "somebody"}
    )
