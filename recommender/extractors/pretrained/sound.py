"""VGGish features of any sound: one embedding per 0.96 s, averaged over windows."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recommender.errors import MediaError
from recommender.extractors.audio import music
from recommender.extractors.audio.logmel import NEEDED, PATCH_S, SR_HZ, log_mel, patches
from recommender.extractors.pretrained.extractor import NetworkExtractor, Reading
from recommender.extractors.pretrained.pooled import pool_windows
from recommender.media import audio_blocks
from recommender.types import Array, Column, Features, number_columns

if TYPE_CHECKING:
    from recommender.extractors.pretrained.inference import Network

REVISION = ""  # the published features carry none
NAMES = number_columns("VGGish", 128)
COLUMNS = tuple(Column(name, "", "a number of the sound's embedding") for name in NAMES)


def extract(path: Path, network: "Network | None" = None) -> Features:
    """Features of the sound in `path`, with tempo, key and damage as facts; `network` defaults to the published one.

    Raises MediaError when there is none, ModelError when the network was never fetched.
    """
    facts = music.extract(path).facts
    return replace(EXTRACTOR.extract(path, network), facts=facts)


def read(path: Path) -> Reading:
    """The patches of a file."""
    return from_blocks(audio_blocks(path, SR_HZ))


def from_blocks(blocks: Iterable[Array]) -> Reading:
    """The patches of mono blocks at `SR_HZ`; sound shorter than a patch is filled up with silence."""
    length = 0
    start = np.empty(0, np.float32)

    def counted() -> Iterator[Array]:
        nonlocal length, start
        for block in blocks:
            start = np.concatenate([start, block])[:NEEDED] if len(start) < NEEDED else start
            length += len(block)
            yield block

    def pieces() -> Iterator[Array]:
        yield from patches(counted())
        if not length:
            raise MediaError("No sound to measure: not a sample can be decoded.")
        if length < NEEDED:
            yield log_mel(np.pad(start, (0, NEEDED - length)))

    def finish(embeddings: Array) -> Features:
        centres_s = (np.arange(len(embeddings)) + 0.5) * PATCH_S
        return pool_windows(NAMES, embeddings, centres_s, duration_s=length / SR_HZ, facts={})

    return Reading(pieces(), finish)


# On a processor the reading of the 140 MB of weights is spread by 16 patches; more at once are no faster.
EXTRACTOR = NetworkExtractor("vggish", read, lambda network: network, cpu=16, gpu=256)
