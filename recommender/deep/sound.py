"""VGGish features of any sound: one embedding per 0.96 s, averaged over windows."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from recommender.deep.inference import Network, batches, published
from recommender.deep.pooled import pooled
from recommender.errors import MediaError
from recommender.features import music
from recommender.features.logmel import NEEDED, PATCH_S, SR_HZ, log_mel, patches
from recommender.media import audio_blocks
from recommender.nets.vggish import DIM
from recommender.types import Array, Features, numbered

CHECKPOINT = "vggish"
REVISION = ""  # the published features carry none
COLUMNS = numbered("VGGish", DIM)
Facts = Mapping[str, str | int | float | None]
BATCH = 32  # patches: half a minute of sound; more at once are no faster


def extract(path: Path, network: Network | None = None) -> Features:
    """Features of the sound in `path`, with tempo, key and damage as facts; `network` defaults to the published one.

    Raises MediaError when there is none, ModelError when the network was never fetched.
    """
    return heard(path, network, music.extract(path).facts)


def heard(path: Path, network: Network | None = None, facts: Facts | None = None) -> Features:
    """`extract` without measuring the objective features that its facts rest on."""
    return from_blocks(audio_blocks(path, SR_HZ), network or published(CHECKPOINT), facts)


def from_blocks(blocks: Iterable[Array], network: Network, facts: Facts | None = None) -> Features:
    """Features of mono blocks at `SR_HZ`; sound shorter than a patch is filled up with silence."""
    length = 0
    start = np.empty(0, np.float32)

    def counted() -> Iterator[Array]:
        nonlocal length, start
        for block in blocks:
            start = np.concatenate([start, block])[:NEEDED] if len(start) < NEEDED else start
            length += len(block)
            yield block

    rows = [network(batch) for batch in batches(patches(counted()), BATCH)]
    if not length:
        raise MediaError("No sound to measure: not a sample can be decoded.")
    if not rows:
        rows = [network(log_mel(np.pad(start, (0, NEEDED - len(start))))[None])]
    return pooled(COLUMNS, np.concatenate(rows), PATCH_S, length / SR_HZ, facts or {})
