"""The query of a stretch of a film: of what is seen there, and said. A film is read once for all of its stretches."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.editing.placement import Stretch
from recommender.errors import MediaError
from recommender.text import show

if TYPE_CHECKING:
    from recommender.engine import Recommender
    from recommender.extractors.video.parts import Reading
    from recommender.query import Query

SHORTEST_S = 2.0
"""Stretches of film below are stings and joins: nobody chose a track for what is seen in them."""


def query_of_stretch(recommender: "Recommender", film: Path, start_s: float, *, end_s: float) -> "Query":
    """The query for `film` from `start_s` to `end_s`, in seconds from its first picture, as if it were a clip.

    Raises MediaError where the film cannot be read, or shows nothing for `SHORTEST_S` there; InputError of a model that
    reads no parts of films.
    """
    from recommender.query import cut_speech, query_of_part

    reading, speech = _read(film)
    start_s, end_s = max(start_s, 0.0), min(end_s, reading.duration_s)
    if end_s - start_s < SHORTEST_S:
        raise MediaError(f"'{show(film)}' shows less than {SHORTEST_S:g} s there")
    spoken = cut_speech(speech, end_s, start_s)
    return query_of_part(recommender.model, reading.features(start_s, end_s), spoken)


@lru_cache(maxsize=1)  # the stretches of a film follow each other
def _read(film: Path) -> "tuple[Reading, tuple[Stretch, ...]]":
    from recommender.extractors.audio.speech import speech_in
    from recommender.extractors.video import parts

    return parts.read(film), speech_in(film)
