"""Tracks and films read: the landmarks of what a library holds, and what lies under a film."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexing.disk.files import absolute
from indexing.edits import landmark_files
from indexing.edits.finding import Stretch, find_stretches, set_bar
from indexing.edits.uses import Use
from indexing.edits.voting import Piece, Votes, gather_votes
from indexing.executors import Crash, open_executor
from recommender.errors import CliptuneError, MediaError
from recommender.extractors.audio.landmarks import FILM, FRAME_HZ, SR_HZ, Landmarks, Peaks, find_peaks, track_landmarks
from recommender.media import audio_blocks, sound_lag_s
from recommender.media.sound import count_sounds
from recommender.text import show
from recommender.types import Array

if TYPE_CHECKING:
    from indexing.library import Library

SAVE_EVERY_S = 30.0
"""What is read of tracks is kept so often: an interrupted run goes on from there."""
FEW = 4  # tracks that are read here: starting processes would take longer
_BLOCK_S = 20.0
Tick = Callable[[int, int], object]


class Shelf(NamedTuple):
    """The landmarks of a library, with its tracks in the order of the pieces.

    hashes: of the content of each, hexadecimal. paths: where it is, "" where the library has it no more. recordings:
    int [t], alike for versions of one recording, -1 where the library has the track no more. frames: int [t].
    """

    pieces: Sequence[Piece]
    hashes: Sequence[str]
    paths: Sequence[str]
    recordings: Array
    frames: Array

    @property
    def seconds(self) -> float:
        """How long all tracks are together."""
        return float(self.frames.sum()) / FRAME_HZ


class Film(NamedTuple):
    """What was heard of a film: the peaks of each stream of its sound, how long that is, and when it begins."""

    sounds: Sequence[Peaks]
    duration_s: float
    lag_s: float


def read_tracks(
    library: "Library", *, workers: int | None = None, tick: Tick, tell: Callable[[str], object]
) -> list[Piece]:
    """The pieces of a library, once the tracks are read of which nothing is known yet.

    What was read is kept now and then, and when it is interrupted. `tick`: called with how many of how many are done.
    `tell`: with a line on what cannot be used.

    Raises LibraryError, LibraryLocked.
    """
    folder, known = library.folder, _content(library)
    with landmark_files.hold(folder):
        pieces, damage = landmark_files.load(folder)
        if damage:
            tell(damage)
        pieces = landmark_files.forget(folder, pieces, known.keys()) if pieces else []
        there = {bytes(one) for piece in pieces for one in piece.hashes}
        todo = [(digest, path) for digest, path in known.items() if digest not in there and Path(path).is_file()]
        new: list[tuple[bytes, int, Landmarks]] = []
        saved = time.monotonic()
        executor = open_executor("inline" if len(todo) <= FEW else "processes", workers)
        try:
            for done, ((digest, path), result) in enumerate(executor.run(read_track, None, todo), 1):
                tick(done, len(todo))
                if isinstance(result, Crash | str):
                    tell(f"{show(path)}: {result.reason}" if isinstance(result, Crash) else result)
                    continue
                new.append((digest, *result))
                if time.monotonic() - saved > SAVE_EVERY_S:
                    pieces, new, saved = landmark_files.add(folder, pieces, new), [], time.monotonic()
        finally:
            pieces = landmark_files.add(folder, pieces, new) if new else pieces
    return pieces


def read_track(_: None, item: tuple[bytes, str]) -> tuple[int, Landmarks] | str:
    """Frames and landmarks of the track at a path, or a line on why there are none."""
    try:
        landmarks, frames = track_landmarks(audio_blocks(item[1], SR_HZ, _BLOCK_S))
    except MediaError as error:
        return str(error)
    return frames, landmarks


def make_shelf(library: "Library", pieces: Sequence[Piece]) -> Shelf:
    """The landmarks of a library with what its catalog knows of their tracks."""
    known = _content(library)
    with library.catalog() as catalog:
        ids = {bytes(row.hash): int(row.id) for row in catalog.placements(modality="music")}
    hashes = [bytes(one) for piece in pieces for one in piece.hashes]
    at = np.array([ids.get(digest, -1) for digest in hashes], np.int64)
    recordings = np.where(at >= 0, library.recordings(at), -1) if len(at) else at
    frames = np.concatenate([np.empty(0, np.int64), *(np.diff(piece.starts) for piece in pieces)])
    return Shelf(pieces, [one.hex() for one in hashes], [known.get(one, "") for one in hashes], recordings, frames)


def _content(library: "Library") -> dict[bytes, str]:
    """A path of all music of a library by its content hash, one that is there where one is."""
    with library.catalog() as catalog:
        paths = catalog.known("music").paths
    return {
        digest: next((one for one in several if Path(one).is_file()), several[0]) for digest, several in paths.items()
    }


def read_film(path: str | Path, heard: Callable[[float], object]) -> Film:
    """What is heard of a film, stream by stream, never more than some seconds of it in memory.

    `heard`: called with the seconds read so far. Raises MediaError where there is no sound to decode.
    """
    where = absolute(path)
    sounds, duration_s, lag_s = [], 0.0, 0.0
    with suppress(CliptuneError):
        lag_s = sound_lag_s(where)
    for stream in range(count_sounds(where)):
        peaks, frames = find_peaks(_tell(audio_blocks(where, SR_HZ, _BLOCK_S, stream=stream), heard), FILM)
        sounds.append(peaks)
        duration_s = max(duration_s, frames / FRAME_HZ)
    return Film(sounds, duration_s, lag_s)


def _tell(blocks: Iterator[Array], heard: Callable[[float], object]) -> Iterator[Array]:
    samples = 0
    for block in blocks:
        samples += len(block)
        heard(samples / SR_HZ)
        yield block


def find_uses(film: Film, shelf: Shelf) -> tuple[Use, ...]:
    """What of a library lies under a film, in its order."""
    uses: list[Use] = []
    for peaks in film.sounds:
        for one in _find(peaks, shelf, film.duration_s):
            use = _use(one, film, shelf)
            if not any(_is_same(use, other) for other in uses):
                uses.append(use)
    return tuple(sorted(uses, key=lambda use: (use.film_in_s, use.film_out_s, use.path)))


def _find(peaks: Peaks, shelf: Shelf, film_s: float) -> list[Stretch]:
    gathered = [votes for _, votes in gather_votes(peaks, shelf.pieces)]
    if not gathered:
        return []
    votes = Votes(*(np.concatenate(columns) for columns in zip(*gathered, strict=True)))
    votes = votes.take(shelf.recordings[votes.tracks] >= 0)
    bar = set_bar(film_s, shelf.seconds)
    return find_stretches(votes, peaks, shelf.pieces, recordings=shelf.recordings, bar=bar)


def _use(one: Stretch, film: Film, shelf: Shelf) -> Use:
    first, last = one.first / FRAME_HZ, one.last / FRAME_HZ
    in_s = first + one.offset / FRAME_HZ
    loops = tuple(round(first + offset / FRAME_HZ, 3) for offset in one.loops)
    edges = round(first + film.lag_s, 3), round(last + film.lag_s, 3)
    return Use(shelf.hashes[one.track], shelf.paths[one.track], *edges, round(max(0.0, in_s), 3), one.votes, loops)


def _is_same(use: Use, other: Use) -> bool:
    """Whether two streams of a film tell of one use."""
    same = use.hash == other.hash and abs(use.track_in_s - use.film_in_s - other.track_in_s + other.film_in_s) < 0.1
    return same and min(use.film_out_s, other.film_out_s) > max(use.film_in_s, other.film_in_s)
