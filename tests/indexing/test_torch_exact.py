"""Exact search with torch: no row of the best is missed, however rows are kept, on a processor in place of a GPU."""

import numpy as np
import pytest

from indexing.search.backends import torch_exact
from indexing.search.backends.torch_exact import TorchRows, keep, open_torch
from recommender.errors import BackendError
from recommender.types import unit

torch = pytest.importorskip("torch", reason="torch is not installed (extra `pretrained`)")
ROWS, DIM = 40_007, 24
pytestmark = [
    pytest.mark.parametrize("precision", ["fp16", "int8"]),
    pytest.mark.parametrize("work", ["float32", "float16"]),  # the latter as on a GPU
]


@pytest.fixture(autouse=True)
def _arithmetic(work, monkeypatch):
    monkeypatch.setitem(torch_exact._WORK, "cpu", work)


@pytest.fixture(scope="module")
def vectors():
    """Dimensions of very unlike spread, many rows alike."""
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(ROWS // 7 + 1, DIM)), 7, axis=0)[:ROWS] + 0.05 * rng.normal(size=(ROWS, DIM))
    return unit((rows * np.geomspace(1, 0.01, DIM)).astype(np.float32))


@pytest.fixture
def rows(vectors, precision):
    return TorchRows(vectors, keep(vectors, "cpu", precision))


def queries(vectors, count=5):
    rng = np.random.default_rng(1)
    picked = vectors[rng.integers(0, len(vectors), count)]
    return unit(picked + 0.2 * rng.normal(size=picked.shape).astype(np.float32) / DIM**0.5)


@pytest.mark.parametrize("k", [1, 3, 200, 3200, ROWS])
@pytest.mark.parametrize("share", [1, 0.5, 0.001])
def test_the_best_rows_are_those_of_float32(vectors, rows, k, share):
    chosen = np.random.default_rng(2).random(ROWS) < share
    total = np.count_nonzero(chosen)
    mask = None if share == 1 else rows.mask(chosen)
    asked = queries(vectors)
    for query, found in zip(asked, rows.tops(asked, min(k, total), mask), strict=True):
        scores = np.where(chosen, vectors @ query, -np.inf)
        best = np.sort(scores)[::-1][: min(k, total)]
        assert len(set(found[0].tolist())) == len(best)
        assert chosen[found[0]].all()
        np.testing.assert_allclose(found[1], best, atol=1e-6)


def test_products_are_off_by_no_more_than_the_bound_and_by_a_fair_share_of_it(vectors, rows):
    kept, asked = rows._kept, queries(vectors, 50)
    lifted = torch.from_numpy(asked * kept.scale * torch_exact._LIFT).to(rows._work)
    products = (kept.codes[:ROWS].to(rows._work) @ lifted.T).double().numpy() / torch_exact._LIFT
    off = np.abs(products - vectors.astype(float) @ asked.T.astype(float)).max(0)
    bound = rows._error(asked)
    assert (off <= bound).all()
    assert (off >= bound / 12).all()  # a bound of no use would look through everything


def test_few_rows_are_scored_again(vectors, rows, precision):
    near = rows.near(queries(vectors), 200)
    assert max(map(len, near)) < {"fp16": 300, "int8": 900}[precision]


def test_rows_all_alike_are_all_found(precision):
    alike = np.tile(unit(np.arange(1, 9, dtype=np.float32)), (5000, 1))
    index = open_torch(alike, precision)
    assert sorted(index.top(alike[0], 5000)[0].tolist()) == list(range(5000))
    assert len(index.top(alike[0], 100)[0]) == 100


def test_queries_are_taken_in_parts_where_memory_is_short(vectors, rows):
    asked = queries(vectors, 7)
    together = rows.tops(asked, 50, None)
    rows._together = 2
    for one, other in zip(together, rows.tops(asked, 50, None), strict=True):
        assert (one[0].tolist(), one[1].tolist()) == (other[0].tolist(), other[1].tolist())


def test_the_finest_that_fits_is_kept_and_what_fits_nowhere_is_refused(vectors, precision, monkeypatch):
    size = {"fp16": 2, "int8": 1}[precision] * vectors.size
    monkeypatch.setattr(torch_exact, "free_bytes", lambda device: 1 + size / 0.6)
    assert open_torch(vectors).precision == precision
    monkeypatch.setattr(torch_exact, "free_bytes", lambda device: vectors.size)
    with pytest.raises(BackendError, match=r"0\.0 GB of int8 do not fit 60% of the 0\.0 GB that are free \(cpu\)"):
        open_torch(vectors)


@pytest.mark.gpu
def test_a_gpu_finds_the_same(vectors, precision):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    index, asked = open_torch(vectors, precision), queries(vectors, 40)
    assert index.device == "cuda"
    for chosen in (None, np.arange(ROWS) % 3 == 0):
        some = index if chosen is None else index.among(chosen)
        for query, (_, scores) in zip(asked, some.tops(asked, 3200), strict=True):
            right = np.sort((vectors if chosen is None else vectors[chosen]) @ query)[::-1][:3200]
            np.testing.assert_allclose(scores, right, atol=1e-6)
