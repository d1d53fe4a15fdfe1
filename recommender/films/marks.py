"""Where a scene or a shot begins, as a file tells it."""

from typing import NamedTuple


class Mark(NamedTuple):
    """A border.

    Attributes
    ----------
    at_s: in seconds of the film. label: a name of what begins there. silent: whether that is to have no music.
    line: where it stands in its file. track: the path of the music that it keeps; None where any will do. begins_s: the
        second of that track at which its music begins; None where that is left to the score.
    """

    at_s: float
    label: str | None = None
    silent: bool = False
    line: int = 0
    track: str | None = None
    begins_s: float | None = None
