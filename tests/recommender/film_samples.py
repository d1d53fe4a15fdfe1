"""Films and candidates for tests of scores: scenes of 30 s, and sections of made-up tracks."""

import numpy as np

from recommender.films.cues import Scene
from recommender.query import Query
from recommender.types import AffectPair, Recommendation, Track

KEYS = ("C", "a-moll", "8B", "F#", "Ebm", "D major", None)


def scene(number, start_s=None, lasts_s=30.0, speech=()):
    start_s = 30.0 * (number - 1) if start_s is None else start_s
    query = Query(np.ones(2, np.float32), None, lasts_s, "music", speech=tuple(speech))
    return Scene(number, start_s, start_s + lasts_s, query)


def film(count):
    return [scene(number) for number in range(1, count + 1)]


def track(number, **told):
    told = {"artist": f"artist {number}", "key": "C", "bpm": 120.0, "key_confidence": 1.0, "bpm_confidence": 1.0} | told
    return Track(number, f"/music/{number}.mp3", "music", f"track {number}", **told)


def section(of, score=0.9, in_s=0.0, lasts_s=30.0):
    return Recommendation(of, score, 1, in_s, in_s + lasts_s, AffectPair(None, None))


def random_track(number, artists):
    draw = np.random.default_rng(number)
    told = {"key": KEYS[draw.integers(len(KEYS))], "key_confidence": float(draw.random())}
    told |= {"bpm": float(draw.uniform(60, 180)), "bpm_confidence": float(draw.random())}
    if draw.random() < 0.3:
        told |= {"bpm_alternative": 2 * told["bpm"]}
    return track(number, artist=f"artist {draw.integers(artists)}" if draw.random() < 0.8 else None, **told)


def random_candidates(draw, scenes, *, each, tracks, artists=50, sections=1):
    """Of each scene so many of the tracks, with scores that often are nearly the best."""
    found = []
    for _ in range(scenes):
        ids = draw.choice(tracks, min(each, tracks), replace=False)
        made = [random_track(int(number), artists) for number in ids]
        found.append([section(one, float(draw.uniform(0.7, 1)), 20.0 * at) for one in made for at in range(sections)])
    return found
