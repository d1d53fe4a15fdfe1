"""M3U8: the chosen track and the alternatives; VLC plays the section of each, other players the whole track."""

from pathlib import Path

from recommender.errors import InputError
from recommender.text import show
from recommender.timelines.address import absolute
from recommender.timelines.timeline import Music, Timeline


def write(timeline: Timeline, path: Path) -> None:
    """The tracks, the chosen one first; a name that is no UTF-8 keeps its bytes."""
    lines = ["#EXTM3U\n", f"#PLAYLIST:{show(timeline.name)}\n", *map(_entry, timeline.music)]
    path.write_text("".join(lines), encoding="utf-8", errors="surrogateescape", newline="")


def _entry(music: Music) -> str:
    where = absolute(music.path)
    if "\n" in where or "\r" in where:
        raise InputError(f"{show(where)}: a playlist cannot hold a name of several lines; rename it")
    pieces = music.placement.pieces
    section = f"#EXTVLCOPT:start-time={pieces[0].start_s:.6f}\n#EXTVLCOPT:stop-time={pieces[-1].end_s:.6f}\n"
    return f"#EXTINF:{round(music.sound.duration_s or -1)},{show(music.title)}\n{section}{where}\n"
