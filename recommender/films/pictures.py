"""A picture of every scene, as it is shown in the middle of its longest shot."""

from itertools import pairwise
from pathlib import Path

import cv2

from recommender.atomic import write
from recommender.errors import MediaError
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
    spans = [_longest_shot(film, scene.start_s, scene.end_s) for scene in film.scenes]
    middles = [0.5 * (start_s + end_s) for start_s, end_s in spans]
    around = [(max(at_s - _SPAN_S, 0.0), at_s) for at_s in middles]
    found = [frames[-1].rgb for frames in excerpts(film.path, around, max_side=SIDE) if frames]
    if len(found) < len(film.scenes):
        raise MediaError(f"{show(film.path)}: not every scene has a picture that can be decoded; convert it to mp4")
    return found


def _longest_shot(film: Film, start_s: float, end_s: float) -> tuple[float, float]:
    """Where the longest shot between two times begins and ends: what a scene shows most."""
    edges = [start_s, *(at for at in film.cut_s if start_s < at < end_s), end_s]
    return max(pairwise(edges), key=lambda span: span[1] - span[0])


def jpeg(picture: Array) -> bytes:
    """A picture uint8 [h, w, 3], RGB, as a file."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
