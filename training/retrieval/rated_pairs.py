"""A table of rated pairs (video, music, score, affect of both) as training data: read, checked, measured.

    video,music,score,video_valence,music_valence,...
    clips/a.mp4,songs/x.mp3,4,0.2,0.3,...

Scores are 0 to 1 (0 and 1 for binary labels), or ratings of 1 to 5. Every pair of columns `video_X`, `music_X` is a
dimension of affect; `video_emotion`, `music_emotion` hold one of the five emotions.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.errors import InputError
from recommender.extractors import EXTRACTORS, Extractor
from recommender.text import show
from recommender.types import Array, Modality
from training.construction.features import Progress, content_hashes, vectors
from training.datasets.emomv_labels import Wrong, emotion_of, lines
from training.learning.targets import Scored, from_ratings
from training.types import EMOTIONS, components

NAMES = ("video", "music", "score")
EMOTION = "emotion"


@dataclass(frozen=True)
class RatedPairs:
    """The rows of a table.

    video, music: n files as the table names them, relative to its folder. score: float64 [n] in [0, 1].
    dimensions: names of the affect dimensions, a of them (none where the table has no affect).
    video_affect, music_affect: float64 [n, a]. classes: whether affect is one-hot emotions.
    ratings: whether scores were ratings of 1 to 5.
    """

    video: tuple[str, ...]
    music: tuple[str, ...]
    score: Array
    dimensions: tuple[str, ...]
    video_affect: Array
    music_affect: Array
    classes: bool
    ratings: bool

    def with_features(self, video: Mapping[str, Array], music: Mapping[str, Array]) -> Scored:
        """The pairs whose files both have features, pairs that share a file in one group."""
        rows = [i for i, (v, m) in enumerate(zip(self.video, self.music, strict=True)) if v in video and m in music]
        names = [self.video[i] for i in rows], [self.music[i] for i in rows]
        numbers = [np.unique(side, return_inverse=True)[1] for side in names]
        offset = int(numbers[0].max(initial=-1)) + 1
        features = [
            np.array([found[n] for n in side], np.float32) for found, side in zip((video, music), names, strict=True)
        ]
        affect = self.video_affect[rows], self.music_affect[rows]
        group = components(numbers[0], numbers[1] + offset)
        return Scored(features[0], features[1], self.score[rows], *affect, group, classes=self.classes)


def read_rated_pairs(table: Path) -> RatedPairs:
    """The rows of a CSV table.

    Raises InputError, naming the line, for a column that is missing or has no partner, a cell that is no number, a
    score out of range, a file that is not there, or a pair that is given twice.
    """
    names, rows = _rows(table)
    if absent := [name for name in NAMES if names.count(name) != 1]:
        raise InputError(f"{show(table)}: the header needs one column '{absent[0]}' (and {', '.join(NAMES)})")
    dimensions = _dimensions(table, names)
    seen: dict[tuple[str, str], int] = {}
    parsed: list[tuple[float, list[float], list[float]]] = []
    for line, cells in rows:
        row = dict(zip(names, cells, strict=True))
        try:
            _once((row["video"], row["music"]), line, seen)
            for side in ("video", "music"):
                if not (table.parent / row[side]).is_file():
                    raise Wrong(f"no file {show(table.parent / row[side])}")
            affect = _affect(row, "video", dimensions), _affect(row, "music", dimensions)
            parsed.append((_number(row["score"], "score"), *affect))
        except Wrong as error:
            raise InputError(f"{show(table)}, line {line}: {error}") from error
    if not parsed:
        raise InputError(f"{show(table)}: no rows below the header")
    score = np.array([row[0] for row in parsed])
    ratings = bool((score > 1).any())
    score = from_ratings(score) if ratings else score
    if (score < 0).any():
        raise InputError(f"{show(table)}: scores must lie from 0 to 1, or from 1 to 5")
    classes = EMOTION in dimensions
    video, music = (tuple(pair[side] for pair in seen) for side in (0, 1))
    sides = np.array([row[1] for row in parsed]), np.array([row[2] for row in parsed])
    return RatedPairs(video, music, score, EMOTIONS if classes else dimensions, *sides, classes, ratings)


def measure_files(
    files: Sequence[str],
    folder: Path,
    modality: Modality,
    *,
    cache: Path,
    workers: int,
    tick: Progress,
    extractor: Extractor | None = None,
) -> tuple[dict[str, Array], dict[str, str]]:
    """Features float32 [d] of each file's picture or sound by name, and why the others have none.

    extractor: what measures them; None: what comes with the package. Kept by content in `cache`, so that a stopped run
    goes on where it was.
    """
    digests, failed = content_hashes({name: folder / name for name in files})
    names = {str(folder / name): name for name in digests}
    contents = {path: digests[name] for path, name in names.items()}
    gone, total = len(failed), len(names) + len(failed)
    by = extractor or EXTRACTORS[f"builtin-{modality}"]
    measured = vectors(contents, by, cache, workers=workers, on_progress=lambda done, _: tick(gone + done, total))
    failed |= {names[path]: reason for path, reason in measured.failed.items()}
    return {names[path]: vector for path, vector in measured.found.items()}, failed


def _rows(table: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the columns, and the other lines with their numbers."""
    rows = list(lines(table))
    if not rows:
        raise InputError(f"{show(table)}: empty; a header with {', '.join(NAMES)} is needed")
    names = [cell.strip().lower() for cell in rows[0][1]]
    for line, cells in rows[1:]:
        if len(cells) != len(names):
            raise InputError(f"{show(table)}, line {line}: {len(cells)} cells under {len(names)} column names")
    return names, rows[1:]


def _dimensions(table: Path, names: Sequence[str]) -> tuple[str, ...]:
    """The affect dimensions, in the order of the columns; every one has a column per side."""
    sides = [[n.removeprefix(s) for n in names if n.startswith(s)] for s in ("video_", "music_")]
    if alone := set(sides[0]) ^ set(sides[1]):
        raise InputError(f"{show(table)}: affect '{min(alone)}' needs both video_{min(alone)} and music_{min(alone)}")
    if EMOTION in sides[0] and len(sides[0]) > 1:
        raise InputError(f"{show(table)}: give emotions or other affect dimensions, not both")
    return tuple(sides[0])


def _affect(row: Mapping[str, str], side: str, dimensions: Sequence[str]) -> list[float]:
    if EMOTION in dimensions:
        return list(np.eye(len(EMOTIONS))[emotion_of(row[f"{side}_{EMOTION}"])])
    return [_number(row[f"{side}_{name}"], f"{side}_{name}") for name in dimensions]


def _number(cell: str, name: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Wrong(f"{name} '{show(cell)}' is no number")
    return value


def _once(pair: tuple[str, str], line: int, seen: dict[tuple[str, str], int]) -> None:
    if pair in seen:
        raise Wrong(f"the pair is already in line {seen[pair]}")
    seen[pair] = line
