"""Sound in, sound and video out: what the decoder gives for files of known content."""

import tracemalloc
import wave

import av
import numpy as np
import pytest

import media_samples as ms
from recommender import media
from recommender.errors import InputError, MediaError


def samples(path, sr_hz=22050, **options):
    return np.concatenate(list(media.audio_blocks(path, sr_hz, **options)))


def pitch_hz(y, sr_hz):
    return np.argmax(np.abs(np.fft.rfft(y * np.hanning(len(y))))) * sr_hz / len(y)


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".flac", ".ogg", ".m4a", ".mp4"])
def test_usual_sound_formats_give_the_tone_back(tmp_path, suffix):
    path = ms.sound(tmp_path / f"tone{suffix}", ms.tone(2.0, hz=1000))
    y = samples(path, 16000)
    assert y.dtype == np.float32
    assert len(y) == pytest.approx(32000, abs=1600)  # codecs pad up to a frame or two
    middle = y[8000:24000]
    assert pitch_hz(middle, 16000) == pytest.approx(1000, abs=2)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.06)  # mp3 gives 5 % less


def test_blocks_are_consecutive_and_exact(tmp_path):
    y = (0.9 * np.sin(np.linspace(1, 200, 25_000) ** 2)).astype(np.float32)  # no two places are alike
    media.write_audio(tmp_path / "sweep.wav", y, 10_000)
    blocks = list(media.audio_blocks(tmp_path / "sweep.wav", 10_000, block_s=1.0))
    assert [len(block) for block in blocks] == [10_000, 10_000, 5_000]
    assert np.abs(np.concatenate(blocks) - y).max() <= 1 / 32767  # 16 bits


def test_equal_channels_keep_the_level_of_one(tmp_path):
    mono = samples(ms.sound(tmp_path / "mono.wav", ms.tone()))
    stereo = samples(ms.sound(tmp_path / "stereo.wav", np.stack([ms.tone()] * 2)))
    assert np.abs(mono - stereo).max() < 1e-4


def test_opposite_channels_are_kept_and_the_lfe_channel_is_left_out(tmp_path):
    y = ms.tone()
    kept = samples(ms.sound(tmp_path / "out.wav", np.stack([y, -y])))
    assert np.abs(kept - samples(ms.sound(tmp_path / "mono.wav", y))).max() < 1e-4
    surround = np.zeros((6, len(y)), np.float32)
    surround[3] = y  # fourth in 5.1: LFE
    assert np.abs(samples(ms.sound(tmp_path / "lfe.wav", surround))).max() == 0


@pytest.mark.parametrize("suffix", [".m4a", ".flac", ".ogg", ".wav"])
def test_eight_channels(tmp_path, suffix):
    surround = np.stack([ms.tone(hz=1000)] * 8)
    y = samples(ms.sound(tmp_path / f"cinema{suffix}", surround), 16000)
    assert np.sqrt(np.mean(y[2000:14000] ** 2)) == pytest.approx(0.3535, rel=0.1)
    assert pitch_hz(y, 16000) == pytest.approx(1000, abs=3)


@pytest.mark.parametrize("channels", [3, 7, 24])
def test_odd_numbers_of_channels_are_averaged(tmp_path, channels):
    data = np.repeat((ms.tone() * 32767).astype("<i2"), channels).tobytes()
    y = samples(ms.raw_wav(tmp_path / "many.wav", data, 1, 16, channels))
    assert np.sqrt(np.mean(y**2)) == pytest.approx(0.3535, abs=2e-3)


@pytest.mark.parametrize(
    ("dtype", "scale", "offset", "kind", "bits"),
    [
        ("u1", 127, 128, 1, 8),
        ("<i2", 2**15 - 1, 0, 1, 16),
        ("<i4", 2**31 - 1, 0, 1, 32),
        ("<f4", 1, 0, 3, 32),
        ("<f8", 1, 0, 3, 64),
    ],
)
def test_every_sample_type_has_full_scale_one(tmp_path, dtype, scale, offset, kind, bits):
    data = (ms.tone().astype(np.float64) * scale + offset).astype(dtype).tobytes()
    y = samples(ms.raw_wav(tmp_path / "type.wav", data, kind, bits), 44100)
    assert np.abs(y - ms.tone()).max() < 1.5 / 127 if bits == 8 else np.abs(y - ms.tone()).max() < 1e-4


def test_samples_that_are_no_numbers_become_silence_and_loud_ones_are_clipped(tmp_path):
    y = ms.tone()
    y[[1000, 2000, 3000, 4000]] = [np.nan, np.inf, -np.inf, 1e30]
    path = ms.raw_wav(tmp_path / "broken.wav", y.astype("<f4").tobytes(), 3, 32)
    same = samples(path, 44100)
    assert same[[1000, 2000, 3000, 4000]].tolist() == [0, 0, 0, 4]
    resampled = samples(path, 22050)
    assert np.isfinite(resampled).all()
    assert np.abs(resampled).max() <= 4


def test_a_change_of_rate_and_channels_on_the_way_is_followed(tmp_path):
    first = ms.sound(tmp_path / "1.mp3", ms.tone(2.0, hz=500, sr_hz=44100)).read_bytes()
    stereo = np.stack([ms.tone(2.0, hz=2000, sr_hz=22050)] * 2)
    second = ms.sound(tmp_path / "2.mp3", stereo, 22050).read_bytes()
    (tmp_path / "both.mp3").write_bytes(first + second)
    y = samples(tmp_path / "both.mp3", 16000)
    assert len(y) == pytest.approx(64000, abs=3000)
    assert pitch_hz(y[8000:24000], 16000) == pytest.approx(500, abs=2)
    assert pitch_hz(y[40000:56000], 16000) == pytest.approx(2000, abs=2)


def test_memory_does_not_grow_with_length(tmp_path):
    path = tmp_path / "long.flac"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("flac", rate=8000, layout="mono")
        minute = av.AudioFrame.from_ndarray(np.zeros((1, 8000 * 60), np.int16), format="s16", layout="mono")
        minute.sample_rate = 8000
        for _ in range(60):
            target.mux(stream.encode(minute))
        target.mux(stream.encode(None))
    tracemalloc.start()
    count = sum(len(block) for block in media.audio_blocks(path, 8000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 8000 * 3600
    assert peak < 6e6  # the hour is 115 MB; a block of 20 s 0.6 MB


def test_a_rate_that_makes_no_sense_is_refused(tmp_path):
    path = ms.raw_wav(tmp_path / "slow.wav", bytes(8000), 1, 16, sr_hz=1)
    with pytest.raises(MediaError, match=r"sample rate of 1 Hz makes no sense"):
        next(media.audio_blocks(path))


def test_probe_of_sound_and_picture(tmp_path):
    info = media.probe(ms.clip(tmp_path / "both.mp4", y=ms.tone()))
    assert (info.has_audio, info.has_video, info.still) == (True, True, False)
    assert (info.width, info.height, info.rotation, info.fps) == (64, 48, 0, 25)
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")
    assert info.duration_s == pytest.approx(1, abs=0.05)


def test_a_webm_without_duration(tmp_path):
    path = ms.clip_without_duration(tmp_path / "browser.webm")
    assert media.probe(path).duration_s is None
    assert len(list(media.frames(path, fps=8))) == 8


def test_a_cover_picture_is_no_video(tmp_path):
    path = ms.with_cover(tmp_path / "album.mp3")
    info = media.probe(path)
    assert (info.has_audio, info.has_video) == (True, False)
    assert len(samples(path)) == pytest.approx(22050, abs=1200)
    with pytest.raises(MediaError, match=r"album\.mp3': no video stream, only a cover picture; give a video"):
        next(media.frames(path))


def test_streams_that_are_not_there(tmp_path):
    silent = ms.clip(tmp_path / "silent.mp4")
    with pytest.raises(MediaError, match=r"cannot read '.*silent\.mp4': no audio stream; give a file with sound"):
        next(media.audio_blocks(silent))
    blind = ms.sound(tmp_path / "blind.mp4")
    with pytest.raises(MediaError, match=r"cannot read '.*blind\.mp4': no video stream; give a video or a picture"):
        next(media.frames(blind))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_written_sound_reads_back(tmp_path, suffix):
    y = np.stack([ms.tone(3.0), ms.tone(3.0, hz=880)])
    media.write_audio(tmp_path / f"y{suffix}", y, 44100)
    assert np.abs(samples(tmp_path / f"y{suffix}", 44100) - y.mean(axis=0)).max() < 1e-4
    if suffix == ".wav":
        with wave.open(str(tmp_path / "y.wav")) as file:
            assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 44100, 132300)


def test_written_video_reads_back(tmp_path):
    media.write_video(tmp_path / "v.mp4", iter(ms.ramp(30, 65, 49)), 30)
    got = list(media.frames(tmp_path / "v.mp4", fps=None))
    assert [f.t_s for f in got] == pytest.approx([i / 30 for i in range(30)], abs=1e-3)
    assert got[0].rgb.shape == (48, 64, 3)  # odd sides become even
    assert [f.rgb.mean() for f in got] == pytest.approx(np.linspace(30, 220, 30), abs=4)


def test_colours_survive_writing_and_reading(tmp_path):
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (230, 230, 40)]
    media.write_video(tmp_path / "c.mp4", [np.full((48, 64, 3), c, np.uint8) for c in colours], 8)
    got = [tuple(f.rgb.mean(axis=(0, 1))) for f in media.frames(tmp_path / "c.mp4")]
    assert np.abs(np.array(got) - colours).max() < 6


def test_what_cannot_be_written_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match=r"y\.mp3': the suffix must be one of \.wav, \.flac"):
        media.write_audio(tmp_path / "y.mp3", ms.tone(), 44100)
    with pytest.raises(InputError, match=r"samples must be \[n\] or \[2, n\], not \[3, 100\]"):
        media.write_audio(tmp_path / "y.wav", np.zeros((3, 100)), 44100)
    with pytest.raises(InputError, match="a video needs at least one frame"):
        media.write_video(tmp_path / "v.mp4", [], 8)
    with pytest.raises(MediaError, match=r"cannot write '.*none/y\.wav': no such file or directory; check the folder"):
        media.write_audio(tmp_path / "none" / "y.wav", ms.tone(), 44100)


def test_an_unfinished_file_is_removed(tmp_path):
    def pictures():
        yield from ms.ramp(3)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        media.write_video(tmp_path / "v.mp4", pictures(), 8)
    assert not (tmp_path / "v.mp4").exists()


def test_sound_of_a_clip_with_failing_audio(shared_data):
    damage = media.Damage()
    y = samples(shared_data / "clips" / "video_with_failing_audio.mp4", damage=damage)
    assert len(y) / 22050 == pytest.approx(11.23, abs=0.1)


def test_real_music_has_its_declared_length(shared_data):
    for path in sorted((shared_data / "music").glob("*.ogg"))[::8]:
        length_s = sum(len(block) for block in media.audio_blocks(path)) / 22050
        assert length_s == pytest.approx(media.probe(path).duration_s, abs=0.05)
