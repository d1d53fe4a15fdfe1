"""A library that asks a vector server: the answers of brute force, whatever the server does, in two requests."""

import logging
from dataclasses import replace

import pytest
from serving_samples import (
    BOTH,
    EACH,
    FILTERS,
    FORMS,
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

from indexing.library import Library
from indexing.search import servers
from indexing.search.servers import serving
from recommender.errors import BackendError

pytestmark = SERVED


@BOTH
def test_the_answers_are_those_of_brute_force(kind, form, as_windows, library, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    at, index = counted(kind, monkeypatch)
    assert send(library, at).state.form == form
    index.requests()
    for k in (1, 10, 200, TRACKS + 5):
        for query in queries(2):
            found = answer(library, query, k)
            assert found == by_brute_force(library, query, k)
            assert len(found[0]) == min(k, TRACKS)
            assert index.requests() <= serving.REQUESTS
    assert not [line for line in caplog.messages if "searched here" in line]


@KINDS
def test_filters_leave_the_same(kind, library, monkeypatch):
    at, index = counted(kind, monkeypatch)
    send(library, at)
    index.requests()
    for where in FILTERS:
        for query in queries(2):
            for k in (10, 200):
                assert answer(library, query, k, where) == by_brute_force(library, query, k, where)
                assert index.requests() <= serving.REQUESTS


@FORMS
@pytest.mark.parametrize("share", [0.5, 0.0])
def test_a_server_that_gives_too_little_costs_no_answer(form, as_windows, share, library, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    at, index, strict = failing(monkeypatch)
    send(library, at)
    strict.share = share
    index.requests()
    for where in (None, FILTERS[0], FILTERS[3]):
        for k in (10, 200):
            for query in queries(2):
                assert answer(library, query, k, where) == by_brute_force(library, query, k, where)
                assert index.requests() <= serving.REQUESTS
    told = [line for line in caplog.messages if line.endswith("tracks was given: searched here")]
    assert share > 0 or len(told) > 0


@FORMS
def test_no_more_rows_are_asked_for_than_servers_give(form, as_windows, library, monkeypatch):
    at, index, _ = failing(monkeypatch)
    send(library, at)
    for module in (serving, servers):
        monkeypatch.setattr(module, "MOST_ROWS", 40)
    monkeypatch.setattr("engines.MOST_ROWS", 40)
    assert answer(library, queries()[0], 200, FILTERS[3]) == by_brute_force(library, queries()[0], 200, FILTERS[3])
    assert [given[1] for name, given in index.asked if name == "tracks"] == [40]


def refused(library, at, match):
    with pytest.raises(BackendError, match=match) as caught:
        serving.Serving(at).search(library, queries()[0], 5, modality="music")
    assert str(at) in str(caught.value)
    assert "recommend index publish" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_of_another_library_or_model_is_refused_in_a_line(library, monkeypatch):
    at, _, strict = failing(monkeypatch)
    refused(library, at, "holds nothing of this library; send it: ")
    state = send(library, at).state
    strict.keep(replace(state, uid="other"))
    refused(library, at, "holds another library")
    strict.keep(replace(state, space=state.space._replace(revision="2")))
    refused(library, at, "holds vectors of the model 'mine' revision 2")


def test_where_a_server_is_of_another_state_the_library_searches_and_says_so(library, monkeypatch, caplog):
    at, index, strict = failing(monkeypatch)
    state = send(library, at).state
    now = state.generation
    for change, said in (
        ({"until": now + 1}, f"has state {now + 1} of the library, {now} is open: open it again, or update it"),
        ({"upto": 7}, "does not have all (tracks up to 7): let that end, or run `recommend index publish` again"),
        ({"generation": -1}, f"lacks {TRACKS} tracks that changed since: run `recommend index publish`"),
    ):
        monkeypatch.setattr(serving, "MOST_LATE", 29)
        strict.keep(replace(state, **change))
        index.asked.clear()
        caplog.clear()
        assert answer(library, queries()[0], 200) == by_brute_force(library, queries()[0], 200)
        assert [name for name, _ in index.asked] == ["state"]
        assert caplog.messages == [f"{at} {said}; searched here meanwhile"]
        assert library.server.describe(library, "music")["notice"] == said
    monkeypatch.setattr(Library, "changes_since", lambda *_: None)
    strict.keep(replace(state, generation=-2))
    assert answer(library, queries()[0], 200) == by_brute_force(library, queries()[0], 200)
    assert "lacks many tracks that changed since" in caplog.messages[-1]


def test_a_server_that_is_a_state_late_is_made_up_for(library, vectors, monkeypatch):
    at, _, strict = failing(monkeypatch)
    send(library, at)
    old = strict.state()
    put(library.folder, vectors[TRACKS * EACH :][: 30 * EACH], range(TRACKS, TRACKS + 30))
    library.reload()
    send(library, at)
    strict.keep(old)  # rows of now, the word of before
    for query in queries(3):
        assert answer(library, query, 200) == by_brute_force(library, query, 200)


def test_a_state_is_asked_for_once_a_second(library, monkeypatch):
    at, index, _ = failing(monkeypatch)
    send(library, at)
    monkeypatch.setattr(serving, "FRESH_S", 60.0)
    index.requests()
    for query in queries(3):
        answer(library, query, 10)
    assert index.requests() == 4


def test_few_tracks_are_scored_without_asking(library, monkeypatch):
    at, index, _ = failing(monkeypatch)
    send(library, at)
    monkeypatch.setattr(serving, "_FEW", 1 << 17)
    index.requests()
    assert answer(library, queries()[0], 10, FILTERS[0]) == by_brute_force(library, queries()[0], 10, FILTERS[0])
    assert index.requests() == 0


def test_of_one_recording_the_best_track_alone(library, monkeypatch):
    at, *_ = failing(monkeypatch)
    send(library, at)
    segment = library.segments("music")[0]
    paired = replace(segment, recordings=segment.ids // 2 * 2)
    monkeypatch.setitem(library._segments, "music", [paired])
    library._chosen.clear()
    for query in queries(3):
        found = library.search(query, 100, "music").ids
        assert len(set((found // 2).tolist())) == 100
