"""Queries: what is searched for, made of an analysis, or of several queries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np

from recommender import rankers
from recommender.affect.course import Course
from recommender.affect.cues import together
from recommender.affect.words import emotions_in
from recommender.editing.placement import Stretch
from recommender.errors import InputError
from recommender.model import Model
from recommender.types import Affect, Analysis, Array, Cue, Emotions, Features, Loss, Modality, loss_of, unit


@dataclass(frozen=True)
class Query:
    """What is searched for.

    Attributes
    ----------
    vector: float32 [dim], unit length.
    affect: of the clip (or blend); None for a bare vector, and of a model that knows none.
    duration_s: length to cover with a section; 0 asks for one window.
    target: what is searched, music or clips.
    exclude: paths never to return (the reference track itself).
    emotions: their probabilities by name, of a model that predicts them.
    side: float32 [s], what AFCLNet stores of the query; None for a bare vector, a blend, a query of the target's own
        modality, and models without it.
    still: whether it is of pictures that do not move, so that its arousal is told from the pictures alone.
    cues: why it was read as it was, the strongest first, of a model that can say.
    loss: what of its file could not be read; None where all could.
    course: of a clip that looks for music, how its affect moves over its windows; None for a blend, and of a model that
        knows no affect.
    speech: where somebody speaks in a clip, in seconds of it, in order; of a blend as in the first of its queries.
    shot_s: how long its shots last on average; None where there are no cuts, and for a blend.
    """

    vector: Array
    affect: Affect | None
    duration_s: float
    target: Modality
    exclude: frozenset[str] = frozenset()
    emotions: Emotions | None = None
    side: Array | None = None
    still: bool = False
    cues: tuple[Cue, ...] = ()
    loss: Loss | None = None
    course: Course | None = None
    speech: tuple[Stretch, ...] = ()
    shot_s: float | None = None

    @property
    def spoken_s(self) -> float:
        """How long somebody speaks."""
        return sum(end_s - start_s for start_s, end_s in self.speech)


def query_of(analysis: Analysis, target: Modality, exclude: frozenset[str] = frozenset()) -> Query:
    """The query made of an analysis: its whole-item vector, affect and duration."""
    features = analysis.features
    return Query(
        analysis.item_vector,
        Affect(*analysis.item_affect.tolist()) if len(analysis.item_affect) else None,
        features.duration_s,
        target,
        exclude,
        emotions_in(features.columns, features.item),
        None if analysis.modality == target else side_of(features.columns, features.item),
        bool(features.facts.get("still", False)),
        loss=loss_of(features.facts),
        course=Course(features.windows, analysis.affect, features.duration_s) if _moves(analysis, target) else None,
        shot_s=_shot_s(features),
    )


def query_of_part(model: Model, features: Features, speech: Sequence[Stretch]) -> Query:
    """The query of a part of a film: music for it alone.

    Parameters
    ----------
    features: of the part (`extractors.video.parts`). speech: in seconds of it. Raises InputError as `Model.describe`.
    """
    analysis = model.describe(features, "video")
    return replace(query_of(analysis, "music"), cues=model.cues(analysis), speech=tuple(speech))


def _shot_s(features: Features) -> float | None:
    """The mean length of its shots, where there are several."""
    shots = features.facts.get("shots")
    return features.duration_s / float(shots) if shots and float(shots) > 1 and features.duration_s > 0 else None


def _moves(analysis: Analysis, target: Modality) -> bool:
    """Whether its course matters: of a clip whose affect is known, and which looks for music."""
    return analysis.modality == "video" and target == "music" and bool(analysis.affect.shape[1])


def side_of(columns: Sequence[str], values: Array) -> Array | None:
    """What AFCLNet stores, among `values` [f] of `columns`; None where there is nothing of it."""
    kept = [i for i, column in enumerate(columns) if column.startswith(rankers.SIDE)]
    return values[kept] if kept else None


def blend(queries: Sequence[Query], weights: Sequence[float]) -> Query:
    """One query between several: weighted mean of their vectors, back to unit length.

    Parameters
    ----------
    queries: at least one. weights: one for each, not negative, not all zero; their sum does not matter.

    Affect is averaged with the same weights, of cues the strongest are kept; duration, target and speech come from the
    first; exclusions are joined, the largest loss is told.
    """
    w = np.asarray(weights, float)
    if len(w) != len(queries) or (w < 0).any() or not np.isfinite(w).all() or w.sum() <= 0:
        raise InputError(f"weights {list(weights)}: one non-negative number per query, not all zero")
    w = w / w.sum()
    affects = [q.affect for q in queries if q.affect is not None]
    affect = Affect(*np.average(affects, axis=0, weights=w).tolist()) if len(affects) == len(queries) else None
    vector = unit(np.average([q.vector for q in queries], axis=0, weights=w))
    exclude = frozenset().union(*(q.exclude for q in queries))
    still = all(q.still for q in queries)
    why = together([q.cues for q in queries], w.tolist())
    loss = max(filter(None, (q.loss for q in queries)), key=lambda one: one.declared_s - one.read_s, default=None)
    first = queries[0]
    told: dict[str, Any] = {"still": still, "cues": why, "loss": loss, "speech": first.speech}
    return Query(vector, affect, first.duration_s, first.target, exclude, **told)


def cut_speech(speech: Sequence[Stretch], end_s: float, start_s: float = 0.0) -> tuple[Stretch, ...]:
    """What of `speech` lies between two times, counted from the first: sound may go on after the pictures."""
    inside = (Stretch(max(start, start_s) - start_s, min(end, end_s) - start_s) for start, end in speech)
    return tuple(one for one in inside if one.end_s > one.start_s)


def join_speech(parts: Sequence[Sequence[Stretch]], lengths_s: Sequence[float]) -> tuple[Stretch, ...]:
    """The speech of clips that are shown one after the other, each for its length."""
    starts = accumulate(lengths_s, initial=0.0)
    return tuple(Stretch(at + start, at + end) for at, part in zip(starts, parts, strict=False) for start, end in part)
