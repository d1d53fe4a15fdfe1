"""How a track lies under a clip, as previews and exports share it: what is heard is what is taken home."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webapp.tasks import Tell
from webapp.tasks.limits import LEVELS
from webapp.tasks.opened import library

if TYPE_CHECKING:
    from recommender.editing.placement import Fit, Placement, Stretch
    from recommender.extractors.audio.beats import Beats
    from recommender.fitting.fit import Wish


def lay(clip: Path, track: Path, settings: Mapping[str, Any], *, tell: Tell) -> "tuple[Placement, Fit | None]":
    """A track under a clip, cut to a length where that is asked for.

    settings: in_s, fit ("clip" or seconds), ending, hit, and the names of `LEVELS`; for the beats the library's folder
    as `library` and the track's id as `track`.
    """
    from recommender.editing.export import slide_to_frames
    from recommender.editing.placing import Levels, clip_length, fit_levels, place
    from recommender.media import probe

    asked = {**LEVELS, **{name: value for name, value in settings.items() if name in LEVELS}}
    loud = asked["speech_lu"], asked["lufs"], asked["peak"]
    levels = Levels(*loud, asked["fade_in"], asked["fade_out"], not asked["mute_clip"])
    clip_s, in_s = clip_length(clip), settings.get("in_s", 0.0)
    whole = max(1, round(clip_s))
    fit = _fit(clip_s, track, settings, tell)
    laid: dict[str, Any] = {"in_s": in_s} if fit is None else {"pieces": fit.pieces}
    placement = place(
        clip,
        track,
        levels=levels if fit is None else fit_levels(fit, levels),
        speech=_speech(clip) if levels.own_sound else (),
        on_second=lambda at_s: tell.stage("measuring, seconds", min(whole, int(at_s)), whole),
        **laid,
    )
    slides = fit is None and not probe(clip).still
    return (slide_to_frames(placement) if slides else placement), fit


def _fit(clip_s: float, track: Path, settings: Mapping[str, Any], tell: Tell) -> "Fit | None":
    wish = _wish(clip_s, settings)
    if wish is None:
        return None
    from recommender.fitting.fit import fit_file

    tell.stage("cutting to length", 0, 1)
    return fit_file(track, wish, find_kept_beats(settings))


def find_kept_beats(settings: Mapping[str, Any]) -> "Beats | None":
    """The beats of a track as its library has them; None where they are to be found anew."""
    from indexing.beats import beats_or_none

    return beats_or_none(library(settings["library"]), settings["track"])


def _wish(clip_s: float, settings: Mapping[str, Any]) -> "Wish | None":
    if settings.get("fit") is None:
        return None
    from recommender.editing.placement import Stretch
    from recommender.errors import InputError
    from recommender.fitting.fit import Wish

    length_s = clip_s if settings["fit"] == "clip" else float(settings["fit"])
    if length_s > clip_s + 1e-6:
        raise InputError(f"{length_s:g} s of music do not fit under a clip of {clip_s:.1f} s")
    in_s = settings.get("in_s", 0.0)
    return Wish(length_s, Stretch(in_s, in_s + clip_s), settings.get("ending", "free"), settings.get("hit"))


def _speech(clip: Path) -> "tuple[Stretch, ...]":
    from recommender.media.kept import state_of

    return _speech_of(clip, state_of(clip))


@lru_cache(50)
def _speech_of(clip: Path, _state: object) -> "tuple[Stretch, ...]":
    from recommender.extractors.audio.speech import speech_in

    return speech_in(clip)
