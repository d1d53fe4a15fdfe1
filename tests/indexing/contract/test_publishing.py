"""A library on its way to a vector server: whole, once, and again after any kill; nothing of others is touched."""

import json
import shutil
from contextlib import suppress
from dataclasses import replace

import pytest
from serving_samples import (
    BOTH,
    EACH,
    FILTERS,
    KINDS,
    SERVED,
    TRACKS,
    answer,
    by_brute_force,
    counted,
    failing,
    put,
    queries,
    send,
)

from indexing.ingest import remove
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.publish import Published, publish
from indexing.search import servers
from indexing.search.servers import address, serving
from indexing.search.servers.address import Address
from recommender.errors import BackendError, InputError

pytestmark = SERVED


@KINDS
def test_published_twice_is_as_once(kind, library, monkeypatch):
    at, index = counted(kind, monkeypatch)
    first = send(library, at)
    assert (first.sent, first.removed) == (TRACKS, 0)
    index.asked.clear()
    again = send(library, at)
    assert (again.state, again.sent, again.removed) == (first.state, 0, 0)
    assert {name for name, _ in index.asked} <= {"state", "count"}
    assert send(library, at, anew=True).sent == TRACKS
    assert index.count() == first.state.count


@BOTH
def test_only_what_changed_is_sent_and_before_it_is_it_is_found_all_the_same(
    kind, form, as_windows, library, vectors, monkeypatch
):
    at, index = counted(kind, monkeypatch)
    send(library, at)
    put(library.folder, vectors[TRACKS * EACH :], range(TRACKS - 20, TRACKS + 40))  # 20 anew, 40 more
    list(remove(library, [f"/music/{'abc'[i % 3]}/{i}" for i in range(5)]))
    library.reload()
    index.requests()
    for query in queries(3):
        for where in (None, FILTERS[0]):
            assert answer(library, query, 200, where) == by_brute_force(library, query, 200, where)
            assert index.requests() <= serving.REQUESTS
    assert library.server.describe(library, "music")["changed_since"] == 65  # ids of what is gone are used again
    last = send(library, at)
    assert (last.sent, last.removed) == (60, 5)
    assert library.server.describe(library, "music")["changed_since"] == 0
    for query in queries(3):
        assert answer(library, query, 200) == by_brute_force(library, query, 200)


def test_compacting_sends_nothing_again(library, vectors, monkeypatch):
    at, _, _ = failing(monkeypatch)
    put(library.folder, vectors[TRACKS * EACH :], range(TRACKS - 20, TRACKS + 40))
    library.reload()
    send(library, at)
    put(library.folder, vectors[: 3 * EACH], range(3))  # noted, and to be sent whatever is merged
    assert compact(library.folder).parts[1] == 1
    library.reload()
    assert library.server.describe(library, "music")["changed_since"] == 3
    assert send(library, at).sent == 3
    for query in queries(3):
        for where in (None, FILTERS[0]):
            assert answer(library, query, 200, where) == by_brute_force(library, query, 200, where)


def test_clips_are_in_a_collection_beside_that_of_music(library, vectors, monkeypatch):
    at, index, _ = failing(monkeypatch)
    put(library.folder, vectors[: 30 * EACH], range(1000, 1030), modality="video")
    clips = servers.open_server(at.of("video"))
    last = [event for event in publish(library, at) if isinstance(event, Published)]
    assert [(one.modality, one.sent, one.removed) for one in last] == [("music", TRACKS, 0), ("video", 30, 0)]
    put(library.folder, vectors[: 10 * EACH], range(1030, 1040), modality="video")
    last = [event for event in publish(library, at) if isinstance(event, Published)]
    assert [(one.modality, one.sent, one.removed) for one in last] == [("music", 0, 0), ("video", 10, 0)]
    assert (clips.count(), index.count()) == (40 * EACH, last[0].state.count)
    with Library.open(library.folder, backend="exact") as plain:
        plain.server = None
        for query in queries(2):
            found, right = (one.search(query, 30, "video") for one in (library, plain))
            assert found.ids.tolist() == right.ids.tolist()


class Killed(Exception):
    """In place of a power cut."""


@pytest.mark.parametrize("instant", ["put", "keep", "drop"])
@pytest.mark.parametrize("calls", [1, 3])
def test_killed_at_any_instant_and_put_again_it_converges(instant, calls, library, vectors, monkeypatch):
    monkeypatch.setattr("indexing.maintenance.publish._TRACKS", 100)
    monkeypatch.setattr("indexing.maintenance.publish._STEPS", 2)
    monkeypatch.setattr("indexing.maintenance.publish.measure_depth", lambda *_: None)
    at, _, strict = failing(monkeypatch)
    whole, done = getattr(strict, instant), []

    def dies(*given):
        done.append(given)
        if len(done) == calls:
            raise Killed
        whole(*given)

    for first in (True, False):  # while all is sent, then what has changed
        done.clear()
        monkeypatch.setattr(strict, instant, dies)
        with suppress(Killed):
            send(library, at)
        monkeypatch.setattr(strict, instant, whole)
        for query in () if first else queries(2):
            assert answer(library, query, 50) == by_brute_force(library, query, 50)
        send(library, at)
        if first:
            put(library.folder, vectors[TRACKS * EACH :], range(TRACKS - 20, TRACKS + 40))
            list(remove(library, ["/music/c"]))
            library.reload()
    at, _, fresh = failing(monkeypatch)
    send(library, at)
    assert {track: len(rows) for track, (rows, _) in strict._rows.items()} == {
        track: len(rows) for track, (rows, _) in fresh._rows.items()
    }
    assert strict.state() == replace(fresh.state(), tracks=strict.state().tracks)


def test_what_was_sent_before_a_kill_is_not_sent_again(library, monkeypatch, caplog):
    monkeypatch.setattr("indexing.maintenance.publish._TRACKS", 100)
    monkeypatch.setattr("indexing.maintenance.publish._STEPS", 1)
    at, index, strict = failing(monkeypatch)
    events = publish(library, at)
    while next(events).done < 200:
        pass
    events.close()
    assert serving.Serving(at).search(library, queries()[0], 5, modality="music") is None
    assert caplog.messages[-1].startswith(f"{at} does not have all (tracks up to 200): let that end, or run")
    assert library.server is None
    assert send(library, at).sent == TRACKS - 200
    assert index.count() == strict.state().count


def test_what_is_lost_on_the_way_is_noticed(library, monkeypatch):
    at, _, strict = failing(monkeypatch)
    whole = strict.put
    monkeypatch.setattr(strict, "put", lambda rows: (whole(rows), strict.drop(rows.ids[:3])))
    with pytest.raises(BackendError, match=r"has [\d,]+ rows where [\d,]+ were sent: send all again: `anew`"):
        send(library, at)
    assert library.server is None


def test_a_collection_of_others_is_left_alone(library, monkeypatch, tmp_path, vectors):
    at, index, strict = failing(monkeypatch)
    send(library, at)
    put(tmp_path / "other", vectors[: 9 * EACH], range(9))
    with Library.open(tmp_path / "other") as other:
        with pytest.raises(InputError, match="another library is there; name another collection, or give `anew`"):
            send(other, at)
        assert other.server is None
        assert send(other, at, anew=True).sent == 9
    with pytest.raises(BackendError, match="holds another library"):
        answer(library, queries()[0], 5)
    strict._state = None
    with pytest.raises(InputError, match="something else is there; name another collection"):
        send(library, at, anew=True)
    assert index.count() == 9 * EACH


def test_a_copy_that_is_behind_sends_nothing(library, folder, tmp_path, vectors, monkeypatch):
    at, _, _ = failing(monkeypatch)
    send(library, at)
    shutil.copytree(folder, tmp_path / "copy")
    put(folder, vectors[TRACKS * EACH :][: 30 * EACH], range(TRACKS, TRACKS + 30))
    send(library, at)
    with Library.open(tmp_path / "copy") as copy, pytest.raises(BackendError, match="bring it up to date"):
        send(copy, at)


def test_it_is_remembered_here_and_not_in_the_library(library, folder, tmp_path, monkeypatch, caplog):
    at, _, _ = failing(monkeypatch)
    send(library, at)
    with Library.open(shutil.copytree(folder, tmp_path / "copy")) as copy:
        assert copy.server.address == at
    assert not [path for path in folder.rglob("*") if "server" in path.name]
    kept = tmp_path / "home" / "servers.json"
    for damaged in ("{", "[]", json.dumps({library.uid: "ftp://x/y"}), json.dumps({library.uid: 3})):
        kept.write_text(damaged)
        with Library.open(folder) as opened:
            assert opened.server is None
    assert len(caplog.messages) == 4
    send_local = list(publish(library, Address(address.LOCAL)))
    assert (send_local, library.server) == ([], None)
