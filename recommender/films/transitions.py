"""How one cue goes over to the next, by rules that are told.

In this order, at the border of two scenes:

1. Where a rest is asked for, the music is over so long before the next scene.
2. Where the track ends by itself on the border, or one of its bar lines falls there, it stops: a button.
3. Where arousal leaps up by `LEAP`, the next scene's music cuts in.
4. Where the next scene has no room for it (it is short, or somebody speaks at once), it fades by the end of its own.
5. Where no music follows, it rings out over the next scene: a tail.
6. Where the keys are far apart, it is all but gone when the next begins: a tail that is faded before.
7. Else both cross: over a bar with bar lines on each other where the tempos are near, else from a beat of the next.
"""

from math import log10, pi, sin
from typing import NamedTuple

from recommender.editing.placement import Keyframe
from recommender.films.cues import Transition

ON_LINE_S = 0.06
"""So near to a border a bar line, or the end of a track, falls on it: about what ear and eye take for one moment."""
LEAP = 1.0
"""Of arousal, of -1 to 1. Readings are unsure by 0.4: of two that should be equal one pair in 13 differs by so much."""
ROOM_S = 0.5
"""A crossfade that is shorter is a cut that stumbles."""
CROSS_S, TAIL_S, CLASH_S = 2.0, 3.0, 1.0
"""How long cues cross where no bar tells it, ring out into silence, and into a key that is far from theirs."""
LONGEST_S = 4.0
TAIL_TIMES = 4
"""A tail into another key is faded over so many times what it rings on: it is 12 dB down when the next begins."""
NEAR = 0.02
"""Tempos that differ by less stay within 40 ms of each other over a bar of two seconds."""
# A fade of even power, in steps that lines in dB follow to 0.1 dB: shares of the crossfade.
_SHARES = (0.00064, 0.003, 0.01, 0.03, 0.06, 0.1, 0.16, 0.25, 0.37, 0.5, 0.65, 0.8, 1.0)


class Border(NamedTuple):
    """What is known where one scene goes over to the next; times from the border on, negative before it.

    Attributes
    ----------
    music: whether the next scene has any. room_s: how long both may sound. ends_s: when the track ends by itself, None
        where that is not near. line_s: its nearest bar line, None where none is known.
    clash: whether the keys are far from each other. bars_s: how long bars are before and after; None where not known.
    on_beat: whether the next begins on a beat of its own. leap: how arousal changes.
    asked: how it is to end, where that is settled already.
    """

    music: bool
    room_s: float
    ends_s: float | None = None
    line_s: float | None = None
    clash: bool = False
    bars_s: tuple[float, float] | None = None
    on_beat: bool = False
    leap: float = 0.0
    asked: Transition | None = None


def transition(border: Border) -> Transition:
    """How the music goes over there: the ending that was asked for, else by the rules."""
    asked = border.asked
    if asked is None:
        return _by_rules(border)
    if asked.rest_s:
        return asked._replace(lasts_s=0.0, words=_said(asked, f"{asked.rest_s:g} s of silence before the next scene"))
    if asked.ending == "crossfade" and border.music and border.room_s >= ROOM_S:
        crossing = _crossfade(border)
        lasts_s = min(asked.lasts_s or crossing.lasts_s, border.room_s)
        return asked._replace(lasts_s=lasts_s, words=_said(asked, crossing.words))
    if asked.ending in ("crossfade", "tail"):
        usual = CLASH_S if border.music else TAIL_S
        return Transition("tail", min(asked.lasts_s or usual, border.room_s), _said(asked, "rings out"))
    return asked._replace(lasts_s=0.0, words=_said(asked, "as asked"))


def _said(asked: Transition, words: str) -> str:
    return asked.words or words


def _by_rules(border: Border) -> Transition:
    if border.ends_s is not None and abs(border.ends_s) <= ROOM_S:
        return Transition("button", 0.0, "the track's own ending falls on the border")
    if border.line_s is not None and abs(border.line_s) <= ON_LINE_S:
        return Transition("button", 0.0, "a bar line falls on the border: it stops there")
    if border.music and border.leap >= LEAP:
        return Transition("cut", 0.0, "the next scene is much livelier: its music cuts in")
    if border.room_s < ROOM_S:
        return Transition("tail", 0.0, "fades by the end of its scene: the next has no room for it")
    if not border.music:
        return Transition("tail", min(TAIL_S, border.room_s), "rings out: no music follows")
    if border.clash:
        return Transition("tail", min(CLASH_S, border.room_s), "the keys are far apart: it is faded before the next")
    return _crossfade(border)


def _crossfade(border: Border) -> Transition:
    if border.bars_s is not None and aligns(border):
        lasts_s = min(max(border.bars_s[0], 1.0), LONGEST_S)
        return Transition("crossfade", lasts_s, f"crossfade of {lasts_s:.1f} s, bar lines on each other")
    lasts_s = min(CROSS_S, border.room_s)
    where = "from a beat of the next on" if border.on_beat else "no beat is known where the next begins"
    return Transition("crossfade", lasts_s, f"crossfade of {lasts_s:.1f} s, {where}")


def aligns(border: Border) -> bool:
    """Whether bars before and after can lie on each other: as long, or twice or half as long, with room for one."""
    if border.bars_s is None or border.room_s < min(border.bars_s[0], LONGEST_S):
        return False
    ratio = border.bars_s[1] / border.bars_s[0]
    return any(abs(ratio / whole - 1) <= NEAR for whole in (0.5, 1.0, 2.0))


def crossing(start_s: float, lasts_s: float, *, into: bool) -> tuple[Keyframe, ...]:
    """Keyframes of a fade of even power from `start_s` on, `into` music or out of it."""
    levels_db = [20 * log10(sin(pi / 2 * share)) for share in _SHARES]
    shares = [0.0, *_SHARES[1:]]
    if not into:
        levels_db, shares = levels_db[::-1], [1 - share for share in shares[::-1]]
    return tuple(Keyframe(start_s + s * lasts_s, db) for s, db in zip(shares, levels_db, strict=True))
