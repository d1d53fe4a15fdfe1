"""The annotation tables of EmoMV: one line a pair (or a segment of the retrieval corpus), checked line by line.

Pairs: folder, id, match, video emotion, music emotion, video label, music label. A mismatched id is
`VIDEO_PAIR_MUSIC`: its picture is the first segment's, its sound the second's (tested against the features of
both in the retrieval corpus of EmoMV-C). Corpus: folder, id, emotion, label.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from recommender.errors import InputError
from recommender.opening import TABLE, open_text
from recommender.text import show
from training.types import EMOTIONS

JOIN = "_PAIR_"
EMOTION_OF = {name: label for label, name in enumerate(EMOTIONS)} | {"fear": 1, "relax": 4}
"""Label of every known spelling, in lower case: the published tables have `fear`, `Fear`, `relax`, `Relax`."""


class PairLabel(NamedTuple):
    """One line of a table of pairs; `video` and `music` are the ids of the two segments."""

    id: str
    video: str
    music: str
    match: int
    video_emotion: int
    music_emotion: int


class SegmentLabel(NamedTuple):
    """One line of a retrieval table."""

    id: str
    emotion: int


Label = TypeVar("Label", PairLabel, SegmentLabel)


class Wrong(ValueError):
    """What is wrong with a line, to be completed by its place."""


def read_pairs(table: Path, names: tuple[str, ...] = EMOTIONS) -> list[PairLabel]:
    """The pairs of a table, in its order; raises InputError naming the file, the line and what is wrong with it."""
    return _read(table, partial(_pair, names=names))


def read_segments(table: Path, names: tuple[str, ...] = EMOTIONS) -> list[SegmentLabel]:
    """The segments of a retrieval table, in its order; raises InputError like `read_pairs`."""
    return _read(table, partial(_segment, names=names))


def emotion_of(cell: str, names: tuple[str, ...] = EMOTIONS) -> int:
    """The label of an emotion's name, in any known spelling, or of its number; raises Wrong for another."""
    known = EMOTION_OF if names == EMOTIONS else {name: label for label, name in enumerate(names)}
    name = cell.strip().lower()
    if re.fullmatch(r"[0-9]", name) and int(name) < len(names):
        return int(name)
    if name not in known:
        raise Wrong(f"unknown emotion '{show(cell)}' (known: {', '.join(known)})")
    return known[name]


def _read(table: Path, parse: Callable[[list[str]], Label]) -> list[Label]:
    labels: list[Label] = []
    seen: dict[str, int] = {}
    for line, cells in lines(table):
        try:
            label = parse(cells)
            if label.id in seen:
                raise Wrong(f"id '{show(label.id)}' is already in line {seen[label.id]}")
        except Wrong as error:
            raise InputError(f"{show(table)}, line {line}: {error}") from error
        seen[label.id] = line
        labels.append(label)
    if not labels:
        raise InputError(f"{show(table)}: no labels in it")
    return labels


def lines(table: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of every line of a CSV file that is not blank; raises InputError when it cannot be read."""
    try:
        # Names of files may hold any bytes.
        with open_text(table, TABLE, encoding="utf-8-sig", errors="surrogateescape") as file:
            reader = csv.reader(file, strict=True)
            yield from ((reader.line_num, cells) for cells in reader if any(map(str.strip, cells)))
    except OSError as error:
        raise InputError(f"{show(table)}: cannot be read ({error.strerror or error})") from error
    except csv.Error as error:
        raise InputError(f"{show(table)}, line {reader.line_num}: not CSV ({error})") from error


def _pair(cells: list[str], names: tuple[str, ...]) -> PairLabel:
    if len(cells) != 7:
        raise Wrong(f"{len(cells)} columns where a pair has 7")
    _, name, match, *emotions = cells
    if match.strip() not in ("0", "1"):
        raise Wrong(f"match is '{show(match)}', which is neither 0 nor 1")
    matched = match.strip() == "1"
    video_emotion, music_emotion = (_agreed(emotions[i::2], names) for i in (0, 1))
    if matched != (video_emotion == music_emotion):
        raise Wrong(f"match is {match} but the emotions {' and '.join(map(show, emotions[:2]))}")
    parts = name.split(JOIN)
    if not all(parts) or len(parts) != (1 if matched else 2):
        wanted = "one segment" if matched else f"two segments joined by {JOIN}"
        raise Wrong(f"id '{show(name)}' does not name {wanted}")
    return PairLabel(name, parts[0], parts[-1], int(matched), video_emotion, music_emotion)


def _segment(cells: list[str], names: tuple[str, ...]) -> SegmentLabel:
    # The table of EmoMV-A has the label alone behind the id: its authors' code reads the third column as a number.
    if len(cells) not in (3, 4):
        raise Wrong(f"{len(cells)} columns where a segment has 4")
    if not cells[1]:
        raise Wrong("the id is empty")
    return SegmentLabel(cells[1], _agreed(cells[2:], names))


def _agreed(cells: Sequence[str], names: tuple[str, ...]) -> int:
    """The label that all cells (name and number of one emotion) stand for."""
    labels = {emotion_of(cell, names) for cell in cells}
    if len(labels) > 1:
        raise Wrong(f"emotion {' and label '.join(map(show, cells))} contradict each other")
    return labels.pop()
