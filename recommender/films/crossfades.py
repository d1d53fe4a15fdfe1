"""Crossfades that stay as loud as both cues are: a fade of even power, made up for where the two sounds are alike.

Sine and cosine keep the power of sounds that have nothing to do with each other. Where low notes of two tracks meet in
phase or in opposite phase the sum is louder or softer, by 2 r ab of 1 (r: their correlation; a, b: their shares of the
amplitude); so both are heard, and turned down or up by the square root of that.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from recommender.editing.mix import music_blocks
from recommender.editing.placement import Keyframe, Placement, Stretch
from recommender.films.cues import MusicCue
from recommender.films.levels import place_cue, placement_of, together
from recommender.media.stereo import RATE_HZ
from recommender.types import Array

HOP_S = 0.2
"""Time over which two sounds are told to be alike: some periods of the lowest notes, and no tremolo to the ear. Chosen
of 0.1, 0.2 and 0.4 s on 40 random pairs of tracks; on 40 others each came nearer to what is due."""
MOST_DB = 3.0
"""What is made up for at most: a sum of opposites has nothing to be turned up."""
_SILENT = 1e-9  # power


def even_out(cues: Sequence[MusicCue]) -> list[MusicCue]:
    """Laid cues, those that are crossfaded with what keeps the level of their sum.

    Raises MediaError for a track that cannot be read.
    """
    found = list(cues)
    for at, (cue, after) in enumerate(pairwise(cues)):
        ends = cue.transition
        if ends is None or ends.ending != "crossfade" or not ends.lasts_s:
            continue
        first, second = placement_of(found[at]), placement_of(after)
        if first is None or second is None:
            continue
        course = _course(first, second, Stretch(cue.scene.end_s, cue.scene.end_s + ends.lasts_s))
        for place, one in ((at, first), (at + 1, second)) if course else ():
            found[place] = place_cue(found[place], replace(one, ducks=together([one.ducks, course])))
    return found


def _course(first: Placement, second: Placement, within: Stretch) -> tuple[Keyframe, ...]:
    """Keyframes, 0 dB at both ends, of what is to be added to both; () where they are not both one piece there."""
    parts = _part(first, within), _part(second, within)
    count = int((within.end_s - within.start_s) / HOP_S)
    if parts[0] is None or parts[1] is None or count < 1:
        return ()
    a, b = (np.concatenate(list(music_blocks(part)), axis=1) for part in parts if part is not None)
    length = min(a.shape[1], b.shape[1]) // count
    due, heard = (_powers(y, length, count) for y in ((a, b), (a + b,)))
    gains_db = np.clip(10 * np.log10((due + _SILENT) / (heard + _SILENT)), -MOST_DB, MOST_DB)
    at_s = within.start_s + (np.arange(count) + 0.5) * length / RATE_HZ
    inner = (Keyframe(*pair) for pair in zip(at_s.tolist(), gains_db.tolist(), strict=True))
    return (Keyframe(within.start_s, 0.0), *inner, Keyframe(within.end_s, 0.0))


def _part(placement: Placement, within: Stretch) -> Placement | None:
    """What of a placement sounds within a stretch of the film, without the fades of its ends; None of two pieces."""
    begins_s = placement.at_s
    for start_s, end_s in placement.pieces:
        since_s = within.start_s - begins_s
        if since_s > -1e-6 and within.end_s <= begins_s + end_s - start_s + 1e-6:
            piece = Stretch(start_s + max(since_s, 0.0), start_s + since_s + within.end_s - within.start_s)
            return replace(placement, pieces=(piece,), at_s=within.start_s, fade_in_s=0.0, fade_out_s=0.0)
        begins_s += end_s - start_s
    return None


def _powers(sounds: Sequence[Array], length: int, count: int) -> Array:
    """float64 [count]: the power of sounds [2, n], each alone, in so many stretches of `length` samples."""
    parts = (y[:, : length * count].astype(float).reshape(2, count, length) for y in sounds)
    return np.sum([np.square(part).mean(axis=2).sum(axis=0) for part in parts], axis=0)
