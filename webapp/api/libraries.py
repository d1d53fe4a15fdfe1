"""Libraries: what there is, what it holds, and how it changes."""

import asyncio
from typing import Any

from webapp.job import Job
from webapp.operations import COUNT, ID, MODEL, STARTED, TEXT, Call, Operation, record
from webapp.refusal import Refusal
from webapp.tasks.limits import PEAKS

_NAME = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$"}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": 500}
_CHANGES = ("add", "update", "verify")


async def libraries(call: Call) -> Any:
    """All libraries; `job` is what changes one now."""
    busy = {job.about["library"]: job.id for job in call.app.jobs.all() if job.kind in _CHANGES and not job.is_over}
    found = await call.app.libraries()
    return {"libraries": [{**_told(one), "job": busy.get(one["id"])} for one in found]}


def _told(one: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name != "folder"}


async def library(call: Call) -> Any:
    found = (await libraries(call))["libraries"]
    if (one := next((one for one in found if one["id"] == call.given["library"]), None)) is None:
        raise Refusal(404, "there is no such library")
    return one


async def make(call: Call) -> Any:
    from indexing.disk.locations import library_path
    from recommender.errors import CliptuneError

    try:
        folder = str(library_path(call.given["name"]))
    except CliptuneError as error:
        raise Refusal(400, str(error)) from None
    return await _add(call, call.app.know(folder), folder, call.given.get("model"))


async def add(call: Call) -> Any:
    return await _add(call, call.given["library"], await call.app.folder(call.given["library"]), None)


async def _add(call: Call, library: str, folder: str, model: str | None) -> Any:
    path = await asyncio.to_thread(call.app.places["music"].folder, call.given["folder"])
    arguments = {"folder": folder, "path": str(path), "model": model}
    return _start(call, "add", library, arguments, name=path.name)


async def update(call: Call) -> Any:
    folder = await call.app.folder(call.given["library"])
    choices = {name: call.given.get(name, False) for name in ("retry", "prune")}
    return _start(call, "update", call.given["library"], {"folder": folder, **choices})


async def verify(call: Call) -> Any:
    folder = await call.app.folder(call.given["library"])
    return _start(call, "verify", call.given["library"], {"folder": folder})


def _start(call: Call, kind: str, library: str, arguments: dict[str, Any], *, name: str = "") -> Any:
    app = call.app

    def over(job: Job) -> None:
        app.events.tell_change("libraries")

    job = app.jobs.start(kind, arguments, about={"library": library, "name": name}, then=over)
    app.events.tell_change("libraries")
    return {"library": library, "job": job.id}


async def failures(call: Call) -> Any:
    return await call.app.jobs.run("failures", await _page(call))


async def tracks(call: Call) -> Any:
    return await call.app.jobs.run("tracks", {**await _page(call), "search": call.given.get("search", "")})


async def _page(call: Call) -> dict[str, Any]:
    folder = await call.app.folder(call.given["library"])
    return {"folder": folder, "offset": call.given.get("offset", 0), "limit": call.given.get("limit", 50)}


async def track(call: Call) -> Any:
    number = call.given["track"]
    return {"track": number, **(await call.app.tracks(call.given["library"], [number]))[number]}


async def peaks(call: Call) -> Any:
    track = call.given["track"]
    told = (await call.app.tracks(call.given["library"], [track]))[track]
    return await call.app.jobs.run(
        "peaks",
        {"track": told["path"], "count": call.given.get("count", PEAKS)},
        about={"library": call.given["library"], "track": track},
        keep=True,
    )


async def beats(call: Call) -> Any:
    folder, track = await call.app.folder(call.given["library"]), call.given["track"]
    about = {"library": call.given["library"], "track": track}
    return await call.app.jobs.run("beats", {"folder": folder, "track": track}, about=about)


_PAGES = {"offset": COUNT, "limit": _LIMIT}
_BUSY = (409, 429, 503)
OPERATIONS = (
    Operation("GET", "/api/libraries", "All libraries.", libraries, 'curl -H "$T" $A/api/libraries', refusals=_BUSY),
    Operation(
        "POST",
        "/api/libraries",
        "Make a library of a folder.",
        make,
        """curl -H "$T" -d '{"name": "film", "folder": "'$FOLDER'"}' $A/api/libraries""",
        body=record({"name": _NAME, "folder": ID}, model=MODEL),
        status=202,
        result=STARTED,
        refusals=_BUSY,
    ),
    Operation(
        "GET",
        "/api/libraries/{library}",
        "One library.",
        library,
        'curl -H "$T" $A/api/libraries/$LIBRARY',
        refusals=_BUSY,
    ),
    Operation(
        "POST",
        "/api/libraries/{library}/folders",
        "Add a folder.",
        add,
        """curl -H "$T" -d '{"folder": "'$FOLDER'"}' $A/api/libraries/$LIBRARY/folders""",
        body=record({"folder": ID}),
        status=202,
        result=STARTED,
        refusals=_BUSY,
    ),
    Operation(
        "POST",
        "/api/libraries/{library}/update",
        "Look at its folders again: new, changed and vanished files.",
        update,
        """curl -H "$T" -d '{"retry": true}' $A/api/libraries/$LIBRARY/update""",
        body=record({}, retry={"type": "boolean"}, prune={"type": "boolean"}),
        status=202,
        result=STARTED,
        refusals=_BUSY,
    ),
    Operation(
        "POST",
        "/api/libraries/{library}/verify",
        "Check that it is whole.",
        verify,
        """curl -H "$T" -d '{}' $A/api/libraries/$LIBRARY/verify""",
        body=record({}),
        status=202,
        result=STARTED,
        refusals=_BUSY,
    ),
    Operation(
        "GET",
        "/api/libraries/{library}/failures",
        "Files that could not be analysed, and why.",
        failures,
        'curl -H "$T" $A/api/libraries/$LIBRARY/failures',
        query=_PAGES,
        refusals=(*_BUSY, 500),
    ),
    Operation(
        "GET",
        "/api/libraries/{library}/tracks",
        "Its tracks, those with all words of a search.",
        tracks,
        'curl -H "$T" "$A/api/libraries/$LIBRARY/tracks?search=calm"',
        query={**_PAGES, "search": TEXT},
        refusals=(*_BUSY, 500),
    ),
    Operation(
        "GET",
        "/api/libraries/{library}/tracks/{track}",
        "What a track is called, and where it lies.",
        track,
        'curl -H "$T" $A/api/libraries/$LIBRARY/tracks/$TRACK',
        refusals=_BUSY,
    ),
    Operation(
        "GET",
        "/api/libraries/{library}/tracks/{track}/peaks",
        "The waveform of a track.",
        peaks,
        'curl -H "$T" $A/api/libraries/$LIBRARY/tracks/$TRACK/peaks',
        query={"count": {"type": "integer", "minimum": 10, "maximum": 4000}},
        refusals=(*_BUSY, 422),
    ),
    Operation(
        "GET",
        "/api/libraries/{library}/tracks/{track}/beats",
        "When beats of a track fall, and when bars begin; nothing where the library does not know.",
        beats,
        'curl -H "$T" $A/api/libraries/$LIBRARY/tracks/$TRACK/beats',
        refusals=_BUSY,
    ),
)
