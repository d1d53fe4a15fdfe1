"""Which tracks lie under a film: found under noise, from the right point on; nothing else is; kept, and mended."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeAnalyser, toy

from indexing import ingest
from indexing.disk import records
from indexing.edits import agreement, kept, landmark_files, reading
from indexing.edits.finding import set_bar
from indexing.edits.uses import Edit, Use
from indexing.edits.voting import _matches
from indexing.library import Library
from recommender.errors import InputError, LibraryError, LibraryLocked
from recommender.extractors.audio import landmarks
from recommender.extractors.audio.landmarks import FILM, TRACK
from recommender.media import write_audio
from voices import voice

SR_HZ = 22050
SONGS, SONG_S = 3, 30.0
NEAR_S = 0.02


@dataclass(frozen=True)
class Deaf(FakeAnalyser):
    """Reads the toy file beside a sound."""

    def analyse(self, path, modality):
        return super().analyse(path.with_suffix(".toy"), modality)


@cache
def song(seed: int, seconds: float = SONG_S) -> np.ndarray:
    """Notes with overtones, of random pitch and length, two at a time, float32 [n]."""
    rng = np.random.default_rng(seed)
    y = np.zeros(round(seconds * SR_HZ))
    for _ in range(2):
        at = 0
        while at < len(y):
            n = min(round(rng.uniform(0.15, 0.5) * SR_HZ), len(y) - at)
            t, hz = np.arange(n) / SR_HZ, 110 * 2 ** (rng.integers(36) / 12)
            y[at : at + n] += sum(np.sin(2 * np.pi * hz * k * t + rng.uniform(0, 6)) / k for k in range(1, 6)) * np.exp(
                -4 * t
            )
            at += n
    return (0.1 * y).astype(np.float32)


def level(y: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(y))))


def place(y: np.ndarray, film_s: float, parts: list[tuple[float, float, float]]) -> np.ndarray:
    """A film's sound of so many seconds: parts of `y` as (film_in, track_in, seconds)."""
    out = np.zeros(round(film_s * SR_HZ), np.float32)
    for film_in, track_in, seconds in parts:
        one = y[round(track_in * SR_HZ) : round((track_in + seconds) * SR_HZ)]
        out[round(film_in * SR_HZ) : round(film_in * SR_HZ) + len(one)] += one
    return out


def add_track(folder: Path, seed: int, y: np.ndarray | None = None) -> Path:
    path = folder / f"{seed}.wav"
    folder.mkdir(exist_ok=True)
    write_audio(path, song(seed) if y is None else y, SR_HZ)
    toy(path.with_suffix(".toy"), seed)
    return path


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """A library of three songs and a fourth that is one loop three times and an end."""
    folder = tmp_path_factory.mktemp("edits")
    for seed in range(SONGS):
        add_track(folder / "music", seed)
    loop, end = song(50, 8.0), song(51, 6.0)
    add_track(folder / "music", 3, np.concatenate([loop, loop, loop, end]))
    with Library.create(folder / "library", Deaf().space) as library:
        list(ingest.add(library, [folder / "music"], Deaf(), executor="inline"))
        library.reload()
        read(library)
        yield library


def read(library: Library) -> reading.Shelf:
    told: list[str] = []
    return reading.make_shelf(library, reading.read_tracks(library, workers=1, tick=lambda *_: None, tell=told.append))


def uses(library: Library, y: np.ndarray, path: Path) -> tuple[Use, ...]:
    write_audio(path, y, SR_HZ)
    return reading.find_uses(reading.read_film(path, lambda _: None), read(library))


def offset(use: Use) -> float:
    return use.track_in_s - use.film_in_s


def test_a_track_is_found_under_louder_speech(heard, tmp_path):
    film = place(song(1), 24.0, [(4.0, 9.0, 16.0)])
    speech = voice(24.0, SR_HZ, 1.0)
    film += speech * level(song(1)) * 10 ** (6 / 20)
    (use,) = uses(heard, 0.3 * film, tmp_path / "film.wav")
    assert Path(use.path).name == "1.wav"
    assert abs(offset(use) - 5.0) < NEAR_S
    assert abs(use.film_in_s - 4.0) < 1.5
    assert abs(use.film_out_s - 20.0) < 1.5
    assert (use.hash, use.loops) == (use.hash.lower(), ())


def test_foreign_music_and_noise_are_not_found(heard, tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, 30 * SR_HZ).astype(np.float32)
    for y in (song(77), noise, np.zeros(10 * SR_HZ, np.float32), song(0)[::-1], np.zeros(100, np.float32)):
        assert uses(heard, y, tmp_path / "film.wav") == ()


def sampled(seed: int, seconds: float = 20.0) -> np.ndarray:
    """Music of twelve samples, eight a second in time, three in ten of them the same for every seed, float32 [n]."""
    rng, alike = np.random.default_rng(seed), np.random.default_rng(0)
    notes = [song(200 + number, 0.4) for number in range(12)]
    y = np.zeros(round(seconds * SR_HZ) + len(notes[0]), np.float32)
    for step, same in enumerate(alike.integers(12, size=round(8 * seconds))):
        note = notes[same if rng.random() < 0.3 else rng.integers(12)]
        at = step * SR_HZ // 8
        y[at : at + len(note)] += note
    return y[: round(seconds * SR_HZ)]


def test_music_of_the_same_samples_is_another(small, tmp_path):
    add_track(tmp_path / "music", 2, sampled(1))
    list(ingest.update(small, Deaf(), executor="inline"))
    small.reload()
    film = tmp_path / "film.wav"
    assert [uses(small, sampled(seed), film) for seed in (2, 3)] == [(), ()]
    (use,) = uses(small, sampled(1)[5 * SR_HZ : 15 * SR_HZ], film)
    assert abs(offset(use) - 5.0) < NEAR_S


def test_several_tracks_a_recut_and_a_crossfade(heard, tmp_path):
    film = place(song(0), 50.0, [(1.0, 15.0, 8.0), (9.0, 2.0, 8.0)])
    film += place(song(1), 50.0, [(20.0, 3.0, 12.0)]) + place(song(2), 50.0, [(30.0, 0.0, 12.0)])
    film += place(song(88), 50.0, [(43.0, 0.0, 7.0)])
    found = uses(heard, film, tmp_path / "film.wav")
    assert [Path(use.path).name for use in found] == ["0.wav", "0.wav", "1.wav", "2.wav"]
    assert np.allclose([offset(use) for use in found], [14.0, -7.0, -17.0, -30.0], atol=NEAR_S)
    edges = [(use.film_in_s, use.film_out_s) for use in found]
    assert np.allclose(edges, [(1, 9), (9, 17), (20, 32), (30, 42)], atol=1.0)


def test_what_lies_behind_a_loop_decides_which_it_is(heard, tmp_path):
    looped = np.concatenate([song(50, 8.0)] * 3 + [song(51, 6.0)])
    (use,) = uses(heard, place(looped, 20.0, [(1.0, 12.0, 17.0)]), tmp_path / "film.wav")
    assert abs(offset(use) - 11.0) < NEAR_S


def test_where_a_loop_cannot_be_told_from_another_all_are_named(heard, tmp_path):
    looped = np.concatenate([song(50, 8.0)] * 3)
    (use,) = uses(heard, place(looped, 10.0, [(1.0, 9.0, 6.0)]), tmp_path / "film.wav")
    ways = sorted([use.track_in_s, *use.loops])
    true = 1.0 + np.array([0.0, 8.0, 16.0]) + use.film_in_s - 1.0
    assert np.allclose(ways, true, atol=NEAR_S)


def test_a_versions_copy_is_no_second_use(heard, tmp_path):
    y = song(0)
    (use,) = uses(heard, y[: 10 * SR_HZ] + 0.02 * song(91)[: 10 * SR_HZ], tmp_path / "film.wav")
    assert Path(use.path).name == "0.wav"


def test_blocks_change_no_landmark():
    rng = np.random.default_rng(1)
    y = song(5, 14.0)[::2]
    whole, frames = landmarks.find_peaks([y], FILM)
    cut = np.split(y, np.sort(rng.integers(0, len(y), 20)))
    parts, count = landmarks.find_peaks(cut, FILM)
    assert (frames, count) == (1 + len(y) // landmarks.HOP,) * 2
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))
    assert landmarks.find_peaks([], FILM)[1] == 1


def test_a_library_keeps_few_and_a_film_has_most_of_them():
    y = song(5, 20.0)[::2]
    few, _ = landmarks.track_landmarks([y])
    many = landmarks.pair(landmarks.find_peaks([y], FILM)[0], FILM)
    assert len(few.keys) / 20 < TRACK.peaks * TRACK.pairs
    assert 8 * len(few.keys) / 20 * 3600 < 2.1e6
    both = set(zip(many.keys.tolist(), many.frames.tolist(), strict=True))
    shared = sum(one in both for one in zip(few.keys.tolist(), few.frames.tolist(), strict=True))
    assert shared > 0.9 * len(few.keys)
    assert (landmarks.apart(few.keys) >= landmarks.LEAST_APART).all()


def test_pairs_of_a_part_are_those_of_the_whole():
    peaks, _ = landmarks.find_peaks([song(6, 12.0)[::2]], FILM)
    whole = landmarks.pair(peaks, FILM)
    begun = landmarks.pair(peaks, FILM, 200)
    assert np.array_equal(begun.keys, whole.keys[whole.frames < 200])


def test_common_keys_have_no_vote_where_there_are_too_many(monkeypatch):
    held = np.repeat(np.arange(4, dtype=np.uint32), [1, 100, 2, 1])
    which, at = _matches(np.arange(4, dtype=np.uint32), held)
    assert np.array_equal(which, held)
    assert np.array_equal(at, np.arange(len(held)))
    monkeypatch.setattr("indexing.edits.voting.MOST_MATCHES", 10)
    assert sorted(_matches(np.arange(4, dtype=np.uint32), held)[0].tolist()) == [0, 2, 2, 3]


def test_chance_grows_with_the_library_and_the_film():
    one = set_bar(60, 3600)
    assert set_bar(60, 36000).entry > one.entry
    assert set_bar(600, 36000).look > set_bar(60, 36000).look
    assert set_bar(0, 0).entry > one.entry / 2


def test_a_second_look_counts_peaks_of_the_track_alone():
    peaks, _ = landmarks.find_peaks([song(5, 12.0)[::2]], FILM)
    kept, frames = landmarks.track_landmarks([song(5, 12.0)[::2]])
    other, count = landmarks.track_landmarks([song(6, 12.0)[::2]])
    pieces = [landmark_files.build([(b"x" * 16, count, other)]), landmark_files.build([(b"y" * 16, frames, kept)])]
    track = agreement.track_peaks(pieces, 1)
    assert len(track.frames) < TRACK.peaks * 13
    assert agreement.agreeing(peaks, track, 0.0).sum() > 0.8 * len(track.frames)
    steps = frames // agreement.STEP + 1
    here, away = agreement.count_agreeing(peaks, track, np.array([0, 90]), steps=steps).sum(axis=1)
    assert here == agreement.agreeing(peaks, track, 0.0).sum()
    assert away < 0.2 * here
    assert agreement.stand_out(peaks, track, 0) > 20
    assert agreement.stand_out(peaks, track, 90) < 4


@pytest.fixture
def small(tmp_path):
    """A library of two short songs."""
    for seed in range(2):
        add_track(tmp_path / "music", seed, song(seed, 5.0))
    with Library.create(tmp_path / "small", Deaf().space) as library:
        list(ingest.add(library, [tmp_path / "music"], Deaf(), executor="inline"))
        library.reload()
        yield library


def test_only_new_tracks_are_read_and_what_was_read_is_kept(small, tmp_path, monkeypatch):
    asked, read_track = [], reading.read_track
    monkeypatch.setattr(
        reading, "read_track", lambda _, item: (asked.append(Path(item[1]).name), read_track(_, item))[1]
    )
    monkeypatch.setattr(reading, "SAVE_EVERY_S", 0.0)

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reading.read_tracks(small, workers=1, tick=stop, tell=print)
    assert len(read(small).paths) == 2
    assert sorted(asked) in (["0.wav", "1.wav", "1.wav"], ["0.wav", "0.wav", "1.wav"])
    add_track(tmp_path / "music", 2, song(2, 5.0))
    list(ingest.update(small, Deaf(), executor="inline"))
    small.reload()
    assert len(read(small).paths) == 3
    assert asked[3:] == ["2.wav"]


def test_many_pieces_become_one(small, monkeypatch):
    before = read(small)
    monkeypatch.setattr(landmark_files, "MOST_PIECES", 1)
    extra = landmarks.track_landmarks([song(9, 5.0)[::2]])
    (joined,) = landmark_files.add(small.folder, before.pieces, [(b"x" * 16, extra[1], extra[0])])
    assert len(joined.hashes) == 3
    assert len(list((small.folder / "landmarks/pieces").iterdir())) == 1
    (again,), told = landmark_files.load(small.folder)
    assert told is None
    rows = {tuple(row) for row in zip(joined.keys.tolist(), joined.places.tolist(), strict=True)}
    start = int(again.starts[-2])
    assert {(k, f + start) for k, f in zip(extra[0].keys.tolist(), extra[0].frames.tolist(), strict=True)} <= rows


@pytest.mark.parametrize(
    ("name", "harm"),
    [("keys.npy", "turned"), ("places.npy", "cut"), ("starts.npy", "gone"), ("hashes.npy", "another")],
)
def test_a_damaged_file_is_told_and_made_again(small, name, harm):
    read(small)
    path = next(small.folder.rglob(name))
    data = bytearray(path.read_bytes())
    match harm:
        case "cut":
            path.write_bytes(data[:-3])
        case "turned":
            data[-1] ^= 1
            path.write_bytes(data)
        case "gone":
            path.unlink()
        case "another":
            path.write_bytes(b"\x93NUMPY but no array")
    pieces, told = landmark_files.load(small.folder)
    assert pieces == []
    assert "1 of 1 pieces" in told
    lines: list[str] = []
    assert len(reading.read_tracks(small, workers=1, tick=lambda *_: None, tell=lines.append)) == 1
    assert lines == [told]
    assert landmark_files.load(small.folder)[1] is None


def test_a_damaged_list_is_told_and_an_older_revision_is_made_again(small, monkeypatch):
    read(small)
    path = small.folder / "landmarks/landmarks.json"
    whole = path.read_text()
    path.write_text(whole.replace("pieces", "pieses"))
    assert "list of landmarks" in landmark_files.load(small.folder)[1]
    path.write_text(whole)
    monkeypatch.setattr(landmark_files, "REVISION", "landmarks-0")
    assert landmark_files.load(small.folder) == ([], None)
    assert len(read(small).paths) == 2


def test_a_track_that_left_the_library_is_not_found(small, tmp_path):
    film = tmp_path / "film.wav"
    assert len(uses(small, song(1, 5.0), film)) == 1
    list(ingest.remove(small, [tmp_path / "music/1.wav"]))
    small.reload()
    assert uses(small, song(1, 5.0), film) == ()


def test_one_process_at_a_time_reads_tracks(small):
    with landmark_files.hold(small.folder), pytest.raises(LibraryLocked, match="wait"):
        read(small)


EDIT = Edit("/films/a.mp4", "ab", 60.0, (Use("cd", "/music/1.wav", 1.0, 9.0, 4.0, 100, (12.0,)),), "2026-11-30")


def test_films_are_kept_replaced_and_removed(tmp_path):
    kept.keep(tmp_path, EDIT)
    assert kept.edits_of(tmp_path) == [EDIT]
    moved = Edit("/films/b.mp4", "ab", 60.0, ())
    kept.keep(tmp_path, moved)
    assert kept.edits_of(tmp_path) == [moved]
    assert kept.remove(tmp_path, "/films/b.mp4") == moved
    with pytest.raises(InputError, match="no film"):
        kept.remove(tmp_path, "/films/b.mp4")


@pytest.mark.parametrize("harm", [{"hash": "xyz"}, {"path": 3}, {"film_in_s": "soon"}, {"votes": None}, {"more": 1}])
def test_damaged_films_are_one_line_and_kept_aside(tmp_path, harm):
    kept.keep(tmp_path, EDIT)
    path = tmp_path / "edits.json"
    value = json.loads(path.read_text())
    value["edits"][0]["uses"][0] |= harm
    path.write_text(json.dumps(value))
    with pytest.raises(LibraryError, match=r"the edits in .* are damaged"):
        kept.edits_of(tmp_path)
    assert kept.edits_of(tmp_path) == []


def test_a_lock_on_films_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "WAIT_S", 0.0)
    with kept._KEPT.lock(tmp_path), pytest.raises(LibraryLocked, match="the edits of the library"):
        kept.keep(tmp_path, EDIT)


def test_the_command_adds_lists_and_removes(run, small, tmp_path):
    film, silent = tmp_path / "film.wav", tmp_path / "silent.mp4"
    write_audio(film, place(song(1, 5.0), 12.0, [(6.0, 0.0, 5.0)]), SR_HZ)
    silent.write_bytes(b"no film")
    ran = run("edits", "add", film, silent, "--library", small.folder, "--format", "json")
    assert ran.code == 0
    (edit,) = json.loads(ran.out)
    assert (edit["film"], Path(edit["uses"][0]["path"]).name) == (str(film), "1.wav")
    assert abs(edit["uses"][0]["film_in_s"] - edit["uses"][0]["track_in_s"] - 6.0) < NEAR_S
    assert "1 use of 1 track" in ran.err
    assert "cannot read" in ran.err
    again = run("edits", "add", film, "--library", small.folder)
    assert "known already" in again.err
    assert "1.wav" in again.out
    listed = run("edits", "list", "--library", small.folder, "--format", "csv")
    assert listed.out.splitlines()[0] == "film,film_in,film_out,track,track_in,votes,loops"
    assert run("edits", "add", silent, "--library", small.folder).code == 1
    assert run("edits", "remove", film, "--library", small.folder).code == 0
    assert run("edits", "remove", film, "--library", small.folder).code == 2
    assert "nothing to list" in run("edits", "list", "--library", small.folder).out
    assert "landmarks of 2 tracks" in run("edits", "index", "--library", small.folder).err
