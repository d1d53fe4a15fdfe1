"""Clips in which somebody speaks: what the query tells, how music ranks under it, what is said and filtered."""

import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from media_samples import clip as film
from media_samples import ramp
from recommender import Recommender, blend
from recommender.conditions import INSTRUMENTAL
from recommender.editing.placement import Stretch
from recommender.engine import _weigh_speech
from recommender.errors import InputError
from recommender.filters import meets, voices
from recommender.memory import MemoryLibrary
from recommender.outputs import delimited, jsonlines, table
from recommender.outputs.records import Answer, track_record
from recommender.query import cut_speech, join_speech
from recommender.rankers.speech import FULL, PRESENCE, READ, VOICE, Hindrance, Room, presence_db, weigh
from recommender.types import Filter, Range, Track, TrackWindows
from toy import ToyModel
from voices import voice

SPEECH = (Stretch(2.0, 7.0),)


def library(voices_: dict[str, float | None]) -> MemoryLibrary:
    """Tracks that are alike but for their voices."""
    model = ToyModel()
    inputs = np.array([[1.0, -1.0]] * 3, np.float32)
    affect, vectors = model.encode("music", inputs)
    windows = TrackWindows(np.array([[0.0, 10], [5, 15], [10, 20]]), vectors, affect, inputs)
    tracks = [Track(0, name, "music", name, voice=heard) for name, heard in voices_.items()]
    names = {"music": model.inputs("music")}
    return MemoryLibrary(model.space, tracks, [windows] * len(tracks), inputs=names)


@pytest.fixture
def engine() -> Recommender:
    return Recommender(library({"a sung": 0.9, "b plain": 0.05, "c unheard": None, "d maybe": 0.4}), ToyModel())


@pytest.fixture
def query(engine):
    return replace(engine.clip("1.0_-1.0_10.mp4"), speech=SPEECH)


def order(found) -> str:
    return "".join(r.track.title[0] for r in found)


def test_music_without_a_voice_ranks_first_under_speech(engine, query):
    found = engine.recommend(query)
    assert order(found) == "cbda"
    assert found[1].score - found[3].score == pytest.approx(0.85 * VOICE * found[0].score, rel=1e-3)
    assert [r.speech for r in found] == [SPEECH] * 4


def test_without_speech_nothing_changes_by_a_bit(engine, query):
    plain = engine.recommend(replace(query, speech=()))
    bare = Recommender(library(dict.fromkeys(("a sung", "b plain", "c unheard", "d maybe"))), ToyModel())
    assert order(plain) == "abcd"
    same = bare.recommend(bare.clip("1.0_-1.0_10.mp4"))
    assert [(r.score, r.reasons) for r in plain] == [(r.score, r.reasons) for r in same]


def test_music_that_looks_for_clips_is_not_asked_for_room(engine):
    asked = replace(engine.music("1.0_-1.0_10.mp3"), speech=SPEECH)
    assert _weigh_speech(asked) == 0.0 < _weigh_speech(replace(asked, target="music"))


def test_under_speech_every_candidate_is_looked_up_once(engine, query, monkeypatch):
    looked_up, plain = [], engine.library.tracks_of
    monkeypatch.setattr(engine.library, "tracks_of", lambda ids: looked_up.append(len(ids)) or plain(ids))
    assert engine.recommend(query)
    assert looked_up == [4]


def test_reasons_say_who_leaves_room_and_who_does_not(engine, query):
    why = {
        r.track.title[0]: [one for one in r.reasons if one.feature == "under_speech"] for r in engine.recommend(query)
    }
    assert why["b"][0].words == "leaves room for speech"
    assert why["a"][0].words == "sings over speech"
    assert why["a"][0].change < 0 < why["b"][0].change
    assert "a voice is 90% likely" in why["a"][0].text
    loud = Room(1.0, [Hindrance(0.1, -5.0), Hindrance(0.1, -30.0), Hindrance(0.1, -30.0)])
    assert loud.reason(0, 0.9).words == "busy where speech is"
    assert loud.reason(1, 0.9) is None


def test_costs_grow_with_voice_presence_and_speech():
    costs = [Room(1.0, []).cost(Hindrance(v, p)) for v, p in [(0, -40), (0, -10), (0.5, -10), (0.5, 0), (1, 0)]]
    assert costs == sorted(costs)
    assert (costs[0], costs[-1]) == (0, VOICE + PRESENCE)
    assert Room(1.0, [Hindrance(1.0, None)]).scores([-0.5]) < [-0.5]
    assert weigh((), 10) == weigh(SPEECH, 0) == 0
    assert weigh([Stretch(0, 1)], 10) == pytest.approx(0.1 / FULL)
    assert weigh(SPEECH, 10) == 1


def test_presence_is_told_by_roll_off_register_and_entropy():
    rows = np.array([[800.0, 0.9, 0.2], [4000.0, 0.1, 0.6]], np.float32)
    dark, bright = (presence_db(READ, row[None]) for row in rows)
    assert -40 <= dark < bright <= 0
    assert presence_db(READ, rows) == pytest.approx((dark + bright) / 2)
    assert presence_db(("other", *READ[1:]), rows) is None


def test_a_clip_tells_where_somebody_speaks(tmp_path):
    """In pictures that end before the sound; and each in its place in a slideshow."""
    path = film(tmp_path / "talk.mp4", ramp(75), y=voice(5, 44_100))
    engine = Recommender(library({"a": 0.1}), FilmModel())
    (start_s, _), *_ = speech = engine.clip(path).speech
    assert start_s < 0.5
    assert speech[-1].end_s <= 3.0
    mute = film(tmp_path / "mute.mp4", ramp(50))
    both = engine.slideshow([mute, path], 4.0)
    assert both.speech[0].start_s == pytest.approx(3.0 + start_s)
    assert engine.clip(mute).speech == ()


class FilmModel(ToyModel):
    """Takes every clip for the same three seconds."""

    def analyse(self, path, modality):
        return super().analyse("1_-1_3.mp4", modality)


def test_speech_is_cut_joined_and_kept_in_blends(query):
    assert cut_speech([Stretch(0, 2), Stretch(3, 5), Stretch(6, 7)], 4) == ((0, 2), (3, 4))
    assert join_speech([SPEECH, (), SPEECH], [10, 5, 10]) == ((2, 7), (17, 22))
    assert blend([query, replace(query, speech=())], [1, 1]).speech == SPEECH


def test_outputs_tell_of_speech_and_voices(engine, query):
    answer = Answer("a.mp4", engine.recommend(query), affect=query.affect, duration_s=30, speech=SPEECH)
    assert "\n  speech: 5.0 of 30 s\n" in table.block(answer)
    sink = StringIO()
    jsonlines.write([answer], sink)
    first = json.loads(sink.getvalue())[1]
    assert (first["query_speech"], first["voice"], first["voice_confidence"]) == ([[2.0, 7.0]], 0.05, None)
    sink = StringIO()
    delimited.write([answer], sink)
    assert ",voice,voice_confidence," in sink.getvalue().splitlines()[0]
    assert track_record(answer.recommendations[1].track)["voice"] == 0.05


def test_where_no_voice_is_known_people_are_told_what_to_do(query):
    engine = Recommender(library({"a": None}), ToyModel())
    answer = Answer("a.mp4", engine.recommend(query), affect=query.affect, duration_s=30, speech=SPEECH)
    assert "speech: 5.0 of 30 s; whether music has a voice is not known here" in table.block(answer)


def test_instrumental_keeps_tracks_in_which_a_voice_is_unlikely(engine, query):
    where = Filter.of(instrumental=True)
    assert where.instrumental == Range(-np.inf, INSTRUMENTAL)
    assert order(engine.recommend(query, where=where)) == "b"
    assert Filter.of(instrumental=False) == Filter()
    assert not meets(Track(0, "x", "music", "x"), where)
    with pytest.raises(InputError, match="True or False"):
        Filter.of(instrumental="yes")


def test_how_surely_it_keeps_them_is_said(engine):
    told = voices(engine.library, Filter.of(instrumental=True))
    assert "unlikely in 1 of 4 tracks, and likelier in 2; nobody listened to 1, left out" in told
    assert voices(engine.library, Filter()) is None
