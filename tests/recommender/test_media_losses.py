"""What is lost of a file is told, and of whole files nothing is."""

import contextlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from test_media_structure import SR_HZ, S, encode, mux, one, read

import media_samples as ms
from recommender.errors import MediaError
from recommender.extractors.audio import music
from recommender.extractors.video import video
from recommender.types import Loss, loss_of


def faststart(path: Path) -> Path:
    """An mp4 whose index stands in front, so that what is cut off does not cost all."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as out:
        mux(out, [encode(out, "aac", 400, 44100, seconds=S)])
    return path


def sample(path: Path) -> Path:
    """Some noise with a tone, so that every second takes as many bytes."""
    if path.suffix == ".mka":
        with av.open(str(path), "w", format="matroska", options={"cluster_time_limit": "1000"}) as out:
            mux(out, [encode(out, "flac", 400, 44100, seconds=S)])
        return path
    return faststart(path) if path.suffix == ".m4a" else ms.sound(path, ms.tone(S, 400))


@pytest.mark.parametrize("suffix", [".m4a", ".mp3", ".flac", ".wav", ".mka"])
def test_a_file_that_ends_early_says_how_much_could_be_read(tmp_path, suffix):
    path = ms.truncated(sample(tmp_path / f"cut{suffix}"), 0.5)
    y, damage = read(path)
    assert damage.declared_s == pytest.approx(S, abs=0.1)
    assert damage.read_s == pytest.approx(len(y) / SR_HZ, abs=0.1)
    assert 0.3 * S < damage.read_s < 0.65 * S
    told = music.extract(path).facts
    assert told["declared_s"] == round(damage.declared_s, 3)
    assert str(loss_of(told)) == f"{damage.read_s:.0f} of 12 s could be read"


@pytest.mark.parametrize("suffix", [".m4a", ".mp3", ".flac", ".mka", ".ogg"])
@pytest.mark.parametrize("with_zeros", [False, True])
def test_a_hole_in_the_middle_is_told(tmp_path, suffix, with_zeros):
    path = sample(tmp_path / f"hole{suffix}")
    data = bytearray(path.read_bytes())
    first, last = int(0.4 * len(data)), int(0.7 * len(data))
    data[first:last] = bytes(last - first) if with_zeros else np.random.default_rng(0).bytes(last - first)
    path.write_bytes(data)
    _, damage = read(path)
    assert damage.declared_s == pytest.approx(S, abs=0.1)
    assert 0.4 * S < damage.read_s < 0.8 * S


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_clip_that_ends_early_says_so(tmp_path, suffix):
    pictures = [np.random.default_rng(i).integers(0, 255, (48, 64, 3), np.uint8) for i in range(100)]
    path = tmp_path / f"clip{suffix}"
    kind = {".mp4": ("mp4", "libx264"), ".mkv": ("matroska", "libx264"), ".avi": ("avi", "mpeg4")}[suffix]
    options = {"movflags": "faststart"} if suffix == ".mp4" else {}
    with av.open(str(path), "w", format=kind[0], options=options) as out:
        stream = out.add_stream(kind[1], rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for rgb in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode(None))
    assert loss_of(video.extract(path).facts) is None
    loss = loss_of(video.extract(ms.truncated(path, 0.5)).facts)
    assert loss is not None
    assert loss.declared_s == pytest.approx(10, abs=0.2)
    assert 3 < loss.read_s < 6.5


def test_a_clip_seen_through_key_frames_says_so_too(tmp_path, monkeypatch):
    monkeypatch.setattr(video, "plan", lambda seen: None if seen is None else np.full(len(seen.starts), 0.3))
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w", format="matroska", options={"cluster_time_limit": "500"}) as out:
        stream = out.add_stream("libx264", rate=10, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for rgb in ms.ramp(100):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        out.mux(stream.encode(None))
    assert loss_of(video.extract(path).facts) is None
    facts = video.extract(ms.truncated(path, 0.5)).facts
    assert facts["sampling"].startswith("key frames")
    assert loss_of(facts).declared_s == pytest.approx(10, abs=0.2)


def vbr_without_count(path: Path) -> Path:
    """An mp3 of quiet, then noise: its length is guessed from the first frames, wrongly."""
    y = np.concatenate([1e-4 * ms.tone(6.0), np.random.default_rng(0).uniform(-0.5, 0.5, 6 * 44100).astype(np.float32)])
    with av.open(str(path), "w", format="mp3", options={"write_xing": "0"}) as out:
        stream = out.add_stream("libmp3lame", rate=44100, layout="mono", options={"q": "4"})
        frame = av.AudioFrame.from_ndarray(y[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 44100, 0, Fraction(1, 44100)
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=44100, frame_size=1152)
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            out.mux(stream.encode(piece))
    return path


def wrong_duration(path: Path) -> Path:
    """A Matroska file whose header says to be three times as long."""
    data = sample(path).read_bytes()
    at = data.index(b"\x44\x89\x88") + 3
    longer = 3 * np.frombuffer(data[at : at + 8], ">f8")[0]
    path.write_bytes(
        (data[:at] + np.array([longer], ">f8").tobytes() + data[at + 8 :]).replace(b"DURATION", b"DURATIOM")
    )
    return path


WHOLE: dict[str, Callable[[Path], Path]] = {
    "a.mp3": sample,
    "a.m4a": sample,
    "a.flac": sample,
    "a.ogg": sample,
    "a.wav": sample,
    "a.mka": sample,
    "vbr.mp3": vbr_without_count,
    "wrong.mka": wrong_duration,
    "joined.mp3": lambda path: (path.write_bytes(2 * ms.sound(path, ms.tone(S)).read_bytes()), path)[1],
    "raw.aac": lambda path: (one(path, "adts", "aac", 400, rate=44100), path)[1],
    "padded.mp3": lambda path: (path.write_bytes(ms.sound(path).read_bytes() + bytes(128)), path)[1],
    "short.m4a": lambda path: ms.sound(path, ms.tone(0.3)),
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_files_are_never_told_of(tmp_path, name):
    assert loss_of(music.extract(WHOLE[name](tmp_path / name)).facts) is None


def test_whole_clips_are_never_told_of(tmp_path):
    made = [
        ms.clip_without_duration(tmp_path / "live.webm"),
        ms.clip(tmp_path / "slow.mkv", ms.ramp(5), stamps_s=[0, 1, 1.1, 4, 9]),
        ms.clip(tmp_path / "slow.mp4", ms.ramp(5), stamps_s=[0, 1, 1.1, 4, 9]),
        ms.clip(tmp_path / "long sound.mp4", y=ms.tone(9.0)),
        ms.clip(tmp_path / "a.gif"),
        ms.still(tmp_path / "a.png"),
    ]
    assert [loss_of(video.extract(path).facts) for path in made] == [None] * len(made)


def test_shared_sound_is_whole(shared_data):
    for path in [
        *sorted((shared_data / "music").glob("*.ogg"))[:4],
        *sorted((shared_data / "clips").glob("*.mp4"))[:3],
    ]:
        with contextlib.suppress(MediaError):
            assert read(path)[1].declared_s is None, path.name


def test_how_a_loss_is_worded():
    assert str(Loss(12.2, 24.02)) == "12 of 24 s could be read"
    assert str(Loss(0.25, 1.5)) == "0.2 of 1.5 s could be read"
    assert Loss(11.9, 24).is_most
    assert not Loss(12.1, 24).is_most
    assert loss_of({"damaged_packets": 3}) is None
