"""What is told of a film's score: to the page, and to whoever lays its music under the film."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from webapp.tasks.opened import library

if TYPE_CHECKING:
    from recommender.films.cues import MusicCue, Scene
    from recommender.films.scenes import Film
    from recommender.types import Recommendation, Track

_MUSIC = (
    *("title", "artist", "album", "path", "duration_s", "in_s", "out_s", "score", "bpm", "key", "genre", "licence"),
)


def score_record(
    film: "Film",
    cues: "Sequence[MusicCue]",
    *,
    borders_s: Sequence[float],
    pictures: Sequence[int],
) -> dict[str, Any]:
    """A score as JSON: `film`, `scenes` each with its music, `remarks`; the `plan` of it; `table`: to be edited (CSV).

    borders_s: where a scene may be cut. pictures: of each scene the time of its picture, in ms.
    """
    from recommender.films.listing import film_record, listing, scene_record
    from recommender.outputs.listing import as_csv

    told = {name: value for name, value in film_record(film).items() if name != "path"}
    remarks = told.pop("remarks")
    scenes = [
        {**scene_record(film, cue.scene), "picture": at, **_music(cue), "locked": cue.kept}
        for cue, at in zip(cues, pictures, strict=True)
    ]
    return {
        "film": {**told, "cuts_s": [round(at_s, 3) for at_s in borders_s]},
        "scenes": scenes,
        "remarks": remarks,
        "plan": [_planned(cue) for cue in cues],
        "table": as_csv(listing(film, cues)),
    }


def _music(cue: "MusicCue") -> dict[str, Any]:
    return {
        "music": None if cue.chosen is None else _shown(cue.chosen),
        "music_why": cue.why,
        "theme": cue.theme,
        "alternatives": [_shown(one) for one in cue.alternatives],
    }


def _shown(found: "Recommendation") -> dict[str, Any]:
    """A section of a track as the page shows it."""
    from recommender.affect.words import mood
    from recommender.outputs.records import record
    from recommender.outputs.table import tempo

    told = record(found)
    return {
        "track": found.track.id,
        **{name: told[name] for name in _MUSIC},
        "for": [why.words for why in found.reasons if why.change > 0],
        "against": [why.words for why in found.reasons if why.change < 0],
        "mood": None if found.affect.section is None else mood(found.affect.section),
        "tempo": None if found.track.bpm is None else tempo(found.track).strip(),
    }


def _planned(cue: "MusicCue") -> dict[str, Any]:
    """What laying a cue needs to know."""
    scene, found, ending = cue.scene, cue.chosen, cue.transition
    return {
        "number": scene.number,
        "start_s": scene.start_s,
        "end_s": scene.end_s,
        "label": scene.label,
        "silent": scene.silent,
        "begins_s": scene.begins_s,
        "free_s": cue.free_s,
        "kept": cue.kept,
        "speech": [list(one) for one in scene.query.speech],
        "affect": None if scene.query.affect is None else list(scene.query.affect),
        "why": cue.why,
        "theme": cue.theme,
        "transition": None if ending is None else ending._asdict(),
        "music": None if found is None else {"track": found.track.id, "in_s": found.in_s, "out_s": found.out_s},
    }


def cues_in(plan: Sequence[Mapping[str, Any]], folder: str) -> "list[MusicCue]":
    """The cues that a plan tells, their tracks as the library in `folder` has them now."""
    from recommender.films.cues import MusicCue, Transition

    ids = list(dict.fromkeys(one["music"]["track"] for one in plan if one["music"] is not None))
    tracks = {track.id: track for track in library(folder).tracks_of(ids)} if ids else {}
    return [
        MusicCue(
            _scene(one),
            None if one["music"] is None else _section(one["music"], tracks),
            one["why"],
            one["theme"],
            transition=None if one["transition"] is None else Transition(**one["transition"]),
            kept=one["kept"],
            free_s=one["free_s"],
        )
        for one in plan
    ]


def _scene(one: Mapping[str, Any]) -> "Scene":
    import numpy as np

    from recommender.editing.placement import Stretch
    from recommender.films.cues import Scene
    from recommender.query import Query
    from recommender.types import Affect

    affect = None if one["affect"] is None else Affect(*one["affect"])
    speech = tuple(Stretch(*stretch) for stretch in one["speech"])
    query = Query(np.zeros(0, np.float32), affect, one["end_s"] - one["start_s"], "music", speech=speech)
    told = {name: one[name] for name in ("number", "start_s", "end_s", "label", "silent", "begins_s")}
    return Scene(query=query, **told)


def _section(music: Mapping[str, Any], tracks: "Mapping[int, Track]") -> "Recommendation":
    from recommender.types import AffectPair, Recommendation

    track = tracks[music["track"]]
    return Recommendation(track, 0.0, 1, music["in_s"], music["out_s"], AffectPair(None, None))


def beats_by(folder: str) -> Any:
    """What gives the beats of tracks of the library in `folder`, as far as it has them."""
    from indexing.beats import beats_or_none

    return lambda track: beats_or_none(library(folder), track.id)
