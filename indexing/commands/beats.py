"""`recommend index beats`: when the beats and bars of a track are."""

from pathlib import Path
from typing import Annotated

from indexing.commands.index import app, open_library
from recommender.console import TABLE, FormatOption, LibraryOption, write_list
from recommender.errors import CliptuneError
from recommender.options import argument
from recommender.outputs.listing import Listing
from recommender.text import show

__all__ = ["app"]


@app.command("beats")
def index_beats(
    path: Annotated[Path, argument("A file as `index list` shows it.")],
    library: LibraryOption = "default",
    format: FormatOption = TABLE,
) -> None:
    """The beats of a track of a library, with bar and place in it (to cut on).

    Example: recommend index beats "Music/Song.mp3" --format csv"""
    from indexing import beats
    from indexing.disk.files import absolute

    opened = open_library(library)
    where = absolute(path)
    found = beats.beats_of(opened, beats.id_at(opened, where))
    if found is None:
        raise CliptuneError(f"no beats are kept of {show(where)}; `recommend index update --reanalyse` finds them")
    write_list(Listing(beats.record(where, found), beats.rows(found), ("time_s", "bar", "beat")), format)
