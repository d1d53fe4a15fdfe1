"""Affect relative to a library: hand-worked scales, the predictor moved along, search and sections by it."""

import numpy as np
import pytest

from recommender import Recommender
from recommender.affect.linear import POPULATION_SD, LinearAffect, bound
from recommender.affect.relative import FEWEST, Scale
from recommender.affect.space import AffectSpace
from recommender.errors import InputError
from recommender.model.affect import AffectModel
from recommender.model.imported import ImportedVectors
from recommender.relative import RelativeLibrary, relative
from recommender.types import Filter
from toy import COLUMNS, ToyLibrary, ToyModel


class Plain(AffectModel):
    """The toy model as a plain affect model, which can be replaced in part."""

    analyse = ToyModel.analyse

    def columns(self, modality):
        return COLUMNS


def model() -> Plain:
    toy = ToyModel()
    return Plain("toy", "1", toy.affect, AffectSpace(), toy.folder)


def library(n: int = FEWEST, shift: float = 0.5, spread: float = 0.25) -> ToyLibrary:
    """Sunny, lively music only: z-scores of mean `shift` and SD `spread` on both axes, two windows each."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(n, 2))
    z = shift + spread * (z - z.mean(0)) / z.std(0)
    return ToyLibrary({f"/m/{i:02d}.mp3": [row.tolist()] * 2 for i, row in enumerate(z)})


def test_a_scale_by_hand():
    affect = bound(np.array([[0.1, -0.2]] * 10 + [[0.5, 0.0]] * 10))
    scale = Scale.of(affect)
    assert scale.centre == pytest.approx([0.3, -0.1])
    assert scale.spread == pytest.approx([0.2, 0.1])
    # (.4 - .3) / .2 of a usual spread of .4, and (.9 + .1) / .1, which stays on the plane; so do the SDs.
    found = scale(np.array([[*bound(np.array([0.4, 0.9])), 0.3, 0.5]]))[0]
    assert found == pytest.approx([*bound(np.array([0.2, 4.0])), 0.3, 0.5])
    assert found[1] < 1
    assert "20 tracks (valence +0.30 ± 0.20, arousal -0.10 ± 0.10 count as average)" in scale.sentence()


@pytest.mark.parametrize("n", [0, 1, FEWEST - 1])
def test_too_few_tracks_are_refused(n):
    with pytest.raises(InputError, match=f"holds {n} tracks of music, too few .* needs {FEWEST}"):
        Scale.of(np.zeros((n, 4)))


def test_tracks_that_feel_the_same_are_refused():
    with pytest.raises(InputError, match="all feel the same"):
        Scale.of(np.tile([0.3, 0.1, 0.2, 0.2], (FEWEST, 1)))


def test_the_moved_predictor_agrees_with_the_moved_affect():
    predictor: LinearAffect = model().affect["music"]
    inputs = np.random.default_rng(1).normal(0.5, 0.5, (50, 2))
    before = predictor(inputs)
    scale = Scale.of(before)
    after = predictor.relative(scale.centre, scale.spread)(inputs)
    assert after == pytest.approx(scale(before), abs=1e-6)
    assert after[:, :2].mean(0) == pytest.approx([0, 0], abs=0.02)
    twice = predictor.relative(scale.centre, scale.spread).relative(np.zeros(2), np.full(2, POPULATION_SD))
    assert twice(inputs) == pytest.approx(after, abs=1e-6)


def test_the_library_becomes_its_own_reference():
    plain = library()
    seen = RelativeLibrary(plain, model())
    means = np.array([windows.affect.mean(0) for windows in seen.windows_of(range(FEWEST))])
    assert means[:, :2].mean(0) == pytest.approx([0, 0], abs=0.005)
    assert means[:, :2].std(0) == pytest.approx([POPULATION_SD] * 2, abs=0.03)
    assert means[:, 2:] == pytest.approx(plain.windows_of([0])[0].affect[:, 2:].mean(0)[None].repeat(FEWEST, 0))
    (first,) = seen.tracks_of([0])
    assert first.affect is None or first.affect.valence == pytest.approx(means[0, 0], abs=1e-5)


def test_search_is_exact_over_the_moved_vectors():
    plain = library()
    seen, moved = relative(plain, model())
    query = moved.affect_space.encode(np.array([[-0.6, 0.5, 0.4, 0.4]]))[0]
    found = seen.search(query, 5, "music")
    by_hand = np.array([(windows.vectors @ query).max() for windows in seen.windows_of(range(FEWEST))])
    assert found.ids.tolist() == np.argsort(-by_hand, kind="stable")[:5].tolist()
    assert found.scores == pytest.approx(np.sort(by_hand)[::-1][:5])


def test_a_calm_clip_finds_the_calmest_of_lively_tracks_and_reasons_add_up():
    plain = library()
    arousal = [windows.affect[:, 1].mean() for windows in plain.windows_of(range(FEWEST))]
    engine = Recommender(plain, model(), calibrate=True)
    assert engine.scale is not None
    found = engine.recommend("0.0_-2.0_10.mp4", top=FEWEST)
    spread = [r.affect.section.arousal for r in found]
    assert min(spread) < -0.4 < 0.4 < max(spread)
    assert found[0].track.id in np.argsort(arousal)[:4]
    usual = Recommender(plain, model()).recommend("0.0_-2.0_10.mp4", top=FEWEST)
    assert found[0].score > usual[0].score + 0.1
    assert all(-1 <= why.change <= 1 for r in found for why in r.reasons)


def test_a_reference_track_is_measured_on_the_same_scale():
    engine = Recommender(library(), model(), calibrate=True)
    assert engine.like("0.5_0.5_10.mp3").affect[:2] == pytest.approx((0, 0), abs=1e-5)
    assert engine.clip("0.5_0.5_10.mp4").affect[:2] == pytest.approx((0.2, 0.2), abs=1e-4)


def test_rankers_that_read_what_was_stored_are_refused():
    assert Recommender(library(), model(), "cosine", calibrate=True).ranker == "cosine"
    with pytest.raises(InputError, match="works with the ranker cosine, not with 'fusion'"):
        Recommender(library(), model(), "fusion", calibrate=True)


def test_small_libraries_and_other_models_are_refused():
    with pytest.raises(InputError, match="too few"):
        Recommender(library(FEWEST - 1), model(), calibrate=True)
    with pytest.raises(InputError, match="does not predict"):
        relative(library(), ImportedVectors("theirs", 2))


class Paired(ToyLibrary):
    """Tracks 2 i and 2 i + 1 are of one recording."""

    def recordings(self, ids):
        return ids // 2 * 2


def test_conditions_and_recordings_hold_in_a_relative_library():
    plain = library()
    paired = Paired(dict(plain.items))
    seen = RelativeLibrary(paired, model())
    query = seen.windows_of([3])[0].vectors[0]
    ranked = RelativeLibrary(plain, model()).search(query, FEWEST, "music").ids.tolist()
    first = list(dict.fromkeys(i // 2 for i in ranked))
    found = seen.search(query, FEWEST, "music").ids.tolist()
    assert [i // 2 for i in found] == first
    assert found == [next(i for i in ranked if i // 2 == pair) for pair in first]
    odd = Filter(only=frozenset(f"/m/{i:02d}.mp3" for i in range(1, FEWEST, 2)))
    assert seen.count("music", odd) == len(range(1, FEWEST, 2))
    assert seen.search(query, 3, "music", where=odd).ids.tolist() == [i for i in ranked if i % 2][:3]


def test_a_library_that_does_not_list_its_tracks_is_refused():
    class Silent(ToyLibrary):
        ids = None

    with pytest.raises(InputError, match="does not list its tracks"):
        relative(Silent({}), model())
