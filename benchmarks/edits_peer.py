"""The published method as it is mostly written, for `edits.py`: every peak, every pair, a dictionary (Wang 2003)."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.signal import stft

from recommender.types import Array

SR_HZ, N_FFT, HOP = 11025, 1024, 256
REACH = (13, 17)  # frames and bins
FAN, MOST_APART = 15, 63
Hits = dict[tuple[int, int, int], list[tuple[str, int]]]


def hashes(y: Array) -> Iterator[tuple[tuple[int, int, int], int]]:
    """Hash and frame of every pair of peaks of mono samples at `SR_HZ`."""
    _, _, transform = stft(y, SR_HZ, nperseg=N_FFT, noverlap=N_FFT - HOP)
    level = np.log(np.abs(transform).T + 1e-6)
    peaks = np.argwhere((level == maximum_filter(level, REACH)) & (level > level.mean())).tolist()
    for place, (frame, low) in enumerate(peaks):
        for later, high in peaks[place + 1 : place + 1 + FAN]:
            if later - frame <= MOST_APART:
                yield (low, high, later - frame), frame


def index(tracks: Mapping[str, Array]) -> Hits:
    """Where every hash stands in which track."""
    out: Hits = defaultdict(list)
    for name, y in tracks.items():
        for key, frame in hashes(y):
            out[key].append((name, frame))
    return out


def find(held: Hits, y: Array) -> tuple[str, float, int]:
    """The track with the most votes at one offset, the offset in seconds, and the votes."""
    votes = Counter((name, at - frame) for key, frame in hashes(y) for name, at in held.get(key, ()))
    ((name, offset), count), *_ = votes.most_common(1) or [(("", 0), 0)]
    return name, offset * HOP / SR_HZ, count
