"""A few unit vectors that stand for the windows of a track: k-means on the sphere, of many tracks at a time.

Spherical k-means (Dhillon and Modha 2001) with the farthest-first start of Gonzalez (1985): nothing is drawn at random.
Starts and rounds were chosen by the depth at which the best 200 tracks of made-up libraries are found. [ours]
"""

from collections.abc import Iterator

import numpy as np

from recommender.types import Array

PER_TRACK = 4
"""Vectors a track, as many as windows of a shorter one."""
_ROUNDS = 3  # of k-means: 8 found the best tracks no sooner
_BLOCK = 1 << 14  # windows looked at together: 4 MB at 64 dimensions
_TINY = 1e-6  # the length of a mean that has no direction


def starts_of(offsets: Array) -> Array:
    """int64 [t + 1]: of track i of a segment, the vectors are those from starts[i] to starts[i + 1]."""
    return np.concatenate([[0], np.cumsum(np.minimum(np.diff(offsets), PER_TRACK))]).astype(np.int64)


def represent(vectors: Array, offsets: Array) -> Array:
    """float32 [r, d], unit length, some for each track: at most PER_TRACK, in the rows that `starts_of` says.

    `vectors` float32 [n, d], unit length; rows offsets[i] to offsets[i + 1] are those of track i.
    """
    found = np.empty((starts_of(offsets)[-1], vectors.shape[1]), np.float32)
    for rows, some in represent_in_turn(vectors, offsets):
        found[rows] = some
    return found


def represent_in_turn(vectors: Array, offsets: Array) -> Iterator[tuple[Array, Array]]:
    """What `represent` gives, of some tracks at a time: rows int64 [m], and the vectors float32 [m, d] in them."""
    counts, starts = np.diff(offsets), starts_of(offsets)
    for tracks in _blocks(counts):
        width, few = int(counts[tracks].max()), int(min(counts[tracks].min(), PER_TRACK))
        at = offsets[tracks][:, None] + np.minimum(np.arange(width), counts[tracks][:, None] - 1)
        held = starts[tracks][:, None] + np.arange(few)
        windows = vectors[at]
        means = windows if width == few else _means(windows, np.arange(width) < counts[tracks][:, None])
        yield held.ravel(), means.reshape(-1, vectors.shape[1])


def _blocks(counts: Array) -> Iterator[Array]:
    """Places of tracks, some at a time, of which all are short, with equally many windows, or none is.

    Those of a block have about as many windows: they are padded to the most.
    """
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] > 0]
    sizes = counts[order]
    at = 0
    while at < len(order):
        if sizes[at] <= PER_TRACK:
            end = int(np.searchsorted(sizes, sizes[at], side="right"))
        else:
            end = int(np.searchsorted(sizes, sizes[at] + sizes[at] // 4, side="right"))
        end = min(end, at + max(1, _BLOCK // int(sizes[at])))
        yield np.sort(order[at:end])
        at = end


def _means(windows: Array, real: Array) -> Array:
    """float32 [b, PER_TRACK, d]: unit means of the clusters of windows [b, w, d]; `real` bool [b, w], others are pads.

    A cluster without windows, or whose windows cancel out, stays where it was.
    """
    means = _spread(windows, real)
    turned = np.ascontiguousarray(windows.transpose(0, 2, 1))
    for _ in range(_ROUNDS):
        nearest = (means @ turned).argmax(axis=1)
        mine = (nearest[:, None] == np.arange(PER_TRACK)[:, None]) & real[:, None]
        sums = mine.astype(np.float32) @ windows
        lengths = np.sqrt(np.einsum("bkd,bkd->bk", sums, sums))[..., None]
        means = np.where(lengths > _TINY, sums / np.maximum(lengths, _TINY), means)
    return means


def _spread(windows: Array, real: Array) -> Array:
    """float32 [b, PER_TRACK, d]: windows far from each other; the first is the one farthest from the mean of all."""
    tracks = np.arange(len(windows))
    mean = np.einsum("bwd,bw->bd", windows, real.astype(np.float32))
    nearest = np.where(real, np.einsum("bwd,bd->bw", windows, mean), np.inf)
    chosen = np.empty((len(windows), PER_TRACK, windows.shape[2]), np.float32)
    for i in range(PER_TRACK):
        chosen[:, i] = windows[tracks, nearest.argmin(axis=1)]
        to = np.matmul(windows, chosen[:, i, :, None])[..., 0]
        nearest = to if i == 0 else np.maximum(nearest, to)
        nearest = np.where(real, nearest, np.inf)
    return chosen
