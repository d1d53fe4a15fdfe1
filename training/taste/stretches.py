"""The query of a stretch of a film: of what is seen there, and said."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import chain, dropwhile, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from recommender.editing.placement import Stretch
from recommender.types import Array

if TYPE_CHECKING:
    from recommender.engine import Recommender
    from recommender.query import Query

_FPS, _SIDE = 30.0, 480  # most pictures a second, and pixels a side: more than what is looked at


def query_of_stretch(recommender: "Recommender", film: Path, start_s: float, *, end_s: float) -> "Query":
    """The query for `film` from `start_s` to `end_s`, in seconds from its first picture, as if it were a clip.

    The stretch is written as a small film of its own. Raises MediaError where the film cannot be read, or has no
    picture there.
    """
    from recommender.media import probe, write_video

    fps = min(probe(film).fps or _FPS, _FPS)
    with TemporaryDirectory() as folder:
        cut = Path(folder) / "stretch.mp4"
        write_video(cut, _pictures(film, fps, start_s, end_s=end_s), fps)
        query = recommender.clip(cut)
    return replace(query, speech=_within(_speech(film), start_s, end_s))


def _pictures(film: Path, fps: float, start_s: float, *, end_s: float) -> Iterator[Array]:
    from recommender.errors import MediaError
    from recommender.media import frames
    from recommender.text import show

    shown = dropwhile(lambda frame: frame.t_s < start_s - 0.5 / fps, frames(film, fps, _SIDE))
    inside = takewhile(lambda frame: frame.t_s < end_s - 0.5 / fps, shown)
    first = next(inside, None)
    if first is None:
        raise MediaError(f"'{show(film)}' shows nothing from {start_s:.1f} to {end_s:.1f} s")
    yield from (frame.rgb for frame in chain([first], inside))


@lru_cache(maxsize=1)  # the stretches of a film follow each other
def _speech(film: Path) -> tuple[Stretch, ...]:
    from recommender.extractors.audio.speech import speech_in

    return speech_in(film)


def _within(speech: tuple[Stretch, ...], start_s: float, end_s: float) -> tuple[Stretch, ...]:
    """What is said in a stretch, in seconds of it."""
    inside = (Stretch(max(a, start_s) - start_s, min(b, end_s) - start_s) for a, b in speech)
    return tuple(one for one in inside if one.end_s > one.start_s)
