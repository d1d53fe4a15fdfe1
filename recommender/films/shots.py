"""The shots of a film that was read, as points: what they show, and what they feel like."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from recommender.extractors.video import video
from recommender.extractors.video.parts import Reading
from recommender.extractors.video.series import STILL_EVERY_S
from recommender.films.grouping import Shots
from recommender.model import Model
from recommender.types import Array, unit

FEELING = 0.25
"""What a change of valence or arousal by its stated SD is, where two pictures that share nothing are sqrt(2) apart."""
DARK_LSTAR = 3.0
"""Contrast of a picture below which it is blank: between two shots, a fade."""
CUT_S = 0.25
"""How far a cut may lie from where it was told, to 1/8 s."""
LONG_S = 2.0
"""A blank longer than that is a shot of its own."""
SHORTEST_S = 0.3
"""Cuts nearer to each other than this are one: a flash, the steps of a wipe."""
_CONTRAST = video.COLUMNS.index(next(column for column in video.COLUMNS if column.name == "contrast_lstar"))


class Border(NamedTuple):
    """Where a shot may end and the next begin: a `cut`, `fade` or `dissolve` of the film, an `event` of its edit; its
    frame is the one of most change within `near_s` of it."""

    at_s: float
    kind: str
    near_s: float = 0.0


def borders(film: Reading) -> list[Border]:
    """Cuts, fades and dissolves in order of time; of several together the first."""
    found = [Border(float(at), "cut", CUT_S) for at in film.cut_s]
    found += [fade for fade in _fades(film) if all(abs(fade.at_s - cut.at_s) > 2 * video.SLICE_S for cut in found)]
    slow = [Border(at, "dissolve") for at in film.dissolve_s]
    found += [one for one in slow if all(abs(one.at_s - other.at_s) > video.SLICE_S for other in found)]
    kept = [Border(0.0, "")]
    for border in sorted(found):
        if border.at_s - kept[-1].at_s >= SHORTEST_S and film.duration_s - border.at_s >= SHORTEST_S:
            kept.append(border)
    return kept[1:]


def _fades(film: Reading) -> list[Border]:
    """Where what is blank between pictures has its middle; of what is blank for long, where it begins and ends."""
    found = film.measured.found
    blank = found.stills[:, _CONTRAST] < DARK_LSTAR
    edges = np.flatnonzero(np.diff(np.concatenate(([False], blank, [False])).astype(int))).reshape(-1, 2).tolist()
    runs = [(float(found.still_s[a]), float(found.still_s[b])) for a, b in edges if a > 0 and b < len(blank)]
    long = [Border(at, "fade", STILL_EVERY_S) for run in runs if run[1] - run[0] > LONG_S for at in run]
    return [*long, *(Border(0.5 * (start + end), "fade") for start, end in runs if end - start <= LONG_S)]


def shots(film: Reading, starts: Sequence[float], model: Model) -> Shots:
    """The shots that begin at `starts`, the first at 0, the last to end with the film.

    A point is the unit vector of what the picture network sees, and beside it valence and arousal over their stated
    SDs, `FEELING` of them.
    """
    spans = list(pairwise([*starts, film.duration_s]))
    looks = np.array([film.look(*spans[i]) for i in _looked_at(film, spans)])
    feelings = feeling(film, spans, model)
    return Shots(np.array([end - start for start, end in spans]), np.hstack([unit(looks), FEELING * feelings]))


def _looked_at(film: Reading, spans: Sequence[tuple[float, float]]) -> list[int]:
    """For each span itself, or where nobody looked at it the likest of the nearest that were looked at."""
    looked = [i for i, span in enumerate(spans) if film.is_looked_at(*span)]
    stands = []
    for i, span in enumerate(spans):
        place = int(np.searchsorted(looked, i))
        near = looked[place : place + 1] if looked[place : place + 1] == [i] else looked[max(place - 1, 0) : place + 1]
        still = film.still(*span)
        stands.append(min(near, key=lambda j: float(np.square(film.still(*spans[j]) - still).sum())))
    return stands


def feeling(film: Reading, spans: Sequence[tuple[float, float]], model: Model) -> Array:
    """float64 [n, 2]: valence and arousal of each span over their SDs; [n, 0] of a model that predicts none."""
    affects = np.array([model.describe(film.features(*span), "video").item_affect for span in spans], float)
    return affects[:, :2] / affects[:, 2:] if affects.shape[1] else affects
