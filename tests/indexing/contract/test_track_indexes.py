"""Every kind of vector server: what it is given it holds, once, and gives the nearest of."""

import numpy as np
import pytest
from engines import server_at
from fakes import clustered

from indexing.search.servers import MOST_PLACES, SERVERS, Rows, State, open_server
from indexing.search.servers.conditions import MOST_TEXTS, describe_track, without_paths
from recommender.errors import BackendError
from recommender.filters import meets
from recommender.types import Filter, Range, Space, Track, unit

pytestmark = [
    pytest.mark.parametrize("kind", sorted(SERVERS)),
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),  # of Qdrant's client without a server
]
TRACKS, EACH, DIM = 120, 3, 16
STATE = State("uid", Space("mine", "1", DIM), 3, 360, 3, None, "windows", 0, 0, TRACKS)
GENRES = (None, "Ambient", "Rock; Hip-Hop/Rap", "ROCK", ";".join(f"g{i}" for i in range(2 * MOST_TEXTS)), "x" * 2000)
TRACKS_OF = [
    Track(
        id=i * 7 + 1,
        path=f"/music/{i}",
        modality="music",
        title=str(i),
        bpm=None if i % 5 == 0 else 60.0 + i / 3,
        duration_s=30.0 + i,
        key=("A minor", "C major", None)[i % 3],
        genre=GENRES[i % len(GENRES)],
        licence=("CC BY 4.0", None)[i % 2],
        voice=(i % 10) / 10,
        year=1950 + i,
    )
    for i in range(TRACKS)
]
FILTERS = [
    Filter(bpm=Range(70, 80)),
    Filter(bpm=Range(70 + 1 / 3, np.inf)),
    Filter(bpm=Range(160, 200), half_double=True),
    Filter(duration_s=Range(-np.inf, 60.0), keys=frozenset(["C major"])),
    Filter(genres=frozenset(["rock"])),
    Filter(genres=frozenset(["hip-hop", "AMBIENT"]), instrumental=Range(-np.inf, 0.3)),
    Filter(genres=frozenset(["g77"])),
    Filter(genres=frozenset(["x" * 2000])),
    Filter(licences=frozenset(["CC BY 4.0"]), year=Range(1960, 1990)),
    Filter(keys=frozenset(['A minor" or id > 0 or key == "'])),
    Filter(albums=frozenset(["{key}"])),
]


@pytest.fixture(scope="module")
def rows():
    vectors = clustered(TRACKS * EACH, EACH)
    ids = np.array([track.id for track in TRACKS_OF], np.int64)
    return Rows(ids, np.full(TRACKS, EACH), vectors, [describe_track(track) for track in TRACKS_OF])


@pytest.fixture
def index(kind, rows, monkeypatch):
    made = open_server(server_at(kind, monkeypatch))
    made.clear(DIM)
    made.keep(STATE)
    made.put(rows)
    return made


def some_of(rows, some):
    parts = np.split(rows.vectors, np.cumsum(rows.counts)[:-1])
    return Rows(
        rows.ids[some], rows.counts[some], np.concatenate([parts[i] for i in some]), [rows.said[i] for i in some]
    )


def queries(count=8):
    return unit(np.random.default_rng(1).normal(size=(count, DIM))).astype(np.float32)


def nearest(rows, query, count, good=None):
    """Distinct tracks of the nearest rows, with how many rows each has there, and the last score."""
    owners = np.repeat(rows.ids, rows.counts)
    allowed = np.repeat(np.ones(len(rows.ids), bool) if good is None else good, rows.counts)
    scores = rows.vectors @ query
    order = np.argsort(np.where(allowed, -scores, np.inf), kind="stable")[: min(count, allowed.sum())]
    ids = list(dict.fromkeys(owners[order].tolist()))
    return ids, [(owners[order] == one).sum() for one in ids], scores[order][-1:]


@pytest.mark.parametrize("count", [1, 10, 100, 10_000])
def test_the_nearest_rows_are_given_by_track(index, rows, count):
    for query in queries():
        found = index.tracks(query, count)
        ids, counts, least = nearest(rows, query, count)
        assert (found.ids.tolist(), found.counts.tolist()) == (ids, counts)
        assert found.given == sum(counts) == min(count, TRACKS * EACH)
        assert abs(found.least - least[0]) < 1e-5


@pytest.mark.parametrize("where", FILTERS, ids=range(len(FILTERS)))
def test_numbers_and_names_leave_what_meets_them_and_nothing_that_the_library_could_not_see(index, rows, where):
    good = np.array([meets(track, where) for track in TRACKS_OF])
    found = index.tracks(queries()[0], 10_000, where)
    assert set(found.ids.tolist()) >= set(rows.ids[good].tolist())
    others = [track for track in TRACKS_OF if track.id in found.ids and not meets(track, where)]
    assert all(len(track.genre or "") > 500 for track in others)  # more texts than a server is told: it may be any
    assert where.genres or not others


def test_what_a_filter_says_of_files_is_no_business_of_a_server(index, rows):
    where = Filter(folders=frozenset(["/elsewhere"]), only=frozenset(), exclude=frozenset(["/music"]))
    assert not without_paths(where)
    assert len(index.tracks(queries()[0], 10_000, where).ids) == TRACKS


def test_put_twice_is_as_once_and_fewer_rows_take_the_place_of_more(index, rows):
    index.put(rows)
    assert index.count() == TRACKS * EACH
    one = some_of(rows, [5])
    index.put(Rows(one.ids, np.array([1]), -one.vectors[:1], one.said))
    assert index.count() == TRACKS * EACH - 2
    found = index.tracks(-one.vectors[0], 1)
    assert found.ids.tolist() == one.ids.tolist()
    index.put(Rows(one.ids, np.array([1]), -one.vectors[:1], [{"bpm": 500.0}]))
    assert index.tracks(queries()[0], 9, Filter(bpm=Range(500, 500))).ids.tolist() == one.ids.tolist()


def test_what_is_dropped_is_gone_and_nothing_else(index, rows):
    index.drop(np.append(rows.ids[10:], 10**9))
    index.drop(np.empty(0, np.int64))
    assert sorted(index.tracks(queries()[0], 10_000).ids.tolist()) == rows.ids[:10].tolist()
    assert index.count() == 10 * EACH


def test_many_rows_and_large_ids(index, rows):
    many = unit(np.random.default_rng(2).normal(size=(300, DIM))).astype(np.float32)
    track = (1 << 46) + 5
    index.put(Rows(np.array([track]), np.array([300]), many, [{}]))
    found = index.tracks(many[299], 1)
    assert found.ids.tolist() == [track]
    assert track * MOST_PLACES < 1 << 63


def test_it_says_what_it_was_told_and_that_is_no_track(index):
    assert index.state() == STATE
    later = State(**{**vars(STATE), "generation": 4, "upto": 17})
    index.keep(later)
    index.keep(later)
    assert index.state() == later
    assert index.count() == TRACKS * EACH
    assert 0 not in index.tracks(queries()[0], 10_000).ids
    index.clear(DIM)
    assert (index.state(), index.count(), len(index.tracks(queries()[0], 5).ids)) == (None, 0, 0)


def test_where_there_is_nothing_it_says_so(kind, monkeypatch):
    empty = open_server(server_at(kind, monkeypatch))
    assert (empty.state(), empty.count()) == (None, 0)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', str(STATE)[:-3], str(STATE).replace("uid", "uuid")])
def test_a_state_that_is_not_understood_is_an_error_of_one_line(kind, text):
    with pytest.raises(BackendError, match=r"^what the server says of itself is not understood"):
        State.read(text)
    assert State.read(str(STATE)) == STATE
