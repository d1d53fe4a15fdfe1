"""Made-up candidates, 200 for each of 20 scenes, where scores are hardest to find: a part of `film_score.py`."""

from functools import partial
from typing import Any

import measuring

# isort: split
import numpy as np

from recommender.films.cues import Scene
from recommender.films.rules import Rules
from recommender.films.score import compose
from recommender.names import KEYS
from recommender.query import Query
from recommender.types import AffectPair, Recommendation, Track

LONG, MANY, RUNS = 20, 200, 3
SHORT = """\
What falls short: where all scenes want the same tracks within the slack, or with themes besides, the best is not
proven with the effort allowed, and the score says how much better another one could be at most."""


def hardest() -> list[str]:
    """A table: of each case the total, what was perhaps missed, and CPU seconds."""
    lines = [
        "Made-up tracks (seed 0): random keys and tempi, as sure as random, scores in the range told. CPU: the least of"
    ]
    lines += [f"{RUNS} runs.", ""]
    lines += ["| 20 scenes of 200 candidates | total | perhaps missed | CPU, s |", "|---|---|---|---|"]
    themes = ((1, 5, 9), (2, 14))
    cases: dict[str, tuple[float, int, bool, Rules]] = {
        "different candidates, 0.8 to 1": (0.8, 400, False, Rules()),
        "the same, scores 0.8 to 1": (0.8, MANY, True, Rules()),
        "the same, scores 0.95 to 1": (0.95, MANY, True, Rules()),
        "the same, all scores equal": (1.0, MANY, True, Rules()),
        "the same, only ten within the slack": (0.0, MANY, True, Rules()),
        "different, two themes of 3 and 2 scenes": (0.8, 250, False, Rules(themes=themes)),
        "the same, two themes": (0.8, MANY, True, Rules(themes=themes)),
        "different, one track per artist": (0.8, 400, False, Rules(per_artist=1)),
    }
    for name, (least, tracks, alike, rules) in cases.items():
        scenes, found = made_up(least, tracks=tracks, alike=alike)
        score = compose(scenes, found, rules)
        cpu_s = measuring.cpu(partial(compose, scenes, found, rules), RUNS)
        lines.append(f"| {name} | {score.total:.3f} | {score.short_of:.3f} | {cpu_s:.2f} |")
    return [*lines, "", SHORT]


def made_up(least: float, *, tracks: int, alike: bool) -> tuple[list[Scene], list[list[Recommendation]]]:
    """A film of `LONG` scenes with `MANY` candidates each, of so many tracks, that score `least` to 1."""
    draw = np.random.default_rng(0)
    pool = [made_up_track(draw, number) for number in range(tracks)]
    scenes = [Scene(at + 1, 30.0 * at, 30.0 * at + 30, Query(np.ones(2), None, 30.0, "music")) for at in range(LONG)]
    found: list[list[Recommendation]] = []
    for _ in scenes:
        chosen = draw.permutation(tracks)[:MANY].tolist()
        scores = draw.uniform(least, 1, MANY).tolist()
        nothing = AffectPair(None, None)
        made = [
            Recommendation(pool[at], score, 1, 0.0, 30.0, nothing) for at, score in zip(chosen, scores, strict=True)
        ]
        found.append(found[0] if alike and found else made)
    return scenes, found


def made_up_track(draw: np.random.Generator, number: int) -> Track:
    told: dict[str, Any] = {"key": f"{KEYS[draw.integers(12)]} {('major', 'minor')[draw.integers(2)]}"}
    told |= {"bpm": draw.uniform(60, 180), "key_confidence": draw.random(), "bpm_confidence": draw.random()}
    return Track(number, f"{number}", "music", f"{number}", f"artist {draw.integers(50)}", **told)
