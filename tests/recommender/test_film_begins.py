"""Where a cue begins in its track, as somebody set it: in the score, under the film, in the table and back."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from cue_samples import beats, cue, left, scenes, tracks
from recommender.editing.mix import stem_blocks
from recommender.errors import InputError
from recommender.films.clock import Clock
from recommender.films.cut_list import read_cuts
from recommender.films.laying import lay
from recommender.films.levels import bed, placement_of
from recommender.films.listing import listing
from recommender.films.rules import Rules
from recommender.films.scenes import Film
from recommender.films.score import compose
from recommender.outputs.listing import as_csv
from running import refused
from tests.recommender.film_samples import film as film_of
from tests.recommender.film_samples import random_candidates
from timeline_samples import HZ, RATES, film, found_in, heard

RATE = RATES["29.97"]
FRAMES = (0, 150, 330, 480)
GRIDS = {1: beats(0.5, 0.1), 2: beats(0.5, 0.33), 3: beats(0.5, 0.2)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("begins")


@pytest.fixture(scope="module")
def quiet(folder):
    return film(folder / "quiet.mov", RATE, FRAMES[-1], "01:00:00;00")


@pytest.fixture(scope="module")
def cues(folder):
    return [cue(one, track, 2.3) for one, track in zip(scenes(RATE, *FRAMES), tracks(folder, 3), strict=True)]


def moved(one, in_s):
    """A cue that somebody has begin there."""
    scene, free_s = replace(one.scene, begins_s=in_s), one.chosen.in_s
    chosen = replace(one.chosen, in_s=in_s, out_s=in_s + scene.duration_s)
    return replace(one, scene=scene, chosen=chosen, kept=True, free_s=free_s)


def begins(laid):
    return [placement_of(one).pieces[0].start_s for one in laid]


@pytest.mark.parametrize("seed", range(6))
def test_moving_one_cue_changes_no_other(seed):
    """The same tracks in the same sections, whatever is moved; it is found again with its track kept."""
    draw, told = np.random.default_rng(seed), film_of(5)
    candidates = random_candidates(draw, 5, each=8, tracks=12)
    before = compose(told, candidates, Rules(themes=((1, 4),) if seed % 2 else ()))
    assert before.short_of == 0
    at = int(draw.integers(5))
    changed = [replace(one, begins_s=33.5) if one.number == at + 1 else one for one in told]
    candidates = [[replace(one, track=replace(one.track, duration_s=60.0)) for one in some] for some in candidates]
    lock = {at + 1: before[at].chosen.track.id}
    after = compose(changed, candidates, Rules(themes=((1, 4),) if seed % 2 else (), lock=lock))
    for n, (one, other) in enumerate(zip(before, after, strict=True)):
        assert one.chosen.track.id == other.chosen.track.id
        assert (other.chosen.in_s, other.chosen.out_s) == (
            (33.5, 60.0) if n == at else (one.chosen.in_s, one.chosen.out_s)
        )
        assert (other.kept, other.free_s) == ((True, one.chosen.in_s) if n == at else (False, None))
    assert "chosen by hand, from 00:33.50 on" in after[at].why


def test_a_track_that_is_over_by_then_is_told():
    told = [replace(one, begins_s=40.0) for one in film_of(1)]
    (found,) = random_candidates(np.random.default_rng(1), 1, each=1, tracks=1)
    found = [replace(one, track=replace(one.track, duration_s=40.2)) for one in found]
    with refused(InputError, "scene 1: track 0 lasts 00:00:40.2, and is to begin at 00:00:40.0: begin earlier"):
        compose(told, [found], Rules(lock={1: found[0].track.id}))


@pytest.mark.parametrize("at", range(3))
def test_a_cue_begins_where_somebody_set_it_and_all_others_where_they_did(quiet, cues, at):
    """To the frame and to the sample of the stem; also where bars of neighbours lay on each other before."""

    def beats_of(track):
        return GRIDS[track.id]

    free = begins(lay(quiet, cues, beats_of=beats_of))
    assert not np.allclose(free, 2.3, atol=0.01)  # on bar lines
    in_s = 3.777
    laid = lay(quiet, [moved(one, in_s) if n == at else one for n, one in enumerate(cues)], beats_of=beats_of)
    frame = round(Fraction(in_s) * RATE) / RATE
    assert begins(laid) == pytest.approx([float(frame) if n == at else one for n, one in enumerate(free)], abs=1e-9)
    assert "bar lines on each other" not in laid[max(at - 1, 0)].transition.words
    sound = left(stem_blocks(bed(quiet, laid)))
    place_s, _ = found_in(heard(cues[at].chosen.track.path), sound, cues[at].scene.start_s + 2.5)
    assert place_s == pytest.approx(float(frame) + 2.5, abs=1 / HZ)


def test_music_on_a_beat_is_not_faded_in_and_off_it_softly(quiet, cues):
    lasts = []
    for in_s in (2.6, 2.85):  # just before a beat of the first track, and between two
        laid = lay(quiet, [moved(cues[0], in_s), *cues[1:]], beats_of=lambda track: GRIDS[track.id])
        lasts.append(placement_of(laid[0]).fade_in_s)
    assert lasts[0] <= 0.02 < lasts[1]


def test_music_that_begins_by_hand_is_not_recut(quiet, cues):
    """What is too short from there on ends early, and says why."""
    (late,) = lay(quiet, [moved(cue(scenes(RATE, 0, 480)[0], Path(cues[0].chosen.track.path), 2.3), 12.0)], recut=True)
    assert placement_of(late).pieces[0].start_s == pytest.approx(12.0, abs=0.02)
    assert len(placement_of(late).pieces) == 1
    assert "since it begins where somebody set it" in late.transition.words


def test_the_table_takes_it_out_and_back(tmp_path, quiet, cues):
    clock = Clock(RATE, 107_892, True, FRAMES[-1])
    kept = replace(cues[2], kept=True)
    told = [cues[0], moved(cues[1], 3.7), kept]
    whole = Film(quiet, told[-1].scene.end_s, clock, tuple(one.scene for one in told))
    path = tmp_path / "scenes.csv"
    path.write_text(as_csv(listing(whole, told)), encoding="utf-8", errors="surrogateescape")
    marks = read_cuts(path, clock, whole.duration_s).marks
    assert [(mark.track, mark.begins_s) for mark in marks] == [
        (None, None),
        (cues[1].chosen.track.path, 3.7),
        (cues[2].chosen.track.path, None),
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("0,kept,,\n", "line 2: it keeps a track, and `path` is empty: say which"),
        ("0,yes,,0:12\n", "line 2: it keeps a track, and `path` is empty: say which"),
        ("0,yes,a.ogg,soon\n", "line 2: 'soon' is no time of a track: give seconds or 1:02.5"),
        ("0,yes,a.ogg,-1\n", "line 2: '-1' is no time of a track"),
    ],
)
def test_what_makes_no_sense_there_is_told_with_its_line(tmp_path, rows, said):
    (tmp_path / "scenes.csv").write_text(f"start,music,path,begins\n{rows}")
    with refused(InputError, said):
        read_cuts(tmp_path / "scenes.csv", Clock(Fraction(25), frames=2500), 100.0)


def test_a_silent_row_keeps_nothing_and_a_time_alone_keeps_the_track(tmp_path):
    (tmp_path / "scenes.csv").write_text("start,music,path,begins\n0,silence,a.ogg,0:12\n5,yes,b.ogg,1:02.5\n")
    marks = read_cuts(tmp_path / "scenes.csv", Clock(Fraction(25), frames=2500), 100.0).marks
    assert [(mark.silent, mark.track, mark.begins_s) for mark in marks] == [(True, None, None), (False, "b.ogg", 62.5)]
