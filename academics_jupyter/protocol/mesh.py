"""Which of two links with the same peer is kept. Pure; imports nothing of the package.

| the two links                                      | kept                        |
| -------------------------------------------------- | --------------------------- |
| the other peer has started anew since the old one  | the new one                 |
| each side dialled one                              | the smaller peer id's dial  |
| both dialled by the same side                      | the new one                 |

Both ends draw the same conclusion from the same two links, in whichever order they see them come up.
"""

from __future__ import annotations

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
