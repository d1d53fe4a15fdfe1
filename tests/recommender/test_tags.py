"""Tags as files carry them: written by a muxer, read for the library."""

import av
import numpy as np
import pytest

from recommender.names import licence_name
from recommender.tags import bpm_tag, isrc_tag, read_tags

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


@pytest.mark.parametrize(("suffix", "name"), [(".mp3", "TSRC"), (".flac", "ISRC")])
@pytest.mark.parametrize(
    ("text", "code"), [("GB-AYE-68-00023", "GBAYE6800023"), ("gbaye6800023", "GBAYE6800023"), ("12", None)]
)
def test_the_recording_code_that_a_file_states(tmp_path, suffix, name, text, code):
    assert isrc_tag(tagged(tmp_path / f"a{suffix}", **{name: text})) == code


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


FULL = {"title": "Títle", "artist": "Artist", "album": "Album", "genre": "Jazz", "album_artist": "Various"}
ALL = {**FULL, "year": "1999"}
OTHER = {  # containers, their codec and the format of its samples
    ".mka": ("matroska", "libmp3lame", "s16p"),
    ".webm": ("webm", "libopus", "s16"),
    ".wv": ("wv", "wavpack", "s16p"),
    ".tta": ("tta", "tta", "s16"),
    ".caf": ("caf", "pcm_s16le", "s16"),
    ".aac": ("adts", "aac", "fltp"),
    ".wma": ("asf", "pcm_s16le", "s16"),
    ".opus": ("ogg", "libopus", "s16"),
    ".aiff": ("aiff", "pcm_s16be", "s16"),
    ".wav": ("wav", "pcm_s16le", "s16"),
    ".flac": ("flac", "flac", "s16"),
    ".m4a": ("ipod", "aac", "fltp"),
    ".mp3": ("mp3", "libmp3lame", "s16p"),
}


def of_kind(path, **tags):
    """A sound file of any of OTHER."""
    container, codec, samples = OTHER[path.suffix]
    options = {"write_id3v2": "1"} if container in ("adts", "aiff") else {}
    with av.open(str(path), "w", format=container, options=options) as out:
        out.metadata.update(tags)
        stream = out.add_stream(codec, rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 24000), np.int16), "s16", "mono")
        frame.rate, frame.pts = 48000, 0
        for part in av.AudioResampler(samples, "mono", 48000, frame_size=stream.frame_size or 4096).resample(frame):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", OTHER)
def test_tags_of_containers_that_one_reader_alone_does_not_know(tmp_path, suffix):
    found = read_tags(of_kind(tmp_path / f"a{suffix}", **FULL, date="1999-05-01"))
    wanted = ALL if suffix != ".wav" else {**ALL, "album_artist": None}  # RIFF INFO has no place for it
    assert found == {name: value for name, value in wanted.items() if value}


def ape_tag(**items):
    """An APEv2 tag with header and footer."""
    body = b"".join(
        len(value).to_bytes(4, "little") + bytes(4) + name.replace("_", " ").encode() + b"\0" + value
        for name, value in ((name, text.encode()) for name, text in items.items())
    )
    ends = [
        b"APETAGEX" + b"".join(n.to_bytes(4, "little") for n in (2000, len(body) + 32, len(items), flags)) + bytes(8)
        for flags in (0xA0000000, 0x80000000)
    ]
    return ends[0] + body + ends[1]


def id3v1(title, artist=b"Artist", album=b"Album"):
    return (
        b"TAG"
        + title.ljust(30, b"\0")
        + artist.ljust(30, b"\0")
        + album.ljust(30, b"\0")
        + b"2001"
        + bytes(30)
        + b"\x08"
    )


@pytest.mark.parametrize("suffix", [".mp3", ".aac", ".wv"])
@pytest.mark.parametrize("end", [b"", id3v1(b"")])
def test_ape_tags_at_the_end_of_any_file(tmp_path, suffix, end):
    path = of_kind(tmp_path / f"a{suffix}")
    items = {"Title": "Títle", "Artist": "Artist", "Album": "Album", "Genre": "Jazz\0Blues", "Album_Artist": "Various"}
    path.write_bytes(path.read_bytes() + ape_tag(**items, Year="1999", BPM="120,5 bpm") + end)
    assert read_tags(path) == {**ALL, "genre": "Jazz; Blues"}
    assert bpm_tag(path) == 120.5


def test_tags_of_version_1_of_id3_which_are_cut_off_only_fill_up(tmp_path):
    path = of_kind(tmp_path / "a.mp3")
    title = "A title that is longer than thirty letters"
    path.write_bytes(path.read_bytes() + ape_tag(Title=title, Artist="Another") + id3v1(title[:30].encode()))
    assert read_tags(path) == {
        "title": title,
        "artist": "Another",
        "album": "Album",
        "genre": "Jazz",
        "year": "2001",
    }


@pytest.mark.parametrize("size", [0, 31, 1 << 30, (1 << 32) - 1])
def test_ape_tags_that_lie_about_their_size_say_nothing(tmp_path, size):
    path = of_kind(tmp_path / "a.mp3")
    tag = bytearray(ape_tag(Title="x"))
    tag[-20:-16] = size.to_bytes(4, "little")
    path.write_bytes(path.read_bytes() + tag)
    assert read_tags(path) == {}


def dsf(path, **frames):
    """A file of one-bit audio with an ID3 tag, by hand: no encoder at hand writes it."""
    tag = id3(**frames)
    data = bytes(4096) * 2
    audio = b"data" + (12 + len(data)).to_bytes(8, "little") + data
    fmt = b"fmt " + (52).to_bytes(8, "little")
    fmt += b"".join(n.to_bytes(4, "little") for n in (1, 0, 2, 2, 2822400, 1))
    fmt += (len(data) * 4).to_bytes(8, "little") + (4096).to_bytes(4, "little") + bytes(4)
    at = 28 + len(fmt) + len(audio)
    head = b"DSD " + b"".join(n.to_bytes(8, "little") for n in (28, at + len(tag), at))
    path.write_bytes(head + fmt + audio + tag)
    return path


def id3(**frames):
    """An ID3v2.3 tag with text frames, each in bytes that are marked as Latin-1."""
    body = b"".join(
        name.encode() + (len(text) + 1).to_bytes(4, "big") + b"\0\0\0" + text for name, text in frames.items()
    )
    return b"ID3\x03\0\0" + bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0)) + body


def test_tags_of_one_bit_audio(tmp_path):
    path = dsf(tmp_path / "a.dsf", TIT2=b"T", TPE1=b"A", TALB=b"L", TCON=b"Jazz", TPE2=b"V", TYER=b"1984")
    assert read_tags(path) == {
        **{"title": "T", "artist": "A", "album": "L", "genre": "Jazz", "album_artist": "V", "year": "1984"}
    }


RUSSIAN = {"TIT2": "Этот город", "TPE1": "Браво", "TCON": "Русский рок", "TALB": "Хиты"}


@pytest.mark.parametrize("suffix", [".mp3", ".aac", ".dsf"])
def test_tags_in_a_charset_of_before(tmp_path, suffix):
    held = {name: text.encode("cp1251") for name, text in RUSSIAN.items()}
    path = tmp_path / f"a{suffix}"
    if suffix == ".dsf":
        dsf(path, **held)
    else:
        path.write_bytes(id3(**held) + of_kind(path).read_bytes())
    wanted = {"title": "Этот город", "artist": "Браво", "album": "Хиты", "genre": "Русский рок"}
    assert read_tags(path) == wanted
    assert read_tags(path, "cp1251") == wanted
    assert read_tags(path, "cp1253")["artist"] != "Браво"


def test_old_tags_and_those_of_wav_files_in_a_charset_of_before(tmp_path):
    mp3 = of_kind(tmp_path / "a.mp3")
    mp3.write_bytes(
        mp3.read_bytes() + id3v1(*(text.encode("shift_jis") for text in ("夜に駆ける", "音楽隊", "短編集")))
    )
    assert read_tags(mp3) | {"genre": ""} == {
        **{"title": "夜に駆ける", "artist": "音楽隊", "album": "短編集", "year": "2001", "genre": ""}
    }
    wav = of_kind(tmp_path / "a.wav", title="x" * 10, artist="y" * 10)
    data = wav.read_bytes()
    assert (data.count(b"x" * 10), data.count(b"y" * 10)) == (1, 1)
    data = data.replace(b"x" * 10, "Этот город".encode("cp1251")).replace(b"y" * 10, "Алла Пугач".encode("cp1251"))
    wav.write_bytes(data)
    assert read_tags(wav) == {"title": "Этот город", "artist": "Алла Пугач"}


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("1999", "1999"),
        ("2004-05-01", "2004"),
        ("19990501", "1999"),
        ("0", None),
        ("", None),
        ("99", None),
        ("soon", None),
    ],
)
def test_a_year_is_four_digits(tmp_path, text, year):
    assert read_tags(of_kind(tmp_path / "a.flac", date=text)).get("year") == year
