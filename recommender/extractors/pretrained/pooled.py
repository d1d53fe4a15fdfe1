"""From embeddings along an item to the windows of the library: means, as EmoMV takes them over its segments."""

import numpy as np

from recommender.extractors.windows import windows
from recommender.types import Array, Facts, Features


def pool_windows(
    columns: tuple[str, ...], embeddings: Array, centres_s: Array, *, duration_s: float, facts: Facts
) -> Features:
    """The mean of the embeddings [n, d] whose middle, of `centres_s` [n], lies in each window, and of all.

    A window that holds the middle of none takes the nearest.
    """
    bounds = windows(duration_s)
    first, last = np.searchsorted(centres_s, bounds[:, 0]), np.searchsorted(centres_s, bounds[:, 1])
    nearest = np.abs(bounds.mean(axis=1)[:, None] - centres_s[None, :]).argmin(axis=1)
    first, last = np.where(last > first, first, nearest), np.where(last > first, last, nearest + 1)
    values = np.stack([embeddings[a:b].mean(axis=0) for a, b in zip(first, last, strict=True)])
    item = embeddings.mean(axis=0)
    return Features(columns, bounds, values.astype(np.float32), item.astype(np.float32), duration_s, dict(facts))
