"""What browsers play: known by container and codecs, and else made of a clip, its pictures copied where that serves."""

from pathlib import Path

import av
import pytest

import media_samples
from recommender.editing.preview import write_web_film
from recommender.media import probe
from recommender.media.web import has_web_pictures, is_web_film

FRAMES = media_samples.ramp(25)
SOUND = media_samples.tone(1.0)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(container.streams.video[0]) if packet.size]


def test_what_browsers_play_is_known(tmp_path: Path):
    assert is_web_film(media_samples.clip(tmp_path / "clip.mp4", FRAMES, y=SOUND))
    assert is_web_film(media_samples.clip(tmp_path / "clip.webm", FRAMES))
    assert not is_web_film(media_samples.clip(tmp_path / "clip.gif", FRAMES))
    assert not is_web_film(media_samples.still(tmp_path / "still.png"))


def test_pictures_that_browsers_know_are_copied_out_of_what_they_do_not(tmp_path: Path):
    mkv = media_samples.clip(tmp_path / "clip.mkv", FRAMES, y=SOUND)
    assert has_web_pictures(mkv)
    assert not is_web_film(mkv)
    write_web_film(mkv, tmp_path / "film.mp4", picture_s=3)
    assert is_web_film(tmp_path / "film.mp4")
    assert packets(tmp_path / "film.mp4") == packets(mkv)
    assert probe(tmp_path / "film.mp4").audio_codec == "aac"


@pytest.mark.parametrize("name", ["clip.gif", "still.png"])
def test_what_they_do_not_know_is_coded(name: str, tmp_path: Path):
    source = media_samples.clip(tmp_path / name, FRAMES if name.endswith("gif") else FRAMES[:1])
    write_web_film(source, tmp_path / "film.mp4", picture_s=3)
    assert is_web_film(tmp_path / "film.mp4")
    assert probe(tmp_path / "film.mp4").duration_s == pytest.approx(1 if name.endswith("gif") else 3, abs=0.05)


def test_ten_bits_are_not_played_everywhere(tmp_path: Path):
    path = tmp_path / "ten bits.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        for picture in FRAMES[:5]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    assert not has_web_pictures(path)
    write_web_film(path, tmp_path / "film.mp4", picture_s=3)
    assert is_web_film(tmp_path / "film.mp4")
