"""The card of a model that was adapted to a user's own pairs, from measured numbers only."""

from collections.abc import Mapping
from typing import Any

from training.learning.markdown import paragraph, table
from training.retrieval.card import list_need


def write_adapted_card(facts: Mapping[str, Any]) -> str:
    """The card (markdown) of what `recommend train adapt` measured."""
    model = facts["model"]
    base = model["trained_on"]
    parts = [
        f"# Retrieval model `{model['name']}`",
        f"`{base['base']}` (revision `{base['base_revision'][:16]}`) moved towards one's own pairs.",
        f"Made by `{facts['command']}`, seed {facts['seed']}. Revision `{model['revision']}`.",
        _needs(model),
        "## Data\n\n" + paragraph(_data(facts)),
        "## Figures\n\n" + paragraph(FIGURES),
        _gains(facts),
        f"The own encoder has the weight {facts['weight']:g} beside the model's; 0 would be the model as it was.",
        *_second_stage(facts),
        "## Limits\n\n" + paragraph(LIMITS),
    ]
    return "\n\n".join(parts) + "\n"


def write_clips_card(facts: Mapping[str, Any]) -> str:
    """The card (markdown) of a model that `recommend train adapt` moved to a user's clips and to nothing else."""
    model, data = facts["model"], facts["model"]["trained_on"]
    parts = [
        f"# Retrieval model `{model['name']}`",
        f"`{data['base']}` (revision `{data['base_revision'][:16]}`) moved to where one's own clips lie.",
        f"Made by `{facts['command']}`. Revision `{model['revision']}`.",
        _needs(model),
        "## Data\n\n" + paragraph(_clips(data["own_clips"])),
        "## Figures\n\n" + paragraph(CENTRED),
        "## Limits\n\n" + paragraph(CLIPS_ALONE),
    ]
    return "\n\n".join(parts) + "\n"


FIGURES = """
On held-out groups of the own pairs; how much the own encoder counts is chosen inside the others. 95 % bootstrap
intervals over groups; the model was written because the one of 99.5 % lies above 0."""
LIMITS = """
What is learnt is the taste that made these pairs: expect it on more of the same, and less than the model itself gives
on anything else."""
CENTRED = """
None on these clips: they have no labels. On EmoMV-B and EmoMV-C, each by models that learnt from the other, the mean of
all clips won +2.0 [+1.1, +2.8] points of mAP for clips and +0.5 [+0.3, +0.8] for music (95 % intervals), that of 20
clips +1.2 [+0.4, +1.9] and +0.5 [+0.3, +0.7]; for clips of EmoMV-B next to nothing (docs/results/adaptation.md). A clip
is read as far from the mean of these clips as the training clips lay from theirs: only biases of the model changed."""
CLIPS_ALONE = """
For clips of the kind of those that were given: the more alike they are among themselves, the more of what they share is
taken off. Match probabilities are those of the model it was made from, and so is its AFCLNet, which reads clips as they
are."""


def _needs(model: Mapping[str, Any]) -> str:
    needs = "\n".join(f"- {modality}: {list_need(entry)}" for modality, entry in model["inputs"].items())
    return f"## What it needs\n\n{needs}"


def _clips(own: Mapping[str, Any]) -> str:
    return f"""
    `{own["name"]}` (SHA-256 `{own["revision"][:16]}` of the features): {own["count"]} different clips, without labels.
    {own["failed"]} files could not be used."""


def _data(facts: Mapping[str, Any]) -> str:
    data = facts["model"]["trained_on"]
    moved = data["base_trained_on"].get("own_clips")
    first = f" It was moved to the mean of one's own clips first, held-out ones too: {_clips(moved)}" if moved else ""
    read = "given with the pairs" if facts["labelled"] else "those that the model hears in the matched music"
    return f"""
    `{data["dataset"]}` (SHA-256 `{data["revision"][:16]}`): {data["pairs"]} pairs in {facts["groups"]} groups that
    share no file; emotions: {read}. {len(facts["failed"])} files could not be used. `{data["base"]}` itself was trained
    on {data["base_trained_on"].get("dataset", "data it does not name")}.{first}"""


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
