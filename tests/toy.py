"""A toy model and an in-memory library: the engine's collaborators, small enough to work by hand."""

from pathlib import Path

import numpy as np

from recommender.affect.linear import LinearAffect
from recommender.affect.space import AffectSpace
from recommender.errors import MediaError
from recommender.filters import alike, meets
from recommender.model.affect import AffectModel
from recommender.types import (
    Affect,
    Analysis,
    Candidates,
    Column,
    Features,
    Track,
    TrackWindows,
)

COLUMNS = {
    "brightness": Column("brightness", "", "brightness"),
    "onset_rate": Column("onset_rate", "1/s", "onsets per second"),
}


class ToyModel(AffectModel):
    """valence = .4 z(brightness), arousal = .4 z(onset_rate); 'analyses' names such as `0.5_1.5_30.mp4`."""

    predictor = LinearAffect(
        ("brightness", "onset_rate"),
        ("identity", "identity"),
        np.zeros(2),
        np.ones(2),
        np.eye(2),
        np.ones(2),
        np.full(2, 0.6),
    )

    def __init__(self):
        super().__init__("toy", "1", dict.fromkeys(("music", "video"), self.predictor), AffectSpace(), Path())

    def columns(self, modality):
        return COLUMNS

    def analyse(self, path, modality):
        try:
            bright, onsets, duration = (float(x) for x in Path(path).stem.split("_"))
        except ValueError:
            raise MediaError(f"cannot read '{path}': not a toy") from None
        values = np.array([[bright, onsets]], np.float32)
        affect, vectors = self.encode(modality, values)
        features = Features(tuple(COLUMNS), np.array([[0.0, duration]]), values, values[0], duration)
        return Analysis(modality, features, affect, vectors, affect[0], vectors[0])


class ToyLibrary:
    """Tracks given as {path: inputs [n, 2]}; searched by brute force."""

    def __init__(self, tracks, model=None, modality="music"):
        self.model = model or ToyModel()
        self.space = self.model.space
        self.modality = modality
        self.items = [(path, np.asarray(inputs, np.float32)) for path, inputs in tracks.items()]

    def inputs(self, modality):
        return self.model.inputs(modality)

    def medians(self, modality):
        return np.median(np.vstack([inputs for _, inputs in self.items]), axis=0)

    def count(self, modality, where=None):
        return len(self.ids(modality, where))

    def ids(self, modality, where=None):
        found = range(len(self.items) if modality == self.modality else 0)
        return np.array([i for i in found if where is None or meets(self.track(i), where)], np.int64)

    def spellings(self, entries):
        return alike(entries, (path for path, _ in self.items))

    def recordings(self, ids):
        return ids  # no two tracks are near-duplicates

    def search(self, query, k, modality, *, where=None):
        ids = self.ids(modality, where)
        best = np.array([(found.vectors @ query).max() for found in self.windows_of(ids)], np.float32)
        order = np.lexsort((ids, -best))[:k]
        return Candidates(ids[order], best[order])

    def track(self, track_id):
        path, inputs = self.items[track_id]
        affect = Affect(*self.model.encode(self.modality, inputs)[0].mean(axis=0).tolist())
        end = 5.0 * len(inputs) + 5
        return Track(track_id, path, self.modality, Path(path).stem, None, end, 120.0, "C major", affect)

    def tracks_of(self, ids):
        return [self.track(i) for i in ids]

    def windows_of(self, ids):
        return [self.windows(i) for i in ids]

    def windows(self, track_id):
        inputs = self.items[track_id][1]
        affect, vectors = self.model.encode(self.modality, inputs)
        bounds = np.array([[5.0 * i, 5.0 * i + 10] for i in range(len(inputs))])
        return TrackWindows(bounds, vectors, affect, inputs)
