"""Rated pictures and rated music as an affect model sees them: what AFCLNet learns to match without rated pairs.

Any picture goes with any piece of music, and how well is how near their ratings lie on the valence-arousal plane, each
corpus standardised by itself: their scales differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.affect.linear import POPULATION_SD, LinearAffect, bound, unbound
from recommender.model.affect import AffectModel
from recommender.types import Array, Modality
from training import datasets
from training.affect import picture_affect, picture_copies
from training.affect.agreement import standardise
from training.affect.cross_validation import Problem
from training.affect.feature_table import FeatureTable, extract_all
from training.affect.fit import Progress
from training.affect.midi import Synth
from training.affect.music import read_heard, render_features
from training.affect.nested import cross_validate, group_folds
from training.affect.terms import AXES
from training.datasets import Ratings
from training.learning.targets import NearAffect

FOLDS = 5
"""Inner folds whose held-out predictions the network is trained on."""


class Seen(NamedTuple):
    """n items: affect float64 [n, 2] as the model states means, what AFCLNet reads [n, 2 + f], and ratings [n, 2].

    z: the predictions behind the affect, in SDs of the reference population, [n, 2].
    """

    affect: Array
    objective: Array
    ratings: Array
    z: Array

    @property
    def features(self) -> Array:
        """float32 [n, 2 + f]"""
        return self.objective.astype(np.float32)


@dataclass(frozen=True)
class Rated:
    """The rated items of one modality; pictures as the model reads what does not move.

    problems: valence and arousal as the model's predictors are trained on them; ratings have mean 0 and SD 1.
    values: float64 [n, m], the measured features. spread, offset: SD and mean [2] of valence and arousal over these
        items, in population SDs; of music 1 and 0, as a library's own are with --calibrate-on-library: one kind of
        music lies at one place on the model's scale. read: both, [2, 2], as the model states them without.
    """

    modality: Modality
    model: AffectModel
    problems: tuple[Problem, ...]
    values: Array
    ratings: Array
    groups: tuple[str, ...]
    spread: Array
    offset: Array
    read: Array

    def __len__(self) -> int:
        return len(self.ratings)

    @classmethod
    def of(
        cls,
        modality: Modality,
        model: AffectModel,
        problems: Sequence[Problem],
        *,
        features: FeatureTable,
        ratings: Ratings,
    ) -> "Rated":
        """The items of `ratings`, whose `features` were measured."""
        still = modality == "video" and model.still is not None
        predictor = model.predictor_of(modality, still=still)
        # That of stills reads heads with SD 1 out of fold: its gain is the spread.
        place = (predictor.gain, predictor.offset) if still else (np.ones(2), np.zeros(2))
        return cls(
            modality,
            model,
            tuple(problems),
            features.select(model.source_columns(modality)).items,
            np.column_stack([standardise(values) for values in ratings.affect.T]),
            ratings.groups,
            place[0],
            place[1],
            np.array(place if still else _place(predictor, features)),
        )

    def see(self, fitted: Array, held: Array, seed: int) -> tuple[Seen, Seen]:
        """The items at rows `fitted` and those at rows `held`, both by affect predictors that never saw their ratings.

        Those of the held-out items are fitted on all others; each of the others on their other inner folds.
        """
        pairs = [_predicted(task, fitted, held, np.asarray(self.groups), seed) for task in self.problems]
        inside, outside = (np.column_stack(side) for side in zip(*pairs, strict=True))
        return self._seen(fitted, inside), self._seen(held, outside)

    def _seen(self, rows: Array, z: Array) -> Seen:
        affect = bound(POPULATION_SD * (self.spread * z + self.offset))
        return Seen(affect, self.model.objective(self.modality, self.values[rows], affect), self.ratings[rows], z)

    def as_read(self, z: Array) -> Array:
        """Affect float64 [n, 2] of predictions `z` as the model states it for a library of any music."""
        return bound(POPULATION_SD * (self.read[0] * z + self.read[1]))

    def vectors(self, affect: Array) -> Array:
        """Vectors float64 [n, dim] in the model's affect space, of `affect` [n, 2] with the model's own SDs."""
        sd = np.broadcast_to(POPULATION_SD * self.model.predictor_of(self.modality, still=True).sd, affect.shape)
        return np.asarray(self.model.affect_space.encode(np.hstack([affect, sd])), np.float64)


def _place(predictor: LinearAffect, features: FeatureTable) -> tuple[Array, Array]:
    """SD and mean [2] of what `predictor` states of the items, in population SDs, before it is bounded."""
    means = unbound(predictor(features.select(predictor.columns).items)[:, :2]) / POPULATION_SD
    return means.std(axis=0), means.mean(axis=0)


def _predicted(task: Problem, fitted: Array, held: Array, groups: Array, seed: int) -> tuple[Array, Array]:
    """z-scores of one axis: of the fitted items out of inner folds, of the others by the model of all fitted ones."""
    x, y, names = task.table.items[fitted], task.y[fitted], groups[fitted]
    inside, _ = cross_validate(
        x, y, task.signs, groups=list(names), folds=group_folds(list(names), FOLDS, seed), seed=seed, fit=task.fit
    )
    model, _ = task.fit(x, y, task.signs, names, seed)
    # As the product: predictions of the population it knows have mean 0 and SD 1. Those of the rows a model was fitted
    # to are spread wider than of others, so the spread is that of the inner folds.
    outside = (model.deviation(task.table.items[held]) - model.deviation(x).mean()) / (inside.std() or 1.0)
    return standardise(inside), outside


def measure_rated(
    data: Path, model: AffectModel, synth: Synth, *, cache: Path, progress: Progress
) -> tuple[Rated, Rated]:
    """The rated pictures and the rated music of `data`, measured; raises InputError when they are not all there."""
    pictures, pieces = datasets.load("oasis", data), datasets.load("vgmidi", data)
    extract = partial(picture_copies.extract, copies=picture_affect.COPIES)
    shots = extract_all(pictures.paths, extract, partial(progress, "picture features"))
    music = render_features(pieces, synth, cache, progress=progress)
    seen = [picture_affect.problem(shots, pictures, axis) for axis in AXES]
    heard = read_heard(data, music, pieces, progress=progress)
    tasks = heard.joint(heard.shares())
    return (
        Rated.of("video", model, seen, features=shots, ratings=pictures),
        Rated.of("music", model, [tasks[axis] for axis in AXES], features=music, ratings=pieces),
    )


def nearness(video: Rated, music: Rated) -> NearAffect:
    """The score of a pair: .5, a match, at the median distance, so that half of all combinations match."""
    return NearAffect(2 * float(np.median(distances(video.ratings, music.ratings))))


def distances(video: Array, music: Array) -> Array:
    """float64 [a, b]: distance of every picture's ratings [a, 2] from every piece's [b, 2], in SDs."""
    return np.asarray(np.linalg.norm(video[:, None] - music[None], axis=2))


def deal_pairs(sizes: Sequence[int], rng: np.random.Generator) -> list[Array]:
    """Row numbers int64 [max(sizes)] per side: pairs in which every item occurs, as evenly as can be."""
    length = max(sizes)
    return [np.concatenate([rng.permutation(n) for _ in range(-(-length // n))])[:length] for n in sizes]
