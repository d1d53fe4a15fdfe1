"""A chain whose options remember some of the rooms that were taken on the way to them.

A way that prices alone lead likes to enter good rooms again and again (a, b, a, b). Options that remember a few rooms,
those that such ways came back to, forbid that, and are few where all that can be remembered would be too many: the
neighbourhoods of Baldacci, Mingozzi and Roberti (2011), found on the way as Roberti and Mingozzi's (2014) are.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from recommender.films.chain import Chain
from recommender.types import Array

TRACKED = 62
"""Rooms that can be remembered: as many as bits of a number."""


def notice(chain: Chain, picks: Sequence[int], seen: Counter[tuple[int, int]]) -> None:
    """Count, for each room that a way enters twice and may enter once, the rooms from one to the other: (room on the
    way, room); itself is one of them."""
    once, last = _once(chain), dict[int, int]()
    taken = [rooms[pick] for rooms, pick in zip(chain.rooms, picks, strict=True)]
    taken = [rooms[once[rooms]].tolist() for rooms in taken]
    for step, rooms in enumerate(taken):
        for room in rooms:
            seen.update((one, room) for some in taken[last.get(room, step) : step] for one in some)
            last[room] = step


def remember(chain: Chain, seen: Counter[tuple[int, int]], most: int) -> tuple[Chain, list[Array]]:
    """A chain of the same ways whose options know which rooms may not be entered again.

    Parameters
    ----------
    chain: without themes of several options; they are left out. seen: see `notice`. most: rooms that an option in a
        room remembers beside that one, those first that ways came back to most often through it.

    Returns the chain, and of each step which option each of its options is, int64.
    """
    bits, kept = _bits(len(chain.places), seen, most)
    options, memory = [np.arange(len(chain.worth[0]))], np.bitwise_or.reduce(bits[chain.rooms[0]], axis=1)
    made = []
    for costs, rooms in zip(chain.costs, chain.rooms[1:], strict=True):
        own, known = (np.bitwise_or.reduce(some[rooms], axis=1) for some in (bits, kept))
        distinct, which = np.unique(memory, return_inverse=True)
        then = distinct[:, None] & known | own  # what each memory becomes by each option
        codes = np.unique(then, return_inverse=True)[1].reshape(then.shape) * len(own) + np.arange(len(own))
        _, first, after = np.unique(codes, return_index=True, return_inverse=True)
        before, option = np.nonzero(((distinct[:, None] & own) == 0)[which])
        further = np.full((len(memory), len(first)), np.inf)
        further[before, after.reshape(then.shape)[which[before], option]] = costs[options[-1][before], option]
        made.append(further)
        options.append(first % len(own))
        memory = then.ravel()[first]
    worth = [all_[some] for all_, some in zip(chain.worth, options, strict=True)]
    taken = [all_[some] for all_, some in zip(chain.rooms, options, strict=True)]
    return Chain(worth, made, taken, chain.places, chain.fines), options


def _once(chain: Chain) -> Array:
    """bool [g]: rooms that may be entered once."""
    return np.isinf(chain.fines) & (chain.places == 1)


def _bits(rooms: int, seen: Counter[tuple[int, int]], most: int) -> tuple[Array, Array]:
    """uint64 [g]: the bit of each room that is remembered, and those that options in each room remember."""
    often = Counter[int]()
    for (_, room), times in seen.items():
        often[room] += times
    bits, kept, held = np.zeros(rooms, np.uint64), np.zeros(rooms, np.uint64), Counter[int]()
    for at, (room, _) in enumerate(often.most_common(TRACKED)):
        bits[room] = 1 << at
    for (on_the_way, room), _ in seen.most_common():
        if bits[room] and on_the_way != room and held[on_the_way] < most:
            kept[on_the_way] |= bits[room]
            held[on_the_way] += 1
    return bits, kept
