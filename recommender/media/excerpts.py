"""Every frame of some short stretches of a film, without decoding what lies between."""

from collections.abc import Iterable, Iterator
from itertools import chain, takewhile
from typing import Any

from recommender.media.container import decode_frames, demuxer, prepare, video_stream
from recommender.media.damage import DECODE_ERRORS, Damage, StrPath
from recommender.media.paint import Painter
from recommender.media.video import Frame, frames

_EARLY_S = 1e-4  # containers round the times of frames
_BACK_S = (0.0, 3.0, 12.0)
"""How long before a span a file is entered: in a transport stream the first picture that can be decoded there may lie
behind it. Encoders set a key frame every ten seconds or so."""


def excerpts(path: StrPath, spans: Iterable[tuple[float, float]], *, max_side: int = 160) -> Iterator[list[Frame]]:
    """The frames that begin within each of `spans`, both ends included, in seconds from the first frame.

    Where a file does not let itself be entered there, it is decoded from its beginning. Damaged frames are left out;
    raises MediaError as `frames`.
    """
    with demuxer(path) as container:
        stream = video_stream(container, path)
        prepare(stream, threads=0)
        painter, origin_s = Painter(max_side, stream.sample_aspect_ratio), _origin_s(container, stream)
        for span in spans:
            found = [] if origin_s is None else _entered(container, stream, origin_s, span=span, painter=painter)
            yield found or _from_beginning(path, span, max_side)


def _origin_s(container: Any, stream: Any) -> float | None:
    """The time stamp of the first frame; None where it has none."""
    first = next(decode_frames(container, stream, Damage()), None)
    return None if first is None or first.pts is None else float(first.pts * stream.time_base)


def _entered(
    container: Any, stream: Any, origin_s: float, *, span: tuple[float, float], painter: Painter
) -> list[Frame]:
    """The frames of a span; none where the file could not be entered before it, or one cannot be painted, which
    decoding from the beginning tells."""
    start_s, end_s = span[0] - _EARLY_S, span[1] + _EARLY_S
    for back_s in _BACK_S:
        try:
            container.seek(int(max(start_s - back_s + origin_s, 0.0) / stream.time_base), stream=stream)
        except DECODE_ERRORS:
            return []
        decoded = (frame for frame in decode_frames(container, stream, Damage()) if frame.pts is not None)
        timed = ((float(frame.pts * stream.time_base) - origin_s, frame) for frame in decoded)
        first = next(timed, None)
        if first is not None and first[0] <= max(start_s, 0.0) + _EARLY_S:
            inside = takewhile(lambda one: one[0] <= end_s, chain([first], timed))
            try:
                return [Frame(t_s, painter.rgb(frame)) for t_s, frame in inside if t_s >= start_s]
            except DECODE_ERRORS:
                return []
    return []


def _from_beginning(path: StrPath, span: tuple[float, float], max_side: int) -> list[Frame]:
    start_s, end_s = span[0] - _EARLY_S, span[1] + _EARLY_S
    shown = takewhile(lambda frame: frame.t_s <= end_s, frames(path, None, max_side))
    return [frame for frame in shown if frame.t_s >= start_s]
