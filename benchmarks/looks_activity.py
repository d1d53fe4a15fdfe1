"""Whether calm and busy clips are told apart as well by other looks: AUC with every source left out of the training."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from looks_thinned import SCHEMES, read

from recommender.extractors.networks import efficientnet
from recommender.extractors.video import clip
from recommender.types import Array
from training import datasets
from training.affect import picture_copies
from training.affect.activity import USED, Mixture, Scenes, auc
from training.affect.activity_labels import Labelled, read_labelled_clips
from training.affect.agreement import standardise
from training.affect.feature_table import FeatureTable
from training.affect.picture_copies import COPIES, LIGHTS
from training.affect.picture_families import activity

MOTION_SHARE = 0.3
"""Weight of motion and cuts, that of the model that ships."""
Kept = Callable[[Path, str, Callable[[Path], Array]], Array]
"""What a function makes of a path, from disk where it is there; the text tells one such function from another."""


def activity_lines(data: Path, kept: Kept, draws: int, seed: int) -> list[str]:
    """A table in markdown: a row per scheme, and its AUC less that of the first, paired over sources.

    What clips look like in other light is from the first looks throughout: heads differ by nothing else.
    """
    labelled, ratings = read_labelled_clips(data), datasets.load("oasis", data)
    sight = picture_copies.sight(LIGHTS)
    items = np.array(
        [
            kept(path, "lights", lambda path: np.array([one.item for one in read(path, sight)]))
            for path in labelled.paths
        ]
    )
    items[:, :, -len(LIGHTS) * efficientnet.DIM :] = items[:, :1, -len(LIGHTS) * efficientnet.DIM :]
    pictures = [kept(path, "copies", lambda path: picture_copies.extract(path).item) for path in ratings.paths]
    label = activity(ratings.groups)
    seen = [
        Scenes.of(labelled, _table(rows, LIGHTS), _table(np.array(pictures), tuple(COPIES)), label=label)
        for rows in items.transpose(1, 0, 2)
    ]
    first = _heads(seen[0])
    scores = {
        "heads of the first looks": [_score(first, scenes) for scenes in seen],
        "heads fitted anew": [_score(_heads(scenes), scenes) for scenes in seen],
    }
    lines = [f"| looks | {' | '.join(scores)} |", "|---|---|---|"]
    for k, name in enumerate(SCHEMES):
        cells = [told(labelled, some[k], some[0], draws=draws, seed=seed) for some in scores.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _table(items: Array, copies: tuple[str, ...]) -> FeatureTable:
    columns = tuple(
        column.name for column in (*clip.COLUMNS[: -len(clip.SIGHT.columns)], *picture_copies.sight(copies).columns)
    )
    return FeatureTable(columns, items.astype(np.float64), items, np.arange(len(items)))


def _heads(scenes: Scenes) -> dict[str, Array]:
    """By source, the head that saw the clips of all others."""
    names = np.asarray(scenes.sources)
    return {name: scenes.head(names != name) for name in dict.fromkeys(scenes.sources)}


def _score(heads: dict[str, Array], scenes: Scenes) -> Array:
    """Arousal of the clips, each by the head that saw nothing of its source."""
    reading = np.array([row @ heads[name] for name, row in zip(scenes.sources, scenes.clips, strict=True)])
    return np.column_stack([standardise(reading), scenes.motion]) @ Mixture(USED, MOTION_SHARE).weights()


def told(labelled: Labelled, new: Array, old: Array, *, draws: int, seed: int) -> str:
    """AUC of `new`, and how far above that of `old`, with its interval."""
    sources, rng, drawn = np.asarray(labelled.sources), np.random.default_rng(seed), []
    places = [np.flatnonzero(sources == name) for name in np.unique(sources)]
    while len(drawn) < draws:
        rows = np.concatenate([places[i] for i in rng.integers(0, len(places), len(places))])
        if 0 < labelled.busy[rows].sum() < len(rows):
            drawn.append(auc(new[rows], labelled.busy[rows]) - auc(old[rows], labelled.busy[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    gain = auc(new, labelled.busy) - auc(old, labelled.busy)
    return f"{auc(new, labelled.busy):.3f}, {gain:+.3f} [{low:+.3f}, {high:+.3f}]"
