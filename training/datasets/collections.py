"""Several data sets as the collections of one: each can be left out, or all be learnt from together."""

import hashlib
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.datasets.emomv import apart
from training.types import Collection, Corpus, Dataset, Extra, Pairs


def gather(datasets: Sequence[Dataset]) -> Dataset:
    """The data sets as one, whose training pairs are all pairs of all of them.

    Of each set every part counts that has the features of both sides, whatever it was published for: a set that is left
    out is left out whole, and one that is learnt from has no other use. Its corpus are all its segments with their own
    sound, those of the published corpus and of the matched pairs.

    Raises InputError for fewer than two sets, a set that is given twice or has no such part, and sets whose features or
    labels differ.
    """
    names = [data.name for data in datasets]
    if len(set(names)) < max(2, len(names)):
        raise InputError(f"{', '.join(names)}: give two or more different data sets, separated by commas")
    first = datasets[0]
    for data in datasets:
        if (data.features, data.labels) != (first.features, first.labels):
            raise InputError(
                f"{first.name} and {data.name} have other features or labels: gather sets of the same kind"
            )
    found: list[Collection] = []
    for number, data in enumerate(datasets):
        found.append(_collection(data, number, 1 + max((_last(one) for one in found), default=-1)))
    return Dataset(
        name=",".join(names),
        pairs={"train": join_pairs([one.pairs for one in found])},
        corpus=None,
        revision=hashlib.sha256("".join(data.revision for data in datasets).encode()).hexdigest(),
        licence="; ".join(dict.fromkeys(data.licence for data in datasets)),
        missing=tuple(f"{data.name}, {line}" for data in datasets for line in data.missing),
        features=first.features,
        labels=first.labels,
        collections=tuple(found),
    )


def all_pairs(data: Dataset) -> Pairs:
    """The pairs of all parts that have the features of both sides; raises InputError where there are none."""
    parts = [part for part in data.pairs.values() if part.video.shape[1] and part.music.shape[1]]
    if not parts:
        lacking = "; ".join(data.missing) or "no pairs"
        raise InputError(f"{data.name} has no pairs with features of both sides: {lacking}")
    return join_pairs(parts)


def join_pairs(parts: Sequence[Pairs]) -> Pairs:
    """The pairs of all parts, one after the other; sources keep their numbers."""
    arrays = {
        f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Pairs) if f.name != "ids"
    }
    return Pairs(**arrays, ids=tuple(name for part in parts for name in part.ids))


def _collection(data: Dataset, number: int, first: int) -> Collection:
    """A set whole, its sources numbered from `first` on."""
    pairs = all_pairs(data)
    sources = {f"{side}_source": getattr(pairs, f"{side}_source") + first for side in ("video", "music")}
    pairs = replace(pairs, **sources, collection=np.full(len(pairs), number))
    return Collection(data.name, pairs, segments(pairs, data.corpus, first), _music(data, pairs.music))


def _music(data: Dataset, heard: Array) -> Extra | None:
    """The labelled music of the parts without pictures, but for recordings that are among those `heard` [n, d]."""
    deaf = [part for part in data.pairs.values() if part.music.shape[1] and not part.video.shape[1]]
    return join_extra([apart(Extra(part.music, part.music_emotion, part.music_source), heard) for part in deaf])


def join_extra(parts: Sequence[Extra]) -> Extra | None:
    """Further music of several sets, whose sources get numbers apart; None where there is none."""
    if not parts:
        return None
    first = np.cumsum([0, *(1 + int(part.source.max(initial=-1)) for part in parts)])
    source = np.concatenate([part.source + start for part, start in zip(parts, first, strict=False)])
    music, emotion = (np.concatenate([getattr(part, name) for part in parts]) for name in ("music", "emotion"))
    return Extra(music, emotion, source)


def segments(pairs: Pairs, corpus: Corpus | None = None, first: int = 0) -> Corpus:
    """All segments with their own sound: of matched `pairs`, and those of `corpus` that are not among them.

    first: added to the numbers of the corpus's sources.
    """
    rows = np.flatnonzero(pairs.match == 1)
    own = pairs.take(rows[np.unique([pairs.ids[i] for i in rows], return_index=True)[1]])
    found = Corpus(own.video, own.music, own.video_emotion, own.ids, own.video_source)
    if corpus is None or not corpus.video.shape[1] or not corpus.music.shape[1]:
        return found
    known = set(own.ids)
    new = np.array([i for i, name in enumerate(corpus.ids) if name not in known], np.int64)
    more: dict[str, Array] = {name: getattr(corpus, name)[new] for name in ("video", "music", "emotion")}
    joined = {name: np.concatenate([getattr(found, name), values]) for name, values in more.items()}
    source = np.concatenate([found.source, corpus.source[new] + first])
    return Corpus(**joined, ids=(*found.ids, *(corpus.ids[i] for i in new)), source=source)


def _last(one: Collection) -> int:
    """The largest number of a source of a collection."""
    return int(max(one.pairs.video_source.max(), one.pairs.music_source.max(), one.corpus.source.max(initial=0)))
