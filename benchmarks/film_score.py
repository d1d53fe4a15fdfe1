"""Scores of films, chosen together, beside each scene's best alone, from the left, and at random.

    python benchmarks/film_score.py ../shared --out docs/results/film_score.md

A film is 12 clips in random order, each a scene (its seed: its number). Costs were chosen on films of `clips` with the
tracks of `macleod`, and are reported on films of `activity` with the tracks of `music` and the songs of `pop909`,
rendered with fluidsynth, which share no clip and no track with these. No track twice: the best total of fit alone, so
what it loses is the price of not repeating a track. Alone: the best candidate of each scene, which may come twice. From
the left: of what is not yet used, the one worth most after the track before. At random: of what is not yet used and
loses no more than the slack. Fit lost is a share of the best score of the scene, worst that of the worst scene of all
films; above 5 %: films with a scene that loses more. Key steps are fifths between the keys told of neighbours, leaps
the ratio of their tempi at the nearest levels told, in octaves; not rested are those more than two fifths apart without
a rest of 1 s (scenes below 2 s have no room for one). Intervals: 95 %, of the mean over films, by a bootstrap over
films.
"""

import sys
from collections.abc import Callable, Collection, Sequence
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
from film_score_hardest import hardest

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
from recommender.query import Query
from recommender.types import Recommendation, Track

FILMS, SCENES = 20, 12
MOVED = ("steps", "leap", "lost")
GRID = (0.0, 0.05, 0.15, 0.45)
NOTHING: dict[str, Any] = {"key": 0.0, "tempo": 0.0, "artist": 0.0}
DEALS, BOOTS, SEED = 1000, 2000, 22
MANY, ALL = 200, 1000
SIZES, DRAWS = (60, 115, 200), 5
ALLOWED = 0.05
"""Of a scene's fit: what may be lost against choosing it alone."""
DEFAULT = """\
The default is the largest pair of the grid's middle at which about 1 % of the fit is lost: a third of the cost of keys
gives up key steps surely, three times of it loses fit surely for a fifth of a step. Tried for the worst scenes and
left: losses beyond the slack counted 100 or 300 times instead of 30, or their squares; none lowered the worst loss of
films in small libraries."""


Known = list[tuple[Query, list[Recommendation]]]
"""Clips, each with what was found for it."""


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
    folder = args.shared.resolve() / "data"
    if not all((folder / name).is_dir() for name in ("clips", "activity", "macleod", "music", "pop909", "vgmidi")):
        sys.exit(f"{folder}: clips, activity, macleod, music, pop909 and vgmidi are needed")
    songs = [piece.path for piece in data.pop909(args.shared, data.RENDERS)]
    piano = data.rendered(sorted((folder / "vgmidi" / "midi").glob("*.mid")), data.RENDERS)
    with TemporaryDirectory() as place:
        chosen_on = read(folder / "clips", engine(Path(place) / "a", [folder / "macleod"]))
        told_on = read(folder / "activity", engine(Path(place) / "b", [folder / "music", *songs, *piano]))
    own = [path for path in tracks_of(told_on) if any(path.is_relative_to(some) for some in (folder / "music", *songs))]
    lines = report(films(chosen_on), films(told_on, own), growth(told_on, own))
    measuring.publish("\n".join(lines) + "\n", args.out)


def engine(place: Path, music: list[Path]) -> Recommender:
    """The built-in model with a library of this music."""
    model = Model.load("builtin")
    library = Library.create(place, model.space)
    for event in ingest.add(library, music, model, modality="music"):
        if isinstance(event, ingest.Failed):
            print(event, file=sys.stderr)
    return Recommender(library, model)


def read(folder: Path, recommend: Recommender) -> Known:
    """The clips of a folder, each with all tracks of the library."""
    known: Known = []
    for clip in expand_clips([folder], lambda _: None):
        try:
            query = recommend.clip(clip)
            known.append((query, recommend.recommend(query, top=ALL)))
        except CliptuneError as error:
            print(error, file=sys.stderr)
    return known


def tracks_of(known: Known) -> list[Path]:
    """The tracks of the library, in order."""
    return sorted(Path(found.track.path) for found in known[0][1])


def films(known: Known, library: Collection[Path] | None = None) -> list[Film]:
    """`FILMS` films of the known clips with the `MANY` best of these tracks, or of all; scores do not depend on what
    else is in a library."""
    kept = set(map(str, tracks_of(known) if library is None else library))
    some = [(query, [one for one in found if one.track.path in kept][:MANY]) for query, found in known]
    return [film(some, seed) for seed in range(FILMS)]


def film(known: Known, seed: int) -> Film:
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


def report(chosen_on: Sequence[Film], told_on: Sequence[Film], grown: Sequence[str]) -> list[str]:
    rules = Rules(speech_alone=False)
    told = (__doc__ or "").split("\n\n")[2].strip().split("\n")
    lines = ["# A coherent score for a film", "", *told, ""]
    lines += [
        "Made by `python benchmarks/film_score.py ../shared --out docs/results/film_score.md`.",
        measuring.environment("numpy") + ".",
        "",
    ]
    lines += [
        "## Costs, on the films they were chosen on",
        "",
        *grid(chosen_on),
        "",
        *others(chosen_on),
        "",
        DEFAULT,
        "",
    ]
    for title, some in (("the films they were chosen on", chosen_on), ("other films and tracks", told_on)):
        lines += [f"## Beside other ways to choose, {title}", "", *compare(some, rules), ""]
        lines += [f"- {line}" for line in [price(some, rules), order(some, rules), proof(some, rules)]] + [""]
    lines += ["## Larger libraries", "", *grown, ""]
    return [*lines, "## Time and proof where it is hardest", "", *hardest()]


def growth(known: Known, own: Sequence[Path]) -> list[str]:
    """Fit lost as the library grows: draws of all tracks, each in the next."""
    rules, everything = Rules(speech_alone=False), tracks_of(known)
    lines = [
        f"The films of `activity` with {len(everything)} tracks: {len(own)} of `music` and `pop909`, others piano of",
        f"`vgmidi`, rendered; none had a part in choosing costs. Smaller libraries: {DRAWS} draws (seeds from 0 on),",
        "each inside the next larger one; the mean, and the least and largest of the draws.",
        "",
        "| tracks | lost | worst | above 5 % | no track twice: lost | worst | above 5 % | key steps | not rested |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    orders = [np.random.default_rng(seed).permutation(len(everything)) for seed in range(DRAWS)]
    for size in (*SIZES, len(everything)):
        some = orders if size < len(everything) else orders[:1]
        drawn = [films(known, [everything[at] for at in order[:size]]) for order in some]
        both = [[[way(one, rules) for one in library] for library in drawn] for way in (together, once)]
        told = [one for library in both[0] for one in library]
        cells = [cell for way in both for cell in losses(way)]
        cells += [f"{np.mean([one.steps for one in told]):.2f}", str(sum(one.clash for one in told))]
        lines.append(f"| {size} | {' | '.join(cells)} |")
    return lines


def losses(drawn: Sequence[Sequence[Told]]) -> list[str]:
    """Mean and worst fit lost, and films that lose more than is allowed in some scene: over draws, with their range."""
    lost = [float(np.mean([one.lost for one in some])) for some in drawn]
    worst = [max(one.worst for one in some) for some in drawn]
    above = [sum(one.worst > ALLOWED for one in some) for some in drawn]
    kinds = ((lost, ".2%"), (worst, ".1%"), (above, ".0f"))
    spread = [f" [{min(some):{kind}}, {max(some):{kind}}]" if len(drawn) > 1 else "" for some, kind in kinds]
    return [f"{np.mean(some):{kind}}{more}" for (some, kind), more in zip(kinds, spread, strict=True)]


def price(some: Sequence[Film], rules: Rules) -> str:
    """What of the fit lost is the price of no track twice."""
    ways = [[way(one, rules) for one in some] for way in (once, together)]
    bare, lost = (np.array([100 * one.lost for one in told]) for told in ways)
    worst = [max(one.worst for one in told) for told in ways]
    above = [sum(one.worst > ALLOWED for one in told) for told in ways]
    return (
        f"Not repeating a track alone costs {interval(bare)} % of the fit, {bare.sum() / lost.sum():.0%} of what is "
        f"lost; near keys and tempi {interval(lost - bare)} % more. In the worst scene it alone is {worst[0]:.1%} of "
        f"{worst[1]:.1%}; scenes lose more than 5 % in {above[1]} of {len(some)} films, without costs of keys and "
        f"tempi in {above[0]}."
    )


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


if __name__ == "__main__":
    main()
