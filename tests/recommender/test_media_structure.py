"""What a player plays of files that are chained, hold several streams, are encrypted, or of which a part is lost."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

import media_samples as ms
from recommender import media
from recommender.errors import MediaError
from recommender.media import structure

SR_HZ = 22050
S = 12.0  # of most samples


def read(path: Path) -> tuple[np.ndarray, media.Damage]:
    damage = media.Damage()
    return np.concatenate(list(media.audio_blocks(path, SR_HZ, damage=damage))), damage


def pitches_hz(y: np.ndarray, every_s: float) -> list[int]:
    """The loudest frequency in the middle of every so many seconds, to 10 Hz."""
    parts = [y[int(at * SR_HZ) : int((at + every_s) * SR_HZ)] for at in np.arange(0, len(y) / SR_HZ - 0.5, every_s)]
    parts = [part[len(part) // 4 : -len(part) // 4] for part in parts]
    peaks = [np.argmax(np.abs(np.fft.rfft(part * np.hanning(len(part))))) / len(part) * SR_HZ for part in parts]
    return [round(peak / 10) * 10 for peak in peaks]


def encode(container, codec: str, hz: float, rate: int, *, layout: str = "stereo", seconds: float = 4.0, **more):
    """A stream with a tone in an open container; nothing is muxed for 0 s."""
    stream = container.add_stream(codec, rate=rate, layout=layout)
    for name, value in {"options": {"strict": "experimental"}, **more}.items():
        setattr(stream, name, value)
    return stream, ms.tone(seconds, hz, rate) if seconds else np.zeros(0, np.float32), rate, layout


def mux(container, streams) -> None:
    """Encode and mux what `encode` made, all of it."""
    for stream, y, rate, layout in streams:
        context = stream.codec_context
        wide = np.repeat(y[None], len(context.layout.channels), axis=0)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wide.T).reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        resampler = av.AudioResampler(format=context.format, layout=layout, rate=rate, frame_size=1024)
        pieces = [*resampler.resample(frame), *resampler.resample(None)] if len(y) else []
        for piece in [*pieces, *([None] if len(y) else [])]:
            container.mux(stream.encode(piece))


def one(path: Path, container: str, codec: str, hz: float, *, rate: int, layout: str = "stereo", **more) -> bytes:
    with av.open(str(path), "w", format=container, options=more) as out:
        mux(out, [encode(out, codec, hz, rate, layout=layout)])
    return path.read_bytes()


# Chained files.

LINKS = {
    "vorbis": ("vorbis", 44100, "stereo"),
    "vorbis, another rate": ("vorbis", 22050, "stereo"),
    "opus": ("libopus", 48000, "stereo"),
    "opus, mono": ("libopus", 48000, "mono"),
    "flac": ("flac", 44100, "stereo"),
    "flac, another rate and channels": ("flac", 32000, "mono"),
}


@pytest.mark.parametrize(
    "links",
    [
        ("vorbis", "vorbis, another rate"),
        ("vorbis, another rate", "vorbis"),
        ("opus", "opus, mono"),
        ("flac", "flac, another rate and channels"),
        ("opus", "vorbis, another rate", "flac", "vorbis"),
    ],
)
def test_every_link_of_a_chained_ogg_is_heard(tmp_path, links):
    data = b""
    for number, name in enumerate(links):
        codec, rate, layout = LINKS[name]
        data += one(tmp_path / "one.ogg", "ogg", codec, 400 * (number + 1), rate=rate, layout=layout)
    (tmp_path / "chain.ogg").write_bytes(data)
    y, damage = read(tmp_path / "chain.ogg")
    assert len(y) / SR_HZ == pytest.approx(4 * len(links), abs=0.1)
    assert pitches_hz(y, 4.0) == [400 * (number + 1) for number in range(len(links))]
    assert damage == media.Damage()


def test_a_link_that_is_damaged_leaves_the_others(tmp_path):
    parts = [one(tmp_path / "one.ogg", "ogg", "libopus", hz, rate=48000) for hz in (400, 800, 1200)]
    parts[1] = parts[1][:300] + bytes(len(parts[1]) - 300)
    (tmp_path / "chain.ogg").write_bytes(b"".join(parts))
    assert pitches_hz(read(tmp_path / "chain.ogg")[0], 4.0) == [400, 1200]


@pytest.mark.parametrize(
    ("second", "options"),
    [
        (("aac", 44100, "mono"), {}),  # the same number of the stream, another codec
        (("aac", 44100, "mono"), {"mpegts_start_pid": "512", "mpegts_pmt_start_pid": "4112"}),
        (("mp2", 48000, "stereo"), {"mpegts_start_pid": "512"}),  # only the number changes
        (("ac3", 48000, "5.1"), {}),
    ],
)
def test_every_programme_of_a_transport_stream_is_heard(tmp_path, second, options):
    data = one(tmp_path / "one.ts", "mpegts", "mp2", 400, rate=48000)
    codec, rate, layout = second
    data += one(tmp_path / "two.ts", "mpegts", codec, 800, rate=rate, layout=layout, **options)
    (tmp_path / "both.ts").write_bytes(data)
    y, damage = read(tmp_path / "both.ts")
    assert len(y) / SR_HZ == pytest.approx(8, abs=0.15)
    assert pitches_hz(y, 4.0) == [400, 800]
    assert (damage.packets, damage.declared_s) == (0, None)


def test_a_transport_stream_with_repeated_tables_is_one_piece(tmp_path):
    one(tmp_path / "one.ts", "mpegts", "mp2", 400, rate=48000)
    with (tmp_path / "one.ts").open("rb", buffering=0) as file:
        assert len(structure.pieces(file, "mpegts")) == 1


def test_pictures_of_a_transport_stream_that_changes_are_no_crash(tmp_path):
    data = ms.clip(tmp_path / "a.mp4").read_bytes()
    del data
    parts = []
    for name, start in (("a", "256"), ("b", "512")):
        with av.open(str(tmp_path / f"{name}.ts"), "w", format="mpegts", options={"mpegts_start_pid": start}) as out:
            stream = out.add_stream("mpeg2video", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for rgb in ms.ramp(50):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
            out.mux(stream.encode(None))
        parts.append((tmp_path / f"{name}.ts").read_bytes())
    (tmp_path / "both.ts").write_bytes(b"".join(parts))
    assert len(list(media.frames(tmp_path / "both.ts", fps=None))) >= 50


# Several streams.


def several(path: Path, streams: Sequence[dict]) -> Path:
    """A Matroska file with tones, each in a stream of its own."""
    with av.open(str(path), "w", format="matroska") as out:
        made = [encode(out, "flac", rate=44100, **one) for one in streams]
        mux(out, made)
    return path


@pytest.mark.parametrize(
    ("streams", "heard_hz"),
    [
        ([{"hz": 400}, {"hz": 800}], 400),
        ([{"hz": 400, "disposition": Disposition.visual_impaired}, {"hz": 800}], 800),
        ([{"hz": 400, "disposition": Disposition.comment}, {"hz": 800}], 800),
        ([{"hz": 400}, {"hz": 800, "disposition": Disposition.default}], 800),
        ([{"hz": 400, "seconds": 0}, {"hz": 800}], 800),  # the first track is empty
        ([{"hz": 400}, {"hz": 800, "layout": "5.1"}], 400),
        ([{"hz": 400, "disposition": Disposition.comment}], 400),  # better than nothing
    ],
)
def test_the_stream_that_is_meant_to_be_heard(tmp_path, streams, heard_hz):
    y, damage = read(several(tmp_path / "several.mka", streams))
    assert len(y) / SR_HZ == pytest.approx(4, abs=0.1)
    assert pitches_hz(y, 4.0) == [heard_hz]
    assert damage.declared_s is None


# Encrypted files.


def encrypted_mp4(path: Path, entry: bytes) -> Path:
    """An mp4 whose sound is called `entry`, as protected ones are."""
    data = ms.sound(path, ms.tone(1.0)).read_bytes()
    at = data.index(b"mp4a", data.index(b"stsd"))
    path.write_bytes(data[:at] + entry + data[at + 4 :])
    return path


def encrypted_webm(path: Path) -> Path:
    """A Matroska file whose track says how it is encrypted."""
    data = several(path, [{"hz": 400}]).read_bytes()

    def element(kind: bytes, body: bytes) -> bytes:
        return kind + b"\x01" + len(body).to_bytes(7, "big") + body

    def inside(kind: int, first: int, last: int) -> tuple[int, int]:
        with path.open("rb", buffering=0) as file:
            found = structure._elements(file, structure.Piece(first, last))
            return next((start, end) for name, start, end in found if name == kind)

    way = [(0, len(data))]
    for kind in (0x18538067, 0x1654AE6B, 0xAE):
        way.append(inside(kind, *way[-1]))
    (_, end), (first, last), (start, stop) = way[1:]
    coding = element(b"\x6d\x80", element(b"\x62\x40", element(b"\x50\x35", b"")))
    rest = data[first:last].partition(b"\xae")[0]
    tracks = element(b"\x16\x54\xae\x6b", rest + element(b"\xae", data[start:stop] + coding))
    head = data[: way[1][0]].rpartition(b"\x18\x53\x80\x67")[0]
    before = data[way[1][0] : first].rpartition(b"\x16\x54\xae\x6b")[0]
    path.write_bytes(head + element(b"\x18\x53\x80\x67", before + tracks + data[last:end]))
    return path


def encrypted_asf(path: Path) -> Path:
    """A wma with a content encryption object in its header."""
    with av.open(str(path), "w", format="asf") as out:
        mux(out, [encode(out, "wmav2", 400, 44100, bit_rate=128_000)])
    data = path.read_bytes()
    size, count = int.from_bytes(data[16:24], "little"), int.from_bytes(data[24:28], "little")
    added = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e") + (40).to_bytes(8, "little") + bytes(16)
    head = data[:16] + (size + 40).to_bytes(8, "little") + (count + 1).to_bytes(4, "little")
    path.write_bytes(head + data[28:size] + added + data[size:])
    return path


def scrambled_ts(path: Path) -> Path:
    """A transport stream whose packets of sound are marked as scrambled, and are noise."""
    data = np.frombuffer(one(path, "mpegts", "mp2", 400, rate=48000), np.uint8).reshape(-1, 188).copy()
    mine = ((data[:, 1].astype(int) & 0x1F) << 8 | data[:, 2]) == 256
    data[mine, 3] |= 0x80
    data[mine, 100:] = np.random.default_rng(0).integers(0, 256, (int(mine.sum()), 88), np.uint8)
    path.write_bytes(data.tobytes())
    return path


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda path: encrypted_mp4(path, b"drms"), "bought.m4a"),
        (lambda path: encrypted_mp4(path, b"enca"), "streamed.mp4"),
        (encrypted_webm, "streamed.mka"),
        (encrypted_asf, "bought.wma"),
        (scrambled_ts, "recorded.ts"),
    ],
)
def test_encrypted_files_are_called_encrypted(tmp_path, make: Callable[[Path], Path], name):
    path = make(tmp_path / name)
    with pytest.raises(MediaError, match=r"it is encrypted \(DRM\); give a copy without copy protection"):
        read(path)


def test_protected_sound_leaves_the_pictures(tmp_path):
    data = ms.clip(tmp_path / "c.mp4", y=ms.tone()).read_bytes()
    at = data.index(b"mp4a", data.index(b"mp4a") - 4)
    (tmp_path / "c.mp4").write_bytes(data[:at] + b"enca" + data[at + 4 :])
    with pytest.raises(MediaError, match="encrypted"):
        read(tmp_path / "c.mp4")
    assert len(list(media.frames(tmp_path / "c.mp4"))) == 8
