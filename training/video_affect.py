"""The clip predictor: picture terms fitted on OASIS, motion and cuts from film studies, one linear model."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from recommender.errors import InputError
from recommender.features import video
from recommender.types import Array
from training import datasets
from training.calibration import Population
from training.extraction import FeatureTable, extract_all
from training.fitted import Fit, Progress, Report, Trained, assembled, fit
from training.terms import AXES, Prior, transformed
from training.video_terms import FILM, FILM_AROUSAL_R, MOVING, PICTURE_SHARE, PICTURES, VALENCE_GAIN

CLIPS = (".mp4", ".webm", ".avi", ".mov", ".mkv", ".gif")
LEFT_OUT = {
    "example.mp4": "test pattern",
    "smpte-2997.mp4": "test pattern",
    "no_duration.webm": "black",
    "luma.mp4": "the lightness of another clip",
    "chroma1.mp4": "the colour difference of another clip",
}
"""Clips of the shared folder that no one would set to music: they would distort how much motion is usual."""


def train_video(data: Path, seeds: int, progress: Progress) -> Trained:
    """The clip predictor and its figures; raises InputError when ratings or clips are missing."""
    ratings = datasets.load("oasis", data)
    pictures = extract_all(ratings.paths, video.extract, partial(progress, "picture features"))
    clips = moving_clips(data, progress)
    progress("pictures: cross-validation", 0, 1)
    fitted = fit(PICTURES, pictures, ratings, seeds)
    still, moving = Population.pooled([_static(pictures)]), Population.pooled([_moving(clips)])
    weights = np.concatenate([_static_weights(fitted, still), _moving_weights()], axis=1)
    # Pictures and clips are different items: their parts count as independent, so that variances add.
    split = len(STATIC)
    variance = still.variance(weights[:, :split]) + moving.variance(weights[:, split:])
    spread = np.array([VALENCE_GAIN, 1.0])
    gain = spread / np.sqrt(variance)
    sd = residual_sd(np.array([fitted.figures["valence"].r_mean, FILM_AROUSAL_R]), spread)
    model = assembled(
        STATIC + MOVING,
        _transforms(STATIC) + _transforms(MOVING),
        np.concatenate([still.centre, moving.centre]),
        np.concatenate([still.scale, moving.scale]),
        weights,
        gain,
        sd,
        MOVING,
    )
    report: Report = {
        "corpus": {
            "name": "oasis",
            "items": len(ratings),
            "groups": len(set(ratings.groups)),
            "grouped_by": "theme",
        },
        "reference": {
            "pictures": len(ratings),
            "clips": len(clips.items),
            "left_out": {n: why for n, why in LEFT_OUT.items() if (data / "clips" / n).is_file()},
            "share_of_arousal_variance_from_motion_and_cuts": float(
                moving.variance(weights[:, split:])[1] / variance[1]
            ),
        },
        "strength": dict(zip(AXES, fitted.strengths, strict=True)),
        **{axis: fitted.figures[axis].as_dict() for axis in AXES},
    }
    progress("pictures: cross-validation", 1, 1)
    reasons = {t.column: t.reason for t in PICTURES.terms}
    for prior in FILM:
        reasons[prior.column] = "; ".join(filter(None, (reasons.get(prior.column), prior.source)))
    unused = tuple(c for c in STATIC if c not in model.columns)
    return Trained(model, report, reasons, unused)


def residual_sd(r: Array, spread: Array) -> Array:
    """SD of prediction minus truth where the truth has SD 1 and a prediction of that `spread` correlates by `r`.

    Not sqrt(1 - r²), which would hold of predictions shrunk to a spread of r: ours are stated wider than that.
    """
    return np.asarray(np.sqrt(1 + spread**2 - 2 * spread * r))


def moving_clips(data: Path, progress: Progress) -> FeatureTable:
    """Features of the unrated clips in `data`/clips that move; raises InputError when there are fewer than 3."""
    folder = data / "clips"
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in CLIPS) if folder.is_dir() else []
    kept = [p for p in paths if p.name not in LEFT_OUT]
    if len(kept) < 3:
        raise InputError(f"{folder}: at least 3 clips are needed to know how much motion is usual")
    return extract_all(kept, video.extract, partial(progress, "clip features"))


def _film_static() -> tuple[Prior, ...]:
    return tuple(p for p in FILM if p.column not in MOVING)


STATIC = PICTURES.columns + tuple(p.column for p in _film_static() if p.column not in PICTURES.columns)
"""Columns that a picture alone has."""


def _transforms(columns: Sequence[str]) -> tuple[str, ...]:
    known = {t.column: t.transform for t in PICTURES.terms} | {p.column: p.transform for p in FILM}
    return tuple(known[c] for c in columns)


def _static(features: FeatureTable) -> Array:
    return transformed(features.select(STATIC).items, _transforms(STATIC))


def _moving(features: FeatureTable) -> Array:
    return transformed(features.select(MOVING).items, _transforms(MOVING))


def _static_weights(fitted: Fit, still: Population) -> Array:
    """float64 [2, f]: the picture predictor at its share of a clip, plus the film coefficients."""
    weights = np.zeros((2, len(STATIC)))
    weights[:, : len(PICTURES.terms)] = fitted.weights
    spread = np.sqrt(still.variance(weights))
    share = np.array([PICTURE_SHARE[axis] for axis in AXES])
    weights *= (share / np.where(spread > 0, spread, 1))[:, None]
    for prior in _film_static():
        weights[:, STATIC.index(prior.column)] += (prior.valence, prior.arousal)
    return weights


def _moving_weights() -> Array:
    by_name = {p.column: (p.valence, p.arousal) for p in FILM}
    return np.array([by_name[c] for c in MOVING]).T
