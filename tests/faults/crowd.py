"""Two writers, readers and a killer at one library: `python -m tests.faults.crowd --seconds 60 --seed 1`.

Writers add, update, remove and compact over and over, each waiting for the other; readers open, compare every track
with what it must be, search, and read on while the library moves; every few moments one of them all is killed and
another takes its place. At the end the library must be whole. Exit 1 when anything was found.
"""

import argparse
import itertools
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a process with threads must not fork

import numpy as np

from indexing import ingest
from indexing.library import Library
from indexing.maintenance.compact import compact
from indexing.maintenance.verify import orphans, verify
from tests.faults.children import HANGING_S, child
from tests.faults.operations import ANALYSER, World, in_small_batches, state

ROLES = ("writer", "writer", "reader", "reader")
_PATIENCE_S = 30.0  # a writer's turn takes a fraction of a second
_TRACKS = 8


def prepared(world: World) -> dict[tuple[str, str], object]:
    """Make the files and a library of them; what every track is, whenever it is there."""
    for number in range(_TRACKS):
        world.track(f"{'ab'[number % 2]}/{number}.mp3", number)
    with Library.create(world.base, ANALYSER.space) as library:
        list(ingest.add(library, [world.music], ANALYSER, executor="inline"))
        return state(library)


def write(world: World, seed: int, until: float) -> int:
    """Change the library until the time comes; how often."""
    random, turns = np.random.default_rng(seed), 0
    while time.monotonic() < until:
        with Library.open(world.base) as library:
            match int(random.integers(4)):
                case 0:
                    list(ingest.remove(library, [world.music / "ab"[int(random.integers(2))]], wait_s=_PATIENCE_S))
                case 1:
                    list(ingest.update(library, ANALYSER, executor="inline", wait_s=_PATIENCE_S))
                case 2:
                    compact(world.base, _PATIENCE_S)
                case _:
                    events = ingest.add(library, [world.music], ANALYSER, executor="inline", wait_s=_PATIENCE_S)
                    list(events)
        turns += 1
    return turns


def read(world: World, expected: dict[tuple[str, str], object], seed: int, until: float) -> list[str]:
    """Read until the time comes; what was wrong."""
    random = np.random.default_rng(seed)
    while time.monotonic() < until:
        with Library.open(world.base) as library:
            first = state(library)
            wrong = [f"{key} is not what it is" for key, value in first.items() if expected.get(key) != value]
            found = library.search(random.normal(size=ANALYSER.space.dim), 3, "music") if first else None
            if found is not None and len(found.ids) != min(3, library.count("music")):
                wrong.append(f"a search found {len(found.ids)} of {library.count('music')}")
            if state(library) != first:
                wrong.append("an open library changed")
            if wrong:
                return wrong
    return []


class Crowd:
    """Processes at one library, and what they said when they were done."""

    def __init__(self, world: World, expected: dict[tuple[str, str], object], seconds: float) -> None:
        self.world, self.expected, self.until = world, expected, time.monotonic() + seconds
        self.members: dict[int, str] = {}
        self.killed: Counter[str] = Counter()

    def join(self, role: str, seed: int) -> None:
        """Start a process that leaves a note of what it found wrong."""
        pid = os.fork()
        if not pid:
            signal.alarm(HANGING_S + int(self.until - time.monotonic()))
            self._serve(role, seed)
        self.members[pid] = role

    def _serve(self, role: str, seed: int) -> None:
        found = ["ended early"]
        try:
            if role == "writer":
                write(self.world, seed, self.until)
                found = []
            else:
                found = read(self.world, self.expected, seed, self.until)
        except BaseException:
            found = [traceback.format_exc()]
        finally:
            (self.world.home / f"note {role} {seed}").write_text("\n".join(found))
            os._exit(0)

    def kill(self, pid: int) -> str:
        """Kill a member; its role."""
        role = self.members.pop(pid)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.killed[role] += 1
        return role

    def leave(self) -> list[str]:
        """Wait for all; what any of them found wrong."""
        ends = {pid: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in self.members}
        found = [f"a {self.members[pid]} ended with {end}" for pid, end in ends.items() if end]
        notes = [note.read_text() for note in sorted(self.world.home.glob("note *"))]
        return found + [note for note in notes if note]


def _in_the_end(world: World, expected: dict[tuple[str, str], object]) -> list[str]:
    """What is wrong once everything was added again."""
    with Library.open(world.base) as library:
        list(ingest.add(library, [world.music], ANALYSER, executor="inline", wait_s=_PATIENCE_S))
        found = [] if state(library) == expected else ["other tracks than at the start"]
        return [*found, *map(str, verify(library)), *orphans(library.folder)]


def main(argv: Sequence[str] | None = None) -> int:
    """1 when anything was found, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crowd", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    in_small_batches()
    random = np.random.default_rng(given.seed)
    with tempfile.TemporaryDirectory(prefix="cliptune-crowd-") as home:
        world = World(Path(home), given.seed)
        expected = prepared(world)
        crowd = Crowd(world, expected, given.seconds)
        for number, role in enumerate(ROLES):
            crowd.join(role, number)
        for number in itertools.count(len(ROLES)):
            time.sleep(random.uniform(0.1, 0.6))
            if time.monotonic() > crowd.until:
                break
            crowd.join(crowd.kill(int(random.choice(list(crowd.members)))), number)
        found = crowd.leave()
        end = child(lambda: _in_the_end(world, expected))
        found += [end.failed] if end.failed else end.value
    print("\n".join(found), flush=True)
    print(f"{crowd.killed['writer']} writers and {crowd.killed['reader']} readers killed, {len(found)} findings")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
