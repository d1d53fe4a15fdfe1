"""`recommend edits ...`: which tracks of a library lie under one's finished films."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from indexing.commands.index import open_library
from recommender.console import (
    FAILED,
    TABLE,
    FollowLinksOption,
    Format,
    FormatOption,
    LibraryOption,
    WorkersOption,
    group,
    say_when_interrupted,
    tell,
    word_as_options,
    write_list,
)
from recommender.errors import InputError, MediaError
from recommender.options import argument, option
from recommender.outputs.listing import Listing
from recommender.outputs.progress import Progress
from recommender.text import show

if TYPE_CHECKING:
    from indexing.edits.reading import Shelf
    from indexing.edits.uses import Edit, Use
    from indexing.library import Library

__all__ = ["app"]

app = group("Which tracks of a library lie under your finished films.", no_args_is_help=True)
COLUMNS = ("film", "film_in", "film_out", "track", "track_in", "votes", "loops")


@app.command("index")
def edits_index(library: LibraryOption = "default", workers: WorkersOption = None) -> None:
    """Read the landmarks of all tracks of a library that are new; `edits add` does so, too.

    Example: recommend edits index --library film-music"""
    shelf = _bring_up(open_library(library), workers)
    tell(f"landmarks of {len(shelf.paths)} tracks, {shelf.seconds / 3600:.1f} hours")


@app.command("add")
def edits_add(
    films: Annotated[list[Path], argument("Finished films, or folders of them.")],
    library: LibraryOption = "default",
    workers: WorkersOption = None,
    again: Annotated[bool, option("Read films again that are known (after music was added).", "--again")] = False,
    follow_links: FollowLinksOption = False,
    format: FormatOption = TABLE,
) -> None:
    """Find which tracks lie under finished films, where, and from which point on; under speech, too.

    Music at another speed or pitch than in the library is not found.

    Example: recommend edits add ~/Films/finished --library film-music"""
    from indexing.ingest.scan import expand_clips

    opened = open_library(library)
    paths = expand_clips(films, tell, follow_links=follow_links)
    shelf = _bring_up(opened, workers)
    added, failed = list["Edit"](), 0
    with Progress("reading films") as progress, say_when_interrupted("the films that were read are kept"):
        for path in paths:
            try:
                added.append(_add(opened, path, shelf, again=again, progress=progress))
            except MediaError as error:
                failed += 1
                progress.note(word_as_options(error))
    _list(added, format)
    if failed and not added:
        raise typer.Exit(FAILED)


def _bring_up(library: "Library", workers: int | None) -> "Shelf":
    """The landmarks of a library, those of new tracks read first."""
    from indexing.edits.reading import make_shelf, read_tracks

    with Progress("reading tracks") as progress, say_when_interrupted("the tracks that were read are kept"):

        def tick(done: int, total: int) -> None:
            progress.stage("reading tracks", done, total)

        pieces = read_tracks(library, workers=workers, tick=tick, tell=progress.note)
    shelf = make_shelf(library, pieces)
    if not shelf.paths:
        raise InputError(f"the library at {show(library.folder)} has no tracks to look for: `recommend index add`")
    return shelf


def _add(library: "Library", path: Path, shelf: "Shelf", *, again: bool, progress: Progress) -> "Edit":
    """Read a film and keep what was found, or what is kept of it already."""
    from dataclasses import replace

    from indexing.disk.files import absolute
    from indexing.disk.lock import now
    from indexing.edits import kept
    from indexing.edits.reading import find_uses, read_film
    from indexing.edits.uses import Edit

    where, digest = absolute(path), _hash(path)
    before = next((one for one in kept.edits_of(library.folder) if one.hash == digest), None)
    if before is not None and not again:
        if before.film != where and not Path(before.film).exists():
            before = replace(before, film=where)
            kept.keep(library.folder, before)
        progress.note(f"{show(path)}: known already, as {show(before.film)}")
        return before
    film = read_film(path, _minutes(path, progress))
    edit = Edit(where, digest, round(film.duration_s + max(0.0, film.lag_s), 3), find_uses(film, shelf), now())
    kept.keep(library.folder, edit)
    progress.note(f"{show(path)}: {_summary(edit)}")
    return edit


def _hash(path: Path) -> str:
    from indexing.disk.content_hash import content_hash

    try:
        return content_hash(path).hex()
    except OSError as error:
        raise MediaError(f"cannot read '{show(path)}': {(error.strerror or str(error)).lower()}") from error


def _minutes(path: Path, progress: Progress) -> Callable[[float], None]:
    """Tells how far a film is read, as far as its length is known."""
    from recommender.media import probe

    total = round((probe(path).duration_s or 0.0) / 60)

    def heard(seconds: float) -> None:
        if total:
            progress.stage(f"reading {show(path.name)}, minutes", min(total, round(seconds / 60)), total)

    return heard


def _summary(edit: "Edit") -> str:
    if not edit.uses:
        return "no music of this library at its own speed and pitch"
    uses, tracks = len(edit.uses), len({use.hash for use in edit.uses})
    return f"{uses} use{'s' * (uses > 1)} of {tracks} track{'s' * (tracks > 1)}"


@app.command("list")
def edits_list(library: LibraryOption = "default", format: FormatOption = TABLE) -> None:
    """The films that were added, with the music found in them.

    Example: recommend edits list --format csv"""
    from indexing.edits.kept import edits_of

    _list(edits_of(open_library(library).folder), format)


@app.command("remove")
def edits_remove(
    films: Annotated[list[Path], argument("Films as `edits list` shows them.")], library: LibraryOption = "default"
) -> None:
    """Forget films (their files stay).

    Example: recommend edits remove ~/Films/old.mp4"""
    from indexing.edits.kept import remove

    folder = open_library(library).folder
    for film in films:
        tell(f"forgotten: {show(remove(folder, film).film)}")


def _list(edits: Sequence["Edit"], format: Format) -> None:
    value = [{**vars(edit), "uses": [use._asdict() for use in edit.uses]} for edit in edits]
    rows = [_row(edit, use) for edit in edits for use in edit.uses or (None,)]
    write_list(Listing(value, rows, COLUMNS), format)


def _row(edit: "Edit", use: "Use | None") -> dict[str, Any]:
    if use is None:
        return {"film": edit.film}
    times = {"film_in": use.film_in_s, "film_out": use.film_out_s, "track_in": use.track_in_s}
    loops = ", ".join(map(_stamp, use.loops)) or None
    stamps = {name: _stamp(seconds) for name, seconds in times.items()}
    return {"film": edit.film, "track": use.path, "votes": use.votes, "loops": loops, **stamps}


def _stamp(seconds: float) -> str:
    """Hours, minutes, seconds and thousandths: 0:01:05.480."""
    whole = round(max(0.0, seconds) * 1000)
    return f"{whole // 3_600_000}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d}.{whole % 1000:03d}"
