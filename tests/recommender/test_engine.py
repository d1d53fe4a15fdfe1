"""The engine over a toy library: ranking, sections, reasons, blends, errors."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from recommender import Model, Recommender, blend, recommend
from recommender.affect.linear import bound
from recommender.errors import InputError, MediaError, SpaceMismatch
from recommender.explain import WORTH
from recommender.plain import WORDS, amount, label
from recommender.types import Filter, Space, unit
from running import refused
from toy import ToyLibrary, ToyModel

TRACKS = {
    "/m/calm.mp3": [[1.0, -1.0]] * 4,
    "/m/wild.mp3": [[-1.0, 1.5]] * 4,
    "/m/grows.mp3": [[-1.0, -1.5], [-1.0, -1.0], [-0.9, 1.4], [-1.0, 1.5], [-1.1, 1.5]],
    "/m/short.mp3": [[0.0, 0.0]],
}


@pytest.fixture
def engine() -> Recommender:
    return Recommender(ToyLibrary(TRACKS), ToyModel())


def test_the_nearest_affect_comes_first_and_scores_are_cosines(engine):
    found = engine.recommend("1.0_-1.0_10.mp4")
    assert next(r.track.path for r in found) == "/m/calm.mp3"
    assert found[0].score == pytest.approx(1.0)
    assert [r.rank for r in found] == [1, 2, 3, 4]
    assert all(0 <= b.score <= a.score <= 1 for a, b in itertools.pairwise(found))


def test_the_section_is_where_the_track_fits_and_as_long_as_the_clip(engine):
    found = {r.track.path: r for r in engine.recommend("-1.0_1.5_18.mp4")}
    grows = found["/m/grows.mp3"]
    # 18 s need three windows: those from 10, 15 and 20 s on are the wild ones.
    assert (grows.in_s, grows.out_s) == (10.0, 28.0)
    assert (found["/m/short.mp3"].in_s, found["/m/short.mp3"].out_s) == (0.0, 10.0)
    # the affect of the section, not of the whole track
    assert grows.affect.section.arousal == pytest.approx(bound(0.4 * np.array([1.4, 1.5, 1.5])).mean(), abs=1e-5)
    assert grows.affect.query.arousal == pytest.approx(bound(np.array(0.6)))


def test_a_clip_shorter_than_a_window_gets_the_whole_window(engine):
    best = engine.recommend("1.0_-1.0_3.mp4", top=1)[0]
    assert (best.in_s, best.out_s) == (0.0, 10.0)


def test_reasons_are_the_measured_change_when_a_feature_becomes_the_median(engine):
    model, library = engine.model, engine.library
    query = engine.clip("-1.0_1.5_18.mp4")
    best = next(r for r in engine.recommend(query) if r.track.path == "/m/grows.mp3")
    section = library.windows_of([2])[0].inputs[2:5]
    expected = {}
    for j, name in enumerate(model.inputs("music")):
        changed = section.copy()
        changed[:, j] = library.medians("music")[j]
        cosines = model.encode("music", changed)[1] @ query.vector
        expected[name] = best.score - cosines.mean()
    told = {name: change for name, change in expected.items() if abs(change) >= WORTH * abs(expected["onset_rate"])}
    assert {why.feature: why.change for why in best.reasons} == pytest.approx(told, abs=1e-6)
    changes = [abs(why.change) for why in best.reasons]
    assert changes == sorted(changes, reverse=True)
    assert best.reasons[0].feature == "onset_rate"
    assert "onset rate: 1.47, above the library's median" in best.reasons[0].text
    assert "helps" in best.reasons[0].text
    assert best.reasons[0].words == "much onset rate"


def test_every_feature_of_the_built_in_model_has_plain_words():
    model = Model.load()
    assert {*model.affect["music"].columns, *model.affect["video"].columns} <= set(WORDS)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.12345, "share", "0.123"), (3691.7, "Hz", "3692 Hz"), (2.0, "1/s", "2"), (0.5, "s", "0.5 s")],
)
def test_amounts_are_short(value, unit, text):
    assert amount(value, unit) == text


def test_a_feature_without_plain_words_is_named_without_its_unit():
    assert label("camera_motion_widths_per_s") == "camera motion"
    assert label("tempo_bpm") == "tempo"


def test_the_same_query_gives_the_same_answer(engine):
    assert engine.recommend("0.2_0.3_12.mp4") == engine.recommend("0.2_0.3_12.mp4")


def test_equal_scores_are_ordered_by_path():
    tracks = {f"/m/{name}.mp3": [[0.5, 0.5]] for name in "dbca"}
    found = recommend("0.5_0.5_10.mp4", ToyLibrary(tracks), ToyModel())
    assert [r.track.title for r in found] == ["a", "b", "c", "d"]


def test_like_leaves_the_reference_itself_out(engine, monkeypatch):
    library = ToyLibrary({"/m/1_-1_30.mp3": [[1.0, -1.0]], **TRACKS})
    found = Recommender(library, ToyModel()).recommend(Recommender(library, ToyModel()).like("/m/1_-1_30.mp3"))
    assert "/m/1_-1_30.mp3" not in [r.track.path for r in found]
    assert found[0].track.path == "/m/calm.mp3"


def test_a_blend_moves_from_the_clip_to_the_reference(engine):
    clip, reference = engine.clip("-1_1.5_18.mp4"), engine.like("1_-1_30.mp3")
    ends = [blend([clip, reference], [1 - w, w]) for w in (0, 1)]
    assert ends[0].vector == pytest.approx(clip.vector)
    assert ends[1].vector == pytest.approx(reference.vector)
    half = blend([clip, reference], [0.5, 0.5])
    assert half.vector == pytest.approx(unit(clip.vector + reference.vector))
    assert half.duration_s == 18
    assert half.affect.arousal == pytest.approx(bound(np.array([0.6, -0.4])).mean(), abs=1e-6)


def test_the_reverse_searches_clips():
    engine = Recommender(ToyLibrary({"/c/calm.mp4": [[1, -1]], "/c/wild.mp4": [[-1, 1]]}, modality="video"), ToyModel())
    assert engine.recommend(engine.music("-1_1_200.mp3"), top=1)[0].track.path == "/c/wild.mp4"


def test_vectors_are_checked(engine):
    with pytest.raises(InputError, match=r"shape \[3\]; this library needs \[64\]"):
        engine.vector(np.ones(3))
    for bad in (np.zeros(64), np.full(64, np.nan)):
        with pytest.raises(InputError, match="zero or not finite"):
            engine.vector(bad)
    query = engine.vector(7 * engine.clip("1_-1_10.mp4").vector)
    assert engine.recommend(query, top=1)[0].track.path == "/m/calm.mp3"


def test_another_revision_is_refused_with_what_to_do():
    library = ToyLibrary(TRACKS)
    library.space = Space("toy", "2", 64)
    with pytest.raises(SpaceMismatch, match="revision 2, the query uses 'toy' revision 1.*index upgrade"):
        Recommender(library, ToyModel())


def test_imported_vectors_refuse_media_queries_and_say_why():
    library = ToyLibrary(TRACKS)
    library.space = Space("platform", "imported", 64)
    with refused(SpaceMismatch, "imported vectors of the space 'platform'.*--vector"):
        Recommender(library).clip("1_1_10.mp4")


def test_bad_arguments(engine):
    with pytest.raises(InputError, match="at least 1"):
        engine.recommend("1_1_10.mp4", top=0)
    with pytest.raises(InputError, match="weights"):
        blend([engine.clip("1_1_10.mp4")], [0.0])
    with pytest.raises(MediaError, match="not a toy"):
        engine.recommend("nonsense.mp4")


def test_top_is_never_cut_by_fewer_candidates(engine):
    assert len(engine.recommend("1_1_10.mp4", top=3, candidates=1)) == 3


def test_conditions_apply_before_anything_is_ranked(engine):
    best = "1.0_-1.0_10.mp4"
    first = engine.recommend(best, top=1)[0].track.path
    where = Filter(exclude=frozenset([first]))
    assert first not in [r.track.path for r in engine.recommend(best, where=where)]
    # a single candidate, though others are nearer to the clip
    found = engine.recommend(best, top=1, candidates=1, where=Filter(only=frozenset(["/m/wild.mp3"])))
    assert [r.track.path for r in found] == ["/m/wild.mp3"]
    assert engine.recommend(best, where=Filter(keys=frozenset(["A minor"]))) == []


class Counting:
    """A library that notes what is asked of it, by name."""

    def __init__(self, library):
        self.library, self.asked = library, []

    def __getattr__(self, name):
        value = getattr(self.library, name)
        return (lambda *args, **named: self.asked.append(name) or value(*args, **named)) if callable(value) else value


MANY = {f"/m/{i:03d}.mp3": [[(i % 20) / 10 - 1, (i // 20) / 10 - 1]] * (1 + i % 3) for i in range(300)}
HOW = [
    {},
    {"top": 300},
    {"where": Filter(exclude=frozenset(["/m/x04.mp3"]))},
    {"per_artist": 2},
    {"where": Filter(keys=frozenset(["C major"])), "per_artist": 1, "top": 3},
]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("candidates", [1, 20, 300])
def test_a_query_makes_at_most_six_calls_to_its_library(how, candidates):
    library = Counting(Signed({path.replace("/m/0", "/m/x"): inputs for path, inputs in MANY.items()}))
    engine = Recommender(library, ToyModel())
    clip = engine.clip("0.5_0.5_10.mp4")
    engine.settle(how.get("where"))  # files and folders are looked for once
    for query in (clip, replace(clip, exclude=frozenset(["/m/x05.mp3"])), engine.vector(clip.vector)):
        library.asked.clear()
        engine.recommend(query, candidates=candidates, **how)
        # an artist with too many of the candidates makes the search begin again, with four times as many
        again = library.asked.count("search") - 1
        assert not again or ("per_artist" in how and candidates < 300)
        assert len(library.asked) <= 6 + 4 * again, library.asked


def test_only_what_may_be_shown_is_looked_up():
    library = Counting(ToyLibrary({f"/m/{i}.mp3": [[0.5, i // 2 / 100]] for i in range(100)}))
    looked_up, library.tracks_of = [], lambda ids: looked_up.append(list(ids)) or library.library.tracks_of(ids)
    found = Recommender(library, ToyModel()).recommend("0.5_0.0_10.mp4", top=3)
    assert [r.track.id for r in found] == [0, 1, 2]
    assert [sorted(ids) for ids in looked_up] == [[0, 1, 2, 3]]  # the fourth is as good as the third


def test_equal_scores_are_looked_up_together_and_excluded_ones_made_up_for():
    library = ToyLibrary({f"/m/{name}.mp3": [[0.5, 0.5]] for name in "hgfedcba"} | {"/m/far.mp3": [[-1.0, -1.0]]})
    engine = Recommender(library, ToyModel())
    query = replace(engine.clip("0.5_0.5_10.mp4"), exclude=frozenset(f"/m/{name}.mp3" for name in "abcdefgh"))
    assert [r.track.title for r in engine.recommend(query, top=1)] == ["far"]


class Signed(ToyLibrary):
    """Artists by the first letter of the title; x is unknown."""

    def track(self, track_id):
        track = super().track(track_id)
        artist = None if track.title[0] == "x" else track.title[0].upper() + ["", " "][track_id % 2]
        return replace(track, artist=artist)


def test_an_artist_cap_takes_more_candidates_until_the_answer_is_full():
    near = {f"/m/a{i}.mp3": [[1.0, -1.0 + i / 1000]] for i in range(40)}
    far = {f"/m/{name}.mp3": [[-1.0, 1.0]] for name in ("b1", "b2", "x1", "x2", "x3")}
    engine = Recommender(Signed({**near, **far}), ToyModel())
    found = engine.recommend("1_-1_10.mp4", top=5, candidates=5, per_artist=1)
    assert [r.track.title for r in found] == ["a0", "b1", "x1", "x2", "x3"]
    found = engine.recommend("1_-1_10.mp4", top=9, candidates=5, per_artist=2)
    assert [r.track.title for r in found] == ["a0", "a1", "b1", "b2", "x1", "x2", "x3"]
    with pytest.raises(InputError, match="per artist must be at least 1"):
        engine.recommend("1_-1_10.mp4", per_artist=0)
