"""A taste is found where one is planted, refused where there is none, and what films say of the ranking adds up."""

import shutil
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from indexing import Library as Opened
from indexing.disk.locations import library_path
from indexing.edits import kept
from indexing.edits.uses import Edit, Use
from indexing.picks import Pick, PickedClip, PickedTrack, describe_track
from media_samples import clip
from recommender import Model, Recommender
from recommender.errors import InputError
from recommender.rankers.taste import TERMS, Tasted
from recommender.types import IMPORTED, Space
from toy import ToyLibrary, ToyModel
from training.taste.agreement import film_scores, tell_agreement
from training.taste.choices import Choice, mean_by_film, pack, ranks
from training.taste.fit import fit, moments, shut, teach
from training.taste.judge import judge
from training.taste.learn import check_enough, learn
from training.taste.material import Asked, LeftOut, Outcome, answer, ask_edits, ask_picks, sort_out
from training.taste.report import tell
from training.taste.stretches import query_of_stretch

SPACE = Space("toy", "1", 3)
TEMPO = list(TERMS).index("tempo")
still = partial(lambda *_: None)


def choices(films: int, strength: float, seed: int, *, agrees: float = 1.0, candidates: int = 40) -> list[Choice]:
    """What somebody chose in films of three uses each, who likes it fast by so much."""
    rng, made = np.random.default_rng(seed), []
    for film in range(3 * films):
        odds, terms = rng.normal(size=candidates), rng.normal(size=(candidates, len(TERMS)))
        total = agrees * odds + strength * terms[:, TEMPO] + rng.gumbel(size=candidates)
        terms[rng.random(terms.shape) < 0.05] = np.nan
        made.append(Choice(f"{film // 3}", 1 / (1 + np.exp(-odds)), terms, int(np.argmax(total))))
    return made


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_taste_is_found_and_ranks_new_films_better(seed):
    learnt = learn(choices(24, 1.5, seed), SPACE, "cosine")
    assert learnt.why_not is None
    assert learnt.taste.words()[0] == "faster"
    ranked = []
    for one in choices(24, 1.5, seed + 100):
        scores = np.array(Tasted(learnt.taste, learnt.taste.parts(one.values)).scores(one.scores.tolist()))
        ranked.append([1 + (some > some[one.chosen]).sum() for some in (one.scores, scores)])
    without, with_it = np.log2(ranked).mean(axis=0)
    assert without - with_it > 0.5
    assert learnt.figures.halvings[0] == pytest.approx(without - with_it, abs=0.6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("agrees", [1.0, 0.0])
def test_none_is_refused(seed, agrees):
    learnt = learn(choices(24, 0.0, seed, agrees=agrees), SPACE, "cosine")
    assert learnt.why_not is not None
    assert learnt.why_not.endswith("24 films")


def test_below_twenty_films_nothing_is_learnt_and_the_line_says_how_many_there_are():
    with pytest.raises(InputError, match="20 films or more .* there are 19"):
        learn(choices(19, 3.0, 0), SPACE, "cosine")
    with pytest.raises(InputError, match="imported vectors"):
        check_enough(40, Space("mine", IMPORTED, 3))


def test_what_lowers_rank_or_mrr_is_refused_whatever_else_it_wins():
    found = judge(pack(choices(20, 2.0, 1)))
    assert found.is_better
    assert found._replace(mrr=found.mrr[:, ::-1]).lowers == "MRR"
    assert not found._replace(mrr=found.mrr[:, ::-1]).is_better
    assert found._replace(gained=found.gained._replace(estimate=-0.1)).lowers == "the rank"
    assert not found._replace(agreement=found.agreement._replace(low=-0.1)).is_better
    assert not found._replace(mrr=found.mrr[:19]).is_better


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_taste_that_the_rank_hides_is_found(seed):
    found = judge(pack(choices(40, 0.5, seed)))
    assert found.gained.low <= 0  # what was judged by before
    assert found.is_better


def test_films_that_say_nothing_of_each_other_agree_by_chance_alone():
    found = [tell_agreement(pack(choices(20, 0.0, seed))) for seed in range(40)]
    assert sum(one.low > 0 for one in found) <= 3  # one is expected
    assert abs(np.mean([one.estimate for one in found])) < 0.15
    assert all(one.low < one.estimate < one.high for one in found)


def test_how_much_the_score_counts_is_no_taste():
    for agrees in (0.2, 3.0):
        assert tell_agreement(pack(choices(30, 0.0, 3, agrees=agrees))).low <= 0
    packed = pack(choices(30, 1.0, 3))
    scores, information = film_scores(packed)
    assert np.linalg.eigvalsh(information).min() > -1e-9
    # A term that is the score's log odds again has nothing left to say.
    again = packed._replace(x=np.concatenate([packed.x, packed.x[:, :, :1]], axis=2))
    assert np.abs(film_scores(again)[0][:, -1]).max() < 0.02 * np.abs(scores).max()


def test_the_fit_is_where_its_gradient_vanishes_and_the_gradient_is_that_of_the_loss():
    packed = pack(choices(8, 1.0, 0))
    ridge, prior = np.full(packed.x.shape[2], 10.0), np.zeros(packed.x.shape[2])
    ridge[0], prior[0] = 0.1, 1.0
    weights = fit(packed, ridge)
    assert np.abs(moments(packed, weights).gradient.sum(axis=0) + ridge * (weights - prior)).max() < 1e-4
    steps = 1e-5 * np.eye(len(weights))
    numeric = [(moments(packed, weights + s).loss - moments(packed, weights - s).loss) / 2e-5 for s in steps]
    np.testing.assert_allclose(moments(packed, weights).gradient, np.transpose(numeric), atol=1e-6)
    curve = [(moments(packed, weights + s).gradient - moments(packed, weights - s).gradient) / 2e-5 for s in steps]
    np.testing.assert_allclose(moments(packed, weights).hessian, np.stack(curve, axis=1), atol=1e-5)


def test_a_ridge_can_shut_the_terms_out():
    packed = pack(choices(8, 1.0, 0))
    weights = fit(packed, shut(packed, 1))
    assert weights[0] > 0.3
    assert np.abs(weights[1:]).max() < 1e-6


def test_leaving_a_film_out_is_near_to_learning_anew():
    made = choices(24, 1.0, 2)
    packed = pack(made)
    rest = pack([one for one in made if one.film != "7"])
    anew = teach(rest).weights * packed.scale / rest.scale  # standardised by other films
    found = teach(packed).without[sorted({one.film for one in made}).index("7")]
    assert found == pytest.approx(anew, abs=0.03)


def test_a_term_that_tells_nothing_weighs_nothing_and_one_that_tells_much_is_hardly_held_back():
    weights = teach(pack(choices(60, 1.5, 4))).weights
    assert weights[1 + TEMPO] == pytest.approx(1.5, abs=0.25)
    assert np.median(np.abs(np.delete(weights[1:], TEMPO))) < 0.01


def test_ranks_of_equals_are_their_mean_and_missing_candidates_count_nothing():
    none = np.full((3, len(TERMS)), np.nan)
    odd = Choice("b", np.array([0.5, 0.9]), none[:2], 0)
    packed = pack([odd, Choice("a", np.array([0.5, 0.5, 0.1]), none, 1)])
    score = np.eye(1 + len(TERMS))[0]
    assert ranks(packed, score).tolist() == [1.5, 2.0]  # films in the order of their names
    assert mean_by_film(packed, np.array([1.0, 3.0])).tolist() == [1.0, 3.0]


def test_weights_that_are_applied_rank_as_those_that_were_learnt():
    made = choices(20, 2.0, 5)
    packed, learnt = pack(made), learn(made, SPACE, "cosine")
    ordered = sorted(made, key=lambda one: one.film)
    applied = []
    for one in ordered:
        scores = np.array(Tasted(learnt.taste, learnt.taste.parts(one.values)).scores(one.scores.tolist()))
        applied.append(1 + (scores > scores[one.chosen]).sum())
    assert applied == ranks(packed, judge(packed).weights).tolist()


def test_chance_is_what_all_orders_give():
    outcomes = [Outcome("f", float(place), 9.0, np.array([0.0, 9.0, 20.0]), None) for place in range(1, 9)]
    outcomes += [Outcome("g", float("inf"), 1.0, np.array([1.0]), None)] * 2  # never reach the ranker
    rows = {row.measure: row for row in tell(outcomes, 10, 8)}
    assert "hit@50" not in rows
    for name in ("hit@1", "hit@5", "MRR"):
        assert rows[name].found == pytest.approx(rows[name].chance)
    assert rows["section within 5 s"].chance == pytest.approx((8 / 3 + 2) / 10)
    assert rows["section off, median s"].found == 9.0
    assert rows["section off, median s"].chance == 9.0


@pytest.fixture
def engine() -> Recommender:
    tracks = {"/m/calm.mp3": [[1.0, -1.0]] * 4, "/m/wild.mp3": [[-1.0, 1.5]] * 4, "/m/rest.mp3": [[1.0, -1.2]]}
    return Recommender(ToyLibrary(tracks), ToyModel())


def test_an_answer_is_the_rank_of_what_was_chosen_and_how_far_its_section_is(engine):
    asked = Asked("f", engine.clip("1_-1_15.mp4"), 0, (12.0, 7.0))
    found = answer(engine, asked, 10)
    assert (found.rank, found.off_s) == (1.0, 7.0)  # of 0 s from the other loop's 7 s
    assert found.likely_off_s.tolist() == [7.0, 2.0, 2.0]  # sections of two windows begin at 0, 5 and 10 s
    assert found.choice is not None
    assert found.choice.scores[found.choice.chosen] == found.choice.scores.max()
    assert answer(engine, asked._replace(track=1), 10).rank == 3.0
    missed = answer(engine, asked._replace(track=1), 2)
    assert (missed.rank, missed.choice) == (float("inf"), None)


@pytest.fixture
def owned(indexed, tmp_path, clip_folder, monkeypatch):
    """A library of one's own with 20 films that show a calm clip, and what was chosen in all of them by its name."""
    folder = tmp_path / "own"
    others = shutil.ignore_patterns("edits.json", "taste.json")  # what other tests may have kept in it
    shutil.copytree(library_path(indexed), folder, ignore=others)

    def choose(*names: str) -> Path:
        with Opened.open(folder) as library:
            tracks = {Path(track.path).stem: describe_track(library, track.id) for track in library.tracks("music")}
        for film in range(20):
            track = tracks[names[film % len(names)]]
            uses = tuple(Use(track.hash, track.path, at, at + 5.0, 0.0) for at in (0.0, 5.0))
            kept.keep(folder, Edit(f"/f/{film}.mp4", f"{film:02x}", 10.0, uses))
        return folder

    queries = []

    def query(recommender, *_, **__):
        queries.append(queries[0] if queries else recommender.clip(clip_folder / "calm.mp4"))
        return queries[0]

    monkeypatch.setattr("training.taste.material.query_of_stretch", query)
    return choose


def test_the_command_learns_what_is_chosen_again_and_again(run, owned):
    folder = owned("fast major")
    plain = run("edits", "report", "--library", folder)
    assert (plain.code, "40 uses in 20 films" in plain.out) == (0, True)
    learnt = run("edits", "learn", "--library", folder)
    assert (learnt.code, "edits taste --off" in learnt.err) == (0, True), learnt
    told = run("edits", "taste", "--library", folder).out
    assert ("faster" in told) or ("near the key of A major" in told)  # none else is fast, or in that key
    assert "films agree" in told
    assert run("edits", "report", "--library", folder).out == plain.out  # of the ranking without it
    run("edits", "taste", "--library", folder, "--off")
    assert not (folder / "taste.json").exists()


def test_the_command_refuses_what_tells_nothing(run, owned, indexed):
    folder = owned("fast major", "slow minor", "slow major", "fast dissonant")
    refused = run("edits", "learn", "--library", folder)
    assert (refused.code, refused.out.splitlines()[1:]) == (0, ["the ranking stays as it is"])
    assert not (folder / "taste.json").exists()
    kept.remove(folder, "/f/0.mp4")
    few = run("edits", "learn", "--library", folder)
    assert (few.code, few.out, few.err.count("\n")) == (2, "", 1)
    assert "20 films or more with music of the library; there are 19" in few.err


class Library:
    """Knows the tracks with the content 00 and 01."""

    def __init__(self, engine: Recommender) -> None:
        self.catalog = lambda: self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def track_now(self, modality, digest, path):
        return {b"\0": 0, b"\1": 1}.get(digest)


def test_picks_are_used_where_their_clips_are_at_hand_and_else_told(engine, tmp_path):
    known = PickedTrack(5, "01", "/m/wild.mp3", "wild")
    clip(tmp_path / "1_-1_2.mp4", [np.zeros((32, 32, 3), np.uint8)] * 50, fps=25)
    name = PickedClip("1_-1_2.mp4", duration_s=2.0)
    picks = [
        Pick(name, known, 3.0, 9.0, id="a"),
        Pick(PickedClip("other.mp4"), known, 3.0, 9.0, id="b"),
        Pick(PickedClip("1_-1_2.mp4", duration_s=30.0), known, 3.0, 9.0, id="c"),
        Pick(name, PickedTrack(5, "07", "/m/gone.mp3", "gone"), 3.0, 9.0, id="d"),
        Pick(name, known, 3.0, 9.0, settings={"like": 4}, id="e"),
    ]
    clips = {"1_-1_2.mp4": [tmp_path / "1_-1_2.mp4"]}
    used, left = sort_out(ask_picks(engine, Library(engine), picks, clips=clips, tick=still))
    assert [(one.track, one.in_s) for one in used] == [(1, (3.0,))]
    assert [one.what.split()[1] for one in left] == ["b,", "c,", "d,", "e,"]
    assert ["folder of clips" in one.why for one in left] == [True, True, False, False]


def test_uses_of_films_are_asked_for_and_those_that_cannot_be_are_told(engine, monkeypatch):
    seen = []

    def query(recommender, film, start_s, *, end_s):
        seen.append((film.name, start_s, end_s))
        return recommender.clip(f"1_-1_{end_s - start_s:g}.mp4")

    monkeypatch.setattr("training.taste.material.query_of_stretch", query)
    uses = (Use("00", "/m/calm.mp3", 5.0, 15.0, 2.0, loops=(12.0,)), Use("07", "/m/gone.mp3", 20.0, 30.0, 0.0))
    found = list(ask_edits(engine, Library(engine), [Edit("/f/a.mp4", "aa", 60.0, uses)], tick=still))
    assert seen == [("a.mp4", 5.0, 15.0)]
    assert (found[0].film, found[0].track, found[0].in_s, found[0].query.duration_s) == ("aa", 0, (2.0, 12.0), 10.0)
    assert isinstance(found[1], LeftOut)
    assert found[1].why == "gone.mp3 is no longer in the library"


def test_the_query_of_a_stretch_is_that_of_the_clip_it_was_made_of(tmp_path):
    rng = np.random.default_rng(0)
    calm = [np.full((48, 64, 3), (90, 140 + i // 10, 200), np.uint8) for i in range(60)]
    wild = [np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(60)]
    for name, frames in {"film": calm + wild, "calm": calm, "wild": wild}.items():
        clip(tmp_path / f"{name}.mp4", frames, fps=25)
    engine = Recommender(ToyLibrary({"/m/a.mp3": [[1, 1]]}), ToyModel())
    engine.model = Model.load()
    parts = [query_of_stretch(engine, tmp_path / "film.mp4", a, end_s=b) for a, b in pairwise((0.0, 2.4, 7.0))]
    for part, name in zip(parts, ("calm", "wild"), strict=True):
        whole = engine.clip(tmp_path / f"{name}.mp4")
        assert float(part.vector @ whole.vector) > 0.97
        assert part.duration_s == pytest.approx(2.4, abs=0.1)
    assert float(parts[0].vector @ parts[1].vector) < 0.9
