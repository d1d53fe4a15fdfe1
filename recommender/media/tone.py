"""HDR and wide-gamut pictures as an SDR screen shows them: BT.709 primaries, BT.1886 gamma, white at 203 cd/m².

PQ and HLG are read by ITU-R BT.2100 (HLG for a screen of 1000 cd/m²) and reference white is that of BT.2408. What is
near white or above is drawn together below it by an exponential shoulder, so that an SDR picture in an HDR file comes
back as it was: the EETF of BT.2390 begins at 92 cd/m² and dims its light tones by up to 25 levels. Colours outside
BT.709 are clipped. Pictures that do not name their transfer function are not touched.
"""

from functools import cache
from typing import Any

import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

from recommender.types import Array

_WHITE, _PEAK = 203.0, 1000.0
_GAMMA, _OOTF = 2.4, 1.2
_FULL, _LIMITED = 65535, 255 << 8  # white of swscale's 16-bit RGB: of YUV in limited range 255 goes before 8 bits of 0
_KNEE = 0.9  # of white: where the shoulder begins
_HDR = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
_SDR = (
    *(ColorTrc.BT709, ColorTrc.SMPTE170M, ColorTrc.SMPTE240M, ColorTrc.IEC61966_2_4, ColorTrc.IEC61966_2_1),
    *(ColorTrc.BT2020_10, ColorTrc.BT2020_12, ColorTrc.GAMMA22),
)
_BT2020 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))  # BT.2407
_P3 = ((1.2249, -0.2247, 0.0), (-0.0420, 1.0419, 0.0), (-0.0197, -0.0786, 1.0979))
_TO_BT709 = {ColorPrimaries.BT2020: _BT2020, ColorPrimaries.SMPTE431: _P3, ColorPrimaries.SMPTE432: _P3}
_LUMA = np.array((0.2627, 0.6780, 0.0593), np.float32)  # of BT.2020


def is_wide(frame: Any) -> bool:
    """Whether the decoded `frame` is HDR, linear or of a wide gamut, and says so."""
    return frame.color_trc in (*_HDR, ColorTrc.LINEAR) or (
        frame.color_trc in _SDR and frame.color_primaries in _TO_BT709
    )


def sdr(codes: Array, frame: Any) -> Array:
    """The RGB `codes` of `frame`, uint16 [h, w, 3], as SDR, uint8 [h, w, 3]."""
    hdr = frame.color_trc in _HDR
    full = frame.format.is_rgb or frame.color_range == ColorRange.JPEG
    light = _light(frame.color_trc, _FULL if full else _LIMITED)[codes]
    if frame.color_trc == ColorTrc.ARIB_STD_B67:
        light *= (light @ _LUMA / _PEAK)[..., np.newaxis] ** (_OOTF - 1)
    assumed = ColorPrimaries.BT2020 if hdr else ColorPrimaries.BT709
    named = frame.color_primaries != ColorPrimaries.UNSPECIFIED
    matrix = _TO_BT709.get(frame.color_primaries if named else assumed)
    if matrix is not None:
        light = np.maximum(light @ np.array(matrix, np.float32).T, 0)
    light = _below_white(light / _WHITE) if hdr else np.minimum(light / _WHITE, 1)
    return (255 * light ** (1 / _GAMMA) + 0.5).astype(np.uint8)


@cache
def _light(transfer: int, white: int) -> Array:
    """cd/m² of each 16-bit code, float32 [65536], if 1 is the code `white`; of HLG of the scene, 1 being the peak."""
    code = np.minimum(np.arange(1 << 16) / white, 1)
    if transfer == ColorTrc.SMPTE2084:
        light = _pq_eotf(code)
    elif transfer == ColorTrc.ARIB_STD_B67:
        a = 0.17883277
        b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
        light = _PEAK * np.where(code <= 0.5, 4 * code**2, np.exp((code - c) / a) + b) / 12
    else:
        light = _WHITE * (code if transfer == ColorTrc.LINEAR else code**_GAMMA)
    return light.astype(np.float32)


def _below_white(light: Array) -> Array:
    """`light` of any height, 1 being white, with what is near white or above drawn together below it."""
    over = np.maximum(light - _KNEE, 0) / (1 - _KNEE)
    return np.where(over > 0, 1 - (1 - _KNEE) * np.exp(-over), light)


def _pq_eotf(code: Array) -> Array:
    """cd/m² of a PQ `code`, 0 to 1."""
    root = code ** (32 / 2523)
    return 10_000 * (np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)) ** (16384 / 2610)
