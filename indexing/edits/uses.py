"""What is known of a finished film: which stretch of which track is heard where."""

from dataclasses import dataclass
from typing import NamedTuple


class Use(NamedTuple):
    """A stretch of a track under a stretch of a film; both run at the same speed.

    Attributes
    ----------
    hash: of the track's content, hexadecimal, which a new name does not change. path: where the track was then.
    film_in_s, film_out_s: in seconds of the film. track_in_s: where in the track it begins.
    votes: landmarks that agree. loops: other in-points that the music would equally have, whole loops away.
    """

    hash: str
    path: str
    film_in_s: float
    film_out_s: float
    track_in_s: float
    votes: int = 0
    loops: tuple[float, ...] = ()


@dataclass(frozen=True)
class Edit:
    """A finished film with the music that was found in it, in the film's order.

    Attributes
    ----------
    film: its absolute path. hash: of its content, hexadecimal. duration_s: of the film. uses: see `Use`.
    added: when it was read, UTC, ISO 8601.
    """

    film: str
    hash: str
    duration_s: float
    uses: tuple[Use, ...]
    added: str = ""
