"""The rendered sample: moods as named, the same every time, whole or not there."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from recommender import media, sample
from recommender.errors import InputError
from recommender.sample import scenes
from recommender.sample.pieces import BELL, CHROMATIC, HAT, MAJOR, PAD, PIECES, SAW
from recommender.sample.score import Layer, Piece, waveform
from recommender.sample.synth import SR_HZ, Drum, Pluck, Tone, distort, level, midi_hz, reverb
from recommender.types import Array

LOUD = {"Driving Fury", "Night Pulse", "Sunny Dance", "Proud March", "Playful Pixels"}
QUIET = {"Calm Morning", "Slow Sorrow", "Sleepy Lullaby", "Drifting Space", "Mourning Strings"}


@pytest.fixture(scope="module")
def waves() -> dict[str, Array]:
    return {piece.title: waveform(piece) for piece in PIECES}


def rms_db(y: Array) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(y.astype(np.float64) ** 2))))


def spectra(y: Array, size: int = 2048) -> Array:
    """Magnitudes [frames, bins] without overlap."""
    frames = y[: len(y) // size * size].reshape(-1, size) * np.hanning(size)
    return np.abs(np.fft.rfft(frames))


def centroid_hz(y: Array) -> float:
    """The centre of gravity of the magnitudes, averaged over frames."""
    s = spectra(y)
    return float((s @ np.fft.rfftfreq(2048, 1 / SR_HZ) / (s.sum(axis=1) + 1e-9)).mean())


def rise(y: Array) -> float:
    """Spectral flux relative to what sounds: how much of the spectrum is new per frame of 23 ms."""
    s = spectra(y, 512)
    return float(np.maximum(np.diff(s, axis=0), 0).sum() / s.sum())


def pitch_classes(y: Array) -> Array:
    """Share of the power between 60 Hz and 1 kHz in each pitch class, C first."""
    power = np.abs(np.fft.rfft(y.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(y), 1 / SR_HZ)
    inside = (hz > 60) & (hz < 1000)
    notes = np.round(69 + 12 * np.log2(hz[inside] / 440)).astype(int) % 12
    shares = np.bincount(notes, power[inside], minlength=12)
    return shares / shares.sum()


def test_twelve_tracks_of_forty_seconds(waves: dict[str, Array]) -> None:
    assert len(waves) == 12
    for y in waves.values():
        assert y.dtype == np.float32
        assert y.shape == (40 * SR_HZ,)
        assert np.abs(y).max() < 1
        assert np.isfinite(y).all()


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: piece.title)
def test_loudness_is_as_written(piece: Piece, waves: dict[str, Array]) -> None:
    assert rms_db(waves[piece.title]) == pytest.approx(piece.rms_db, abs=0.6)  # the soft peaks cost a little


def test_excited_titles_sound_louder_brighter_and_busier_than_quiet_ones(waves: dict[str, Array]) -> None:
    for measure in (rms_db, centroid_hz, rise):
        loudest_quiet = max(measure(waves[title]) for title in QUIET)
        quietest_loud = min(measure(waves[title]) for title in LOUD)
        assert quietest_loud > loudest_quiet, measure.__name__


@pytest.mark.parametrize(
    ("title", "tonic", "third"),
    [
        ("Calm Morning", 0, 4),
        ("Sunny Dance", 7, 4),
        ("Proud March", 10, 4),
        ("Gentle Waltz", 2, 4),
        ("Sleepy Lullaby", 5, 4),
        ("Slow Sorrow", 9, 3),
        ("Mourning Strings", 2, 3),
        ("Night Pulse", 9, 3),
    ],
)
def test_mode_is_as_named(title: str, tonic: int, third: int, waves: dict[str, Array]) -> None:
    shares = np.roll(pitch_classes(waves[title]), -tonic)
    other = 7 - third  # the minor third where the major one is meant, and the reverse
    assert shares[third] > 1.5 * shares[other]


def test_the_tense_piece_sounds_neighbouring_semitones(waves: dict[str, Array]) -> None:
    def clash(y: Array) -> float:
        shares = pitch_classes(y)
        return float((shares * np.roll(shares, 1)).sum())

    calm = max(clash(y) for title, y in waves.items() if title in ("Calm Morning", "Sleepy Lullaby"))
    assert clash(waves["Tense Darkness"]) > 4 * calm


def test_the_same_samples_every_time() -> None:
    for piece in (PIECES[2], PIECES[3]):
        first, again = waveform(piece, 3.0), waveform(piece, 3.0)
        assert np.array_equal(first, again)


def test_a_scale_note_lies_where_equal_temperament_puts_it() -> None:
    assert midi_hz(69) == 440
    assert midi_hz(57) == 220
    assert midi_hz(60) == pytest.approx(261.6256, abs=1e-4)


@pytest.mark.parametrize("voice", [PAD, BELL, SAW, HAT, Pluck(), Tone(odd=True), Tone(tremolo=0.5), Drum()])
def test_every_voice_sounds_and_ends_in_silence(voice: Tone | Pluck | Drum) -> None:
    y = voice(220.0, 0.5, np.random.default_rng(0))
    assert y.dtype == np.float32
    assert np.isfinite(y).all()
    assert np.abs(y).max() > 0.1
    assert np.abs(y[-20:]).max() < 0.02 * np.abs(y).max()


@pytest.mark.parametrize("voice", [Tone(), Tone(odd=True), Tone(damp_hz=1.0), Pluck()])
def test_a_voice_sounds_the_pitch_asked_for(voice: Tone | Pluck) -> None:
    y = voice(441.0, 1.0, np.random.default_rng(0))[:SR_HZ]
    spectrum = np.abs(np.fft.rfft(y * np.hanning(SR_HZ)))  # one bin is 1 Hz
    assert np.argmax(spectrum[:600]) == pytest.approx(441, abs=2)
    assert np.argmax(spectrum[1100:1500]) + 1100 == pytest.approx(1323, abs=6)


def test_odd_tones_have_no_even_harmonics() -> None:
    y = Tone(odd=True, harmonics=5)(200.0, 1.0, np.random.default_rng(0))[:SR_HZ]
    spectrum = np.abs(np.fft.rfft(y * np.hanning(SR_HZ)))
    assert spectrum[400] < 1e-3 * spectrum[600]


def test_chord_tones_and_clusters_fall_on_the_right_notes() -> None:
    """In C: the triad is C E G and tone 4 the octave; in the chromatic scale neighbours are semitones."""
    layer = Layer(Tone(harmonics=1), ((0, 4, (0, 1, 2, 4)),))
    major = waveform(Piece("t", 60, 60, MAJOR, (0,), (layer,), rms_db=-20, wet=0), 4)
    assert set(np.flatnonzero(pitch_classes(major) > 0.05)) == {0, 4, 7}
    cluster = waveform(Piece("t", 60, 60, CHROMATIC, (0,), (layer,), rms_db=-20, wet=0), 4)
    assert set(np.flatnonzero(pitch_classes(cluster) > 0.05)) == {0, 1, 2, 4}


def test_a_layer_waits_for_its_bar() -> None:
    layer = Layer(Tone(), ((0, 1, (0,)),), enters=1)
    y = waveform(Piece("t", 60, 60, MAJOR, (0,), (layer,), rms_db=-20, wet=0), 6)
    assert not y[: 4 * SR_HZ].any()
    assert y[4 * SR_HZ :].any()


def test_effects_keep_their_promises() -> None:
    y = np.sin(np.arange(SR_HZ) / 9).astype(np.float32)
    assert np.abs(distort(y, 10)).max() == pytest.approx(np.tanh(10), abs=1e-4)
    assert rms_db(level(y, -20)) == pytest.approx(-20, abs=0.01)
    assert reverb(y, 1.0, 0.0, rng=np.random.default_rng(0)) is y
    click = np.zeros(2 * SR_HZ, np.float32)
    click[0] = 1
    tail = reverb(click, 1.0, 0.5, rng=np.random.default_rng(0))
    assert tail[0] > 0.5
    assert np.sum(tail[1000 : SR_HZ // 2] ** 2) > 100 * np.sum(tail[SR_HZ // 2 : SR_HZ] ** 2)
    assert np.abs(tail[SR_HZ + 1 :]).max() < 1e-6
    assert not level(np.zeros(10, np.float32), -20).any()


def test_the_lake_hardly_moves_and_the_chase_never_rests() -> None:
    lake, chase = (list(draw()) for draw in (scenes.calm_lake, scenes.city_chase))
    for frames in (lake, chase):
        assert len(frames) == 300
        assert {frame.shape for frame in frames} == {(180, 320, 3)}
        assert {frame.dtype for frame in frames} == {np.dtype(np.uint8)}
    still, fast = (np.array([np.abs(a.astype(np.int16) - b).mean() for a, b in pairwise(f)]) for f in (lake, chase))
    assert 0 < still.mean() < 1
    assert still.max() < 2
    assert fast.mean() > 20
    assert (fast > 40).sum() >= 20
    assert np.mean([f.std() for f in chase]) > 2 * np.mean([f.std() for f in lake])


def test_a_rendered_sample_is_whole_and_decodes(tmp_path: Path) -> None:
    done = sample.render(tmp_path / "a sample")
    tracks, clips = sorted(done.music.iterdir()), sorted(done.clips.iterdir())
    assert [path.stem for path in tracks] == sorted(piece.title for piece in PIECES)
    assert {path.suffix for path in tracks} == {".flac"}
    assert [path.name for path in clips] == ["calm lake.mp4", "city chase.mp4"]
    info = media.probe(tracks[0])
    assert info.duration_s == pytest.approx(40, abs=0.1)
    assert (info.has_audio, info.has_video) == (True, False)
    for clip in clips:
        info = media.probe(clip)
        assert info.duration_s == pytest.approx(12, abs=0.1)
        assert (info.width, info.height, info.fps, info.video_codec) == (320, 180, 25, "h264")
    assert sorted(path.name for path in (tmp_path / "a sample").iterdir()) == ["clips", "music"]

    before = {path: path.stat().st_mtime_ns for path in tracks + clips}
    tracks[3].unlink()
    sample.render(tmp_path / "a sample")
    after = {path: path.stat().st_mtime_ns for path in tracks + clips}
    assert [path for path in before if before[path] != after[path]] == [tracks[3]]


def test_an_interrupted_rendering_leaves_only_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path, y: Array, sr_hz: int) -> None:
        path.write_bytes(b"half")
        if path.stem.endswith("Slow Sorrow"):
            raise KeyboardInterrupt

    monkeypatch.setattr(media, "write_audio", write)
    monkeypatch.setattr(sample, "waveform", lambda piece: np.zeros(1, np.float32))
    with pytest.raises(KeyboardInterrupt):
        sample.render(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["Calm Morning.flac"]
    assert not list(tmp_path.rglob(".partial-*"))


def test_a_place_that_cannot_hold_the_sample_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"cannot write the sample to '.*file': .*; give another folder"):
        sample.render(tmp_path / "file")
