"""JSON: an array for one query, one object per line for several."""

import json
from collections.abc import Iterable
from itertools import chain, islice
from typing import TextIO

from recommender.outputs.records import Answer, record


def write(answers: Iterable[Answer], sink: TextIO) -> None:
    """`[...]` of records for a single answer; for several a line each, as they come."""
    rest = iter(answers)
    first = list(islice(rest, 1))
    if not any(answer.several for answer in first):
        first += islice(rest, 1)
    if len(first) == 1 and not first[0].several and first[0].error is None:
        sink.write(json.dumps([record(r) for r in first[0].recommendations], indent=2) + "\n")
        return
    for answer in chain(first, rest):
        sink.write(line(answer))
        sink.flush()


def line(answer: Answer) -> str:
    """One JSON line for one answer. Bytes of a path that are not UTF-8 appear as \\udcXX escapes."""
    records = [record(r) for r in answer.recommendations]
    return json.dumps({"query": answer.query, "error": answer.error, "recommendations": records}) + "\n"
