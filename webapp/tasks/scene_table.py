"""The table of a film's scenes as somebody edited it, taken back."""

from pathlib import Path
from typing import Any

from webapp.tasks import Tell
from webapp.tasks.opened import library


def take(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """What the table `text` says of a film, by the names of `api.scores.EDITS`: starts, labels, silence, locks, begins.

    arguments: `clip` and `library`, paths; `name` of the table's file. Raises InputError that names the line of what is
    wrong, LibraryError for a track that is not in the library.
    """
    from indexing.beats import id_at
    from recommender.errors import InputError
    from recommender.films.clock import clock_of
    from recommender.films.cut_list import cuts_in
    from recommender.media import probe
    from recommender.text import show

    film, name = Path(arguments["clip"]), Path(arguments["name"])
    clock = clock_of(film)
    lasts_s = clock.lasts_s(probe(film).duration_s or 0.0)
    found = cuts_in(arguments["text"].removeprefix("\ufeff"), name, clock, duration_s=lasts_s)
    if not found.exact:
        raise InputError(f"{show(name)} tells shots, not scenes: give it to `recommend film` as its list of cuts")
    opened, numbered = library(arguments["library"]), list(enumerate(found.marks, 1))
    kept = {n: id_at(opened, mark.track) for n, mark in numbered if mark.track is not None}
    begins = {n: mark.begins_s for n, mark in numbered if mark.begins_s is not None}
    return {
        "starts": [mark.at_s for mark in found.marks[1:]],
        "labels": [{"scene": n, "label": mark.label[:80]} for n, mark in numbered if mark.label],
        "silence": [n for n, mark in numbered if mark.silent],
        "locks": [{"scene": n, "track": track} for n, track in kept.items()],
        "begins": [{"scene": n, "track": kept[n], "in_s": at_s} for n, at_s in begins.items()],
    }
