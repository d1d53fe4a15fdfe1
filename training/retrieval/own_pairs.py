"""A user's own pairs for `recommend train adapt`: from a table of media, or a data set that was built of them."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.encoders.contract import MODALITIES
from recommender.model.retrieval import RetrievalModel
from recommender.text import show
from recommender.types import Array, Modality
from training.datasets.collections import all_pairs
from training.learning.targets import is_matched
from training.retrieval.rated_pairs import RatedPairs, measure_files, read_rated_pairs
from training.types import Dataset, Pairs, Tick, components

MOST = 2
"""Sources of a group that mismatched pairs may tie together."""


class Own(NamedTuple):
    """Pairs of a user: what they are called, a hash of what they hold, and whether their emotions were given.

    failed: the files that could not be used, with the reason.
    """

    name: str
    revision: str
    pairs: Pairs
    labelled: bool
    failed: Mapping[str, str] = {}


class Measuring(NamedTuple):
    """How a user's media are measured: where features are kept, in how many processes, and who is told: `tick` of the
    progress, `note` a line on every file that could not be used."""

    cache: Path
    workers: int
    tick: Tick
    note: Callable[[str], object]


def read_own(table: Path, model: RetrievalModel, how: Measuring) -> Own:
    """The pairs of a CSV table (`training.retrieval.rated_pairs`), measured as `model` reads them.

    A pair of score .5 or more, or rated 3 or more of 5, is a match; emotions count where the table has them. Features
    stay in `cache`. Raises InputError for a wrong table, and where what the model reads cannot be measured here.
    """
    rated = read_rated_pairs(table)
    for modality in MODALITIES:
        model.check_media(modality)
    sides: dict[Modality, dict[str, Array]] = {}
    failed: dict[str, str] = {}
    for modality in MODALITIES:
        sides[modality], bad = measure_own(getattr(rated, modality), table.parent, modality, model=model, how=how)
        failed |= bad
    revision = hashlib.sha256(table.read_bytes()).hexdigest()
    every = with_sources(rated, sides["video"], sides["music"])
    pairs = untie(every)
    if tied := len(every) - len(pairs):
        how.note(f"{tied} pairs that do not match were left out: they tie too many clips to each other's music")
    return Own(show(table.name), revision, pairs, rated.classes, failed)


def measure_own(
    files: Sequence[str], folder: Path, modality: Modality, *, model: RetrievalModel, how: Measuring
) -> tuple[dict[str, Array], dict[str, str]]:
    """Features of files as `model` reads them, by name, and why others have none, which is told."""
    extractor = model.needs[modality].extractor
    found, failed = measure_files(
        files,
        folder,
        modality,
        cache=how.cache,
        workers=how.workers,
        tick=lambda done, total: how.tick(f"measuring {modality}", done, total),
        extractor=extractor,
    )
    for reason in failed.values():
        how.note(f"failed: {reason}")
    return found, failed


def with_sources(rated: RatedPairs, video: Mapping[str, Array], music: Mapping[str, Array]) -> Pairs:
    """The pairs whose files both have features. What matched pairs connect is one source: a clip and its music."""
    named = enumerate(zip(rated.video, rated.music, strict=True))
    rows = np.array([i for i, (clip, track) in named if clip in video and track in music], np.int64)
    names = [[side[i] for i in rows] for side in (rated.video, rated.music)]
    clips, tracks = (np.unique(side, return_inverse=True)[1] for side in names)
    tracks = tracks + int(clips.max(initial=-1)) + 1
    match = is_matched(rated.score[rows]).astype(np.int64)
    every, linked = np.arange(int(tracks.max(initial=-1)) + 1), match == 1
    source = components(np.r_[clips[linked], every], np.r_[tracks[linked], every])[linked.sum() :]
    both = zip((video, music), names, strict=True)
    seen, heard = (np.array([found[name] for name in side], np.float32) for found, side in both)
    affects = (rated.video_affect, rated.music_affect) if rated.classes else (np.zeros((len(rated.score), 1)),) * 2
    clip_emotion, track_emotion = (affect[rows].argmax(axis=1) for affect in affects)
    ids = tuple(f"{clip} + {track}" for clip, track in zip(*names, strict=True))
    return Pairs(seen, heard, match, clip_emotion, track_emotion, source[clips], source[tracks], ids)


def untie(pairs: Pairs, most: int = MOST) -> Pairs:
    """`pairs` without mismatched ones that would make groups of more than `most` sources; the first given stay.

    Groups never cross folds, and who pairs every clip with some other clip's music ties all of them into one.
    """
    group = {source: {source} for source in np.union1d(pairs.video_source, pairs.music_source).tolist()}
    kept = []
    for row, (a, b) in enumerate(zip(pairs.video_source.tolist(), pairs.music_source.tolist(), strict=True)):
        both = group[a] | group[b]
        if a == b or len(both) <= most:
            kept.append(row)
            group |= dict.fromkeys(both, both)
    return pairs.take(np.array(kept, np.int64))


def take_own(dataset: Dataset, model: RetrievalModel) -> Own:
    """All pairs of a data set, whichever part they are in: what they win is measured on folds of them.

    Raises InputError when the model reads other features, or there are none.
    """
    model.check(dataset.features, dataset.name)
    return Own(dataset.name, dataset.revision, all_pairs(dataset), labelled=True)
