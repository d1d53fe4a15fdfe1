"""L3-Net and Spectrogram-ACP on datasets of pictures and spectrograms, trained from scratch at a small size.

- `l3-net`: convolutional networks for frames and for the log-mel spectrogram, concatenated; both are needed
  (`recommend dataset build --extractor raw`).
- `spectrogram-acp`: ACP-Net with a convolutional network for the spectrogram in place of audio features. Pictures are
  frames, or, as in ACP-Net, features (`--extractor spectrogram`).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from training.systems.baselines.acp import ACP, FEATURES, SPACE
from training.types import System

RAW = replace(
    FEATURES,
    video="pictures",
    music="spectrogram",
    hidden=32,
    epochs=20,
    schedule=replace(FEATURES.schedule, learning_rate=3e-3, batch=512),
)
"""Some 30,000 weights, in few large steps: what is dear here is a picture or a sound, not a pair of them. Not tuned."""

SYSTEMS: dict[str, Callable[[], System]] = {
    "l3-net": lambda: ACP("l3-net", replace(RAW, fusion="concatenated")),
    "spectrogram-acp": lambda: ACP("spectrogram-acp", replace(RAW, video="any")),
}
SPACES: dict[str, Mapping[str, tuple[Any, ...]]] = dict.fromkeys(SYSTEMS, SPACE)
