"""A room's log: its messages in the one order that its host gives them. May import errors, messages and rooms.

The host numbers messages 1, 2, 3 … The first is the founding. Each number has a chain value, the SHA-256 of the chain
value before it and of the message's digest, so two logs that have the same value at a number are the same up to there.
Who the members are, and what the room's terms are, follows from the log alone.

| kind               | by                       | changes                                                              |
| ------------------ | ------------------------ | -------------------------------------------------------------------- |
| `founding`         | the creator, number 1    | the creator is a member; the terms                                   |
| `join`             | who was invited          | its author is a member; the inviter must be, or have been, one       |
| `leave`            | a member                 | its author is none any more                                          |
| `terms`            | the creator              | the terms                                                            |
| `deletion`         | the creator              | what was written after it is void                                    |
| talk               | a member                 | nothing                                                              |

Invariants
- Of each author and series, the log holds the sequence numbers 1 to n, in order and once; of each id, one message.
- A log is extended at its end or cut off at a number; what is cut off is given back, in order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from academics_jupyter.protocol.messages import ROOM_KINDS, Kind, Message, Terms, room_id
from academics_jupyter.protocol.rooms import MAX_MEMBERS

CHAIN_START = bytes(32)

KNOWN = "known"
"""Not a refusal: the log holds it already."""
NEVER = frozenset({"not_member", "not_entitled", "too_many"})
"""The refusals that hold for good: of what comes in its author's order, and is not its author's to say."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a log looks at of a message. `digest` is 32 bytes; `inviter` whose invitation a join takes up."""

    id: str
    author: str
    series: int
    sequence: int
    sent_at_ms: int
    kind: Kind
    digest: bytes
    terms: Terms | None = None
    inviter: str = ""


def post_of(message: Message, digest: bytes, inviter: str = "") -> Post:
    """What a log looks at of a message whose signature, and whose invitation's, has been checked."""
    return Post(
        message.id,
        message.author,
        message.series,
        message.sequence,
        message.sent_at_ms,
        message.kind,
        digest,
        message.terms,
        inviter,
    )


class RoomLog:
    """The log of one room, as one of its members has it."""

    def __init__(self, room: str, posts: Iterable[Post] = ()) -> None:
        """`posts` are those of a log that was checked when it came."""
        self.room = room
        self._posts: list[Post] = []
        self._chains: list[bytes] = []
        self._forget()
        for post in posts:
            self.append(post)

    def _forget(self) -> None:
        self._last: dict[tuple[str, int], int] = {}
        self._ids: set[str] = set()
        self._joined: dict[str, int] = {}
        self._members: set[str] = set()
        self._left: dict[str, int] = {}
        self._away: dict[str, list[tuple[int, int]]] = {}
        self._void: set[int] = set()
        self.creator = ""
        self.terms: Terms | None = None
        self.deleted_at_ms: int | None = None
        """By the creator's clock; None while it is not deleted."""

    def __len__(self) -> int:
        return len(self._posts)

    def __getitem__(self, number: int) -> Post:
        if number < 1:
            raise IndexError(number)
        return self._posts[number - 1]

    @property
    def members(self) -> frozenset[str]:
        """Who is a member now."""
        return frozenset(self._members)

    def joined_at(self, peer: str) -> int | None:
        """The number at which somebody joined first; None for who never did."""
        return self._joined.get(peer)

    def end_for(self, peer: str) -> int:
        """Up to which number somebody is told of the log: all of it for a member, until they left for who has left."""
        return len(self) if peer in self._members else self._left.get(peer, 0)

    def is_void(self, number: int) -> bool:
        """Whether a message came too late: it has its number, so that its author's next ones can have theirs."""
        return number in self._void

    def shows(self, peer: str, number: int) -> bool:
        """Whether a member sees what a message says: control messages always, talk from their joining on or all.

        What was said between somebody's leaving and their return is only for them where all is for everybody.
        """
        if self._posts[number - 1].kind in ROOM_KINDS:
            return True
        if number in self._void:
            return peer == self._posts[number - 1].author
        joined, terms = self._joined.get(peer), self.terms
        if joined is None or terms is None or terms.history:
            return joined is not None
        was_away = any(left < number < returned for left, returned in self._away.get(peer, ()))
        return (number > joined or peer in terms.invited) and not was_away

    def chain(self, number: int) -> bytes:
        """The chain value at a number, at most the log's length; at 0, 32 zeros."""
        return self._chains[number - 1] if number else CHAIN_START

    def last_sequence(self, author: str, series: int) -> int:
        """The last number of an author that the log holds."""
        return self._last.get((author, series), 0)

    def refusal(self, post: Post) -> str:
        """Why a message cannot come next: an error code, KNOWN, or "" if it can."""
        last = self.last_sequence(post.author, post.series)
        if post.sequence <= last or post.id in self._ids:
            return KNOWN
        if not self._posts:
            is_founding = post.kind == "founding" and self.room == room_id(post.author, post.id)
            return "" if is_founding and post.sequence == 1 else "out_of_order"
        if post.sequence != last + 1:
            return "out_of_order"
        return self._unentitled(post)

    def _unentitled(self, post: Post) -> str:
        if post.kind == "join":
            if len(self._members) >= MAX_MEMBERS:
                return "too_many"
            # Whose own join is not in yet may well be in soon.
            return "" if post.inviter in self._joined else "out_of_order"
        if post.author not in self._members:
            return "not_member"
        if post.kind in ("founding", "terms", "deletion") and (post.author != self.creator or post.kind == "founding"):
            return "not_entitled"
        return ""

    def _is_late(self, post: Post) -> bool:
        """Whether it was written after the room's deletion; what was written before is not lost to it."""
        return self.deleted_at_ms is not None and post.kind != "leave" and post.sent_at_ms >= self.deleted_at_ms

    def append(self, post: Post) -> int:
        """Number a message that is not refused; its number."""
        self._chains.append(hashlib.sha256(self.chain(len(self)) + post.digest).digest())
        self._posts.append(post)
        self._ids.add(post.id)
        if self._is_late(post):
            self._void.add(len(self))
        self._last[post.author, post.series] = post.sequence
        self._apply(post)
        return len(self)

    def _apply(self, post: Post) -> None:
        match post.kind:
            case "join" | "terms" | "deletion" if self.is_void(len(self)):
                return
            case "founding":
                self.creator, self.terms = post.author, post.terms
                self._members.add(post.author)
                self._joined[post.author] = len(self)
            case "join":
                if post.author not in self._members and post.author in self._left:
                    self._away.setdefault(post.author, []).append((self._left[post.author], len(self)))
                self._members.add(post.author)
                self._joined.setdefault(post.author, len(self))
            case "leave":
                self._members.discard(post.author)
                self._left[post.author] = len(self)
            case "terms" if self.terms is not None and post.terms is not None:
                # Whom it was founded with is history, and no terms change that.
                self.terms = Terms(name=post.terms.name, history=post.terms.history, invited=self.terms.invited)
            case "deletion":
                self.deleted_at_ms = post.sent_at_ms

    def cut(self, number: int) -> Sequence[Post]:
        """Cut off what comes after a number; it is given back, in order."""
        kept, displaced = self._posts[:number], self._posts[number:]
        if displaced:
            self._posts, self._chains = [], []
            self._forget()
            for post in kept:
                self.append(post)
        return displaced

    def haves(self) -> tuple[tuple[int, str], ...]:
        """Numbers and chain values (hex) by which another log finds where they part: close at the end, then wider."""
        numbers, step = [len(self)], 1
        while numbers[-1] > 0:
            numbers.append(max(0, len(self) - step))
            step *= 2
        return tuple((number, self.chain(number).hex()) for number in dict.fromkeys(numbers))

    def common(self, haves: Iterable[tuple[int, str]]) -> int:
        """The highest of another log's numbers up to which this one is the same."""
        same = (number for number, chain in haves if number <= len(self) and self.chain(number).hex() == chain)
        return max(same, default=0)
