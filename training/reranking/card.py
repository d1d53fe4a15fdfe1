"""The section on rescoring of an affect model's card, from measured numbers only."""

from collections.abc import Mapping
from typing import Any

from training.learning.markdown import paragraph, table

HEADING = "\n## Rescoring with AFCLNet\n"
"""Where the section begins: what follows in an older card is replaced."""

NAMES = {"same": "one order for all", "read": "`cosine`, one scale for all music"}
NAMES |= {ranker: f"`{ranker}`" for ranker in ("cosine", "afclnet", "fusion")}


def section(facts: Mapping[str, Any]) -> str:
    """The section (markdown) of what `recommend train afclnet --data` measured."""
    parts = [
        HEADING.rstrip(),
        paragraph(_made(facts)),
        paragraph(_data(facts)),
        paragraph(_measure(facts)),
        _table(facts),
        "Gain over the cosine, paired:\n\n" + _differences(facts["differences"]),
        paragraph(_choice(facts)),
        "Limits of the rescoring:\n\n" + "\n".join(paragraph(f"- {limit}", "  ") for limit in LIMITS),
        f"Configuration: `{facts['config']}`",
    ]
    return "\n\n".join(parts) + "\n"


LIMITS = (
    """AFCLNet learnt from still pictures, of which it reads the predicted affect alone. Shown what the network sees it
    did better on pictures and set playful music to a calm lake: what arouses on a photograph is calm on film. For want
    of rated clips its figures are of pictures.""",
    """Of each logit the mean over training items is taken off, for the track and for the clip: a track that goes with
    anything is no answer to one clip. Rare combinations of feelings were shown as often as common ones.""",
    "Nearness of feeling is all it knows of fitting; style, period and sync are beyond it.",
    """It reads the columns of the final music predictor, which were chosen on all ratings, and its recipe was chosen on
    folds of the same corpora: both lean its figures to the bright side. The cosine has no such help.""",
    """The probability shown is that of a match between a picture and a piece of these corpora, of which half match.
    Pictures say little about feeling, so it stays near one half. The reasons shown explain the cosine.""",
    "Feelings measured against one's own library (`--calibrate-on-library`) change the cosine, not what AFCLNet reads.",
)


def _made(facts: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in facts["versions"].items())
    return f"""
    Made by `{facts["command"]}`, which leaves the affect model above as it is. Versions: {versions}. A second stage
    for `--ranker afclnet` and, weighed against the cosine, `--ranker fusion`: it reads valence and arousal as predicted
    above, and of music the z-scores of the same columns. Its side of the music is
    computed when music is indexed; at query time
    one small head meets all candidates."""


def _data(facts: Mapping[str, Any]) -> str:
    pictures, music = facts["pictures"], facts["music"]
    return f"""
    **Data.** Every combination of {pictures["items"]} rated pictures (OASIS, {pictures["groups"]} themes) and
    {music["items"]} rated pieces (VGMIDI rendered with {facts["soundfont"]}, {music["groups"]} series); citations and
    licences as above. Nobody rated how well they fit: the score of a pair is how near the two ratings lie on the
    valence-arousal plane, each corpus standardised by itself, 1 at the same place and 0 from {facts["reach_sd"]:.2f} SD
    on. A match is a pair nearer than half of all. The affect that training sees is predicted out of folds."""


def _measure(facts: Mapping[str, Any]) -> str:
    folds, seeds = facts["folds"], facts["seeds"]
    return f"""
    **Figures** on pairs whose theme and whose series were both left out: {folds} folds of themes crossed with {folds}
    of series, means over {seeds} seed{"s" * (seeds > 1)}. The cosine's affect predictors are fitted in the same folds;
    its stated SDs are those above. The fusion's weight is chosen on the other folds. Near is the closest third, of a
    query's candidates (mAP) or of all pairs (AUC). Correlations are with minus the distance; centred: after taking off
    what makes a picture or a piece near or far to all. "One order for all" ranks music by its mean nearness to the
    training pictures, whatever the query. Music is measured against its own kind, as `--calibrate-on-library` does; the
    column "one scale for all music" is without: all of these pieces are piano, which is calmer and more pleasant than
    most music, so that they lie to one side of the pictures. In brackets 95 % intervals, themes and series drawn anew
    together; repeated items lift mAP, so that its own intervals sit somewhat high."""


def _table(facts: Mapping[str, Any]) -> str:
    rankers, chance = facts["rankers"], facts["chance"]
    rows = [[m, f"{level:.3f}", *(_cell(rankers[name][m]) for name in NAMES)] for m, level in chance.items()]
    return table(["measure", "chance", *NAMES.values()], rows, rule=" --- ")


def _differences(found: Mapping[str, Any]) -> str:
    measures = next(iter(found.values()))
    rows = [[measure, *(_cell(gains[measure], "+") for gains in found.values())] for measure in measures]
    return table(["measure", *(NAMES[name] for name in found)], rows, rule=" --- ")


def _cell(entry: Mapping[str, float], sign: str = "") -> str:
    return f"{entry['mean']:{sign}.3f} [{entry['low_95']:{sign}.3f}, {entry['high_95']:{sign}.3f}]"


def _choice(facts: Mapping[str, Any]) -> str:
    weight = f"The fusion gives AFCLNet the weight {facts['weight']:g}, chosen by mAP on all out-of-fold scores."
    if facts["ranker"] == "cosine":
        return f"""
        **The default stays the cosine**: of no other ranker the paired interval in video->music mAP begins above
        -{facts["margin"]:g}. {weight}"""
    return f"""
    **The default is `{facts["ranker"]}`**, cosine first and AFCLNet over its candidates: it is not inferior to the
    cosine (the paired interval in video->music mAP begins above -{facts["margin"]:g}), which is all that is claimed.
    {weight}"""
