"""Recommendations, tracks and failures as flat-keyed, JSON-ready records: what fixes names, units and rounding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recommender.affect.words import emotion, emotions, mood
from recommender.conditions import TAGS, VOICE
from recommender.editing.placement import Fit, Placement, Stretch
from recommender.types import Affect, Cue, Emotions, Loss, Moment, Reason, Recommendation, Track


@dataclass(frozen=True)
class Answer:
    """What came of one query: its recommendations, or the one-line error that took their place.

    Attributes
    ----------
    query: its name. recommendations: best first. error: one line, of a query that failed.
    affect, emotions, cues: of the query, and why it was read so. duration_s: its length; 0 or None: one window.
    versions: whether a table names every other file of a recording, not only the first.
    still: whether the query is of pictures that do not move.
    figures: whether table and CSV give the measured values behind the reasons.
    several: whether it is one of several that were asked for.
    loss: what of the query's file could not be read. speech: where somebody speaks in its clip.
    clips: files of a query by clip, in the order in which they are shown. picture_s: how long each picture is shown.
    course: how the affect of a clip moves, in seconds of it; () where it is not known.
    """

    query: str
    recommendations: list[Recommendation] = field(default_factory=list)
    error: str | None = None
    affect: Affect | None = None
    duration_s: float | None = None
    emotions: Emotions | None = None
    versions: bool = False
    still: bool = False
    figures: bool = False
    cues: Sequence[Cue] = ()
    several: bool = False
    loss: Loss | None = None
    speech: Sequence[Stretch] = ()
    clips: Sequence[Path] = ()
    picture_s: float | None = None
    course: Sequence[Moment] = ()


def record(r: Recommendation) -> dict[str, Any]:
    """The record of a recommendation; keys are stable, times in seconds, affect in [-1, 1]."""
    return {
        "rank": r.rank,
        "score": round(r.score, 6),
        "fits": r.fits,
        "path": r.track.path,
        "title": r.track.title,
        "artist": r.track.artist,
        "in_s": round(r.in_s, 3),
        "out_s": round(r.out_s, 3),
        "duration_s": _round(r.track.duration_s, 3),
        **tempo_and_key(r.track),
        **voice(r.track),
        **tags(r.track),
        "query_affect": affect_record(r.affect.query),
        "section_affect": affect_record(r.affect.section),
        "query_cues": [_cue(cue) for cue in r.cues],
        "query_speech": [[round(start_s, 3), round(end_s, 3)] for start_s, end_s in r.speech],
        "query_emotions": _shares(r.emotions.query),
        "section_emotions": _shares(r.emotions.section),
        "reasons": [_reason(why) for why in r.reasons],
        "copies": list(r.track.copies),
        "versions": list(r.track.versions),
        "also_in": list(r.track.also_in),
        "contains": list(r.track.contains),
        **loss_record(r.track.loss),
        **{f"query_{name}": value for name, value in loss_record(r.loss).items()},
        **_delivered(r),
    }


def _delivered(r: Recommendation) -> dict[str, Any]:
    """What was made of a recommendation; nothing where nothing was asked for."""
    made = {} if r.placement is None else {"placement": placement_record(r.placement)}
    made |= {} if r.fit is None else {"fit": fit_record(r.fit)}
    made |= {} if r.unfit is None else {"fit": {"refused": r.unfit}}
    return made if r.preview is None else made | {"preview": r.preview}


def fit_record(fit: Fit) -> dict[str, Any]:
    """Recut music, times in seconds of the track but `at_s`, of the music; costs in random jumps."""
    return {
        "pieces": [{name: round(value, 6) for name, value in piece._asdict().items()} for piece in fit.pieces],
        "joints": [{name: round(value, 6) for name, value in joint._asdict().items()} for joint in fit.joints],
        "cost": round(fit.cost, 4),
        "error_s": round(fit.error_s, 6),
        "fade_in_s": round(fit.fade_in_s, 3),
        "fade_out_s": round(fit.fade_out_s, 3),
        "peak_s": _round(fit.peak_s, 3),
    }


def placement_record(p: Placement) -> dict[str, Any]:
    """A placement, times in seconds: of the track in `pieces`, of the clip elsewhere; gains in dB."""
    return {
        "clip": str(p.clip),
        "clip_s": round(p.clip_s, 6),
        "track": str(p.track),
        "pieces": [{name: round(value, 6) for name, value in piece._asdict().items()} for piece in p.pieces],
        "at_s": round(p.at_s, 6),
        "gain_db": round(p.gain_db, 3),
        "fade_in_s": round(p.fade_in_s, 3),
        "fade_out_s": round(p.fade_out_s, 3),
        "ducks": [{"at_s": round(at_s, 6), "gain_db": round(gain_db, 3)} for at_s, gain_db in p.ducks],
        "clip_gain_db": None if p.clip_gain_db is None else round(p.clip_gain_db, 3),
        "peak_dbtp": p.peak_dbtp,
    }


TRACK_COLUMNS = ("path", "title", "artist", "duration_s", "bpm", "key", "voice", "valence", "arousal", "mood", *TAGS)
FAILURE_COLUMNS = ("path", "reason", "at")
"""What tables and CSV show of tracks and failures."""

_KINDS = {"music": "music", "video": "clip"}


def track_record(t: Track) -> dict[str, Any]:
    """A track of a library as a record with stable keys."""
    affect = affect_record(t.affect) or {}
    return {
        "path": t.path,
        "kind": _KINDS[t.modality],
        "title": t.title,
        "artist": t.artist,
        "duration_s": _round(t.duration_s, 3),
        **tempo_and_key(t),
        **voice(t),
        **tags(t),
        **{name: affect.get(name) for name in ("valence", "arousal", "emotion", "mood")},
        "also_in": list(t.also_in),
        "contains": list(t.contains),
        **loss_record(t.loss),
    }


def loss_record(loss: Loss | None) -> dict[str, Any]:
    """What of a file could be read, of how much, and what was passed over; None where all could."""
    return {name: None if loss is None else _round(getattr(loss, name), 3) for name in Loss._fields}


def failure_record(f: Any) -> dict[str, Any]:
    """A remembered failure as a record: what, why and when."""
    return {"path": f.path, "kind": _KINDS[f.modality], "reason": f.reason, "at": f.at}


def tempo_and_key(t: Track) -> dict[str, Any]:
    """Tempo and key as stated, how surely (0 to 1), and the next likely level of the tempo; None where not told."""
    return {
        "bpm": _round(t.bpm, 1),
        "bpm_alternative": _round(t.bpm_alternative, 1),
        "bpm_confidence": _round(t.bpm_confidence, 2),
        "key": t.key,
        "key_confidence": _round(t.key_confidence, 2),
    }


def voice(t: Track) -> dict[str, Any]:
    """How likely somebody sings or speaks in a track, and how likely that is right; None where nobody listened."""
    return {name: _round(getattr(t, name), 2) for name in VOICE}


def tags(t: Track) -> dict[str, Any]:
    """What filters read of the tags of the track's file; None where not told."""
    return {name: getattr(t, name) for name in TAGS}


def _reason(why: Reason) -> dict[str, Any]:
    numbers = {"value": _significant(why.value), "median": _significant(why.median), "change": round(why.change, 6)}
    return vars(why) | numbers


def _cue(cue: Cue) -> dict[str, Any]:
    """A cue: what it moved valence and arousal by, and the names of what is seen with their shares."""
    moved = {"valence": round(cue.valence, 4), "arousal": round(cue.arousal, 4)}
    return vars(cue) | moved | {"value": _significant(cue.value), "seen": _shares(cue.seen)}


def verdict(reasons: Sequence[Reason]) -> str:
    """What speaks for a track and what against, `fits: slow, soft attacks · against: minor`; empty without reasons."""
    sides = {"fits": [why for why in reasons if why.change > 0], "against": [why for why in reasons if why.change < 0]}
    return " · ".join(f"{side}: {', '.join(why.words for why in told)}" for side, told in sides.items() if told)


def affect_record(affect: Affect | None) -> dict[str, Any] | None:
    """Valence, arousal, their SDs, the likeliest of the five emotions with all probabilities, and the mood."""
    if affect is None:
        return None
    numbers: dict[str, Any] = {name: round(value, 4) for name, value in affect._asdict().items()}
    return numbers | {"emotion": emotion(affect), "emotions": _shares(emotions(affect)), "mood": mood(affect)}


def _shares(shares: Mapping[str, float] | None) -> dict[str, float] | None:
    return None if shares is None else {name: round(p, 4) for name, p in shares.items()}


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _significant(value: float) -> float:
    return float(f"{value:.6g}")
