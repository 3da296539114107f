"""What one member has of a room. May import messages, room_effects and room_log.

The messages that it holds, and its copy of the log. What is held and not in the log is *pending*, whoever wrote it; of
what is in the log and not held there are only *heads*.

Invariants
- A message is pending or in the log, never both and, once held, never neither.
- What is cut off the log is pending again, before whatever was written since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from academics_jupyter.protocol.room_effects import Cut, Effect, Fill, Keep, Reject
from academics_jupyter.protocol.room_log import KNOWN, Post, RoomLog


class RoomCopy:
    """A member's copy; as on disk when it is made."""

    def __init__(self, log: RoomLog, *, heads: Iterable[str] = (), pending: Iterable[Post] = ()) -> None:
        """`heads` are the messages of the log that are not held."""
        self.log = log
        self.heads = set(heads)
        self.pending = {post.id: post for post in pending}

    def hold(self, post: Post) -> bool:
        """A message is held: it is pending, unless it was held before, which is false."""
        if self.log.refusal(post) == KNOWN or post.id in self.pending:
            return False
        self.pending[post.id] = post
        return True

    def number_pending(self) -> list[Effect]:
        """Number what can come next, until nothing can; what never can is rejected."""
        numbered: list[Post] = []
        rejected: list[Effect] = []
        before = -1
        while before != len(numbered):
            before = len(numbered)
            for post in list(self.pending.values()):
                refusal = self.log.refusal(post)
                if refusal == "out_of_order":
                    continue
                del self.pending[post.id]
                if not refusal:
                    self.log.append(post)
                    numbered.append(post)
                elif refusal != KNOWN:
                    rejected.append(Reject(post.id, refusal))
        return self._kept(numbered) + rejected

    def take(self, after: int, posts: Sequence[Post], heads: frozenset[str], last: int) -> list[Effect]:
        """Make the log after a number what the host's is there. `last` is where the host's ends."""
        number = after
        new: list[Post] = []
        effects: list[Effect] = []
        for post in posts:
            if not new and number < len(self.log) and self.log[number + 1].digest == post.digest:
                number += 1
                continue
            effects += self.cut(number)
            if self.log.refusal(post):
                break
            self.log.append(post)
            new.append(post)
            number += 1
        lacking = frozenset(post.id for post in new if post.id in heads and post.id not in self.pending)
        for post in new:
            self.pending.pop(post.id, None)
        self.heads |= lacking
        effects += self._kept(new, lacking)
        return effects if number < last else effects + self.cut(number)

    def _kept(self, new: Sequence[Post], heads: frozenset[str] = frozenset()) -> list[Effect]:
        """What the end of the log is now."""
        first = len(self.log) - len(new) + 1
        void = frozenset(post.id for number, post in enumerate(new, first) if self.log.is_void(number))
        return [Keep(first, tuple(new), heads, void)] if new else []

    def cut(self, number: int) -> list[Effect]:
        """Cut the log off after a number."""
        displaced = self.log.cut(number)
        if not displaced:
            return []
        held = {post.id: post for post in displaced if post.id not in self.heads}
        self.heads.difference_update(post.id for post in displaced)
        self.pending = held | self.pending
        return [Cut(number)]

    def fill(self, me: str, posts: Iterable[Post]) -> list[Effect]:
        """Messages that were lacking have come."""
        lacking = {self.log[number].id: self.log[number].digest for number in self.lacking(me)}
        filled = tuple(post.id for post in posts if lacking.get(post.id) == post.digest)
        self.heads.difference_update(filled)
        return [Fill(filled)] if filled else []

    def shown_to(self, peer: str, wanted: frozenset[str]) -> tuple[str, ...]:
        """Those of some messages that a member may see, and that are held."""
        numbers = range(1, self.log.end_for(peer) + 1)
        seen = (number for number in numbers if self.log[number].id in wanted and self.log.shows(peer, number))
        return tuple(self.log[number].id for number in seen if self.log[number].id not in self.heads)

    def lacking(self, me: str) -> Iterator[int]:
        """The numbers of messages that we may see and do not hold."""
        if not self.heads:
            return iter(())
        numbers = range(1, len(self.log) + 1)
        return (number for number in numbers if self.log[number].id in self.heads and self.log.shows(me, number))
