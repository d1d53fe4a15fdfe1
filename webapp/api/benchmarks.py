"""Reports of `recommend benchmark` in the folders that were named on the command line."""

from typing import Any

from webapp.operations import COUNT, Call, Operation

_FAILS = (422, 429, 500, 503)
_SYSTEM = {"type": "string", "minLength": 1, "maxLength": 200}


def _folders(call: Call) -> list[str]:
    return [str(folder) for folder in call.app.settings.reports]


async def benchmarks(call: Call) -> Any:
    found = await call.app.jobs.run("benchmarks", {"folders": _folders(call)})
    return {"reports": found, "folders": len(_folders(call))}


async def benchmark(call: Call) -> Any:
    return await call.app.jobs.run("benchmark", {"folders": _folders(call), "report": call.given["report"]})


async def queries(call: Call) -> Any:
    asked = {"order": "worst", "offset": 0, "limit": 50, **call.given}
    return await call.app.jobs.run("queries", {"folders": _folders(call), **asked})


OPERATIONS = (
    Operation(
        "GET",
        "/api/benchmarks",
        "The reports at hand, the newest first.",
        benchmarks,
        'curl -H "$T" $A/api/benchmarks',
        refusals=_FAILS,
    ),
    Operation(
        "GET",
        "/api/benchmarks/{report}",
        "A report as it was written, and its tables with intervals and chance.",
        benchmark,
        'curl -H "$T" $A/api/benchmarks/$REPORT',
        refusals=_FAILS,
    ),
    Operation(
        "GET",
        "/api/benchmarks/{report}/queries",
        "How single queries were answered: measures, ranks of what is right, what was ranked first.",
        queries,
        'curl -H "$T" "$A/api/benchmarks/$REPORT/queries?system=fusion&direction=video-music&order=worst"',
        query={
            "system": _SYSTEM,
            "direction": {"enum": ["video-music", "music-video"]},
            "order": {"enum": ["worst", "best", "name"]},
            "offset": COUNT,
            "limit": {"type": "integer", "minimum": 1, "maximum": 200},
        },
        required=("system", "direction"),
        refusals=_FAILS,
    ),
)
