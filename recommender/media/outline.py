"""What the packets of a video tell before anything is decoded: times, sizes and key frames."""

from array import array
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from recommender.media.container import demuxer, is_still, packets, video_stream
from recommender.media.damage import Damage, StrPath
from recommender.media.declared import tell
from recommender.media.video import MAX_GAP_S
from recommender.types import Array


@dataclass(frozen=True)
class Outline:
    """The packets of a video stream in the order of decoding, which is not that of showing.

    times_s: when each picture is shown, from the first one, float64 [n]; sizes: bytes, int64 [n]; keys: whether
    decoding can start there, bool [n]; end_s: when the last picture ends; width, height: of the coded pictures;
    codec: its name; declared_s: how long the file says to be, where a part of it is lost.
    """

    times_s: Array
    sizes: Array
    keys: Array
    end_s: float
    width: int
    height: int
    codec: str
    declared_s: float | None = None

    @property
    def starts(self) -> Array:
        """Places of the key frames among the packets, ascending, int [k]."""
        return np.flatnonzero(self.keys)

    @property
    def pixels(self) -> int:
        """Pixels of all pictures together: the cost of decoding them grows with it."""
        return self.width * self.height * len(self.sizes)


def outline(path: StrPath) -> Outline | None:
    """The outline of `path`, or None where packets cannot be relied on and only decoding tells.

    That is so for stills, where the file cannot be read to its end, and where time stamps are missing, repeated, far
    apart or out of order between key frames. Raises MediaError when the file cannot be opened or holds no video.
    """
    damage = Damage()
    with demuxer(path) as container:
        if is_still(container):
            return None
        stream = video_stream(container, path)
        rows = array("q")  # a film has half a million packets: 32 bytes each here, 190 as a list of tuples
        for packet in packets(container, stream, damage):
            if packet.pts is None or packet.is_corrupt or packet.is_discard:
                return None
            rows.extend((packet.pts, packet.size, packet.is_keyframe, packet.duration or 0))
        codec, base = stream.codec_context, float(stream.time_base)
        found = None if damage.packets else _check(np.array(rows).reshape(-1, 4), base, codec)
        if found is None:
            return None
        gaps = np.diff(np.sort(found.times_s), append=found.end_s)
        held_s = float(np.median(gaps))
        gaps_s = float((gaps - held_s)[gaps > 2 * held_s].sum())
        tell(path, stream, damage, read_s=found.end_s, packets=len(found.sizes), gaps_s=gaps_s)
        return replace(found, declared_s=damage.declared_s)


def _check(rows: Array, base_s: float, codec: Any) -> Outline | None:
    """The outline of packets (stamp, size, key, duration) that all have a stamp, if the stamps make sense."""
    if not len(rows) or not rows[0, 2]:
        return None
    times, keys = (rows[:, 0] - rows[0, 0]) * base_s, rows[:, 2].astype(bool)
    shown = np.sort(times)
    gaps = np.diff(shown)
    sane = (gaps > 0).all() and (gaps <= MAX_GAP_S).all() and (np.diff(times[keys]) > 0).all() and shown[0] == 0
    if not sane:
        return None
    held = float(rows[times.argmax(), 3] * base_s)
    usual = float(np.sort(gaps)[len(gaps) // 2]) if len(gaps) else 0.04
    end_s = float(shown[-1]) + (held if 0 < held <= MAX_GAP_S else usual)
    return Outline(times, rows[:, 1], keys, end_s, codec.width, codec.height, codec.name)
