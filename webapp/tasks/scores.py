"""Scores of whole films: their scenes, and music for all of them together; each film is read once."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webapp.tasks import Tell
from webapp.tasks.answers import conditions, require_any
from webapp.tasks.opened import engine, keep_latest
from webapp.tasks.plans import score_record
from webapp.tasks.tastes import taste_record

if TYPE_CHECKING:
    from recommender.editing.placement import Stretch
    from recommender.engine import Recommender
    from recommender.extractors.video.parts import Reading
    from recommender.films.clock import Clock
    from recommender.films.cues import MusicCue
    from recommender.films.rules import Rules
    from recommender.films.scenes import Film
    from recommender.films.shots import Border
    from recommender.types import Filter, Recommendation

CANDIDATES = 200
"""Tracks that each scene may choose from, as with `recommend film`."""
_FILMS, _CUTS, _SPARE = 4, 50, 40  # that are kept: films, ways to cut them, scenes beside those of the last film
_PICTURE_PX = 480
_SEEN_S = 1 / 8  # cuts are told to so much: a border as near to one as its frame may be is that cut
_LEAST_S = 1.0  # of a scene


@dataclass
class _Read:
    """A film that was read: some 10 kB for every second of it. exact: by when a cut was seen its first frame."""

    path: Path
    clock: "Clock"
    reading: "Reading"
    speech: "tuple[Stretch, ...]"
    borders: "list[Border]"
    exact: dict[float, float] = field(default_factory=dict)


_films: OrderedDict[Any, _Read] = OrderedDict()
_cut: OrderedDict[Any, "Film"] = OrderedDict()
_found: "OrderedDict[Any, list[Recommendation]]" = OrderedDict()


def score(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The scenes of a film, and music for all of them.

    arguments: `clip`, `library`: paths; `pictures`: a folder for pictures of scenes; `settings`: ranker,
    per_artist, taste and filters by their names; `edits`: count, starts, labels, silence, themes, locks, begins,
    recut (see `api.scores`).
    """
    from recommender.errors import InputError
    from recommender.films.score import compose_from

    settings, edits = dict(arguments["settings"]), arguments["edits"]
    taste = settings.pop("taste", True)
    asked = engine(arguments["library"], settings.pop("ranker", None), False, taste=taste)
    per_artist = settings.pop("per_artist", None)
    where = asked.settle(conditions(settings))
    if not asked.library.count("music"):
        raise InputError("the library holds no music: add some first")
    require_any(asked, where)
    read = keep_latest(_films, _key(arguments["clip"]), lambda: _read(Path(arguments["clip"]), tell), most=_FILMS)
    film = _edited(_scenes(asked, read, edits), edits)
    rules = _rules(edits, per_artist)
    rules.check(film.scenes)
    found = _candidates(asked, film, where, tell=tell)
    tell.stage("choosing music for all scenes together", 0, 1)
    made = compose_from(asked, film.scenes, found, rules=rules)
    cues = [_offer(cue, some, rules) for cue, some in zip(made, found, strict=True)]
    if made.short_of > 0:
        more = made.short_of / max(abs(made.total), made.short_of)
        line = (
            f"Another choice of tracks may be up to {more:.1%} better in all: that this one is the best is not proven."
        )
        film = replace(film, remarks=(*film.remarks, line))
    shots = _pictures(film, Path(arguments["pictures"]), tell)
    liked = taste_record(asked, arguments["library"], film.scenes[0].query, wanted=taste)
    return {"taste": liked} | score_record(film, cues, borders_s=[one.at_s for one in read.borders], pictures=shots)


def _key(clip: str) -> Any:
    from recommender.media.kept import state_of

    return clip, state_of(clip)


def _read(path: Path, tell: Tell) -> _Read:
    from recommender.extractors.audio.speech import speech_in
    from recommender.extractors.video import parts
    from recommender.films.clock import clock_of
    from recommender.films.shots import borders
    from recommender.media import probe

    verb, whole = "reading the film, seconds", max(1, round(probe(path).duration_s or 0))
    tell.stage(verb, 0, whole)
    reading = parts.read(path, lambda at_s: tell.stage(verb, min(whole, max(0, int(at_s))), whole))
    tell.stage("listening for speech", 0, 1)
    return _Read(path, clock_of(path), reading, speech_in(path), borders(reading))


def _scenes(asked: "Recommender", read: _Read, edits: Mapping[str, Any]) -> "Film":
    """The film cut where it changes, into so many scenes where a number is asked for, or where somebody says."""
    from recommender.films.scenes import SceneWish, cut_film

    count, starts = edits.get("count"), edits.get("starts")
    key = _key(str(read.path)), asked.model.space, count, tuple(starts or ())
    wish = SceneWish(count=count)

    def cut() -> "Film":
        if starts is not None:
            return _by_hand(asked, read, starts)
        return cut_film(asked, read.path, read.reading, wish=wish, speech=read.speech)

    return keep_latest(_cut, key, cut, most=_CUTS)


def _by_hand(asked: "Recommender", read: _Read, starts: Sequence[float]) -> "Film":
    from recommender.films.scenes import Film, scenes_between, spans_of
    from recommender.films.shots import Border
    from recommender.types import loss_of

    lasts_s = read.clock.lasts_s(read.reading.duration_s)
    borders = [Border(0.0, ""), *(_border(read, at) for at in starts)]
    _check(read, borders, lasts_s)
    spans = spans_of(borders, lasts_s)
    scenes = scenes_between(asked.model, read.reading, spans, speech=read.speech)
    cut_s = tuple(read.reading.cut_s.tolist())
    return Film(read.path, lasts_s, read.clock, tuple(scenes), cut_s, loss_of(read.reading.facts))


def _border(read: _Read, at_s: float) -> "Border":
    """A border that was set by hand, on a frame; where it is a cut of the film, on the first of the new shot."""
    from recommender.films.scenes import on_frames
    from recommender.films.shots import Border

    near = min(read.borders, key=lambda one: abs(one.at_s - at_s), default=None)
    if near is None or abs(near.at_s - at_s) > near.near_s + _SEEN_S:
        return Border(read.clock.snap(at_s), "set by hand")
    if abs(near.at_s - at_s) > 1e-3:
        return Border(read.clock.snap(at_s), near.kind)
    if near.at_s not in read.exact:
        read.exact[near.at_s] = on_frames(read.path, [near], read.clock)[0].at_s
    return Border(read.exact[near.at_s], near.kind)


def _check(read: _Read, borders: "Sequence[Border]", lasts_s: float) -> None:
    """Raise InputError for scenes that are none."""
    from recommender.errors import InputError

    at_s = [one.at_s for one in borders]
    for start, end in zip(at_s, [*at_s[1:], lasts_s], strict=True):
        if end - start < _LEAST_S - 1e-6:
            if end < lasts_s and start < lasts_s:
                raise InputError(f"scenes begin in order of time, {_LEAST_S:g} s apart: not so at {end:.2f} s")
            last = read.clock.timecode(lasts_s)
            raise InputError(f"a scene cannot begin at {start:.2f} s: the film ends at {last}, {_LEAST_S:g} s at least")


def _edited(film: "Film", edits: Mapping[str, Any]) -> "Film":
    """A film with what was said of its scenes: names, silences, beginnings. Raises InputError for scenes it has not."""
    from recommender.errors import InputError

    labels = {one["scene"]: one["label"] for one in edits.get("labels", ())}
    silent = set(edits.get("silence", ()))
    begins = {one["scene"]: one["in_s"] for one in edits.get("begins", ())}
    if beyond := [number for number in sorted({*labels, *silent, *begins}) if number > len(film.scenes)]:
        raise InputError(f"there is no scene {beyond[0]}: the film has {len(film.scenes)}")
    scenes = []
    for one in film.scenes:
        told: dict[str, Any] = {"label": labels.get(one.number) or None, "silent": one.number in silent}
        scenes.append(replace(one, **told, begins_s=begins.get(one.number)))
    return replace(film, scenes=tuple(scenes))


def _rules(edits: Mapping[str, Any], per_artist: int | None) -> "Rules":
    from recommender.films.rules import Rules

    return Rules(
        per_artist=per_artist,
        themes=tuple(tuple(sorted(theme)) for theme in edits.get("themes", ())),
        lock={one["scene"]: one["track"] for one in (*edits.get("locks", ()), *edits.get("begins", ()))},
        silence=frozenset(edits.get("silence", ())),
        short=0.0 if edits.get("recut") else Rules.short,
    )


def _candidates(
    asked: "Recommender", film: "Film", where: "Filter | None", *, tell: Tell
) -> "list[list[Recommendation]]":
    """What each scene may have, best first; found once for as long as library and scene stay the same."""
    found: list[list[Recommendation]] = []
    for scene in film.scenes:
        tell.stage("searching music for scenes", len(found), len(film.scenes))
        key = asked, repr(where), str(film.path), scene.start_s, scene.end_s

        def search(query: Any = scene.query) -> "list[Recommendation]":
            return asked.recommend(query, top=CANDIDATES, candidates=CANDIDATES, where=where)

        found.append(keep_latest(_found, key, search, most=len(film.scenes) + _SPARE))
    return found


def _offer(cue: "MusicCue", found: "Sequence[Recommendation]", rules: "Rules") -> "MusicCue":
    """A cue whose track was chosen by hand with the best of its scene beside it: its score knows no other."""
    if cue.chosen is None or cue.scene.number not in rules.lock:
        return cue
    chosen = cue.chosen.track.id
    others = [one for one in found if one.track.id != chosen]
    return replace(cue, alternatives=others[: rules.alternatives])


def _pictures(film: "Film", folder: Path, tell: Tell) -> list[int]:
    """Of each scene the time of its picture in ms, which lies in `folder` under that name."""
    from recommender.atomic import write
    from recommender.films.pictures import jpeg, middle_of, pictures_at

    middles = [round(1000 * middle_of(film, scene)) for scene in film.scenes]
    folder.mkdir(exist_ok=True)
    missing = [at for at in dict.fromkeys(middles) if not (folder / f"{at}.jpg").exists()]
    pictures = pictures_at(film.path, [at / 1000 for at in missing], side=_PICTURE_PX) if missing else ()
    for done, (at, picture) in enumerate(zip(missing, pictures, strict=True)):
        tell.stage("taking pictures of scenes", done, len(missing))
        if picture is not None:
            write(folder / f"{at}.jpg", jpeg(picture))
    return middles
