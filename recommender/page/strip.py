"""The pictures of a clip in a row: a few small frames, evenly spaced, as JPEG."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.media import frames, probe
from recommender.types import Array

COUNT, SIDE_PX, QUALITY = 10, 192, 62
"""Pictures in a row, their longest side, and JPEG's quality: some 6 kB each."""


class Picture(NamedTuple):
    """A frame as JPEG, shown from `start_s` to `end_s` of the row; `at_s`: when it is to be seen in the clip."""

    start_s: float
    end_s: float
    at_s: float
    jpeg: bytes
    width: int
    height: int


def strip(clips: Sequence[Path], duration_s: float, picture_s: float | None = None) -> tuple[Picture, ...]:
    """The row of a clip of `duration_s`, or of several shown one after the other, each picture for `picture_s`.

    Raises MediaError for what cannot be read.
    """
    if len(clips) > 1 or picture_s is not None:
        return _slides(clips, picture_s or 0.0)
    if probe(clips[0]).still or duration_s <= 0:
        return (_picture(0.0, duration_s, 0.0, _first(clips[0])),)
    step_s = duration_s / COUNT
    # Twice as many as are shown: every second one is the middle of its share of the clip.
    shown = [frame.rgb for frame in frames(clips[0], 2 / step_s, SIDE_PX)][1::2][:COUNT]
    shown = shown or [_first(clips[0])]
    step_s = duration_s / len(shown)
    return tuple(_picture(i * step_s, (i + 1) * step_s, (i + 0.5) * step_s, rgb) for i, rgb in enumerate(shown))


def _slides(clips: Sequence[Path], picture_s: float) -> tuple[Picture, ...]:
    """One frame of every clip, of many every n-th."""
    lengths = [picture_s if probe(clip).still else probe(clip).duration_s or picture_s for clip in clips]
    starts = [0.0, *accumulate(lengths)]
    chosen = np.unique(np.linspace(0, len(clips) - 1, min(len(clips), COUNT)).round().astype(int)).tolist()
    ends = [starts[i] for i in chosen[1:]] + [starts[-1]]
    return tuple(
        _picture(starts[i] if i else 0.0, end, starts[i], _first(clips[i])) for i, end in zip(chosen, ends, strict=True)
    )


def _first(clip: Path) -> Array:
    return next(iter(frames(clip, 1.0, SIDE_PX))).rgb


def _picture(start_s: float, end_s: float, at_s: float, rgb: Array) -> Picture:
    import cv2

    _, coded = cv2.imencode(".jpg", np.ascontiguousarray(rgb[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return Picture(start_s, end_s, at_s, coded.tobytes(), rgb.shape[1], rgb.shape[0])
