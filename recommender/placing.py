"""Lay a track under a clip: which part of it, how loud, how it begins and ends, where it goes down under speech."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recommender.errors import InputError
from recommender.media import probe
from recommender.placement import Placement, Stretch, duck_under
from recommender.text import show

STILL_S = 10.0
"""How long a picture is shown: as long as the window of music that is looked for."""
PAUSE_LU = 6.0
"""How far the music is below the speech in its pauses."""
FADE_IN_S, FADE_OUT_S, CLICK_S = 0.3, 1.5, 0.02
"""Fades where the track is cut; where it begins or ends by itself, only what keeps it from clicking."""


@dataclass(frozen=True)
class Levels:
    """How loud a mix is.

    Attributes
    ----------
    speech_lu: how far the music is below the speech while somebody speaks (12 to 20). lufs: integrated loudness of the
        mix where nobody does (-16 on the web, -14 for music services, -23 in European broadcast).
    peak_dbtp: the highest true peak.
    """

    speech_lu: float = 15.0
    lufs: float = -16.0
    peak_dbtp: float = -1.0


def place(
    clip: Path,
    track: Path,
    *,
    in_s: float,
    out_s: float | None = None,
    speech: Sequence[Stretch] = (),
    pieces: tuple[Stretch, ...] | None = None,
    levels: Levels | None = None,
) -> Placement:
    """A track under a clip from the clip's beginning on.

    Parameters
    ----------
    clip: film, animation or still. track: a piece of music. in_s, out_s: the section of it; by default until the clip
        ends. speech: where somebody speaks in the clip, in seconds of it. pieces: stretches of the track that follow
        each other, instead of one section. levels: by default those of the web.

    Raises MediaError for a file that cannot be read, InputError where the track ends before `in_s`.
    """
    levels = levels or Levels()
    clip_s = probe(clip).duration_s or STILL_S
    length_s = probe(track).duration_s
    if length_s is not None and in_s >= length_s:
        raise InputError(f"{show(track)} is {length_s:.1f} s long: it has nothing to play from {in_s:g} s on")
    end_s = min(in_s + clip_s, out_s if out_s is not None else in_s + clip_s, length_s or in_s + clip_s)
    pieces = pieces or (Stretch(in_s, end_s),)
    ducks = duck_under(speech, max(0.0, levels.speech_lu - PAUSE_LU))
    fades = (FADE_IN_S, FADE_OUT_S)
    return Placement(clip, clip_s, track, pieces, 0.0, 0.0, *fades, ducks, 0.0, levels.peak_dbtp)
