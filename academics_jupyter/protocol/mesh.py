"""Which links a peer keeps. Pure; imports nothing of the package.

Of two links with the same peer:

| the two links                                      | kept                        |
| -------------------------------------------------- | --------------------------- |
| the other peer has started anew since the old one  | the new one                 |
| each side dialled one                              | the smaller peer id's dial  |
| both dialled by the same side                      | the new one                 |

Both ends draw the same conclusion from the same two links, in whichever order they see them come up.

With whom: everybody, as long as they are few. Where there are more peers than a peer may have links, each has as many
as its part is large, and leaves room for whom it talks to or downloads from:

| links                           | what the peer does                                          |
| ------------------------------- | ----------------------------------------------------------- |
| fewer than `part_size`          | dials whom it is drawn to most of those it has no link with |
| up to `most_kept`               | nothing                                                     |
| more, or none more could come   | hangs up on whom it is drawn to least and does not need     |

The lot is drawn from the pair, so that two peers are drawn to each other, and the links are spread at random.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What the choice rests on: who dialled, and the epoch of the peer at the other end."""

    dialler: str
    remote_epoch: int


def keeps_new(old: LinkFacts, new: LinkFacts, one: str, other: str) -> bool:
    """Whether the new link between the peers `one` and `other` replaces the old one."""
    if new.remote_epoch != old.remote_epoch:
        return new.remote_epoch > old.remote_epoch
    if new.dialler == old.dialler:
        return True
    return new.dialler == min(one, other)


def part_size(max_links: int) -> int:
    """How many links of a large mesh are kept whether or not they are needed; the rest is room for those that are."""
    return max(1, max_links * 3 // 4)


def most_kept(max_links: int) -> int:
    """How many links of a large mesh are kept when they are not needed."""
    return max(part_size(max_links), max_links * 7 // 8)


def part(me: str, others: Collection[str], max_links: int, linked: Collection[str] = ()) -> frozenset[str]:
    """Those of `others` with whom `me` has links or dials: all where they are few, else enough for its part.

    `linked` are those with whom there is a link, whichever side dialled.
    """
    if len(others) <= part_size(max_links):
        return frozenset(others)
    kept = {other for other in others if other in linked}
    missing = max(part_size(max_links) - len(kept), 0)
    candidates = (other for other in others if other not in kept)
    return frozenset(kept.union(heapq.nsmallest(missing, candidates, key=lambda other: _lot(me, other))))


def surplus(me: str, spare: Collection[str], count: int) -> frozenset[str]:
    """The `count` of `spare`, if there are so many, on whom `me` hangs up."""
    return frozenset(heapq.nlargest(count, spare, key=lambda other: _lot(me, other)))


@lru_cache(1 << 15)
def _lot(one: str, other: str) -> bytes:
    return hashlib.sha256("".join(sorted((one, other))).encode()).digest()
