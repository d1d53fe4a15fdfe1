"""Models: which there are, and their cards."""

from typing import Any

from webapp.operations import Call, Operation


async def models(call: Call) -> Any:
    return {"models": await call.app.jobs.run("models", {})}


async def model(call: Call) -> Any:
    return await call.app.jobs.run("card", {"name": call.given["model"]})


_FAILS = (429, 500, 503)
OPERATIONS = (
    Operation(
        "GET",
        "/api/models",
        "The models at hand, and published checkpoints.",
        models,
        'curl -H "$T" $A/api/models',
        refusals=_FAILS,
    ),
    Operation(
        "GET",
        "/api/models/{model}",
        "A model with its card, in markdown.",
        model,
        'curl -H "$T" $A/api/models/builtin',
        result={"type": "object", "required": ["name", "revision", "dim", "card"]},
        refusals=(*_FAILS, 422),
    ),
)
