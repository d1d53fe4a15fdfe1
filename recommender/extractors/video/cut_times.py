"""When shots begin, to the frame: what editors set music and markers by."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from recommender.extractors.video.picture import FULL, one_thread
from recommender.extractors.video.series import Series
from recommender.extractors.video.shots import cuts
from recommender.media import Frame, frames

EVERY_S = 0.125
"""Time between two frames that are compared as the features' are; the frame is then found among those between."""
_THIN = 4  # pixels of 160 on a side, of which every fourth tells how much two neighbouring frames differ


def cut_times(path: Path, on_frame: Callable[[Frame], None] | None = None) -> tuple[float, ...]:
    """Seconds of the first frames of all shots but the first, ascending.

    Every frame is decoded, and shown to `on_frame`. Raises MediaError where there are no pictures.
    """
    series, changes, times_s, due_s, last = Series(), [0.0], list[float](), 0.0, None
    with one_thread():
        for frame in frames(path, None):
            times_s.append(frame.t_s)
            thin = frame.rgb[::_THIN, ::_THIN].astype(np.int16)
            if last is not None:
                changes.append(float(np.abs(thin - last).mean()))
            last = thin
            if frame.t_s >= due_s - 1e-6:
                series.add(frame, FULL)
                due_s += EVERY_S
            if on_frame is not None:
                on_frame(frame)
        series.finish()
    found = cuts(np.array(series.scores), np.array([step.speeds.mean for step in series.steps]))
    at, change = np.array(times_s), np.array(changes)
    starts = []
    for step in (step for step, is_cut in zip(series.steps, found, strict=True) if is_cut):
        inside = np.flatnonzero((at > step.start_s + 1e-6) & (at <= step.end_s + 1e-6))
        starts.append(float(at[inside[change[inside].argmax()]]))
    return tuple(starts)
