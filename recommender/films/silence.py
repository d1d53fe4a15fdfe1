"""Where speech should stand alone.

Underscore under dialogue is the rule in films, so a scene stays without music only where hardly a moment of it is free
of speech, and where music would be gone before it is heard (a short scene), or would bring a second voice whatever is
chosen.
"""

from collections.abc import Sequence

from recommender.conditions import INSTRUMENTAL
from recommender.editing.placement import GAP_S, Stretch
from recommender.films.cues import Scene
from recommender.types import Recommendation

FULL, SHORT_S = 0.9, 20.0
"""Share of a scene that is spoken, and how long it is at most. Pauses that music does not rise in count as spoken."""


def fills(scene: Scene, candidates: Sequence[Recommendation]) -> bool:
    """Whether speech fills a scene, so that it is better without music: it is short, or all candidates sing."""
    if speech_share(scene.query.speech, scene.duration_s) < FULL:
        return False
    sung = [one.track.voice is not None and one.track.voice > INSTRUMENTAL for one in candidates]
    return scene.duration_s <= SHORT_S or (bool(sung) and all(sung))


def speech_share(speech: Sequence[Stretch], duration_s: float) -> float:
    """The share of `duration_s` that is spoken, with the pauses that music does not rise in, from 0 to 1.

    Parameters
    ----------
    speech: in order, in seconds of the scene; what lies beyond its ends does not count.
    """
    spoken_s, until_s = 0.0, -GAP_S
    for start_s, end_s in speech:
        begin_s = until_s if start_s - until_s < GAP_S else start_s
        begin_s, end_s = max(begin_s, until_s, 0.0), min(end_s, duration_s)
        if end_s > begin_s:
            spoken_s, until_s = spoken_s + end_s - begin_s, end_s
    return min(spoken_s / duration_s, 1.0) if duration_s > 0 else 0.0
