"""Data sets of labelled pairs in EmoMV's published layout: whatever parts are on disk, checked, and what is not.

Thao, Roig and Herremans, "EmoMV: affective music-video correspondence learning datasets for classification and
retrieval", 2022. Features lie row by row in the order of the annotation table.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from recommender.errors import InputError
from recommender.opening import open_regular
from recommender.text import show
from recommender.types import Array, unit
from training.datasets.emomv_labels import PairLabel, SegmentLabel, read_pairs, read_segments
from training.datasets.emomv_layout import LAYOUTS, Layout, Stream
from training.datasets.emomv_notes import notes
from training.datasets.h5 import read_matrix
from training.types import Corpus, Dataset, Extra, Pairs

Name = Literal["emomv-a", "emomv-b", "emomv-c"]


def load_emomv(folder: Path, name: Name) -> Dataset:
    """The named set from `folder`, which holds the published folders (or is the set's own).

    Splits whose labels are absent are not in it; features that are absent have no columns; `missing` names both.
    Counts that differ from the paper's, sources that are in several splits, and equal music under several ids are
    told in `notes`. Raises InputError for an unknown name, when nothing of the set is there, or a file is damaged, of
    another shape, contradicts itself or holds NaN.
    """
    if name not in LAYOUTS:
        raise InputError(f"unknown data set '{show(name)}'; there are: {', '.join(LAYOUTS)}")
    return load_layout(set_folder(folder, LAYOUTS[name]), LAYOUTS[name])


def set_folder(folder: Path, layout: Layout) -> Path:
    """Where the set lies: its folder below the data folder, or the data folder itself."""
    inside = folder / layout.folder
    return inside if inside.is_dir() else folder


def load_layout(root: Path, layout: Layout) -> Dataset:
    """The set in `root`, laid out like `layout`; see `load_emomv`."""
    parts = _Parts(root, layout)
    there = {split: at for split in layout.splits if parts.there(at := layout.labels(split), split)}
    tables = {split: read_pairs(root / at, layout.names) for split, at in there.items()}
    corpus_at = layout.corpus_labels()
    corpus_table = read_segments(root / corpus_at, layout.names) if parts.there(corpus_at, "retrieval") else None
    if not parts.read:
        raise InputError(
            f"{show(root)}: nothing of {layout.name} is there; expected {layout.labels('train')} and the features"
            f" {layout.features(layout.video, 'train')}, {layout.features(layout.music, 'train')}"
        )
    number = _numbers(layout, tables.values())
    pairs = {split: _pairs(parts, split, table, number) for split, table in tables.items()}
    corpus = _corpus(parts, corpus_table, number) if corpus_table else None
    return Dataset(
        name=layout.name,
        pairs=pairs,
        corpus=corpus,
        revision=revision(root, parts.read),
        licence=layout.licence,
        missing=tuple(parts.missing),
        notes=notes(layout, pairs, corpus),
        features={"video": layout.video.feature_set(), "music": layout.music.feature_set()},
        labels=layout.names,
    )


def extra_music(folder: Path, which: Literal["a", "b", "both"] = "b", apart_from: Array | None = None) -> Extra:
    """Labelled training music of EmoMV-A and B; sources of the two never share a number.

    `apart_from` is music [n, 128] that is evaluated; pieces as near to one of them as two copies of one recording are
    left out (`COPY`): A holds a few of C's songs under other names. Raises InputError when labels or music features of
    the train split are absent or damaged.
    """
    chosen = {"a": ["emomv-a"], "b": ["emomv-b"], "both": ["emomv-a", "emomv-b"]}.get(which)
    if chosen is None:
        raise InputError(f"no extra music '{show(which)}'; there are: a, b, both")
    sets = [_train_music(folder, LAYOUTS[name]) for name in chosen]
    first = np.cumsum([0, *(1 + int(train.source.max()) for train in sets)])
    music = np.concatenate([train.music for train in sets])
    emotion = np.concatenate([train.emotion for train in sets])
    source = np.concatenate([train.source + start for train, start in zip(sets, first, strict=False)])
    found = Extra(music, emotion, source)
    return found if apart_from is None else apart(found, apart_from)


def apart(extra: Extra, others: Array) -> Extra:
    """`extra` without recordings that are among the music `others` [n, d]: those as near as two copies (`COPY`)."""
    keep = nearest(extra.music, others) < COPY
    return Extra(extra.music[keep], extra.emotion[keep], extra.source[keep])


COPY = 0.99
"""Cosine of the VGGish means of two segments from which they are taken for one recording: in EmoMV-C 6 % of the
pairs of segments of one source reach it, and none of the 64,481 pairs of segments of different sources."""


def nearest(music: Array, others: Array) -> Array:
    """float32 [n]: the largest cosine of each row of `music` with any row of `others` (zero rows: 0)."""
    return (unit(music) @ unit(others).T).max(axis=1, initial=-1.0)


def revision(root: Path, files: Iterable[Path]) -> str:
    """SHA-256, hexadecimal, over names, sizes and bytes of `files` below `root`, in order of name."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.as_posix()}\0{(root / path).stat().st_size}\0".encode())
        with open_regular(root / path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


class _Parts:
    """The files of a set: which were read, and one line for each that is missing."""

    def __init__(self, root: Path, layout: Layout) -> None:
        self.root, self.layout = root, layout
        self.read: list[Path] = []
        self.missing: list[str] = []

    def there(self, path: Path, part: str, what: str = "labels") -> bool:
        """Whether the file is there; notes either."""
        if (self.root / path).is_file():
            self.read.append(path)
            return True
        self.missing.append(f"{part}: no {what} ({path.as_posix()})")
        return False

    def matrix(self, path: Path, part: str, what: str, rows: int, stream: Stream) -> Array:
        """The features float32 [rows, d] in the file, or [rows, 0] when it is missing."""
        if self.there(path, part, f"{what} features"):
            return read_matrix(self.root / path, rows, stream.columns)
        return np.empty((rows, 0), np.float32)


def _pairs(parts: _Parts, split: str, table: Sequence[PairLabel], number: dict[str, int]) -> Pairs:
    layout = parts.layout
    video = parts.matrix(layout.features(layout.video, split), split, "video", len(table), layout.video)
    music = parts.matrix(layout.features(layout.music, split), split, "music", len(table), layout.music)
    return Pairs(
        video=video,
        music=music,
        match=np.array([label.match for label in table], np.int64),
        video_emotion=np.array([label.video_emotion for label in table], np.int64),
        music_emotion=np.array([label.music_emotion for label in table], np.int64),
        video_source=np.array([number[layout.source(label.video)] for label in table], np.int64),
        music_source=np.array([number[layout.source(label.music)] for label in table], np.int64),
        ids=tuple(label.id for label in table),
    )


def _corpus(parts: _Parts, table: Sequence[SegmentLabel], number: dict[str, int]) -> Corpus:
    """The corpus; sources that no pair was cut from are numbered on."""
    layout, part = parts.layout, "retrieval"
    video = parts.matrix(layout.corpus_features(layout.video), part, "video", len(table), layout.video)
    music = parts.matrix(layout.corpus_features(layout.music), part, "music", len(table), layout.music)
    emotion = np.array([label.emotion for label in table], np.int64)
    source = [number.setdefault(layout.source(label.id), len(number)) for label in table]
    return Corpus(video, music, emotion, tuple(label.id for label in table), np.array(source, np.int64))


def _numbers(layout: Layout, tables: Iterable[Sequence[PairLabel]]) -> dict[str, int]:
    """A number for every source of all splits, so that one that is in two of them can be seen."""
    names = {layout.source(side) for table in tables for label in table for side in (label.video, label.music)}
    return {name: number for number, name in enumerate(sorted(names))}


def _train_music(folder: Path, layout: Layout) -> Extra:
    """The train split's music. Only that: the other splits are evaluated on."""
    root = set_folder(folder, layout)
    parts = _Parts(root, layout)
    labels = layout.labels("train")
    if not parts.there(labels, "train"):
        raise InputError(f"{show(root)}: no music of {layout.name}: {parts.missing[0]}")
    table = read_pairs(root / labels)
    train = _pairs(parts, "train", table, _numbers(layout, [table]))
    if not train.music.shape[1]:
        raise InputError(f"{show(root)}: no music of {layout.name}: {parts.missing[-1]}")
    return Extra(train.music, train.music_emotion, train.music_source)
