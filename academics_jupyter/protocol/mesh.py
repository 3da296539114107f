"""Which links a peer keeps. Pure; imports nothing of the package.

Of two links with the same peer:

| the two links                                      | kept                        |
| -------------------------------------------------- | --------------------------- |
| the other peer has started anew since the old one  | the new one                 |
| each side dialled one                              | the smaller peer id's dial  |
| both dialled by the same side                      | the new one                 |

Both ends draw the same conclusion from the same two links, in whichever order they see them come up.

With whom: everybody, as long as they are few. In a mesh of more than a peer may have links, each keeps a part of it
that is random but stays the same, and leaves room for whom it talks to or downloads from. The lot is drawn from the
pair, so that two peers mostly pick each other, and a peer that comes or goes changes nobody's part by more than one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass


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


def part(me: str, others: Collection[str], max_links: int) -> frozenset[str]:
    """Those of `others` with whom `me` keeps links: all where they are few, else its random part of them."""
    if len(others) <= part_size(max_links):
        return frozenset(others)
    return frozenset(sorted(others, key=lambda other: _lot(me, other))[: part_size(max_links)])


def _lot(one: str, other: str) -> bytes:
    return hashlib.sha256("".join(sorted((one, other))).encode()).digest()
