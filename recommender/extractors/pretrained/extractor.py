"""From files to features through a network: pieces of several files share its batches, each file gets its own back."""

import importlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recommender.errors import CliptuneError
from recommender.types import Array, Features

if TYPE_CHECKING:
    from torch import nn

    from recommender.extractors.pretrained.inference import Network


@dataclass(frozen=True)
class Reading:
    """One file on its way through a network.

    Attributes
    ----------
    pieces: what the network is to be given of it, arrays of one shape; raises MediaError when it cannot be used.
    finish: embeddings float32 [n, d] -> features; called once, after the last piece.
    """

    pieces: Iterator[Array]
    finish: Callable[[Array], Features]


@dataclass(frozen=True)
class NetworkExtractor:
    """A published checkpoint, how files become pieces for it, and how many go at once; torch comes with the first file.

    Attributes
    ----------
    read: a file -> its reading; opens it with the first piece.
    wrap: the checkpoint's network -> the module that takes pieces.
    cpu, gpu: pieces in a batch; a processor needs enough to spread the reading of the weights, a GPU enough to fill it.
    """

    checkpoint: str
    read: Callable[[Path], Reading]
    wrap: "Callable[[nn.Module], nn.Module]"
    cpu: int
    gpu: int

    @property
    def rows(self) -> int:
        """Pieces in a batch on the device at hand."""
        from recommender.extractors.pretrained.inference import device

        return self.gpu if device().type == "cuda" else self.cpu

    def network(self) -> "Network":
        """The published network, ready; raises ModelError when it was never fetched."""
        from recommender.extractors.pretrained.inference import load_published

        return load_published(self.checkpoint, self.wrap, self.rows)

    def extract(self, path: Path, network: "Network | None" = None) -> Features:
        """Features of a file; `network` defaults to the published one.

        Raises MediaError when there is nothing to measure, ModelError when the network was never fetched.
        """
        return single(self.read(path), network or self.network(), self.rows)

    def each(self, paths: Iterable[Path], network: "Network | None" = None) -> Iterator[Features | Exception]:
        """`extract` of every file in order, or why there are no features of it; they share batches."""
        return embed(map(self.read, paths), network or self.network(), self.rows)


def wrapper(network: str) -> "Callable[[nn.Module], nn.Module]":
    """The function of that name in `networks.seen`, which is imported when it is called."""
    return lambda module: getattr(importlib.import_module("recommender.extractors.networks.seen"), network)(module)


@dataclass
class _Open:
    """A reading with the embeddings that have come; `due`: how many its pieces are to give."""

    reading: Reading
    rows: list[Array] = field(default_factory=list)
    due: int = 0
    error: Exception | None = None

    def result(self) -> Features | Exception:
        return self.error or self.reading.finish(np.stack(self.rows))


def embed(readings: Iterable[Reading], network: "Network", rows: int) -> Iterator[Features | Exception]:
    """Features of every reading in order, or the CliptuneError or OSError that it ended with.

    At most `rows` pieces are held: what one file leaves of a batch is filled up by the next.
    """
    waiting: list[tuple[_Open, Array]] = []
    unfinished: deque[_Open] = deque()

    def run() -> None:
        for (one, _), row in zip(waiting, network(np.stack([piece for _, piece in waiting])), strict=True):
            one.rows.append(row)
        waiting.clear()

    for reading in readings:
        one = _Open(reading)
        unfinished.append(one)
        try:
            for piece in reading.pieces:
                one.due += 1
                waiting.append((one, piece))
                if len(waiting) == rows:
                    run()
        except (CliptuneError, OSError) as error:
            one.error = error
        while unfinished and len(unfinished[0].rows) == unfinished[0].due:
            yield unfinished.popleft().result()
    if waiting:
        run()
    for one in unfinished:
        yield one.result()


def single(reading: Reading, network: "Network", rows: int) -> Features:
    """Features of one reading; raises what it ended with."""
    (found,) = embed([reading], network, rows)
    if isinstance(found, Exception):
        raise found
    return found
