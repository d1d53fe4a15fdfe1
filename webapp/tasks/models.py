"""The models at hand, with their cards."""

from typing import Any

from webapp.refusal import Refusal
from webapp.tasks import Tell


def models(arguments: dict[str, Any], tell: Tell) -> list[dict[str, Any]]:
    """As `recommend models list` has them."""
    from recommender.commands import list_models

    return list_models()


def card(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The card of a model, or what is known of a checkpoint, as markdown; `name` is one that `models` gives."""
    from recommender.commands import list_models

    row = next((one for one in list_models() if one["name"] == arguments["name"]), None)
    if row is None:
        raise Refusal(404, "there is no such model")
    told = {"name": row["name"], "kind": row["kind"], "revision": row.get("revision"), "dim": row.get("dim")}
    return told | {"card": _facts(row["name"]) if row["kind"] == "checkpoint" else _card(row)}


def _card(row: dict[str, Any]) -> str:
    from recommender.model import Model

    if "error" in row:
        raise Refusal(422, row["error"])
    return Model.load(row["name"]).card()


def _facts(name: str) -> str:
    from recommender.commands import checkpoint_facts

    rows = "".join(f"| {label} | {value} |\n" for label, value in checkpoint_facts(name))
    return f"# Checkpoint `{name}`\n\n| what | is |\n| --- | --- |\n{rows}"
