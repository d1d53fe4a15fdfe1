"""M3U8: the chosen track and the alternatives; VLC plays the section of each, other players the whole track."""

from collections.abc import Iterable
from pathlib import Path

from recommender.editing.placement import Stretch
from recommender.errors import InputError
from recommender.text import show
from recommender.timelines.address import absolute
from recommender.timelines.timeline import Music, Timeline


def write(timeline: Timeline, path: Path) -> None:
    """The tracks, the chosen one first; a name that is no UTF-8 keeps its bytes."""
    text = playlist(timeline.name, map(_entry, timeline.music))
    path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def playlist(name: str, entries: Iterable[str]) -> str:
    """A playlist of that name; `entries` as `entry` makes them."""
    return "".join(["#EXTM3U\n", f"#PLAYLIST:{show(name)}\n", *entries])


def entry(path: str | Path, title: str, section: Stretch, *, duration_s: float | None) -> str:
    """A track with the section to play, in seconds of it; raises InputError for a name that no playlist can hold."""
    where = absolute(path)
    if "\n" in where or "\r" in where:
        raise InputError(f"{show(where)}: a playlist cannot hold a name of several lines; rename it")
    played = f"#EXTVLCOPT:start-time={section.start_s:.6f}\n#EXTVLCOPT:stop-time={section.end_s:.6f}\n"
    return f"#EXTINF:{round(duration_s or -1)},{show(title)}\n{played}{where}\n"


def _entry(music: Music) -> str:
    pieces = music.placement.pieces
    section = Stretch(pieces[0].start_s, pieces[-1].end_s)
    return entry(music.path, music.title, section, duration_s=music.sound.duration_s)
