"""`recommend preview ...` and `recommend export ...`: one clip and one track of one's own choice."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from recommender.console import tell, write
from recommender.errors import Argument, FitError, InputError
from recommender.options import Options, argument, option, setting, take_options
from recommender.text import file_name, show
from recommender.timelines import TIMELINES

if TYPE_CHECKING:
    from recommender.editing.export import Export
    from recommender.editing.placement import Fit, Placement, Stretch
    from recommender.editing.placing import Levels
    from recommender.fitting.fit import Wish


PATIENCE_S = 2.0
"""So long work may take before its progress is shown."""


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
        from recommender.editing.placing import Levels

        return Levels(self.speech_lu, self.lufs, self.peak, self.fade_in, self.fade_out, not self.mute_clip)


class Ending(StrEnum):
    """How fitted music ends."""

    FREE = "free"
    REAL = "real"


class FitOptions(Options):
    """To what length music is cut, and what stays where."""

    fit: str | None = setting(
        "Cut the music to this length by jumps between bars that are alike: seconds, or 1:30; alone: the whole clip.",
        metavar="[TIME]",
    )
    ending: Ending = setting("With --fit: end anywhere, with a fade, or as the track really ends.", Ending.FREE)
    hit: str | None = setting("With --fit: put the section's peak on this second of the clip.", metavar="TIME")

    @property
    def is_asked(self) -> bool:
        """Whether music is to be cut to a length. Raises InputError for what is about that alone."""
        if self.fit is None and (self.hit is not None or self.ending is not Ending.FREE):
            raise InputError("--ending and --hit are about music that is cut to a length: add ", Argument("fit"))
        return self.fit is not None

    def wish(self, clip_s: float, section: "Stretch | None") -> "Wish | None":
        """As `fit` takes it, for a clip of `clip_s`; None where nothing is asked for. Raises InputError."""
        if not self.is_asked or self.fit is None:
            return None
        from recommender.fitting.fit import Wish

        length_s = clip_s if self.fit == "clip" else seconds(self.fit)
        if length_s > clip_s + 1e-6:
            raise InputError(f"{length_s:g} s of music do not fit under a clip of {clip_s:.1f} s")
        hit_s = None if self.hit is None else seconds(self.hit)
        return Wish(length_s, section, self.ending.value, hit_s)


InOption = Annotated[str, option("Where in the track to begin: seconds, or 1:02.", "--in")]
OverwriteOption = Annotated[bool, option("Replace a file of the same name.", "--overwrite")]


@take_options
def preview(
    clip: Annotated[Path, argument("A film, animation or still.")],
    track: Annotated[Path, argument("A piece of music.")],
    levels: LevelOptions,
    fitting: FitOptions,
    out: Annotated[Path, option("The film to write; ends in .mp4, .mov, .mkv or .webm as the clip does.")],
    in_: InOption = "0",
    overwrite: OverwriteOption = False,
) -> None:
    """Hear a track under a clip: the clip's pictures as they are, music under its own sound.

    Example: recommend preview clip.mp4 Song.flac --in 1:02 --out "clip with song.mp4\""""
    from recommender.editing.placing import remarks
    from recommender.home import refuse_existing

    refuse_existing([out], overwrite)
    laid = lay(clip, track, levels, fitting=fitting, in_s=seconds(in_))
    placement = measure(clip, track, speech=speech_of(clip, levels), **laid)
    for line in (*render(placement, out, overwrite=overwrite), *remarks(placement)):
        tell(line)
    write(f"{show(out)}\n")


def lay(clip: Path, track: Path, levels: LevelOptions, *, fitting: FitOptions, in_s: float) -> dict[str, Any]:
    """What `place` takes of a track from `in_s` on, or from about there on where it is cut to a length."""
    from recommender.editing.placement import Stretch
    from recommender.editing.placing import clip_length

    clip_s = clip_length(clip) if fitting.is_asked else 0.0
    wish = fitting.wish(clip_s, Stretch(in_s, in_s + clip_s) if in_s else None)
    if wish is None:
        return {"in_s": in_s, "levels": levels.levels()}
    from recommender.fitting.fit import fit_file

    try:
        fit = fit_file(track, wish)
    except FitError as error:
        raise FitError(f"{show(track)} cannot be cut to length: {error}") from error
    if fit.joints:
        tell(f"{show(track.name)}: {len(fit.joints)} cuts, together {fit.cost:.2f} of a random jump")
    return fit_levels(fit, levels)


def fit_levels(fit: "Fit", levels: LevelOptions) -> "dict[str, Any]":
    """What `place` takes of fitted music: its pieces, and levels with its fades where none are asked for."""
    from recommender.editing import placing

    return {"pieces": fit.pieces, "levels": placing.fit_levels(fit, levels.levels())}


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
    fitting: FitOptions,
    export: Annotated[str, option(EXPORT_HELP)],
    out: Annotated[Path, option("The folder to write into.")],
    in_: Annotated[str | None, option("Where in the track to begin: seconds, or 1:02 [default: 0].", "--in")] = None,
    marks: Annotated[bool, option(MARKS_HELP, "--marks/--no-marks")] = True,
    overwrite: OverwriteOption = False,
) -> None:
    """Take a clip with a track under it to an editing program; the music alone (the stem) lies beside as WAV.

    Example: recommend export clip.mp4 Song.flac --in 1:02 --export otio,edl --out cut"""
    from recommender.editing.export import refuse_files
    from recommender.editing.placing import remarks
    from recommender.timelines import formats_in

    formats, name = formats_in(export), file_name(clip.stem)
    refuse_files(formats, out, name, overwrite=overwrite)
    laid = lay(clip, track, levels, fitting=fitting, in_s=seconds(in_ or "0"))
    placement = measure(clip, track, speech=speech_of(clip, levels), **laid)
    slides = in_ is None and not fitting.is_asked
    made = take_home([placement], formats, (out, name), slides=slides, marks=marks, overwrite=overwrite)
    for line in (*made.remarks, *remarks(placement)):
        tell(line)
    write("".join(f"{show(path)}\n" for path in made.files))


def take_home(*what: Any, **how: Any) -> "Export":
    """As `editing.export.take_home`, with progress on stderr."""
    from recommender.editing import export
    from recommender.outputs.progress import Progress

    with Progress("looking for cuts, seconds") as progress:
        return export.take_home(*what, progress=progress, **how)


def speech_of(clip: Path, levels: LevelOptions) -> "Sequence[Stretch]":
    """Where somebody speaks in a clip whose sound is heard."""
    from recommender.extractors.audio.speech import speech_in

    return () if levels.mute_clip else speech_in(clip)


def measure(clip: Path, track: Path, **laid: Any) -> "Placement":
    """What `place` makes of a clip and a track, with progress on stderr where it takes longer than `PATIENCE_S`."""
    from recommender.editing.placing import clip_length, place
    from recommender.outputs.progress import Progress

    verb, whole = f"measuring {show(track.name)}, seconds", max(1, round(clip_length(clip)))
    with Progress(verb, PATIENCE_S) as progress:
        return place(clip, track, on_second=lambda at_s: progress.stage(verb, min(whole, int(at_s)), whole), **laid)


def render(placement: "Placement", path: Path, *, overwrite: bool) -> list[str]:
    """Write the preview of a placement with progress on stderr; what is to be known of it, a line each."""
    from recommender.editing.preview import write_preview
    from recommender.outputs.progress import Progress

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
    from recommender.timelines import timecode

    try:
        return timecode.seconds(text)
    except ValueError:
        example = Argument("in", "1:02")
        raise InputError(f"{show(text)}: no time; give seconds or minutes:seconds, such as ", example) from None
