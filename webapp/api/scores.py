"""Scores of whole films: scenes with music, edited, heard, taken home."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse, Response

from webapp.api.answers import FILTER_QUERY, SETTINGS, settled
from webapp.api.renders import FAILS, FLAG, FORMAT, MIX, address, download, shown
from webapp.app import App
from webapp.films import film_key
from webapp.job import Job
from webapp.operations import ID, SECONDS, STARTED, TEXT, TRACK, Call, Operation, record, several
from webapp.refusal import Refusal
from webapp.scores import Kept, scenes_told

SCENES = 200
"""A film is cut into so many scenes at most."""
_NUMBER = {"type": "integer", "minimum": 1, "maximum": SCENES}
_NAME = {**TEXT, "minLength": 1}
EDITS: dict[str, Mapping[str, Any]] = {
    "count": _NUMBER,
    "starts": several(SECONDS, SCENES - 1),
    "labels": several(record({"scene": _NUMBER, "label": {"type": "string", "maxLength": 80}}), SCENES),
    "silence": {**several(_NUMBER, SCENES), "uniqueItems": True},
    "themes": several({**several(_NUMBER, SCENES), "minItems": 2, "uniqueItems": True}, 26),
    "locks": several(record({"scene": _NUMBER, "track": TRACK}), SCENES),
    "begins": several(record({"scene": _NUMBER, "track": TRACK, "in_s": SECONDS}), SCENES),
    "recut": FLAG,
}
"""What somebody changed: into how many scenes the film is cut, or at which seconds; by numbers of scenes their names,
which are without music, which share a track, which track one has, and from which second of its track on; and whether
music that is shorter than its scene will be cut to it, so that any length will do."""
LEVELS: dict[str, Mapping[str, Any]] = {
    **{name: MIX[name] for name in ("speech_lu", "lufs", "peak", "fade_in", "fade_out", "mute_clip")},
    "recut": FLAG,
}
"""How music lies under the film; `recut`: cut to the length of its scene where it is shorter."""
_ASKED = {name: SETTINGS[name] for name in ("per_artist", "ranker", "taste", *FILTER_QUERY)}


async def score(call: Call) -> Any:
    """Cut a film into scenes and choose music for all of them; what comes of it is the job's result."""
    app, given = call.app, call.given
    if "count" in given and "starts" in given:
        raise Refusal(400, "count says into how many scenes, starts where: give one of them")
    clip, folder = app.clips.ready(given["clip"]), await app.folder(given["library"])
    await app.clips.look_at(clip)
    if clip.facts["still"]:
        raise Refusal(422, f"{clip.name} is a picture and has no scenes: look for music for it as a clip")
    arguments = {
        "clip": str(clip.path),
        "library": folder,
        "pictures": str(app.scores.pictures(clip.id)),
        "settings": await settled(app, {name: value for name, value in given.items() if name in _ASKED}),
        "edits": {name: value for name, value in given.items() if name in EDITS},
    }
    about = {"clip": clip.id, "library": given["library"], "name": clip.name}
    return {"job": app.jobs.start("score", arguments, about=about, then=partial(_keep, app, folder)).id}


def _keep(app: App, folder: str, job: Job) -> None:
    """Keep a score, and let it be asked for."""
    if job.result is None:
        return
    kept = Kept(job.about["clip"], folder, job.result)
    job.result = {"id": app.scores.add(kept), **job.about, **_told(kept)}


def _told(kept: Kept) -> dict[str, Any]:
    told = scenes_told(kept.made)
    frames = f"/media/clips/{kept.clip}/frames"
    return {**told, "scenes": [{**one, "picture": f"{frames}/{one['picture']}"} for one in told["scenes"]]}


async def kept_score(call: Call) -> Any:
    """A score that was made."""
    kept = call.app.scores.get(call.given["score"])
    return {"id": call.given["score"], "clip": kept.clip, **_told(kept)}


async def take_table(call: Call) -> Any:
    """What a table of scenes that somebody edited changes of a film."""
    app, given = call.app, call.given
    clip, folder = app.clips.ready(given["clip"]), await app.folder(given["library"])
    arguments = {"clip": str(clip.path), "library": folder, "name": given["name"], "text": given["table"]}
    found = await app.jobs.run("scene_table", arguments, about={"clip": clip.id, "name": clip.name})
    if len(found["starts"]) >= SCENES:
        raise Refusal(400, f"{given['name']}: {len(found['starts']) + 1} scenes, and a film has {SCENES} here at most")
    return found


async def frame(call: Call) -> FileResponse:
    """The picture of a scene."""
    path = call.app.scores.pictures(call.app.clips.get(call.given["clip"]).id) / f"{call.given['frame']}.jpg"
    if not path.is_file():
        raise Refusal(404, "there is no such picture")
    return FileResponse(path, media_type="image/jpeg")


def _laid(call: Call, clip: Path) -> dict[str, Any]:
    """What `tasks.scored.lay` takes."""
    kept = call.app.scores.get(call.given["score"])
    levels = {name: value for name, value in call.given.items() if name in LEVELS}
    return {"clip": str(clip), "library": kept.folder, "plan": kept.made["plan"], "levels": levels}


async def preview(call: Call) -> Any:
    """Render the film with all its music, or find it as it was rendered."""
    app = call.app
    clip = app.clips.ready(app.scores.get(call.given["score"]).clip)
    arguments = _laid(call, await shown(app, clip))
    key = film_key(arguments)
    about = {"clip": clip.id, "score": call.given["score"], "name": clip.name}
    if (told := app.films.get(key)) is not None:
        return {"job": app.jobs.recall("soundtrack", about, _heard(key, told)).id}

    def keep(job: Job) -> None:
        if job.result is not None:
            app.films.add(key, job.result)
            job.result = _heard(key, job.result)

    arguments |= {"folder": str(app.films.folder), "name": key}
    return {"job": app.jobs.start("soundtrack", arguments, about=about, then=keep).id}


def _heard(key: str, told: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": key, "film": f"/media/previews/{key}", "cues": told["cues"], "remarks": told["remarks"]}


async def export(call: Call) -> Any:
    """Write the film with its music for editing programs, into a folder that stays."""
    app, given = call.app, call.given
    kept = app.scores.get(given["score"])
    clip = app.clips.ready(kept.clip)
    arguments = {
        **_laid(call, clip.path),
        "name": clip.name,
        "kept": clip.source == "folder",
        "folder": str(app.settings.exports),
        "formats": given.get("formats", []),
        "marks": given.get("marks", True),
        "preview": given.get("preview", False),
        "cuts_s": kept.made["film"]["cuts_s"],
        "table": kept.made["table"],
    }
    about = {"clip": clip.id, "score": given["score"], "name": clip.name}
    return {"job": app.jobs.start("delivery", arguments, about=about, then=partial(address, app)).id}


async def _sheet(kind: str, call: Call) -> Response:
    app = call.app
    clip = app.clips.ready(app.scores.get(call.given["score"]).clip)
    arguments = {**_laid(call, clip.path), "name": clip.name}
    out = app.scores.sheet(film_key(arguments), f".{kind}")
    if not out.is_file():
        about = {"clip": clip.id, "score": call.given["score"], "name": clip.name}
        await app.jobs.run("cuesheet", {**arguments, "out": str(out)}, about=about)
    if kind == "html":
        return FileResponse(out, media_type="text/html")
    return download(out, f"{Path(clip.name).stem} - cue sheet.csv", "text/csv")


def _cue_sheet(kind: str) -> Callable[[Call], Awaitable[Any]]:
    return partial(_sheet, kind)


async def table(call: Call) -> Response:
    """The scenes as a table, which `recommend film` reads again."""
    kept = call.app.scores.get(call.given["score"])
    headers = {"Content-Disposition": 'attachment; filename="scenes.csv"'}
    text = kept.made["table"].encode("utf-8", "surrogateescape")
    return Response(text, media_type="text/csv", headers=headers)


_EXAMPLE = """curl -H "$T" -d '{"clip": "'$CLIP'", "library": "'$LIBRARY'", "instrumental": true}' $A/api/scores"""
OPERATIONS = (
    Operation(
        "POST",
        "/api/scores",
        "Cut a film into scenes and choose music for all of them together, with what somebody changed of it. The film "
        "is read once in a session; the score is the result of the job.",
        score,
        _EXAMPLE,
        body=record({"clip": ID, "library": ID}, **_ASKED, **EDITS),
        status=202,
        result=STARTED,
        refusals=FAILS,
    ),
    Operation(
        "GET",
        "/api/scores/{score}",
        "A score: its scenes, each with its music and what else would do.",
        kept_score,
        'curl -H "$T" $A/api/scores/$SCORE',
        result={
            "type": "object",
            "properties": {
                "id": ID,
                "clip": ID,
                "film": {"type": "object"},
                "scenes": several({"type": "object"}, SCENES),
            },
            "required": ["id", "clip", "film", "scenes", "taste", "remarks"],
        },
    ),
    Operation(
        "POST",
        "/api/clips/{clip}/scenes",
        "What a table of a film's scenes says (`/media/scores/{score}/scenes.csv`, edited by hand), as "
        "`POST /api/scores` takes it.",
        take_table,
        """curl -H "$T" -d '{"library": "'$LIBRARY'", "name": "cuts.txt", "table": "0"}' """
        "$A/api/clips/$CLIP/scenes",
        body=record({"library": ID, "name": _NAME, "table": {"type": "string", "maxLength": 60_000}}),
        result={"type": "object", "required": ["starts", "labels", "silence", "locks", "begins"]},
        refusals=FAILS,
    ),
    Operation(
        "GET",
        "/media/clips/{clip}/frames/{frame}",
        "The picture of a scene, by its time in ms, as the score names it.",
        frame,
        'curl -H "$T" $A/media/clips/$CLIP/frames/$FRAME -o scene.jpg',
        media="image/jpeg",
    ),
    Operation(
        "POST",
        "/api/scores/{score}/preview",
        "Render the film with all its music; the result of the job names the film.",
        preview,
        """curl -H "$T" -d '{"lufs": -14}' $A/api/scores/$SCORE/preview""",
        body=record({}, **LEVELS),
        status=202,
        result=STARTED,
        refusals=FAILS,
    ),
    Operation(
        "POST",
        "/api/scores/{score}/exports",
        "Write timelines of the film with its music, the stem, cue sheets and the table of scenes into a folder that "
        "stays.",
        export,
        """curl -H "$T" -d '{"formats": ["otio"]}' $A/api/scores/$SCORE/exports""",
        body=record({}, **LEVELS, formats=several(FORMAT, 20), marks=FLAG, preview=FLAG),
        status=202,
        result=STARTED,
        refusals=FAILS,
    ),
    *(
        Operation(
            "GET",
            f"/media/scores/{{score}}/cue-sheet.{kind}",
            f"The cue sheet of the film as {what}; it waits until the music is laid under the film.",
            _cue_sheet(kind),
            f'curl -H "$T" $A/media/scores/$SCORE/cue-sheet.{kind} -o cues.{kind}',
            query=LEVELS,
            media=media,
            refusals=FAILS,
        )
        for kind, what, media in (("csv", "a table", "text/csv"), ("html", "a page to print", "text/html"))
    ),
    Operation(
        "GET",
        "/media/scores/{score}/scenes.csv",
        "The scenes as a table to edit, which `recommend film` reads again.",
        table,
        'curl -H "$T" $A/media/scores/$SCORE/scenes.csv -o scenes.csv',
        media="text/csv",
    ),
)
