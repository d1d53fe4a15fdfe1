"""The number of workers changes no bit of what the built-in model finds, and neither does a second run."""

from pathlib import Path

import numpy as np

from indexing import Library, ingest
from recommender import Model
from recommender.types import Modality, TrackWindows


def analysed(place: Path, paths: list[Path], modality: Modality, workers: int) -> dict[str, TrackWindows]:
    """What a new library holds of `paths`, by path."""
    model = Model.load()
    library = Library.create(place, model.space)
    events = list(ingest.add(library, paths, model, modality=modality, workers=workers))
    assert not [event for event in events if isinstance(event, ingest.Failed)]
    return {track.path: library.windows_of([track.id])[0] for track in library.tracks(modality)}


def test_music_is_the_same_by_one_two_and_three_workers_and_again(tmp_path, music_folder):
    first = analysed(tmp_path / "first", [music_folder], "music", 1)
    assert len(first) == 4
    for run, workers in enumerate((1, 2, 3)):
        again = analysed(tmp_path / f"again {run}", [music_folder], "music", workers)
        assert again.keys() == first.keys()
        for path, windows in first.items():
            assert all(np.array_equal(a, b) for a, b in zip(windows, again[path], strict=True))


def test_clips_are_the_same_by_one_and_two_workers(tmp_path, clip_folder):
    one, two = (analysed(tmp_path / str(n), [clip_folder], "video", n) for n in (1, 2))
    assert one.keys() == two.keys()
    assert all(np.array_equal(a, b) for path in one for a, b in zip(one[path], two[path], strict=True))
