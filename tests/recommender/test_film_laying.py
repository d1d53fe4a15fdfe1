"""The music of a film: where each cue begins and how it ends, how loud all of it is, and that no border is heard."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import media_samples
from cue_samples import at, beats, cue, film_with, left, scene, scenes, tracks
from recommender.editing import mix as mixing
from recommender.editing.limiter import true_peaks
from recommender.editing.loudness import Meter, programme_lufs
from recommender.editing.mix import mix, stem_blocks
from recommender.editing.placement import Bed, Keyframe, Placement, Stretch, bed_of, gains_at
from recommender.editing.placing import Levels
from recommender.errors import InputError
from recommender.films.crossfades import even_out
from recommender.films.cues import Transition
from recommender.films.laying import lay
from recommender.films.levels import bed, place_cue, placement_of
from recommender.films.transitions import Border, crossing, transition
from running import refused
from timeline_samples import HZ, RATES, film, found_in, heard

RATE = RATES["29.97"]
FRAMES = (0, 150, 330, 480)  # of scenes
SURE = {"key_confidence": 0.9}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("film")


@pytest.fixture(scope="module")
def music(folder):
    return tracks(folder, 3)


@pytest.fixture(scope="module")
def quiet(folder):
    """A film of 16 s without sound to be heard."""
    return film(folder / "quiet.mov", RATE, FRAMES[-1], "01:00:00;00")


@pytest.fixture(scope="module")
def laid(quiet, music):
    """Three cues, crossfaded: the first two as fast as each other, the last one slower."""
    cues = [cue(one, track, 2.3) for one, track in zip(scenes(RATE, *FRAMES), music, strict=True)]
    grids = {1: beats(0.5, 0.1), 2: beats(0.5, 0.33), 3: beats(0.61, 0.2)}
    return lay(quiet, cues, beats_of=lambda track: grids[track.id])


def measured(blocks) -> tuple[float, float]:
    """Loudness in LUFS and the highest true peak in dBTP."""
    y, meter = np.concatenate(list(blocks), axis=1), Meter()
    meter.feed(y)
    return programme_lufs(meter.powers), float(20 * np.log10(true_peaks(y).max()))


@pytest.mark.parametrize(
    ("border", "ending", "lasts_s", "words"),
    [
        (Border(True, 5.0, ends_s=0.2, line_s=0.01), "button", 0.0, "own ending"),
        (Border(True, 5.0, line_s=-0.05), "button", 0.0, "bar line"),
        (Border(False, 5.0, line_s=0.3), "tail", 3.0, "no music follows"),
        (Border(False, 0.2), "tail", 0.0, "no room"),
        (Border(True, 5.0, leap=1.2), "cut", 0.0, "livelier"),
        (Border(True, 0.3), "tail", 0.0, "no room"),
        (Border(True, 5.0, clash=True), "tail", 1.0, "keys are far apart"),
        (Border(True, 5.0, bars_s=(2.0, 2.03)), "crossfade", 2.0, "bar lines on each other"),
        (Border(True, 5.0, bars_s=(2.4, 1.2)), "crossfade", 2.4, "bar lines on each other"),
        (Border(True, 1.5, bars_s=(2.4, 2.4), on_beat=True), "crossfade", 1.5, "from a beat"),
        (Border(True, 5.0, bars_s=(2.0, 2.3), on_beat=True), "crossfade", 2.0, "from a beat"),
        (Border(True, 5.0), "crossfade", 2.0, "no beat is known"),
        (Border(True, 5.0, leap=2.0, asked=Transition("crossfade", 3.0)), "crossfade", 3.0, "no beat"),
        (Border(True, 0.1, asked=Transition("crossfade", 3.0)), "tail", 0.1, "rings out"),
        (Border(True, 5.0, asked=Transition("cut", 2.0, "hers")), "cut", 0.0, "hers"),
        (Border(True, 5.0, asked=Transition("tail", 0.0, "", 1.5)), "tail", 0.0, "1.5 s of silence"),
    ],
)
def test_each_border_has_the_ending_that_the_rules_say(border, ending, lasts_s, words):
    found = transition(border)
    assert (found.ending, found.lasts_s) == (ending, lasts_s)
    assert words in found.words


def test_a_crossfade_keeps_the_power():
    x = np.linspace(5.0, 7.0, 500)
    power = sum(10 ** (gains_at(crossing(5.0, 2.0, into=into), x) / 10) for into in (True, False))
    assert np.abs(10 * np.log10(power)).max() < 0.15


def test_low_notes_in_opposite_phase_leave_no_hole_in_a_crossfade(quiet, folder):
    told, turns = [scene(1, 0.0, 3.0), scene(2, 3.0, 8.0)], 60 * np.arange(6 * 44100) / 44100
    notes = [
        media_samples.sound(folder / f"note {number}.wav", 0.2 * np.sin(2 * np.pi * (turns + number / 3)))
        for number in (0, 1)
    ]
    faded = {"pieces": (Stretch(0.0, 5.0),), "clip_gain_db": None}
    first = Placement(quiet, 16.0, notes[0], **faded, ducks=crossing(3.0, 2.0, into=False))
    second = Placement(quiet, 16.0, notes[1], **faded, at_s=3.0, ducks=crossing(3.0, 2.0, into=True))
    asked = Transition("crossfade", 2.0)
    cues = [place_cue(cue(told[0], notes[0], transition=asked), first), place_cue(cue(told[1], notes[1]), second)]

    def middle_db(cues):
        sound = left(stem_blocks(bed(quiet, cues)))
        return 10 * np.log10(np.square(at(sound, 3.8, 4.2)).mean() / np.square(at(sound, 1.0, 2.0)).mean())

    assert middle_db(cues) < -2.5
    assert abs(middle_db(even_out(cues))) < 0.3
    assert even_out([cues[0], cue(told[1], None)])[0] == cues[0]


def test_cues_begin_with_their_scenes_on_frames_and_bars_lie_on_each_other(laid):
    placements = [placement_of(one) for one in laid]
    assert [round(Fraction(one.at_s) * RATE) for one in placements] == list(FRAMES[:3])
    for one in placements:
        for second in (one.at_s, one.pieces[0].start_s):
            frame = Fraction(second) * RATE
            assert abs(frame - round(frame)) < 1e-6
    assert [one.transition.ending for one in laid] == ["crossfade", "crossfade", "tail"]
    assert laid[0].transition.lasts_s == pytest.approx(5.005 / 3 if 5.005 / 3 < 2 else 2.0, abs=0.4)
    first, second, third = (one.pieces[0].start_s - one.at_s for one in placements)
    line = 0.1 + 2 * np.arange(10) - first  # bar lines of the first, in seconds of the film
    other = 0.33 + 2 * np.arange(10) - second
    apart = np.abs(line[:, None] - other).min()
    assert apart <= 0.5 / float(RATE) + 1e-9
    # the third begins on a line of its own, cut just before it
    cut = (0.2 + 2.44 * np.arange(6)) - placements[2].pieces[0].start_s
    assert 0.02 - 1e-9 <= cut[cut > 0].min() <= 0.02 + 1 / float(RATE)
    assert third


def test_the_stem_sounds_each_track_from_where_it_is_laid_to_the_sample(quiet, laid, music):
    sound = left(stem_blocks(bed(quiet, laid)))
    for one, track in zip(laid, music, strict=True):
        placed = placement_of(one)
        since_s = 2.5  # where it is alone
        place_s, _ = found_in(heard(track), sound, placed.at_s + since_s)
        assert place_s == pytest.approx(placed.pieces[0].start_s + since_s, abs=1 / HZ)


def test_borders_are_not_heard(quiet, laid):
    """Power over a crossfade stays within 1 dB of both neighbours, and no step is larger than the music's own."""
    sound = left(stem_blocks(bed(quiet, laid)))
    for one in laid[:2]:
        border_s, lasts_s = one.scene.end_s, one.transition.lasts_s
        sides = [at(sound, border_s - 1.5, border_s), at(sound, border_s + lasts_s, border_s + lasts_s + 1.0)]
        levels = [10 * np.log10(np.square(side).mean()) for side in sides]
        for k in range(4):
            part = at(sound, border_s + k * lasts_s / 4, border_s + (k + 1) * lasts_s / 4)
            between = levels[0] + (levels[1] - levels[0]) * (k + 0.5) / 4
            assert 10 * np.log10(np.square(part).mean()) == pytest.approx(between, abs=1.0)
        steps = np.abs(np.diff(at(sound, border_s - 0.05, border_s + lasts_s + 0.05)))
        assert steps.max() <= 1.2 * max(np.abs(np.diff(side)).max() for side in sides)
    assert np.abs(sound[-10:]).max() < 0.01


@pytest.mark.parametrize("lufs", [-16.0, -23.0])
def test_the_whole_film_has_the_loudness_asked_for(quiet, laid, lufs):
    if lufs != -16.0:
        laid = lay(quiet, [replace(one, transition=None) for one in laid], levels=Levels(lufs=lufs))
    loudness, peak = measured(mix(bed(quiet, laid), 0.0).blocks)
    assert loudness == pytest.approx(lufs, abs=0.5)
    assert peak <= -1.0


def test_loud_music_is_rehearsed_behind_the_limiter(quiet, music):
    cues = [cue(one, track) for one, track in zip(scenes(RATE, *FRAMES), music, strict=True)]
    loudness, peak = measured(mix(bed(quiet, lay(quiet, cues, levels=Levels(lufs=-7.0))), 0.0).blocks)
    assert loudness == pytest.approx(-7.0, abs=0.5)
    assert peak <= -1.0


def test_music_goes_below_speech_in_its_own_scene_and_the_films_sound_has_one_course(folder, music):
    rng = np.random.default_rng(3)
    own = np.zeros(12 * 44100, np.float32)
    own[: 4 * 44100] = rng.normal(0, 0.3, 4 * 44100)  # loud, of no speech
    own[5 * 44100 : 7 * 44100] = rng.normal(0, 0.1, 2 * 44100)  # spoken
    clip = film_with(folder, own)
    told = [scene(1, 0.0, 4.0), scene(2, 4.0, 8.0, speech=(Stretch(1.0, 3.0),)), scene(3, 8.0, 12.0)]
    laid = lay(clip, [cue(one, track) for one, track in zip(told, music, strict=True)])
    whole = bed(clip, laid)
    assert whole.own is not None
    gain = gains_at(whole.own, np.array([0.0, 3.4, 4.0, 7.0, 11.0]))
    assert gain[0] == gain[1] < -3
    assert gain[2:].tolist() == [0, 0, 0]
    assert len(placement_of(laid[1]).ducks) > 4  # under speech, and crossfaded
    sound = np.concatenate(list(stem_blocks(whole)), axis=1)
    meters = [Meter(), Meter()]
    voice = np.concatenate([y for _, y in mixing.clip_sound(clip, 0.0)], axis=1)
    for meter, y in zip(meters, (voice, sound), strict=True):
        meter.feed(np.ascontiguousarray(y[:, round(5.1 * HZ) : round(6.9 * HZ)]))
    assert programme_lufs(meters[0].powers) - programme_lufs(meters[1].powers) == pytest.approx(15, abs=0.7)
    mixed = left(mix(whole, 0.0).blocks)
    assert np.square(at(mixed, 1.0, 3.0)).mean() < np.square(at(voice[0], 1.0, 3.0)).mean()  # it was turned down


def test_a_scene_may_begin_in_the_middle_of_a_tenth_of_a_second(folder, music):
    clip = film(folder / "24.mov", RATES["24"], 200)
    told = scenes(RATES["24"], 0, 90, 200)  # 3.75 s: rounded to 3.8, which is 0.05 s and a little later
    laid = lay(clip, [cue(one, track) for one, track in zip(told, music, strict=False)])
    assert placement_of(laid[1]).at_s == 3.75
    loudness, _ = measured(mix(bed(clip, laid), 0.0).blocks)
    assert loudness == pytest.approx(-16.0, abs=0.5)


def test_silence_tails_rests_and_early_ends(quiet, music):
    told = scenes(RATE, 0, 120, 240, 360, 480)
    rest = Transition("tail", 0.0, "", 1.0)
    cues = [
        cue(told[0], music[0]),
        cue(told[1], None),
        cue(told[2], music[1], transition=rest),
        cue(told[3], music[2], 14.5),
    ]
    laid = lay(quiet, cues)
    assert laid[1] == cues[1]
    ends = [one.at_s + one.duration_s for c in laid if (one := placement_of(c)) is not None]
    assert ends[0] == pytest.approx(told[0].end_s + 2.002, abs=1e-3)  # half of the silent scene
    assert ends[1] == pytest.approx(told[2].end_s - 1.0, abs=1e-6)
    assert ends[2] == pytest.approx(told[3].start_s + 1.5, abs=0.05)
    assert "2.5 s before its scene does" in laid[3].transition.words
    sound = left(stem_blocks(bed(quiet, laid)))
    for first, last in ((told[1].start_s + 2.01, told[1].end_s), (told[2].end_s - 1, told[2].end_s), (ends[2], 16.0)):
        assert not at(sound, first + 1e-3, last - 1e-3).any()


def test_a_button_stops_on_a_bar_line_and_far_keys_are_faded_first(quiet, music):
    told = scenes(RATE, *FRAMES)
    on = beats(told[0].end_s / 8, 0.03)  # two bars are as long as the scene
    cues = [cue(told[0], music[0]), cue(told[1], music[1], key="C major", **SURE)]
    cues.append(cue(told[2], music[2], key="F# major", **SURE))
    laid = lay(quiet, cues, beats_of=lambda track: on if track.id == 1 else None)
    placed = placement_of(laid[0])
    assert laid[0].transition.ending == "button"
    assert told[0].end_s - 0.1 < placed.at_s + placed.duration_s <= told[0].end_s
    clash = placement_of(laid[1])
    assert (laid[1].transition.ending, laid[1].transition.lasts_s) == ("tail", 1.0)
    level_db = 20 * np.log10(clash.amplitude(np.array([told[1].end_s, told[1].start_s + 1])))
    assert level_db[1] - level_db[0] == pytest.approx(12, abs=0.6)


def test_what_cannot_be_is_told(quiet, music):
    told = scenes(RATE, 0, 480)
    with refused(InputError, "has nothing to play from 40.0 s on, for scene 1"):
        lay(quiet, [cue(told[0], music[0], 40.0)])
    (short,) = lay(quiet, [cue(told[0], music[0], 10.0)], recut=True)
    assert "it has no beats to cut on" in short.transition.words


def test_a_bed_of_one_is_that_placement_to_the_bit(folder, music):
    own = np.random.default_rng(1).normal(0, 0.2, 5 * 44100).astype(np.float32)
    clip = film_with(folder, own, "one.mp4")
    one = Placement(clip, 5.0, music[0], (Stretch(1.0, 4.5),), 0.7, 3.0, 0.3, 0.5, clip_gain_db=-4.0)
    parts = replace(one, pieces=(Stretch(1.0, 2.0), Stretch(6.0, 8.5)))
    for placed in (one, parts):
        assert bed_of(placed).own == (Keyframe(0.0, -4.0),)
        for made in (stem_blocks, lambda music: mix(music, 0.0).blocks):
            pairs = zip(made(placed), made(bed_of(placed)), strict=True)
            assert all((a == b).all() for a, b in pairs)


def test_of_a_long_film_only_what_sounds_is_open(quiet, music, monkeypatch):
    placements = tuple(Placement(quiet, 16.0, music[0], (Stretch(1.0, 1.5),), 0.5 * n) for n in range(30))
    alive, most = set(), []
    whole = mixing.music_blocks

    def watched(placement, **known):
        alive.add(placement.at_s)
        most.append(len(alive))
        yield from whole(placement, **known)
        alive.discard(placement.at_s)

    monkeypatch.setattr(mixing, "music_blocks", watched)
    assert sum(y.shape[1] for y in stem_blocks(Bed(quiet, 16.0, placements))) == 16 * HZ
    assert len(most) == 30
    assert max(most) <= 5
