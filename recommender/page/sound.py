"""What of a track is heard under a clip: its loudness and its beats, on the clip's clock."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.editing.loudness import HOP_S, Meter, lufs, programme_lufs
from recommender.editing.placement import Stretch, joints_s, lay_times
from recommender.extractors.audio.beats import NONE, Beats
from recommender.media.stereo import RATE_HZ, track_sound
from recommender.types import Array, Recommendation

SHORT_S = 3.0
"""Short-term loudness is that of three seconds (EBU Tech 3341)."""
ON_BEAT_S = 0.08
"""A cut this near to a beat falls on it: two frames at 25 a second."""


class Heard(NamedTuple):
    """A track's section under a clip.

    Attributes
    ----------
    at_s: where on the clip it begins. short_lufs: float64 [n], short-term loudness per tenth of a second; peaks:
    float64 [n], the largest sample of each. lufs: integrated. beats_s, downbeats_s: in seconds of the clip.
    joints_s: where pieces of it meet.
    """

    at_s: float
    short_lufs: Array
    peaks: Array
    lufs: float
    beats_s: Array
    downbeats_s: Array
    joints_s: tuple[float, ...] = ()


def pieces_of(r: Recommendation) -> tuple[float, tuple[Stretch, ...]]:
    """Where on the clip a recommended track begins, and which stretches of it follow each other."""
    if r.placement is not None:
        return r.placement.at_s, r.placement.pieces
    return 0.0, (Stretch(r.in_s, r.out_s),) if r.fit is None else r.fit.pieces


def hear(r: Recommendation, beats: Beats | None) -> Heard:
    """Measure the section of a recommendation. Raises MediaError for a track that cannot be read."""
    at_s, pieces = pieces_of(r)
    meter = Meter()
    for piece in pieces:
        first, end = (round(at * RATE_HZ) for at in piece)
        for block in track_sound(Path(r.track.path), first, end - first):
            meter.feed(block)
    size = max(1, min(round(SHORT_S / HOP_S), len(meter.powers)))
    # Before so much has sounded, the mean is over what has.
    total = np.cumsum(meter.powers)
    short = (total - np.concatenate([np.zeros(size), total])[: len(total)]) / np.minimum(
        np.arange(1, len(total) + 1), size
    )
    beats = NONE if beats is None else beats
    which, times = lay_times(beats.times_s, pieces, at_s)
    told = (lufs(np.maximum(short, 0)), meter.peaks, programme_lufs(meter.powers))
    return Heard(at_s, *told, times, times[beats.down[which]], joints_s(pieces, at_s))


def on_beats(cuts_s: Sequence[float], beats_s: Array) -> list[bool]:
    """Which cuts fall on a beat."""
    return [bool(len(beats_s)) and float(np.abs(beats_s - cut).min()) <= ON_BEAT_S for cut in cuts_s]


def chance_of_beat(beats_s: Array, duration_s: float) -> float:
    """The share of a clip that is near a beat: of cuts at random, so many would fall on one."""
    if not len(beats_s) or duration_s <= 0:
        return 0.0
    edges = np.stack([np.maximum(beats_s - ON_BEAT_S, 0), np.minimum(beats_s + ON_BEAT_S, duration_s)], axis=1)
    edges[1:, 0] = np.maximum(edges[1:, 0], edges[:-1, 1])
    return float(np.maximum(np.diff(edges, axis=1), 0).sum() / duration_s)
