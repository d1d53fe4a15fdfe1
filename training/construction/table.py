"""The table of labelled media that a data set is built from, checked row by row before any work is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import InputError
from recommender.text import show
from training.datasets.emomv_labels import JOIN, Wrong, emotion_of, lines
from training.types import CLASS_OF, CLASSES, EMOTIONS, Relevance

COLUMNS = ("path", "emotion", "source")
NEUTRAL = "neutral"


@dataclass(frozen=True)
class Row:
    """One labelled file: `path` as the table has it, `file` where it lies; `emotion` is an index into its labels."""

    id: str
    path: str
    file: Path
    emotion: int
    source: str
    line: int


@dataclass(frozen=True)
class Table:
    """The rows that have one of the labels, sorted by id, and how many are dropped because they are neutral."""

    rows: tuple[Row, ...]
    neutral: int


def read_table(labels: Path, classes: Relevance = "five") -> Table:
    """The rows of a CSV table whose header has `path`, `emotion` and `source`, in any order, among other columns.

    With three `classes` the labels are positive, neutral and negative; an emotion stands for its class. Paths are
    relative to the table's folder. A segment's id is its source and its number among the source's paths in alphabetical
    order: the order of the rows does not matter. Raises InputError when the table or a column is missing; or, with its
    line, for an unknown emotion, an empty cell, a file that is not there, a path that was given before, a source that
    would make ids ambiguous.
    """
    found = lines(labels)
    _, header = next(found, (0, []))
    names = [cell.strip().lower() for cell in header]
    if missing := [name for name in COLUMNS if names.count(name) != 1]:
        raise InputError(f"{show(labels)}: the header needs one column '{missing[0]}' (and {', '.join(COLUMNS)})")
    index = [names.index(name) for name in COLUMNS]
    rows: list[tuple[int, str, str, int | None]] = []
    seen: dict[Path, int] = {}
    for line, cells in found:
        try:
            if len(cells) != len(names):
                raise Wrong(f"{len(cells)} cells under {len(names)} column names")
            path, emotion, source = (cells[i] for i in index)
            rows.append((line, path, _source(source), (_emotion if classes == "five" else _class)(emotion)))
            _first_time(labels.parent / path, line, seen)
        except Wrong as error:
            raise InputError(f"{show(labels)}, line {line}: {error}") from error
    if not rows:
        raise InputError(f"{show(labels)}: no rows below the header")
    return Table(_number(labels.parent, rows), sum(emotion is None for *_, emotion in rows))


def _source(cell: str) -> str:
    source = cell.strip()
    if not source:
        raise Wrong("the source is empty: name the video that the segment was cut from")
    if JOIN in f"_{source}_":
        word = JOIN.strip("_")
        raise Wrong(f"a source may not hold '{word}' between underscores, as ids of pairs do: '{show(source)}'")
    return source


def _emotion(cell: str) -> int | None:
    """The emotion's label, None for neutral. Numbers are not taken: people's tables count differently."""
    if cell.strip().lower() == NEUTRAL:
        return None
    if cell.strip().isdigit():
        raise Wrong(f"emotion '{show(cell)}' is a number: write one of {', '.join(EMOTIONS)}, {NEUTRAL}")
    return emotion_of(cell)


def _class(cell: str) -> int:
    """The label of a class, or of the class of an emotion."""
    name = cell.strip().lower()
    if name in CLASSES:
        return CLASSES.index(name)
    emotion = _emotion(cell)
    return CLASSES.index(NEUTRAL) if emotion is None else CLASS_OF[emotion]


def _first_time(file: Path, line: int, seen: dict[Path, int]) -> None:
    """Raises Wrong when the file is not there or was in an earlier line."""
    try:
        there, real = file.is_file(), file.resolve()
    except OSError as error:
        raise Wrong(f"no file {show(file)} ({error.strerror or error})") from error
    if not there:
        raise Wrong(f"no file {show(file)}")
    if real in seen:
        raise Wrong(f"{show(file)} is already in line {seen[real]}")
    seen[real] = line


def _number(folder: Path, rows: Sequence[tuple[int, str, str, int | None]]) -> tuple[Row, ...]:
    """The rows with an emotion, with ids; neutral ones count in the numbering, so that a label may change later."""
    numbers: dict[str, int] = {}
    numbered = []
    for line, path, source, emotion in sorted(rows, key=lambda row: (row[2], row[1])):
        number = numbers[source] = numbers.get(source, -1) + 1
        if emotion is not None:
            numbered.append(Row(f"{source}_{number:02d}", path, folder / path, emotion, source, line))
    return tuple(numbered)
