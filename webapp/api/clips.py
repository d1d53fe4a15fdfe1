"""Clips: dropped or chosen, shown, removed; and the folders of this machine that may be looked into."""

import asyncio
from typing import Any

from starlette.responses import FileResponse

from recommender.text import show
from webapp.operations import ID, TEXT, Call, Operation, record, several
from webapp.refusal import Refusal
from webapp.uploads import display_name, receive

_KIND = {"enum": ["music", "clips"]}
_CLIP = {
    "type": "object",
    "properties": {"id": ID, "name": {"type": "string"}, "state": {"enum": ["looking", "ready", "failed"]}},
    "required": ["id", "name", "state", "film", "error"],
}
_CLIPS = {"type": "object", "properties": {"clips": several(_CLIP, 10_000)}, "required": ["clips"]}


async def clips(call: Call) -> Any:
    return {"clips": [clip.record() for clip in call.app.clips.all()]}


async def clip(call: Call) -> Any:
    return call.app.clips.get(call.given["clip"]).record()


async def upload(call: Call) -> Any:
    """Take in a clip from the body of a request."""
    app = call.app
    app.clips.check_room()
    limits, name = app.settings.limits, display_name(call.given["name"])
    got = await receive(call.request, app.clips.folder, limits, used_bytes=app.clips.kept_bytes)
    return app.clips.add_upload(got.path, name, sha256=got.sha256, size_bytes=got.size).record()


async def choose(call: Call) -> Any:
    """Take clips from a folder of this machine."""
    places = call.app.places["clips"]
    if "file" in call.given:
        paths = [await asyncio.to_thread(places.file, call.given["file"])]
    else:
        found = await asyncio.to_thread(places.look, call.given["folder"])
        paths = [await asyncio.to_thread(places.file, one["id"]) for one in found["files"]]
    call.app.clips.check_room(len(paths))
    return {"clips": [call.app.clips.add_file(path).record() for path in paths]}


async def remove(call: Call) -> None:
    call.app.clips.remove(call.given["clip"])
    call.app.scores.forget(call.given["clip"])


async def folders(call: Call) -> Any:
    return {"folders": call.app.places[call.given["kind"]].tops()}


async def folder(call: Call) -> Any:
    return await asyncio.to_thread(call.app.places[call.given["kind"]].look, call.given["folder"])


async def film(call: Call) -> FileResponse:
    clip = call.app.clips.get(call.given["clip"])
    if clip.film is None:
        raise Refusal(404, "there is no film of this clip yet")
    return film_response(clip.film)


def film_response(path: Any) -> FileResponse:
    """A film for a browser; asked for in ranges, it can be sought in."""
    if not path.is_file():
        raise Refusal(404, f"{show(path.name)} is not there any more")
    return FileResponse(path, media_type="video/webm" if path.suffix.lower() in (".webm", ".mkv") else "video/mp4")


async def picture(call: Call) -> FileResponse:
    path = call.app.clips.poster(call.app.clips.get(call.given["clip"]))
    if call.given["number"] or not path.is_file():
        raise Refusal(404, "there is no such picture")
    return FileResponse(path, media_type="image/jpeg")


_UPLOAD = (408, 413, 415, 429, 507)
OPERATIONS = (
    Operation("GET", "/api/clips", "The clips of this session.", clips, 'curl -H "$T" $A/api/clips', result=_CLIPS),
    Operation(
        "POST",
        "/api/clips",
        "Bring in a clip, its bytes as the body.",
        upload,
        'curl -H "$T" -H "Content-Type: application/octet-stream" -T clip.mp4 -X POST "$A/api/clips?name=clip.mp4"',
        query={"name": {**TEXT, "minLength": 1}},
        required=("name",),
        raw=True,
        status=201,
        result=_CLIP,
        refusals=_UPLOAD,
    ),
    Operation(
        "POST",
        "/api/clips/from-folder",
        "Take a file, or all of a folder, of this machine.",
        choose,
        """curl -H "$T" -d '{"file": "'$FILE'"}' $A/api/clips/from-folder""",
        body={**record({}, file=ID, folder=ID), "minProperties": 1, "maxProperties": 1},
        status=201,
        result=_CLIPS,
        refusals=(429,),
    ),
    Operation("GET", "/api/clips/{clip}", "One clip.", clip, 'curl -H "$T" $A/api/clips/$CLIP', result=_CLIP),
    Operation(
        "DELETE",
        "/api/clips/{clip}",
        "Remove a clip, and all that was kept of it.",
        remove,
        'curl -H "$T" -X DELETE $A/api/clips/$CLIP',
        status=204,
    ),
    Operation(
        "GET",
        "/media/clips/{clip}/film",
        "The clip as browsers play it.",
        film,
        'curl -H "$T" $A/media/clips/$CLIP/film -o film.mp4',
        media="video/mp4",
    ),
    Operation(
        "GET",
        "/media/clips/{clip}/pictures/{number}",
        "Its first picture, number 0.",
        picture,
        'curl -H "$T" $A/media/clips/$CLIP/pictures/0 -o first.jpg',
        media="image/jpeg",
    ),
    Operation(
        "GET",
        "/api/folders",
        "Folders of this machine that may be looked into.",
        folders,
        'curl -H "$T" "$A/api/folders?kind=music"',
        query={"kind": _KIND},
        required=("kind",),
    ),
    Operation(
        "GET",
        "/api/folders/{folder}",
        "What is in one of them.",
        folder,
        'curl -H "$T" "$A/api/folders/$FOLDER?kind=music"',
        query={"kind": _KIND},
        required=("kind",),
    ),
)
