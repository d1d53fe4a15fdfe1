"""The files of a built data set, in EmoMV's published layout."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from recommender import atomic
from recommender.types import Array
from training.construction.features import Measured
from training.construction.pairing import Excerpt, Pairing
from training.datasets.built import MANIFEST, TAG, Manifest, layout_of
from training.datasets.emomv_labels import JOIN
from training.datasets.emomv_layout import Stream
from training.datasets.h5 import matrix_bytes

SEGMENTS = "segments.csv"
USES = ("id", "path", "emotion", "source", "split", "use")

Couple = tuple[Excerpt, Excerpt]
Vectors = Mapping[str, Array]
Lines = Iterable[Sequence[str]]


def write_dataset(
    folder: Path, manifest: Manifest, pairings: Mapping[str, Pairing], *, measured: Measured, uses: Lines
) -> None:
    """Write tables, features and, last, the manifest: without it the set does not count as built. Raises OSError.

    `uses` tells of every segment what became of it (`USES`).
    """
    layout = layout_of(manifest)
    streams = (layout.video, measured.video), (layout.music, measured.music)
    (folder / MANIFEST).unlink(missing_ok=True)
    atomic.write(folder / SEGMENTS, csv_bytes([USES, *uses]))
    for split, pairing in pairings.items():
        couples = order_pairs(pairing)
        lines = (_pair_line(split, couple, manifest.labels) for couple in couples)
        atomic.write(folder / layout.labels(split), csv_bytes(lines))
        for side, (stream, vectors) in enumerate(streams):
            _write_matrix(folder / layout.features(stream, split), [c[side] for c in couples], vectors, stream)
    corpus = corpus_of(pairings["validation"])
    table = [[f"{TAG}/for_retrieval/", s.id, manifest.labels[s.emotion], str(s.emotion)] for s in corpus]
    atomic.write(folder / layout.corpus_labels(), csv_bytes(table))
    for stream, vectors in streams:
        _write_matrix(folder / layout.corpus_features(stream), corpus, vectors, stream)
    atomic.write(folder / MANIFEST, manifest.text().encode())


def order_pairs(pairing: Pairing) -> list[Couple]:
    """All pairs (video, music) as the published tables order them: matched first, then by emotions; then by id."""
    matched = [(s, s) for s in pairing.matched]
    couples = sorted(matched + list(pairing.mismatched), key=lambda c: (c[0].emotion, c[1].emotion, c[0].id, c[1].id))
    return sorted(couples, key=lambda c: c[0] is not c[1])


def corpus_of(pairing: Pairing) -> list[Excerpt]:
    """Every segment of the split's pairs once, with its own sound, by emotion and id."""
    segments = {*pairing.matched, *(video for video, _ in pairing.mismatched)}
    return sorted(segments, key=lambda s: (s.emotion, s.id))


def _pair_line(split: str, couple: Couple, names: Sequence[str]) -> list[str]:
    video, music = couple
    name, match, folder = (video.id, "1", "match") if video is music else (video.id + JOIN + music.id, "0", "mismatch")
    emotions = *(names[s.emotion] for s in couple), *(str(s.emotion) for s in couple)
    return [f"{TAG}/{split}_{folder}/", name, match, *emotions]


def _write_matrix(path: Path, segments: Sequence[Excerpt], vectors: Vectors, stream: Stream) -> None:
    rows = np.array([vectors[s.id] for s in segments], np.float32).reshape(len(segments), stream.columns)
    atomic.write(path, matrix_bytes(rows))


def csv_bytes(rows: Lines) -> bytes:
    """A CSV file of `rows`; names of files may hold any bytes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")
