"""What one member has of a room. May import messages, room_effects, room_log and rooms.

The messages that it holds, and its copy of the log. What is held and not in the log is *pending*, whoever wrote it; of
what is in the log and not held there are only *heads*.

Invariants
- A message is pending or in the log, never both and, once held, never neither.
- What is cut off the log is pending again, before whatever was written since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from academics_jupyter.protocol.messages import ROOM_KINDS
from academics_jupyter.protocol.room_effects import Cut, Effect, Fill, Keep, Reject
from academics_jupyter.protocol.room_log import KNOWN, NEVER, Post, RoomLog
from academics_jupyter.protocol.rooms import Entry


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
                if refusal in NEVER:
                    rejected += self.reject(post.id)
                    continue
                self.pending.pop(post.id, None)
                if not refusal:
                    self.log.append(post)
                    numbered.append(post)
        return self._kept(numbered) + rejected

    def reject(self, message: str) -> list[Effect]:
        """A pending message that our log can never have; nor what its author wrote after it, for want of it."""
        post = self.pending.get(message)
        refusal = self.log.refusal(post) if post else ""
        if post is None or refusal not in NEVER:
            # A host that says so of others is not believed: what it does not number is kept.
            return []
        never = [
            each.id
            for each in self.pending.values()
            if (each.author, each.series) == (post.author, post.series) and each.sequence >= post.sequence
        ]
        for each in never:
            del self.pending[each]
        return [Reject(each, refusal) for each in never]

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


def sound(posts: Sequence[Post | None], entries: Sequence[Entry]) -> tuple[list[Post], frozenset[str]]:
    """Those of some entries that may be taken, up to the first that may not; and which of them are heads only.

    What all members see comes signed, never as a head: it decides who is in.
    """
    told: list[Post] = []
    heads: set[str] = set()
    for post, entry in zip(posts, entries, strict=True):
        if post is None or (entry.message is None and post.kind in ROOM_KINDS):
            break
        told.append(post)
        if entry.message is None:
            heads.add(post.id)
    return told, frozenset(heads)
