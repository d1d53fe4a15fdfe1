"""The timeline of a clip or a film, of what is laid under it, and of what beats, cuts and scenes there are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from recommender.editing.placement import Bed, Placement, lay_times
from recommender.extractors.audio.beats import Beats
from recommender.media.footage import footage, sound_of
from recommender.text import show
from recommender.timelines.timecode import first_frame, frame_at
from recommender.timelines.timeline import Mark, Music, Timeline, frames_of, parts_of


def build(
    clip: Path,
    placements: Sequence[Placement],
    *,
    name: str | None = None,
    titles: Mapping[Path, str] | None = None,
    marks: Iterable[Mark] = (),
) -> Timeline:
    """The timeline of `clip` with the first of `placements` and, as alternatives, the others.

    Parameters
    ----------
    name: what the timeline is called, by default as the clip's file. titles: of tracks by path, by
        default the names of their files. marks: as of `beats_on` and `cuts_on`.

    Raises
    ------
    MediaError: a file cannot be read. InputError: the clip is a still.
    """
    seen = footage(clip)
    music = []
    for placed in placements:
        sound = sound_of(placed.track)
        title = (titles or {}).get(placed.track) or placed.track.stem
        music.append(Music(placed, title, sound, parts_of(placed, seen, sound), frames_of(sound, seen.rate)))
    start, drop = first_frame(seen.timecode, seen.rate)
    ordered = tuple(sorted(mark for mark in marks if 0 <= mark.at_s < seen.frames / seen.rate))
    own_db = placements[0].clip_gain_db if placements and seen.sound else None
    return Timeline(name or clip.stem, clip, seen, tuple(music), ordered, start, drop, own_db)


def build_film(
    bed: Bed, *, name: str | None = None, titles: Mapping[Path, str] | None = None, marks: Iterable[Mark] = ()
) -> Timeline:
    """The timeline of a film with all its music on two tracks by turns, so that neighbours can lie over each other.

    It begins at the film's own timecode.

    The rest is as for `build`.
    """
    made = build(bed.clip, bed.placements, name=name, titles=titles, marks=marks)
    own = bed.own if made.footage.sound else None
    lanes = tuple(number % 2 for number in range(len(made.music)))
    own_db = own[0].gain_db if own else None
    return replace(made, own_db=own_db, own=own if own and len(own) > 1 else (), lanes=lanes, origin=made.start)


def scenes_on(scenes: Iterable[tuple[float, str]]) -> list[Mark]:
    """The scenes of a film, told as second of the film and name."""
    return [Mark(at_s, "scene", name) for at_s, name in scenes]


def beats_on(placement: Placement, beats: Beats) -> list[Mark]:
    """The beats of a track where they fall on the clip, piece by piece; bars are counted from the music's beginning."""
    which, at_s = lay_times(beats.times_s, placement.pieces, placement.at_s)
    down = beats.down[which]
    told = zip(at_s.tolist(), down.tolist(), down.cumsum().tolist(), strict=True)
    return [Mark(at, "downbeat", f"bar {bar}") if begins else Mark(at, "beat", "beat") for at, begins, bar in told]


def cuts_on(times_s: Iterable[float]) -> list[Mark]:
    """The cuts of a clip, numbered."""
    return [Mark(at_s, "cut", f"cut {number}") for number, at_s in enumerate(times_s, 1)]


def remarks(timeline: Timeline) -> list[str]:
    """What of a clip or a track should be known to whoever opens the timeline, a line each."""
    found, rate = [], timeline.footage
    if rate.is_variable:
        found.append(
            f"{show(timeline.clip)} has a variable frame rate, which programs count in ways of their own: it is "
            f"taken for {float(timeline.rate):.6g} frames per second; convert it to a constant rate for exact places"
        )
    if rate.timecode and frame_at(rate.timecode, timeline.rate) is None:
        found.append(f"{show(timeline.clip)}: its timecode {show(rate.timecode)} is none; counted from zero")
    for music in timeline.music:
        off_s = max((abs((p.first - p.start) / timeline.rate - (p.in_s - p.start_s)) for p in music.parts), default=0)
        if off_s > 0.001:
            found.append(
                f"{show(music.title)}: frames hold its place to {float(off_s) * 1e3:.0f} ms; stem and otio are exact"
            )
    return found
