"""Exact search with torch over rows kept as fp16 or int8 on a device, for machines without FAISS's GPU build.

Products with what is kept are off by at most e, a bound that the rows themselves give (`_error`). So the k-th best
product t of what is kept is at most e above the k-th best exact one, and every row of the exact best k has a product of
at least t - 2e: these rows, few more than k, are scored in float32 from the matrix itself, and none is missed. To find
t in few selections, the best row of each cell of 32 neighbours is taken first. [ours]

Nothing imports torch before an index is opened. On a processor the same runs in float32 arithmetic.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from indexing.search.backends.exact import best, inner_products
from indexing.search.backends.on_device import DeviceIndex, Found
from recommender.errors import BackendError
from recommender.types import Array

if TYPE_CHECKING:
    import torch

_CELL = 32  # rows: about a track's windows
_BLOCK = {"cuda": 1 << 20, "cpu": 1 << 14}  # rows multiplied at once, a multiple of a cell
_HITS = 1 << 14  # cells looked at again at once: 64 MB of fp16 at 64 dimensions
_LIFT = 256.0  # products are this many times too large, so that fp16 holds small parts of a query as well as large ones
_ROOM = 0.6  # of the free memory: what rows may take; of the rest a quarter goes to the best of cells
_INDEXED = 2**31 - 1  # cells of all queries together: what torch's selections can number
_GATHERED = 3  # of the rows one in so many: from there on a processor multiplies all rather than gather some
_WORK = {"cuda": "float16", "cpu": "float32"}  # what products are taken in
_ROUNDING = {"float16": 2.0**-11, "float32": 2.0**-24}


def load_torch() -> Any:
    """The torch module; raises BackendError with the way to install it."""
    try:
        import torch
    except ImportError as error:
        raise BackendError("no torch found; install it: pip install 'cliptune[pretrained]'") from error
    return torch


def open_torch(vectors: Array, precision: str | None = None) -> DeviceIndex:
    """The index over `vectors` float32 [n, d], on a CUDA device where there is one, else on the processor.

    `precision`: 'fp16' or 'int8', by the free memory where it is None. Raises BackendError without torch or where
    neither fits.
    """
    torch = load_torch()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if not len(vectors):
        return DeviceIndex(vectors, None)
    return DeviceIndex(vectors, TorchRows(vectors, keep(vectors, device, precision or _choose(vectors.shape, device))))


@dataclass(frozen=True)
class Kept:
    """What is kept of rows x: codes c with x = c * scale + rest.

    codes:  fp16 or int8 [n', d] on the device, n' a multiple of a cell: the last row stands there several times.
    count:  n, the rows that are.
    scale:  float64 [d].
    rest:   the largest length of a rest.
    length: the largest length of c * scale.
    code:   the largest length of c.
    """

    codes: "torch.Tensor"
    count: int
    scale: Array
    rest: float
    length: float
    code: float


def keep(vectors: Array, device: str, precision: str) -> Kept:
    """Rows float32 [n, d] on a device as 'fp16' or 'int8', carried there a block at a time."""
    torch = load_torch()
    total, dim = vectors.shape
    scale, kind = np.full(dim, 1 / _LIFT), torch.float16
    if precision == "int8":
        most = np.max([some.abs().amax(0).cpu().numpy() for some in _blocks(vectors, device)], axis=0)
        scale, kind = np.where(most > 0, most.astype(np.float64) / 127, 1.0), torch.int8
    codes = torch.empty((-(-total // _CELL) * _CELL, dim), dtype=kind, device=device)
    step, first = torch.from_numpy(scale.astype(np.float32)).to(device), 0
    largest = np.zeros(3)
    for rows in _blocks(vectors, device):
        codes[first : first + len(rows)], lengths = encode(rows, step, kind)
        largest, first = np.maximum(largest, lengths), first + len(rows)
    codes[total:] = codes[total - 1]
    return Kept(codes, total, scale, *(largest * (1 + 1e-5)).tolist())


def encode(rows: "torch.Tensor", scale: "torch.Tensor", kind: "torch.dtype") -> "tuple[torch.Tensor, Array]":
    """Codes [m, d] of rows float32 [m, d], and the largest lengths of the rests, of what is kept and of codes."""
    torch = load_torch()
    codes = rows / scale
    codes = (codes.round().clamp_(-127, 127) if kind == torch.int8 else codes).to(kind)
    held = codes.float() * scale
    return codes, np.array([float(x.float().norm(dim=1).max()) for x in (rows - held, held, codes)])


def _blocks(vectors: Array, device: str) -> "Iterator[torch.Tensor]":
    """The rows in their order on the device, float32; copied, as the matrix is mapped and read-only."""
    torch, size = load_torch(), _BLOCK[device]
    for at in range(0, len(vectors), size):
        yield torch.from_numpy(np.array(vectors[at : at + size], np.float32)).to(device)


def _choose(shape: tuple[int, ...], device: str) -> str:
    """The finer of the precisions that fit the memory; raises BackendError where none does."""
    values, free = shape[0] * shape[1], free_bytes(device)
    for precision, size in {"fp16": 2, "int8": 1}.items():
        if values * size <= free * _ROOM:
            return precision
    raise BackendError(
        f"{values / 1e9:.1f} GB of int8 do not fit {_ROOM:.0%} of the {free / 1e9:.1f} GB that are free ({device})"
    )


def free_bytes(device: str) -> float:
    """Memory that is free on the device, what torch holds unused included; endless where it cannot be told."""
    torch = load_torch()
    if device == "cuda":
        return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    names = getattr(os, "sysconf_names", {})
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if "SC_AVPHYS_PAGES" in names else np.inf


class TorchRows:
    """Rows on a device; see `indexing.search.backends.on_device.Rows`. `vectors` are those that are kept."""

    def __init__(self, vectors: Array, kept: Kept) -> None:
        self._torch, self._vectors, self._kept = load_torch(), vectors, kept
        self.device = kept.codes.device.type
        self.precision = "int8" if kept.codes.dtype == self._torch.int8 else "fp16"
        self._work = getattr(self._torch, _WORK[self.device])
        if self.device == "cuda":  # sums of products stay in float32, as `_error` has it
            self._torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
        self._cells = len(kept.codes) // _CELL
        spare = min(free_bytes(self.device) / 4, 2.0**34)
        self._together = max(1, int(min(spare / 4, _INDEXED) / self._cells))  # queries

    def pays(self, count: int) -> bool:
        """Always on a GPU; on a processor where so many gathered rows cost more than the product with all."""
        return self.device == "cuda" or count * _GATHERED > self._kept.count

    def mask(self, chosen: Array) -> "torch.Tensor":
        """bool [cells, 32] on the device."""
        mask = np.zeros(len(self._kept.codes), bool)
        mask[: len(chosen)] = chosen
        return self._torch.from_numpy(mask).to(self.device).reshape(self._cells, _CELL)

    def tops(self, queries: Array, k: int, mask: "torch.Tensor | None") -> list[Found | None]:
        """See `Rows.tops`; never None."""
        found: list[Found | None] = []
        for query, rows in zip(queries, self.near(queries, k, mask), strict=True):
            places, scores = best(inner_products(self._vectors, rows, query), k)
            found.append((rows[places], scores))
        return found

    def near(self, queries: Array, k: int, mask: "torch.Tensor | None" = None) -> list[Array]:
        """For each of `queries` float32 [q, d] rows int64, ascending: the best k of all, or of `mask`, are among."""
        found = []
        for at in range(0, len(queries), self._together):
            some = queries[at : at + self._together]
            lifted = self._torch.from_numpy(some * self._kept.scale * _LIFT).to(self.device, self._work)
            slack = 2 * _LIFT * self._error(some)
            cells = self._best_of_cells(lifted, mask)
            edges = self._torch.full((len(some),), -np.inf, device=self.device)
            if k < self._cells:
                edges = cells.topk(k, dim=1, sorted=False).values.amin(1).float()
            low = (edges - self._torch.from_numpy(slack).to(edges)).clamp_min_(-3e38)  # without cells that hold no row
            hits = (cells >= low[:, None]).nonzero()
            ends = np.cumsum(self._torch.bincount(hits[:, 0], minlength=len(some)).tolist())
            del cells
            for i, (first, last) in enumerate(zip([0, *ends[:-1]], ends, strict=True)):
                found.append(self._rows_of(hits[first:last, 1], lifted[i], k, slack=float(slack[i]), mask=mask))
        return found

    def _best_of_cells(self, lifted: "torch.Tensor", mask: "torch.Tensor | None") -> "torch.Tensor":
        """[q, cells]: the best product of each cell, -inf where it holds no row to choose."""
        best_of = self._torch.empty((len(lifted), self._cells), dtype=self._work, device=self.device)
        step = _BLOCK[self.device] // _CELL
        for at in range(0, self._cells, step):
            codes = self._kept.codes[at * _CELL : (at + step) * _CELL].to(self._work)
            products = (lifted @ codes.T).view(len(lifted), -1, _CELL)
            if mask is not None:
                products.masked_fill_(~mask[at : at + step], -np.inf)
            best_of[:, at : at + step] = products.amax(2)
        return best_of

    def _rows_of(
        self, cells: "torch.Tensor", lifted: "torch.Tensor", k: int, *, slack: float, mask: "torch.Tensor | None"
    ) -> Array:
        """The rows of these cells that are at most `slack` below the k-th best of them."""
        torch, products, rows = self._torch, [], []
        codes = self._kept.codes.view(self._cells, _CELL, -1)
        for at in range(0, len(cells), _HITS):
            some = cells[at : at + _HITS]
            places = some[:, None] * _CELL + torch.arange(_CELL, device=self.device)
            real = places < self._kept.count if mask is None else mask[some]
            products.append((codes[some].to(self._work) @ lifted)[real])
            rows.append(places[real])
        product, place = torch.cat(products), torch.cat(rows)
        if k < len(product):
            edge = product.topk(k, sorted=False).values.amin().float() - slack
            place = place[product.float() >= edge]
        return place.cpu().numpy()

    def _error(self, queries: Array) -> Array:
        """float64 [q]: how far a product with what is kept may be from the exact one.

        The rest's share by Cauchy and Schwarz; the rounding of the query and of the product, and of d additions in
        float32; what fp16 cannot hold of small parts of a query.
        """
        kept, dim, work = self._kept, queries.shape[1], _WORK[self.device]
        lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
        rounding = kept.length * (2 * _ROUNDING[work] + dim * 2.0**-22 + 2.0**-20)
        tiny = 2.0**-25 * dim**0.5 * kept.code / _LIFT if work == "float16" else 0.0
        error: Array = lengths * (kept.rest + rounding) * 1.01 + tiny
        return error
