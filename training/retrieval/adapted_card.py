"""The card of a model that was adapted to a user's own pairs, from measured numbers only."""

from collections.abc import Mapping
from typing import Any

from training.learning.markdown import paragraph, table
from training.retrieval.card import list_need


def write_adapted_card(facts: Mapping[str, Any]) -> str:
    """The card (markdown) of what `recommend train adapt` measured."""
    model = facts["model"]
    needs = "\n".join(f"- {modality}: {list_need(entry)}" for modality, entry in model["inputs"].items())
    base = model["trained_on"]
    parts = [
        f"# Retrieval model `{model['name']}`",
        f"`{base['base']}` (revision `{base['base_revision'][:16]}`) moved towards one's own pairs.",
        f"Made by `{facts['command']}`, seed {facts['seed']}. Revision `{model['revision']}`.",
        f"## What it needs\n\n{needs}",
        "## Data\n\n" + paragraph(_data(facts)),
        "## Figures\n\n" + paragraph(FIGURES),
        _gains(facts),
        f"The own encoder has the weight {facts['weight']:g} beside the model's; 0 would be the model as it was.",
        *_second_stage(facts),
        "## Limits\n\n" + paragraph(LIMITS),
    ]
    return "\n\n".join(parts) + "\n"


FIGURES = """
On held-out groups of the own pairs; how much the own encoder counts is chosen inside the others. 95 % bootstrap
intervals over groups; the model was written because the one of 99.5 % lies above 0."""
LIMITS = """
What is learnt is the taste that made these pairs: expect it on more of the same, and less than the model itself gives
on anything else."""


def _data(facts: Mapping[str, Any]) -> str:
    data = facts["model"]["trained_on"]
    read = "given with the pairs" if facts["labelled"] else "those that the model hears in the matched music"
    return f"""
    `{data["dataset"]}` (SHA-256 `{data["revision"][:16]}`): {data["pairs"]} pairs in {facts["groups"]} groups that
    share no file; emotions: {read}. {len(facts["failed"])} files could not be used. `{data["base"]}` itself was trained
    on {data["base_trained_on"].get("dataset", "data it does not name")}."""


def _gains(facts: Mapping[str, Any]) -> str:
    rows = []
    for gain in facts["gains"]:
        change = f"{gain['estimate']:+.3f}", f"{gain['low']:+.3f} to {gain['high']:+.3f}"
        rows.append([gain["measure"], f"{gain['before']:.3f}", f"{gain['after']:.3f}", *change])
    return table(("measure", "before", "adapted", "gain", "95 % interval"), rows)


def _second_stage(facts: Mapping[str, Any]) -> list[str]:
    """What the model's AFCLNet wins after the adapted cosine; nothing of a model without."""
    rows = [
        [way, f"{gain['mean']:+.4f}", f"{gain['low_95']:+.4f} to {gain['high_95']:+.4f}"]
        for way, gains in facts["second_stage"].items()
        for gain in gains.values()
    ]
    if not rows:
        return []
    model = facts["model"]
    backward = model.get("ranker_of_clips", model["ranker"])
    told = f"AFCLNet is the model's own. Default: `{model['ranker']}` for clips, `{backward}` for music."
    return [f"## Second stage\n\n{table(('direction', 'gain over the cosine', '95 % interval'), rows)}\n\n{told}"]
