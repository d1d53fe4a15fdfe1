"""A film with its cues taken home: to be heard, and as timelines with the stem; each file whole or not there.

The cues are laid before (`films.laying.lay`); `page.cue_sheet` writes their cue sheet.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.editing.export import Export, write_all
from recommender.editing.mix import OnSecond
from recommender.films.cues import MusicCue
from recommender.films.levels import bed, placement_of

if TYPE_CHECKING:
    from recommender.timelines import Format


def preview_film(
    film: Path, cues: Sequence[MusicCue], out: Path, *, overwrite: bool = False, on_second: OnSecond | None = None
) -> list[str]:
    """Write the film with all its music; what is to be known of it comes back, a line each.

    Parameters
    ----------
    film: the file. cues: laid, of all scenes. out: ends in a suffix that holds the film's pictures, as
        `editing.preview.preview_suffix` tells one. on_second: told how many seconds are done.

    Raises as `editing.preview.write_preview` does.
    """
    from recommender.editing.preview import write_preview

    return [*write_preview(bed(film, cues), out, overwrite=overwrite, on_second=on_second), *endings(cues)]


def export_film(
    film: Path,
    cues: Sequence[MusicCue],
    formats: "Sequence[Format]",
    *,
    out: Path,
    name: str | None = None,
    cuts_s: Sequence[float] = (),
    overwrite: bool = False,
) -> Export:
    """Write timelines of the whole film, and its stem, into the folder `out`, each whole or not at all.

    Parameters
    ----------
    cues: laid, of all scenes. formats: as `timelines.formats_in` tells them. name: of the files, by default the film's.
    cuts_s: where shots begin, to be marked beside the scenes.

    Raises InputError where a file is there already or a format cannot say it, MediaError and ModelError where one
    cannot be read or written; then nothing is left of the timelines.
    """
    from recommender.timelines.build import build_film, cuts_on, scenes_on

    laid = bed(film, cues)
    titles = {Path(cue.chosen.track.path): cue.chosen.track.title for cue in cues if cue.chosen is not None}
    marks = [*scenes_on([(cue.scene.start_s, scene_name(cue)) for cue in cues]), *cuts_on(cuts_s)]
    timeline = build_film(laid, name=name, titles=titles, marks=marks)
    told = "all music of the film, cut, faded and ducked; lay it at the film's first frame"
    tracks = [one.track for one in laid.placements]
    return write_all(timeline, formats, out, music=laid, tracks=tracks, told=told, overwrite=overwrite)


def endings(cues: Sequence[MusicCue]) -> list[str]:
    """How each cue ends, a line each."""
    return [
        f"{scene_name(cue)}: {cue.transition.words or cue.transition.ending}"
        for cue in cues
        if cue.transition is not None and placement_of(cue) is not None
    ]


def scene_name(cue: MusicCue) -> str:
    """What a scene is called: its label, else its number."""
    return cue.scene.label or f"scene {cue.scene.number}"
