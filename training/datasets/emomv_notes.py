"""What a reader of figures should know about a data set of pairs: counts, leaks and repeats, in one line each."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from training.datasets.emomv_layout import Layout
from training.types import Corpus, Pairs


def notes(layout: Layout, pairs: Mapping[str, Pairs], corpus: Corpus | None) -> dict[str, str]:
    """Notes by topic; a topic without anything to tell is absent."""
    found = {
        "counts": [*_counts(layout, pairs), *_corpus_counts(layout, corpus)],
        "sources in several splits": [_shared(a, b, pairs) for a, b in combinations(pairs, 2)],
        "equal music": [_repeats(split, part) for split, part in pairs.items()],
    }
    return {topic: "; ".join(filter(None, told)) for topic, told in found.items() if any(told)}


def _counts(layout: Layout, pairs: Mapping[str, Pairs]) -> list[str]:
    told = []
    for split, part in pairs.items():
        matched = int(part.match.sum())
        have, wanted = (matched, len(part) - matched), layout.pairs.get(split)
        if wanted and have != wanted:
            told.append(f"{split}: {have[0]} matched + {have[1]} mismatched, the paper has {wanted[0]} + {wanted[1]}")
    return told


def _corpus_counts(layout: Layout, corpus: Corpus | None) -> list[str]:
    if corpus is None or layout.segments in (None, len(corpus)):
        return []
    return [f"retrieval: {len(corpus)} segments, the paper has {layout.segments}"]


def _shared(a: str, b: str, pairs: Mapping[str, Pairs]) -> str:
    """How many sources of the second split are in the first as well."""
    first, second = (np.union1d(pairs[s].video_source, pairs[s].music_source) for s in (a, b))
    shared = len(np.intersect1d(first, second))
    return f"{shared} of the {len(second)} sources of {b} are also in {a}" if shared else ""


def _repeats(split: str, part: Pairs) -> str:
    """How many pairs have music that equals another pair's to the last bit although the source is another."""
    if not part.music.shape[1]:
        return ""
    _, which = np.unique(part.music, axis=0, return_inverse=True)
    which = which.ravel()
    sources = np.unique(np.column_stack([which, part.music_source]), axis=0)[:, 0]
    repeated = int((np.bincount(sources)[which] > 1).sum())
    return f"{split}: {repeated} pairs have the very music of another source" if repeated else ""
