"""From answers to the file: what the page shows is measured, one part per clip, and written whole or not at all."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from recommender import home
from recommender.atomic import write
from recommender.errors import InputError, MediaError, PassingError
from recommender.home import model_errors
from recommender.media import probe
from recommender.page.part import STILL_S, Part
from recommender.page.sound import hear
from recommender.page.strip import Picture, Strip, slides, still
from recommender.text import show

if TYPE_CHECKING:
    from recommender.extractors.audio.beats import Beats
    from recommender.outputs.records import Answer
    from recommender.types import Track

_Found = TypeVar("_Found")


def make_part(
    answer: "Answer",
    beats_of: Callable[["Track"], "Beats | None"],
    on_step: Callable[[], None] = lambda: None,
) -> Part:
    """Look at the clip of an answer and listen to its tracks.

    Parameters
    ----------
    answer: of a query by clip. beats_of: the beats of a track, None where they are not known. on_step: called
        `steps(answer)` times.

    What cannot be read is told in `remarks`. Raises PassingError for a fault of the machine.
    """
    if answer.error is not None or not answer.clips:
        return Part(answer)
    duration_s = answer.duration_s or STILL_S
    remarks: list[str] = []
    pictures, cuts = _tried(lambda: _look(answer, duration_s), remarks) or ((), ())
    on_step()
    heard = []
    for r in answer.recommendations:
        heard.append(_tried(lambda r=r: hear(r, beats_of(r.track)), remarks))  # type: ignore[misc]
        on_step()
    return Part(answer, duration_s, pictures, cuts, tuple(heard), tuple(remarks))


def steps(answer: "Answer") -> int:
    """How many steps `make_part` takes."""
    return 1 + len(answer.recommendations) if answer.error is None and answer.clips else 0


def refuse_existing(path: Path, overwrite: bool, *, what: str = "report") -> None:
    """Raise InputError for a page that is there, unless it may be replaced, or where a folder is; `what`: its kind."""
    if path.is_dir():
        raise InputError(f"{show(path)} is a folder: name a file for the {what}, as {show(path / f'{what}.html')}")
    home.refuse_existing([path], overwrite)


def write_report(parts: Sequence[Part], path: Path, *, overwrite: bool = False) -> None:
    """Write the page of some parts; raises InputError where a file is there, ModelError where it cannot be written."""
    from recommender.page.layout import page

    refuse_existing(path, overwrite)
    with model_errors(path):
        write(path, page(parts, path.absolute().parent).encode())


def _look(answer: "Answer", duration_s: float) -> tuple[tuple[Picture, ...], tuple[float, ...]]:
    """The pictures in a row, and where another shot or another picture begins."""
    if len(answer.clips) > 1 or answer.picture_s is not None:
        row = slides(answer.clips, answer.picture_s or 0.0)
        return row, tuple(picture.start_s for picture in row[1:])
    if answer.still or probe(answer.clips[0]).still:
        return still(answer.clips[0], duration_s), ()
    from recommender.extractors.video.cut_times import cut_times

    pictures = Strip(duration_s)
    cuts = cut_times(answer.clips[0], pictures.see)
    return pictures.pictures(), cuts


def _tried(look: Callable[[], _Found], remarks: list[str]) -> _Found | None:
    try:
        return look()
    except PassingError:
        raise
    except MediaError as error:
        remarks.append(str(error))
        return None
