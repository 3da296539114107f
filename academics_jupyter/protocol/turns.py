"""Who is served when more want to be than can be at once. Imports nothing; told what time it is.

    asked -> served -> ended
      |        ^
      v        |  asks again
    waiting ---'

A free slot goes to whoever waits and has fewest slots, and among those to whoever has waited longest. So a peer alone
may have all slots but one, and once others ask, each slot that comes free goes to those who have fewer, until all have
as many. Nobody is cut off in the middle, and the last slot is for a peer that has none, which so need not wait for the
end of a long transfer. Who does not ask again is forgotten.

Invariants
- No more than `at_once` are served.
- Of two peers that both go on asking, neither gets a slot while it has more than the other.
"""

from __future__ import annotations

from collections import Counter

RETRY_S = 1
"""When to ask again after having been refused."""
PATIENCE_S = 4.0
"""Who has not asked again for so long waits no more."""


class Turns:
    """The slots of one server, and which peers have or want them."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._served: Counter[str] = Counter()
        self._waiting: dict[str, tuple[float, float]] = {}
        """Since when a peer has waited, and when it asked last."""

    def begin(self, peer: str, now_s: float) -> bool:
        """Whether the peer has a slot from now on, to be given back with `end`; else it waits, and has to ask again."""
        self._forget(now_s)
        since_s = self._waiting.get(peer, (now_s, now_s))[0]
        before = sum(self._rank(other) < (self._served[peer], since_s) for other in self._waiting if other != peer)
        kept = 1 if peer in self._served else 0
        if self._at_once - self._served.total() <= before + kept:
            self._waiting[peer] = (since_s, now_s)
            return False
        self._waiting.pop(peer, None)
        self._served[peer] += 1
        return True

    def end(self, peer: str) -> None:
        """The peer gives one slot back."""
        self._served[peer] -= 1
        if not self._served[peer]:
            del self._served[peer]

    def _rank(self, peer: str) -> tuple[int, float]:
        return self._served[peer], self._waiting[peer][0]

    def _forget(self, now_s: float) -> None:
        gone = [peer for peer, (_, asked_s) in self._waiting.items() if now_s - asked_s > PATIENCE_S]
        for peer in gone:
            del self._waiting[peer]
