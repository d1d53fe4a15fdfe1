"""The music predictor: signed columns fitted to rated renderings (VGMIDI) with produced music that words describe
(MacLeod) beside them, and calibrated on renderings and on produced music alike."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.affect.linear import LinearAffect
from recommender.errors import InputError
from recommender.extractors.audio import music
from recommender.types import Array
from training import datasets
from training.affect import feel_words
from training.affect.agreement import pearson
from training.affect.calibration import Population
from training.affect.cross_validation import Problem
from training.affect.feature_table import FeatureTable, extract_all
from training.affect.feel_words import Chosen, Described, at_limit, beside, choose_share
from training.affect.fit import Progress, Report, Trained, assemble_predictor, fit, problem, weights_of
from training.affect.midi import SECONDS, Synth, other_synth, render_all
from training.affect.music_terms import MUSIC, WITH_LEVEL
from training.affect.nested import leave_one_group_out
from training.affect.terms import AXES, Axis
from training.affect.transfer import corpora_figures, soundfont_figures
from training.datasets import DATASETS, Ratings
from training.datasets.macleod import feels

AUDIO = (".ogg", ".mp3", ".flac", ".wav", ".m4a", ".opus")
Shares = Mapping[Axis, Chosen]
Tasks = Mapping[Axis, Problem]


class Heard(NamedTuple):
    """What music is learnt from, transformed columns [n, f] of each kind.

    pieces: rated renderings, and tasks: the problem of each axis on them alone. described: tracks that words describe;
    real: unrated ones, for the scale alone; None where there are none.
    """

    pieces: Array
    tasks: Tasks
    described: Described | None
    real: Array | None = None

    def kinds(self) -> Mapping[str, Array]:
        """Columns [n, f] of each kind of music there is."""
        described = None if self.described is None else self.described.items
        kinds = {"vgmidi": self.pieces, "macleod": described, "real": self.real}
        return {name: items for name, items in kinds.items() if items is not None}

    def shares(self) -> Shares:
        """The weight of the described tracks on each axis."""
        if self.described is None:
            return {axis: Chosen(0.0, {}) for axis in AXES}
        return {axis: choose_share(task, self.described, axis) for axis, task in self.tasks.items()}

    def joint(self, shares: Shares) -> Tasks:
        """The problems of the rated pieces, fitted with the described tracks beside them."""
        if self.described is None:
            return self.tasks
        return {axis: beside(task, self.described, axis, share=shares[axis].share) for axis, task in self.tasks.items()}

    def calibrate(self, weights: Array, sd: Array) -> LinearAffect:
        """The predictor of `weights` [2, f] per unit of a column, over a population of which each kind is as much.

        That has an SD of 1. Its mean is neutral; with described tracks, what lies half way between their sides is:
        raters who hear piano pieces only use the whole scale for these.
        """
        population = Population.pool(list(self.kinds().values()))
        per_sd = weights * population.scale
        gain = 1 / np.sqrt(population.variance(per_sd))
        offset = np.zeros(2)
        if self.described is not None:
            offset = -self.described.half_way(gain * population.of(self.described.items, per_sd))
        place = population.centre, population.scale
        return assemble_predictor(LinearAffect(MUSIC.columns, MUSIC.transforms, *place, per_sd, gain, sd, offset))


def train_music(data: Path, synth: Synth, cache: Path, *, seeds: int, progress: Progress) -> Trained:
    """The music predictor and its figures; raises InputError when the ratings or the synthesiser fail."""
    ratings = datasets.load("vgmidi", data)
    files = render_all(ratings.paths, synth, cache, tick=partial(progress, f"render ({synth.name})"))
    features = measure_renderings(files, synth, progress)
    real = real_music(data, progress)
    heard = read_heard(data, features, ratings, progress=progress)._replace(
        real=None if real is None else MUSIC.table(real).items
    )
    progress("music: cross-validation", 0, 1)
    shares = heard.shares()
    fitted = fit(MUSIC, heard.joint(shares), seeds)
    model = heard.calibrate(fitted.weights, np.array([fitted.figures[axis].residual_sd_windows for axis in AXES]))
    report: Report = {
        "corpus": corpus_facts(ratings, synth),
        "reference": {
            "vgmidi_pieces": len(ratings),
            "real_tracks": 0 if heard.real is None else len(heard.real),
            "described_tracks": 0 if heard.described is None else len(heard.described.side),
            "offset": model.offset.tolist(),
        },
        "strength": dict(zip(AXES, fitted.strengths, strict=True)),
        **{axis: asdict(fitted.figures[axis]) for axis in AXES},
        "described": measure_described(heard, shares),
        "scale": scale_figures(heard, reader(model)),
        "arousal_with_level": fit_with_level(features, ratings),
        "other_soundfont": other_soundfont(features, ratings, synth, cache=cache, progress=progress),
        "across_corpora": corpora_figures(ratings, files, data, progress=progress),
    }
    progress("music: cross-validation", 1, 1)
    reasons = {t.column: t.reason for t in MUSIC.terms}
    unused = tuple(c for c in MUSIC.columns if c not in model.columns)
    return Trained(model, report, reasons, unused)


def read_heard(data: Path, features: FeatureTable, ratings: Ratings, *, progress: Progress) -> Heard:
    """What weights are learnt from in `data`, `features` being those of the rated pieces."""
    tasks: Tasks = {axis: problem(MUSIC, features, ratings, axis=axis) for axis in AXES}
    return Heard(MUSIC.table(features).items, tasks, read_described_music(data, progress))


def read_described_music(data: Path, progress: Progress) -> Described | None:
    """The tracks of `data` that words describe, or None without such a folder; InputError when a side has no track."""
    folder = data / DATASETS["macleod"].folder
    if not folder.is_dir():
        return None
    tracks = datasets.load("macleod", data)
    features = extract_all(tracks.paths, music.extract, partial(progress, "music features (described)"))
    found = Described(MUSIC.columns, MUSIC.table(features).items, tracks.affect, feels(folder), tracks.groups)
    if found.one_sided is not None:
        raise InputError(f"{folder}: the words of {len(tracks)} tracks name one side of {found.one_sided} only")
    return found


def reader(model: LinearAffect) -> Callable[[Array], Array]:
    """What reads means [n, 2] on the plane from the transformed columns [n, f] of `MUSIC`."""
    plain = replace(model, transform=("identity",) * len(model.columns))
    index = [MUSIC.columns.index(c) for c in model.columns]
    return lambda x: np.asarray(plain(x[:, index])[:, :2])


def measure_described(heard: Heard, shares: Shares) -> Report | None:
    """How described tracks are read that took no part in the fit, and what they cost the rated pieces."""
    if heard.described is None:
        return None

    def predictor(described: Described) -> Callable[[Array], Array]:
        rest = heard._replace(described=described)
        return reader(rest.calibrate(weights_of(MUSIC, rest.joint(shares))[0], np.ones(2)))

    return {
        **feel_words.figures(heard.described, predictor),
        "share": {axis: shares[axis].share for axis in AXES},
        "tried": {axis: {f"{share:g}": r for share, r in shares[axis].tried.items()} for axis in AXES},
    }


def scale_figures(heard: Heard, read: Callable[[Array], Array]) -> Report:
    """Mean, SD and share of tracks at a limit, for each kind of music learnt from."""
    found = {name: read(items) for name, items in heard.kinds().items()}
    return {n: {"mean": m.mean(0).tolist(), "sd": m.std(0).tolist(), "at_limit": at_limit(m)} for n, m in found.items()}


def render_features(ratings: Ratings, synth: Synth, cache: Path, *, progress: Progress) -> FeatureTable:
    """Features of all pieces of `ratings`, rendered by `synth`."""
    files = render_all(ratings.paths, synth, cache, tick=partial(progress, f"render ({synth.name})"))
    return measure_renderings(files, synth, progress)


def measure_renderings(files: list[Path], synth: Synth, progress: Progress) -> FeatureTable:
    """Features of the renderings `files` by `synth`."""
    return extract_all(files, music.extract, partial(progress, f"music features ({synth.name})"))


def real_music(data: Path, progress: Progress) -> FeatureTable | None:
    """Features of the unrated tracks in `data`/music, or None without such a folder."""
    folder = data / "music"
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in AUDIO) if folder.is_dir() else []
    if not paths:
        return None
    return extract_all(paths, music.extract, partial(progress, "music features (real)"))


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


def fit_with_level(features: FeatureTable, ratings: Ratings) -> Report:
    """Arousal with absolute level, leaving one series out: r of the items."""
    task = problem(WITH_LEVEL, features, ratings, axis="arousal")
    out, _ = task.predict_out_of_fold(leave_one_group_out(task.groups), 0)
    return {"r_leave_one_group_out": pearson(out, task.y)}


def other_soundfont(
    features: FeatureTable, ratings: Ratings, synth: Synth, *, cache: Path, progress: Progress
) -> Report | None:
    """Figures from this soundfont to another and back; None when there is no other."""
    second = other_synth(synth)
    if second is None:
        return None
    other = render_features(ratings, second, cache, progress=progress)
    return {
        "soundfont": second.name,
        "soundfont_sha256": second.digest,
        "to_other": soundfont_figures(features, other, ratings),
        "from_other": soundfont_figures(other, features, ratings),
    }
