"""Listings of a library: tracks and failures as table, JSON or CSV."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from recommender.outputs.records import affect_record, tempo_and_key
from recommender.text import shown
from recommender.types import Track

TRACK_COLUMNS = ("path", "title", "artist", "duration_s", "bpm", "key", "valence", "arousal", "mood")
FAILURE_COLUMNS = ("path", "reason", "at")
KINDS = {"music": "music", "video": "clip"}


def track(t: Track) -> dict[str, Any]:
    """A track as a record with stable keys."""
    affect = affect_record(t.affect) or {}
    return {
        "path": t.path,
        "kind": KINDS[t.modality],
        "title": t.title,
        "artist": t.artist,
        "duration_s": None if t.duration_s is None else round(t.duration_s, 3),
        **tempo_and_key(t),
        "genre": t.genre,
        "licence": t.licence,
        "valence": affect.get("valence"),
        "arousal": affect.get("arousal"),
        "emotion": affect.get("emotion"),
        "mood": affect.get("mood"),
    }


def failure(f: Any) -> dict[str, Any]:
    """A remembered failure as a record: what, why and when."""
    return {"path": f.path, "kind": KINDS[f.modality], "reason": f.reason, "at": f.at}


def render(rows: Sequence[Mapping[str, Any]], format: str, columns: Sequence[str]) -> str:
    """`rows` as a JSON array, CSV with a header, or aligned columns."""
    if format == "json":
        return json.dumps([dict(row) for row in rows], indent=2) + "\n"
    if format == "csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    if not cells:
        return "nothing to list\n"
    widths = [max(map(len, (name, *column))) for name, column in zip(columns, zip(*cells, strict=True), strict=True)]
    lines = (
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in [list(columns), *cells]
    )
    return "".join(f"{line}\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) else shown(str(value))
