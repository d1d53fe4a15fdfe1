"""Answers: the tracks of a library that fit a clip."""

import asyncio
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from recommender.conditions import FILTERS, OneOf, Paths
from webapp.app import App
from webapp.operations import ID, TEXT, TRACK, Call, Operation, several

_WORDS = {**TEXT, "minLength": 1, "maxLength": 200}
FILTER_QUERY: dict[str, Mapping[str, Any]] = {
    one.option: several(ID, 20)
    if isinstance(one, Paths)
    else several(_WORDS, 50)
    if isinstance(one, OneOf)
    else {"type": "boolean"}
    if one.takes is bool
    else {**TEXT, "minLength": 1, "maxLength": 50}
    for one in FILTERS
    if one.option not in ("only", "exclude")
}
"""What filters are called and take: places by their ids, all else as on the command line."""
_ONE = {"type": "integer", "minimum": 1, "maximum": 100}
SETTINGS: dict[str, Mapping[str, Any]] = {
    "top": _ONE,
    "per_artist": _ONE,
    "like": TRACK,
    "like_weight": {"type": "number", "minimum": 0, "maximum": 1},
    "ranker": {"enum": ["cosine", "afclnet", "fusion"]},
    "calibrate": {"type": "boolean"},
    "taste": {"type": "boolean"},
    **FILTER_QUERY,
}


async def answer(call: Call) -> Any:
    app, settings = call.app, {name: value for name, value in call.given.items() if name in SETTINGS}
    clip, library = app.clips.ready(call.given["clip"]), call.given["library"]
    asked = {"clip": str(clip.path), "library": await app.folder(library), "settings": await settled(app, settings)}
    found = await app.jobs.run("answer", asked, about={"clip": clip.id, "library": library, "name": clip.name})
    told = {"clip": clip.id, "library": library, "settings": settings}
    made_of = json.dumps([told, found["generation"]], sort_keys=True)
    return {"id": sha256(made_of.encode()).hexdigest()[:16], **told, **found}


async def settled(app: App, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as tasks take them: folders by their paths. Raises Refusal for one that may not be looked into."""
    if "folder" not in settings:
        return dict(settings)
    folder = app.places["music"].folder
    return {**settings, "folder": [str(await asyncio.to_thread(folder, one)) for one in settings["folder"]]}


OPERATIONS = (
    Operation(
        "GET",
        "/api/answers",
        "The tracks that fit a clip, best first; it waits until they are found. `taste` false leaves out the taste "
        "learnt from your films; the answer's `taste` says whether it was applied, what it likes, and why it was not.",
        answer,
        'curl -H "$T" "$A/api/answers?clip=$CLIP&library=$LIBRARY&bpm=90-130"',
        query={"clip": ID, "library": ID, **SETTINGS},
        required=("clip", "library"),
        result={
            "type": "object",
            "properties": {"recommendations": several({"type": "object"}), "query": {"type": "object"}},
            "required": ["id", "recommendations", "query", "taste", "remarks"],
        },
        refusals=(409, 422, 429, 500, 503),
    ),
)
