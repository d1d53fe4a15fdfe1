"""A picture of every scene, as it is shown in the middle of its longest shot."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2

from recommender.atomic import write
from recommender.errors import MediaError
from recommender.films.cues import Scene
from recommender.films.scenes import Film
from recommender.home import model_errors, refuse_existing
from recommender.media import excerpts
from recommender.text import show
from recommender.types import Array

SIDE = 640
"""Pixels of the longer side."""
QUALITY = 88
_SPAN_S = 0.5  # within which a frame begins, at 2 a second and more


def picture_paths(film: Film, folder: Path) -> list[Path]:
    """Where the picture of each scene goes: `scene 01.jpg` and so on."""
    digits = max(2, len(str(len(film.scenes))))
    return [folder / f"scene {scene.number:0{digits}}.jpg" for scene in film.scenes]


def write_pictures(film: Film, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a JPEG of every scene into `folder`, each whole or not at all; where they are.

    Raises InputError for one that is there already (without `overwrite`), MediaError for a film that cannot be read,
    ModelError where the folder cannot be written.
    """
    paths = picture_paths(film, folder)
    refuse_existing(paths, overwrite, in_folder=True)
    with model_errors(folder):
        for path, picture in zip(paths, _pictures(film), strict=True):
            write(path, jpeg(picture))
    return paths


def _pictures(film: Film) -> list[Array]:
    """uint8 [h, w, 3] of every scene."""
    shown = pictures_at(film.path, [middle_of(film, scene) for scene in film.scenes], side=SIDE)
    found = [picture for picture in shown if picture is not None]
    if len(found) < len(film.scenes):
        raise MediaError(f"{show(film.path)}: not every scene has a picture that can be decoded; convert it to mp4")
    return found


def middle_of(film: Film, scene: Scene) -> float:
    """The middle of the longest shot of a scene, in s: what it shows most."""
    edges = [scene.start_s, *(at for at in film.cut_s if scene.start_s < at < scene.end_s), scene.end_s]
    start_s, end_s = max(pairwise(edges), key=lambda span: span[1] - span[0])
    return 0.5 * (start_s + end_s)


def pictures_at(path: Path, times_s: Sequence[float], *, side: int) -> Iterator[Array | None]:
    """What a film shows at some times, uint8 [h, w, 3], RGB, no side above `side`; None where that cannot be decoded.

    Raises MediaError for a film that cannot be read.
    """
    around = [(max(at_s - _SPAN_S, 0.0), at_s) for at_s in times_s]
    return (frames[-1].rgb if frames else None for frames in excerpts(path, around, max_side=side))


def jpeg(picture: Array) -> bytes:
    """A picture uint8 [h, w, 3], RGB, as a file."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
