"""SlowFast features of any moving or still picture: one embedding per 2.1 s, averaged over windows.

As the published networks were tested: 32 frames at every second of 30 per second, short side 256, the middle square,
(x - .45) / .225 (facebookresearch/SlowFast `configs/Kinetics/c2/SLOWFAST_8x8_R50.yaml`, pytorchvideo's hub example).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from recommender.deep.inference import Network, batches, published
from recommender.deep.pooled import pooled
from recommender.errors import MediaError
from recommender.media import Damage, Frame, frames
from recommender.nets.slowfast import DIM, R50_8X8
from recommender.types import Array, Features, numbered

CHECKPOINT = "slowfast"
REVISION = ""  # the published features carry none
COLUMNS = numbered("SlowFast", DIM)
FPS = 15.0
FRAMES = 32
SIDE = 256
STEP_S = FRAMES / FPS
SLOW = np.linspace(0, FRAMES - 1, FRAMES // R50_8X8.alpha).astype(np.int64)
"""The frames that the slow network sees, spread from the first to the last as the published code spreads them."""
MEAN, SD = 0.45, 0.225
MAX_SIDE = 640  # the short side still has 256 up to a ratio of 2.5
BATCH = 2  # clips: the maps of one fill the caches already


def extract(path: Path, network: Network | None = None) -> Features:
    """Features of the pictures in `path`; `network` defaults to the published one.

    Raises MediaError when there are none, ModelError when the network was never fetched.
    """
    damage = Damage()
    found = from_frames(frames(path, fps=FPS, max_side=MAX_SIDE, damage=damage), network or published(CHECKPOINT))
    return replace(found, facts={**found.facts, "damaged_packets": damage.packets})


def from_frames(shown: Iterable[Frame], network: Network) -> Features:
    """Features of frames at `FPS`; what is left after the last whole clip counts where there is no other."""
    count, last = 0, 0.0

    def squares() -> Iterator[Array]:
        nonlocal count, last
        for frame in shown:
            count, last = count + 1, frame.t_s
            yield square(frame.rgb)

    rows = []
    for batch in batches(clips(squares()), BATCH):
        slow = np.ascontiguousarray(batch[:, :, SLOW])
        rows.append(network(slow, batch))
    if not rows:
        raise MediaError("No picture to measure: the video holds no frame that can be decoded.")
    still = count == 1
    duration_s = 0.0 if still else last + 1 / FPS
    return pooled(COLUMNS, np.concatenate(rows), STEP_S, duration_s, {"still": still, "frames": count})


def clips(squares: Iterable[Array]) -> Iterator[Array]:
    """float32 [3, FRAMES, SIDE, SIDE] one after the other; only the first may be filled up with its last frame."""
    waiting: list[Array] = []
    whole = False
    for picture in squares:
        waiting.append(picture)
        if len(waiting) == FRAMES:
            yield _clip(waiting)
            waiting, whole = [], True
    if waiting and not whole:
        yield _clip(waiting + waiting[-1:] * (FRAMES - len(waiting)))


def square(rgb: Array) -> Array:
    """float32 [SIDE, SIDE, 3]: the middle of the picture uint8 [h, w, 3], its short side scaled to SIDE."""
    height, width = rgb.shape[:2]
    scale = SIDE / min(height, width)
    size = max(SIDE, round(width * scale)), max(SIDE, round(height * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = rgb if size == (width, height) else cv2.resize(rgb, size, interpolation=way)
    top, left = (size[1] - SIDE) // 2, (size[0] - SIDE) // 2
    middle = resized[top : top + SIDE, left : left + SIDE]
    return (np.asarray(middle, np.float32) / 255 - MEAN) / SD


def _clip(squares: list[Array]) -> Array:
    return np.ascontiguousarray(np.stack(squares).transpose(3, 0, 1, 2))
