"""A small sample that the project renders itself: twelve pieces of music of different moods and two clips."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recommender import media
from recommender.atomic import new_file
from recommender.errors import InputError
from recommender.sample import scenes
from recommender.sample.pieces import PIECES
from recommender.sample.score import Piece, waveform
from recommender.sample.synth import SR_HZ
from recommender.text import show
from recommender.types import Array

CLIPS = {"calm lake": scenes.calm_lake, "city chase": scenes.city_chase}


@dataclass(frozen=True)
class Sample:
    """The folders of a rendered sample."""

    music: Path
    clips: Path


def render(folder: Path) -> Sample:
    """The sample under `folder`, its missing files rendered: `music/*.flac` (40 s) and `clips/*.mp4` (12 s).

    A file appears under its name only when it is whole, so an interrupted run goes on where it stopped, and a
    second run renders nothing. The same signal every time, from fixed seeds.

    Raises
    ------
    InputError: `folder` cannot be written.
    """
    sample = Sample(folder / "music", folder / "clips")
    try:
        for target, write in _missing(sample).items():
            with new_file(target) as unfinished:
                write(unfinished)
    except OSError as error:
        told = f"cannot write the sample to '{show(folder)}': {error.strerror or error}; give another folder"
        raise InputError(told) from error
    return sample


def _missing(sample: Sample) -> dict[Path, Callable[[Path], None]]:
    """The files that are not there yet, each with what writes it to a path."""
    jobs = {sample.music / f"{piece.title}.flac": partial(_write_piece, piece) for piece in PIECES}
    jobs |= {sample.clips / f"{name}.mp4": partial(_write_clip, draw) for name, draw in CLIPS.items()}
    return {path: write for path, write in jobs.items() if not path.exists()}


def _write_piece(piece: Piece, path: Path) -> None:
    media.write_audio(path, waveform(piece), SR_HZ)


def _write_clip(draw: Callable[[], Iterator[Array]], path: Path) -> None:
    media.write_video(path, draw(), scenes.FPS)
