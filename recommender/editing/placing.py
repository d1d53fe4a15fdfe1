"""Lay a track under a clip: which part of it, how loud, how it begins and ends, where it goes down under speech.

Everything is measured by EBU R 128 and set by one gain for the whole music, so that its own dynamics stay:

- While somebody speaks, the music lies `Levels.speech_lu` below the speech, in pauses `PAUSE_LU` below it. The clip's
  own sound stays as loud as it is.
- Where nobody does, clip and music together have the loudness `Levels.lufs`. The clip's own sound is turned down where
  it would come nearer than `OWN_LU` to the music, and never turned up.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.editing.loudness import HOP_S, Meter, programme_lufs
from recommender.editing.mix import OnSecond, ceiling, mix, music_blocks, own_blocks, section_blocks
from recommender.editing.placement import Fit, Placement, Stretch, duck_under
from recommender.errors import InputError, MediaError, PassingError
from recommender.logs import getLogger
from recommender.media import probe
from recommender.media.kept import State, state_of
from recommender.media.remux import pictures_of
from recommender.media.stereo import RATE_HZ
from recommender.text import show
from recommender.types import Array

STILL_S = 10.0
"""How long a picture is shown: as long as the window of music that is looked for."""
PAUSE_LU, OWN_LU = 6.0, 6.0
"""How far the music is below speech in its pauses, and what sounds of the clip are below music that leads."""
FADE_IN_S, FADE_OUT_S, CLICK_S = 0.3, 1.5, 0.02
"""Fades where the track is cut; where it begins or ends by itself, only what keeps it from clicking."""
_ITSELF_S = 0.05  # so near to the beginning or end of a track it begins or ends by itself
_MOST_DB = 30.0  # what a gain turns up at most: below, there is nothing to be heard but noise
REHEARSALS, CLOSE_LU = 4, 0.15
_BETWEEN_DB = 2.0  # peaks between samples that are allowed for before a mix is rehearsed
_CLIPS = 8  # whose measures are kept
_log = getLogger(__name__)


@dataclass(frozen=True)
class Levels:
    """How loud a mix is, and how it begins and ends.

    Attributes
    ----------
    speech_lu: how far the music is below the speech while somebody speaks (12 to 20). lufs: integrated loudness of the
        mix where nobody does (-16 on the web, -14 for music services, -23 in European broadcast).
    peak_dbtp: the highest true peak.
    fade_in_s, fade_out_s: None for what suits the place where the track is cut.
    own_sound: whether the clip's own sound is heard.
    """

    speech_lu: float = 15.0
    lufs: float = -16.0
    peak_dbtp: float = -1.0
    fade_in_s: float | None = None
    fade_out_s: float | None = None
    own_sound: bool = True


class Measured(NamedTuple):
    """What a meter says of every tenth of a second: powers and peaks, float64 [n]; and how many samples there were."""

    powers: Array
    peaks: Array
    samples: int


def place(
    clip: Path,
    track: Path,
    *,
    in_s: float = 0.0,
    out_s: float | None = None,
    speech: Sequence[Stretch] = (),
    pieces: tuple[Stretch, ...] | None = None,
    levels: Levels | None = None,
    on_second: OnSecond | None = None,
) -> Placement:
    """A track under a clip from the clip's first picture on.

    Parameters
    ----------
    clip: film, animation or still. track: a piece of music. in_s, out_s: the section of it; by default until the clip
        ends. speech: where somebody speaks in the clip, in seconds of it. pieces: stretches of the track that follow
        each other, instead of one section. levels: by default those of the web. on_second: told how many seconds
        are measured, of the clip's sound, of the track's, then of their mix as often as it is needed.

    Raises MediaError for a file that cannot be read, InputError where the track ends before `in_s`.
    """
    levels = levels or Levels()
    shown, clip_s = pictures_of(clip), clip_length(clip)
    own = measure_own(clip, shown.start_s, clip_s, on_second=on_second) if levels.own_sound else None
    if pieces is None:
        wanted_s = clip_s if out_s is None else min(clip_s, out_s - in_s)
        pieces, music, ends = _one_piece(track, in_s, wanted_s, on_second)
        begins = in_s < _ITSELF_S
    else:
        music = measure(music_blocks(Placement(clip, clip_s, track, pieces), gains=False), on_second)
        length_s = probe(track).duration_s
        begins, ends = pieces[0].start_s < _ITSELF_S, length_s is not None and pieces[-1].end_s > length_s - _ITSELF_S
    bare = Placement(clip, clip_s, track, pieces, clip_gain_db=None if own is None else 0.0, peak_dbtp=levels.peak_dbtp)
    fading = _fade(bare, levels, begins=begins, ends=ends)
    placed, lost = set_levels(fading, levels, speech=speech, music=music, own=own)
    return _rehearse(placed, levels.lufs, shown.start_s, on_second) if lost > CLOSE_LU else placed


def set_levels(
    placement: Placement, levels: Levels, *, speech: Sequence[Stretch], music: Measured, own: Measured | None
) -> tuple[Placement, float]:
    """The placement with its gains and ducks, and by how much the limiter may take its loudness below what is asked.

    music, own: measures of its pieces, and of the clip's own sound; None where that is not heard.
    """
    spoken = _spoken(speech, own)
    if own is not None and spoken.any():
        return _under_speech(placement, levels, speech, music, own.powers, spoken), 0.0
    return _leading(placement, levels, music, own)


def fit_levels(fit: Fit, levels: Levels) -> Levels:
    """Levels with the fades of fitted music, where none are asked for."""
    into = fit.fade_in_s if levels.fade_in_s is None else levels.fade_in_s
    out = fit.fade_out_s if levels.fade_out_s is None else levels.fade_out_s
    return replace(levels, fade_in_s=into, fade_out_s=out)


def clip_length(clip: Path) -> float:
    """How long a clip is shown: from its first picture to its last; `STILL_S` of a still."""
    shown = pictures_of(clip)
    return STILL_S if probe(clip).still else shown.end_s - shown.start_s


def remarks(placement: Placement) -> list[str]:
    """What is to be known of a placement, a line each."""
    silence_s = placement.clip_s - placement.at_s - placement.duration_s
    if silence_s < 2 * HOP_S:
        return []
    return [f"the track ends {silence_s:.1f} s before the clip does: silence follows it"]


def _one_piece(
    track: Path, in_s: float, wanted_s: float, on_second: OnSecond | None
) -> tuple[tuple[Stretch, ...], Measured, bool]:
    """The section from `in_s` on, as long as wanted or as there is, its measure, and whether the track ends there."""
    wanted = round(wanted_s * RATE_HZ)
    music = measure(section_blocks(track, round(in_s * RATE_HZ), max(wanted, 0)), on_second)
    if not music.samples:
        raise InputError(f"{show(track)} has nothing to play from {in_s:g} s on: begin earlier")
    ends = music.samples < wanted
    return (Stretch(in_s, in_s + (music.samples / RATE_HZ if ends else wanted_s)),), music, ends


def measure(blocks: Iterable[Array], on_second: OnSecond | None = None) -> Measured:
    """What a meter says of blocks float32 [2, n]."""
    meter, count = Meter(), 0
    for block in blocks:
        meter.feed(block)
        count += block.shape[1]
        if on_second is not None:
            on_second(count / RATE_HZ)
    if short := -count % round(HOP_S * RATE_HZ):
        meter.feed(np.zeros((2, short), np.float32))
    return Measured(meter.powers, meter.peaks, count)


def measure_own(clip: Path, zero_s: float, clip_s: float, *, on_second: OnSecond | None = None) -> Measured | None:
    """The measure of a clip's own sound from its first picture to its last; None where nothing is to be heard."""
    if not probe(clip).has_audio:
        return None
    try:
        found = _measured_clip(clip, zero_s, clip_s, on_second)
    except PassingError:
        raise
    except MediaError as error:
        _log.warning("%s: its sound is left out: %s", show(clip), error)
        return None
    return found if found.peaks.any() else None


_measured: dict[tuple[Path, float, float, State], Measured] = {}


def _measured_clip(clip: Path, zero_s: float, clip_s: float, on_second: OnSecond | None) -> Measured:
    """Measured once for all tracks, until the file is another."""
    key = clip, zero_s, clip_s, state_of(clip)
    if key not in _measured:
        if len(_measured) == _CLIPS:
            del _measured[next(iter(_measured))]
        _measured[key] = measure(own_blocks(clip, zero_s, round(clip_s * RATE_HZ)), on_second)
    return _measured[key]


def _fade(placement: Placement, levels: Levels, *, begins: bool, ends: bool) -> Placement:
    """With its fades: those asked for, else short ones where the track begins or ends by itself."""
    most = placement.duration_s / 3
    into = levels.fade_in_s if levels.fade_in_s is not None else CLICK_S if begins else FADE_IN_S
    out = levels.fade_out_s if levels.fade_out_s is not None else CLICK_S if ends else FADE_OUT_S
    return replace(placement, fade_in_s=min(into, most), fade_out_s=min(out, most))


def _spoken(speech: Sequence[Stretch], own: Measured | None) -> Array:
    """bool [n]: the tenths of a second of the clip in which somebody speaks all the time."""
    at = np.arange(0 if own is None else len(own.powers)) * HOP_S
    inside = [(at >= start - 1e-6) & (at + HOP_S <= end + 1e-6) for start, end in speech]
    return np.any([np.zeros(len(at), bool), *inside], axis=0)


def _under_speech(
    placement: Placement, levels: Levels, speech: Sequence[Stretch], music: Measured, own: Array, spoken: Array
) -> Placement:
    """With the gain and the ducks that keep the music below the speech."""
    depth = max(0.0, levels.speech_lu - PAUSE_LU)
    ducked = replace(placement, ducks=duck_under(speech, depth))
    voice = programme_lufs(own, spoken)
    laid = _laid_powers(ducked, music, len(own))
    spoken = np.pad(spoken, (0, len(laid) - len(spoken)))
    under = programme_lufs(laid, spoken)
    if under == -np.inf:
        under = programme_lufs(laid)
    return replace(ducked, gain_db=bound_gain(voice - levels.speech_lu - under))


def _leading(placement: Placement, levels: Levels, music: Measured, own: Measured | None) -> tuple[Placement, float]:
    """With the gains that bring clip and music together to the loudness asked for; what the limiter may take of it."""
    powers = np.zeros(1) if own is None else own.powers
    laid = _laid_powers(placement, music, len(powers))
    powers = np.pad(powers, (0, len(laid) - len(powers)))
    most_own = levels.lufs - OWN_LU - 10 * np.log10(1 + 10 ** (-OWN_LU / 10))
    own_db = min(0.0, float(most_own - programme_lufs(powers))) if own is not None else None
    powers = powers * (0.0 if own_db is None else 10 ** (own_db / 10))
    gain_db = _solve(lambda gain: programme_lufs(powers + laid * 10 ** (gain / 10)), levels.lufs)
    placed = replace(placement, gain_db=gain_db, clip_gain_db=own_db)
    return placed, levels.lufs - _least_lufs(placed, music, own)


def _solve(loudness: Callable[[float], float], wanted: float) -> float:
    """The gain in dB whose loudness is what is wanted, by halving: more gain is never less loud."""
    low, high = -100.0, _MOST_DB
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if loudness(middle) < wanted else (low, middle)
    return high


def _rehearse(placement: Placement, lufs: float, zero_s: float, on_second: OnSecond | None) -> Placement:
    """With the gain that gives this loudness behind the limiter, which takes some of it."""
    for _ in range(REHEARSALS):
        heard = mix(placement, zero_s)
        loudness = programme_lufs(measure(heard.blocks, on_second).powers)
        if abs(loudness - lufs) < CLOSE_LU or loudness == -np.inf:
            break
        placement = replace(placement, gain_db=bound_gain(placement.gain_db + lufs - loudness))
    return placement


def _least_lufs(placement: Placement, music: Measured, own: Measured | None) -> float:
    """The least loudness that the limiter can leave, were it to turn down every tenth of a second by its peak."""
    length = 0 if own is None else len(own.powers)
    powers, peaks = _laid_powers(placement, music, length), _laid_peaks(placement, music, length)
    if own is not None and placement.clip_gain_db is not None:
        gain = 10 ** (placement.clip_gain_db / 20)
        powers[: len(own.powers)] += own.powers * gain**2
        peaks[: len(own.peaks)] += own.peaks * gain
    turned_down = np.minimum(1, ceiling(placement) / np.maximum(peaks * 10 ** (_BETWEEN_DB / 20), 1e-9))
    return programme_lufs(powers * turned_down**2)


def _laid_powers(placement: Placement, music: Measured, at_least: int) -> Array:
    """float64 [n]: powers of the music as it lies on the clip's tenths of a second, with fades, ducks and gain."""
    powers = _shift(placement, music.powers, at_least)
    return powers * _squares(placement, len(powers)).mean(axis=1)


def _laid_peaks(placement: Placement, music: Measured, at_least: int) -> Array:
    """float64 [n]: its peaks, likewise."""
    peaks = _shift(placement, music.peaks, at_least)
    return peaks * np.sqrt(_squares(placement, len(peaks)).max(axis=1))


def _shift(placement: Placement, values: Array, at_least: int) -> Array:
    first = round(placement.at_s / HOP_S)
    return np.pad(values, (first, max(0, at_least - first - len(values))))


def _squares(placement: Placement, hops: int) -> Array:
    """float64 [hops, 10]: the square of what the music is multiplied by, ten times in every tenth of a second."""
    fine = (np.arange(hops * 10) + 0.5) * HOP_S / 10
    return (placement.amplitude(fine) ** 2).reshape(-1, 10)


def bound_gain(gain_db: float) -> float:
    return float(min(gain_db, _MOST_DB))
