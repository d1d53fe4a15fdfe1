"""A default query stays on the device: 200 candidates, batches, filters; the GPU is one that only remembers calls."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import clustered

from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance import doctor
from indexing.maintenance.build_index import rebuild
from indexing.search.backends import devices, exact, faiss_pq, on_device
from indexing.search.backends.faiss_gpu import GPU_MAX_K, FaissRows
from recommender.types import Filter, unit

TRACKS, WINDOWS, CANDIDATES = 9000, 5, 200  # of more rows than one call for 200 tracks gives


class Gpu:
    """A FAISS of which everything but its GPU index fails; `asked` holds the queries and rows of each call."""

    __version__ = "0.0"
    METRIC_INNER_PRODUCT = 0

    def __init__(self, fails=False):
        self.asked, self.fails, gpu = [], fails, self

        class GpuIndexFlatIP:
            def __init__(self, resources, dim):
                self.rows = np.empty((0, dim), np.float32)

            @property
            def ntotal(self):
                return len(self.rows)

            def add(self, rows):
                self.rows = np.concatenate([self.rows, rows])

            def search(self, queries, k):
                assert queries.dtype == np.float32
                assert 0 < k <= min(GPU_MAX_K, len(self.rows))
                if gpu.fails:
                    raise RuntimeError("out of memory\nat GpuResources.cpp")
                gpu.asked.append((len(queries), k))
                scores = queries @ self.rows.T
                places = np.argsort(-scores, axis=1, kind="stable")[:, :k]
                return np.take_along_axis(scores, places, 1), places

        self.GpuIndexFlatIP = GpuIndexFlatIP

    def get_num_gpus(self):
        return 1

    def StandardGpuResources(self):
        return SimpleNamespace()

    def get_compile_options(self):
        return "fake"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A library with codes that were built."""
    pytest.importorskip("faiss").omp_set_num_threads(1)
    folder = tmp_path_factory.mktemp("gpu")
    np.save(folder / "v.npy", clustered(TRACKS * WINDOWS, WINDOWS))
    (folder / "ids.csv").write_text("id\n" + "".join(f"t{i // WINDOWS}\n" for i in range(TRACKS * WINDOWS)))
    import_vectors(folder / "lib", folder / "v.npy", folder / "ids.csv", space="mine")
    with Library.open(folder / "lib") as library:
        rebuild(library, backend="faiss_pq")
        rebuild(library, backend="auto")
    return folder / "lib"


def forbid(monkeypatch, *places):
    """Fail where the processor would search."""

    def forbidden(*_, **__):
        raise AssertionError("the processor searched")

    for holder, name in places:
        monkeypatch.setattr(holder, name, forbidden)


@pytest.fixture
def large(monkeypatch):
    """Every library counts as large, and every filter as leaving many tracks."""
    monkeypatch.setattr("indexing.search.backends.FAISS_ROWS", 1)
    monkeypatch.setattr("indexing.search.tracks._SCANNED", 0)
    monkeypatch.setattr(devices, "is_likely", lambda: True)
    forbid(monkeypatch, (faiss_pq.FaissPQ, "top"), (exact.Exact, "top"), (on_device.DeviceIndex, "_exactly"))
    monkeypatch.setattr("indexing.search.batch.tops", None)
    monkeypatch.setattr("indexing.search.tracks.Scored", None)


def half():
    return Filter(only=frozenset(f"t{i}" for i in range(0, TRACKS, 2)))


def answers(library):
    """Ids and scores of a default query, the same with a filter, and a batch."""
    queries = [library.windows_of([i + 1])[0].vectors[0].astype(np.float64) + 0.1 for i in (3, 500, 8000)]
    one = library.search(queries[0], CANDIDATES, "music")
    some = library.search(queries[1], CANDIDATES, "music", where=half())
    return [
        (f.ids.tolist(), f.scores.tolist()) for f in (one, some, *library.search_many(queries, CANDIDATES, "music"))
    ]


@pytest.fixture(scope="module")
def right(folder):
    with Library.open(folder, backend="exact") as library:
        return answers(library)


def test_a_default_query_a_filter_and_a_batch_stay_on_the_gpu(folder, right, large, monkeypatch, caplog):
    gpu = Gpu()
    monkeypatch.setitem(sys.modules, "faiss", gpu)
    with Library.open(folder) as library:
        assert answers(library) == right
        told = library.info()["search"]["music"]
    assert (told["backend"], told["device"], told["setting"]) == ("faiss_flat", "cuda", "auto")
    assert told["why"] == "FAISS 0.0 sees 1 GPU(s)"
    assert {queries for queries, _ in gpu.asked} == {1, 3}  # the batch in one call each
    assert sum(k for queries, k in gpu.asked if queries == 3) >= 16 * CANDIDATES
    assert caplog.messages == []
    assert dict(doctor.report()[0])["large searches"] == "faiss_flat (FAISS 0.0 sees 1 GPU(s))"


def test_without_faiss_on_the_gpu_torch_serves(folder, right, large, monkeypatch, caplog):
    pytest.importorskip("torch", reason="torch is not installed (extra `pretrained`)")
    monkeypatch.setattr(devices, "find", lambda: devices.Serving("torch", "torch sees it"))
    with Library.open(folder) as library:
        assert answers(library) == right
        told = library.info()["search"]["music"]
    assert (told["backend"], told["precision"], told["why"]) == ("torch", "fp16", "torch sees it")
    assert caplog.messages == []


def test_without_a_device_codes_serve_and_say_why(folder, monkeypatch):
    monkeypatch.setattr("indexing.search.backends.FAISS_ROWS", 1)
    monkeypatch.setattr(devices, "is_likely", lambda: False)
    with Library.open(folder) as library:
        told = library.info()["search"]["music"]
    assert (told["backend"], told["device"]) == ("faiss_pq", "cpu")
    assert told["why"] == "codes were built; no CUDA device was found"


def test_a_gpu_that_fails_in_a_query_gives_way_to_the_processor_which_is_said_once(folder, right, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "faiss", Gpu(fails=True))
    with Library.open(folder, backend="faiss_flat") as library:
        assert answers(library) == right
        assert library.info()["search"]["music"]["device"] == "cpu"
    assert caplog.messages == ["search goes on on the processor, the GPU failed: out of memory"]


def test_a_gpu_without_room_gives_way_to_codes(folder, monkeypatch, caplog):
    import faiss

    class Full(Gpu):
        def StandardGpuResources(self):
            raise RuntimeError("no room")

        def __getattr__(self, name):
            return getattr(faiss, name)

    monkeypatch.setattr("indexing.search.backends.FAISS_ROWS", 1)
    monkeypatch.setattr(devices, "is_likely", lambda: True)
    monkeypatch.setitem(sys.modules, "faiss", Full())
    with Library.open(folder) as library:
        told = library.info()["search"]["music"]
    assert told["backend"] == "faiss_pq"
    assert caplog.messages == [told["notice"]] == ["search is by codes, without faiss_flat: no room"]


@pytest.mark.parametrize("total", [1, 2048, 2049, 40_000])
@pytest.mark.parametrize("k", [1, 100, 2049, 20_000])
def test_passes_find_what_one_call_would(total, k):
    vectors = unit(np.random.default_rng(total).normal(size=(total, 4)).astype(np.float32))
    gpu, k = Gpu(), min(k, total)
    found = FaissRows(gpu, vectors).tops(vectors[:2], k, None)
    for (rows, scores), query in zip(found, vectors, strict=False):
        assert scores.tolist() == pytest.approx(np.sort(vectors @ query)[::-1][:k].tolist(), abs=1e-6)
        assert len(set(rows.tolist())) == k
        assert (vectors[rows] @ query).tolist() == pytest.approx(scores.tolist(), abs=1e-6)


def test_what_is_deeper_than_all_calls_give_is_left_to_the_processor():
    vectors = unit(np.random.default_rng(1).normal(size=(50_000, 4)).astype(np.float32))
    rows = FaissRows(Gpu(), vectors)
    assert rows.tops(vectors[:1], 40_000, None) == [None]
    index = on_device.DeviceIndex(vectors, rows)
    assert len(set(index.top(vectors[0], 40_000)[0].tolist())) == 40_000
    few = np.arange(50_000) % 40 == 0
    assert not rows.pays(np.count_nonzero(few))
    assert set(index.among(few).top(vectors[0], 900)[0].tolist()) <= set(np.flatnonzero(few).tolist())


def test_best_rows_that_lie_in_one_period_are_found_in_few_passes():
    """Of tracks of 16 windows the first is the best: dealt in turn, one index would hold them all."""
    vectors = unit(np.random.default_rng(2).normal(size=(64_000, 4)).astype(np.float32))
    vectors[::16] = unit(np.array([1, 0.01, 0, 0], np.float32))
    gpu = Gpu()
    found = FaissRows(gpu, vectors).tops(np.eye(4, dtype=np.float32)[:1], 3200, None)[0]
    assert set(found[0].tolist()) <= set(range(0, 64_000, 16))
    assert len(gpu.asked) == 16


def broken(*_):
    raise RuntimeError("CUDA driver version is insufficient")


def test_looking_for_a_device_imports_nothing(monkeypatch):
    monkeypatch.setattr(devices, "_NODES", ("/dev/nowhere",))
    monkeypatch.setitem(sys.modules, "faiss", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert devices.find() == (None, "no CUDA device was found")
    monkeypatch.setattr(devices, "_NODES", ("/",))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    assert devices.find().why.endswith("neither FAISS nor torch sees it: pip install 'cliptune[gpu]'")
    monkeypatch.setitem(sys.modules, "faiss", Gpu())
    assert devices.find() == ("faiss_flat", "FAISS 0.0 sees 1 GPU(s)")
    monkeypatch.setattr(devices, "_torch_has_cuda", lambda: True)
    torch = SimpleNamespace(__version__="0.1", cuda=SimpleNamespace(is_available=lambda: True, get_device_name=str))
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(Gpu, "get_num_gpus", broken)
    assert devices.find() == ("torch", "torch 0.1 sees ; FAISS sees no GPU")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not devices.is_likely()
