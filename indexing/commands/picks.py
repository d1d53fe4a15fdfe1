"""`recommend index picks`: what was chosen for which clip."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from indexing.commands.beats import app
from indexing.commands.index import open_library
from recommender.console import TABLE, FormatOption, LibraryOption, tell, write_list
from recommender.editing_commands import OverwriteOption
from recommender.options import option
from recommender.outputs.listing import Listing
from recommender.text import show

if TYPE_CHECKING:
    from indexing.picks import Found

__all__ = ["app"]

COLUMNS = ("id", "at", "clip", "title", "artist", "section", "score", "path", "gone")


@app.command("picks")
def index_picks(
    library: LibraryOption = "default",
    undo: Annotated[str | None, option("Take back the pick with this id.", metavar="ID")] = None,
    playlist: Annotated[Path | None, option("Write all picks as a playlist (.m3u8), too.")] = None,
    cue_sheet: Annotated[Path | None, option("Write all picks as a cue sheet (.csv), too.")] = None,
    overwrite: OverwriteOption = False,
    format: FormatOption = TABLE,
) -> None:
    """The tracks that were picked for clips in the app, newest first.

    A playlist and a cue sheet begin with the oldest. What tags do not tell is `not on file` in a cue sheet.

    Example: recommend index picks --library film --cue-sheet cues.csv"""
    from indexing import picks
    from recommender.atomic import write
    from recommender.home import refuse_existing

    with open_library(library) as opened:
        refuse_existing([path for path in (playlist, cue_sheet) if path is not None], overwrite)
        if undo is not None:
            tell(f"taken back: {show(picks.undo(opened.folder, undo).track.title)}")
        found = picks.find(opened, picks.picks_of(opened.folder))
        if playlist is not None:
            text = picks.playlist(f"Picks of {opened.folder.name}", found)
            write(playlist, text.encode("utf-8", "surrogateescape"))
        if cue_sheet is not None:
            write(cue_sheet, picks.cues(found))
    write_list(_listing(found[::-1]), format)


def _listing(several: "Sequence[Found]") -> Listing:
    from indexing.picks import record

    records = [record(found) for found in several]
    return Listing(records, [_row(one) for one in records], COLUMNS)


def _row(one: dict[str, Any]) -> dict[str, Any]:
    from recommender.outputs.table import clock

    section = f"{clock(one['in_s'])}-{clock(one['out_s'])}"
    plain = {name: one[name] for name in ("id", "at", "score")}
    track = {name: one["track"][name] for name in ("title", "artist", "path", "gone")}
    return {**plain, **track, "clip": one["clip"]["name"], "section": section}
