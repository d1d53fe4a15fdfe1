"""A process that answers queries while another one works, and compares each answer with brute force."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from indexing.library import Library
from recommender.types import unit
from tests.faults.children import HANGING_S

_TRACKS = 10
_FOUND = 0.9  # of the best tracks: an index that was built may miss one of a hundred, one of other vectors finds none


def wrong_answers(folder: Path, queries: int = 5) -> list[str]:
    """What is wrong with the answers of a library as it is now, with and without what was built for it."""
    with Library.open(folder) as library:
        (segment,) = library.segments("music")
        random, shares = np.random.default_rng(queries), []
        for query in unit(random.normal(size=(queries, library.space.dim))):
            best = np.maximum.reduceat(segment.vectors @ query, segment.offsets[:-1])
            found = library.search(query, _TRACKS, "music")
            right = segment.ids[np.argsort(-best, kind="stable")[:_TRACKS]]
            shares.append(len(np.intersect1d(found.ids, right)) / _TRACKS)
    return [f"a search finds {np.mean(shares):.2f} of the best tracks"] if np.mean(shares) < _FOUND else []


@contextmanager
def served(folder: Path, notes: Path) -> Iterator[None]:
    """A context in which a process opens the library and asks it over and over; what is wrong goes into `notes`.

    It has answered once before the context begins, and ends with it, or with the process that it serves beside.
    """
    begun, ended = os.pipe(), os.pipe()
    pid = os.fork()
    if not pid:
        os.close(ended[1])
        _serve(folder, notes, begun[1], ended[0])
    os.close(ended[0])
    os.read(begun[0], 1)
    try:
        yield
    finally:
        os.close(ended[1])
        os.waitpid(pid, 0)
        for end in begun:
            os.close(end)


def _serve(folder: Path, notes: Path, begun: int, ended: int) -> None:
    """Answer until the other end of `ended` is closed, by whatever closes it; the process ends."""
    signal.alarm(HANGING_S)
    os.set_blocking(ended, False)
    try:
        while True:
            if wrong := wrong_answers(folder):
                raise AssertionError("; ".join(wrong))
            os.write(begun, b".")
            try:
                if os.read(ended, 1) == b"":
                    os._exit(0)
            except BlockingIOError:
                continue
    except BaseException as error:
        with open(notes, "a", encoding="utf-8") as file:
            file.write(f"while it was built: {type(error).__name__}: {error}\n")
    finally:
        os.write(begun, b".")
        os._exit(0)
