"""Which columns of a set of features make one token: what was measured together is one feature vector."""

from collections.abc import Mapping
from typing import NamedTuple

from recommender.extractors.audio import harmony, music, rhythm, spectrum
from recommender.extractors.video import colour, composition, texture, video
from recommender.model.retrieval import FeatureSet
from recommender.types import Column


class Token(NamedTuple):
    """A feature vector: its name and its columns' places in their set."""

    name: str
    columns: tuple[int, ...]


PARTS: Mapping[str, tuple[tuple[str, int], ...]] = {
    "SlowFast": (("slow", 2048), ("fast", 256)),
    "SlowFastR101": (("slow", 2048), ("fast", 256)),
}
"""Networks that give several vectors side by side, with the length of each."""

LOUDNESS = ("crest_db", "low_energy_share", "dynamic_range_db", "rms_variation")


def _names(columns: tuple[Column, ...]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def _sound() -> dict[str, tuple[str, ...]]:
    """The built-in features of music: loudness, spectrum, timbre, rhythm, harmony and the pitch classes."""
    names = _names(spectrum.COLUMNS)
    loudness = tuple(n for n in names if n in LOUDNESS or n.startswith("level_"))
    timbre = tuple(n for n in names if n.startswith("mfcc_"))
    return {
        "loudness": loudness,
        "spectrum": tuple(n for n in names if n not in {*loudness, *timbre}),
        "timbre": timbre,
        "rhythm": _names(rhythm.COLUMNS),
        "harmony": (music.ROUGHNESS.name, *(n for n in _names(harmony.COLUMNS) if n not in music.CHROMA_COLUMNS)),
        "chroma": music.CHROMA_COLUMNS,
    }


GROUPS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "BuiltinVideo": {
        "colour": _names(colour.COLUMNS),
        "texture": _names(texture.COLUMNS),
        "composition": _names(composition.COLUMNS),
        "motion": _names(video.MOTION),
        "cuts": _names(video.EVENTS),
    },
    "BuiltinMusic": _sound(),
}
"""Names of the columns of each token, by the name of the set."""


def tokens_of(need: FeatureSet) -> tuple[Token, ...]:
    """The tokens of a set: its known parts, or all of it as one [ours: a network's output is one vector]."""
    parts = PARTS.get(need.name, ())
    if parts and sum(length for _, length in parts) == len(need.columns):
        return _side_by_side(parts)
    left = {name: at for at, name in enumerate(need.columns)}
    found = []
    for name, columns in GROUPS.get(need.name, {}).items():
        at = tuple(left.pop(column) for column in columns if column in left)
        found += [Token(name, at)] if at else []
    return (*found, Token(need.name, tuple(left.values()))) if left else tuple(found)


def _side_by_side(parts: tuple[tuple[str, int], ...]) -> tuple[Token, ...]:
    found, start = [], 0
    for name, length in parts:
        found.append(Token(name, tuple(range(start, start + length))))
        start += length
    return tuple(found)
