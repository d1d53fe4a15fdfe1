"""The music predictor: VGMIDI rendered, signed columns fitted, calibrated on renderings and real music alike."""

from functools import partial
from pathlib import Path

import numpy as np

from recommender.features import music
from training import datasets
from training.calibration import Population
from training.crossval import leave_one_group_out
from training.datasets import Ratings
from training.extraction import FeatureTable, extract_all
from training.figures import pearson
from training.fitted import Fit, Progress, Report, Trained, assembled, fit, problem
from training.music_terms import MUSIC, WITH_LEVEL
from training.rendering import SECONDS, Synth, other_synth, render_all
from training.terms import AXES, Terms
from training.transfer import corpora_figures, soundfont_figures

AUDIO = (".ogg", ".mp3", ".flac", ".wav", ".m4a", ".opus")


def train_music(data: Path, synth: Synth, cache: Path, seeds: int, progress: Progress) -> Trained:
    """The music predictor and its figures; raises InputError when the ratings or the synthesiser fail."""
    ratings = datasets.load("vgmidi", data)
    files = render_all(ratings.paths, synth, cache, partial(progress, f"render ({synth.name})"))
    features = measured(files, synth, progress)
    real = real_music(data, progress)
    progress("music: cross-validation", 0, 1)
    fitted = fit(MUSIC, features, ratings, seeds)
    population = reference(fitted, real)
    gain = 1 / np.sqrt(population.variance(fitted.weights))
    sd = np.array([fitted.figures[axis].residual_sd_windows for axis in AXES])
    model = assembled(MUSIC.columns, MUSIC.transforms, population.centre, population.scale, fitted.weights, gain, sd)
    report: Report = {
        "corpus": corpus_facts(ratings, synth),
        "reference": {
            "vgmidi_pieces": len(ratings),
            "real_tracks": 0 if real is None else len(real.items),
            "mean": (population.share @ population.predictions(fitted.weights) * gain).tolist(),
        },
        "strength": dict(zip(AXES, fitted.strengths, strict=True)),
        **{axis: fitted.figures[axis].as_dict() for axis in AXES},
        "arousal_with_level": fit_axis_r(WITH_LEVEL, features, ratings),
        "other_soundfont": other_soundfont(features, ratings, synth, cache, progress),
        "across_corpora": corpora_figures(ratings, files, data, progress),
    }
    progress("music: cross-validation", 1, 1)
    reasons = {t.column: t.reason for t in MUSIC.terms}
    unused = tuple(c for c in MUSIC.columns if c not in model.columns)
    return Trained(model, report, reasons, unused)


def rendered(ratings: Ratings, synth: Synth, cache: Path, progress: Progress) -> FeatureTable:
    """Features of all pieces of `ratings`, rendered by `synth`."""
    files = render_all(ratings.paths, synth, cache, partial(progress, f"render ({synth.name})"))
    return measured(files, synth, progress)


def measured(files: list[Path], synth: Synth, progress: Progress) -> FeatureTable:
    """Features of the renderings `files` by `synth`."""
    return extract_all(files, music.extract, partial(progress, f"music features ({synth.name})"))


def real_music(data: Path, progress: Progress) -> FeatureTable | None:
    """Features of the unrated tracks in `data`/music, or None without such a folder."""
    folder = data / "music"
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in AUDIO) if folder.is_dir() else []
    if not paths:
        return None
    return extract_all(paths, music.extract, partial(progress, "music features (real)"))


def reference(fitted: Fit, real: FeatureTable | None) -> Population:
    """Renderings and real tracks with the same weight: a predictor for either kind of library."""
    corpora = [fitted.table.items]
    if real is not None:
        corpora.append(fitted.terms.table(real).items)
    return Population.pooled(corpora)


def corpus_facts(ratings: Ratings, synth: Synth) -> Report:
    """What was trained on, for the card."""
    return {
        "name": "vgmidi",
        "items": len(ratings),
        "groups": len(set(ratings.groups)),
        "grouped_by": "series",
        "seconds_used": SECONDS,
        "soundfont": synth.name,
        "soundfont_sha256": synth.digest,
    }


def fit_axis_r(terms: Terms, features: FeatureTable, ratings: Ratings) -> Report:
    """Arousal with other terms, leaving one series out: r of the items."""
    task = problem(terms, features, ratings, "arousal")
    out, _ = task.predicted(leave_one_group_out(task.groups), 0)
    return {"r_leave_one_group_out": pearson(out, task.y)}


def other_soundfont(
    features: FeatureTable, ratings: Ratings, synth: Synth, cache: Path, progress: Progress
) -> Report | None:
    """Figures from this soundfont to another and back; None when there is no other."""
    second = other_synth(synth)
    if second is None:
        return None
    other = rendered(ratings, second, cache, progress)
    return {
        "soundfont": second.name,
        "soundfont_sha256": second.digest,
        "to_other": soundfont_figures(features, other, ratings),
        "from_other": soundfont_figures(other, features, ratings),
    }
