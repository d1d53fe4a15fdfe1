"""Scores of films, chosen together, beside each scene's best alone, from the left, and at random.

    python benchmarks/film_score.py ../shared --out docs/results/film_score.md

A film is 12 clips in random order, each a scene (its seed: its number). Costs were chosen on films of `clips` with the
tracks of `macleod`, and are reported on films of `activity` with the tracks of `music` and the songs of `pop909`,
rendered with fluidsynth, which share no clip and no track with these. No track twice: the best total of fit alone.
Alone: the best candidate of each scene, which may come twice. From the left: of what is not yet used, the one worth
most after the track before. At random: of what is not yet used and loses no more than the slack. Fit lost is a share of
the best score of the scene. Key steps are fifths between the keys told of neighbours, leaps the ratio of their tempi at
the nearest levels told, in octaves; not rested are those more than two fifths apart without a rest, in
scenes below 2 s. Intervals: 95 %, of the mean over films, by a bootstrap over films.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, NamedTuple

import measuring

# isort: split
import numpy as np
import tempo_key_data as data

from indexing import ingest
from indexing.ingest.scan import expand_clips
from indexing.library import Library
from recommender import Model, Recommender
from recommender.errors import CliptuneError
from recommender.films import closeness
from recommender.films.closeness import NEAR
from recommender.films.cues import Scene
from recommender.films.options import Shelf, loss
from recommender.films.rules import Rules
from recommender.films.score import Plan, compose, lay_out
from recommender.names import KEYS
from recommender.query import Query
from recommender.types import AffectPair, Recommendation, Track

FILMS, SCENES = 20, 12
MOVED = ("steps", "leap", "lost")
GRID = (0.0, 0.05, 0.15, 0.45)
NOTHING: dict[str, Any] = {"key": 0.0, "tempo": 0.0, "artist": 0.0}
DEALS, BOOTS, SEED = 1000, 2000, 22
LONG, MANY = 20, 200


class Film(NamedTuple):
    """Scenes, the candidates of each, and the seed that ordered them."""

    scenes: list[Scene]
    found: list[list[Recommendation]]
    seed: int


class Told(NamedTuple):
    """Of one film: mean and largest fit lost, mean key steps, share of steps beyond `NEAR`, mean leap in octaves,
    tracks that come again, neighbours in far keys without a rest, CPU seconds, and how far from the best it may be."""

    lost: float
    worst: float
    steps: float
    far: float
    leap: float
    again: int
    clash: int
    cpu_s: float = 0.0
    short_of: float = 0.0


def main() -> None:
    parser = measuring.parser(__doc__)
    parser.add_argument("shared", type=Path)
    args = parser.parse_args()
    folder = args.shared / "data"
    if not all((folder / name).is_dir() for name in ("clips", "activity", "macleod", "music", "pop909")):
        sys.exit(f"{folder}: clips, activity, macleod, music and pop909 are needed")
    songs = [piece.path for piece in data.pop909(args.shared, data.RENDERS)]
    with TemporaryDirectory() as place:
        chosen_on = films(folder / "clips", engine(Path(place) / "a", [folder / "macleod"]))
        told_on = films(folder / "activity", engine(Path(place) / "b", [folder / "music", *songs]))
    measuring.publish("\n".join(report(chosen_on, told_on)) + "\n", args.out)


def engine(place: Path, music: list[Path]) -> Recommender:
    """The built-in model with a library of this music."""
    model = Model.load("builtin")
    library = Library.create(place, model.space)
    for event in ingest.add(library, music, model, modality="music"):
        if isinstance(event, ingest.Failed):
            print(event, file=sys.stderr)
    return Recommender(library, model)


def films(folder: Path, recommend: Recommender) -> list[Film]:
    """`FILMS` films of the clips of a folder."""
    known: list[tuple[Query, list[Recommendation]]] = []
    for clip in expand_clips([folder], lambda _: None):
        try:
            query = recommend.clip(clip)
            known.append((query, recommend.recommend(query, top=MANY)))
        except CliptuneError as error:
            print(error, file=sys.stderr)
    return [film(known, seed) for seed in range(FILMS)]


def film(known: Sequence[tuple[Query, list[Recommendation]]], seed: int) -> Film:
    """`SCENES` of the known clips in the order of a seed."""
    scenes: list[Scene] = []
    found, at_s = [], 0.0
    for at in np.random.default_rng(seed).permutation(len(known))[:SCENES].tolist():
        query, candidates = known[at]
        scenes.append(Scene(len(scenes) + 1, at_s, at_s + query.duration_s, query))
        found.append(candidates)
        at_s += query.duration_s
    return Film(scenes, found, seed)


def together(one: Film, rules: Rules) -> Told:
    start = process_time()
    score = compose(one.scenes, one.found, rules)
    cpu_s = process_time() - start
    clash = sum(
        far(a.chosen.track, b.chosen.track) and not (a.transition and a.transition.rest_s)
        for a, b in pairwise(score)
        if a.chosen and b.chosen
    )
    made = tell(one, [cue.chosen for cue in score if cue.chosen])
    return made._replace(cpu_s=cpu_s, short_of=score.short_of, clash=clash)


def once(one: Film, rules: Rules) -> Told:
    return tell(one, [cue.chosen for cue in compose(one.scenes, one.found, replace(rules, **NOTHING)) if cue.chosen])


def alone(one: Film, rules: Rules) -> Told:
    return tell(one, [max(some, key=lambda found: found.score) for some in one.found])


def from_left(one: Film, rules: Rules) -> Told:
    plan = plan_of(one, rules)
    picks: list[int] = []
    for step, worth in enumerate(plan.chain.worth):
        cost = plan.chain.costs[step - 1][picks[-1]] if step else 0.0
        used = {plan.options[at].recordings[pick] for at, pick in enumerate(picks)}
        values = np.where([r in used for r in (*plan.options[step].recordings, -1)], -np.inf, worth - cost)
        picks.append(int(values.argmax()))
    return tell(one, [some.found[pick] for some, pick in zip(plan.options, picks, strict=True)])


def at_random(one: Film, rules: Rules) -> Told:
    draw, chosen, used = np.random.default_rng(one.seed), [], set[int]()
    for some in one.found:
        best = max(found.score for found in some)
        near = [found for found in some if found.track.id not in used and loss(found, best) <= rules.slack]
        chosen.append(near[draw.integers(len(near))] if near else some[0])
        used.add(chosen[-1].track.id)
    return tell(one, chosen)


def plan_of(one: Film, rules: Rules) -> Plan:
    shelf = Shelf(one.scenes, one.found, rules, recordings={})
    return lay_out(shelf, [scene.number for scene in one.scenes])


def tell(one: Film, chosen: Sequence[Recommendation]) -> Told:
    lost = [loss(found, max(o.score for o in some)) for found, some in zip(chosen, one.found, strict=True)]
    tracks = [found.track for found in chosen]
    steps, leaps = neighbours(tracks)
    wide = [step > NEAR for step in steps]
    again = len(tracks) - len({track.id for track in tracks})
    return Told(
        float(np.mean(lost)),
        max(lost),
        float(np.mean(steps)),
        float(np.mean(wide)),
        float(np.mean(leaps)),
        again,
        sum(wide),
    )


def neighbours(tracks: Sequence[Track]) -> tuple[list[int], list[float]]:
    """Key steps and leaps of neighbours, where they are known."""
    pulses = [closeness.pulse(track) for track in tracks]
    steps = [closeness.steps(a, b) for a, b in pairwise(pulses)]
    leaps = [closeness.leap(a, b) for a, b in pairwise(pulses)]
    return [one for one in steps if one is not None], [abs(one) for one in leaps if one is not None]


def far(before: Track, after: Track) -> bool:
    steps = closeness.steps(closeness.pulse(before), closeness.pulse(after))
    return steps is not None and steps > NEAR


def report(chosen_on: Sequence[Film], told_on: Sequence[Film]) -> list[str]:
    rules = Rules(speech_alone=False)
    told = (__doc__ or "").split("\n\n")[2].strip().split("\n")
    lines = ["# A coherent score for a film", "", *told, ""]
    lines += [
        "Made by `python benchmarks/film_score.py ../shared --out docs/results/film_score.md`.",
        measuring.environment("numpy") + ".",
        "",
    ]
    lines += ["## Costs, on the films they were chosen on", "", *grid(chosen_on), "", *others(chosen_on), ""]
    for title, some in (("the films they were chosen on", chosen_on), ("other films and tracks", told_on)):
        lines += [f"## Beside other ways to choose, {title}", "", *compare(some, rules), ""]
        lines += [f"- {line}" for line in [order(some, rules), proof(some, rules)]] + [""]
    return [*lines, "## Time and proof where it is hardest", "", *hardest()]


def grid(some: Sequence[Film]) -> list[str]:
    """What each pair of costs loses and wins."""
    lines = ["| key | tempo | fit lost, mean | worst | key steps | leap, octaves |", "|---|---|---|---|---|---|"]
    for key in GRID:
        for tempo in GRID:
            told = [together(one, Rules(key=key, tempo=tempo, speech_alone=False)) for one in some]
            lost, worst = np.mean([t.lost for t in told]), max(t.worst for t in told)
            steps, leap = np.mean([t.steps for t in told]), np.mean([t.leap for t in told])
            lines.append(f"| {key:g} | {tempo:g} | {lost:.2%} | {worst:.2%} | {steps:.2f} | {leap:.3f} |")
    return lines


def others(some: Sequence[Film]) -> list[str]:
    """What the costs beside the default lose and win, film by film."""
    lines, own = [], [together(one, Rules(speech_alone=False)) for one in some]
    for key, tempo in ((0.05, 0.1), (0.45, 0.1), (0.15, 0.05), (0.15, 0.3)):
        told = [together(one, Rules(key=key, tempo=tempo, speech_alone=False)) for one in some]
        less = [
            interval(np.array([getattr(a, f) - getattr(b, f) for a, b in zip(told, own, strict=True)])) for f in MOVED
        ]
        said = f"{less[0]} key steps, {less[1]} octaves, {less[2]} of the fit"
        lines.append(f"- Key {key:g} and tempo {tempo:g} instead of {Rules.key:g} and {Rules.tempo:g}: {said}.")
    return lines


def compare(some: Sequence[Film], rules: Rules) -> list[str]:
    """Each way to choose, and what choosing together wins of it."""
    ways: dict[str, Callable[[Film, Rules], Told]] = {"together": together, "no track twice": once, "alone": alone}
    told = {
        name: [way(one, rules) for one in some]
        for name, way in {**ways, "from the left": from_left, "at random": at_random}.items()
    }
    lines = ["| chosen | fit lost, mean | worst | key steps | fewer together | beyond 2 | not rested | leap | again |"]
    lines += ["|---|---|---|---|---|---|---|---|---|"]
    for name, films_told in told.items():
        columns = {field: np.array([getattr(one, field) for one in films_told]) for field in Told._fields}
        won = "" if name == "together" else interval(columns["steps"] - [one.steps for one in told["together"]])
        cells = [
            f"{columns['lost'].mean():.2%}",
            f"{columns['worst'].max():.2%}",
            f"{columns['steps'].mean():.2f}",
            won,
        ]
        cells += [f"{columns['far'].mean():.0%}", str(columns["clash"].sum()), f"{columns['leap'].mean():.3f}"]
        lines.append(f"| {name} | {' | '.join(cells)} | {columns['again'].sum()} |")
    return lines


def interval(values: np.ndarray) -> str:
    """The mean of a value per film with its interval."""
    draw = np.random.default_rng(SEED)
    means = draw.choice(values, (BOOTS, len(values))).mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def order(some: Sequence[Film], rules: Rules) -> str:
    """The order of the chosen tracks beside random orders of the same tracks."""
    draw, shares, own, dealt = np.random.default_rng(SEED), [], [], []
    for one in some:
        tracks = [cue.chosen.track for cue in compose(one.scenes, one.found, rules) if cue.chosen]
        deals = [means([tracks[at] for at in draw.permutation(len(tracks))]) for _ in range(DEALS // FILMS)]
        own.append(means(tracks))
        dealt.append(np.mean(deals, axis=0))
        shares.append(np.mean([deal <= own[-1][0] + 1e-9 for deal, _ in deals]))
    (steps, leap), (steps_dealt, leap_dealt) = np.mean(own, axis=0), np.mean(dealt, axis=0)
    return (
        f"The same tracks in random order (seed {SEED}, {DEALS // FILMS} orders a film): {steps_dealt:.2f} key steps "
        f"and {leap_dealt:.3f} octaves, in the score's order {steps:.2f} and {leap:.3f}; {np.mean(shares):.0%} of "
        "orders have as few key steps (chance: 50 %)."
    )


def means(tracks: Sequence[Track]) -> tuple[float, float]:
    steps, leaps = neighbours(tracks)
    return float(np.mean(steps)), float(np.mean(leaps))


def proof(some: Sequence[Film], rules: Rules) -> str:
    told = [together(one, rules) for one in some]
    proven = sum(one.short_of == 0 for one in told)
    return (
        f"Proven the best: {proven} of {len(told)} films; CPU {np.mean([one.cpu_s for one in told]):.2f} s a film, "
        f"{max(one.cpu_s for one in told):.2f} s at most."
    )


def hardest() -> list[str]:
    """Made-up candidates, 200 for each of 20 scenes: CPU seconds, and what was perhaps missed."""
    lines = ["Made-up tracks (seed 0): random keys and tempi, as sure as random, scores in the range told.", ""]
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
        one = made_up(least, tracks=tracks, alike=alike)
        start = process_time()
        score = compose(one.scenes, one.found, rules)
        cpu_s = process_time() - start
        lines.append(f"| {name} | {score.total:.3f} | {score.short_of:.3f} | {cpu_s:.2f} |")
    return lines


def made_up(least: float, *, tracks: int, alike: bool) -> Film:
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
    return Film(scenes, found, 0)


def made_up_track(draw: np.random.Generator, number: int) -> Track:
    told: dict[str, Any] = {"key": f"{KEYS[draw.integers(12)]} {('major', 'minor')[draw.integers(2)]}"}
    told |= {"bpm": draw.uniform(60, 180), "key_confidence": draw.random(), "bpm_confidence": draw.random()}
    return Track(number, f"{number}", "music", f"{number}", f"artist {draw.integers(50)}", **told)


if __name__ == "__main__":
    main()
