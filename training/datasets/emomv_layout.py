"""Where the files of an EmoMV set lie, what the paper says they hold, and which source a segment was cut from."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recommender.model.retrieval import FeatureSet
from training.types import EMOTIONS

ANNOTATION, FEATURES, RETRIEVAL = "annotation", "extracted_features", "for_retrieval"
SPLITS = {"train": "TRAIN", "validation": "VAL", "test": "TEST"}
LICENCE = "MIT; EmoMV (Thao, Roig and Herremans 2022), github.com/ivyha010/EmoMV"


@dataclass(frozen=True)
class Stream:
    """The features of one modality: the prefix of their files' names and how many columns they have.

    `names`: of the columns, where they have any; `revision`: of what extracted them.
    """

    prefix: str
    columns: int
    names: tuple[str, ...] = ()
    revision: str = ""

    def feature_set(self) -> FeatureSet:
        """What a model that was trained on these features needs."""
        columns = list(self.names) or self.columns
        return FeatureSet.of({"name": self.prefix, "revision": self.revision, "columns": columns})


@dataclass(frozen=True)
class Layout:
    """A data set of labelled pairs on disk, in the published layout.

    folder: below the data folder; "" for the folder itself. tag: part of all names of files.
    splits: those that exist. retrieval: what the corpus's table and its features are named after.
    source: id of a segment -> name of the source it was cut from.
    pairs: published counts (matched, mismatched) by split; segments: of the corpus. Nothing is checked without.
    names: of the labels.
    """

    name: str
    folder: str
    tag: str
    splits: tuple[str, ...]
    retrieval: tuple[str, str]
    source: Callable[[str], str]
    video: Stream = Stream("SlowFast", 2304)
    music: Stream = Stream("VGGish", 128)
    pairs: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    segments: int | None = None
    licence: str = LICENCE
    names: tuple[str, ...] = EMOTIONS

    def labels(self, split: str) -> Path:
        """Table of the pairs of a split, relative to the set's folder."""
        return Path(ANNOTATION, f"{self._pairs(split)}_labels.csv")

    def features(self, stream: Stream, split: str) -> Path:
        """Features of one modality of a split's pairs, row by row as its table."""
        return Path(FEATURES, f"{stream.prefix}_{self._pairs(split)}.h5")

    def corpus_labels(self) -> Path:
        """Table of the retrieval corpus."""
        return Path(RETRIEVAL, f"{self.retrieval[0]}.csv")

    def corpus_features(self, stream: Stream) -> Path:
        """Features of one modality of the corpus, row by row as its table."""
        return Path(RETRIEVAL, f"{stream.prefix}_{self.retrieval[1]}.h5")

    def _pairs(self, split: str) -> str:
        return f"{self.tag}_{SPLITS[split]}_MATCH_MISMATCH"


def before_number(segment: str) -> str:
    """The source of EmoMV-C's `SOURCE_NN` (and of built sets); an id without a number is its own source."""
    return re.sub(r"_[0-9]+\Z", "", segment)


def before_count(segment: str) -> str:
    """The source of EmoMV-A's `SOURCE-N-of-M`; an id without that is its own source."""
    return re.sub(r"-[0-9]+-of-[0-9]+\Z", "", segment)


def itself(segment: str) -> str:
    """The source of EmoMV-B's segments: each is the only one of its video."""
    return segment


def retrieval_names(tag: str) -> tuple[str, str]:
    """What the files of a corpus made of the validation set are named after."""
    return f"{tag}_VAL_labels_for_retrieval", f"{tag}_VAL_for_retrieval"


_MVED = "DS1_from_MVED_test_set_5_classes_for_retrieval"
_A = {"train": (2208, 1902), "validation": (310, 246), "test": (124, 124)}
_B = {"train": (248, 248), "validation": (60, 60)}
_C = {"train": (180, 180), "validation": (48, 48)}

_PUBLISHED = (
    Layout("emomv-a", "DS1_EmoMV_A", "DS1", tuple(_A), (_MVED, _MVED), before_count, pairs=_A, segments=250),
    Layout("emomv-b", "DS2_EmoMV_B", "DS2", tuple(_B), retrieval_names("DS2"), itself, pairs=_B, segments=120),
    Layout("emomv-c", "DS3_EmoMV_C", "DS3", tuple(_C), retrieval_names("DS3"), before_number, pairs=_C, segments=96),
)
LAYOUTS: dict[str, Layout] = {layout.name: layout for layout in _PUBLISHED}
