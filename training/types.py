"""Values of training and evaluation: labelled pairs, retrieval corpora, and the contract of a system."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np

from recommender.model.retrieval import FeatureSet
from recommender.types import Array, Modality

EMOTIONS = ("exciting", "fearful", "tense", "sad", "relaxing")
"""The five EmoMV emotions; an emotion label is an index into this tuple."""

CLASSES = ("positive", "neutral", "negative")
"""The three broad classes of ACP-Net (Verma et al. 2019)."""
CLASS_OF = (0, 2, 2, 2, 0)
"""The class of each of EMOTIONS by its valence; none of the five is neutral."""

Relevance = Literal["five", "three"]
"""What two segments must share to be relevant to each other: the emotion (or label), or the class."""

V, M = "video->music", "music->video"
"""The directions of retrieval: music for clips, clips for music."""

Tick = Callable[[str, int, int], None]
"""Called with what is done, how much of it, and how much there is."""

ProtocolName = Literal["paper", "clean", "transfer"]
"""`paper`: early stopping on the evaluated set, as published. `clean`: on inner grouped folds of train only.
`transfer`: clean, and trained on other collections than the one that is scored."""


NONE: Array = np.empty(0, np.int64)
"""Stands for numbers that nobody gave."""


@dataclass(frozen=True)
class Pairs:
    """n labelled pairs of a video and a piece of music, as features.

    Attributes
    ----------
    video: float32 [n, d_v]; music: float32 [n, d_m]. A modality whose features are absent has d = 0.
    match: int64 [n], 1 matched, 0 mismatched.
    video_emotion, music_emotion: int64 [n], indices into EMOTIONS.
    video_source, music_source: int64 [n], the source video each half was cut from; pairs that share a source on
        either side belong to one group and never cross folds (see `groups`).
    ids: n names as the dataset gives them.
    collection: int64 [n], the number of the collection that each pair is of; without it all are of one.
    """

    video: Array
    music: Array
    match: Array
    video_emotion: Array
    music_emotion: Array
    video_source: Array
    music_source: Array
    ids: tuple[str, ...]
    collection: Array = field(default_factory=lambda: NONE)

    def __post_init__(self) -> None:
        if self.collection is NONE:
            object.__setattr__(self, "collection", np.zeros(len(self.match), np.int64))

    def __len__(self) -> int:
        return len(self.match)

    def take(self, rows: Array) -> "Pairs":
        """The pairs at `rows` (indices or mask), in that order."""
        index = np.arange(len(self))[rows]
        arrays = {name: getattr(self, name)[index] for name in self.__dataclass_fields__ if name != "ids"}
        return replace(self, ids=tuple(self.ids[i] for i in index), **arrays)

    def groups(self) -> Array:
        """int64 [n]: connected components of pairs that share a source video on either side."""
        return components(self.video_source, self.music_source)


def components(a: Array, b: Array) -> Array:
    """int64 [n]: which component each of n links between numbered things `a` [n] and `b` [n] belongs to."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    numbers = np.unique(np.concatenate([a, b]), return_inverse=True)[1]
    left, right = numbers[: len(a)], numbers[len(a) :]
    size = int(numbers.max(initial=-1)) + 1
    labels = connected_components(coo_matrix((np.ones(len(a)), (left, right)), shape=(size, size)), directed=False)[1]
    return np.asarray(labels[left], np.int64)


@dataclass(frozen=True)
class Corpus:
    """m segments with their own sound, for retrieval.

    Attributes
    ----------
    video: float32 [m, d_v]. music: float32 [m, d_m]. emotion: int64 [m], indices into the labels. ids: m names.
    source: int64 [m], what each was cut from, numbered as those of the pairs; without it each is its own.
    """

    video: Array
    music: Array
    emotion: Array
    ids: tuple[str, ...]
    source: Array = field(default_factory=lambda: NONE)

    def __post_init__(self) -> None:
        if self.source is NONE:
            object.__setattr__(self, "source", np.arange(len(self.emotion)))

    def __len__(self) -> int:
        return len(self.emotion)


@dataclass(frozen=True)
class Collection:
    """One collection whole, as it is left out or learnt from: all its pairs, and all its segments with their sound.

    music: the labelled music of its parts that lack pictures, or None.
    """

    name: str
    pairs: Pairs
    corpus: Corpus
    music: "Extra | None" = None


@dataclass(frozen=True)
class Dataset:
    """A dataset in parts; parts that are not on disk are absent from the mapping and named in `missing`.

    Attributes
    ----------
    name: as it is asked for. pairs: by split name: "train", "validation", "test".
    corpus: the retrieval corpus and its split name's features, or None.
    revision: hash over the files read. licence: name and source. missing: one line per absent part.
    notes: what else was found about parts.
    features: what the columns of either modality are, as a trained model will need them.
    labels: what the emotions of pairs and corpus are indices into; CLASSES of a set of three classes.
    collections: what the training pairs were gathered from, in the order of their numbers; () of one collection.
    """

    name: str
    pairs: Mapping[str, Pairs]
    corpus: Corpus | None
    revision: str
    licence: str
    missing: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[Modality, FeatureSet] = field(default_factory=dict)
    labels: tuple[str, ...] = EMOTIONS
    collections: tuple[Collection, ...] = ()


class Fitted(Protocol):
    """A fitted system. Larger scores are better everywhere."""

    def match(self, video: Array, music: Array) -> Array:
        """Matching score float [n] in [0, 1] of n pairs, video [n, d_v] with music [n, d_m]; >= .5 says matched."""

    def similarity(self, video: Array, music: Array) -> Array:
        """Retrieval score float [a, b] of every video [a, d_v] with every piece of music [b, d_m]."""

    def emotions(self, modality: Modality, features: Array) -> Array | None:
        """Emotion probabilities [n, 5] of `features` [n, d], or None for a system that predicts none."""


class System(Protocol):
    """A model or baseline: `name`, `config` (a frozen dataclass), and `fit`."""

    @property
    def name(self) -> str: ...

    def fit(self, train: Pairs, seed: int, stop: Pairs | None = None, *, extra: "Extra | None" = None) -> Fitted:
        """The system fitted on `train`. `stop` are pairs for early stopping (None: train for the configured number
        of epochs); `extra` is further labelled music. The same inputs and seed give the same result."""


@dataclass(frozen=True)
class Extra:
    """Labelled music beyond the training pairs (EmoMV-A and B).

    Attributes
    ----------
    music: float32 [n, d_m]. emotion: int64 [n], indices into EMOTIONS. source: int64 [n], what it was cut from.
    """

    music: Array
    emotion: Array
    source: Array
