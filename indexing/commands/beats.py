"""`recommend index beats`: when the beats and bars of a track are."""

from pathlib import Path
from typing import Annotated

import typer

from indexing.commands.index import app, open_library
from recommender.console import Format, FormatOption, LibraryOption, write, write_json
from recommender.errors import CliptuneError
from recommender.text import shown

__all__ = ["app"]


@app.command(
    "beats",
    help="The beats of a track of a library, with bar and place in it (to cut on).\n\n"
    'Example: recommend index beats "Music/Song.mp3" --format csv',
)
def index_beats(
    path: Annotated[Path, typer.Argument(readable=False, help="A file as `index list` shows it.")],
    library: LibraryOption = "default",
    format: FormatOption = Format.table,
) -> None:
    from indexing import beats
    from indexing.disk.files import absolute
    from recommender.outputs import listing

    opened = open_library(library)
    where = absolute(path)
    found = beats.beats_of(opened, beats.id_at(opened, where))
    if found is None:
        raise CliptuneError(f"no beats are kept of {shown(where)}; {beats.RENEW}")
    if format is Format.json:
        write_json(beats.record(where, found))
    else:
        write(listing.render(beats.rows(found), format, ("time_s", "bar", "beat")))
