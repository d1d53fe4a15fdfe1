"""Where a scene or a shot begins, as a file tells it."""

from typing import NamedTuple


class Mark(NamedTuple):
    """A border.

    Attributes
    ----------
    at_s: in seconds of the film. label: a name of what begins there. silent: whether that is to have no music.
    line: where it stands in its file.
    """

    at_s: float
    label: str | None = None
    silent: bool = False
    line: int = 0
