"""A taste moves the scores of music, says so, and is left out where it does not belong."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from media_samples import clip
from recommender import Model, Recommender
from recommender.editing.placement import Stretch
from recommender.errors import SpaceMismatch
from recommender.memory import MemoryLibrary
from recommender.query import query_of
from recommender.rankers.taste import TERMS, Taste, Tasted, Weight, log_odds, values
from recommender.types import Space, Track, TrackWindows
from toy import ToyLibrary, ToyModel

FACTS = {
    "a slow": (80.0, "C major", 0.1),
    "b fast": (160.0, "A minor", 0.9),
    "c unknown": (None, None, None),
    "d usual": (113.0, "F# major", 0.5),
}


def taste(space: Space, **weights: float) -> Taste:
    """Weights of terms whose usual value is 0 and whose scale is 1."""
    return Taste(space, "cosine", {name: Weight(weights.get(name, 0.0), 0.0, 1.0) for name in TERMS})


@pytest.fixture
def library() -> MemoryLibrary:
    """Tracks that sound the same but have other facts."""
    model, inputs = ToyModel(), np.array([[1.0, -1.0]] * 3, np.float32)
    affect, vectors = model.encode("music", inputs)
    windows = TrackWindows(np.array([[0.0, 10], [5, 15], [10, 20]]), vectors, affect, inputs)
    tracks = [
        Track(0, name, "music", name, None, 20.0, bpm, key, voice=voice) for name, (bpm, key, voice) in FACTS.items()
    ]
    return MemoryLibrary(model.space, tracks, [windows] * len(tracks), inputs={"music": model.inputs("music")})


@pytest.fixture
def ask(library):
    """What is recommended for a clip with these weights."""

    def answer(spoken: tuple[Stretch, ...] = (), **weights: float):
        likes = taste(library.space, **weights) if weights else None
        engine = Recommender(library, ToyModel(), taste=likes)
        return engine.recommend(replace(engine.clip("0.2_-0.5_10.mp4"), speech=spoken))

    return answer


def order(found) -> str:
    return "".join(r.track.title[0] for r in found)


def test_what_is_liked_comes_first_and_what_is_not_known_stays(ask):
    assert order(ask()) == "abcd"
    assert order(ask(tempo=1.0)) == "bdca"
    assert order(ask(tempo=-1.0)) == "acdb"
    assert order(ask(minor=1.0))[0] == "b"
    assert order(ask(voice=-1.0)) == "cadb"
    found = ask(tempo=5.0)
    assert all(0 < b.score < a.score < 1 for a, b in pairwise(found))


def test_the_log_odds_of_a_score_grow_by_the_taste(ask):
    plain, moved = ({r.track.title: r.score for r in some} for some in (ask(), ask(tempo=0.7)))
    for name, (bpm, _, _) in FACTS.items():
        grown = 0.7 * np.log2(bpm / 110) if bpm else 0.0
        assert log_odds(moved[name]) - log_odds(plain[name]) == pytest.approx(grown, abs=1e-9)


def test_a_taste_without_weights_and_none_at_all_change_nothing(ask):
    plain, empty = ask(), ask(tempo=0.0)
    assert [r.score for r in empty] == pytest.approx([r.score for r in plain], abs=1e-12)
    assert [r.reasons for r in empty] == [r.reasons for r in plain]


def test_a_reason_tells_what_the_taste_did(ask):
    found = {r.track.title[0]: r for r in ask(tempo=0.7, minor=-0.1)}
    (why,) = (why for why in found["b"].reasons if why.feature == "taste")
    assert why.words == "your taste: faster"
    assert "tempo +0.38, minor -0.10" in why.text
    (against,) = (why for why in found["a"].reasons if why.feature == "taste")
    assert (against.words, against.change < 0 < why.change) == ("not your taste: slower", True)
    changes = [abs(why.change) for why in found["b"].reasons]
    assert changes == sorted(changes, reverse=True)


def test_a_taste_for_a_key_is_told_by_the_key(ask, library):
    likes = taste(library.space, fifths_a=-0.5, fifths_c=0.5 * np.sqrt(3))  # one step down from C: F
    assert likes.words() == ["near the key of F major"]
    first = ask(fifths_c=1.0)[0]  # A minor has the notes of C major
    assert first.track.title[0] == "a"
    assert any(why.words == "your taste: near the key of C major" for why in first.reasons)
    assert order(ask(fifths_c=1.0))[-1] == "d"


def test_relative_keys_lie_at_one_place_and_the_tritone_opposite(library):
    tracks = [Track(0, "", "music", "", key=key) for key in ("C major", "A minor", "F# major", "G major")]
    windows = library.windows_of([0] * 4)
    sections = (
        Recommender(library, ToyModel()).compare(Recommender(library, ToyModel()).clip("0_0_5.mp4"), [0] * 4).sections
    )
    found = values(tracks, windows, sections)
    c, a = (found[:, list(TERMS).index(name)] for name in ("fifths_c", "fifths_a"))
    assert (c[0], a[0]) == (c[1], a[1]) == (1.0, 0.0)
    assert (c[2], a[2]) == (pytest.approx(-1), pytest.approx(0, abs=1e-12))
    assert (c[3], a[3]) == (pytest.approx(np.sqrt(3) / 2), pytest.approx(0.5))


def test_the_beats_of_a_shot_are_told_by_the_tempo_and_half_and_double_are_the_same(library, ask):
    engine = Recommender(library, ToyModel())
    found = engine.compare(engine.clip("0_0_5.mp4"), [0] * 6)
    tempi = (120.0, 60.0, 240.0, 120 * 2**0.5, 120 * 2**0.25, None)
    tracks = [Track(0, "", "music", "", bpm=bpm) for bpm in tempi]
    cuts = list(TERMS).index("cuts")
    told = replace(found, shot_s=2.0).values(tracks, ())[:, cuts]
    assert told[:5] == pytest.approx([1, 1, 1, -1, 0], abs=1e-9)
    assert np.isnan(told[5])
    assert found.values(tracks, ())[:, cuts].tolist() == [0.0] * 6  # no cuts
    assert order(ask(cuts=1.0)) == "abcd"


def test_loudness_is_that_of_a_section_with_its_peaks_at_full_scale(library):
    engine = Recommender(library, ToyModel())
    found = engine.compare(engine.clip("0_0_5.mp4"), [0, 0])
    windows = [
        one._replace(inputs=np.column_stack([one.inputs, crest]))
        for one, crest in zip(found.windows, ([12.0] * 3, [20.0] * 3), strict=True)
    ]
    known, columns = replace(found, windows=windows), (*library.inputs("music"), "crest_db")
    loudness = list(TERMS).index("loudness")
    tracks = library.tracks_of([0, 1])
    assert known.values(tracks, columns)[:, loudness].tolist() == [-12.0, -20.0]
    assert np.isnan(found.values(tracks, library.inputs("music"))[:, loudness]).all()  # of a model without that column
    engine.taste = taste(library.space, loudness=1.0)
    assert engine.compare(engine.clip("0_0_5.mp4"), [0, 1]).columns == library.inputs("music") != ()


def test_how_long_shots_last_is_known_of_a_clip_with_cuts(tmp_path):
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 255, (3, 6, 8, 3)).astype(np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    clip(tmp_path / "cut.mp4", [picture for picture in blocks for _ in range(50)], fps=25)
    clip(tmp_path / "one.mp4", [blocks[0]] * 50, fps=25)
    model = Model.load()
    cut, one = (query_of(model.analyse(tmp_path / name, "video"), "music") for name in ("cut.mp4", "one.mp4"))
    assert cut.shot_s == pytest.approx(2.0, abs=0.1)
    assert one.shot_s is None


def test_room_for_speech_counts_where_somebody_speaks(ask):
    assert order(ask(speech=1.0)) == "abcd"
    spoken = ask((Stretch(0.0, 5.0),), speech=20.0)
    assert order(spoken)[-1] == "b"  # another voice is in the way


def test_it_belongs_to_one_space_ranker_and_modality(library):
    model = ToyModel()
    with pytest.raises(SpaceMismatch, match="learn it again"):
        Recommender(library, model, taste=taste(Space("toy", "0", 4), tempo=1.0))
    with pytest.raises(SpaceMismatch, match="calibration"):
        Recommender(library, model, calibrate=True, taste=taste(library.space, tempo=1.0))
    other = replace(taste(library.space, tempo=1.0), ranker="fusion")
    assert order(Recommender(library, model, taste=other).recommend("0.2_-0.5_10.mp4")) == "abcd"
    clips = Recommender(
        ToyLibrary({"/v/a.mp4": [[1, 1]]}, modality="video"), model, taste=taste(model.space, valence=5.0)
    )
    plain = Recommender(clips.library, model)
    assert clips.recommend(clips.music("1_0_9.mp3"))[0].score == plain.recommend(plain.music("1_0_9.mp3"))[0].score


def test_terms_are_weighed_in_their_standard_deviations(library):
    weights = {name: Weight(2.0, 0.5, 4.0) for name in TERMS}
    parts = Taste(library.space, "cosine", weights).parts(np.full((1, len(TERMS)), 2.5))
    assert parts.tolist() == [[1.0] * len(TERMS)]
    assert Tasted(Taste(library.space, "cosine", weights), parts).shifts.tolist() == [len(TERMS)]


def test_where_no_term_alone_tells_all_of_them_do(library):
    parts = np.zeros((3, len(TERMS)))
    parts[0, 1] = parts[1, 3] = -1.0
    why = Tasted(taste(library.space, tempo=1.0, minor=1.0), parts).reason(2, 0.5)
    assert why is not None
    assert (why.words, why.change > 0) == ("your taste: all in all", True)
