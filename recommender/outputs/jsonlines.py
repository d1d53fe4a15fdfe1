"""JSON: an array for one query, one object per line for several."""

import json
from collections.abc import Sequence

from recommender.outputs.records import Answer, record


def render(answers: Sequence[Answer]) -> str:
    """`[...]` of records for a single answer; for several a line each: {query, error, recommendations}."""
    if len(answers) == 1 and answers[0].error is None:
        return json.dumps([record(r) for r in answers[0].recommendations], indent=2) + "\n"
    return "".join(line(answer) for answer in answers)


def line(answer: Answer) -> str:
    """One JSON line for one answer. Bytes of a path that are not UTF-8 appear as \\udcXX escapes."""
    records = [record(r) for r in answer.recommendations]
    return json.dumps({"query": answer.query, "error": answer.error, "recommendations": records}) + "\n"
