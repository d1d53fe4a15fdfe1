"""Picks of a library: made, listed, taken back, taken along as a playlist and as a cue sheet."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.responses import Response

from webapp.operations import ID, LENGTH, SECONDS, TRACK, Call, Operation, record, several
from webapp.refusal import Refusal

_VALUE = {"type": ["string", "number", "boolean"], "maxLength": 300}
_SETTINGS = {
    "type": "object",
    "maxProperties": 60,
    "propertyNames": {"pattern": "^[a-z_]{1,30}$"},
    "additionalProperties": {"anyOf": [_VALUE, several(_VALUE, 50)]},
}
_PICK = {
    "type": "object",
    "properties": {"id": ID, "at": {"type": "string"}, "clip": {"type": "object"}, "track": {"type": "object"}},
    "required": ["id", "at", "clip", "track", "in_s", "out_s", "score", "settings"],
}
_TYPES = {"m3u8": "audio/x-mpegurl", "csv": "text/csv"}


async def picks(call: Call) -> Any:
    return {"picks": await call.app.jobs.run("picks", {"folder": await call.app.folder(call.given["library"])})}


async def pick(call: Call) -> Any:
    app, given = call.app, call.given
    clip, folder = app.clips.ready(given["clip"]), await app.folder(given["library"])
    if given["out_s"] < given["in_s"]:
        raise Refusal(400, "a section ends after it begins: out_s is less than in_s")
    await app.tracks(given["library"], [given["track"]])
    arguments = {
        "folder": folder,
        "clip": {"id": clip.id, "name": clip.name, "path": str(clip.path)},
        "score": given.get("score"),
        "settings": given.get("settings", {}),
        **{name: given[name] for name in ("track", "in_s", "out_s")},
    }
    made = await app.jobs.run("pick", arguments, about={"library": given["library"], "name": clip.name})
    app.events.tell_change("picks")
    return made


async def unpick(call: Call) -> None:
    folder = await call.app.folder(call.given["library"])
    await call.app.jobs.run("unpick", {"folder": folder, "pick": call.given["pick"]})
    call.app.events.tell_change("picks")


async def _sheet(kind: str, call: Call) -> Response:
    folder = await call.app.folder(call.given["library"])
    text = await call.app.jobs.run("sheet", {"folder": folder, "kind": kind})
    named = {"Content-Disposition": f'attachment; filename="picks.{kind}"'}
    return Response(text.encode("utf-8", "surrogateescape"), media_type=_TYPES[kind], headers=named)


def _file(kind: str) -> Callable[[Call], Awaitable[Any]]:
    return partial(_sheet, kind)


_FAILS = (409, 429, 500, 503)
OPERATIONS = (
    Operation(
        "GET",
        "/api/libraries/{library}/picks",
        "What was picked of a library, newest first.",
        picks,
        'curl -H "$T" $A/api/libraries/$LIBRARY/picks',
        result={"type": "object", "properties": {"picks": several(_PICK, 10_000)}, "required": ["picks"]},
        refusals=_FAILS,
    ),
    Operation(
        "POST",
        "/api/libraries/{library}/picks",
        "Pick a track for a clip; it is kept in the library.",
        pick,
        """curl -H "$T" -d '{"clip": "'$CLIP'", "track": 5, "in_s": 12.5, "out_s": 42.5}' """
        "$A/api/libraries/$LIBRARY/picks",
        body=record(
            {"clip": ID, "track": TRACK, "in_s": SECONDS, "out_s": SECONDS},
            score={"type": ["number", "null"]},
            settings={**_SETTINGS, "properties": {"fit": LENGTH}},
        ),
        status=201,
        result=_PICK,
        refusals=(*_FAILS, 422),
    ),
    Operation(
        "DELETE",
        "/api/libraries/{library}/picks/{pick}",
        "Take a pick back.",
        unpick,
        'curl -H "$T" -X DELETE $A/api/libraries/$LIBRARY/picks/$PICK',
        status=204,
        refusals=_FAILS,
    ),
    *(
        Operation(
            "GET",
            f"/media/picks/{{library}}.{kind}",
            f"All picks of a library as a {what}, the oldest first.",
            _file(kind),
            f'curl -H "$T" $A/media/picks/$LIBRARY.{kind} -o picks.{kind}',
            media=_TYPES[kind],
            refusals=(*_FAILS, 400),
        )
        for kind, what in (("m3u8", "playlist"), ("csv", "cue sheet"))
    ),
)
