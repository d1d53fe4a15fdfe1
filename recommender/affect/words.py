"""Words for an affect: the five EmoMV emotions with probabilities, and a plain mood phrase."""

from collections.abc import Sequence

import numpy as np

from recommender.types import Affect, Array

EMOTIONS: dict[str, tuple[float, float]] = {
    "exciting": (0.45, 0.55),
    "fearful": (-0.50, 0.55),
    "tense": (-0.45, 0.20),
    "sad": (-0.45, -0.45),
    "relaxing": (0.45, -0.50),
}
"""Where the five EmoMV emotions lie on the plane (valence, arousal), after the circumplex of Russell (1980):
fearful and tense share a side, tense is less aroused. A convention, not a fit: EmoMV has no such ratings."""

COLUMN = "emotion_"
"""Columns that hold a probability of an emotion are called `emotion_exciting` and so on."""

EMOTION_SD = 0.3
"""Spread of each emotion's region on the plane."""

SURE = 1.0
"""An axis is named only when its mean is this many of its SDs from neutral: 84 % sure of the sign by the normal law.
Measured out of fold it is right for 77 % (arousal) and 82 % (valence) of the pictures that this names."""

_AROUSAL = ("calm", "energetic")
_VALENCE = ("dark", "bright")
_BOTH = {
    (False, False): "sad and subdued",
    (False, True): "tense and driving",
    (True, False): "peaceful and warm",
    (True, True): "joyful and lively",
}


def emotions(affect: Affect) -> dict[str, float]:
    """Probability of each of the five emotions, summing to 1 (equal priors; the affect's spread counts)."""
    names = list(EMOTIONS)
    centres = np.array([EMOTIONS[n] for n in names])
    mean = np.array([affect.valence, affect.arousal])
    variance = np.array([affect.valence_sd, affect.arousal_sd]) ** 2 + EMOTION_SD**2
    log_p = -((centres - mean) ** 2 / (2 * variance)).sum(axis=1)
    p = np.exp(log_p - log_p.max())
    return {n: float(x) for n, x in zip(names, p / p.sum(), strict=True)}


def emotions_in(columns: Sequence[str], values: Array) -> dict[str, float] | None:
    """The emotion probabilities among `values` [f] of `columns`; None where not all five are."""
    named = {column.removeprefix(COLUMN): i for i, column in enumerate(columns) if column.startswith(COLUMN)}
    return {name: float(values[named[name]]) for name in EMOTIONS} if set(EMOTIONS) <= set(named) else None


def emotion(affect: Affect) -> str:
    """The most probable of the five emotions."""
    return max(emotions(affect).items(), key=lambda item: item[1])[0]


def mood(affect: Affect) -> str:
    """A plain phrase; an axis that is not surely off neutral is not named (`neutral` when neither is)."""
    valence_sure = abs(affect.valence) >= SURE * affect.valence_sd
    arousal_sure = abs(affect.arousal) >= SURE * affect.arousal_sd
    if valence_sure and arousal_sure:
        return _BOTH[affect.valence > 0, affect.arousal > 0]
    if valence_sure:
        return _VALENCE[affect.valence > 0]
    if arousal_sure:
        return _AROUSAL[affect.arousal > 0]
    return "neutral"
