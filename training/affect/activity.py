"""A clip's arousal: what is in the picture, read by a head on the picture network, and how it moves.

Labels are few (45 clips), so that little is chosen: the head is one ridge regression on labelled clips and, with the
same weight, on pictures of themes whose name says whether something goes on; copies in other light are to read alike.
How much motion and cuts count beside it is chosen on the other sources. A source is a repository or a piece of footage.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np

from recommender.affect.linear import TRANSFORMS
from recommender.types import Array
from training.affect.activity_labels import Labelled
from training.affect.agreement import standardise
from training.affect.feature_table import FeatureTable
from training.affect.picture_copies import LIGHTS, network_features
from training.evaluation.intervals import bootstrap_of
from training.measures.classification import roc_auc

SHRINK = 10.0
"""Strength of the ridge, beside columns of SD 1. From 1 to 100 the figures stay within .03."""
ALIKE = 80.0
"""Weight of the mean squared change in other light, of clips and of pictures alike. From 10 to 80 the AUC of all clips
stays within .004, and clips that were learnt from come to change by less than .1 on the plane (by .102 at most with the
looks of today, which these heads did not learn from)."""
CLIPS_SHARE = 0.5
"""Weight of the clips beside the pictures. From .3 to .7 the figures stay within .02."""

MOTION: dict[str, str] = {
    "local_motion_widths_per_s": "log",
    "camera_motion_widths_per_s": "log",
    "motion_sd_widths_per_s": "log",
    "brightness_change_per_s": "log",
    "cut_rate_per_min": "root",
}
"""Columns of motion and cuts that may speak, with their natural scale: all excite."""
OBJECT, CAMERA, VARIATION, LIGHT, CUTS = MOTION
USED = (OBJECT, VARIATION, CUTS)
"""Columns that do speak: motion, but for the camera's, and cuts, as on film (LIRIS-ACCEDE: +.12 and +.10)."""
OTHERS = ((OBJECT,), (OBJECT, VARIATION), (OBJECT, VARIATION, LIGHT, CUTS), tuple(MOTION))
"""Tried beside: no better, so that what is known from film decided."""
SHARES = (0.2, 0.3, 0.4, 0.5)
"""Weights of motion beside what is in the picture, among which is chosen."""


@dataclass(frozen=True)
class Scenes:
    """Labelled clips and pictures as the head reads them.

    clips, pictures: what the network sees, float64 [n, d] and [m, d]. busy: bool [n]. label: of the pictures, float64
    [m], 1, -1, or 0 of one that takes no part. lights: the same clips and pictures in other light, by copy.
    motion: z-scores over the clips [n, c] of the columns of `MOTION`. sources: of the clips.
    """

    clips: Array
    busy: Array
    sources: tuple[str, ...]
    motion: Array
    pictures: Array
    label: Array
    clip_lights: Mapping[str, Array]
    picture_lights: Mapping[str, Array]

    @classmethod
    def of(cls, labelled: Labelled, clips: FeatureTable, pictures: FeatureTable, *, label: Array) -> "Scenes":
        """From tables of `picture_copies.extract`; columns of both are standardised over the pictures."""
        centre, scale = network_features(pictures).mean(axis=0), network_features(pictures).std(axis=0)
        scale = np.where(scale > 1e-9, scale, 1.0)

        def z(table: FeatureTable, copy: str | None = None) -> Array:
            return np.asarray((network_features(table, copy) - centre) / scale)

        measured = np.stack([TRANSFORMS[MOTION[c]](clips.select([c]).items[:, 0]) for c in MOTION], axis=1)
        return cls(
            z(clips),
            labelled.busy,
            labelled.sources,
            np.stack([standardise(column) for column in measured.T], axis=1),
            z(pictures),
            label,
            {copy: z(clips, copy) - z(clips) for copy in LIGHTS},
            {copy: z(pictures, copy) - z(pictures) for copy in LIGHTS},
        )

    def head(self, rows: Array) -> Array:
        """Weights float64 [d] of a head fitted to the clips `rows` (bool [n]) and all labelled pictures.

        Minimises the squared error from ±1, both classes with the same weight, plus `SHRINK` |w|² plus `ALIKE` times
        the mean squared change of the reading in other light, half of it of the clips and half of the pictures.
        """
        told = self.label != 0
        x = np.vstack([self.clips[rows], self.pictures[told]])
        y = np.concatenate([np.where(self.busy[rows], 1.0, -1.0), self.label[told]])
        of_classes = _balance(self.busy[rows]), _balance(self.label[told] > 0)
        weight = np.concatenate([CLIPS_SHARE * of_classes[0], (1 - CLIPS_SHARE) * of_classes[1]])
        weight /= weight.sum()
        x, y = x - weight @ x, y - weight @ y
        of_clips = np.vstack([self.clip_lights[copy][rows] for copy in LIGHTS])
        of_pictures = np.vstack([self.picture_lights[copy] for copy in LIGHTS])
        normal = (x * weight[:, None]).T @ x
        for changes in (of_clips, of_pictures):
            normal += ALIKE / 2 * changes.T @ changes / len(changes)
        normal[np.diag_indices_from(normal)] += SHRINK
        return np.asarray(np.linalg.solve(normal, (x * weight[:, None]).T @ y))


def _balance(positive: Array) -> Array:
    """Weights float64 [n] that sum to 1, each class with the same sum (a class that is missing has none)."""
    counts = np.where(positive, max(positive.sum(), 1), max((~positive).sum(), 1))
    return np.asarray(1 / counts / (positive.any() + (~positive).any()))


class Mixture(NamedTuple):
    """How much motion counts beside the head (`share`), and which of its columns, all alike."""

    columns: tuple[str, ...]
    share: float

    def weights(self) -> Array:
        """float64 [1 + c]: of the head's z-score and of each column of `MOTION`."""
        used = np.array([column in self.columns for column in MOTION], float)
        return np.append(1 - self.share, self.share * used / np.sqrt(used.sum()))


def auc(score: Array, busy: Array) -> float:
    """The chance that a busy clip scores above a calm one, equals counting half; .5 where a class is missing."""
    return roc_auc(busy.astype(np.int64), score) if 0 < busy.sum() < len(busy) else 0.5


class OutOfSource(NamedTuple):
    """Every clip by a head that saw nothing of its source.

    reading: the head's, [n]; lights: its change in other light, by copy, in SDs of the readings. chosen: the mixture
    chosen without the clip's source. score: what that mixture says, [n].
    """

    reading: Array
    lights: Mapping[str, Array]
    chosen: tuple[Mixture, ...]
    score: Array


def out_of_source(scenes: Scenes) -> OutOfSource:
    """Readings and scores with each source left out; the mixture is chosen on the others alone, by heads that saw
    neither the source left out nor the clip's own."""
    names = np.asarray(scenes.sources)
    every = [str(name) for name in np.unique(names)]
    heads = {frozenset(pair): scenes.head(~np.isin(names, pair)) for pair in combinations_with_replacement(every, 2)}

    def readings(rows: Array, left: str | None = None) -> Array:
        return np.array([row @ heads[frozenset((name, left or name))] for name, row in zip(names, rows, strict=True)])

    reading = readings(scenes.clips)
    spread = reading.std() or 1.0
    changes = {copy: readings(rows) / spread for copy, rows in scenes.clip_lights.items()}
    chosen = {left: _choose(readings(scenes.clips, left), scenes, names != left) for left in every}
    z = np.column_stack([standardise(reading), scenes.motion])
    score = np.array([row @ chosen[name].weights() for name, row in zip(names, z, strict=True)])
    return OutOfSource(reading, changes, tuple(chosen[name] for name in names), score)


def _choose(reading: Array, scenes: Scenes, rows: Array) -> Mixture:
    z = np.column_stack([standardise(reading[rows]), scenes.motion[rows]])
    return choose(z, scenes.busy[rows])


def choose(z: Array, busy: Array) -> Mixture:
    """The mixture of the largest AUC on `z` [n, 1 + c], the head's readings out of source; the least of equals."""
    return max((Mixture(USED, share) for share in SHARES), key=lambda mixture: auc(z @ mixture.weights(), busy))


def figures(scenes: Scenes, labelled: Labelled, found: OutOfSource) -> dict[str, Any]:
    """What is reported: AUC with intervals over sources, everything that was tried, and changes in other light."""
    z = np.column_stack([standardise(found.reading), scenes.motion])
    groups, busy = np.asarray(scenes.sources), scenes.busy
    moved = {copy: np.abs(change) for copy, change in found.lights.items()}
    alone = dict(zip(("activity", *MOTION), z.T, strict=True))
    parts = {"all": np.ones(len(busy), bool), "activity_folder": labelled.apart, "clips_folder": ~labelled.apart}
    areas = {mixture_name(c, s): auc(z @ Mixture(c, s).weights(), busy) for c in (USED, *OTHERS) for s in SHARES}
    return {
        "clips": len(busy),
        "busy": int(busy.sum()),
        "sources": len(set(groups)),
        **{name: _interval(found.score[rows], busy[rows], groups[rows]) for name, rows in parts.items()},
        "alone": {name: auc(column, busy) for name, column in alone.items()},
        "tried": areas,
        "lights": {copy: {"mean": float(x.mean()), "largest": float(x.max())} for copy, x in moved.items()},
    }


def mixture_name(columns: tuple[str, ...], share: float) -> str:
    """What the report calls a mixture."""
    return f"{' + '.join(columns)}, {share:g}"


def _interval(score: Array, busy: Array, groups: Array) -> dict[str, float]:
    if not (busy.any() and (~busy).any()):
        return {"auc": 0.5, "low_95": 0.0, "high_95": 1.0}
    found = bootstrap_of(lambda s, b: auc(s, b > 0), score, busy.astype(float), groups=groups)
    return {"auc": found.estimate, "low_95": found.low, "high_95": found.high}


def correlation(area: float) -> float:
    """r of a score with the normal feeling behind two classes of the same size that it tells apart by this AUC.

    Both normal with the same SD, d' = sqrt(2) Phi^-1(AUC), and r = d' / sqrt(d'^2 + 4) (Cohen 1988).
    """
    from scipy.special import ndtri

    distance = np.sqrt(2) * ndtri(min(max(area, 0.5), 1 - 1e-6))
    return float(distance / np.sqrt(distance**2 + 4))


def most_chosen(found: OutOfSource) -> Mixture:
    """The mixture shipped: the one chosen most often with a source left out (the first of equals)."""
    return Counter(found.chosen).most_common(1)[0][0]
