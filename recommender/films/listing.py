"""The scenes of a film with their music as a table for people, JSON for programs, and CSV to be edited by hand."""

from collections.abc import Sequence
from typing import Any

from recommender.films.cues import MusicCue, Scene
from recommender.films.cut_list import BEGINS, KEPT, LABEL, MUSIC, PATH, SILENCE, START
from recommender.films.scenes import Film
from recommender.films.words import feeling
from recommender.outputs.listing import Listing
from recommender.outputs.records import affect_record, loss_record, record, verdict
from recommender.outputs.table import clock as minutes
from recommender.outputs.table import near
from recommender.text import show
from recommender.timelines.timecode import clock
from recommender.types import Recommendation

COLUMNS = (
    *("scene", START, "end", LABEL, MUSIC, "duration_s", "feels", "why"),
    *(BEGINS, "title", "artist", PATH, "in_s", "out_s", "score", "reasons"),
)
"""Of the table to edit: `start`, `label`, `music`, `begins` and, of a track that is kept, `path` are read back."""
MANY = 40
"""Scenes above which the table has a line each: with seven each, those of a feature film fill twenty screens."""


def listing(film: Film, cues: Sequence[MusicCue], pictures: Sequence[str] = ()) -> Listing:
    """What the command `film` lists. cues: of all scenes, in order. pictures: paths, one a scene or none."""
    rows = [_row(film, cue) for cue in cues]
    shown = dict(zip((scene.number for scene in film.scenes), pictures, strict=False))
    value = {
        "film": film_record(film),
        "scenes": [scene_record(film, scene) | {"picture": shown.get(scene.number)} for scene in film.scenes],
        "cues": [cue_record(film, cue) for cue in cues],
    }
    return Listing(value, rows, COLUMNS, text(film, cues))


def film_record(film: Film) -> dict[str, Any]:
    """A film as a record; `timecode` of its first frame."""
    rate = film.clock.rate
    return {
        "path": str(film.path),
        "duration_s": round(film.duration_s, 6),
        "frames_per_s": None if rate is None else round(float(rate), 6),
        "timecode": film.clock.timecode(0.0),
        "drop_frame": film.clock.drop,
        "cuts_s": [round(at_s, 3) for at_s in film.cut_s],
        **loss_record(film.loss),
        "remarks": list(film.remarks),
    }


def scene_record(film: Film, scene: Scene) -> dict[str, Any]:
    """A scene as a record, times in seconds of the film."""
    return {
        **_place(film, scene),
        "label": scene.label,
        "silent": scene.silent,
        "begins_s": scene.begins_s,
        "feeling": feeling(scene.query),
        "affect": affect_record(scene.query.affect),
        "because": [cue.text for cue in scene.query.cues],
        "speech": [[round(start_s, 3), round(end_s, 3)] for start_s, end_s in scene.query.speech],
        "why": scene.why,
    }


def cue_record(film: Film, cue: MusicCue) -> dict[str, Any]:
    """The music of a scene as a record: of its track what a recommendation tells, all None where there is none."""
    ending = cue.transition
    return {
        **_place(film, cue.scene),
        "feeling": feeling(cue.scene.query),
        "why": cue.why,
        "theme": cue.theme,
        "kept": cue.kept,
        **_chosen(cue.chosen),
        "transition": None if ending is None else ending._asdict(),
        "alternatives": [_chosen(one) for one in cue.alternatives],
    }


def _place(film: Film, scene: Scene) -> dict[str, Any]:
    ends = {"start_s": round(scene.start_s, 6), "end_s": round(scene.end_s, 6)}
    codes = {"timecode_in": film.clock.timecode(scene.start_s), "timecode_out": film.clock.timecode(scene.end_s)}
    return {"number": scene.number, **ends, **codes, "duration_s": round(scene.duration_s, 6)}


_OF_TRACK = ("path", "title", "artist", "in_s", "out_s", "score", "fits", "reasons", "section_affect", "placement")


def _chosen(found: Recommendation | None) -> dict[str, Any]:
    known = {} if found is None else record(found)
    return {name: known.get(name) for name in _OF_TRACK}


def _row(film: Film, cue: MusicCue) -> dict[str, Any]:
    scene, found = cue.scene, cue.chosen
    row: dict[str, Any] = {"scene": scene.number, START: film.clock.timecode(scene.start_s), LABEL: scene.label or ""}
    row |= {"end": film.clock.timecode(scene.end_s), "duration_s": round(scene.duration_s, 3)}
    music = KEPT if cue.kept else "yes"
    row |= {MUSIC: music if found else SILENCE if scene.silent else "none", "feels": feeling(scene.query)}
    row |= {"why": scene.why}
    if found is not None:
        row |= {BEGINS: "" if scene.begins_s is None else clock(scene.begins_s, digits=3)}
        row |= {"title": found.track.title, "artist": found.track.artist or "", PATH: found.track.path}
        row |= {"in_s": round(found.in_s, 3), "out_s": round(found.out_s, 3), "score": round(found.score, 4)}
        row |= {"reasons": verdict(found.reasons)}
    return row


def text(film: Film, cues: Sequence[MusicCue]) -> str:
    """The table: a line per scene with its music below, and why; of many scenes a line each."""
    several = "s" * (len(cues) != 1)
    lines = [f"{near(str(film.path))}  ({minutes(film.duration_s)}, {len(cues)} scene{several})"]
    lines += [f"  {remark}" for remark in film.remarks]
    if len(cues) > MANY:
        table = _aligned([_short(film, cue) for cue in cues])
        lines += ["", *table, "", "  why, and what else would do, of each: as CSV or JSON; fewer scenes: longer ones"]
    else:
        lines += ["", *(line for cue in cues for line in _lines(film, cue))]
    return "".join(f"{line}\n" for line in lines)


def _short(film: Film, cue: MusicCue) -> tuple[str, ...]:
    """A scene with its music in a line, by columns."""
    scene, found = cue.scene, cue.chosen
    place = str(scene.number).rjust(3), film.clock.timecode(scene.start_s), minutes(scene.duration_s).rjust(5)
    what = f"{feeling(scene.query)}{f' · {show(scene.label)}' if scene.label else ''}"
    if found is None:
        return (*place, what, "", "", f"no music{': ' if cue.why else ''}{show(cue.why)}")
    theme = f", theme {show(cue.theme)}" if cue.theme else ""
    title = f"{show(found.track.title)}  [{near(found.track.path)}]{theme}"
    return (*place, what, f"{found.score:.3f}", minutes(found.in_s).rjust(5), title)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _lines(film: Film, cue: MusicCue) -> list[str]:
    scene, found = cue.scene, cue.chosen
    name = f" · {show(scene.label)}" if scene.label else ""
    at = f"{film.clock.timecode(scene.start_s)} - {film.clock.timecode(scene.end_s)}"
    head = f"{scene.number:3}  {at}  ({minutes(scene.duration_s)}){name}  {feeling(scene.query)}"
    lines = [head, f"     {show(scene.why)}"]
    if found is None:
        return [*lines, f"     no music{': ' if cue.why else ''}{show(cue.why)}", ""]
    theme = f", theme {show(cue.theme)}" if cue.theme else ""
    section = f"{minutes(found.in_s)}-{minutes(found.out_s)}"
    lines.append(f"     {found.score:.3f}  {section}  {show(found.track.title)}  [{near(found.track.path)}]{theme}")
    why = " · ".join(filter(None, (cue.why, verdict(found.reasons))))
    lines += [f"     {show(why)}"] if why else []
    if cue.transition is not None and cue.transition.words:
        lines.append(f"     {show(cue.transition.words)}")
    others = ", ".join(f"{show(one.track.title)} {one.score:.3f}" for one in cue.alternatives)
    return [*lines, *([f"     or: {others}"] if others else []), ""]
