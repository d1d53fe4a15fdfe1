"""Pictures made of tiles, as phones write HEIC: where the tiles go (ISO/IEC 23008-12) and the picture they make.

FFmpeg gives the tiles as streams of their own, whose ids are those of the file's items; how they lie and how the
picture is turned stands in boxes that it keeps to itself.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import av
import numpy as np
from av.stream import Disposition

from recommender.media.container import MAX_PIXELS, check_size, decode, is_still, open_file, packets, prepare
from recommender.media.damage import Damage, StrPath, cannot_read
from recommender.media.structure import Piece, boxes
from recommender.types import Array

_MOST_META = 1 << 22  # bytes of the boxes that describe items; 48 tiles take some 4 kB
_DAMAGED = "its description of tiles is damaged; export the picture again as jpg"


class Grid(NamedTuple):
    """The tiles of a picture, ids row by row; its size once cut, and its quarter turns counterclockwise."""

    columns: int
    rows: int
    width: int
    height: int
    tiles: tuple[int, ...]
    turns: int

    @property
    def shown(self) -> tuple[int, int]:
        """(width, height) upright."""
        return (self.height, self.width) if self.turns % 2 else (self.width, self.height)


def grid_of(container: Any, path: StrPath) -> Grid | None:
    """The grid that the picture in `path` is, None where it is one piece; raises MediaError for one of no sense."""
    if not is_still(container) or not any(s.disposition & Disposition.dependent for s in container.streams.video):
        return None
    try:
        return _grid(path)
    except (ValueError, IndexError, KeyError) as error:
        raise cannot_read(path, _DAMAGED) from error


def assemble(container: Any, path: StrPath, grid: Grid, *, damage: Damage) -> Any:
    """The whole picture as a frame, upright; tiles that cannot be decoded are counted and stay grey."""
    check_size(path, grid.width, grid.height, most=MAX_PIXELS)
    streams = {stream.id: stream for stream in container.streams.video}
    if missing := [tile for tile in grid.tiles if tile not in streams]:
        raise cannot_read(path, f"{len(missing)} of its {len(grid.tiles)} tiles are missing; copy or export it again")
    places = {tile: divmod(k, grid.columns) for k, tile in enumerate(grid.tiles)}
    planes: list[Array] = []
    first: Any = None
    for tile, frame in _tiles(container, [streams[tile] for tile in grid.tiles], damage):
        if first is None:
            first, planes = frame, _blank(frame, grid)
        if (frame.format.name, frame.width, frame.height) == (first.format.name, first.width, first.height):
            for plane, part in zip(planes, _pixels(frame), strict=True):
                row, column = (n * side for n, side in zip(places[tile], part.shape, strict=True))
                area = plane[row : row + part.shape[0], column : column + part.shape[1]]
                area[:] = part[: area.shape[0], : area.shape[1]]
    if first is None:
        raise cannot_read(path, f"none of its {len(grid.tiles)} tiles could be decoded; copy or export it again")
    return _frame([np.rot90(plane, grid.turns) for plane in planes], first, grid)


def _tiles(container: Any, streams: Sequence[Any], damage: Damage) -> Iterator[tuple[int, Any]]:
    """(item, decoded frame) of each of `streams`, as they come."""
    for stream in streams:
        prepare(stream, threads=1)
    for packet in packets(container, streams, damage):
        for given in (packet, None):
            yield from ((packet.stream.id, frame) for frame in decode(packet.stream, given, damage))


def _pixels(frame: Any) -> list[Array]:
    """The samples of each plane, uint8 or uint16 [h, w]; what is written there is in the frame."""
    kind = np.dtype(np.uint16 if frame.format.components[0].bits > 8 else np.uint8)
    rows = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in frame.planes]
    return [r[: p.height, : p.width * kind.itemsize].view(kind) for r, p in zip(rows, frame.planes, strict=True)]


def _blank(tile: Any, grid: Grid) -> list[Array]:
    """Grey planes as large as the picture, of the kinds that `tile` has."""
    grey = 1 << (tile.format.components[0].bits - 1)
    whole = av.VideoFrame(grid.width, grid.height, tile.format.name)
    return [np.full_like(plane, grey) for plane in _pixels(whole)]


def _frame(planes: list[Array], tile: Any, grid: Grid) -> Any:
    """A frame of `planes` with the colours of `tile`."""
    frame = av.VideoFrame(*grid.shown, tile.format.name)
    for plane, pixels in zip(_pixels(frame), planes, strict=True):
        plane[:] = pixels
    for name in ("colorspace", "color_range", "color_trc", "color_primaries"):
        setattr(frame, name, getattr(tile, name))
    return frame


def _grid(path: StrPath) -> Grid | None:
    boxes = dict(_boxes(_meta(path), 4))
    item = _uint(boxes["pitm"], 4, 4 if boxes["pitm"][0] else 2)
    if _kind(boxes["iinf"], item) != "grid":
        return None
    tiles = {of: tiles for kind, of, tiles in _references(boxes["iref"]) if kind == "dimg"}[item]
    data = _item(path, boxes, item)
    rows, columns, size = data[2] + 1, data[3] + 1, 4 if data[1] & 1 else 2
    width, height = _uint(data, 4, size), _uint(data, 4 + size, size)
    if len(tiles) != rows * columns or not width * height:
        raise ValueError("a grid of another number of tiles")
    turns = next((body[0] & 3 for kind, body in _properties(boxes["iprp"], item) if kind == "irot"), 0)
    return Grid(columns, rows, width, height, tiles, turns)


def _meta(path: StrPath) -> bytes:
    """The body of the box `meta`, which describes the items."""
    with open_file(path) as file:
        for kind, held in boxes(file, Piece(0, file.seek(0, 2))):
            if kind == b"meta" and held.end - held.start <= _MOST_META:
                file.seek(held.start)
                return file.read(held.end - held.start)
    raise ValueError("no items")


def _boxes(data: bytes, at: int = 0) -> Iterator[tuple[str, bytes]]:
    """(kind, body) of the boxes in `data` from `at` on."""
    while at + 8 <= len(data):
        size = _uint(data, at, 4)
        if size < 8:
            raise ValueError("a box without a size")
        yield data[at + 4 : at + 8].decode("latin-1"), data[at + 8 : at + size]
        at += size


def _kind(iinf: bytes, item: int) -> str:
    """What `item` is."""
    for _, entry in _boxes(iinf, 8 if iinf[0] else 6):
        size = 4 if entry[0] == 3 else 2
        if _uint(entry, 4, size) == item:
            return entry[6 + size : 10 + size].decode("latin-1")
    return ""


def _references(iref: bytes) -> Iterator[tuple[str, int, tuple[int, ...]]]:
    """(kind, item, the items that it refers to)."""
    size = 4 if iref[0] else 2
    for kind, body in _boxes(iref, 4):
        count = _uint(body, size, 2)
        yield kind, _uint(body, 0, size), tuple(_uint(body, size + 2 + size * k, size) for k in range(count))


def _properties(iprp: bytes, item: int) -> Iterator[tuple[str, bytes]]:
    """The properties of `item`."""
    boxes = dict(_boxes(iprp))
    known, ipma = list(_boxes(boxes["ipco"])), boxes["ipma"]
    size, wide, at = (4 if ipma[0] else 2), 2 if ipma[3] & 1 else 1, 8
    for _ in range(_uint(ipma, 4, 4)):
        of, count = _uint(ipma, at, size), ipma[at + size]
        at += size + 1
        for k in range(count if of == item else 0):
            place = _uint(ipma, at + k * wide, wide) & (0x7FFF if wide == 2 else 0x7F)
            if place:
                yield known[place - 1]
        at += count * wide


def _item(path: StrPath, boxes: dict[str, bytes], item: int) -> bytes:
    """The bytes of `item`, from the file or the box `idat`; those of a grid are at most 12."""
    iloc = boxes["iloc"]
    version, sizes = iloc[0], (iloc[4] >> 4, iloc[4] & 15, iloc[5] >> 4, iloc[5] & 15 if iloc[0] else 0)
    offset_size, length_size, base_size, index_size = sizes
    size = 4 if version == 2 else 2
    at = 6 + size
    for _ in range(_uint(iloc, 6, size)):
        of = _uint(iloc, at, size)
        at += size + (2 if version else 0)
        method = iloc[at - 1] & 15 if version else 0
        base, at = _uint(iloc, at + 2, base_size), at + 2 + base_size
        count, at = _uint(iloc, at, 2), at + 2
        if of == item:
            offset = base + _uint(iloc, at + index_size, offset_size)
            if method:
                return boxes["idat"][offset : offset + 12]
            with open_file(path) as file:
                file.seek(offset)
                return file.read(12)
        at += count * (index_size + offset_size + length_size)
    raise ValueError("an item that is nowhere")


def _uint(data: bytes, at: int, size: int) -> int:
    if len(data) < at + size:
        raise ValueError("a box that ends too early")
    return int.from_bytes(data[at : at + size], "big")
