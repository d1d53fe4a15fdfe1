"""Films to listen to: a clip with music under it, and what is shown without being a film made one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from recommender.atomic import new_file
from recommender.editing.mix import OnSecond, mix, own_blocks, pad
from recommender.editing.placement import Bed, Placement
from recommender.errors import InputError
from recommender.home import model_errors, refuse_existing
from recommender.media import probe
from recommender.media.film import Shot, code_under, shots_of
from recommender.media.remux import CONTAINERS, Pictures, Soundtrack, check_suffix, copy_under, pictures_of
from recommender.media.stereo import RATE_HZ
from recommender.media.web import has_web_pictures
from recommender.text import show
from recommender.types import Array

_CODED = (".mp4", ".mkv", ".m4v", ".mov")
"""Suffixes of films whose pictures are coded here."""


def preview_suffix(clip: Path) -> str:
    """The suffix of a file that can hold a clip's pictures as they are, else of one that they are coded for."""
    pictures = pictures_of(clip)
    return pictures.suffixes[0] if pictures.copied else _CODED[0]


def write_preview(
    music: Placement | Bed, path: Path, *, overwrite: bool = False, on_second: OnSecond | None = None
) -> list[str]:
    """Write a clip with the music of one placement, or of several, under it; what is to be known of it comes back.

    Parameters
    ----------
    path: ends in .mp4, .m4v, .mov, .mkv or .webm. overwrite: whether a file that is there may be replaced.

    A line each. Pictures are copied to the bit; those of stills and animations, and what no file can take as it is, are
    coded as H.264. The sound is coded anew. The file is whole or not there. Raises InputError for a suffix that does
    not fit or a file that is there, MediaError for what cannot be read or written.
    """
    refuse_existing([path], overwrite)
    pictures = pictures_of(music.clip)
    _check(path, music.clip, pictures)
    heard = mix(music, pictures.start_s)
    sound = Soundtrack(heard.at, heard.blocks)
    with model_errors(path), new_file(path) as partial:
        if pictures.copied:
            _run(copy_under(partial, music.clip, pictures, sound=sound), on_second)
            return []
        shots = shots_of([music.clip], music.clip_s)
        _run(code_under(partial, shots, sound), on_second)
    moving = shots[0].seconds is None and pictures.codec not in ("gif", "apng", "webp")
    return [f"{show(music.clip)}: its pictures cannot be copied; they were coded as H.264"] if moving else []


def _check(path: Path, clip: Path, pictures: Pictures) -> None:
    if path.suffix.lower() not in CONTAINERS:
        raise InputError(f"{show(path)}: a film ends in {', '.join(CONTAINERS)}")
    if pictures.copied:
        check_suffix(path, clip, pictures)
    elif path.suffix.lower() not in _CODED:
        raise InputError(f"{show(path)}: the pictures of {show(clip)} are coded anew; end it in {' or '.join(_CODED)}")


def write_film(
    clips: Sequence[Path],
    path: Path,
    *,
    picture_s: float,
    overwrite: bool = False,
    on_second: OnSecond | None = None,
) -> None:
    """Write stills, animations and films as one film, each still shown for `picture_s`; films keep their sound.

    Raises as `write_preview` does.
    """
    refuse_existing([path], overwrite)
    shots = shots_of(clips, picture_s)
    with model_errors(path), new_file(path) as partial:
        _run(code_under(partial, shots, _own_sound(shots)), on_second)


def write_web_film(clip: Path, path: Path, *, picture_s: float, on_second: OnSecond | None = None) -> None:
    """Write a clip as browsers play it, with its own sound: its pictures as they are where they know them, else H.264.

    path: ends in .mp4. picture_s: how long a still is shown. Raises as `write_preview` does.
    """
    pictures = pictures_of(clip)
    if not (pictures.copied and has_web_pictures(clip) and path.suffix in pictures.suffixes):
        write_film([clip], path, picture_s=picture_s, overwrite=True, on_second=on_second)
        return
    length = round((pictures.end_s - pictures.start_s) * RATE_HZ)
    own = own_blocks(clip, pictures.start_s, length) if probe(clip).has_audio else ()
    with model_errors(path), new_file(path) as partial:
        _run(copy_under(partial, clip, pictures, sound=Soundtrack(0, pad(own, length))), on_second)


def _run(steps: Iterator[float], on_second: OnSecond | None) -> None:
    for at_s in steps:
        if on_second is not None:
            on_second(at_s)


def _own_sound(shots: Sequence[Shot]) -> Soundtrack | None:
    """The sound of the films among shots while they are shown, silence between; None where there is none."""
    if not any(shot.seconds is None and probe(shot.path).has_audio for shot in shots):
        return None
    return Soundtrack(0, _sounds(shots))


def _sounds(shots: Sequence[Shot]) -> Iterator[Array]:
    end_s, done = 0.0, 0
    for path, seconds in shots:
        pictures = pictures_of(path)
        end_s += pictures.end_s - pictures.start_s if seconds is None else seconds
        count = round(end_s * RATE_HZ) - done
        own = seconds is None and probe(path).has_audio
        yield from pad(own_blocks(path, pictures.start_s, count) if own else (), count)
        done += count
