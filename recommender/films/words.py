"""What is said of scenes: what they feel like, and why one begins where it does."""

from recommender.affect.words import mood
from recommender.outputs.table import likeliest
from recommender.query import Query

NOTED = 0.15
"""A change of valence or arousal worth a word: three eighths of a standard deviation of the reference population."""


def reason(kind: str, before: Query | None, now: Query) -> str:
    """Why a scene begins: what its border is ("cut", "set by hand"; see `Border`), and how the feeling changes."""
    if before is None:
        return "the film begins"
    changed = _changes(before, now)
    return f"{kind}; {' and '.join(changed)} than before" if changed else f"{kind}; {_other(before, now)}"


def _changes(before: Query, now: Query) -> list[str]:
    if before.affect is None or now.affect is None:
        return []
    arousal, valence = now.affect.arousal - before.affect.arousal, now.affect.valence - before.affect.valence
    told = [("calmer", "livelier")[arousal > 0]] if abs(arousal) >= NOTED else []
    return told + [("darker", "brighter")[valence > 0]] * (abs(valence) >= NOTED)


def _other(before: Query, now: Query) -> str:
    """What else is different: what is seen, where it has a name."""
    old, new = (next((list(cue.seen) for cue in query.cues if cue.seen), []) for query in (before, now))
    seen = [name for name in new if name not in old][:1]
    return f"other pictures ({seen[0]})" if seen else "other pictures"


def feeling(query: Query) -> str:
    """What a scene feels like, in words."""
    if query.affect is not None:
        return mood(query.affect)
    return likeliest(query.emotions, 1) if query.emotions else "-"
