"""The edit of a film as an EDL (CMX 3600) or an OTIO file tells it: where its events begin, and what they show."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from recommender.errors import InputError
from recommender.films.clock import Clock
from recommender.films.marks import Mark
from recommender.opening import parse_json

_TIME = r"\d{1,2}:\d{2}:\d{2}[:;.,]\d{2,3}"
_EVENT = re.compile(
    rf"\s*\d+\s+(\S+)\s+(\S+)\s+(C|D|W\d*|K\s?[BO]?)\s+(?:(\d+)\s+)?"
    rf"({_TIME})\s+({_TIME})\s+({_TIME})\s+({_TIME})\s*"
)
_NAME = re.compile(r"\s*\*\s*(?:FROM|TO) CLIP NAME:\s*(.+?)\s*", re.IGNORECASE)
_DEEPEST = 50  # stacks within tracks within stacks
Json = Mapping[str, Any]


def is_edl(text: str) -> bool:
    """Whether a text is an EDL: its head or an event says so."""
    return any(line.startswith(("TITLE:", "FCM:")) or _EVENT.fullmatch(line) for line in text.splitlines()[:50])


def edl_marks(text: str, name: str, clock: Clock) -> list[Mark]:
    """The events of the picture by their record times; dissolves by their middle.

    Raises InputError where there is none, or a time cannot be counted.
    """
    found, origin_s, is_picture, drop = list[Mark](), 0.0, False, None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("FCM:"):
            drop = "NON" not in line.upper()
        elif (event := _EVENT.fullmatch(line)) is not None:
            begins, ends = (_record_s(event[place], clock, drop, where=f"{name}, line {number}") for place in (7, 8))
            # A dissolve names what it comes from by an event without length.
            is_picture = ends > begins and ("V" in event[2].upper() or event[2].upper().startswith("B"))
            if is_picture:
                half_s = 0.0 if clock.rate is None else float(int(event[4] or 0) // 2 / clock.rate)
                origin_s = _origin_s(event[7], clock, drop, begins_s=begins) if not found else origin_s
                found.append(Mark(begins - origin_s + half_s, line=number))
        elif is_picture and (named := _NAME.fullmatch(line)) is not None:
            found[-1] = found[-1]._replace(label=named[1])
    if not found:
        raise InputError(f"{name}: no event of the picture (V) in this EDL; export the edit's video track")
    return sorted(found, key=lambda mark: mark.at_s)


def _origin_s(text: str, clock: Clock, drop: bool | None, *, begins_s: float) -> float:
    """Where record times count from: the film's own timecode where it has one that fits, else the hour begun."""
    if clock.start and begins_s >= 0:
        return 0.0
    return _record_s(f"{text.split(':')[0]}:00:00{text[-3]}00", clock, drop, where="")


def _record_s(text: str, clock: Clock, drop: bool | None, *, where: str) -> float:
    """The second of a record time; `drop`: as the line `FCM:` before it counts, unless its own last sign is clearer."""
    try:
        return clock.seconds(text, drop=drop if drop is None or text[-3] == ":" else True)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def otio_marks(text: str, name: str) -> list[Mark]:
    """The clips and gaps of the first video track that is enabled. Raises InputError for what is no such timeline."""
    try:
        return list(_children(_video_track(parse_json(text))))
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration, ArithmeticError) as error:
        what = type(error).__name__
        raise InputError(f"{name}: no OTIO timeline with a video track ({what}); export it again") from error


def _video_track(timeline: Json) -> Json:
    tracks = timeline["tracks"]["children"] if str(timeline["OTIO_SCHEMA"]).startswith("Timeline") else [timeline]
    return next(t for t in tracks if t.get("kind") == "Video" and t.get("enabled", True) and t.get("children"))


def _children(track: Json) -> Iterator[Mark]:
    at_s = 0.0
    for child in track["children"]:
        if str(child["OTIO_SCHEMA"]).startswith("Transition"):
            continue
        yield Mark(at_s, str(child.get("name") or "") or None)
        at_s += _lasts_s(child)


def _lasts_s(item: Json, depth: int = 0) -> float:
    """How long an item is shown: its own range, else that of its media, else that of what is in it."""
    if item.get("source_range"):
        return _seconds(item["source_range"]["duration"])
    if depth < _DEEPEST and "children" in item:
        parts = [_lasts_s(child, depth + 1) for child in item["children"]]
        return max(parts, default=0.0) if str(item["OTIO_SCHEMA"]).startswith("Stack") else sum(parts)
    held = item.get("media_references") or {}
    media = item.get("media_reference") or held[item.get("active_media_reference_key") or "DEFAULT_MEDIA"]
    return _seconds(media["available_range"]["duration"])


def _seconds(time: Json) -> float:
    lasts = float(time["value"]) / float(time["rate"])
    if not 0 <= lasts < float("inf"):
        raise ValueError(lasts)
    return lasts
