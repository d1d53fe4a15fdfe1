"""Where a track lies under a clip: the values that preview, stem and every timeline share."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

JOINT_S = 0.03
"""Length of the crossfade at a joint, half of it on either side: short enough to stay on the beat, long enough not to
click."""
GAP_S, ATTACK_S, RELEASE_S = 0.8, 0.25, 0.8
"""Pauses in speech that music does not rise in, and how long it takes to go down before speech and up after it."""


class Stretch(NamedTuple):
    """A time span in seconds, of a clip or of a track."""

    start_s: float
    end_s: float


class Keyframe(NamedTuple):
    """A gain in dB at a second of the clip; between two of them it is linear in dB, beyond the last ones constant."""

    at_s: float
    gain_db: float


class Joint(NamedTuple):
    """Where two pieces of recut music meet.

    Attributes
    ----------
    at_s: from the beginning of the music. left_s, entered_s: where in the track.
    cost: how unlike that is which follows, and which preceded, relative to a random jump between bars of the track.
    alike: correlation of the waves on both sides, -1 to 1. sure: the probability that bars begin on both sides.
    """

    at_s: float
    left_s: float
    entered_s: float
    cost: float
    alike: float
    sure: float


@dataclass(frozen=True)
class Fit:
    """Music cut to a length.

    Attributes
    ----------
    pieces: stretches of the track in the order in which they sound. joints: where they meet.
    fade_in_s, fade_out_s: at the ends. error_s: by how much it is longer than asked for.
    peak_s: where in the track the peak lies, where one was to be hit.
    """

    pieces: tuple[Stretch, ...]
    joints: tuple[Joint, ...]
    fade_in_s: float
    fade_out_s: float
    error_s: float
    peak_s: float | None = None

    @property
    def cost(self) -> float:
        """Of all joints together, in random jumps."""
        return sum(joint.cost for joint in self.joints)


@dataclass(frozen=True)
class Placement:
    """A track laid under a clip.

    Attributes
    ----------
    clip, track: paths. clip_s: duration of the clip.
    pieces: stretches of the track in the order in which they sound, without gaps; where they meet stands a joint, a
        crossfade of `JOINT_S` of even power around it.
    at_s: where on the clip the music begins.
    gain_db: of the whole music. fade_in_s, fade_out_s: linear in amplitude, at its beginning and end.
    ducks: what is added to the gain, as under speech; () where nothing is.
    clip_gain_db: of the clip's own sound; None where that is left out, or where there is none.
    peak_dbtp: what the true peak of the mix, and of the stem, is limited to.
    """

    clip: Path
    clip_s: float
    track: Path
    pieces: tuple[Stretch, ...]
    at_s: float = 0.0
    gain_db: float = 0.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    ducks: tuple[Keyframe, ...] = ()
    clip_gain_db: float | None = 0.0
    peak_dbtp: float = -1.0

    @property
    def duration_s(self) -> float:
        """How long the music sounds."""
        return sum(piece.end_s - piece.start_s for piece in self.pieces)

    @property
    def joints_s(self) -> tuple[float, ...]:
        """Seconds of the clip at which pieces meet."""
        return joints_s(self.pieces, self.at_s)

    def amplitude(self, at_s: NDArray[Any]) -> NDArray[Any]:
        """float64 [n]: what samples of the track are multiplied by at seconds `at_s` [n] of the clip, joints aside."""
        since, left = at_s - self.at_s, self.at_s + self.duration_s - at_s
        frames = np.array(self.ducks or [(0.0, 0.0)])
        gain_db = self.gain_db + np.interp(at_s, frames[:, 0], frames[:, 1])
        fades = np.minimum(
            since / self.fade_in_s if self.fade_in_s else np.inf, left / self.fade_out_s if self.fade_out_s else np.inf
        )
        return np.where((since < 0) | (left < 0), 0.0, 10 ** (gain_db / 20) * np.clip(fades, 0, 1))


@dataclass(frozen=True)
class Bed:
    """All the music under a film, and how loud the film itself is.

    Attributes
    ----------
    clip, clip_s: the film and how long it is shown. placements: in order of time; where two lie over each other both
        sound.
    own: keyframes of the gain of the film's own sound; None where that is left out.
    peak_dbtp: what the true peak of the mix, and of the stem, is limited to.
    """

    clip: Path
    clip_s: float
    placements: tuple[Placement, ...]
    own: tuple[Keyframe, ...] | None = (Keyframe(0.0, 0.0),)
    peak_dbtp: float = -1.0


def bed_of(placement: Placement | Bed) -> Bed:
    """The bed of one placement alone; one of several stays as it is."""
    if isinstance(placement, Bed):
        return placement
    own = None if placement.clip_gain_db is None else (Keyframe(0.0, placement.clip_gain_db),)
    return Bed(placement.clip, placement.clip_s, (placement,), own, placement.peak_dbtp)


def gains_at(keyframes: Sequence[Keyframe], at_s: NDArray[Any]) -> NDArray[Any]:
    """float64 [n]: the gain in dB of keyframes, at least one, at seconds `at_s` [n]."""
    times_s, gains_db = np.array(keyframes).T
    return np.interp(at_s, times_s, gains_db)


def joints_s(pieces: Sequence[Stretch], at_s: float) -> tuple[float, ...]:
    """Seconds of the clip at which pieces meet that begin at `at_s`."""
    return tuple(at_s + at for at in accumulate(end - start for start, end in pieces[:-1]))


def lay_times(times_s: NDArray[Any], pieces: Sequence[Stretch], at_s: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """When moments of a track `times_s` [n] are heard that lie in pieces of it which begin at `at_s` on the clip.

    Piece by piece: which moments, int64 [k], and their seconds of the clip, float64 [k].
    """
    which, heard = [np.zeros(0, np.int64)], [np.zeros(0)]
    for start, end in pieces:
        which.append(np.flatnonzero((times_s >= start) & (times_s < end)))
        heard.append(at_s + times_s[which[-1]] - start)
        at_s += end - start
    return np.concatenate(which), np.concatenate(heard)


def duck_under(speech: Sequence[Stretch], depth_db: float) -> tuple[Keyframe, ...]:
    """Keyframes that take music down by `depth_db` (> 0) under every stretch of `speech`, in order of time.

    Stretches less than `GAP_S` apart count as one, as do those between which music could not rise and fall.
    """
    merged: list[Stretch] = []
    for start, end in sorted(speech):
        if merged and start - merged[-1].end_s < max(GAP_S, ATTACK_S + RELEASE_S):
            merged[-1] = Stretch(merged[-1].start_s, max(merged[-1].end_s, end))
        else:
            merged.append(Stretch(start, end))
    frames = []
    for start, end in merged:
        around = ((start - ATTACK_S, 0.0), (start, -depth_db), (end, -depth_db), (end + RELEASE_S, 0.0))
        frames += [Keyframe(*frame) for frame in around]
    return tuple(frames)
