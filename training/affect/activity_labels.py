"""Clips in which something goes on, and clips in which nothing does.

Those of `activity/` carry their label (`labels.csv`); those of `clips/` were sorted by eye from a sheet of frames.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from recommender.errors import InputError
from recommender.types import Array
from training.datasets.source import read_rows

CLIPS = {
    "big_buck_bunny_0_30.webm": ("calm", "big buck bunny"),
    "bigbuckbunny.mp4": ("calm", "big buck bunny"),
    "carphone_pristine.mp4": ("calm", "carphone"),
    "chaplin.mp4": ("calm", "chaplin"),
    "chroma1.mp4": ("calm", "planes"),
    "example2.mp4": ("calm", "example2"),
    "example3.mp4": ("calm", "example3"),
    "luma.mp4": ("calm", "planes"),
    "tests__data__rawvideo_dataset__part_0.mp4": ("calm", "rawvideo"),
    "tests__data__test.avi": ("calm", "test.avi"),
    "tests__data__test.mp4": ("calm", "test.mp4"),
    "video_with_failing_audio.mp4": ("calm", "failing audio"),
    "bikes.mp4": ("busy", "bikes"),
    "demo__demo.mp4": ("busy", "demo"),
    "demo__demo_spatiotemporal_det.mp4": ("busy", "spatiotemporal"),
    "demo__test_video_structuralize.mp4": ("busy", "structuralize"),
    "fire2.mp4": ("busy", "fire2"),
    "pigs_in_a_polka.gif": ("busy", "pigs"),
    "scene_cuts.mp4": ("busy", "scene cuts"),
}
"""Clips of `clips/` with their label and the footage they are of."""


class Labelled(NamedTuple):
    """n clips: paths, whether they are busy (bool [n]), their sources, and which are of `activity/` (bool [n])."""

    paths: tuple[Path, ...]
    busy: Array
    sources: tuple[str, ...]
    apart: Array


def read_labelled_clips(data: Path) -> Labelled:
    """The labelled clips of `data` that are there; raises InputError unless there are calm ones and busy ones.

    Those of `activity/` have the public repository that they come from for a source.
    """
    rows = [(data / "clips" / name, label, source, False) for name, (label, source) in CLIPS.items()]
    table = data / "activity" / "labels.csv"
    if table.is_file():
        listed = read_rows(table, ("file", "label"))
        rows += [(data / "activity" / r["file"], r["label"], r["file"].partition("__")[0], True) for r in listed]
    kept = [row for row in rows if row[0].is_file()]
    if {label for _, label, _, _ in kept} != {"busy", "calm"}:
        raise InputError(f"{data}: no calm and busy clips in clips/ or activity/ to learn activity from")
    paths, labels, sources, apart = zip(*kept, strict=True)
    return Labelled(paths, np.array([label == "busy" for label in labels]), sources, np.array(apart))
