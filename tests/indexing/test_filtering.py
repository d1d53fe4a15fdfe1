"""Filters before ranking: the same tracks as one by one, and the same answers as over the filtered library."""

import csv
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeAnalyser, toy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexing import ingest
from indexing.disk.locations import CATALOG
from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.search import tracks as search
from indexing.snapshot.filtering import mask_tracks
from indexing.writing.writer import Writer
from recommender.filters import meets
from recommender.types import Filter, Range, unit

DIM = 6
KEYS, GENRES, LICENCES = ("A minor", "C major", ""), ("Rock", "pop; Hip-Hop/Rap", ""), ("CC BY 4.0", "All rights", "")
FOLDERS = ("/m/a", "/m/a b", "/m/a/c", "/m")


def imported(folder: Path, first: int, last: int, seed: int) -> None:
    """Tracks `first` to `last` with 1 to 5 windows and drawn facts, imported into `folder / "library"`."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(first, last):
        facts = {
            "id": f"t{i}",
            "path": f"{FOLDERS[i % 4]}/{i}.mp3" if i % 5 else "",
            "bpm": rng.integers(60, 70) if i % 3 else "",
            "duration_s": rng.integers(100, 110) if i % 4 else "",
            "key": rng.choice(KEYS),
            "genre": rng.choice(GENRES),
            "licence": rng.choice(LICENCES),
        }
        rows += [facts] * int(rng.integers(1, 6))
    with open(folder / "ids.csv", "w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    np.save(folder / "v.npy", unit(rng.normal(size=(len(rows), DIM))))
    import_vectors(folder / "library", folder / "v.npy", folder / "ids.csv", space="drawn")


def same_recording(catalog) -> None:
    """Group every track with that seven numbers on, in three steps; a change like any other."""
    there = sorted(row.id for row in catalog.placements())
    catalog.group([(i, i + 7) for i in there if i % 3 and i + 7 in there])
    catalog.bump()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Iterator[Library]:
    """A library with a current snapshot."""
    folder = tmp_path_factory.mktemp("fresh")
    imported(folder, 0, 60, 1)
    with Library.open(folder / "library") as library:
        with library.writing() as writer:
            writer.apply(same_recording)
            writer.publish()
        library.reload()
        assert library._facts
        yield library


@pytest.fixture(scope="module")
def behind(tmp_path_factory) -> Iterator[Library]:
    """A library whose snapshot lacks new tracks, and has replaced and removed ones."""
    folder = tmp_path_factory.mktemp("behind")
    imported(folder, 0, 40, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writer, "publish", lambda self: None)
        imported(folder, 35, 60, 2)
        with Library.open(folder / "library") as library:
            with library.writing() as writer:
                writer.apply(same_recording)
            list(ingest.remove(library, [Path("/m/a/4.mp3"), Path("/m/a b/41.mp3"), Path("/m/a/c")]))
    with Library.open(folder / "library") as library:
        assert not library._facts
        assert len(library._segments["music"]) == 2
        yield library


def ranges(low: int, high: int) -> st.SearchStrategy:
    ends = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    return st.none() | ends.map(lambda pair: Range(*map(float, pair))) | st.just(Range(float(low + 3), np.inf))


def sets(*values: str) -> st.SearchStrategy:
    return st.frozensets(st.sampled_from(values), max_size=2)


PATHS = tuple(f"{FOLDERS[i % 4]}/{i}.mp3" for i in range(60)) + tuple(f"t{i}" for i in range(0, 60, 5))
FILTERS = st.builds(
    Filter,
    bpm=ranges(60, 70) | ranges(30, 35) | ranges(120, 140),
    duration_s=ranges(100, 110),
    keys=sets("A minor", "C major"),
    genres=sets("rock", "RAP", "Pop", "hip-hop/rap"),
    licences=sets("cc by 4.0", "All Rights"),
    folders=sets(*FOLDERS, "/m/"),
    only=st.none() | st.frozensets(st.sampled_from(PATHS), min_size=10),
    exclude=sets(*FOLDERS[:3], *PATHS),
    half_double=st.booleans(),
)


def by_brute_force(library: Library, query: np.ndarray, k: int, where: Filter | None) -> tuple[list[int], list[float]]:
    """The best tracks of different recordings among those that meet the conditions, each looked at."""
    tracks = library.tracks_of([t.id for t in library.tracks("music")])
    tracks = [track for track in tracks if where is None or meets(track, where)]
    unit_query = query / np.linalg.norm(query)
    best = {t.id: search.cosines(library.windows_of([t.id])[0].vectors, unit_query).max() for t in tracks}
    order: list[int] = []
    heard: set[str] = set()
    for track in sorted(tracks, key=lambda t: (-best[t.id], t.id)):
        if track.path not in heard:
            order.append(track.id)
            heard |= {track.path, *track.versions}
    return order[:k], [float(best[i]) for i in order[:k]]


@pytest.mark.parametrize("scanned", [1 << 18, 0])
@pytest.mark.parametrize("state", ["fresh", "behind"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=FILTERS, k=st.integers(1, 70), seed=st.integers(0, 99))
def test_a_filtered_search_is_a_search_of_the_filtered_library(state, scanned, request, monkeypatch, where, k, seed):
    library = request.getfixturevalue(state)
    monkeypatch.setattr(search, "_SCANNED", scanned)
    monkeypatch.setattr(search, "_FIRST", 1)
    query = np.random.default_rng(seed).normal(size=DIM)
    found = library.search(query, k, "music", where=where)
    assert (found.ids.tolist(), found.scores.tolist()) == by_brute_force(library, query, k, where)
    expected = sorted(t.id for t in library.tracks("music") if meets(library.tracks_of([t.id])[0], where))
    assert library.ids("music", where).tolist() == expected


def test_few_windows_of_a_large_selection_are_enough(fresh, monkeypatch):
    """The index is asked first, and given up where the wanted tracks lie far from the query."""
    monkeypatch.setattr(search, "_SCANNED", 0)
    asked = []
    index = fresh._search("music")[0].index.windows
    top = index.top

    def counted(query, k):
        asked.append(k)
        return top(query, k)

    monkeypatch.setattr(type(index), "top", lambda self, query, k: counted(query, k))
    monkeypatch.setattr(search, "_MOST", 1)
    where = Filter(bpm=Range(60, 70))
    for seed in range(5):
        query = np.random.default_rng(seed).normal(size=DIM)
        assert fresh.search(query, 2, "music", where=where).ids.tolist() == by_brute_force(fresh, query, 2, where)[0]
    assert len(asked) >= 5
    monkeypatch.setattr(search, "_MOST", 1000)
    assert fresh.search(query, 2, "music", where=where).ids.tolist() == by_brute_force(fresh, query, 2, where)[0]


def test_masks_equal_one_by_one_with_copies_and_odd_names(library, music, tmp_path):
    """A copy in a folder brings its track in, or, excluded, out."""
    toy(music / "copies" / "00.mp3", 1, 2)
    odd = Path(os.fsdecode(os.fsencode(music / "copies") + b"/\xff.mp3"))
    toy(odd, 9, 2)
    list(ingest.add(library, [music], FakeAnalyser(), executor="inline"))
    tracks = {t.id: library.tracks_of([t.id])[0] for t in library.tracks()}
    copied = next(t for t in tracks.values() if t.copies)
    filters = [
        Filter(folders=frozenset([str(music / "copies")])),
        Filter(folders=frozenset([str(music / "a"), str(music / "b")])),
        Filter(folders=frozenset([str(music / "copies")]), only=frozenset([copied.path])),
        Filter(exclude=frozenset([str(music / "copies")])),
        Filter(exclude=frozenset([str(odd)])),
        Filter(only=frozenset([str(odd), *copied.copies])),
        Filter(folders=frozenset(["/"])),
        Filter(only=frozenset()),
    ]
    for where in filters:
        mask = mask_tracks(library._facts["music"].facts[0], where)
        expected = [i for i, track in sorted(tracks.items()) if meets(track, where)]
        assert library._segments["music"][0].ids[mask].tolist() == expected
    sizes = [len(library.ids("music", where)) for where in filters]
    assert sizes == [2, 3, 0 if copied.path.startswith(str(music / "a")) else 1, 5, 6, 2, 7, 0]


def test_deletes_updates_and_moves_show_at_once(library, music, monkeypatch):
    """Under filters too, whether or not a new snapshot was published."""
    monkeypatch.setattr(Writer, "publish", lambda self: None)
    near_end = Filter(folders=frozenset([str(music / "b c")]))
    slow = Filter(bpm=Range(60, 61))
    assert (library.ids("music", near_end).tolist(), library.ids("music", slow).tolist()) == ([4, 5, 6], [1, 2])
    (music / "b c" / "3.mp3").unlink()
    (music / "a" / "0.mp3").rename(music / "b c" / "moved.mp3")
    toy(music / "a" / "1.mp3", 30, 2)  # other content, other tempo
    toy(music / "b c" / "new.mp3", 1, 3)
    list(ingest.update(library, FakeAnalyser(), executor="inline"))
    assert not library._facts
    names = {Path(t.path).name for t in library.tracks_of(library.ids("music", near_end))}
    assert names == {"4.mp3", "5.mp3", "moved.mp3", "new.mp3"}
    assert {Path(t.path).name for t in library.tracks_of(library.ids("music", slow))} == {"moved.mp3", "new.mp3"}
    found = library.search(np.ones(8), 9, "music", where=near_end)
    assert sorted(found.ids.tolist()) == library.ids("music", near_end).tolist()


def test_only_what_has_changed_is_read_where_a_snapshot_is_behind(behind, library, music, monkeypatch):
    behind.ids("music", Filter(bpm=Range(60, 64)))
    late = set(behind._masks["music"]._later[-1].ids.tolist())
    old, tail = behind.segments("music")
    assert set(tail.ids.tolist()) <= late
    assert len(late & set(old.ids[old.alive].tolist())) < 10
    monkeypatch.setattr(Writer, "publish", lambda self: None)
    (music / "a" / "0.mp3").rename(music / "moved.mp3")
    (music / "a" / "1.mp3").touch()
    list(ingest.update(library, FakeAnalyser(), executor="inline"))
    where = Filter(only=frozenset([str(music / "moved.mp3")]))
    assert library.ids("music", where).tolist() == [1]
    assert library._masks["music"]._later[-1].ids.tolist() == [1]


@pytest.mark.parametrize("known", [True, False])
def test_all_is_read_where_it_is_not_known_what_has_changed(library, music, monkeypatch, known):
    """A snapshot from before the catalog kept notes of changes, as after a migration."""
    monkeypatch.setattr(Writer, "publish", lambda self: None)
    (music / "a" / "0.mp3").rename(music / "moved.mp3")
    list(ingest.update(library, FakeAnalyser(), executor="inline"))
    with closing(sqlite3.connect(library.folder / CATALOG)) as connection:
        if not known:
            connection.execute("DELETE FROM touched")
        connection.execute("INSERT INTO touched SELECT 0, generation - ? FROM meta", (9 if known else 0,))
        connection.commit()
    library.reload()
    assert library.ids("music", Filter(only=frozenset([str(music / "moved.mp3")]))).tolist() == [1]
    assert library._masks["music"]._later[-1].ids.tolist() == ([1] if known else [1, 2, 3, 4, 5, 6])


def test_masks_are_kept_for_a_few_filters(fresh, monkeypatch):
    fresh.reload()  # forgets them
    computed = []
    monkeypatch.setattr(
        "indexing.snapshot.filtering.mask_tracks", lambda facts, where: computed.append(where) or np.zeros(60, bool)
    )
    for bpm in [60, 61, 60, *range(100, 132), 60]:
        assert fresh.ids("music", Filter(bpm=Range(bpm, bpm))).tolist() == []
    assert [int(where.bpm.low) for where in computed] == [60, 61, *range(100, 132), 60]
    fresh.reload()


def test_imported_tags_are_there_fresh_and_behind(fresh, behind):
    for library in (fresh, behind):
        assert any(t.versions for t in library.tracks_of([t.id for t in library.tracks()]))
        track = library.tracks_of([2])[0]
        listed = next(t for t in library.tracks() if t.id == 2)
        assert (track.genre, track.licence) == (listed.genre, listed.licence)
    assert {t.genre for t in fresh.tracks()} == {"Rock", "pop; Hip-Hop/Rap", None}
