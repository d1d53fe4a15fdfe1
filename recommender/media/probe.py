"""What a media file holds, from its headers and its first picture."""

from dataclasses import dataclass
from typing import Any

from recommender.media import heif, webp
from recommender.media.container import (
    decode,
    demuxer,
    is_still,
    nothing_decoded,
    packets,
    pictures,
    prepare,
    video_stream,
)
from recommender.media.damage import Damage, StrPath, cannot_read
from recommender.media.kept import keep
from recommender.media.paint import display_size, quarter_turns

_ANIMATIONS = {"gif", "apng"}  # formats of moving pictures that often hold a single one
_PEEK_PACKETS = 64  # a decoder that has shown nothing after so many will not tell the rotation


@dataclass(frozen=True)
class MediaInfo:
    """What a file declares to hold; the decoded duration is the one that counts.

    `duration_s` is None when the container does not tell and for stills; `width`, `height` are as shown (square
    pixels, upright; 0 without video); `rotation` is the counterclockwise turn in degrees (0, 90, 180, 270) that
    makes the coded picture upright. Attached cover pictures are not video.
    """

    duration_s: float | None
    has_audio: bool
    has_video: bool
    still: bool = False
    width: int = 0
    height: int = 0
    rotation: int = 0
    fps: float | None = None
    video_codec: str | None = None
    audio_codec: str | None = None


@keep
def probe(path: StrPath) -> MediaInfo:
    """What `path` holds; raises MediaError when it cannot be opened or holds nothing that can be decoded."""
    with demuxer(path) as container:
        sound = [stream for stream in container.streams.audio if stream.codec_context is not None]
        grid = heif.grid_of(container, path)
        watchable = grid or any(stream.codec_context is not None for stream in pictures(container, path))
        if not sound and not watchable:
            raise cannot_read(path, "it holds neither sound nor pictures that can be decoded; convert it")
        picture = _picture(container, path, grid, required=not sound) if watchable else {}
        moving = webp.animation(container, path)
        duration = moving.duration_s * 1e6 if moving else container.duration
        return MediaInfo(
            duration_s=duration / 1e6 if duration and duration > 0 and not picture.get("still") else None,
            has_audio=bool(sound),
            has_video=bool(picture),
            audio_codec=sound[0].codec_context.name if sound else None,
            **picture,
        )


def _picture(container: Any, path: StrPath, grid: heif.Grid | None, *, required: bool) -> dict[str, Any]:
    """The fields of `MediaInfo` that describe the video stream; empty when it is unusable and not `required`."""
    if grid:
        names = container.streams.video[0].codec_context.name
        return {"still": True, "video_codec": names, **dict(zip(("width", "height"), grid.shown, strict=True))}
    if moving := webp.animation(container, path):
        return {"width": moving.width, "height": moving.height, "video_codec": "webp"}
    stream = video_stream(container, path)
    prepare(stream, threads=1)
    damage = Damage()
    first, alone = _peek(container, stream, damage)
    codec = stream.codec_context
    if first is None and not codec.width:
        if required:
            raise nothing_decoded(path, stream, damage)
        return {}
    turns = quarter_turns(first) if first is not None else 0
    still = is_still(container) or (container.format.name in _ANIMATIONS and alone)
    width, height = display_size(codec.width, codec.height, stream.sample_aspect_ratio, rotation=turns * 90)
    return {
        "still": still,
        "width": width,
        "height": height,
        "rotation": turns * 90,
        "fps": float(stream.average_rate) if stream.average_rate and not still else None,
        "video_codec": codec.name,
    }


def _peek(container: Any, stream: Any, damage: Damage) -> tuple[Any, bool]:
    """The first decoded frame (None if there is none), and whether its stream has one packet only."""
    first, count = None, 0
    for packet in packets(container, stream, damage):
        count += 1
        if first is None:
            first = next(iter(decode(stream, packet, damage)), None)
        if count >= _PEEK_PACKETS or (count > 1 and first is not None):
            return first, False
    if first is None:
        first = next(iter(decode(stream, None, damage)), None)
    return first, count <= 1
