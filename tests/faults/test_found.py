"""What fuzzing found, each as the smallest file or call that shows it."""

import zlib
from importlib import import_module

import numpy as np
import pytest

import media_samples as ms
from recommender import media
from recommender.errors import MediaError
from recommender.extractors.video import colour, sparse, video
from recommender.media import audio, container
from tests.faults import crafted

BURSTS = import_module("recommender.media.bursts")  # the package shows the function of this name


def test_sound_of_64_bit_integers_is_read(tmp_path):
    """A wav of 64 bits raised a ValueError: PyAV gives no array of them."""
    data = (ms.tone().astype(np.float64) * 2**63).astype("<i8").tobytes()
    y = np.concatenate(list(media.audio_blocks(ms.raw_wav(tmp_path / "wide.wav", data, 1, 64), 44100)))
    assert np.abs(y - ms.tone()).max() < 1e-6


def test_sound_ends_at_the_limit_with_one_clear_line(tmp_path, monkeypatch):
    """A flac of 100 kB may hold a week of silence, of which the features would keep 20 GB."""
    monkeypatch.setattr(audio, "MAX_S", 3600.0 / 2000)
    path = ms.sound(tmp_path / "long.flac", ms.tone(2.0))
    blocks = media.audio_blocks(path, 8000, block_s=0.5)
    assert [len(next(blocks)) for _ in range(3)] == [4000] * 3
    with pytest.raises(MediaError, match=r"long.flac': it holds more than 0.0005 hours of sound; cut it into parts"):
        next(blocks)
    monkeypatch.setattr(audio, "MAX_S", 2.0)
    assert sum(map(len, media.audio_blocks(path, 8000))) == 16_000


@pytest.mark.parametrize("read", [media.probe, media.outline, lambda path: next(media.frames(path))])
def test_moving_pictures_may_be_less_large_than_stills(tmp_path, monkeypatch, read):
    """24 pictures of 8192 x 8192 in an mp4 of 200 kB took 3 GB: a decoder holds many at once."""
    monkeypatch.setattr(container, "MAX_MOVING_PIXELS", 64 * 48 - 1)
    with pytest.raises(MediaError, match=r"its picture of 64 x 48 pixels exceeds 0 megapixels; scale it down"):
        read(ms.clip(tmp_path / "a.mp4"))
    assert next(media.frames(ms.still(tmp_path / "a.png"))).rgb.shape == (48, 64, 3)
    monkeypatch.setattr(container, "MAX_MOVING_PIXELS", 64 * 48)
    read(ms.clip(tmp_path / "b.mp4"))


def test_a_picture_just_below_the_limit_is_decoded(tmp_path):
    """Decoders align pictures: 9990 columns count as 10,048 and were refused as damaged."""
    path = ms.blank_png(tmp_path / "large.png", 9_990, 10_000)
    assert next(media.frames(path)).rgb.shape == (160, 160, 3)


@pytest.mark.parametrize("tag", [b"zTXt", b"iCCP"])
def test_a_png_whose_text_is_a_bomb_is_refused(tmp_path, monkeypatch, tag):
    """1 MB of compressed zeros took 2 GB and seven seconds in a picture of 64 x 48."""
    path = ms.still(tmp_path / "a.png")
    start, data = path.read_bytes()[:33], path.read_bytes()[33:]  # signature and header, and the rest
    path.write_bytes(start + crafted.chunk(tag, b"Comment\0\0" + zlib.compress(bytes(1 << 16))) * 3 + data)
    assert media.probe(path).width == 64
    monkeypatch.setattr(container, "_MOST_INFLATED", 1 << 17)
    path = path.rename(tmp_path / "b.png")  # what was read of a file is kept while it stays as it is
    with pytest.raises(MediaError, match=r"its texts or colour profile are a decompression bomb; save the picture"):
        media.probe(path)
    path.write_bytes(start + crafted.chunk(tag, b"Comment\0\0no stream") + data)
    assert media.probe(path).width == 64


def test_a_burst_holds_one_decoded_picture_at_a_time(tmp_path, monkeypatch):
    """A group of 300 pictures in 4K took 4 GB: all were decoded before the first was scaled down."""
    events = []

    def decode(stream, packet, damage):
        events.append("decode")
        return container.decode(stream, packet, damage)

    class Painter(BURSTS.Painter):
        def rgb(self, frame):
            events.append("paint")
            return super().rgb(frame)

    monkeypatch.setattr(BURSTS, "decode", decode)
    monkeypatch.setattr(BURSTS, "Painter", Painter)
    path = ms.clip(tmp_path / "long.mp4", ms.ramp(50), options={"g": "50", "tune": "zerolatency"})
    (run,) = media.bursts(path, media.outline(path), [np.inf])
    assert [round(frame.t_s, 2) for frame in run] == pytest.approx(np.arange(17) * 0.12)
    assert events.count("paint") == 17
    longest = max(map(len, "".join(e[0] for e in events).split("p")))
    assert longest <= 5  # three packets to the next picture, and the end of the stream


def outlined(times_s, keys):
    sizes = np.full(len(times_s), 1000)
    return media.Outline(np.array(times_s), sizes, np.array(keys), float(times_s[-1]) + 1, 3840, 2160, "h264")


def test_a_burst_is_never_longer_than_two_minutes():
    """An hour behind a single key frame was kept as one list of pictures, 1.5 GB of them."""
    times = np.arange(0, 3600, 0.25)
    assert sparse.plan(outlined(times, times == 0)) is None
    times = np.arange(0, 110, 0.25)
    assert sparse.plan(outlined(times, times == 0)).tolist() == [np.inf]


def test_a_picture_held_for_hours_is_measured_once(monkeypatch):
    """Two pictures ten minutes apart in a file of 48 bytes took ten seconds, a day of them an hour."""
    measured = []

    def measure(picture):
        measured.append(picture)
        return colour_measure(picture)

    colour_measure = colour.measure
    rng = np.random.default_rng(0)
    first, second = (np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(2))
    shown = [media.Frame(k / 8, (first if k < 400 else second).copy()) for k in range(800)]
    apart = video.from_frames(shown)
    monkeypatch.setattr(colour, "measure", measure)
    again = video.from_frames(shown)
    assert len(measured) == 2
    assert again.duration_s == 100
    assert np.array_equal(again.values, apart.values)


def test_the_spread_of_motion_counts_the_slices_inside_its_span():
    """A day has 173,000 slices, and looking at all of them for each of 17,000 windows took half a minute."""
    slices, flow = np.arange(0, 5.5, 0.5), np.array([9.0, 1, 3, 9, 9, 9, 9, 9, 9, 9])
    known = np.array([0.5, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0])
    assert video._sd(flow, known, slices, np.array([0.5, 1.5])) == 1.0
    assert video._sd(flow, known, slices, np.array([0.4, 1.6])) == 1.0
    assert video._sd(flow, known, slices, np.array([0.6, 1.6])) == 0.0
    assert video._sd(flow, known, slices, np.array([2.0, 5.0])) == 0.0
    assert video._sd(flow, known, slices, np.array([0.0, 5.0])) == pytest.approx(np.std([9, 1, 3]))
