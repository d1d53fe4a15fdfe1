"""The pictures of a clip in a row: a few small frames, evenly spaced, as JPEG."""

from collections.abc import Sequence
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.media import Frame, frames, probe
from recommender.media.looks import is_plain
from recommender.types import Array

COUNT, SIDE_PX, QUALITY = 10, 160, 62
"""Pictures in a row, their longest side, which is that of `frames`, and JPEG's quality: some 5 kB each."""
DARK_S = 10
"""A film may begin with nothing to see for so long before its picture shows nothing, too."""


class Picture(NamedTuple):
    """A frame as JPEG, shown from `start_s` to `end_s` of the row; `at_s`: when it is to be seen in the clip."""

    start_s: float
    end_s: float
    at_s: float
    jpeg: bytes
    width: int
    height: int


class Strip:
    """The row of a clip of `duration_s`, which is shown its frames in order of time: of each share the middle."""

    def __init__(self, duration_s: float) -> None:
        self._step_s = duration_s / COUNT
        self._shown: list[Array] = []
        self._last: Array | None = None

    def see(self, frame: Frame) -> None:
        """Take in the next frame."""
        while self._last is not None and self._middle_s(len(self._shown)) < min(frame.t_s, self._step_s * COUNT):
            self._shown.append(self._last)
        self._last = frame.rgb

    def pictures(self) -> tuple[Picture, ...]:
        """The row, when all frames have been seen."""
        if self._last is None:
            return ()
        shown, step_s = [*self._shown, *[self._last] * (COUNT - len(self._shown))], self._step_s
        return tuple(_picture(i * step_s, (i + 1) * step_s, self._middle_s(i), rgb) for i, rgb in enumerate(shown))

    def _middle_s(self, i: int) -> float:
        return (i + 0.5) * self._step_s


def still(clip: Path, duration_s: float, side_px: int = SIDE_PX) -> tuple[Picture, ...]:
    """The row of a single picture, no side above `side_px`. Raises MediaError for what cannot be read."""
    return (_picture(0.0, duration_s, 0.0, _first(clip, side_px)),)


def slides(clips: Sequence[Path], picture_s: float) -> tuple[Picture, ...]:
    """The row of several clips one after the other, each picture for `picture_s`: one frame of every clip, of many
    every n-th. Raises MediaError for what cannot be read."""
    lengths = [picture_s if probe(clip).still else probe(clip).duration_s or picture_s for clip in clips]
    starts = [0.0, *accumulate(lengths)]
    chosen = np.unique(np.linspace(0, len(clips) - 1, min(len(clips), COUNT)).round().astype(int)).tolist()
    ends = [starts[i] for i in chosen[1:]] + [starts[-1]]
    return tuple(
        _picture(starts[i] if i else 0.0, end, starts[i], _first(clips[i])) for i, end in zip(chosen, ends, strict=True)
    )


def _first(clip: Path, side_px: int = SIDE_PX) -> Array:
    """The first picture with something to see; where the clip begins with none for `DARK_S`, its very first."""
    seen = (frame.rgb for frame in islice(frames(clip, 1.0, side_px), DARK_S + 1))
    first = next(seen)
    return next((rgb for rgb in chain([first], seen) if not is_plain(rgb)), first)


def _picture(start_s: float, end_s: float, at_s: float, rgb: Array) -> Picture:
    import cv2

    _, coded = cv2.imencode(".jpg", np.ascontiguousarray(rgb[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return Picture(start_s, end_s, at_s, coded.tobytes(), rgb.shape[1], rgb.shape[0])
