"""Which tracks are versions of one recording, or contained in another, as the catalog keeps it.

Joined when they come, parted when they go; a version that leaves does not part those that stay. That a track is
contained in another is said of these two alone: the songs of a mix have nothing to do with each other.
"""

import os
from collections.abc import Iterable, Mapping
from itertools import pairwise

import sqlalchemy as sa

from indexing.catalog.schema import contained, files, recordings, tracks

LEAD_S = 1.0  # lengths closer than an encoder's padding are equal
_CHUNK = 500  # recordings regrouped at a time


def group(connection: sa.Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Make tracks that are versions of each other one recording, with all that either was grouped with before."""
    pairs = [(a, b) for a, b in pairs if a != b]
    if not pairs:
        return
    r = recordings.c
    wanted = {track for pair in pairs for track in pair}
    leaders = sa.select(r.recording).where(r.track.in_(wanted))
    before = connection.execute(sa.select(r.track, r.recording).where(r.recording.in_(leaders))).all()
    linked = [(row.track, row.recording) for row in before]
    wanted |= {track for pair in linked for track in pair}
    query = sa.select(tracks.c.id, tracks.c.duration_s, sa.func.min(files.c.path).label("path"))
    query = query.join_from(tracks, files).where(tracks.c.id.in_(wanted)).group_by(tracks.c.id)
    there = {row.id: row for row in connection.execute(query)}  # the pairs may name what was removed since
    known = [pair for pair in (*pairs, *linked) if pair[0] in there and pair[1] in there]
    durations = {track: row.duration_s or 0.0 for track, row in there.items()}
    paths = {track: os.fsdecode(row.path) for track, row in there.items()}
    rows = [{"track": track, "recording": found[0]} for found in groups(known, durations, paths) for track in found]
    if rows:
        connection.execute(sa.delete(recordings).where(r.track.in_([row["track"] for row in rows])))
        connection.execute(sa.insert(recordings), rows)


def contain(connection: sa.Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Note of each (track, whole) that the first is contained in the second, where both are there."""
    for track, whole in sorted(set(pairs)):
        if connection.execute(sa.select(sa.func.count()).where(tracks.c.id.in_((track, whole)))).scalar() == 2:
            row = {"track": track, "whole": whole}
            connection.execute(sa.insert(contained).prefix_with("OR IGNORE").values(**row))


def drop(connection: sa.Connection, track: int) -> None:
    """Take a track out of its recording and of what it is contained in; who is left alone is its own recording."""
    r = recordings.c
    connection.execute(sa.delete(contained).where(sa.or_(contained.c.track == track, contained.c.whole == track)))
    leader = connection.execute(sa.select(r.recording).where(r.track == track)).scalar()
    if leader is None:
        return
    connection.execute(sa.delete(recordings).where(r.track == track))
    rest = list(connection.execute(sa.select(r.track).where(r.recording == leader).order_by(r.track)).scalars())
    if len(rest) < 2:
        connection.execute(sa.delete(recordings).where(r.recording == leader))
    elif leader == track:
        connection.execute(sa.update(recordings).where(r.recording == leader).values(recording=rest[0]))
        group(connection, pairwise(rest))


def copy(connection: sa.Connection, old: int, new: int) -> None:
    """Group the tracks of the space `new`, and note what contains them, as of the same files in `old`."""
    before, after = tracks.alias(), tracks.alias()
    same = (after.c.hash == before.c.hash) & (after.c.modality == before.c.modality) & (after.c.space == new)
    joined = recordings.join(before, before.c.id == recordings.c.track).join(after, same)
    query = sa.select(recordings.c.recording, after.c.id).select_from(joined).where(before.c.space == old)
    members: dict[int, list[int]] = {}
    for row in connection.execute(query.order_by(after.c.id)):
        members.setdefault(row.recording, []).append(row.id)
    several = list(members.values())
    for at in range(0, len(several), _CHUNK):  # SQLite takes 32,766 values in a statement
        group(connection, [pair for tracks_of in several[at : at + _CHUNK] for pair in pairwise(tracks_of)])

    part, whole = _twin(contained.c.track, old, new), _twin(contained.c.whole, old, new)
    query = sa.select(part, whole).where(part.is_not(None), whole.is_not(None)).select_from(contained)
    connection.execute(sa.insert(contained).prefix_with("OR IGNORE").from_select(["track", "whole"], query))


def _twin(track: sa.Column[int], old: int, new: int) -> sa.ScalarSelect[int]:
    """The id in the space `new` of the content that a track has in `old`; null where it is not there."""
    before, after = tracks.alias(), tracks.alias()
    same = (after.c.hash == before.c.hash) & (after.c.modality == before.c.modality) & (after.c.space == new)
    query = sa.select(after.c.id).join_from(before, after, same).where(before.c.id == track, before.c.space == old)
    return query.correlate(contained).scalar_subquery()


def clear(connection: sa.Connection, space: int) -> None:
    """Forget all that was grouped in a space."""
    mine = sa.select(tracks.c.id).where(tracks.c.space == space)
    for table in (recordings, contained):
        connection.execute(sa.delete(table).where(table.c.track.in_(mine)))


def groups(
    pairs: Iterable[tuple[int, int]], durations_s: Mapping[int, float], paths: Mapping[int, str]
) -> list[tuple[int, ...]]:
    """Tracks joined by matches, in groups of two and more: the one to show first, then the others by path.

    The longest leads; of those as long to within `LEAD_S`, the first by path.
    """
    leader: dict[int, int] = {}

    def root(track: int) -> int:
        while (above := leader.setdefault(track, track)) != track:
            leader[track] = leader[above]
            track = leader[track]
        return track

    for a, b in pairs:
        leader[root(a)] = root(b)
    members: dict[int, list[int]] = {}
    for track in leader:
        members.setdefault(root(track), []).append(track)
    return sorted(_lead(group, durations_s, paths) for group in members.values() if len(group) > 1)


def _lead(group: list[int], durations_s: Mapping[int, float], paths: Mapping[int, str]) -> tuple[int, ...]:
    by_path = sorted(group, key=lambda track: (paths[track], track))
    longest = max(durations_s[track] for track in group)
    first = next(track for track in by_path if durations_s[track] >= longest - LEAD_S)
    return (first, *(track for track in by_path if track != first))
