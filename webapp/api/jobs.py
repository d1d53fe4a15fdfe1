"""What the app can do, what is under way, and what happens."""

from importlib.metadata import version
from typing import Any

from starlette.responses import StreamingResponse

from recommender.conditions import FILTERS, OneOf, Paths, Switch, Within
from webapp.addresses import is_loopback
from webapp.operations import Call, Operation, several

_STATES = {"enum": ["waiting", "running", "done", "failed", "cancelled"]}
JOB = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "kind": {"type": "string"}, "state": _STATES},
    "required": ["id", "kind", "state", "verb", "done", "total", "lines"],
}


async def status(call: Call) -> Any:
    options = await call.app.jobs.run("options", {}, keep=True)
    settings = call.app.settings
    return {
        "version": version("cliptune"),
        "folders": {"music": bool(settings.music_folders), "clips": bool(settings.clip_folders)},
        "limits": {"upload_bytes": settings.limits.upload_bytes, "clips": settings.limits.clips},
        "filters": [_filter(one) for one in FILTERS if one.name not in ("only", "exclude")],
        "loopback": is_loopback(settings.host),
        **options,
    }


def _filter(one: Any) -> dict[str, Any]:
    kinds = ((Switch, "switch"), (OneOf, "names"), (Paths, "paths"), (Within, "range"))
    kind = "switch" if one.takes is bool else next(kind for known, kind in kinds if isinstance(one, known))
    help, _, example = one.help.partition(": ")
    return {"name": one.option, "kind": kind, "help": help, "example": example.strip('"')}


async def jobs(call: Call) -> Any:
    return {"jobs": [job.record(result=False) for job in call.app.jobs.all()]}


async def job(call: Call) -> Any:
    return call.app.jobs.get(call.given["job"]).record()


async def cancel(call: Call) -> None:
    call.app.jobs.cancel(call.app.jobs.get(call.given["job"]))


async def events(call: Call) -> StreamingResponse:
    return StreamingResponse(call.app.events.listen(), media_type="text/event-stream")


OPERATIONS = (
    Operation("GET", "/api/status", "What can be asked for.", status, 'curl -H "$T" $A/api/status'),
    Operation(
        "GET",
        "/api/jobs",
        "What is under way and what became of it, the newest first.",
        jobs,
        'curl -H "$T" $A/api/jobs',
        result={"type": "object", "properties": {"jobs": several(JOB, 1000)}, "required": ["jobs"]},
    ),
    Operation(
        "GET", "/api/jobs/{job}", "One job, with what came of it.", job, 'curl -H "$T" $A/api/jobs/$JOB', result=JOB
    ),
    Operation(
        "DELETE",
        "/api/jobs/{job}",
        "Cancel a job; what it finished until then stays.",
        cancel,
        'curl -H "$T" -X DELETE $A/api/jobs/$JOB',
        status=204,
    ),
    Operation(
        "GET",
        "/api/events",
        "What happens, as server-sent events: `job`, `changed`.",
        events,
        'curl -N -H "$T" $A/api/events',
        media="text/event-stream",
        refusals=(429,),
    ),
)
