"""Tags as files carry them: written by a muxer, read for the library."""

import av
import numpy as np
import pytest

from recommender.names import licence_name
from recommender.tags import bpm_tag, read_tags

BY = "http://creativecommons.org/licenses/by/3.0/"


def tagged(path, **tags):
    """A second of silence with tags."""
    codec, layout = {".mp3": ("mp3", "mono"), ".flac": ("flac", "mono"), ".m4a": ("aac", "mono")}[path.suffix]
    with av.open(str(path), "w") as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=44100, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 44100), np.int16), "s16", layout)
        frame.rate = 44100
        frame.pts = 0
        resampler = av.AudioResampler(stream.format, layout, 44100, frame_size=stream.frame_size or 4096)
        for part in resampler.resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".m4a"])
def test_tags_of_every_container(tmp_path, suffix):
    path = tagged(tmp_path / f"a{suffix}", title="T", artist="A", genre="Ambient", copyright=f"2019 A. Licensed: {BY}")
    assert read_tags(path) == {"title": "T", "artist": "A", "genre": "Ambient", "licence": "CC BY 3.0"}


def test_a_licence_comes_before_a_copyright(tmp_path):
    path = tagged(tmp_path / "a.flac", copyright="(c) 2020 A", license="Free\n Music  Licence")
    assert read_tags(path) == {"licence": "Free Music Licence"}


def test_a_file_without_tags_has_none(tmp_path):
    assert read_tags(tagged(tmp_path / "a.flac")) == {}
    (tmp_path / "b.mp3").write_bytes(b"not music")
    assert read_tags(tmp_path / "b.mp3") == {}


@pytest.mark.parametrize(("suffix", "name"), [(".mp3", "TBPM"), (".flac", "BPM")])
@pytest.mark.parametrize(("text", "bpm"), [("128", 128), ("92,5", 92.5), ("0", None), ("999", None), ("fast", None)])
def test_the_tempo_that_a_file_states(tmp_path, suffix, name, text, bpm):
    assert bpm_tag(tagged(tmp_path / f"a{suffix}", **{name: text})) == bpm


def test_the_tempo_that_an_mp4_states(tmp_path):
    """The atom holds a whole number; the muxer at hand writes none, so it is put in place of another's."""
    path = tagged(tmp_path / "a.m4a", compilation="1")
    data = path.read_bytes()
    assert data.count(b"cpil") == 1
    path.write_bytes(data.replace(b"cpil", b"tmpo"))
    assert bpm_tag(path) is None  # 1 bpm
    head, tail = path.read_bytes().split(b"tmpo")
    at = tail.index(b"data") + len("data") + 8
    path.write_bytes(head + b"tmpo" + tail[:at] + b"\x7b" + tail[at + 1 :])
    assert bpm_tag(path) == 123


def test_no_tempo_is_stated_by_what_is_no_music(tmp_path):
    (tmp_path / "b.mp3").write_bytes(b"not music")
    assert bpm_tag(tmp_path / "b.mp3") is None
    assert bpm_tag(tmp_path / "missing.mp3") is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/deed.en", "CC BY-NC-SA 4.0"),
        ("Verify at HTTP://CREATIVECOMMONS.ORG/LICENCES/BY", "CC BY"),
        ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0 1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "Public Domain Mark 1.0"),
        ("All rights reserved", "All rights reserved"),
        ("CC BY 4.0", "CC BY 4.0"),
    ],
)
def test_creative_commons_addresses_get_their_short_names(text, name):
    assert licence_name(text) == name
