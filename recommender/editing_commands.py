"""`recommend preview ...`: one clip and one track of one's own choice."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from recommender.console import tell, write
from recommender.errors import Argument, InputError
from recommender.options import Options, argument, option, setting, take_options
from recommender.text import show

if TYPE_CHECKING:
    from recommender.placement import Placement, Stretch
    from recommender.placing import Levels


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
