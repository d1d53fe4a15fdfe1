"""A library of made-up tracks that is sent to vector servers, and what is asked of it."""

import csv

import numpy as np
import pytest
from engines import Counting, Strict, server_at, stand_in

from indexing.ingest.import_vectors import import_vectors
from indexing.library import Library
from indexing.maintenance.publish import Published, publish
from indexing.search import servers
from indexing.search.servers import REPRESENTATIVES, SERVERS, WINDOWS
from recommender.types import Filter, Range, unit

TRACKS, EACH, DIM = 420, 6, 16
KINDS = pytest.mark.parametrize("kind", sorted(SERVERS))
SERVED = [
    pytest.mark.usefixtures("in_servers"),
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect"),  # of Qdrant's client without a server
]
FORMS = pytest.mark.parametrize("form", [REPRESENTATIVES, WINDOWS])
BOTH = pytest.mark.parametrize(
    ("kind", "form"), [("local", WINDOWS), *((kind, REPRESENTATIVES) for kind in sorted(SERVERS))]
)
FILTERS = [
    Filter(bpm=Range(80, 140), half_double=True),
    Filter(genres=frozenset(["rock"]), duration_s=Range(100, np.inf)),
    Filter(keys=frozenset(["A minor"]), licences=frozenset(["CC BY 4.0"])),
    Filter(folders=frozenset(["/music/a"])),
    Filter(exclude=frozenset(["/music/b", "/music/a/4"]), genres=frozenset(["ambient"])),
    Filter(only=frozenset(f"/music/{'abc'[i % 3]}/{i}" for i in range(0, TRACKS, 20))),
    Filter(genres=frozenset(["nothing"])),
]


def table(path, names):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "path", "bpm", "key", "genre", "licence", "duration_s"])
        for i in names:
            known = (60 + i % 120, ("A minor", "C major", "")[i % 3], ("Rock; Pop", "Ambient")[i % 2])
            writer.writerow([i, f"/music/{'abc'[i % 3]}/{i}", *known, "CC BY 4.0" if i % 4 else "", 30 + i])


def put(folder, vectors, names, each=EACH, **how):
    """Import tracks with these names: rows of the vectors, in turn."""
    where = folder.parent
    np.save(where / "v.npy", vectors)
    table(where / "ids.csv", np.repeat(list(names), each))
    import_vectors(folder, where / "v.npy", where / "ids.csv", space="mine", **how)


def counted(kind, monkeypatch):
    """The address of an empty server, and what counts all that is asked of its index of music."""
    at = server_at(kind, monkeypatch)
    index = Counting(servers.open_server(at))
    monkeypatch.setitem(servers.SERVERS, at.kind, lambda where: index)
    return at, index


def failing(monkeypatch, **faults):
    """The same of a server that fails so."""
    strict = Strict(**faults)
    index = Counting(strict)
    return stand_in(index, monkeypatch), index, strict


def send(library, at, **how):
    (last,) = [event for event in publish(library, at, **how) if isinstance(event, Published)]
    return last


def queries(count=6):
    return unit(np.random.default_rng(1).normal(size=(count, DIM))).astype(np.float64)


def by_brute_force(library, query, k, where=None):
    with Library.open(library.folder, backend="exact") as plain:
        plain.server = None
        found = plain.search(query, k, "music", where=where)
    return found.ids.tolist(), found.scores.tolist()


def answer(library, query, k, where=None):
    found = library.search(query, k, "music", where=where)
    return found.ids.tolist(), found.scores.tolist()
