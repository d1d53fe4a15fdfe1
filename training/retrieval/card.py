"""The card of a retrieval model, from measured numbers only."""

from collections.abc import Mapping
from typing import Any

from training.learning.markdown import table
from training.types import M, V

RANKED = tuple(f"{direction} {measure}" for direction in (V, M) for measure in ("mAP", "top@1"))
SHOWN = (*RANKED, "accuracy", "AUC", "video emotion accuracy", "music emotion accuracy")
HEADER = ("measure", "chance", "value", "95 % interval")


def card(facts: Mapping[str, Any], licence: str) -> str:
    """The card (markdown) of what `recommend train retrieval` measured."""
    model, data = facts["model"], facts["model"]["trained_on"]
    versions = ", ".join(f"{name} {value}" for name, value in facts["versions"].items())
    needs = "\n".join(f"- {modality}: {_need(entry)}" for modality, entry in model["inputs"].items())
    parts = [
        f"# Retrieval model `{model['name']}`",
        f"Which music fits which clip, by the cosine of two vectors; system `{model['system']}`.",
        f"Made by `{facts['command']}`. Versions: {versions}. Revision `{model['revision']}`.",
        "## What it needs\n\n" + needs,
        f"## Data\n\n{data['dataset']}, revision `{data['revision'][:16]}`: {data['pairs']} matched and mismatched "
        f"training pairs, {data['further_music']} further labelled pieces of music. Licence: {licence}.",
        "## Figures\n\nFractions: mean ± SD over seeds and 95 % bootstrap interval. mAP ranks by equal emotion label.",
        f"Grouped cross-validation within train, seeds {_seeds(facts['cross-validation'])}, fitted anew in every fold:",
        *(f"Ranker `{ranker}`:\n\n{_table(found)}" for ranker, found in facts["cross-validation"].items()),
    ]
    if len(facts["cross-validation"]) > 1:
        parts.append(f"The model's default is the ranker `{model['ranker']}`: it has the largest mAP there.")
    if "evaluated" in facts:
        found = facts["evaluated"]
        parts.append(f"This very model on {data['dataset']} {found['part']}, scored once:\n\n{_table(found)}")
    parts += [
        "## Limits\n\n"
        f"- Trained on {data['pairs']} pairs of five emotion labels: expect less on other collections, other "
        "extractors' settings and moods that no label names.\n"
        "- The system and its settings were chosen on the same training pairs, so the cross-validation leans "
        "optimistic.\n"
        "- A cosine ranks; the match probability is calibrated on pairs of this dataset, of which half match.",
        f"## Configuration\n\n`{facts['config']}`",
    ]
    return "\n\n".join(parts) + "\n"


def write_rated_card(facts: Mapping[str, Any]) -> str:
    """The card of a model that was trained on a table of rated pairs."""
    model, data = facts["model"], facts["model"]["trained_on"]
    affect = ", ".join(facts["affect"]) or "none: objective features alone"
    needs = "\n".join(f"- {modality}: {_need(entry)}" for modality, entry in model["inputs"].items())
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
        f"The model's default is the ranker `{model['ranker']}`: it has the least MSE there.",
        "## Limits\n\nIt knows the ratings of this table and nothing of other tastes; few pairs make wide intervals.",
        f"## Configuration\n\n`{facts['config']}`",
    ]
    return "\n\n".join(parts) + "\n"


def _rated_table(figures: Mapping[str, Any]) -> str:
    rows = [[name, f"{e['chance']:.3f}", f"{e['mean']:.3f}", _bounds(e)] for name, e in figures.items()]
    return table(HEADER, rows)


def _bounds(entry: Mapping[str, Any]) -> str:
    return "" if entry["low_95"] is None else f"{entry['low_95']:.3f} to {entry['high_95']:.3f}"


def _need(entry: Mapping[str, Any]) -> str:
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
