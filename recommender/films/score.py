"""A coherent score: one section per scene, or silence, chosen together.

The total is what the sections are worth in their scenes, less what neighbours cost whose keys lie far apart or whose
tempo leaps, and what each further cue of an artist costs; no track comes twice, but as a theme. Far keys are parted by
a rest; where a scene is too short for one, they follow each other only where nothing else is left. The best total is
found, not a good one; where that was not proven with the effort that was allowed, the score tells how far it may be
from the best.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.films import closeness, silence
from recommender.films.chain import Chain
from recommender.films.cues import MusicCue, Scene, Transition
from recommender.films.options import Options, Shelf, is_of, loss
from recommender.films.rooms import rooms
from recommender.films.rules import Rules
from recommender.films.search import Way, search
from recommender.text import show
from recommender.timelines.timecode import clock
from recommender.types import Array, Recommendation

if TYPE_CHECKING:
    from recommender.engine import Recommender

REST_S = 1.0
"""Silence after which a far key does not clash with the one before; scenes twice as long have room for it."""
CLASH = 250.0
"""What far keys cost without a rest: more than 20 scenes lose where no track fits any of them."""
LEAST_S = 0.5
"""Of a track that is heard from where somebody has it begin."""

NONE_LEFT = "silence: no track is left that the score has not elsewhere"


class Score(list[MusicCue]):
    """The cues of a film, one per scene, in order.

    Attributes
    ----------
    total: what they are worth together. short_of: what a better score would be worth more at most; 0 where this is
        proven the best.
    """

    def __init__(self, cues: Iterable[MusicCue], total: float = 0.0, short_of: float = 0.0) -> None:
        super().__init__(cues)
        self.total, self.short_of = total, short_of


def compose(
    scenes: Sequence[Scene],
    candidates: Sequence[Sequence[Recommendation]],
    rules: Rules | None = None,
    *,
    recordings: Mapping[int, int] | None = None,
    begun: Mapping[int, Recommendation] | None = None,
) -> Score:
    """One section per scene, or silence, that are worth most together; the same for the same arguments.

    Parameters
    ----------
    scenes: in order, their numbers distinct.
    candidates: of each scene, such as the 200 best; several sections of a track where a theme is to choose from them.
    rules: see `Rules`.
    recordings: by id of a track what recording it is of (`LibraryReader.recordings`); a recording counts as one track.
    begun: by number of a scene what is heard of its track from where somebody has it begin, with its score; by default
        the score of its best section is told.

    Raises InputError where the rules do not go together, or a theme or a lock finds no track among the candidates.
    """
    rules = rules or Rules()
    rules.check(scenes)
    shelf = Shelf(scenes, candidates, rules, recordings=recordings or {})
    silent = {scene.number: why for scene in scenes if (why := _silence(scene, shelf))}
    sounding = [scene.number for scene in scenes if scene.number not in silent]
    if not sounding:
        return Score([MusicCue(scene, None, silent[scene.number]) for scene in scenes])
    plan = lay_out(shelf, sounding)
    way = search(plan.chain, rules.effort)
    cues = {cue.scene.number: cue for cue in _cues(shelf, plan, way, begun=begun or {})}
    made = [cues.get(scene.number) or MusicCue(scene, None, silent[scene.number]) for scene in scenes]
    return Score(made, way.total, max(way.most - way.total, 0.0))


def compose_from(
    engine: "Recommender", scenes: Sequence[Scene], candidates: Sequence[Sequence[Recommendation]], *, rules: Rules
) -> Score:
    """As `compose`, with what `engine`, which found the candidates, knows: locked tracks that are none of them, further
    sections for themes, recordings."""
    from recommender.films.locks import offer_locked, settle_locks
    from recommender.films.sections import offer_sections, section_from

    rules = replace(rules, lock=settle_locks(engine.library, rules.lock))
    offered = offer_locked(engine, scenes, candidates, lock=rules.lock)
    begun: dict[int, Recommendation] = {}
    for scene, some in zip(scenes, offered, strict=True):
        wanted = rules.lock.get(scene.number)
        if scene.begins_s is None or wanted is None:
            continue
        if (kept := next((one for one in some if is_of(one, wanted)), None)) is not None:
            begun[scene.number] = section_from(engine, scene.query, kept, begins_s=scene.begins_s)
    found = offer_sections(engine, scenes, offered, rules=rules)
    ids = np.unique([one.track.id for some in found for one in some]).astype(np.int64)
    recordings = dict(zip(ids.tolist(), engine.library.recordings(ids).tolist(), strict=True))
    return compose(scenes, found, rules, recordings=recordings, begun=begun)


def _silence(scene: Scene, shelf: Shelf) -> str:
    """Why a scene has no music; "" where it has some."""
    rules, found = shelf.rules, shelf.candidates[scene.number]
    if scene.number in rules.silence:
        return "silence: asked for"
    if scene.number in rules.lock or any(scene.number in theme for theme in rules.themes):
        return ""
    if not found:
        return "silence: no track was found for it"
    return "silence: speech throughout" if rules.speech_alone and silence.fills(scene, found) else ""


class Plan(NamedTuple):
    """The options of each scene with music, the chain of them, and whether each follows the one before at once."""

    options: list[Options]
    chain: Chain
    follows: list[bool]


def lay_out(shelf: Shelf, sounding: Sequence[int]) -> Plan:
    options = {number: shelf.options(number) for number in sounding}
    for theme in map(sorted, shelf.rules.themes):
        options.update(zip(theme, shelf.theme_options(theme), strict=True))
        if not options[theme[0]].found:
            numbers = ", ".join(map(str, theme))
            raise InputError(f"theme {numbers}: no track is among the candidates of all its scenes; look for more")
    for number, wanted in shelf.rules.lock.items():
        if not options[number].found:
            raise InputError(f"scene {number}: {show(str(wanted))} is not among its candidates; look for more")
    order = [options[number] for number in sounding]
    at = {number: step for step, number in enumerate(sounding)}
    themes = tuple(tuple(at[number] for number in sorted(theme)) for theme in shelf.rules.themes)
    ends = [one.scene for one in order]
    follows = [False, *(after.start_s - before.end_s < REST_S for before, after in pairwise(ends))]
    worth, costs = [one.worth for one in order], _costs(shelf, order, follows)
    return Plan(order, Chain(worth, costs, *rooms(shelf, order), themes=themes), follows)


def _costs(shelf: Shelf, options: Sequence[Options], follows: Sequence[bool]) -> list[Array]:
    """Of each scene but the first, what its options cost after those of the one before."""
    found = []
    for (before, after), at_once in zip(pairwise(options), follows[1:], strict=True):
        costs = np.zeros((len(before.worth), len(after.worth)))
        same = np.equal.outer(before.recordings, after.recordings)
        if at_once:
            left, right = ([closeness.pulse(one.track) for one in some.found] for some in (before, after))
            apart = closeness.distances(left, right, shelf.rules)
            if shelf.rules.key and not _rests(before.scene):
                apart += CLASH * closeness.far(left, right)
            costs[:-1, :-1] = np.where(same, 0.0, apart)
        if not shelf.rules.returns(before.scene.number, after.scene.number):
            costs[:-1, :-1][same] = np.inf
        found.append(costs)
    return found


def _cues(shelf: Shelf, plan: Plan, way: Way, *, begun: Mapping[int, Recommendation]) -> list[MusicCue]:
    """The cues of the scenes with music, each with what it follows and what else would do."""
    chosen = [
        one.found[pick] if pick < len(one.found) else None for one, pick in zip(plan.options, way.picks, strict=True)
    ]
    cues = []
    for step, (one, found) in enumerate(zip(plan.options, chosen, strict=True)):
        number = one.scene.number
        if found is None:
            cues.append(MusicCue(one.scene, None, NONE_LEFT))
            continue
        begins_s, found = found.in_s, _begun(one.scene, begun.get(number, found))
        before = chosen[step - 1] if plan.follows[step] else None
        why = _why(shelf, number, found, before=before)
        others = _others(plan, way.picks, step, shelf.rules.alternatives)
        after = chosen[step + 1] if step + 1 < len(chosen) and plan.follows[step + 1] else None
        rest = _transition(one.scene, found, after, sought=shelf.rules.key > 0)
        theme, kept = shelf.rules.theme(number), number in shelf.rules.lock
        free_s = None if one.scene.begins_s is None else begins_s
        cues.append(MusicCue(one.scene, found, why, theme, others, rest, kept, free_s))
    return cues


def _begun(scene: Scene, found: Recommendation) -> Recommendation:
    """The section of a track that was chosen for a scene, from where somebody has it begin.

    Its track is chosen as with any other section: so all else stays as it was.
    Raises InputError where the track is over by then.
    """
    if scene.begins_s is None:
        return found
    ends_s = scene.begins_s + scene.duration_s
    lasts_s = found.track.duration_s or ends_s
    if scene.begins_s > lasts_s - LEAST_S:
        told = f"{show(found.track.title)} lasts {clock(lasts_s, digits=1)}, and is to begin at"
        raise InputError(f"scene {scene.number}: {told} {clock(scene.begins_s, digits=1)}: begin earlier")
    return replace(found, in_s=scene.begins_s, out_s=min(ends_s, lasts_s))


def _why(shelf: Shelf, number: int, found: Recommendation, *, before: Recommendation | None) -> str:
    """Why a scene has this section, beside what it fits by."""
    theme, lost = shelf.rules.theme(number), loss(found, shelf.best[number])
    said = [f"theme {theme}"] if theme else []
    begins_s = shelf.scenes[number].begins_s
    since = "" if begins_s is None else f", from {clock(begins_s, digits=2).removeprefix('00:')} on"
    said += [f"chosen by hand{since}"] if number in shelf.rules.lock else []
    if before is not None:
        same = shelf.recording(before) == shelf.recording(found)
        said.append(
            "the same track goes on" if same else closeness.words(*map(closeness.pulse, (before.track, found.track)))
        )
    said.append("the best fit of its scene" if lost <= 0 else f"fits {lost:.1%} less than the best of its scene")
    return "; ".join(said)


def _rests(scene: Scene) -> bool:
    """Whether a scene has room for a rest at its end."""
    return scene.duration_s >= 2 * REST_S


def _transition(
    scene: Scene, found: Recommendation, after: Recommendation | None, *, sought: bool
) -> Transition | None:
    """A rest before a cue in a far key; None where there is none to settle. `sought`: whether near keys were."""
    if after is None or found.track.id == after.track.id:
        return None
    apart = closeness.steps(closeness.pulse(found.track), closeness.pulse(after.track))
    if apart is None or apart <= closeness.NEAR:
        return None
    if _rests(scene):
        return Transition("cut", rest_s=REST_S, words=f"a rest, since the keys are {apart} fifths apart")
    words = f"the keys are {apart} fifths apart; the scene is too short for a rest"
    return Transition("cut", words=words + ", and no choice with nearer keys was found" * sought)


def _others(plan: Plan, picks: Sequence[int], step: int, count: int) -> list[Recommendation]:
    """What else would do at a step, and at all of its theme, while all else stays; the best total first."""
    together = next((theme for theme in plan.chain.themes if step in theme), (step,))
    totals, found = plan.chain.instead(picks, together), plan.options[step].found
    order = np.argsort(-totals[:-1], kind="stable").tolist()
    return [found[at] for at in order if at != picks[step] and totals[at] > -np.inf][:count]
