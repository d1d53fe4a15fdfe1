"""Short runs of pictures from key frames on, with nothing decoded between them: the cheap way through long groups."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

import numpy as np

from recommender.media.container import decode, demuxer, packets, prepare, video_stream
from recommender.media.damage import DECODE_ERRORS, Damage, StrPath
from recommender.media.looks import Looks
from recommender.media.outline import Outline
from recommender.media.paint import Painter
from recommender.media.video import Frame
from recommender.types import Array

STEP_S = 0.1
"""Least time between two pictures of a burst: `frames` takes 8 per second, and flow is to compare with it."""


def bursts(
    path: StrPath,
    seen: Outline,
    lengths_s: Sequence[float] | Array,
    *,
    max_side: int = 160,
    damage: Damage | None = None,
    look_side: int = 0,
    look_every_s: float | None = None,
) -> Iterator[list[Frame]]:
    """The frames from each key frame of `seen` on, for `lengths_s` [key frames] each; negative: none of it.

    A burst ends with the first picture at its length or later, or with its group of pictures. Times and pictures are
    those of `frames`, but pictures that no other leans on are left out, and deblocking is, which no feature sees at
    these sizes. One thread, always the same numbers. Every fault is counted in `damage`; a burst of which
    nothing can be decoded is one, and left out.
    """
    damage = Damage() if damage is None else damage
    with demuxer(path) as container:
        stream = video_stream(container, path)
        prepare(stream, threads=1)
        codec = stream.codec_context
        codec.options = {**codec.options, "skip_loop_filter": "all"}
        codec.skip_frame = "NONREF"
        painter = Painter(max_side, stream.sample_aspect_ratio)
        looks = Looks(look_side, stream.sample_aspect_ratio, look_every_s)
        rows = zip(_bursts_of(seen, lengths_s), packets(container, stream, damage), strict=False)
        for burst, group in groupby((row for row in rows if row[0] >= 0), key=lambda row: int(row[0])):
            start_s = float(seen.times_s[seen.starts[burst]])
            raw = _decode(stream, (packet for _, packet in group), damage)
            if run := _thin(raw, stream.time_base, start_s, painter, looks, damage):
                yield run
            else:
                damage.packets += 1


def _bursts_of(seen: Outline, lengths_s: Sequence[float] | Array) -> Array:
    """The burst that each packet is to be decoded for, its place among the key frames, int [n]; -1 for none."""
    found = np.full(len(seen.keys), -1)
    starts = seen.starts
    for k, (start, stop) in enumerate(zip(starts, [*starts[1:], len(seen.keys)], strict=True)):
        if lengths_s[k] < 0:
            continue
        offsets = seen.times_s[start:stop] - seen.times_s[start]
        late = np.flatnonzero(offsets >= lengths_s[k] - 1e-6)
        stop = start + late[0] + 1 if len(late) else stop
        # Pictures shown before their key frame lean on the group before.
        found[start:stop][offsets[: stop - start] >= 0] = k
    return found


def _decode(stream: Any, group: Iterable[Any], damage: Damage) -> Iterator[Any]:
    """The frames with a stamp of one group of pictures, one at a time: all of a 4K group would fill gigabytes."""
    for packet in group:
        yield from (frame for frame in decode(stream, packet, damage) if frame.pts is not None)
    yield from (frame for frame in decode(stream, None, damage) if frame.pts is not None)
    stream.codec_context.flush_buffers()


def _thin(
    raw: Iterable[Any], base: Fraction, start_s: float, painter: Painter, looks: Looks, damage: Damage
) -> list[Frame]:
    """The pictures at least `STEP_S` apart."""
    kept: list[Frame] = []
    first: int | None = None
    for frame in raw:
        first = frame.pts if first is None else first
        t_s = start_s + float((frame.pts - first) * base)
        if kept and t_s < kept[-1].t_s + STEP_S - 1e-6:
            continue
        try:
            rgb = painter.rgb(frame)
            kept.append(Frame(t_s, rgb, *looks.at(t_s, frame, rgb)))
        except DECODE_ERRORS as error:
            damage.skip(error)
    return kept
