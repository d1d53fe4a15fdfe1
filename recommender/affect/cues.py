"""Why a clip was read so: what in it moved its valence and arousal most, in an editor's words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from recommender.affect.linear import LinearAffect
from recommender.extractors.networks import efficientnet
from recommender.types import Array, Cue, Features

MOST = 3
"""Cues per clip: what fits a line and a head."""
WORTH = 0.02
"""Shifts of both axes below this are not worth a word: a twentieth of a standard deviation."""
SHARE, NAMES = 0.15, 2
"""Names are said of a picture from this share on, below which the network mostly guesses, and so many at most."""

WORDS = {
    "picture_valence": ("a pleasant sight", "an unpleasant sight"),
    "picture_arousal": ("a stirring sight", "a quiet sight"),
    "activity": ("something going on", "nothing going on"),
    "local_motion_widths_per_s": ("quick object motion", "little object motion"),
    "camera_motion_widths_per_s": ("a moving camera", "a steady camera"),
    "motion_sd_widths_per_s": ("changing motion", "even motion"),
    "brightness_change_per_s": ("changing light", "steady light"),
    "cut_rate_per_min": ("many cuts", "few cuts"),
}
"""What is said of a column above and below the average clip."""
SIGHT = ("activity", "picture_valence", "picture_arousal")
"""Columns that are read off what the pictures show."""


def cues(predictor: LinearAffect, values: Array, units: Mapping[str, str], *, features: Features) -> tuple[Cue, ...]:
    """The `MOST` columns that moved the affect of an item most, the strongest first.

    values: float [f], the predictor's inputs; units: by column; features: measured, with those of the picture network.
    """
    shifts, above = predictor.shares(values[None])[0], predictor.standardise(values[None])[0] > 0
    size = np.abs(shifts).max(axis=0)
    found = []
    for j in np.argsort(-size, kind="stable")[:MOST]:
        name = predictor.columns[j]
        if size[j] >= WORTH:
            text = _cuts(features) if name == "cut_rate_per_min" else WORDS.get(name, (name, name))[not above[j]]
            valence, arousal = shifts[:, j].tolist()
            found.append(Cue(name, float(values[j]), units.get(name, ""), valence, arousal, text))
    return _name_seen(found, features)


def _cuts(features: Features) -> str:
    """The cuts as an editor counts them: `3 cuts in 10 s`, `one shot of 12 s`."""
    cuts = int(features.facts.get("shots") or 1) - 1
    seconds = max(round(features.duration_s), 1)
    return f"{cuts} cut{'s' * (cuts > 1)} in {seconds} s" if cuts else f"one shot of {seconds} s"


def _name_seen(found: Sequence[Cue], features: Features) -> tuple[Cue, ...]:
    """The cues, the first of those read off the pictures with the names of what is seen."""
    columns = [i for i, name in enumerate(features.columns) if name.startswith(efficientnet.NAME)]
    names = efficientnet.top_names(features.item[columns], SHARE, NAMES) if columns else {}
    first = next((i for i, cue in enumerate(found) if cue.feature in SIGHT), None)
    if first is None or not names:
        return tuple(found)
    said = ", ".join(f"{name} {share:.0%}".replace("%", " %") for name, share in names.items())
    cue = found[first]
    return (*found[:first], replace(cue, text=f"seen: {said} ({cue.text})", seen=names), *found[first + 1 :])


def together(parts: Sequence[Sequence[Cue]], weights: Sequence[float]) -> tuple[Cue, ...]:
    """The cues of several items shown one after the other: of each column the strongest, counted by `weights`."""
    best: dict[str, tuple[float, Cue]] = {}
    for cue, weight in ((cue, w) for some, w in zip(parts, weights, strict=True) for cue in some):
        size = weight * max(abs(cue.valence), abs(cue.arousal))
        if cue.feature not in best or size > best[cue.feature][0]:
            best[cue.feature] = (size, cue)
    ranked = sorted(best.values(), key=lambda pair: -pair[0])
    return tuple(cue for _, cue in ranked[:MOST])
