"""Tracks that a person chose for scenes: as the library spells them, and candidates whatever the search found."""

from collections.abc import Mapping, Sequence

from recommender.engine import Recommender
from recommender.errors import InputError, LibraryError
from recommender.films.cues import Scene
from recommender.films.options import is_of
from recommender.text import show
from recommender.types import Filter, LibraryReader, Recommendation


def settle_locks(library: LibraryReader, lock: Mapping[int, int | str]) -> dict[int, int | str]:
    """`lock` (see `Rules`) with paths as `library` spells them. Raises InputError, in one line, for what it has not."""
    return {number: _settle(library, number, wanted) for number, wanted in lock.items()}


def offer_locked(
    engine: Recommender,
    scenes: Sequence[Scene],
    candidates: Sequence[Sequence[Recommendation]],
    *,
    lock: Mapping[int, int | str],
) -> list[list[Recommendation]]:
    """The candidates of each scene, with the track that it is locked to also where conditions or a short search left it
    out: the best section of it. lock: settled."""
    found = [list(some) for some in candidates]
    for scene, some in zip(scenes, found, strict=True):
        wanted = lock.get(scene.number)
        if wanted is not None and not any(is_of(one, wanted) for one in some):
            path = wanted if isinstance(wanted, str) else engine.library.tracks_of([wanted])[0].path
            some += engine.recommend(scene.query, top=1, candidates=1, where=Filter(only=frozenset({path})))
    return found


def _settle(library: LibraryReader, number: int, wanted: int | str) -> int | str:
    unknown = f"scene {number}: {show(str(wanted))} is not in this library: add it, or lock another track"
    if isinstance(wanted, str):
        if not (spelled := library.spellings([wanted]).get(wanted)):
            raise InputError(unknown)
        return wanted if wanted in spelled else min(spelled)
    try:
        library.tracks_of([wanted])
    except LibraryError as error:
        raise InputError(unknown) from error
    return wanted
