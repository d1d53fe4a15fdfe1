"""Clips that move get sections that move as they do; clips that do not rank as before, to the bit."""

from dataclasses import replace
from itertools import chain, islice, pairwise
from pathlib import Path

import numpy as np
import pytest

from recommender import MemoryLibrary, Model, Recommender, media
from recommender.affect.course import OWN_SHARE, Course, follow_on
from recommender.engine import Query
from recommender.explain import by_course
from recommender.extractors.windows import windows
from recommender.rankers.arcs import Arc, Runs, compare, lift
from recommender.rankers.sections import following_sections
from recommender.sample import scenes
from recommender.sample.pieces import PIECES
from recommender.sample.score import waveform
from recommender.sample.synth import SR_HZ
from recommender.types import Affect, Track, TrackWindows
from toy import ToyLibrary, ToyModel

MODEL = ToyModel()
SD = (0.39, 0.41)


def affects(means: np.ndarray) -> np.ndarray:
    return np.hstack([np.clip(means, -0.97, 0.97), np.tile(SD, (len(means), 1))]).astype(np.float32)


def course(arousal: np.ndarray, valence: float = 0.1) -> Course:
    """A course of windows every 5 s whose valence stays."""
    length_s = 5.0 * len(arousal) + 5
    return Course(windows(length_s), affects(np.column_stack([np.full(len(arousal), valence), arousal])), length_s)


def query(moves: Course) -> Query:
    item = moves.affect.mean(axis=0)
    return Query(MODEL.affect_space.encode(item)[0], Affect(*item.tolist()), moves.duration_s, "music", course=moves)


def track(means: np.ndarray) -> TrackWindows:
    found = affects(means)
    vectors = MODEL.affect_space.encode(found)
    return TrackWindows(windows(5.0 * len(means) + 5), vectors, found, np.zeros((len(means), 0), np.float32))


def library(tracks: list[TrackWindows]) -> MemoryLibrary:
    names = [Track(i, f"/m/{i:02d}.mp3", "music", str(i)) for i in range(len(tracks))]
    return MemoryLibrary(MODEL.space, names, tracks)


RISE = course(np.linspace(-0.7, 0.7, 9))
SHAPES = (RISE, course(np.linspace(0.7, -0.7, 9)), course(1.4 * np.sin(np.linspace(0, np.pi, 9)) - 0.7))


@pytest.mark.parametrize(
    ("arousal", "expected"),
    [
        (np.linspace(-0.7, 0.7, 9), ("rises", 1)),
        (np.linspace(0.7, -0.7, 9), ("falls", 1)),
        (1.2 * np.sin(np.linspace(0, np.pi, 9)) - 0.6, ("rises and falls", 1)),
        (0.6 - 1.2 * np.sin(np.linspace(0, np.pi, 9)), ("falls and rises", 1)),
    ],
)
def test_a_clip_that_moves_has_an_arc_with_a_name(arousal: np.ndarray, expected: tuple[str, int]) -> None:
    assert course(arousal).has_arc
    assert course(arousal).movement == expected


@pytest.mark.parametrize(
    "still",
    [
        course(np.full(12, 0.6)),
        course(np.linspace(-0.1, 0.1, 12)),
        course(np.array([-0.9, 0.9])),  # 15 s
        replace(course(np.array([-0.9, 0, 0.9])), duration_s=20.0),
        course(np.array([0.3])),
    ],
    ids=["constant", "less than its SD", "two windows", "20 s", "one window"],
)
def test_a_clip_that_stays_or_is_short_has_no_arc(still: Course) -> None:
    assert not still.has_arc


def test_windows_that_err_by_their_stated_sd_seldom_make_an_arc() -> None:
    rng = np.random.default_rng(0)
    noise = {
        share: sum(course(rng.normal(0, share**0.5 * SD[1], 12)).has_arc for _ in range(500))
        for share in (OWN_SHARE, 1)
    }
    assert noise[OWN_SHARE] <= 3  # one in a thousand
    assert noise[1] <= 40  # were nothing of the error the whole clip's


def test_the_planted_section_is_found_at_another_level_and_in_noise() -> None:
    """Of 100 in a track of 40 windows with 9 in a section, 32 places: chance is 9 %."""
    right = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        shape = SHAPES[seed % 3]
        means = rng.normal(0, 0.25, (40, 2))
        means[1:] = (means[1:] + means[:-1]) / np.sqrt(2)  # as windows half of which overlap
        at = int(rng.integers(32))
        means[at : at + 9, 1] = rng.uniform(-0.2, 0.2) + 0.7 * shape.affect[:, 1] + rng.normal(0, 0.1, 9)
        (answer,) = Recommender(library([track(means)]), MODEL).recommend(query(shape))
        right += abs(answer.in_s - 5.0 * at) <= 5
    assert right >= 90


def test_a_track_that_moves_as_the_clip_comes_before_one_that_stays_and_one_against_it() -> None:
    moves = RISE.affect[:, :2]
    still, against = np.tile(moves.mean(axis=0), (9, 1)), moves[::-1]
    found = Recommender(library([track(still), track(against), track(moves)]), MODEL).recommend(query(RISE))
    assert [r.track.id for r in found] == [2, 0, 1]
    assert all(0 <= r.score <= 1 for r in found)
    told = [next((why for why in r.reasons if why.feature == "arc"), None) for r in found]
    assert told[1] is None
    assert told[0].words == "rises with the picture"
    assert told[0].change > 0
    assert told[2].words == "falls where the picture rises"
    assert told[2].change < 0


@pytest.mark.parametrize("still", [course(np.linspace(0.2, 0.3, 9)), course(np.array([-0.9, 0.9]))])
def test_without_an_arc_the_answers_are_equal_to_the_bit(still: Course) -> None:
    rng = np.random.default_rng(1)
    engine = Recommender(library([track(rng.uniform(-0.9, 0.9, (30, 2))) for _ in range(20)]), MODEL)
    assert engine.recommend(query(still)) == engine.recommend(replace(query(still), course=None))
    assert engine.recommend(query(RISE)) != engine.recommend(replace(query(RISE), course=None))


def test_vectors_without_affect_are_ranked_as_before() -> None:
    rng = np.random.default_rng(2)
    bare = [track(rng.uniform(-0.9, 0.9, (20, 2)))._replace(affect=np.empty((20, 0), np.float32)) for _ in range(5)]
    engine = Recommender(library(bare), MODEL)
    assert engine.recommend(query(RISE)) == engine.recommend(replace(query(RISE), course=None))


def whole(one: TrackWindows) -> Runs:
    return Runs(np.array([0]), np.array([0]), np.array([len(one.bounds) - 1]))


ARC = Arc(RISE, MODEL.affect_space.encode(RISE.affect))


def test_agreement_and_cosine_in_time_are_by_hand() -> None:
    """Arousal alone moves: sum c m / sqrt(sum c² sum (m² + s²)), with c and m less their means and the weights of both
    dimensions in s."""
    music = track(np.column_stack([np.zeros(9), np.linspace(0, 0.8, 9)]))
    c, m = np.linspace(-0.7, 0.7, 9), np.linspace(-0.4, 0.4, 9)
    assert RISE.sureness[0] == 0  # valence stays: it has no say
    found = compare(ARC, [music], whole(music))
    assert found.follows == pytest.approx([(c @ m) / np.sqrt((c @ c) * (m @ m + 9 * SD[1] ** 2))], abs=1e-6)
    assert found.cosines == pytest.approx([np.mean((ARC.vectors * music.vectors).sum(axis=1))], abs=1e-6)
    level = track(np.zeros((9, 2)))
    assert compare(ARC, [level], whole(level)).follows == pytest.approx([0.0])


def test_a_track_shorter_than_the_clip_stays_at_its_mean_and_is_no_better_than_one_that_goes_on() -> None:
    calm = np.column_stack([np.full(9, 0.1), np.full(9, -0.6)])
    short, long = track(calm[:2]), track(calm)
    found = compare(ARC, [short, long], Runs(np.array([0, 1]), np.array([0, 0]), np.array([1, 8])))
    assert found.cosines[0] == pytest.approx(found.cosines[1], abs=1e-6)
    assert found.cosines[0] < (ARC.vectors[:2] * short.vectors).sum(axis=1).mean()


def test_a_section_is_compared_in_time_also_where_windows_are_missing() -> None:
    """One window of silence is left out in the middle: what comes after it still meets the clip's later windows."""
    arousal = np.concatenate([np.full(12, -0.7), RISE.affect[:, 1], np.full(9, 0.7)])
    full = track(np.column_stack([np.full(30, 0.1), arousal]))
    kept = np.delete(np.arange(30), 20)
    holed = TrackWindows(*(part[kept] for part in full))
    before, section = following_sections(ARC, [full, holed], RISE.duration_s)
    assert full.bounds[before.first, 0] == 60.0
    assert holed.bounds[section.first, 0] == 60.0


def test_a_section_does_not_go_through_a_long_silence() -> None:
    moves = track(np.column_stack([np.full(12, 0.1), np.linspace(-0.7, 0.7, 12)]))
    apart = moves._replace(bounds=moves.bounds + np.where(np.arange(12) < 6, 0, 60)[:, None])
    (section,) = following_sections(ARC, [apart], 30.0)
    assert (section.last < 6) or (section.first >= 6)


def test_what_an_arc_adds_is_small_and_monotone() -> None:
    assert lift(0.4, 0.0) == 0.4
    for score in (0.0, 0.3, 0.8, 1.0):
        lifted = [lift(score, follows) for follows in np.linspace(-1, 1, 21)]
        assert all(0 <= a <= b <= 1 for a, b in pairwise(lifted))
    assert lift(0.3, 0.5) < lift(0.4, 0.5) < lift(0.4, 0.6)


def test_a_weak_agreement_is_not_worth_a_word_and_valence_brightens() -> None:
    assert by_course([], RISE, follows=0.1, change=0.01) == []
    shown = windows(50.0)
    valence = Course(shown, affects(np.column_stack([np.linspace(-0.8, 0.8, 9), np.zeros(9)])), 50.0)
    (why,) = by_course([], valence, follows=0.6, change=0.1)
    assert why.words == "brightens with the picture"


def test_pictures_one_after_the_other_make_a_course() -> None:
    calm, busy = (Course(np.array([[0.0, 0.0]]), affects(np.array([[0.1, a]])), 0.0) for a in (-0.8, 0.8))
    shown = follow_on([calm] * 4 + [busy] * 4, [6.0] * 8)
    assert shown is not None
    assert shown.windows[-1].tolist() == [42.0, 48.0]
    assert shown.has_arc
    assert shown.movement == ("rises", 1)
    assert follow_on([calm, None], [6.0, 6.0]) is None


def test_a_blend_and_a_piece_of_music_have_no_course() -> None:
    from recommender import blend

    engine = Recommender(ToyLibrary({"/m/a.mp3": [[0.0, 0.0]] * 4}), MODEL)
    clip = engine.clip("0.5_0.5_30.mp4")
    assert clip.course is not None
    assert engine.music("0.5_0.5_30.mp3").course is None
    assert blend([clip, clip], [1, 1]).course is None


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A lake for 20 s, then a chase as long: two seconds of each of the sample's clips over and over, 5 pictures a
    second."""
    parts = (list(islice(draw(), 0, 50, 5)) for draw in (scenes.calm_lake, scenes.city_chase))
    media.write_video(tmp_path / "film.mp4", chain.from_iterable(part * 10 for part in parts), 5)
    return tmp_path / "film.mp4"


def test_a_film_that_goes_from_a_lake_to_a_chase_gets_music_that_does(film: Path, tmp_path: Path) -> None:
    """Rendered pieces whose titles say what they are, 40 s each; the film turns at 20 s."""
    model = Model.load()
    waves = {piece.title: waveform(piece) for piece in PIECES if piece.title in ("Calm Morning", "Driving Fury")}
    calm, fury = waves["Calm Morning"], waves["Driving Fury"]
    for name, parts in {"builds up": (calm, fury), "calms down": (fury, calm)}.items():
        media.write_audio(tmp_path / f"{name}.wav", np.concatenate(parts), SR_HZ)
    analyses = {path: model.analyse(path, "music") for path in sorted(tmp_path.glob("*.wav"))}
    found = Recommender(MemoryLibrary.of_analyses(analyses, model), model).recommend(film)
    assert [Path(r.track.path).stem for r in found] == ["builds up", "calms down"]
    assert found[0].in_s == pytest.approx(40 - 20, abs=5)
    assert any(why.feature == "arc" and why.change > 0 for why in found[0].reasons)
