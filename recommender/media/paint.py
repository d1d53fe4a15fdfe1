"""Decoded frames as upright RGB pictures of one size."""

from typing import Any

import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from recommender.media.tone import is_wide, sdr
from recommender.types import Array

# Area averaging does not alias; the other two flags keep chroma sharp and unbiased and cost 0.1 ms at 1080p.
_AREA = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
# For 4:2:0 whose size stays, swscale makes 16-bit RGB of other rows' chroma with the last flag (FFmpeg 8): not there.
_SAME_SIZE = Interpolation.AREA | Interpolation.ACCURATE_RND
_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED
_FORMATS = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48le", (True, True): "rgba64le"}
_HD_HEIGHT = 720  # pictures this high that do not name their colour matrix are taken as BT.709, as players do


def display_size(width: int, height: int, aspect: Any, *, rotation: int) -> tuple[int, int]:
    """(width, height) in square pixels as shown, from the coded size, pixel aspect and rotation in degrees."""
    if aspect and 0.1 < aspect < 10:
        width = max(1, round(width * aspect))
    return (height, width) if rotation % 180 else (width, height)


def quarter_turns(frame: Any) -> int:
    """How many times the decoded `frame` is to be turned by 90 degrees counterclockwise to stand upright."""
    rotation: int = frame.rotation
    return round(rotation / 90) % 4


class Painter:
    """Turns decoded frames into upright RGB arrays, all of the size that the first one sets."""

    def __init__(self, max_side: int, aspect: Any) -> None:
        self._max_side, self._aspect = max_side, aspect
        self._size: tuple[int, int] | None = None
        self._turns = 0
        self._scaler = VideoReformatter()

    def rgb(self, frame: Any) -> Array:
        """uint8 [h, w, 3], contiguous."""
        if self._size is None:
            self._size, self._turns = self._fit(frame), quarter_turns(frame)
        clear = any(component.is_alpha for component in frame.format.components)
        wide = is_wide(frame)
        matrix = None
        if frame.colorspace == _UNSPECIFIED and (wide or frame.height >= _HD_HEIGHT):
            matrix = Colorspace.BT2020 if wide else Colorspace.ITU709
        small = self._scaler.reformat(
            frame,
            *self._size,
            format=_FORMATS[wide, clear],
            src_colorspace=matrix,
            interpolation=_SAME_SIZE if wide and self._size == (frame.width, frame.height) else _AREA,
            threads=1,
        )
        pixels: Array = small.to_ndarray()
        if wide:  # averaging codes before instead of light costs a level on average
            alpha = (pixels[..., 3:] >> 8).astype(np.uint8)
            pixels = np.concatenate((sdr(pixels[..., :3], frame), alpha), axis=2)
        if clear:
            pixels = (pixels[..., :3] * (pixels[..., 3:] / 255.0) + 0.5).astype(np.uint8)
        return np.ascontiguousarray(np.rot90(pixels, self._turns))

    def _fit(self, frame: Any) -> tuple[int, int]:
        """(width, height) before rotation, in square pixels, with the longest side at most the limit."""
        width, height = display_size(frame.width, frame.height, self._aspect, rotation=0)
        shrink = min(1.0, self._max_side / max(width, height))
        return max(1, round(width * shrink)), max(1, round(height * shrink))
