"""Timelines for editing programs. A new one is a module with `write(timeline, path)` and a line in TIMELINES."""

from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from recommender.errors import InputError

if TYPE_CHECKING:
    from recommender.timelines.timeline import Timeline


class Format(NamedTuple):
    """A format of timelines; its module is imported by its first use.

    Attributes
    ----------
    name: what `--export` takes. help: which programs read it. suffix: of its file. module: has `write(timeline, path)`.
    loses: what of a timeline it cannot say; "" of nothing. counts: whether it needs a rate that timecode can count.
    """

    name: str
    help: str
    suffix: str
    module: str
    loses: str = ""
    counts: bool = False

    def write(self, timeline: "Timeline", path: Path) -> None:
        """Write `path` whole; raises InputError for what the format cannot hold."""
        if self.counts:
            from recommender.timelines.timecode import nominal

            if nominal(timeline.rate) is None:
                rate = f"{float(timeline.rate):.6g} frames per second"
                raise InputError(f"{self.name} counts in timecode, which has none of {rate}; convert the clip to 25")
        import_module(self.module).write(timeline, path)


_JOINTS = "crossfades where pieces meet (cuts on frames)"
_FRAMES = "in-points between frames; the limiter of peaks"
TIMELINES = {
    one.name: one
    for one in (
        Format(
            "otio",
            "OpenTimelineIO: DaVinci Resolve 18.5, Kdenlive 25.04",
            ".otio",
            "recommender.timelines.otio",
            "gain, fades and ducks are kept as metadata alone",
        ),
        Format(
            "fcpxml",
            "Final Cut Pro, DaVinci Resolve",
            ".fcpxml",
            "recommender.timelines.fcpxml",
            f"{_FRAMES}; pieces meet in short fades",
        ),
        Format(
            "xmeml",
            "Final Cut Pro 7 XML: Premiere Pro, Vegas, OpenShot",
            ".xml",
            "recommender.timelines.xmeml",
            f"{_FRAMES}; {_JOINTS}",
            counts=True,
        ),
        Format(
            "resolve",
            "the same with addresses in plain UTF-8, for DaVinci Resolve and names beyond ASCII",
            ".resolve.xml",
            "recommender.timelines.resolve",
            f"{_FRAMES}; {_JOINTS}",
            counts=True,
        ),
        Format("kdenlive", "Kdenlive", ".kdenlive", "recommender.timelines.kdenlive", f"{_FRAMES}; {_JOINTS}"),
        Format("shotcut", "Shotcut", ".mlt", "recommender.timelines.shotcut", f"{_FRAMES}; {_JOINTS}"),
        Format(
            "edl",
            "CMX 3600, the last resort of all programs",
            ".edl",
            "recommender.timelines.edl",
            f"{_FRAMES}; {_JOINTS}; fades; marks but one for each event; alternatives; gain is a comment",
            counts=True,
        ),
        Format(
            "audacity",
            "labels of beats, cuts and pieces for Audacity, beside the stem",
            ".txt",
            "recommender.timelines.audacity",
            "clip, music and gain",
        ),
        Format("csv", "a row for everything, for spreadsheets", ".csv", "recommender.timelines.table"),
        Format(
            "m3u8",
            "a playlist of the sections, for VLC",
            ".m3u8",
            "recommender.timelines.m3u8",
            "clip, position, gain and marks",
        ),
    )
}
"""What a timeline can be exported to, by name."""


def formats_in(text: str) -> list[Format]:
    """The formats that a list such as `otio,edl` names, each once; raises InputError listing the known ones."""
    names = [name for name in (one.strip().lower() for one in text.split(",")) if name]
    if unknown := [name for name in names if name not in TIMELINES]:
        raise InputError(f"unknown timeline '{unknown[0]}'; known: {', '.join(TIMELINES)}")
    if not names:
        raise InputError(f"no timeline is named; known: {', '.join(TIMELINES)}")
    return [TIMELINES[name] for name in dict.fromkeys(names)]


def files_of(formats: Iterable[Format], folder: Path, name: str) -> list[Path]:
    """Where the timelines of a clip go: a file each, called as it is."""
    return [folder / f"{name}{one.suffix}" for one in formats]


def write(timeline: "Timeline", formats: Sequence[Format], folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a file of each format into `folder`, all of them or none; where they are.

    Raises InputError for a file that is there already (without `overwrite`), and for what a format cannot hold;
    ModelError where the folder cannot be written.
    """
    from contextlib import ExitStack

    from recommender.atomic import new_file
    from recommender.home import model_errors, refuse_existing

    files = files_of(formats, folder, timeline.name)
    refuse_existing(files, overwrite, in_folder=True)
    with model_errors(folder), ExitStack() as finished:
        for one, path in zip(formats, files, strict=True):
            one.write(timeline, finished.enter_context(new_file(path)))
    return files
