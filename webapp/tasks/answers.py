"""Answers: the tracks of a library that fit a clip, with all that the page shows of them."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webapp.tasks import Tell
from webapp.tasks.opened import engine, keep_latest
from webapp.tasks.tastes import taste_record

if TYPE_CHECKING:
    from recommender.engine import Recommender
    from recommender.outputs.records import Answer
    from recommender.query import Query
    from recommender.types import Filter, Moment, Recommendation

_QUERIES = 50
_queries: "OrderedDict[tuple[Any, ...], Query]" = OrderedDict()


def warm(arguments: dict[str, Any], tell: Tell) -> None:
    """Load ahead what the first answer needs, of the library in `folder`, if any."""
    import recommender.extractors.audio.speech
    import recommender.media  # noqa: F401

    if arguments["folder"] is not None:
        engine(arguments["folder"], None, False)


def answer(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The best tracks for a clip.

    arguments: `clip` and `library`, paths; `settings`: top, per_artist, ranker, calibrate, taste, like (a
    track's id), like_weight, and filters by their names.
    """
    from recommender.outputs.records import affect_record, loss_record, record
    from recommender.outputs.table import remarks, sentence

    settings = dict(arguments["settings"])
    taste = settings.pop("taste", True)
    asked = engine(arguments["library"], settings.pop("ranker", None), settings.pop("calibrate", False), taste=taste)
    top, per_artist = settings.pop("top", 10), settings.pop("per_artist", None)
    tell.stage("looking and listening to the clip", 0, 1)
    q = _blended(asked, Path(arguments["clip"]), settings)
    where = asked.settle(conditions(settings))
    require_any(asked, where)
    found = asked.recommend(q, top, where=where, per_artist=per_artist)
    told = _answer(arguments["clip"], q, found)
    return {
        "generation": getattr(asked.library, "generation", 0),
        "query": {
            "affect": affect_record(q.affect),
            "sentence": "" if q.affect is None else sentence(q.affect),
            "because": ", ".join(cue.text for cue in q.cues),
            "cues": [cue.text for cue in q.cues],
            "emotions": None if q.emotions is None else dict(q.emotions),
            "speech": [[round(start_s, 3), round(end_s, 3)] for start_s, end_s in q.speech],
            "duration_s": round(q.duration_s, 3),
            "still": q.still,
            "course": _course(told.course),
            **loss_record(q.loss),
        },
        "recommendations": [_shown(r, record(r)) for r in found],
        "taste": taste_record(asked, arguments["library"], q, wanted=taste),
        "remarks": remarks(told) + ([asked.scale.sentence()] if asked.scale else []),
    }


def _answer(name: str, q: "Query", found: "list[Recommendation]") -> "Answer":
    from recommender.outputs.records import Answer

    course = () if q.course is None else q.course.moments
    told: dict[str, Any] = {"still": q.still, "cues": q.cues, "loss": q.loss, "speech": q.speech, "course": course}
    return Answer(name, found, None, q.affect, q.duration_s, q.emotions, **told)


def _shown(r: "Recommendation", told: dict[str, Any]) -> dict[str, Any]:
    """A recommendation as the page shows it."""
    from recommender.affect.words import mood
    from recommender.outputs.table import tempo

    return told | {
        "track": r.track.id,
        "course": _course(r.course),
        "for": [why.words for why in r.reasons if why.change > 0],
        "against": [why.words for why in r.reasons if why.change < 0],
        "mood": None if r.affect.section is None else mood(r.affect.section),
        "tempo": None if r.track.bpm is None else tempo(r.track).strip(),
    }


def _course(moments: "Sequence[Moment]") -> list[dict[str, float]]:
    return [
        {"start_s": round(m.start_s, 3), "end_s": round(m.end_s, 3)}
        | {name: round(value, 4) for name, value in m.affect._asdict().items()}
        for m in moments
    ]


def _blended(asked: "Recommender", clip: Path, settings: dict[str, Any]) -> "Query":
    """The query of a clip, pulled towards a reference track where one is given."""
    from recommender.query import blend

    like, weight = settings.pop("like", None), settings.pop("like_weight", 0.5)
    q = _once(asked, "clip", clip, asked.clip)
    if like is None:
        return q
    track = Path(asked.library.tracks_of([like])[0].path)
    return blend([q, _once(asked, "like", track, asked.like)], [1 - weight, weight])


def _once(asked: "Recommender", kind: str, path: Path, make: "Callable[[Path], Query]") -> "Query":
    """What a file is as a query, computed once for as long as file and model stay the same."""
    from recommender.media.kept import state_of

    key = asked.model.space, asked.scale is None, kind, path, state_of(path)
    return keep_latest(_queries, key, lambda: make(path), most=_QUERIES)


def conditions(settings: dict[str, Any]) -> "Filter | None":
    from recommender.conditions import filter_of

    return filter_of({name: value for name, value in settings.items() if value not in (None, [], False)}) or None


def require_any(asked: "Recommender", where: "Filter | None") -> None:
    """Raise InputError that says which conditions left how many tracks, where none meets all."""
    if where and asked.library.count("music") and not asked.library.count("music", where):
        from recommender.errors import InputError
        from recommender.filters import unmet

        raise InputError(*unmet(asked.library, "music", where).args)
