"""The clip predictors: what a picture network sees, read by heads fitted to rated pictures and labelled clips, and how
the picture moves. One predictor for what moves and one for pictures that do not.
"""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from recommender.affect.heads import Heads
from recommender.affect.linear import TRANSFORMS, LinearAffect
from recommender.types import Array
from training import datasets
from training.affect import picture_copies
from training.affect.activity import MOTION, OutOfSource, Scenes, correlation, figures, most_chosen, out_of_source
from training.affect.activity_labels import read_labelled_clips
from training.affect.calibration import round_digits
from training.affect.feature_table import FeatureTable, extract_all
from training.affect.fit import Progress, Report
from training.affect.picture_affect import STEPS, PictureFit, fit_pictures
from training.affect.picture_copies import network_features
from training.affect.picture_families import activity
from training.affect.terms import AXES

FILM_VALENCE_R = 0.3
"""What is assumed of valence on clips, for want of rated ones: below the pictures' figure on unseen families."""

CLIP_SPREAD = (0.5, 1.0)
"""SD of valence and arousal of clips, that of music being 1: weak evidence of valence must not decide a match."""
NEUTRAL_PICTURE = 4.0
"""The middle of OASIS's scale of 1 to 7, where a picture's valence is neutral: its pictures are pleasant on average."""
STILL_SPREAD = (1.0, 1.0)
"""Of pictures that do not move: as wide as music. Spread by r alone, where errors would be least, pictures find music
worse by .035 mAP, themes and series left out; what is lost in certainty stands in the stated SD."""

READ = ("picture_valence", "picture_arousal", "activity")
"""The readings, in the order of the heads."""

REASONS = {
    "picture_valence": "ridge regression of OASIS's ratings of valence on what the network sees",
    "picture_arousal": "ridge regression of OASIS's ratings of arousal on what the network sees",
    "activity": "action excites: labelled clips, and pictures of themes in action or at rest",
    "local_motion_widths_per_s": "what moves by itself excites (LIRIS-ACCEDE: motion +.12; by ratio)",
    "camera_motion_widths_per_s": "a moving camera excites (LIRIS-ACCEDE: motion +.12; by ratio)",
    "motion_sd_widths_per_s": "changing motion excites (LIRIS-ACCEDE: motion +.12; by ratio)",
    "brightness_change_per_s": "flicker and changing light excite (by ratio)",
    "cut_rate_per_min": "cuts excite (LIRIS-ACCEDE: +.10)",
}


@dataclass(frozen=True)
class TrainedVideo:
    """The shipped predictors of clips and of stills, their heads, and what to report and to say of their columns."""

    model: LinearAffect
    still: LinearAffect
    heads: Heads
    report: Report


def train_video(data: Path, seeds: int, progress: Progress) -> TrainedVideo:
    """The clip predictors and their figures; raises InputError when ratings or labelled clips are missing."""
    ratings, labelled = datasets.load("oasis", data), read_labelled_clips(data)
    pictures = extract_all(ratings.paths, picture_copies.extract, partial(progress, "picture features"))
    clips = extract_all(labelled.paths, picture_copies.extract, partial(progress, "clip features"))
    progress("pictures: cross-validation", 0, STEPS)
    fitted = fit_pictures(pictures, ratings, seeds, tick=partial(progress, "pictures: cross-validation"))
    scenes = Scenes.of(labelled, clips, pictures, label=activity(ratings.groups))
    progress("clips: cross-validation", 0, 1)
    found = out_of_source(scenes)
    progress("clips: cross-validation", 1, 1)
    heads, mixture, told = _heads(fitted, scenes, pictures), most_chosen(found), figures(scenes, labelled, found)
    r = np.array([fitted.family[axis]["r"] for axis in AXES])
    area = told["all"]["low_95"]  # few clips: the stated uncertainty is what their worst case supports
    model = _moving(heads(network_features(clips)), clips, scenes, found, np.array([FILM_VALENCE_R, correlation(area)]))
    still = _still(heads(network_features(pictures)), fitted.spread, model, r, ratings)
    report: Report = {
        "corpus": {"name": "oasis", "items": len(ratings), "groups": len(set(ratings.groups)), "grouped_by": "theme"},
        "strength": dict(zip(AXES, fitted.strengths, strict=True)),
        **{axis: asdict(fitted.by_theme[axis]) for axis in AXES},
        "families": {axis: dict(fitted.family[axis]) for axis in AXES},
        "activity": {**told, "mixture": {"columns": list(mixture.columns), "share": mixture.share}},
        "arousal_r": correlation(area),
        "arousal_r_from_auc": area,
    }
    return TrainedVideo(model, still, heads, report)


def _heads(fitted: PictureFit, scenes: Scenes, pictures: FeatureTable) -> Heads:
    """The readings in `READ`, of raw features; that of activity is fitted to all clips."""
    scale = network_features(pictures).std(axis=0)
    activity = scenes.head(np.ones(len(scenes.busy), bool)) / np.where(scale > 1e-9, scale, 1.0)
    bias = -float(network_features(pictures).mean(axis=0) @ activity)
    weights = np.column_stack([fitted.weights, activity])
    return Heads(READ, weights.astype(np.float32).astype(np.float64), np.append(fitted.bias, bias))


def _moving(readings: Array, clips: FeatureTable, scenes: Scenes, found: OutOfSource, r: Array) -> LinearAffect:
    """The predictor of clips: on the labelled ones it has mean 0, and an SD of `CLIP_SPREAD` out of source.

    A head fitted to few clips tells these further apart than others, so the spread of activity is that of readings of
    sources left out.
    """
    mixture = most_chosen(found)
    columns = ("picture_valence", "activity", *mixture.columns)
    transforms = ("identity", "identity", *(MOTION[c] for c in mixture.columns))
    natural = [TRANSFORMS[MOTION[c]](clips.select([c]).items[:, 0]) for c in mixture.columns]
    rows = [readings[:, READ.index("picture_valence")], found.reading, *natural]
    weights = np.zeros((2, len(columns)))
    weights[0, 0] = 1.0
    every = mixture.weights()
    weights[1, 1:] = [every[0], *(every[1 + tuple(MOTION).index(c)] for c in mixture.columns)]
    score = np.column_stack([found.reading / (found.reading.std() or 1.0), scenes.motion]) @ every
    spread = np.array(CLIP_SPREAD)
    return LinearAffect(
        columns,
        transforms,
        round_digits(np.array([row.mean() for row in rows])),
        round_digits(np.array([row.std() or 1.0 for row in rows])),
        round_digits(weights),
        round_digits(spread / np.array([1.0, score.std() or 1.0])),
        round_digits(residual_sd(r, spread)),
    )


def _still(readings: Array, spread: Array, model: LinearAffect, r: Array, ratings: datasets.Ratings) -> LinearAffect:
    """The predictor of pictures that do not move; the rated ones have an SD of `STILL_SPREAD`, out of fold.

    They are as pleasant on average as they were rated. Less goes on in them than in clips: by that much they lie lower
    in arousal.
    """
    pleasant = (ratings.affect[:, 0].mean() - NEUTRAL_PICTURE) / ratings.affect[:, 0].std()
    place = model.columns.index("activity")
    less = (readings[:, READ.index("activity")].mean() - model.centre[place]) / model.scale[place]
    return LinearAffect(
        READ[:2],
        ("identity", "identity"),
        round_digits(readings[:, :2].mean(axis=0)),
        round_digits(np.where(spread > 0, spread, 1.0)),
        np.eye(2),
        round_digits(np.array(STILL_SPREAD)),
        round_digits(residual_sd(r, np.array(STILL_SPREAD))),
        round_digits(np.array([pleasant, model.gain[1] * model.weights[1, place] * min(less, 0.0)])),
    )


def residual_sd(r: Array, spread: Array) -> Array:
    """SD of prediction minus truth where the truth has SD 1 and a prediction of that `spread` correlates by `r`.

    sqrt(1 - r²) only for predictions shrunk to a spread of r: others are stated wider than that.
    """
    return np.asarray(np.sqrt(1 + spread**2 - 2 * spread * r))
