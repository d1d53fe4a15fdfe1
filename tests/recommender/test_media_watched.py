"""Which picture of a file is watched: tiles, animations, posters and covers."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest

import media_samples as ms
from recommender import media
from recommender.errors import MediaError


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def full(kind: bytes, version: int, *parts: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24), *parts)


def tile(folder: Path, rgb: np.ndarray) -> tuple[bytes, bytes]:
    """(decoder configuration box, picture data) of an HEVC picture."""
    path = folder / "tile.mp4"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx265", rate=25)
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "4", "x265-params": "log-level=none:keyint=1:bframes=0"}
        for k in range(3):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts = k
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    with av.open(str(path)) as source:
        packet = next(source.demux(video=0))
        return box(b"hvcC", source.streams.video[0].codec_context.extradata), bytes(packet)


def heic(path: Path, rgb: np.ndarray, side: int, *, size: tuple[int, int], turns: int = 0, thumb: bool = False) -> Path:
    """`rgb` cut into tiles, shown at `size` (width, height) and turned counterclockwise; with a grey thumbnail."""
    rows, columns = rgb.shape[0] // side, rgb.shape[1] // side
    squares = [
        np.ascontiguousarray(rgb[r * side :, c * side :][:side, :side]) for r in range(rows) for c in range(columns)
    ]
    if thumb:
        squares.append(np.full((side, side, 3), 128, np.uint8))
    made = [tile(path.parent, square) for square in squares]
    hvcc, data, n, grid = made[0][0], [d for _, d in made], rows * columns, len(made) + 1
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    ids = range(1, len(data) + 1)
    infe = [full(b"infe", 2, struct.pack(">HH", k, 0), b"hvc1\0") for k in ids]
    infe.append(full(b"infe", 2, struct.pack(">HH", grid, 0), b"grid\0"))
    links = [box(b"dimg", struct.pack(f">HH{n}H", grid, n, *range(1, n + 1)))]
    if thumb:
        links.append(box(b"thmb", struct.pack(">HHH", n + 1, 1, grid)))
    ispe = [full(b"ispe", 0, struct.pack(">II", *s)) for s in ((side, side), size)]
    ipco = box(b"ipco", hvcc, *ispe, box(b"irot", bytes([turns])))
    ipma = [struct.pack(">HB", k, 2) + bytes([0x81, 2]) for k in ids] + [struct.pack(">HB", grid, 2) + bytes([3, 0x84])]
    iprp = box(b"iprp", ipco, full(b"ipma", 0, struct.pack(">I", grid), *ipma))
    idat = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *size)

    def meta(start: int) -> bytes:
        where, at = [], start
        for k, part in zip(ids, data, strict=True):
            where.append(struct.pack(">HHHHII", k, 0, 0, 1, at, len(part)))
            at += len(part)
        where.append(struct.pack(">HHHHII", grid, 1, 0, 1, 0, len(idat)))
        iloc = full(b"iloc", 1, struct.pack(">BBH", 0x44, 0, grid), *where)
        hdlr = full(b"hdlr", 0, bytes(4), b"pict", bytes(13))
        iinf = full(b"iinf", 0, struct.pack(">H", grid), *infe)
        pitm = full(b"pitm", 0, struct.pack(">H", grid))
        return full(b"meta", 0, hdlr, pitm, iinf, full(b"iref", 0, *links), iprp, box(b"idat", idat), iloc)

    path.write_bytes(head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", *data))
    return path


def scene(height: int = 128, width: int = 192) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    blue = 255 - x * 128 // width - y * 64 // height
    return np.stack((x * 255 // width, y * 255 // height, blue), axis=2).astype(np.uint8)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("thumb", [False, True])
def test_a_picture_of_tiles_is_one_picture_upright(tmp_path, turns, thumb):
    path = heic(tmp_path / "a.heic", scene(), 64, size=(180, 120), turns=turns, thumb=thumb)
    expected = np.rot90(scene()[:120, :180], turns)
    (only,) = media.frames(path, max_side=500)
    assert only.rgb.shape == expected.shape
    assert np.abs(only.rgb.astype(float) - expected).mean() < 3
    info = media.probe(path)
    assert (info.still, info.width, info.height) == (True, *expected.shape[1::-1])


def test_tiles_without_a_whole_are_told(tmp_path):
    path = heic(tmp_path / "a.heic", scene(), 64, size=(192, 128))
    path.write_bytes(path.read_bytes().replace(b"pitm", b"free"))
    with pytest.raises(MediaError, match="its description of tiles is damaged; export the picture again"):
        list(media.frames(path))


def animated(path: Path, pictures: list[np.ndarray], codec: str, pixels: str, fps: int = 10) -> Path:
    with av.open(str(path), "w", format=path.suffix[1:]) as target:
        stream = target.add_stream(codec, rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        for k, rgb in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels)
            frame.pts = k
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


ANIMATED = [(".webp", "libwebp_anim", "bgra"), (".avif", "libsvtav1", "yuv420p")]


@pytest.mark.parametrize(("suffix", "codec", "pixels"), ANIMATED)
def test_an_animation_is_a_clip_with_times(tmp_path, suffix, codec, pixels):
    path = animated(tmp_path / f"a{suffix}", ms.ramp(20, 128, 96), codec, pixels)
    got = list(media.frames(path, fps=None))
    assert [f.t_s for f in got] == pytest.approx([k / 10 for k in range(20)], abs=0.002)
    assert [f.rgb.mean() for f in got] == pytest.approx(np.linspace(30, 220, 20), abs=6)
    info = media.probe(path)
    assert (info.still, info.width, info.height, info.duration_s) == (False, 128, 96, pytest.approx(2, abs=0.01))


@pytest.mark.parametrize(("suffix", "codec", "pixels"), [(".webp", "libwebp", "yuv420p"), ANIMATED[1]])
def test_one_picture_of_the_same_kind_is_a_still(tmp_path, suffix, codec, pixels):
    path = animated(tmp_path / f"a{suffix}", ms.ramp(1, 128, 96), codec, pixels)
    assert len(list(media.frames(path))) == 1
    assert media.probe(path).still


def test_an_animation_that_ends_too_early_or_is_damaged_gives_what_is_there(tmp_path):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (96, 128, 3), np.uint8) for _ in range(10)]
    path = animated(tmp_path / "a.webp", noise, "libwebp_anim", "bgra")
    whole = path.read_bytes()
    ms.truncated(path, 0.6)
    assert 4 <= len(list(media.frames(path, fps=None))) <= 7
    path.write_bytes(whole)
    damage = media.Damage()
    list(media.frames(ms.damaged(path, 0.4, 0.41), damage=damage))
    path.write_bytes(whole[:24] + b"\xff" * 6 + whole[30:])
    with pytest.raises(MediaError, match=r"16777216 x 16777216 pixels exceeds 36 megapixels; scale it down"):
        next(media.frames(path))


def streams(path: Path, *kinds: tuple[str, int, int], y: np.ndarray | None = None) -> Path:
    """A file with a video stream for each (codec, pictures, width), the first the default."""
    with av.open(str(path), "w") as target:
        made = []
        for codec, count, width in kinds:
            stream = target.add_stream(codec, rate=25)
            stream.width, stream.height = width, width * 3 // 4
            stream.pix_fmt = {"mjpeg": "yuvj420p", "png": "rgb24"}.get(codec, "yuv420p")
            made.append((stream, ms.ramp(count, width, width * 3 // 4)))
        made[0][0].disposition = av.stream.Disposition.default
        sound = target.add_stream("aac", rate=44100, layout="mono") if y is not None else None
        for stream, pictures in made:
            for k, rgb in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=stream.pix_fmt)
                frame.pts = k
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
        if sound is not None and y is not None:
            frame = av.AudioFrame.from_ndarray(y[np.newaxis], format="fltp", layout="mono")
            frame.sample_rate = 44100
            target.mux(sound.encode(frame))
            target.mux(sound.encode(None))
    return path


@pytest.mark.parametrize(
    ("suffix", "poster"), [(".mkv", "mjpeg"), (".mp4", "mjpeg"), (".mp4", "png"), (".mov", "mjpeg"), (".mov", "png")]
)
def test_a_poster_is_passed_over_for_the_stream_that_moves(tmp_path, suffix, poster):
    path = streams(tmp_path / f"a{suffix}", (poster, 1, 640), ("libx264", 50, 160))
    assert len(list(media.frames(path, fps=None))) == 50
    assert media.probe(path).width == 160


def test_of_two_streams_that_move_the_small_one_is_a_preview(tmp_path):
    path = streams(tmp_path / "a.mkv", ("libx264", 50, 64), ("libx264", 50, 640))
    assert media.probe(path).width == 640
    both = streams(tmp_path / "b.mkv", ("libx264", 50, 480), ("libx264", 50, 640))
    assert media.probe(both).width == 480  # the default


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_music_with_a_photo_is_no_video(tmp_path, suffix):
    path = streams(tmp_path / f"a{suffix}", ("mjpeg", 1, 64), y=ms.tone())
    assert not media.probe(path).has_video
    with pytest.raises(MediaError, match="no video stream, only a cover picture"):
        next(media.frames(path))


def test_photos_that_move_beside_sound_are_a_video(tmp_path):
    path = streams(tmp_path / "a.mov", ("mjpeg", 25, 64), y=ms.tone())
    assert len(list(media.frames(path, fps=None))) == 25
