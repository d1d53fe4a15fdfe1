"""Imported vectors: read, checked, grouped, replaced, queried."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexing import ingest
from indexing.ingest.import_vectors import import_vectors, load_queries
from indexing.library import Library
from indexing.maintenance.verify import verify
from recommender.engine import Recommender
from recommender.errors import InputError, SpaceMismatch
from recommender.outputs.records import record
from recommender.types import Filter, Space


@pytest.fixture
def files(tmp_path):
    """Four vectors of three tracks, with a table; `b` has two windows, given out of order."""
    np.save(tmp_path / "v.npy", np.array([[3, 4], [0, 2], [5, 0], [-1, 0]], np.float64))
    (tmp_path / "ids.csv").write_text(
        "id,path,title,artist,duration_s,start_s,end_s,bpm,key\n"
        "a,music/a.mp3,Song A,Ann,30,0,10,120.5,C major\n"
        "b,,,,20,10,20,,\n"
        "b,,,,20,0,10,,\n"
        "c,https://host/c.mp3,,,,,,,\n"
    )
    return tmp_path


def test_known_answer(files):
    made = import_vectors(files / "lib", files / "v.npy", files / "ids.csv", space="mine")
    assert (made.tracks, made.windows, made.dim, made.replaced) == (3, 4, 2, 0)
    with Library.open(files / "lib") as library:
        assert library.space == Space("mine", "imported", 2)
        found = library.search([1, 0], 3, "music")
        assert found.ids.tolist() == [2, 1, 3]
        assert found.scores.tolist() == pytest.approx([1, 0.6, -1])
        a, b, c = library.tracks_of([1, 2, 3])
        assert (a.path, a.title, a.artist, a.duration_s, a.bpm, a.key) == (
            *(str(files / "music" / "a.mp3"), "Song A", "Ann", 30.0),
            *(120.5, "C major"),
        )
        assert (b.path, b.title, b.bpm, b.affect) == ("b", "b", None, None)
        assert (c.path, c.title, c.duration_s) == ("https://host/c.mp3", "c", None)
        windows = library.windows_of([2])[0]
        assert windows.bounds.tolist() == [[0, 10], [10, 20]]
        assert windows.vectors.tolist() == [[1, 0], [0, 1]]
        assert (windows.affect.shape, windows.inputs.shape) == ((2, 0), (2, 0))
        assert (library.inputs("music"), library.medians("music").shape) == ((), (0,))
        assert verify(library) == []


@pytest.mark.parametrize("backend", ["exact", "faiss_flat"])
def test_directions_that_look_away_keep_their_order(tmp_path, backend):
    """Every cosine is negative: 40 directions within the half space opposite the query, with and without a filter."""
    vectors = np.random.default_rng(0).normal(size=(40, 6))
    vectors[:, 0] = -np.abs(vectors[:, 0])
    np.save(tmp_path / "v.npy", vectors)
    ids = "".join(f"{i},{'AB'[i % 2]}\n" for i in range(40))
    (tmp_path / "ids.csv").write_text("id,artist\n" + ids)
    import_vectors(tmp_path / "lib", tmp_path / "v.npy", tmp_path / "ids.csv", space="mine")
    right = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True))[:, 0]
    query = np.eye(6)[0]
    with Library.open(tmp_path / "lib", backend=backend) as library:
        engine = Recommender(library)
        found = engine.recommend(engine.vector(query), top=40)
        assert [int(r.track.path) for r in found] == np.argsort(-right).tolist()
        assert [r.score for r in found] == pytest.approx(np.sort(right)[::-1], abs=1e-6)
        assert [round(r.score, 6) for r in found] == [record(r)["score"] for r in found]
        some = engine.recommend(
            engine.vector(query), top=40, where=Filter(only=frozenset(str(i) for i in range(1, 40, 2)))
        )
        assert [int(r.track.path) for r in some] == [i for i in np.argsort(-right).tolist() if i % 2]
        one = engine.recommend(engine.vector(query), top=40, per_artist=3)
        assert [r.track.artist for r in one].count("A") == 3
        (many,) = library.search_many(query[None], 40, "music")
        assert (many.ids - 1).tolist() == np.argsort(-right).tolist()


def test_importing_again_replaces_and_adds(files):
    import_vectors(files / "lib", files / "v.npy", files / "ids.csv", space="mine")
    np.save(files / "w.npy", np.array([[0, 1], [1, 1]], np.float16))
    (files / "more.csv").write_text("id,path\nd,d.mp3\na,moved.mp3\n")
    made = import_vectors(files / "lib", files / "w.npy", files / "more.csv", space="mine")
    assert (made.tracks, made.replaced) == (2, 1)
    with Library.open(files / "lib") as library:
        assert {t.id: t.path for t in library.tracks()} == {
            1: str(files / "moved.mp3"),
            2: "b",
            3: "https://host/c.mp3",
            4: str(files / "d.mp3"),
        }
        assert library.count("music") == 4
        assert library.windows_of([1])[0].vectors.tolist() == [[np.float32(np.sqrt(0.5))] * 2]
        assert verify(library) == []
        assert [e.path for e in ingest.remove(library, ["b"])] == ["b"]
        assert library.count("music") == 3
        assert verify(library) == []
    again = import_vectors(files / "lib", files / "w.npy", files / "more.csv", space="mine")
    assert again.replaced == 2
    with Library.open(files / "lib") as library:
        assert library.count("music") == 3
        assert len(list((library.folder / "parts").iterdir())) == 2
        assert verify(library) == []


@pytest.mark.parametrize("kind", [pa.list_(pa.float32()), pa.list_(pa.float64(), 2), pa.large_list(pa.float32())])
def test_parquet_with_its_own_ids(tmp_path, kind):
    vectors = pa.array([[3.0, 4.0], [0.0, 1.0]], kind)
    pq.write_table(pa.table({"vector": vectors, "id": ["x", "y"]}), tmp_path / "v.parquet")
    import_vectors(tmp_path / "lib", tmp_path / "v.parquet", None, space="mine")
    with Library.open(tmp_path / "lib") as library:
        assert [t.title for t in library.tracks()] == ["x", "y"]
        assert library.windows_of([1])[0].vectors[0].tolist() == pytest.approx([0.6, 0.8])
    assert [name for name, _ in load_queries(tmp_path / "v.parquet")] == ["x", "y"]


def test_many_rows_are_cut_into_parts_between_tracks(tmp_path, monkeypatch):
    monkeypatch.setattr("indexing.ingest.import_vectors._PART_BYTES", 10 * 5 * 4)
    monkeypatch.setattr("indexing.ingest.import_vectors._BLOCK_ROWS", 3)
    random = np.random.default_rng(0)
    names = [f"t{i}" for i in range(20) for _ in range(1 + i % 4)]
    order = random.permutation(len(names))
    vectors = random.normal(size=(len(names), 5)).astype(np.float32)
    np.save(tmp_path / "v.npy", vectors)
    (tmp_path / "ids.csv").write_text("id\n" + "".join(f"{names[i]}\n" for i in order))
    import_vectors(tmp_path / "lib", tmp_path / "v.npy", tmp_path / "ids.csv", space="mine")
    with Library.open(tmp_path / "lib") as library:
        assert len(list((library.folder / "parts").iterdir())) > 4
        assert verify(library) == []
        for track in library.tracks():
            rows = [row for row, i in enumerate(order) if names[i] == track.title]
            unit = vectors[rows] / np.linalg.norm(vectors[rows].astype(float), axis=1, keepdims=True)
            assert library.windows_of([track.id])[0].vectors == pytest.approx(unit, abs=1e-6)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.array([[1, 0], [0, 0], [1, 1]], np.float32), r"row 1 \(counted from 0\) is zero"),
        (np.array([[1, 0], [1, 0], [np.nan, 1]], np.float32), "row 2 .*not finite"),
        (np.array([[1, 0], [np.inf, 0], [np.nan, 1]], np.float16), "row 1 .*not finite"),
        (np.ones((4, 2), np.float32), "3 rows, .*4 vectors"),
        (np.ones((3, 2), np.int64), "float16, float32 or float64"),
        (np.ones(3, np.float32), r"shape \[3\]"),
        (np.ones((3, 0), np.float32), r"shape \[3, 0\]"),
        (np.array([["a"]]), "float16, float32 or float64"),
    ],
)
def test_bad_vectors_are_refused_by_their_first_row(tmp_path, vectors, message):
    np.save(tmp_path / "v.npy", vectors)
    (tmp_path / "ids.csv").write_text("id\na\nb\nc\n")
    with pytest.raises(InputError, match=message):
        import_vectors(tmp_path / "lib", tmp_path / "v.npy", tmp_path / "ids.csv", space="mine")
    assert not (tmp_path / "lib").exists()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("name\na\n", "unknown column 'name'; known are: id, path"),
        ("id,title,id\na,b,c\n", "column 'id' comes twice"),
        ("title\na\nb\n", "no column 'id'"),
        ("", "no column 'id'"),
        ("id,title\na,b\nc\n", "line 3: 1 fields instead of 2"),
        ("id\na\n\n", "1 rows, .*2 vectors"),
        ("id,bpm\na,1\nb,fast\n", "row 1 .*bpm is 'fast', not a number"),
        ("id,start_s\na,-1\nb,2\n", "row 0 .*start_s is '-1'"),
        ("id,start_s,end_s\na,1,2\nb,2,1\n", "row 1 .*ends before it starts"),
        ('id\na\n""\n', "row 1 .*empty id"),
        ("id,path\na,x.mp3\nb,x.mp3\n", "two ids have the same path: .*x.mp3"),
    ],
)
def test_bad_tables_are_refused(tmp_path, table, message):
    np.save(tmp_path / "v.npy", np.ones((2, 2), np.float32))
    (tmp_path / "ids.csv").write_text(table)
    with pytest.raises(InputError, match=message):
        import_vectors(tmp_path / "lib", tmp_path / "v.npy", tmp_path / "ids.csv", space="mine")


def test_bad_files_are_refused(tmp_path):
    (tmp_path / "text.npy").write_text("hello")
    np.save(tmp_path / "objects.npy", np.array([{}, []], object))
    pq.write_table(pa.table({"other": [1]}), tmp_path / "other.parquet")
    pq.write_table(pa.table({"vector": [[1.0], [1.0, 2.0]]}), tmp_path / "ragged.parquet")
    pq.write_table(pa.table({"vector": [[1.0], None]}), tmp_path / "null.parquet")
    pq.write_table(pa.table({"vector": ["a"]}), tmp_path / "words.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    np.save(tmp_path / "v.npy", np.ones((1, 2), np.float32))
    for name, message in {
        "text.npy": "no NumPy array",
        "objects.npy": "no NumPy array",
        "other.parquet": "no column 'vector'; it has: other",
        "ragged.parquet": "row 1 has 2 numbers, the first row has 1",
        "null.parquet": "null.* in row 1",
        "words.parquet": "no Parquet file with a list column",
        "text.parquet": "no Parquet file",
        "none.npy": "no such file",
        "v.npy": "holds no ids",
    }.items():
        with pytest.raises(InputError, match=message):
            import_vectors(tmp_path / "lib", tmp_path / name, None, space="mine")
    with pytest.raises(InputError, match="no such file"):
        import_vectors(tmp_path / "lib", tmp_path / "v.npy", tmp_path / "none.csv", space="mine")
    with pytest.raises(InputError, match="needs a name"):
        import_vectors(tmp_path / "lib", tmp_path / "v.npy", None, space="")


def test_another_space_is_refused(files):
    import_vectors(files / "lib", files / "v.npy", files / "ids.csv", space="mine")
    with pytest.raises(SpaceMismatch, match="mine revision imported"):
        import_vectors(files / "lib", files / "v.npy", files / "ids.csv", space="yours")


def test_one_or_many_query_vectors(tmp_path):
    np.save(tmp_path / "q.npy", np.array([1, 2], np.float32))
    ((name, vector),) = load_queries(tmp_path / "q.npy")
    assert (name, vector.tolist()) == (str(tmp_path / "q.npy"), [1, 2])
    np.save(tmp_path / "q.npy", np.ones((2, 3), np.float32))
    assert [name[-8:] for name, _ in load_queries(tmp_path / "q.npy")] == ["q.npy[0]", "q.npy[1]"]
