"""`recommend preview ...` and `recommend export ...`: one clip and one track of one's own choice."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from recommender.console import tell, write
from recommender.errors import Argument, InputError
from recommender.options import Options, argument, option, setting, take_options
from recommender.text import file_name, show
from recommender.timelines import TIMELINES

if TYPE_CHECKING:
    from recommender.placement import Placement, Stretch
    from recommender.placing import Levels
    from recommender.take_home import Export
    from recommender.timelines import Format


class LevelOptions(Options):
    """How loud music lies under a clip, and how it begins and ends."""

    speech_lu: float = setting("How far music is below speech while somebody speaks, in LU.", 15.0, min=6, max=30)
    lufs: float = setting("Loudness of clip and music together where nobody speaks.", -16.0, min=-40, max=-8)
    peak: float = setting("Highest true peak, in dBTP.", -1.0, min=-12, max=0)
    fade_in: float | None = setting("Seconds (default: 0.3, less where the track begins itself).", min=0)
    fade_out: float | None = setting("Seconds (default: 1.5, less where the track ends itself).", min=0)
    mute_clip: bool = setting("Leave the clip's own sound out, as where it has music already.", False, "--mute-clip")

    def levels(self) -> "Levels":
        """As `place` takes them."""
        from recommender.placing import Levels

        return Levels(self.speech_lu, self.lufs, self.peak, self.fade_in, self.fade_out, not self.mute_clip)


InOption = Annotated[str, option("Where in the track to begin: seconds, or 1:02.", "--in")]
OverwriteOption = Annotated[bool, option("Replace a file of the same name.", "--overwrite")]


@take_options
def preview(
    clip: Annotated[Path, argument("A film, animation or still.")],
    track: Annotated[Path, argument("A piece of music.")],
    levels: LevelOptions,
    out: Annotated[Path, option("The film to write; ends in .mp4, .mov, .mkv or .webm as the clip does.")],
    in_: InOption = "0",
    overwrite: OverwriteOption = False,
) -> None:
    """Hear a track under a clip: the clip's pictures as they are, music under its own sound.

    Example: recommend preview clip.mp4 Song.flac --in 1:02 --out "clip with song.mp4\""""
    from recommender.placing import place, remarks
    from recommender.preview import refuse_existing

    refuse_existing([out], overwrite)
    placement = place(clip, track, in_s=seconds(in_), speech=speech_of(clip, levels), levels=levels.levels())
    for line in (*render(placement, out, overwrite=overwrite), *remarks(placement)):
        tell(line)
    write(f"{show(out)}\n")


EXPORT_HELP = (
    "Timelines for editing programs, into the folder --out, with the stem: a list such as otio,fcpxml of "
    f"{'; '.join(f'{one.name}: {one.help}' for one in TIMELINES.values())}."
)
MARKS_HELP = "Beats of the track and cuts of the clip as markers."


@take_options
def export(
    clip: Annotated[Path, argument("A film.")],
    track: Annotated[Path, argument("A piece of music.")],
    levels: LevelOptions,
    export: Annotated[str, option(EXPORT_HELP)],
    out: Annotated[Path, option("The folder to write into.")],
    in_: Annotated[str | None, option("Where in the track to begin: seconds, or 1:02 [default: 0].", "--in")] = None,
    marks: Annotated[bool, option(MARKS_HELP, "--marks/--no-marks")] = True,
    overwrite: OverwriteOption = False,
) -> None:
    """Take a clip with a track under it to an editing program; the music alone (the stem) lies beside as WAV.

    Example: recommend export clip.mp4 Song.flac --in 1:02 --export otio,edl --out cut"""
    from recommender.placing import place, remarks
    from recommender.take_home import refuse_files
    from recommender.timelines import formats_in

    formats, name = formats_in(export), file_name(clip.stem)
    refuse_files(formats, out, name, overwrite=overwrite)
    in_s = seconds(in_ or "0")
    placement = place(clip, track, in_s=in_s, speech=speech_of(clip, levels), levels=levels.levels())
    made = take_home([placement], formats, (out, name), slides=in_ is None, marks=marks, overwrite=overwrite)
    for line in (*made.remarks, *remarks(placement)):
        tell(line)
    write("".join(f"{show(path)}\n" for path in made.files))


def take_home(
    placements: "Sequence[Placement]",
    formats: "Sequence[Format]",
    where: tuple[Path, str],
    *,
    titles: Mapping[Path, str] | None = None,
    slides: bool,
    marks: bool,
    overwrite: bool,
) -> "Export":
    """Export placements, the chosen one first, into a folder under a name, with progress on stderr.

    `slides`: whether the music may move by less than half a frame, so that frames hold it.
    """
    from recommender.outputs.progress import Progress
    from recommender.take_home import export, find_beats, find_cuts, slide_to_frames

    if slides:
        placements = [slide_to_frames(placement) for placement in placements]
    beats, cuts_s = None, tuple[float, ...]()
    if marks:
        with Progress("looking for cuts, seconds") as progress:
            cuts_s = find_cuts(placements[0].clip, progress)
        beats = find_beats(placements[0].track)
    folder, name = where
    return export(
        placements, formats, folder, name=name, titles=titles, beats=beats, cuts_s=cuts_s, overwrite=overwrite
    )


def speech_of(clip: Path, levels: LevelOptions) -> "Sequence[Stretch]":
    """Where somebody speaks in a clip whose sound is heard."""
    from recommender.extractors.audio.speech import speech_in

    return () if levels.mute_clip else speech_in(clip)


def render(placement: "Placement", path: Path, *, overwrite: bool) -> list[str]:
    """Write the preview of a placement with progress on stderr; what is to be known of it, a line each."""
    from recommender.outputs.progress import Progress
    from recommender.preview import write_preview

    verb, whole = f"rendering {show(path.name)}, seconds", max(1, round(placement.clip_s))
    with Progress(verb) as progress:
        return write_preview(
            placement,
            path,
            overwrite=overwrite,
            on_second=lambda at_s: progress.stage(verb, min(whole, max(0, int(at_s))), whole),
        )


def seconds(text: str) -> float:
    """The seconds that `62.5`, `1:02.5` or `1:02:03` say; raises InputError."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 0 < len(parts) <= 3 or not all(0 <= part < float("inf") for part in parts):
        raise InputError(f"{show(text)}: no time; give seconds or minutes:seconds, such as ", Argument("in", "1:02"))
    return sum(part * 60**place for place, part in enumerate(reversed(parts)))
