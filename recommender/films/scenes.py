"""The scenes of a film: read once, cut where what it shows and feels like changes, each with its query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.editing.placement import Stretch
from recommender.errors import InputError
from recommender.films.clock import Clock, clock_of
from recommender.films.cues import Scene
from recommender.films.cut_list import CutList, read_cuts
from recommender.films.grouping import USUAL, Limits, group, group_into
from recommender.films.shots import Border, borders, shots
from recommender.films.words import reason
from recommender.media import Frame, excerpts
from recommender.query import cut_speech, query_of_part
from recommender.types import Loss, loss_of

if TYPE_CHECKING:
    from recommender.engine import Recommender
    from recommender.extractors.video.parts import Reading
    from recommender.model import Model

_THIN = 4  # pixels of which every fourth tells how much two neighbouring frames differ
_LABELS = 3  # clips of an edit that a scene is called after


@dataclass(frozen=True)
class Film:
    """A film and its scenes.

    Attributes
    ----------
    path: of its file. duration_s: how long it lasts. clock: how it counts. scenes: in order, at least one. cut_s: when
        its shots begin, to 1/8 s. loss: what of it could not be read; None where all could. remarks: for people.
    """

    path: Path
    duration_s: float
    clock: Clock
    scenes: tuple[Scene, ...]
    cut_s: tuple[float, ...] = ()
    loss: Loss | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class SceneWish:
    """How a film is to be cut into scenes.

    Attributes
    ----------
    cuts: a file of borders (see `read_cuts`); by default the film's own cuts and fades. count: so many scenes; by
        default as many as it changes. limits: how long they may be.
    """

    cuts: Path | None = None
    count: int | None = None
    limits: Limits = USUAL


USUAL_WISH = SceneWish()


def read_film(
    recommender: "Recommender",
    path: str | PathLike[str],
    wish: SceneWish = USUAL_WISH,
    *,
    on_second: Callable[[float], None] | None = None,
    on_heard: Callable[[float], object] | None = None,
) -> Film:
    """The scenes of a film, each with what is searched for it.

    Parameters
    ----------
    recommender: whose model tells what a scene feels like. wish: how it is to be cut. on_second, on_heard: told how
        far it is read, and then listened to for speech, in s.

    Raises
    ------
    MediaError: it cannot be read. InputError: a list of cuts that does not fit it, or a model that reads no parts.
    """
    from recommender.extractors.audio.speech import speech_in
    from recommender.extractors.video import parts

    film = Path(path)
    clock = clock_of(film)
    if wish.cuts is not None and clock.rate is not None and clock.frames is not None:
        read_cuts(wish.cuts, clock, float(clock.frames / clock.rate))  # what is wrong in it is told at once
    reading = parts.read(film, on_second)
    return cut_film(recommender, film, reading, wish=wish, speech=speech_in(film, on_heard))


def cut_film(
    recommender: "Recommender",
    film: Path,
    reading: "Reading",
    *,
    wish: SceneWish = USUAL_WISH,
    speech: Sequence[Stretch] | None = None,
) -> Film:
    """The scenes of a film that was read, as `read_film`. speech: where somebody speaks; by default listened for."""
    from recommender.extractors.audio.speech import speech_in

    clock = clock_of(film)
    if clock.rate is None or reading.duration_s <= 0:
        return _one(recommender, film, clock)
    lasts_s = clock.lasts_s(reading.duration_s)
    given = None if wish.cuts is None else read_cuts(wish.cuts, clock, lasts_s)
    starts, remarks = _starts(recommender, reading, given, wish=wish)
    spans = spans_of(on_frames(film, starts, clock), lasts_s)
    spoken = speech_in(film) if speech is None else speech
    scenes = scenes_between(recommender.model, reading, spans, speech=spoken)
    scenes = scenes if given is None else _labelled(scenes, given)
    told = Film(film, lasts_s, clock, tuple(scenes), tuple(reading.cut_s.tolist()))
    return replace(told, loss=loss_of(reading.facts), remarks=tuple(remarks))


def _one(recommender: "Recommender", film: Path, clock: Clock) -> Film:
    """A picture that does not move is one scene without length."""
    query = recommender.clip(film)
    return Film(
        film,
        query.duration_s,
        clock,
        (Scene(1, 0.0, query.duration_s, query, reason("", None, query)),),
        loss=query.loss,
    )


def _starts(
    recommender: "Recommender", reading: "Reading", given: CutList | None, *, wish: SceneWish
) -> tuple[list[Border], list[str]]:
    """Where scenes begin, the first at 0, and what is to be said of it."""
    if given is None:
        known = [Border(0.0, ""), *borders(reading)]
    else:
        kind = "set by hand" if given.exact else "event"
        known = [Border(0.0, ""), *(Border(mark.at_s, kind) for mark in given.marks[1:])]
    if given is not None and given.exact:
        if wish.count is not None and wish.count != len(known):
            raise InputError(f"{wish.count} scenes are asked for, and the list of cuts has {len(known)}: give one")
        return known, []
    found = shots(reading, [border.at_s for border in known], recommender.model)
    if wish.count is None:
        return [known[i] for i in group(found, wish.limits)], []
    kept = [known[i] for i in group_into(found, wish.count, wish.limits)]
    few = f"{wish.count} scenes are asked for, and it has {len(kept) - 1} places to cut: {len(kept)} scenes"
    return kept, [few] if len(kept) < wish.count else []


def on_frames(film: Path, starts: Sequence[Border], clock: Clock) -> list[Border]:
    """The borders on frames: of what changes at once, on the first of the new shot."""
    sought = [border for border in starts if border.near_s]
    spans = [(max(border.at_s - border.near_s, 0.0), border.at_s + border.near_s) for border in sought]
    exact = dict(zip(sought, map(_change_s, excerpts(film, spans)), strict=True))
    return [border._replace(at_s=clock.snap(exact.get(border) or border.at_s)) for border in starts]


def _change_s(frames: Sequence[Frame]) -> float | None:
    """When the frame is shown that differs most from the one before; None of less than two."""
    thin = [frame.rgb[::_THIN, ::_THIN].astype(np.int16) for frame in frames]
    changes = [float(np.abs(b - a).mean()) for a, b in pairwise(thin)]
    return frames[1 + int(np.argmax(changes))].t_s if changes else None


def spans_of(starts: Sequence[Border], lasts_s: float) -> list[tuple[Border, float]]:
    """Every border with when the scene ends that begins there; the last one with the film."""
    ends = [*(border.at_s for border in starts[1:]), max(lasts_s, starts[-1].at_s + 1e-3)]
    return list(zip(starts, ends, strict=True))


def scenes_between(
    model: "Model", reading: "Reading", spans: Sequence[tuple[Border, float]], *, speech: Sequence[Stretch]
) -> list[Scene]:
    """A scene of each span, its query as if it were a clip of its own."""
    scenes: list[Scene] = []
    for number, (border, end_s) in enumerate(spans, 1):
        spoken = cut_speech(speech, end_s, border.at_s)
        query = query_of_part(model, reading.features(border.at_s, end_s), spoken)
        told = reason(border.kind, scenes[-1].query if scenes else None, query)
        scenes.append(Scene(number, border.at_s, end_s, query, told))
    return scenes


def _labelled(scenes: Sequence[Scene], given: CutList) -> list[Scene]:
    """The scenes with the names, silences and kept tracks of the marks in them; of many names the first."""
    named = []
    for scene in scenes:
        inside = [mark for mark in given.marks if scene.start_s - 1e-6 <= mark.at_s < scene.end_s - 1e-6]
        labels = list(dict.fromkeys(mark.label for mark in inside if mark.label))
        more = f" and {len(labels) - _LABELS} more" if len(labels) > _LABELS else ""
        label = ", ".join(labels[:_LABELS]) + more
        wishes: dict[str, Any] = {"silent": any(mark.silent for mark in inside)}
        wishes |= {"track": inside[0].track, "begins_s": inside[0].begins_s} if given.exact and inside else {}
        named.append(replace(scene, label=label or None, **wishes))
    return named
