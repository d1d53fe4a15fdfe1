"""What the page shows of one clip: what was answered, seen and heard."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recommender.page.sound import Heard
from recommender.page.strip import Picture

if TYPE_CHECKING:
    from recommender.outputs.records import Answer

STILL_S = 10.0
"""How long a picture that does not move is shown."""


@dataclass(frozen=True)
class Part:
    """One clip of the report.

    Attributes
    ----------
    answer: what is told. duration_s: of what is shown, above 0. pictures: of the clip, in a row.
    cuts_s: where its shots begin, but the first. heard: of each recommendation; None where its file cannot be read.
    remarks: what could not be read, a line each.
    """

    answer: "Answer"
    duration_s: float = STILL_S
    pictures: tuple[Picture, ...] = ()
    cuts_s: tuple[float, ...] = ()
    heard: tuple[Heard | None, ...] = ()
    remarks: tuple[str, ...] = ()
