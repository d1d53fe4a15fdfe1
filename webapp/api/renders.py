"""What is heard and taken home: previews of a track under a clip, exports for editing programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse

from webapp.api.clips import film_response
from webapp.app import App
from webapp.clips import Clip
from webapp.films import film_key
from webapp.job import LATER, SOON, Job
from webapp.operations import ID, LENGTH, SECONDS, STARTED, TRACK, Call, Operation, record, several
from webapp.refusal import Refusal

FLAG = {"type": "boolean"}
MIX: dict[str, Mapping[str, Any]] = {
    "in": SECONDS,
    "fit": LENGTH,
    "ending": {"enum": ["free", "real"]},
    "hit": SECONDS,
    "speech_lu": {"type": "number", "minimum": 6, "maximum": 30},
    "lufs": {"type": "number", "minimum": -40, "maximum": -8},
    "peak": {"type": "number", "minimum": -12, "maximum": 0},
    "fade_in": {"type": "number", "minimum": 0, "maximum": 60},
    "fade_out": {"type": "number", "minimum": 0, "maximum": 60},
    "mute_clip": FLAG,
}
"""How a track lies under a clip: as the options of `recommend preview`."""


def _settings(given: Mapping[str, Any], folder: str, track: int) -> dict[str, Any]:
    """What `tasks.mixing.lay` takes."""
    asked = {name: value for name, value in given.items() if name in MIX}
    if "fit" not in asked and (asked.keys() & {"ending", "hit"}):
        raise Refusal(400, "ending and hit are about music that is cut to a length: give fit")
    return {"in_s" if name == "in" else name: value for name, value in asked.items()} | {
        "library": folder,
        "track": track,
    }


async def shown(app: App, clip: Clip) -> Path:
    """What a preview is made of: the clip, or where browsers do not know its pictures, its copy that they do."""
    await app.clips.look_at(clip)
    if clip.facts["web_pictures"]:
        return clip.path
    return clip.film or await app.clips.film_of(clip)


async def preview(call: Call) -> Any:
    """Render a preview, or find the one that was rendered."""
    app, given = call.app, call.given
    clip, track = app.clips.ready(given["clip"]), given["track"]
    folder = await app.folder(given["library"])
    path = (await app.tracks(given["library"], [track]))[track]["path"]
    made_of = {"clip": str(await shown(app, clip)), "track": path, "settings": _settings(given, folder, track)}
    key = film_key(made_of)
    if (told := app.films.get(key)) is None:
        told = await app.jobs.run(
            "preview",
            {**made_of, "folder": str(app.films.folder), "name": key},
            about={"clip": clip.id, "library": given["library"], "track": track, "name": Path(path).name},
            priority=LATER if given.get("ahead") else SOON,
        )
        app.films.add(key, told)
    return {
        "id": key,
        "film": f"/media/previews/{key}",
        **{name: told[name] for name in ("placement", "fit", "remarks")},
    }


async def preview_film(call: Call) -> FileResponse:
    return film_response(call.app.films.path(call.given["preview"]))


async def export(call: Call) -> Any:
    """Write a track under a clip for editing programs, into a folder that stays."""
    app, given = call.app, call.given
    clip, folder = app.clips.ready(given["clip"]), await app.folder(given["library"])
    others = given.get("alternatives", [])
    known = await app.tracks(given["library"], [given["track"], *(one["track"] for one in others)])
    mix = {name: value for name, value in given.items() if name in MIX}
    levels = {name: value for name, value in mix.items() if name not in ("in", "fit", "ending", "hit")}
    chosen = [(given["track"], mix), *((one["track"], {**levels, "in": one.get("in", 0.0)}) for one in others)]
    tracks = [
        {"path": known[track]["path"], "title": known[track]["title"], "settings": _settings(asked, folder, track)}
        for track, asked in chosen
    ]
    arguments = {
        "clip": str(clip.path),
        "name": clip.name,
        "kept": clip.source == "folder",
        "folder": str(app.settings.exports),
        "tracks": tracks,
        "formats": given.get("formats", []),
        "marks": given.get("marks", True),
        "preview": given.get("preview", False),
    }
    about = {"clip": clip.id, "library": given["library"], "track": given["track"], "name": clip.name}
    job = app.jobs.start("export", arguments, about=about, then=lambda job: address(app, job))
    return {"job": job.id}


def address(app: App, job: Job) -> None:
    """Let the files of an export be asked for."""
    if job.result is None:
        return
    names = [one["name"] for one in job.result["files"]]
    app.exports[job.id] = Path(job.result["folder"]), names
    here = f"/media/exports/{job.id}"
    files = [{**one, "url": f"{here}/{number}"} for number, one in enumerate(job.result["files"])]
    job.result = {"id": job.id, **job.result, "files": files, "archive": f"{here}/archive"}


def _exported(call: Call) -> tuple[Path, list[str]]:
    if (found := call.app.exports.get(call.given["export"])) is None:
        raise Refusal(404, "there is no such export in this session; its folder stays on this machine")
    return found


async def export_file(call: Call) -> FileResponse:
    folder, names = _exported(call)
    number = call.given["number"]
    if number >= len(names):
        raise Refusal(404, "there is no such file")
    return download(folder / names[number])


async def archive(call: Call) -> FileResponse:
    folder, _ = _exported(call)
    path = call.app.settings.session / f"{call.given['export']}.zip"
    if not path.is_file():
        await call.app.jobs.run("pack", {"folder": str(folder), "archive": str(path)}, about={"name": folder.name})
    return download(path, f"{folder.name}.zip")


def download(path: Path, name: str | None = None, media: str = "application/octet-stream") -> FileResponse:
    """A file to be kept."""
    if not path.is_file():
        raise Refusal(404, "the file is not there any more")
    return FileResponse(path, media_type=media, filename=name or path.name)


_PLACED = {"clip": ID, "library": ID, "track": TRACK}
FORMAT = {"type": "string", "pattern": "^[a-z0-9]{1,20}$"}
FAILS = (409, 422, 429, 500, 503)
OPERATIONS = (
    Operation(
        "GET",
        "/api/previews",
        "A track under a clip, rendered; it waits until it is. `ahead`: nobody waits for it yet.",
        preview,
        'curl -H "$T" "$A/api/previews?clip=$CLIP&library=$LIBRARY&track=$TRACK&in=12.5&fit=clip"',
        query={**_PLACED, **MIX, "ahead": FLAG},
        required=("clip", "library", "track"),
        result={"type": "object", "required": ["id", "film", "placement", "fit", "remarks"]},
        refusals=FAILS,
    ),
    Operation(
        "GET",
        "/media/previews/{preview}",
        "The film of a preview.",
        preview_film,
        'curl -H "$T" $A/media/previews/$PREVIEW -o preview.mp4',
        media="video/mp4",
    ),
    Operation(
        "POST",
        "/api/exports",
        "Write timelines, the stem and the preview into a folder that stays.",
        export,
        """curl -H "$T" -d '{"clip": "'$CLIP'", "library": "'$LIBRARY'", "track": 5, "formats": ["otio"]}' """
        "$A/api/exports",
        body=record(
            _PLACED,
            **MIX,
            formats=several(FORMAT, 20),
            alternatives=several(record({"track": TRACK}, **{"in": SECONDS}), 10),
            preview=FLAG,
            marks=FLAG,
        ),
        status=202,
        result=STARTED,
        refusals=FAILS,
    ),
    Operation(
        "GET",
        "/media/exports/{export}/archive",
        "All files of an export as one.",
        archive,
        'curl -H "$T" $A/media/exports/$JOB/archive -o cut.zip',
        media="application/octet-stream",
        refusals=FAILS,
    ),
    Operation(
        "GET",
        "/media/exports/{export}/{number}",
        "A file of an export, by its number from 0.",
        export_file,
        'curl -H "$T" $A/media/exports/$JOB/0 -O -J',
        media="application/octet-stream",
    ),
)
