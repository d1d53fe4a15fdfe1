"""The card of a tagger, from measured numbers only."""

from collections.abc import Mapping
from typing import Any

from training.learning.markdown import table
from training.tagger.figures import KINDS


def card(facts: Mapping[str, Any], licence: str) -> str:
    """The card (markdown) of what `recommend train tagger` measured."""
    model, data, found = facts["model"], facts["model"]["trained_on"], facts["cross-validation"]
    versions = ", ".join(f"{name} {value}" for name, value in facts["versions"].items())
    needs = "\n".join(
        f"- {modality}: {entry['name']}, tokens {_tokens(model['tokens'][modality])}"
        for modality, entry in model["inputs"].items()
    )
    emotions = ", ".join(f"{count} {name}" for name, count in data["emotions"].items())
    measures = ("accuracy", "macro-F1", "AUC")
    rows = [[kind, *(_value(found, f"{kind} {measure}") for measure in measures)] for kind in KINDS]
    return (
        "\n\n".join(
            [
                f"# Tagger `{model['name']}`",
                "Emotions of media with picture and sound: one model reads the picture, one the "
                "sound, one both, and a tag "
                "is kept only where all three agree (Feature AttendAffectNet and the rule of EmoMV, section 3.2.2).",
                f"Made by `{facts['command']}`. Versions: {versions}. Revision `{model['revision']}`.",
                f"## What it needs\n\n{needs}",
                f"## Data\n\n{data['dataset']}, revision `{data['revision'][:16]}`: {data['segments']} segments of "
                f"{data['sources']} sources ({emotions}). Licence: {licence}.",
                f"## Figures\n\nGrouped cross-validation within train, {facts['folds']} folds, seeds "
                f"{', '.join(map(str, facts['seeds']))}: mean ± SD over seeds. Always answering "
                f"the most frequent emotion: "
                f"accuracy {_value(found, 'majority accuracy')}.",
                table(("model", *measures), rows),
                f"All three agree on {_value(found, 'survival')} of the segments. There the tag is right for "
                f"{_value(found, 'agreed accuracy')}; of as many segments, those of which the "
                f"joint model alone is most "
                f"certain, for {_value(found, 'most certain accuracy')}; where they differ the "
                f"joint model is right for "
                f"{_value(found, 'joint beside')}.",
                f"## Limits\n\n- It learnt from {data['segments']} segments: expect less on media of another kind.\n"
                "- A probability is not calibrated, and an emotion that few segments had is seldom named.\n"
                "- Who sorts out by agreement keeps the plain cases: what survives is easier than what was there.",
                f"## Configuration\n\n`{facts['config']}`",
            ]
        )
        + "\n"
    )


def _tokens(tokens: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({size})" for name, size in tokens.items())


def _value(found: Mapping[str, Any], name: str) -> str:
    mean, sd = found[name]["mean"], found[name]["sd"]
    if mean is None:
        return "(none)"
    return f"{mean:.3f}" + (f" ± {sd:.3f}" if sd else "")
