"""Near-duplicates: hand-worked marks, real re-encodings, groups, and an index that grows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.alterations import SR_HZ, alterations, encoded, resampled
from indexing.catalog.grouping import groups
from indexing.duplicates import matching
from indexing.duplicates.matching import Limits, Match, Recordings, colour_db, compare
from recommender.errors import InputError
from recommender.extractors.audio import acoustic, stft
from recommender.extractors.audio.acoustic import BLOCK, LEVELS, RATE_HZ, Fingerprint
from recommender.media import audio_blocks
from recommender.sample.pieces import PIECES
from recommender.sample.score import waveform


def drawn(seed: int, frames: int = 200) -> Fingerprint:
    """A made-up fingerprint: random codes, flat levels."""
    codes = np.random.default_rng(seed).integers(1, 1 << 32, frames, dtype=np.uint32)
    return Fingerprint(codes, np.zeros((-(-frames // BLOCK), LEVELS), np.uint8))


def with_errors(fingerprint: Fingerprint, share: float, seed: int = 0) -> Fingerprint:
    """`mark` with every bit turned with the probability `share`, but for every fourth code."""
    turned = np.random.default_rng(seed).random((len(fingerprint.codes), 32)) < share
    turned[::4] = False
    return Fingerprint(fingerprint.codes ^ np.packbits(turned, axis=1).view("<u4")[:, 0], fingerprint.levels)


def part(fingerprint: Fingerprint, first: int, last: int) -> Fingerprint:
    return Fingerprint(fingerprint.codes[first:last], fingerprint.levels[first // BLOCK : -(-last // BLOCK)])


def index(*fingerprints: Fingerprint, limits: Limits = matching.DEFAULT) -> Recordings:
    recordings = Recordings(limits)
    recordings.add(enumerate(fingerprints))
    return recordings


def ids(matches: list[Match]) -> list[int]:
    return [match.track for match in matches]


@pytest.fixture(scope="module")
def pieces() -> list[np.ndarray]:
    """Three generated pieces at `SR_HZ`; the first is long enough for every alteration."""
    return [resampled(waveform(piece, s), SR_HZ, 22050) for piece, s in zip(PIECES[:3], (41, 20, 20), strict=True)]


def heard(path: Path) -> Fingerprint:
    return acoustic.from_blocks(audio_blocks(path, stft.SR_HZ))


@pytest.fixture(scope="module")
def listen(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], Fingerprint]:
    """The fingerprint of a file given as bytes."""
    file = tmp_path_factory.mktemp("listen") / "file"

    def read(data: bytes) -> Fingerprint:
        file.write_bytes(data)
        return heard(file)

    return read


# Hand-worked.


def test_the_bit_error_rate_of_the_overlap_decides() -> None:
    one = drawn(0, 100)
    turned = one.codes.copy()
    turned[20:60] ^= np.uint32(0b1111)  # 40 of 80 codes below with 4 wrong bits: 160 of 2560
    other = Fingerprint(turned[20:], one.levels[: -(-80 // BLOCK)])
    found = compare(other, one, 20)
    assert found is not None
    assert found.similarity == pytest.approx(1 - 2 * 160 / 2560)
    assert found.overlap_s == pytest.approx(80 / RATE_HZ)
    assert found.offset_s == pytest.approx(20 / RATE_HZ)
    back = compare(one, other, -20)
    assert back is not None
    assert (back.similarity, back.offset_s) == (found.similarity, -found.offset_s)
    assert compare(other, one, 21) is None
    assert compare(other, one, 500) is None


def test_codes_that_tell_nothing_count_neither_way() -> None:
    one = drawn(0, 100)
    muted = one.codes.copy()
    muted[:50] = 0
    found = compare(Fingerprint(muted, one.levels), one, 0)
    assert found is not None
    assert found.similarity == 1
    assert found.overlap_s == pytest.approx(50 / RATE_HZ)
    silent = Fingerprint(np.zeros(100, np.uint32), one.levels)
    assert compare(silent, silent, 0) is None


def test_levels_that_differ_by_gain_alone_have_one_colour() -> None:
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 30, (10, LEVELS)).astype(np.uint8)
    assert colour_db(levels, levels + np.uint8(6), 0) == 0
    faded = levels + np.arange(10, dtype=np.uint8)[:, None]  # another gain in every block
    assert colour_db(levels, faded, 0) == 0
    bright = levels.copy()
    bright[:, :3] += 8  # three of twelve bands 8 dB down: sqrt(3 / 12 * 64)
    assert colour_db(levels, bright, 0) == pytest.approx(4)
    assert colour_db(levels[2:], levels, 2 * BLOCK) == 0
    assert colour_db(levels, levels, 99 * BLOCK) == 0  # no overlap: nothing to tell
    assert colour_db(np.full((4, LEVELS), 90, np.uint8), np.full((4, LEVELS), 40, np.uint8), 0) == 0  # all too faint


def test_another_colour_is_another_recording() -> None:
    one = drawn(0)
    levels = one.levels.copy()
    levels[:, :3] += 8
    assert ids(index(one).matches(Fingerprint(one.codes, levels))) == []
    assert ids(index(one, limits=Limits(colour_db=4.5)).matches(Fingerprint(one.codes, levels))) == [0]


@pytest.mark.parametrize(
    ("lengths_s", "overlap_s", "how"),
    [
        ((60, 60), 60, "same"),
        ((60, 60), 30, None),  # half of either: a shared sample
        ((300, 220), 220, "same"),  # a radio edit
        ((300, 185), 185, "inside"),  # the longer song of an album rip of two
        ((300, 30), 30, "inside"),  # an excerpt
        ((60, 6), 6, None),  # a jingle quoted by a track
        ((8, 6), 6, "same"),  # two lengths of a jingle
        ((2000, 200), 200, "inside"),  # a mix of ten tracks
        ((2000, 1100), 1100, "inside"),
        ((2, 2), 2, None),  # too short to tell
    ],
)
def test_which_overlaps_make_a_version_or_a_piece(lengths_s: tuple[int, int], overlap_s: int, how: str | None) -> None:
    n, m, k = (round(s * RATE_HZ) for s in (*lengths_s, overlap_s))
    long, short = drawn(1, n), drawn(2, m)
    codes = short.codes.copy()
    codes[:k] = long.codes[:k]
    short = Fingerprint(codes, short.levels)
    relations = {None: [], "same": [(0, True, False)], "inside": [(0, False, True)]}
    assert [(m.track, m.same, m.inside) for m in index(long).matches(short)] == relations[how]
    back = [(m.track, m.same, m.inside) for m in index(short).matches(long)]
    assert back == [(track, same, False) for track, same, _ in relations[how]]


def test_two_tracks_that_go_on_otherwise_are_not_the_same() -> None:
    """Equally long, beside each other, alike in more than the first half: few wrong bits in all."""
    one, end = drawn(1, 600), drawn(2, 250)
    other = Fingerprint(np.concatenate([one.codes[:350], end.codes]), one.levels)
    (found,) = index(one).matches(other)
    assert found.overlap_s > 110
    assert not found.same


@pytest.mark.parametrize(
    ("taken", "how"),
    [
        ([(0, 400), (800, 1600)], (True, False)),  # cut out of the middle: what stands before it counts too
        ([(0, 500), (700, 1200), (1350, 1600)], (True, False)),
        ([(0, 1100), (700, 1600)], (True, False)),  # a refrain that comes twice
        ([(0, 350), (1000, 1400)], (False, True)),  # less than half: lies in the whole, is no version of it
    ],
)
def test_what_an_edit_keeps_counts_together(taken: list[tuple[int, int]], how: tuple[bool, bool]) -> None:
    whole = drawn(1, 1600)
    codes = np.concatenate([whole.codes[first:last] for first, last in taken])
    edit = Fingerprint(codes, np.zeros((-(-len(codes) // BLOCK), LEVELS), np.uint8))
    (found,) = index(whole).matches(edit)
    assert (found.same, found.inside) == how
    assert found.similarity > 0.99
    (back,) = index(edit).matches(whole)
    assert (back.same, back.overlap_s) == (found.same, found.overlap_s)


def test_a_loop_of_a_quarter_is_no_edit() -> None:
    whole = drawn(1, 1600)
    loop = Fingerprint(np.tile(whole.codes[:400], 4), whole.levels)
    assert index(whole).matches(loop) == []


def test_stretches_of_another_colour_are_no_edit() -> None:
    whole = drawn(1, 1600)
    codes = np.concatenate([whole.codes[:400], whole.codes[800:]])
    levels = np.zeros((len(codes) // BLOCK, LEVELS), np.uint8)
    levels[:, :3] += 8
    assert index(whole).matches(Fingerprint(codes, levels)) == []


def test_a_long_mix_is_matched_with_all_that_it_holds() -> None:
    songs = [drawn(seed, 700) for seed in range(90)]
    joined = np.concatenate([song.codes[50:650] for song in songs])
    mix = Fingerprint(joined, np.zeros((-(-len(joined) // BLOCK), LEVELS), np.uint8))
    found = index(*songs).matches(mix)
    assert sorted(ids(found)) == list(range(90))
    assert not any(match.same or match.inside for match in found)


# The index.


def test_matches_come_with_offset_and_by_similarity() -> None:
    fingerprints = [drawn(seed, 300) for seed in range(20)]
    recordings = index(*fingerprints, with_errors(fingerprints[3], 0.1))
    found = recordings.matches(part(fingerprints[3], 40, 240))
    assert ids(found) == [3, 20]
    assert found[0].similarity == 1
    assert found[1].similarity == pytest.approx(1 - 2 * 0.75 * 0.1, abs=0.03)
    assert all(match.offset_s == pytest.approx(40 / RATE_HZ) for match in found)
    assert recordings.matches(drawn(99)) == []
    assert recordings.matches(Fingerprint(np.zeros(50, np.uint32), np.zeros((7, LEVELS), np.uint8))) == []
    assert Recordings().matches(fingerprints[0]) == []


def test_tracks_added_one_by_one_are_found_as_if_added_at_once() -> None:
    fingerprints = [drawn(seed, 60 + seed) for seed in range(40)]
    fingerprints += [with_errors(fingerprint, 0.15, seed) for seed, fingerprint in enumerate(fingerprints)]
    grown = Recordings()
    for track, fingerprint in enumerate(fingerprints):
        grown.add([(track, fingerprint)])
    at_once = index(*fingerprints)
    assert len(grown) == len(at_once) == 80
    assert [grown.matches(fingerprint) for fingerprint in fingerprints] == [
        at_once.matches(fingerprint) for fingerprint in fingerprints
    ]
    assert all(
        ids(grown.matches(fingerprint)) == [track, track + 40] for track, fingerprint in enumerate(fingerprints[:40])
    )
    assert grown.bytes < 20 * sum(len(fingerprint.codes) for fingerprint in fingerprints)


def test_removed_tracks_are_not_found_and_ids_are_used_once() -> None:
    recordings = index(drawn(0), drawn(0), drawn(1))
    recordings.remove([1, 77])
    recordings.add([])
    assert ids(recordings.matches(drawn(0))) == [0]
    assert len(recordings) == 2
    with pytest.raises(InputError, match="track 1 has a fingerprint already"):
        recordings.add([(1, drawn(5))])
    with pytest.raises(InputError, match="track 8 has a fingerprint already"):
        recordings.add([(8, drawn(5)), (8, drawn(6))])
    assert len(recordings) == 2


def test_a_loop_matches_where_most_is_in_common() -> None:
    bar = drawn(0, 20).codes
    loop = Fingerprint(np.tile(bar, 12), np.zeros((30, LEVELS), np.uint8))
    (found,) = index(loop).matches(loop)
    assert (found.offset_s, found.overlap_s) == (0, pytest.approx(240 / RATE_HZ))


def test_codes_that_everybody_has_find_nobody() -> None:
    fingerprints = [drawn(seed, 400) for seed in range(30)]  # long enough that only every second code is indexed
    for fingerprint in fingerprints:
        fingerprint.codes[::2] = 12345
    recordings = index(*fingerprints, limits=Limits(common=100))
    assert recordings.matches(fingerprints[0]) == []  # every indexed code is the common one
    assert ids(index(*fingerprints, limits=Limits(common=100, stride=1)).matches(fingerprints[0])) == [0]


# Groups.


def test_groups_join_chains_and_the_longest_leads() -> None:
    pairs = [(1, 2), (2, 3), (5, 4), (6, 6)]
    durations = {1: 30.0, 2: 200.0, 3: 30.0, 4: 99.4, 5: 100.0, 6: 1.0}
    paths = {1: "c.mp3", 2: "z.flac", 3: "a.ogg", 4: "b/x.mp3", 5: "b/y.mp3", 6: "d"}
    assert groups(pairs, durations, paths) == [(2, 3, 1), (4, 5)]  # 99.4 s is as long as 100 s, and first by path
    assert groups([], durations, paths) == []


# Real files.


def test_generated_music_is_recognised_in_every_alteration_and_never_confused(
    pieces: list[np.ndarray], listen: Callable[[bytes], Fingerprint]
) -> None:
    recordings = index(*(listen(encoded(y, "flac")) for y in pieces))
    kinds = dict(alterations(pieces[0], np.random.default_rng(0)))
    assert len(kinds) == 15
    for kind, altered in kinds.items():
        assert ids(recordings.matches(listen(altered()))) == [0], kind


def test_offset_and_overlap_of_an_edit_are_told(
    pieces: list[np.ndarray], listen: Callable[[bytes], Fingerprint]
) -> None:
    y = pieces[0]
    recordings = index(listen(encoded(y, "mp3", 128)))
    edit = np.concatenate([np.zeros(2 * SR_HZ, np.float32), y[12 * SR_HZ : 34 * SR_HZ]])
    (found,) = recordings.matches(listen(encoded(edit, "mp3", 64)))
    assert found.offset_s == pytest.approx(10, abs=0.2)
    assert found.overlap_s == pytest.approx(22, abs=1.5)
    assert found.similarity > 0.7
    assert found.colour_db < 1.5


def test_a_truncated_file_is_the_same_recording(
    pieces: list[np.ndarray], listen: Callable[[bytes], Fingerprint]
) -> None:
    whole = encoded(pieces[0], "mp3", 128)
    (found,) = index(listen(whole)).matches(listen(whole[: len(whole) * 3 // 4]))
    assert found.similarity > 0.95
    assert found.offset_s == 0


def test_the_same_tempo_key_and_loop_with_other_chords_is_other_music(pieces: list[np.ndarray]) -> None:
    piece = PIECES[2]
    turned = type(piece)(**{**vars(piece), "chords": piece.chords[1:] + piece.chords[:1], "title": "another take"})
    fingerprints = [acoustic.from_blocks([waveform(p, 24.0)]) for p in (piece, turned)]
    assert index(fingerprints[0]).matches(fingerprints[1]) == []


def test_silent_and_very_short_tracks_are_nobodys_duplicates(listen: Callable[[bytes], Fingerprint]) -> None:
    silence = np.zeros(30 * SR_HZ, np.float32)
    blip = (0.5 * np.sin(np.arange(SR_HZ) / 20)).astype(np.float32)
    fingerprints = [listen(encoded(silence, "flac")), listen(encoded(silence, "mp3")), listen(encoded(blip, "flac"))]
    recordings = index(*fingerprints)
    assert [recordings.matches(fingerprint) for fingerprint in fingerprints] == [[], [], []]


def test_shared_music_is_recognised_and_never_confused(
    shared_data: Path, listen: Callable[[bytes], Fingerprint]
) -> None:
    """All tracks against each other, and one altered (the benchmark alters half of all)."""
    paths = sorted((shared_data / "music").glob("*.ogg"))
    fingerprints = [heard(path) for path in paths]
    recordings = index(*fingerprints)
    for track, fingerprint in enumerate(fingerprints):
        assert ids(recordings.matches(fingerprint)) == [track], paths[track].name
    track = [path.name for path in paths].index("23 - Inn.ogg")
    y = np.concatenate(list(audio_blocks(paths[track], SR_HZ)))
    for kind, altered in alterations(y, np.random.default_rng(1)):
        assert ids(recordings.matches(listen(altered()))) == [track], kind
