"""The sound of a file as a player plays it: the right stream, of every part that the file is chained of."""

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from recommender.errors import MediaError, PassingError
from recommender.media.container import (
    audio_streams,
    decode,
    demuxer,
    nothing_decoded,
    open_file,
    packets,
    prepare,
    use_alone,
)
from recommender.media.damage import Damage, StrPath
from recommender.media.declared import tell
from recommender.media.structure import Piece, pieces


def count_sounds(path: StrPath) -> int:
    """How many streams of sound a file has that can be decoded; raises MediaError when there is none."""
    with demuxer(path) as container:
        return len(audio_streams(container, path))


def sound_frames(path: StrPath, damage: Damage, place: int = 0) -> Iterator[Any]:
    """The decoded frames of sound in `path`, of the stream at that place; raises MediaError when there is none."""
    with demuxer(path) as container:
        parts = _pieces(path, container.format.name)
        if len(parts) == 1:
            yield from _frames(path, None, damage, opened=container, place=place)
            return
    heard, error = 0.0, None
    for part in parts:
        try:
            for frame in _frames(path, part, damage, place=place):
                heard += frame.samples
                yield frame
        except PassingError:
            raise
        except MediaError as failed:  # a link without sound leaves the others
            error = error or failed
    if error is not None and not heard:
        raise error


def _pieces(path: StrPath, kind: str) -> list[Piece]:
    """The parts of a file of a kind: more than one where it is chained."""
    with open_file(path) as file:
        return pieces(file, kind)


def _frames(path: StrPath, part: Piece | None, damage: Damage, *, opened: Any = None, place: int = 0) -> Iterator[Any]:
    """The frames of one part, None: of the whole file, `opened` already: of the best of its streams, from that place
    on, that gives any."""
    left = 1
    while left:
        mine, read_s, count = Damage(), 0.0, 0
        with demuxer(path, part) if opened is None else nullcontext(opened) as container:
            opened = None
            streams = audio_streams(container, path)
            stream, left = streams[min(place, len(streams) - 1)], max(0, len(streams) - place - 1)
            use_alone(container, stream)
            prepare(stream, threads=1)
            for packet in _then_none(packets(container, stream, mine)):
                count += packet is not None
                for frame in decode(stream, packet, mine):
                    read_s += frame.samples / max(1, frame.sample_rate)
                    yield frame
            place += 1
            if not read_s and not left:
                raise nothing_decoded(path, stream, mine)
            if read_s:
                left = 0
                if part is None:
                    tell(path, stream, mine, read_s=read_s, packets=count)
        damage.packets += mine.packets
        damage.frames += mine.frames
        damage.read_s, damage.declared_s = mine.read_s, mine.declared_s


def _then_none(several: Iterator[Any]) -> Iterator[Any]:
    """The packets, and after them None: the end of the stream."""
    yield from several
    yield None
