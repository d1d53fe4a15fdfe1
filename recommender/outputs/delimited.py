"""CSV: a header and a row per recommendation, for spreadsheets."""

import csv
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, TextIO

from recommender.conditions import TAGS, TEMPO_AND_KEY, VOICE
from recommender.outputs.records import Answer, affect_record, record, verdict
from recommender.text import cell
from recommender.types import Emotions

PLAIN: tuple[str, ...] = ("rank", "score", "fits", "path", "title", "artist", "in_s", "out_s", "duration_s")
PLAIN += (*TEMPO_AND_KEY, *VOICE, *TAGS)
AFFECT = ("valence", "arousal", "valence_sd", "arousal_sd", "emotion", "mood")
REASONS = 3


def write(answers: Iterable[Answer], sink: TextIO) -> None:
    """The table of all answers; a query that failed has one row with its `error`."""
    header = ["query", *PLAIN]
    header += [f"{side}_{name}" for side in ("query", "section") for name in AFFECT]
    header += [f"reason_{i + 1}" for i in range(REASONS)] + ["error"]
    rest = iter(answers)
    first = list(islice(rest, 1))  # before the header: where there is no answer, nothing is printed
    writer = csv.DictWriter(sink, header, restval="", lineterminator="\n")
    writer.writeheader()
    for answer in chain(first, rest):
        writer.writerows({name: cell(value) for name, value in row.items()} for row in _rows(answer))
        sink.flush()


def _rows(answer: Answer) -> Iterator[dict[str, Any]]:
    if answer.error is not None:
        yield {"query": answer.query, "error": answer.error}
    for r in answer.recommendations:
        full = record(r)
        row = {"query": answer.query} | {name: full[name] for name in PLAIN}
        for side in ("query", "section"):
            values = affect_record(getattr(r.affect, side)) or _likeliest(getattr(r.emotions, side))
            row |= {f"{side}_{name}": values.get(name, "") for name in AFFECT}
        told = [why.text if answer.figures else verdict([why]) for why in r.reasons[:REASONS]]
        yield row | {f"reason_{i + 1}": text for i, text in enumerate(told)}


def _likeliest(emotions: Emotions | None) -> dict[str, Any]:
    """The most probable emotion, of a model that says nothing else."""
    return {} if emotions is None else {"emotion": max(emotions.items(), key=lambda item: item[1])[0]}
