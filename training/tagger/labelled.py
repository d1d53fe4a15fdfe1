"""Labelled segments, each with its own picture and sound: what a tagger learns from."""

from dataclasses import dataclass

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.datasets.emomv_labels import JOIN
from training.learning.folds import deal_folds
from training.types import EMOTIONS, Corpus, Dataset, Pairs


@dataclass(frozen=True)
class Labelled:
    """n segments of one emotion each.

    video: float32 [n, d_v]; music: float32 [n, d_m], of the same segment.
    emotion: int64 [n], indices into `names`. source: int64 [n], the video each was cut from.
    """

    video: Array
    music: Array
    emotion: Array
    source: Array
    names: tuple[str, ...] = EMOTIONS

    def __len__(self) -> int:
        return len(self.emotion)

    def take(self, rows: Array) -> "Labelled":
        """The segments at `rows`."""
        return Labelled(self.video[rows], self.music[rows], self.emotion[rows], self.source[rows], self.names)


def segments_of(pairs: Pairs, names: tuple[str, ...] = EMOTIONS) -> Labelled:
    """The segments whose picture and sound are both somewhere in `pairs`, each once, in order of their pictures.

    A mismatched pair is the picture of one segment and the sound of another; the sets hold it beside its reverse, so
    that nearly all segments come together again.
    """
    sounds: dict[str, int] = {}
    for row, name in enumerate(pairs.ids):
        sounds.setdefault(name.split(JOIN)[-1], row)
    pictures: dict[str, int] = {}
    for row, name in enumerate(pairs.ids):
        segment = name.split(JOIN)[0]
        if segment in sounds:
            pictures.setdefault(segment, row)
    seen = np.array(list(pictures.values()), np.int64)
    heard = np.array([sounds[name] for name in pictures], np.int64)
    return Labelled(pairs.video[seen], pairs.music[heard], pairs.video_emotion[seen], pairs.video_source[seen], names)


def training_segments(dataset: Dataset) -> Labelled:
    """The segments of a data set's training pairs; raises InputError where features are not there."""
    if "train" not in dataset.pairs:
        raise InputError(f"{dataset.name} has no training pairs here")
    pairs = dataset.pairs["train"]
    for modality in ("video", "music"):
        if not getattr(pairs, modality).shape[1]:
            raise InputError(
                f"{dataset.name} has no {modality} features of its training pairs here: a tagger needs both modalities"
            )
    return segments_of(pairs, dataset.labels)


def corpus_segments(corpus: Corpus) -> Labelled:
    """The segments of a retrieval corpus, every one its own source."""
    return Labelled(corpus.video, corpus.music, corpus.emotion, np.arange(len(corpus)))


def parts(emotion: Array, source: Array, k: int, *, seed: int) -> list[tuple[Array, Array]]:
    """k folds (train rows, test rows): no source on both sides, emotions spread as far as sources allow.

    Raises InputError when there are fewer sources than folds.
    """
    if (groups := len(np.unique(source))) < k:
        raise InputError(f"{groups} sources of labelled segments where a tagger needs {k}: label media of more sources")
    labels = np.column_stack([np.ones(len(emotion)), np.eye(int(emotion.max()) + 1)[emotion]])
    return deal_folds(labels, source, k, seed=seed)
