"""A clip with its music taken home: timelines for editing programs, and beside them the stem."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from recommender.errors import InputError
from recommender.text import show

if TYPE_CHECKING:
    from recommender.editing.placement import Bed, Placement
    from recommender.extractors.audio.beats import Beats
    from recommender.timelines import Format
    from recommender.timelines.timeline import Timeline


class Stages(Protocol):
    """What is told how far work is."""

    def stage(self, verb: str, done: int, total: int) -> None:
        """`done` of `total` steps of what `verb` says."""


class Export(NamedTuple):
    """What was written, and what should be known of it: a line each."""

    files: tuple[Path, ...]
    remarks: tuple[str, ...]


def export(
    placements: "Sequence[Placement]",
    formats: "Sequence[Format]",
    folder: Path,
    *,
    name: str | None = None,
    titles: Mapping[Path, str] | None = None,
    beats: "Beats | None" = None,
    cuts_s: Sequence[float] = (),
    overwrite: bool = False,
) -> Export:
    """Write a timeline of each format, and the stem, into `folder`, each whole or not at all.

    Parameters
    ----------
    placements: of one clip, the chosen one first; the others become alternatives. name: of the files, by default
        the clip's. titles: of tracks by path.
    beats: of the chosen track. cuts_s: where shots of the clip begin. overwrite: whether files may be replaced.

    Raises
    ------
    InputError: a file is there already, the clip is a still, or a format has no way to say it: nothing is written.
    MediaError, ModelError: a file cannot be read, or written.
    """
    from recommender.timelines.build import beats_on, build, cuts_on

    chosen = placements[0]
    marks = [*cuts_on(cuts_s), *(beats_on(chosen, beats) if beats is not None else ())]
    timeline = build(chosen.clip, placements, name=name, titles=titles, marks=marks)
    told = "the music alone, cut, faded and ducked; lay it at the clip's first frame"
    tracks = [one.track for one in placements]
    return write_all(timeline, formats, folder, music=chosen, tracks=tracks, told=told, overwrite=overwrite)


def write_all(
    timeline: "Timeline",
    formats: "Sequence[Format]",
    folder: Path,
    *,
    music: "Placement | Bed",
    tracks: Iterable[Path],
    told: str,
    overwrite: bool,
) -> Export:
    """Write a timeline in all formats, and the stem of its `music`, as `export` does.

    tracks: which the stem must not replace. told: what the stem is, for people.
    """
    from recommender import timelines
    from recommender.editing.stem import write_stem
    from recommender.timelines.build import remarks

    stem = refuse_files(formats, folder, timeline.name, overwrite=overwrite)
    if stem.exists() and any(map(stem.samefile, tracks)):
        raise InputError(f"{show(stem)} would be replaced by its own stem; export to another folder")
    files = timelines.write(timeline, formats, folder, overwrite=overwrite)
    write_stem(music, stem)
    losses = (
        f"{show(path)}: {one.help}; loses: {one.loses or 'nothing'}" for one, path in zip(formats, files, strict=True)
    )
    return Export((*files, stem), (*losses, f"{show(stem)}: {told}", *remarks(timeline)))


def take_home(
    placements: "Sequence[Placement]",
    formats: "Sequence[Format]",
    where: tuple[Path, str],
    *,
    titles: Mapping[Path, str] | None = None,
    slides: bool,
    marks: bool,
    beats: "Beats | None" = None,
    overwrite: bool = False,
    progress: "Stages | None" = None,
) -> Export:
    """`export` into a folder under a name, with what it needs to be found.

    slides: whether the music may move by less than half a frame, so that frames hold it. marks: beats of the chosen
    track (`beats`, or it is listened to) and cuts of the clip as markers. The rest is as for `export`.
    """
    if slides:
        placements = [slide_to_frames(placement) for placement in placements]
    cuts_s = tuple[float, ...]()
    if marks:
        cuts_s = find_cuts(placements[0].clip, progress)
        beats = find_beats(placements[0].track) if beats is None else beats
    folder, name = where
    return export(
        placements, formats, folder, name=name, titles=titles, beats=beats, cuts_s=cuts_s, overwrite=overwrite
    )


def refuse_files(formats: "Sequence[Format]", folder: Path, name: str, *, overwrite: bool) -> Path:
    """The path of the stem; raises InputError where a file of an export is there already and may not be replaced."""
    from recommender.home import refuse_existing
    from recommender.timelines import files_of

    stem = folder / f"{name}.wav"
    refuse_existing([*files_of(formats, folder, name), stem], overwrite, in_folder=True)
    return stem


def slide_to_frames(placement: "Placement") -> "Placement":
    """The placement with its music moved by less than half a frame of the clip, so that frames hold it."""
    from recommender.media.footage import footage
    from recommender.timelines.timeline import slide

    return slide(placement, footage(placement.clip).rate)


def find_beats(track: Path) -> "Beats | None":
    """The beats of a file, found by listening to it; None where it has none. Raises MediaError."""
    from recommender.extractors.audio import beats, music

    kept = music.extract(track).beats
    return None if kept is None else beats.from_bytes(kept)


def find_cuts(clip: Path, progress: "Stages | None" = None) -> tuple[float, ...]:
    """Where shots of a clip begin, to the frame; raises MediaError."""
    from recommender.extractors.video.cut_times import cut_times
    from recommender.media import probe

    if progress is None:
        return cut_times(clip)
    whole = round(probe(clip).duration_s or 0)
    verb = "looking for cuts, s"
    return cut_times(clip, lambda frame: progress.stage(verb, min(int(frame.t_s), whole), max(whole, 1)))
