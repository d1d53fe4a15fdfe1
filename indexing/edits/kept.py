"""The finished films of a library with what was found in them: `edits.json` in its folder."""

from pathlib import Path
from typing import Any

from indexing.disk.files import absolute
from indexing.disk.records import Records
from indexing.edits.uses import Edit, Use
from recommender.errors import InputError
from recommender.text import show

MOST = 10_000
"""Most films of a library: they are written together."""


def edits_of(folder: Path) -> list[Edit]:
    """The films of the library at `folder`, in the order in which they were added.

    Raises LibraryError; a damaged file is moved aside then, and the next film begins a new one.
    """
    return _KEPT.of(folder)


def keep(folder: Path, edit: Edit) -> None:
    """Keep a film, in place of what was kept of the same path or content; raises LibraryError, InputError."""
    with _KEPT.changing(folder) as edits:
        others = [one for one in edits if edit.film != one.film and edit.hash != one.hash]
        if len(others) >= MOST:
            raise InputError(f"the library at {show(folder)} has {MOST} films; remove some of them first")
        edits[:] = [*others, edit]


def remove(folder: Path, film: str | Path) -> Edit:
    """Forget the film at a path; raises InputError where there is none, LibraryError."""
    path = absolute(film)
    with _KEPT.changing(folder) as edits:
        found = next((one for one in edits if one.film == path), None)
        if found is None:
            raise InputError(f"no film {show(path)} in the library at {show(folder)} (`recommend edits list`)")
        edits.remove(found)
    return found


def _edit(value: Any) -> Edit:
    uses = tuple(_use(one) for one in value["uses"])
    texts = (value["film"], value["hash"], value["added"])
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("no edit")
    bytes.fromhex(value["hash"])
    return Edit(**{**value, "duration_s": float(value["duration_s"]), "uses": uses})


def _use(value: Any) -> Use:
    digest, path, loops = value["hash"], value["path"], tuple(map(float, value.get("loops", ())))
    bytes.fromhex(digest)
    if not isinstance(path, str):
        raise ValueError("no use")
    numbers = {name: float(value[name]) for name in ("film_in_s", "film_out_s", "track_in_s")}
    return Use(**{**value, **numbers, "votes": int(value.get("votes", 0)), "loops": loops})


def _record(edit: Edit) -> dict[str, Any]:
    return {**vars(edit), "uses": [use._asdict() for use in edit.uses]}


_KEPT = Records("edits", _edit, _record)
