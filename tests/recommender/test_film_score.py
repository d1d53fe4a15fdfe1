"""Scores: the best total by brute force, themes, locks, silence, limits, words, and how long the worst cases take."""

from itertools import combinations, pairwise, product

import numpy as np
import pytest

from recommender.errors import InputError
from recommender.films.closeness import ANY_LEAP, ANY_STEPS, UNTOLD
from recommender.films.options import AGAIN, NOTHING, STEEP, WORST
from recommender.films.rules import Rules, read_theme
from recommender.films.score import CLASH, compose
from recommender.names import KEYS, key_name
from tests.recommender.film_samples import film, random_candidates, scene, section, track


def by_hand(scenes, candidates, rules, recording):
    """The best total over all choices, counted from the definitions one choice at a time."""
    return max(
        total(scenes, chosen, candidates, rules, recording) for chosen in product(*[[*c, None] for c in candidates])
    )


def total(scenes, chosen, candidates, rules, recording):
    worth = 0.0
    for own, one, some in zip(scenes, chosen, candidates, strict=True):
        if one is None:
            worth += NOTHING
            continue
        best = max(other.score for other in some)
        lost = min((best - one.score) / best, 1.0)
        open_s = max(own.duration_s - (one.out_s - one.in_s), 0)
        worth += max(1 - STEEP * max(lost - rules.slack, 0), WORST) - lost - rules.short * open_s / own.duration_s
        if own.number in rules.lock and one.track.id != rules.lock[own.number]:
            return -np.inf
    heard = themed(scenes, chosen, rules, recording)
    worth -= sum(apart(a, b, rules, recording) for a, b in pairwise(chosen) if a and b)
    worth -= CLASH * clashes(scenes, chosen, recording) * (rules.key > 0)
    return worth - heard - crowded(scenes, chosen, rules, recording)


def clashes(scenes, chosen, recording):
    """How many cues end in a key far from the next one's, in a scene too short for a rest."""
    pairs = [(a, b) for own, a, b in zip(scenes, chosen, chosen[1:], strict=False) if own.duration_s < 2 and a and b]
    return sum(fifths(a.track, b.track) > 2 for a, b in pairs if recording(a) != recording(b))


def fifths(a, b):
    """Steps on the circle of fifths, 0 where a key is not known."""
    if not (a.key and b.key):
        return 0
    places = [
        KEYS.index(tonic) + 3 * (mode == "minor") for tonic, mode in (key_name(one.key).split() for one in (a, b))
    ]
    return min(n for n in range(7) if any((places[0] + way * n - places[1]) % 12 == 0 for way in (7, -7)))


def themed(scenes, chosen, rules, recording):
    """What themes cost: sections that are heard again, infinitely much where the tracks differ."""
    cost = 0.0
    for theme in rules.themes:
        own = [one for at, one in zip(scenes, chosen, strict=True) if at.number in theme]
        if len({one and recording(one) for one in own}) > 1:
            return np.inf
        for a, b in combinations([one for one in own if one], 2):
            shared = max(min(a.out_s, b.out_s) - max(a.in_s, b.in_s), 0)
            cost += AGAIN * shared / min(a.out_s - a.in_s, b.out_s - b.in_s)
    return cost


def crowded(scenes, chosen, rules, recording):
    """What tracks and artists that return cost."""
    counted, locked = [], set()
    for own, one in zip(scenes, chosen, strict=True):
        if one is None or any(own.number in theme and own.number != min(theme) for theme in rules.themes):
            continue
        if own.number in rules.lock and recording(one) in locked:
            continue
        locked |= {recording(one)} if own.number in rules.lock else set()
        counted.append(one)
    tracks = [recording(one) for one in counted]
    artists = [one.track.artist for one in counted if one.track.artist]
    if (len(set(tracks)) < len(tracks) and not rules.repeats) or (
        rules.per_artist and any(artists.count(name) > rules.per_artist for name in artists)
    ):
        return np.inf
    return rules.artist * (len(artists) - len(set(artists)))


def apart(a, b, rules, recording):
    """What following `a` by `b` costs."""
    if recording(a) == recording(b):
        return 0.0
    a, b = a.track, b.track
    sure = a.key_confidence * b.key_confidence if a.key and b.key else 0.0
    levels = [[bpm for bpm in (one.bpm, one.bpm_alternative) if bpm] for one in (a, b)]
    leap = min(abs(np.log2(x / y)) for x in levels[0] for y in levels[1])
    even = a.bpm_confidence * b.bpm_confidence
    keys = sure * fifths(a, b) + (1 - sure) * ANY_STEPS
    return rules.key * keys / 6 + rules.tempo * (even * min(leap, 1) + (1 - even) * ANY_LEAP)


def film_of(lasts_s):
    """Scenes of these lengths."""
    ends = np.cumsum(lasts_s)
    return [scene(at + 1, end - length, length) for at, (end, length) in enumerate(zip(ends, lasts_s, strict=True))]


@pytest.mark.parametrize("seed", range(60))
def test_a_score_is_worth_what_the_best_of_all_choices_is(seed):
    draw = np.random.default_rng(seed)
    count, tracks = int(draw.integers(1, 5)), int(draw.integers(2, 7))
    scenes = film(count) if seed % 2 else film_of(draw.choice([1.0, 30.0], count))
    candidates = random_candidates(draw, count, each=4, tracks=tracks, artists=3, sections=1)
    themes, lock = (), {}
    if count >= 3 and seed % 3 == 0:
        candidates = random_candidates(draw, count, each=3, tracks=3, artists=3, sections=2)
        themes = ((1, 3),) if seed % 2 else ((2, 3),)
    elif seed % 4 == 0:
        lock = {count: candidates[-1][0].track.id, 1: candidates[0][-1].track.id}
    rules = Rules(
        key=float(draw.choice([0.0, 0.15, 0.9])),
        artist=float(draw.choice([0.0, 0.01, 0.3])),
        per_artist=draw.choice([None, 1, 2]),
        repeats=bool(draw.random() < 0.2),
        themes=themes,
        lock=lock,
    )
    versions = {5: 0} if seed % 5 == 0 else {}

    def recording(one):
        return versions.get(one.track.id, one.track.id)

    made = compose(scenes, candidates, rules, recordings=versions)
    assert made.total == pytest.approx(by_hand(scenes, candidates, rules, recording), abs=1e-9)
    assert made.short_of == 0
    chosen = [cue.chosen for cue in made]
    assert total(scenes, chosen, candidates, rules, recording) == pytest.approx(made.total, abs=1e-9)


def test_the_key_and_tempo_of_neighbours_decide_between_equal_fits():
    near, far = track(1, key="G"), track(2, key="F#")
    quick = track(3, bpm=180.0)
    made = compose(film(2), [[section(track(0))], [section(far), section(quick), section(near)]])
    assert made[1].chosen.track is near
    assert made[1].why == "a fifth from the key before, same tempo; the best fit of its scene"
    assert [one.track.id for one in made[1].alternatives] == [3, 2]


def test_a_tempo_at_the_other_level_of_the_same_pulse_is_no_leap():
    double = track(1, bpm=240.0, bpm_alternative=121.0)
    made = compose(film(2), [[section(track(0))], [section(track(2, bpm=130.0)), section(double)]])
    assert made[1].chosen.track is double
    assert made[1].why.startswith("same key as before, same tempo")


def test_keys_are_read_in_every_notation():
    for key, words in {
        "8A": "relative key of the one before",
        "Es-Dur": "3 fifths from the key before",
        "": "no key known",
    }.items():
        made = compose(film(2), [[section(track(0, key="Do maggiore"))], [section(track(1, key=key))]])
        assert made[1].why.startswith(words)


def test_a_key_that_is_not_sure_is_worth_less_than_a_near_one_and_more_than_a_far_one():
    def second(*keys):
        tracks = [track(at + 1, key=key, key_confidence=sure) for at, (key, sure) in enumerate(keys)]
        return compose(film(2), [[section(track(0))], [section(one) for one in tracks]])[1].chosen.track.key

    assert second((None, None), ("G", 1.0)) == "G"
    assert second((None, None), ("F#", 1.0)) is None
    assert second(("C", None), ("C#", 1.0)) == "C"
    assert UNTOLD < 1


def test_a_track_comes_once_and_so_does_another_file_of_it():
    first, copy, other = track(0), track(1), track(2, key="F#")
    candidates = [[section(first)], [section(first), section(copy), section(other, 0.86)]]
    assert compose(film(2), candidates, recordings={1: 0})[1].chosen.track is other
    assert compose(film(2), candidates)[1].chosen.track is copy
    assert compose(film(2), candidates, Rules(repeats=True, artist=0))[1].chosen.track is first


def test_a_scene_that_no_track_is_left_for_is_silent_and_says_so():
    made = compose(film(3), [[section(track(0))], [section(track(0), 0.5)], []])
    assert [cue.chosen and cue.chosen.track.id for cue in made] == [0, None, None]
    assert made[1].why == "silence: no track is left that the score has not elsewhere"
    assert made[2].why == "silence: no track was found for it"


def test_per_artist_holds_and_unknown_artists_are_not_counted():
    tracks = [track(n, artist="A") for n in range(3)] + [track(n, artist=None, key="F#") for n in range(3, 6)]
    made = compose(film(4), [[section(one) for one in tracks]] * 4, Rules(per_artist=1))
    assert sorted(cue.chosen.track.artist is None for cue in made) == [False, True, True, True]


def test_a_theme_returns_in_other_sections_of_the_track_that_fits_all_its_scenes():
    candidates = [[section(track(n), 0.9 - n / 50, 40.0 * at) for n in range(4) for at in range(3)] for _ in range(4)]
    candidates[3] = [one for one in candidates[3] if one.track.id != 0]
    made = compose(film(4), candidates, Rules(themes=((1, 2, 4),)))
    assert [made[at].chosen.track.id for at in (0, 1, 3)] == [1, 1, 1]
    assert len({made[at].chosen.in_s for at in (0, 1, 3)}) == 3
    assert [cue.theme for cue in made] == ["A", "A", None, "A"]
    assert made[1].why.startswith("theme A; the same track goes on; ")
    assert made[2].chosen.track.id == 0
    assert {one.track.id for one in made[0].alternatives} == {2, 3}


def test_a_theme_without_a_common_track_is_refused_in_a_line():
    with pytest.raises(InputError, match=r"^theme 1, 2: no track is among the candidates of all its scenes; look for"):
        compose(film(2), [[section(track(0))], [section(track(1))]], Rules(themes=((1, 2),)))


def test_a_locked_track_stays_by_id_and_by_path():
    candidates = [[section(track(n), 0.9 - n / 10) for n in range(4)]] * 2
    made = compose(film(2), candidates, Rules(lock={1: 3, 2: "/music/2.mp3"}))
    assert [cue.chosen.track.id for cue in made] == [3, 2]
    assert made[0].why.startswith("chosen by hand; ")
    both = compose(film(2), candidates, Rules(lock={1: 3, 2: 3}))
    assert [cue.chosen.track.id for cue in both] == [3, 3]
    with pytest.raises(InputError, match="scene 1: '?/none.mp3'? is not among its candidates"):
        compose(film(2), candidates, Rules(lock={1: "/none.mp3"}))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"themes": ((1, 9),)}, "there is no scene 9: the film has 2"),
        ({"themes": ((1, 2), (2, 1))}, "scene 1 is named twice in themes"),
        ({"lock": {1: 0}, "silence": [1]}, "scene 1 is to be silent, and to have music"),
        ({"per_artist": 0}, "0 tracks per artist: at least 1"),
        ({"key": -1}, "key -1: give a number from 0 to 1"),
    ],
)
def test_rules_that_do_not_go_together_are_refused_in_a_line(asked, said):
    with pytest.raises(InputError, match=said):
        compose(film(2), [[section(track(0))]] * 2, Rules(**asked))


def test_themes_are_read_as_people_write_them():
    assert read_theme("5, 1,9") == (1, 5, 9)
    for text in ("1", "1,1", "0,2", "a,b", ""):
        with pytest.raises(InputError, match="two or more scenes, such as 1,5,9"):
            read_theme(text)


def test_speech_stands_alone_where_it_fills_a_short_scene_or_all_that_is_found_sings():
    words = [(0.0, 9.0), (9.5, 29.0)]
    short, long = scene(1, lasts_s=15.0, speech=words), scene(1, speech=words)
    plain, sung = [section(track(0, voice=0.0))], [section(track(0, voice=0.9))]
    for film_scene, found, rules, expected in (
        (short, plain, Rules(), True),
        (short, plain, Rules(speech_alone=False), False),
        (short, plain, Rules(lock={1: 0}), False),
        (long, plain, Rules(), False),
        (long, sung, Rules(), True),
        (scene(1, lasts_s=15.0, speech=[(0.0, 12.0)]), sung, Rules(), False),
    ):
        cue = compose([film_scene], [found], rules)[0]
        assert (cue.why == "silence: speech throughout") is (cue.chosen is None) is expected


def test_silence_for_a_second_parts_keys_and_a_shorter_one_does_not():
    far = [[section(track(0))], [section(track(9))], [section(track(1, key="F#")), section(track(2), 0.89)]]
    for lasts_s, chosen in ((5.0, 1), (0.5, 2)):
        scenes = [scene(1), scene(2, 30.0, lasts_s), scene(3, 30.0 + lasts_s)]
        made = compose(scenes, far, Rules(silence=[2]))
        assert made[1].why == "silence: asked for"
        assert made[2].chosen.track.id == chosen


def test_far_keys_are_parted_by_a_rest_and_near_ones_are_not():
    def transition(key, lasts_s=30.0):
        scenes = [scene(1, 0.0, lasts_s), scene(2, lasts_s)]
        return compose(scenes, [[section(track(0))], [section(track(1, key=key))]])[0].transition

    assert transition("D") is None
    assert transition("A") == ("cut", 0.0, "a rest, since the keys are 3 fifths apart", 1.0)
    assert transition("A", 1.5).rest_s == 0
    assert transition("A", 1.5).words.endswith("too short for a rest, and no choice with nearer keys was found")


@pytest.mark.parametrize("seed", range(40))
def test_far_keys_meet_without_a_rest_only_where_every_other_choice_has_as_many(seed):
    draw = np.random.default_rng(seed)
    count = int(draw.integers(2, 5))
    scenes = film_of(draw.choice([0.5, 1.5, 30.0], count))
    candidates = random_candidates(draw, count, each=int(draw.integers(2, 5)), tracks=6, artists=3)
    made = compose(scenes, candidates)

    def same(one):
        return one.track.id

    allowed = [some for some in product(*candidates) if len(set(map(same, some))) == count]
    chosen = [cue.chosen for cue in made]
    fewest = min(clashes(scenes, some, same) for some in allowed)
    assert clashes(scenes, chosen, same) == fewest
    said = [cue for cue in made if cue.transition and "no choice with nearer keys" in cue.transition.words]
    assert len(said) == fewest


def test_a_track_that_hardly_fits_is_taken_before_far_keys_meet_in_a_short_scene():
    scenes = film_of([1.5, 30.0])
    candidates = [[section(track(0))], [section(track(1, key="F#")), section(track(2, key="G"), 0.1)]]
    assert compose(scenes, candidates)[1].chosen.track.id == 2
    assert compose(scenes, candidates, Rules(key=0))[1].chosen.track.id == 1
    assert compose(film(2), candidates)[1].chosen.track.id == 1
    assert compose(scenes, [candidates[0], candidates[1][:1]])[1].chosen.track.id == 1


def test_music_that_ends_before_its_scene_costs():
    short, whole = section(track(0), 0.9, lasts_s=15.0), section(track(1), 0.89)
    assert compose(film(1), [[short, whole]])[0].chosen is whole
    assert compose(film(1), [[short, whole]], Rules(short=0.0))[0].chosen is short


def test_nothing_is_chosen_where_all_is_silent():
    assert [cue.chosen for cue in compose(film(2), [[], []])] == [None, None]
    assert compose([], []) == []
