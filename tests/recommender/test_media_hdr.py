"""HDR and wide-gamut files: the picture that an SDR screen shows, by formulas of their own (BT.2100, BT.2408)."""

import av
import cv2
import numpy as np
import pytest

import media_samples as ms
from recommender import media
from recommender.media import tone
from recommender.media.paint import Painter

BT709, BT2020, P3 = 1, 9, 12
TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # BT.2087
TRANSFERS = {"pq": 16, "hlg": 18, "bt2020": 14, "linear": 8, "srgb": 13, "unspecified": 2}


def picture() -> np.ndarray:
    """Smooth colours of all kinds, uint8 [48, 64, 3]."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack((x * 3 + 30, y * 4 + 20, 220 - x * 2 - y), axis=2).astype(np.uint8)


def codes(light: np.ndarray, transfer: str) -> np.ndarray:
    """The signal, 0 to 1, of display `light` with SDR white at 1."""
    if transfer == "pq":
        y = (203 * light / 10_000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375
    if transfer == "hlg":
        display = 0.203 * light
        luma = np.maximum(display @ [0.2627, 0.6780, 0.0593], 1e-9)[..., None]
        scene = display * luma ** (-0.2 / 1.2)
        upper = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
        return np.where(scene <= 1 / 12, np.sqrt(3 * scene), upper)
    return light if transfer == "linear" else light ** (1 / 2.4)


def video(path, transfer: str, primaries: int = BT2020, codec: str = "libx265", pixels: str = "yuv444p10le"):
    """Ten frames of `picture` in that colour space."""
    light = (picture() / 255.0) ** 2.4
    light = light @ TO_BT2020.T if primaries == BT2020 else light
    signal = np.round(65535 * np.clip(codes(light, transfer), 0, 1)).astype(np.uint16)
    frame = av.VideoFrame.from_ndarray(signal, format="rgb48le")
    frame = frame.reformat(format=pixels, src_colorspace=9, dst_colorspace=9, dst_color_range=1)
    colours = {"color_trc": TRANSFERS[transfer], "color_primaries": primaries, "colorspace": 9, "color_range": 1}
    with av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        stream.options = {"crf": "4", "x265-params": "log-level=none"} if codec == "libx265" else {}
        for name, value in colours.items():
            setattr(frame, name, value)
            setattr(stream.codec_context, name, value)
        for k in range(10):
            frame.pts = k
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def shown(path) -> np.ndarray:
    return next(media.frames(path)).rgb.astype(float)


@pytest.mark.parametrize("transfer", ["pq", "hlg", "bt2020"])
def test_an_sdr_picture_in_an_hdr_or_wide_file_comes_back(tmp_path, transfer):
    difference = shown(video(tmp_path / "a.mp4", transfer)) - picture()
    assert np.abs(difference).mean() < 2
    assert np.quantile(np.abs(difference), 0.99) < 10


@pytest.mark.parametrize("transfer", ["pq", "hlg", "bt2020"])
@pytest.mark.parametrize("level", [100, 180, 225])
def test_a_grey_written_by_no_scaler_comes_back_as_light_as_it_was(transfer, level):
    """What swscale makes of the codes on the way into a file, it unmakes on the way out of it."""
    code = codes((np.full((1, 1, 3), level) / 255.0) ** 2.4, transfer)[0, 0, 0]
    frame = av.VideoFrame(64, 48, "yuv444p10le")
    for plane, value in zip(frame.planes, (64 + 876 * code, 512, 512), strict=True):
        plane.update(np.full(plane.buffer_size // 2, round(value), np.uint16))
    frame.color_trc, frame.color_primaries, frame.colorspace, frame.color_range = TRANSFERS[transfer], BT2020, 9, 1
    assert abs(Painter(64, None).rgb(frame).mean() - level) < 0.8


@pytest.mark.parametrize("transfer", ["pq", "hlg", "bt2020"])
@pytest.mark.parametrize("side", [64, 60])
def test_a_picture_with_fewer_rows_of_colour_comes_back_at_its_own_size_too(tmp_path, transfer, side):
    path = video(tmp_path / "a.mkv", transfer, codec="ffv1", pixels="yuv420p10le")
    small = next(media.frames(path, max_side=side)).rgb.astype(float)
    expected = cv2.resize(picture(), small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(small - expected).mean() < 3


def test_a_codec_without_colours_of_its_own_is_told_them_by_the_container(tmp_path):
    path = video(tmp_path / "a.mkv", "pq", codec="ffv1")
    assert np.abs(shown(path) - picture()).mean() < 2


def test_linear_light_is_shown(tmp_path):
    path = video(tmp_path / "a.mkv", "linear", codec="ffv1", pixels="yuv444p16le")
    assert np.abs(shown(path) - picture()).mean() < 2


class Pq:
    """What a decoded frame says of its colours."""

    color_trc, color_primaries, color_range = TRANSFERS["pq"], BT2020, 2
    format = av.VideoFormat("rgb48le")


def test_light_above_white_stays_light_and_in_order():
    nits = np.array([203.0, 300.0, 600.0, 1000.0, 4000.0])[None, :, None].repeat(3, 2) / 203
    greys = tone.sdr(np.round(65535 * codes(nits, "pq")).astype(np.uint16), Pq())[0, :, 1]
    assert greys[0] > 240
    assert (np.diff(greys.astype(int)) >= 0).all()


def test_a_transfer_function_that_is_not_named_is_left_alone(tmp_path):
    one = shown(video(tmp_path / "a.mkv", "unspecified", codec="ffv1"))
    two = shown(video(tmp_path / "b.mkv", "unspecified", primaries=2, codec="ffv1"))
    assert np.abs(one - two).max() > 5  # BT.2020 codes, read as they are
    assert np.abs(two - picture()).max() <= 2


def test_a_still_in_hdr_is_mapped_and_keeps_its_transparency(tmp_path):
    signal = np.round(65535 * codes(((picture() / 255.0) ** 2.4) @ TO_BT2020.T, "pq")).astype(np.uint16)
    signal = np.concatenate((signal, np.full((48, 64, 1), 65535, np.uint16)), axis=2)
    signal[:4, :, 3] = 0
    path = ms.png(tmp_path / "a.png", signal, (b"cICP", bytes([BT2020, 16, 0, 1])))
    got = shown(path)
    assert got[:4].max() == 0
    assert np.abs(got - picture())[4:].mean() < 2
