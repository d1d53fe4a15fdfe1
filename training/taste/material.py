"""One's own films and picks as questions whose answers are known: a query each, and the track chosen for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from recommender.errors import MediaError
from recommender.text import show
from recommender.types import Array
from training.taste.choices import Choice
from training.taste.stretches import query_of_stretch

if TYPE_CHECKING:
    from indexing.edits.uses import Edit
    from indexing.library import Library
    from indexing.picks import Pick
    from recommender.engine import Recommender
    from recommender.query import Query

_SAME_S = 0.5  # a clip of a pick's name that lasts longer or shorter by more is another


class Asked(NamedTuple):
    """What was asked for and chosen: `film` names the film or clip, `track` is an id; `in_s` where in the track the
    choice begins, with other in-points that the music would equally have."""

    film: str
    query: "Query"
    track: int
    in_s: tuple[float, ...]


class LeftOut(NamedTuple):
    """What could not be used, and why."""

    what: str
    why: str


class Outcome(NamedTuple):
    """What the present ranking makes of one question.

    Attributes
    ----------
    film: see `Asked`. rank: of what was chosen, from 1; infinite where the search does not bring it.
    off_s: seconds between the chosen in-point and that of the ranking's section of the same track.
    likely_off_s: float64 [m], of every section that the track has: what a blind choice of one would be off.
    choice: for learning; None where the search does not bring it.
    """

    film: str
    rank: float
    off_s: float
    likely_off_s: Array
    choice: Choice | None


Tick = Callable[[str, int, int], None]


def ask_edits(
    recommender: "Recommender", library: "Library", edits: Sequence["Edit"], *, tick: Tick
) -> Iterator[Asked | LeftOut]:
    """The questions of films: for each use the query of its stretch of film."""
    done, total = 0, sum(len(edit.uses) for edit in edits)
    for edit in edits:
        name = Path(edit.film).name
        for use in edit.uses:
            tick("looking at films", done, total)
            done += 1
            what = f"{show(name)}, {use.film_in_s:.0f}-{use.film_out_s:.0f} s"
            track = _track_now(library, use.hash, use.path)
            if track is None:
                yield LeftOut(what, f"{show(Path(use.path).name)} is no longer in the library")
                continue
            try:
                query = query_of_stretch(recommender, Path(edit.film), use.film_in_s, end_s=use.film_out_s)
            except MediaError as error:
                yield LeftOut(what, str(error))
                continue
            yield Asked(edit.hash or edit.film, query, track, (use.track_in_s, *use.loops))
    tick("looking at films", total, total)


def ask_picks(
    recommender: "Recommender",
    library: "Library",
    picks: Sequence["Pick"],
    *,
    clips: Mapping[str, Sequence[Path]],
    tick: Tick,
) -> Iterator[Asked | LeftOut]:
    """The questions of picks, whose clips are known by name alone. clips: files by their names."""
    queries: dict[Path, Query] = {}
    for done, pick in enumerate(picks):
        tick("looking at picked clips", done, len(picks))
        what = f"pick {pick.id}, {show(pick.clip.name)}"
        track = _track_now(library, pick.track.hash, pick.track.path)
        path = _clip_of(pick, clips)
        if "like" in pick.settings:
            yield LeftOut(what, "asked for with a reference track")
        elif track is None:
            yield LeftOut(what, f"{show(pick.track.title)} is no longer in the library")
        elif path is None:
            yield LeftOut(what, "its clip is not there: a pick keeps its name alone, so name the folder of clips")
        else:
            try:
                if path not in queries:
                    queries[path] = recommender.clip(path)
                yield Asked(str(path), queries[path], track, (pick.in_s,))
            except MediaError as error:
                yield LeftOut(what, str(error))
    tick("looking at picked clips", len(picks), len(picks))


def sort_out(found: Iterable[Asked | LeftOut]) -> tuple[list[Asked], list[LeftOut]]:
    """What can be used, and what cannot."""
    both = list(found)
    return [one for one in both if isinstance(one, Asked)], [one for one in both if isinstance(one, LeftOut)]


def answer(recommender: "Recommender", asked: Asked, candidates: int) -> Outcome:
    """What the ranking makes of a question, without any taste.

    Parameters
    ----------
    recommender: without a taste. candidates: tracks that the search hands to the ranker.
    """
    library = recommender.library
    ids = recommender.retrieve(asked.query, candidates).ids.tolist()
    same = library.recordings(np.array([*ids, asked.track], np.int64))
    at = np.flatnonzero(same[:-1] == same[-1])
    own = recommender.compare(asked.query, [asked.track])
    section, bounds = own.sections[0], own.windows[0].bounds
    starts = bounds[: len(bounds) - (section.last - section.first), 0]
    off = np.abs(np.append(starts, bounds[section.first, 0])[:, None] - np.array(asked.in_s)).min(axis=1)
    if not len(at):
        return Outcome(asked.film, float("inf"), float(off[-1]), off[:-1], None)
    found = recommender.compare(asked.query, ids)
    scores = np.array(found.plain)
    rank = float((scores > scores[at[0]]).sum() + ((scores == scores[at[0]]).sum() + 1) / 2)
    values = found.values(library.tracks_of(ids), library.inputs("music"))
    choice = Choice(asked.film, scores, values, int(at[0]))
    return Outcome(asked.film, rank, float(off[-1]), off[:-1], choice)


def files_in(folders: Iterable[Path]) -> dict[str, list[Path]]:
    """The files below folders, by name; raises InputError for one that is none."""
    from recommender.errors import InputError

    found: dict[str, list[Path]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"'{show(folder)}' is no folder of clips")
        for path in sorted(folder.rglob("*")):
            found.setdefault(path.name, []).append(path)
    return found


def _clip_of(pick: "Pick", clips: Mapping[str, Sequence[Path]]) -> Path | None:
    """The file of a pick's clip: of its name, and as long."""
    from recommender.media import probe

    for path in clips.get(pick.clip.name, ()):
        try:
            lasts_s = probe(path).duration_s
        except MediaError:
            continue
        if pick.clip.duration_s is None or (lasts_s is not None and abs(lasts_s - pick.clip.duration_s) <= _SAME_S):
            return path
    return None


def _track_now(library: "Library", digest: str, path: str) -> int | None:
    """The id of a track as the library has it now: by content, else by path."""
    with library.catalog() as catalog:
        return catalog.track_now("music", bytes.fromhex(digest), path)
