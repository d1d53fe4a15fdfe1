"""The card of a retrieval model, from measured numbers only."""

from collections.abc import Mapping
from typing import Any

from training.learning.markdown import table
from training.types import M, V

RANKED = tuple(f"{direction} {measure}" for direction in (V, M) for measure in ("mAP", "top@1"))
SHOWN = (*RANKED, "accuracy", "AUC", "video emotion accuracy", "music emotion accuracy")
CHOSEN = {
    False: "The system and its settings were chosen on the same training pairs: the cross-validation leans optimistic.",
    True: "The system's parts were chosen on folds of EmoMV-C, how they are weighed on these very transfers.",
}
CALIBRATED = {False: "pairs of this dataset", True: "pairs of collections that were left out"}
HEADER = ("measure", "chance", "value", "95 % interval")


def card(facts: Mapping[str, Any], licence: str) -> str:
    """The card (markdown) of what `recommend train retrieval` measured."""
    model, data = facts["model"], facts["model"]["trained_on"]
    versions = ", ".join(f"{name} {value}" for name, value in facts["versions"].items())
    needs = "\n".join(f"- {modality}: {list_need(entry)}" for modality, entry in model["inputs"].items())
    parts = [
        f"# Retrieval model `{model['name']}`",
        f"Which music fits which clip, by the cosine of two vectors; system `{model['system']}`.",
        f"Made by `{facts['command']}`. Versions: {versions}. Revision `{model['revision']}`.",
        "## What it needs\n\n" + needs,
        f"## Data\n\n{data['dataset']}, revision `{data['revision'][:16]}`: {data['pairs']} matched and mismatched "
        f"training pairs, {data['further_music']} further labelled pieces of music. Licence: {licence}.",
        "## Figures\n\nFractions: mean ± SD over seeds and 95 % bootstrap interval. mAP ranks by equal emotion label.",
        *(_transfers(facts) if facts["collections"] else _folds(facts)),
        _second_stage(facts),
    ]
    if "evaluated" in facts:
        found = facts["evaluated"]
        parts.append(f"This very model on {data['dataset']} {found['part']}, scored once:\n\n{_table(found)}")
    parts += [
        "## Limits\n\n"
        f"- Trained on {data['pairs']} pairs of five emotion labels: expect less on other collections, other "
        "extractors' settings and moods that no label names.\n"
        f"- {CHOSEN[bool(facts['collections'])]}\n"
        f"- A cosine ranks; the match probability is calibrated on {CALIBRATED[bool(facts['collections'])]}, of which "
        "half match.",
        f"## Configuration\n\n`{facts['config']}`",
    ]
    return "\n\n".join(parts) + "\n"


def _folds(facts: Mapping[str, Any]) -> list[str]:
    """Figures on folds of the one collection."""
    found = facts["cross-validation"]
    return [
        f"Grouped cross-validation within train, seeds {_seeds(found)}, fitted anew in every fold:",
        *(f"Ranker `{ranker}`:\n\n{_table(figures)}" for ranker, figures in found.items()),
    ]


def _transfers(facts: Mapping[str, Any]) -> list[str]:
    """Figures on collections left out, each by itself, and on folds of each."""
    found, used = facts["cross-validation"], facts["model"]["ranker"]
    parts = [
        f"### A collection never seen\n\nEach collection left out whole, the model fitted anew on the others, seeds "
        f"{_seeds(found)}; intervals over sources. **Expect a value in the range of these tables**: one collection is "
        f"harder than another, and {len(facts['collections'])} are few.",
        *(f"All together, ranker `{ranker}`:\n\n{_table(figures)}" for ranker, figures in found.items()),
    ]
    for one in facts["collections"]:
        figures = {"measures": one["systems"][used]["measures"], "chance": one["chance"]}
        called = one["systems"][used]["called_matched"]
        told = f"Left out: {one['name']}, ranker `{used}` ({one['ranked']}; {called:.2f} of the pairs called matched):"
        parts.append(f"{told}\n\n{_table(figures)}")
    parts.append(
        "### A collection whose makers' pairs were learnt from\n\nGrouped folds within one collection, by the cosine, "
        "seed 0: what is learnt is mostly its makers' taste, so these figures do not travel."
    )
    return parts + [f"Within {name}:\n\n{_table(figures)}" for name, figures in facts["own"].items()]


def _second_stage(facts: Mapping[str, Any]) -> str:
    """What AFCLNet wins over the cosine, and what follows; "" of a model without."""
    if not any(facts["gains"].values()):
        return "### Second stage\n\nNone: the cosine ranks."
    model = facts["model"]
    rankers = {V: model["ranker"], M: model.get("ranker_of_clips", model["ranker"])}
    rows = [
        [way, f"`{name}`", f"{gain['mean']:+.4f}", f"{gain['low_95']:+.4f} to {gain['high_95']:+.4f}"]
        for way, gains in facts["gains"].items()
        for name, gain in gains.items()
    ]
    told = "; ".join(f"{way}: `{ranker}`" for way, ranker in rankers.items())
    return (
        "### Second stage\n\nmAP that scoring all candidates again wins over the cosine, paired:\n\n"
        f"{table(('direction', 'ranker', 'gain', '95 % interval'), rows)}\n\n"
        f"The default is the best ranker that is not inferior to the cosine (an interval that begins above "
        f"-{facts['margin']:g}), the cosine where none is. {told}."
    )


def write_rated_card(facts: Mapping[str, Any]) -> str:
    """The card of a model that was trained on a table of rated pairs."""
    model, data = facts["model"], facts["model"]["trained_on"]
    affect = ", ".join(facts["affect"]) or "none: objective features alone"
    needs = "\n".join(f"- {modality}: {list_need(entry)}" for modality, entry in model["inputs"].items())
    tables = [f"Ranker `{ranker}`:\n\n{_rated_table(found)}" for ranker, found in facts["cross-validation"].items()]
    parts = [
        f"# Retrieval model `{model['name']}`",
        "Which music fits which clip: the cosine of linear canonical variates finds candidates, AFCLNet scores them.",
        f"Made by `{facts['command']}`, seed {facts['seed']}. Revision `{model['revision']}`.",
        f"## What it needs\n\n{needs}",
        f"## Data\n\n`{data['dataset']}` (SHA-256 `{data['revision'][:16]}`): {data['pairs']} usable pairs in "
        f"{facts['groups']} groups that share no file; scores {facts['scores']}; affect: {affect}. "
        f"{len(facts['failed'])} files could not be used.",
        "## Figures\n\nOut of grouped folds: no file of a pair was seen in fitting. 95 % bootstrap intervals over "
        "groups; chance is the mean score as a constant. Weight and calibration were fitted to the same out-of-fold "
        "scores, three numbers in all.",
        *tables,
        f"The model's default is the ranker `{model['ranker']}`: the best of those whose squared error is not "
        "surely more than the cosine's.",
        "## Limits\n\nIt knows the ratings of this table and nothing of other tastes; few pairs make wide intervals.",
        f"## Configuration\n\n`{facts['config']}`",
    ]
    return "\n\n".join(parts) + "\n"


def _rated_table(figures: Mapping[str, Any]) -> str:
    rows = [[name, f"{e['chance']:.3f}", f"{e['mean']:.3f}", _bounds(e)] for name, e in figures.items()]
    return table(HEADER, rows)


def _bounds(entry: Mapping[str, Any]) -> str:
    return "" if entry["low_95"] is None else f"{entry['low_95']:.3f} to {entry['high_95']:.3f}"


def list_need(entry: Mapping[str, Any]) -> str:
    """What a model reads of one side, in words."""
    columns = entry["columns"]
    count = columns if isinstance(columns, int) else len(columns)
    revision = f", revision {entry['revision']}" if entry["revision"] else ""
    return f"{entry['name']}, {count} columns{revision}{MEANING.get(entry['name'], '')}"


MEANING = {
    "SlowFast": " (Kinetics-400, pooled, mean over the segment)",
    "VGGish": " (AudioSet, raw 128-d embedding per 0.96 s, mean over the segment; no PCA, no quantisation)",
    "BuiltinVideo": " (measured by this program)",
    "BuiltinMusic": " (measured by this program)",
}


def _seeds(figures: Mapping[str, Any]) -> str:
    return ", ".join(map(str, next(iter(figures.values()))["seeds"]))


def _table(figures: Mapping[str, Any]) -> str:
    rows = []
    for name in (name for name in SHOWN if name in figures["measures"]):
        entry, chance = figures["measures"][name], figures["chance"].get(name)
        sd = "" if entry["sd_over_seeds"] is None else f" ± {entry['sd_over_seeds']:.3f}"
        rows.append([name, "" if chance is None else f"{chance:.3f}", f"{entry['mean']:.3f}{sd}", _bounds(entry)])
    return table(HEADER, rows)
