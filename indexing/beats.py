"""The beats that a library keeps of its tracks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from indexing.disk import parts
from recommender.errors import InputError, LibraryError
from recommender.extractors.audio import beats
from recommender.extractors.audio.beats import Beats
from recommender.text import show

if TYPE_CHECKING:
    from indexing.library import Library


def beats_of(library: "Library", track_id: int) -> Beats | None:
    """The beats of one track as they were found when it was analysed; no beats at all where it has none to tap to.

    Parameters
    ----------
    library: open. track_id: of a piece of music, as `Track.id`.

    None where the library does not have them: the track was analysed before beats were kept, by another revision of
    them or by a model that does not look for them, or it is a clip or an imported vector. The caller may then analyse
    the file again (`recommender.extractors.audio.music.extract(path).beats`). Reads a column of one part: some
    milliseconds.

    Raises
    ------
    LibraryError: the id is unknown, or its part is missing or damaged.
    """
    with library.catalog() as catalog:
        place = catalog.place(int(track_id))
    if place is None:
        raise LibraryError(f"no track {track_id} in the library at {show(library.folder)}")
    part, first_row = place
    kept = parts.read_blobs(library.folder, part, "beats").get(first_row - 1)
    try:
        return None if kept is None else beats.from_bytes(kept)
    except InputError:  # of another revision
        return None


def beats_or_none(library: "Library", track_id: int) -> Beats | None:
    """As `beats_of`, but None also where the library cannot tell."""
    try:
        return beats_of(library, track_id)
    except LibraryError:
        return None


def id_at(library: "Library", path: str) -> int:
    """The track of a file by its absolute path; raises LibraryError where the library has no music there."""
    with library.catalog() as catalog:
        places = (path, *library.spellings([path]).get(path, ()))
        found = next((at for place in places if (at := catalog.track_at("music", place)) is not None), None)
    if found is None:
        raise LibraryError(f"no track {show(path)} in the library at {show(library.folder)}")
    return found


def record(path: str, found: Beats) -> Mapping[str, Any]:
    """Beats JSON-ready, with stable keys: times in seconds."""
    known = {"path": path, "beats_per_bar": found.beats_per_bar, "confidence": found.confidence}
    return known | {"beats_s": found.times_s.tolist(), "downbeats_s": found.downbeats_s.tolist()}


def rows(found: Beats) -> list[dict[str, str]]:
    """A row per beat: its time in seconds, its bar from 1 on (0 before the first downbeat), its place in that."""
    bar, place, out = 0, 0, []
    for time_s, down in zip(found.times_s.tolist(), found.down.tolist(), strict=True):
        bar, place = (bar + 1, 1) if down else (bar, place + 1)
        out.append({"time_s": f"{time_s:.4f}", "bar": str(bar), "beat": str(place)})
    return out
