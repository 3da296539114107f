"""A simulated member of a room: the real machine and real signatures, with a disk that outlives its kills."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from nacl.signing import SigningKey

from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.messages import digest, open_message
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room import Room
from academics_jupyter.protocol.room_copy import RoomCopy
from academics_jupyter.protocol.room_effects import Adopt, Cut, Effect, Fill, Hold, Keep, Promise, Reject
from academics_jupyter.protocol.room_log import Post, RoomLog, post_of
from academics_jupyter.protocol.rooms import Claim, Head, open_invitation


@cache
def key(name: str) -> SigningKey:
    return SigningKey(name.encode().ljust(32, b"."))


@cache
def peer(name: str) -> str:
    return peer_id(key(name))


@cache
def opened(envelope: Envelope) -> Post:
    message = open_message(envelope)
    inviter = open_invitation(message.invitation).inviter if message.invitation else ""
    return post_of(message, digest(envelope), inviter)


def head_of(post: Post) -> Head:
    return Head(
        id=post.id,
        author=post.author,
        series=post.series,
        sequence=post.sequence,
        sent_at_ms=post.sent_at_ms,
        kind=post.kind,
        digest=post.digest.hex(),
    )


def post_from(head: Head) -> Post:
    return Post(
        head.id, head.author, head.series, head.sequence, head.sent_at_ms, head.kind, bytes.fromhex(head.digest)
    )


@dataclass
class Disk:
    """What a member has after a kill."""

    me: str
    claim: Claim
    log: list[Post] = field(default_factory=list)
    held: dict[str, Envelope] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    promised: int = 0
    sequence: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    came: dict[str, Envelope] = field(default_factory=dict)
    """The messages in what is being heard."""

    def apply(self, effect: Effect) -> None:
        match effect:
            case Hold(ids):
                self.held |= {each: self.came[each] for each in ids}
                self.pending += ids
            case Fill(ids):
                self.held |= {each: self.came[each] for each in ids}
            case Keep(number, posts, heads, _void):
                assert number == len(self.log) + 1, "a gap in the log"
                self.log += posts
                ids = tuple(post.id for post in posts)
                self.held |= {each: self.came[each] for each in ids if each in self.came}
                assert heads == {each for each in ids if each not in self.held}, "what is only heads is taken for held"
                self.pending = [each for each in self.pending if each not in ids]
            case Cut(number):
                displaced = [post.id for post in self.log[number:] if post.id in self.held]
                self.log = self.log[:number]
                self.pending = displaced + self.pending
            case Adopt(claim):
                assert claim.term > self.claim.term, "a term that is not higher was adopted"
                self.claim = claim
            case Promise(round_):
                assert round_ >= self.promised, "a promise was broken"
                self.promised = round_
            case Reject(message, code):
                self.rejected[message] = code
                if opened(self.held[message]).author != self.me:
                    del self.held[message]
                self.pending = [each for each in self.pending if each != message]


class Member:
    """One member; `room` is None while it is dead."""

    def __init__(self, name: str, room: str, claim: Claim) -> None:
        self.name, self.id, self.room_id = name, peer(name), room
        self.disk = Disk(self.id, claim)
        self.room: Room | None = None
        self.stands = True
        self.has_left = False
        """Ever."""

    def wake(self) -> None:
        disk = self.disk
        heads = [post.id for post in disk.log if post.id not in disk.held]
        copy = RoomCopy(
            RoomLog(self.room_id, disk.log), heads=heads, pending=[opened(disk.held[each]) for each in disk.pending]
        )
        self.room = Room(key(self.name), copy, disk.claim, promised=disk.promised, stands=self.stands)

    @property
    def machine(self) -> Room:
        """Of one that is alive."""
        assert self.room is not None
        return self.room

    @property
    def joins(self) -> bool:
        """Whether it is a member, or will be."""
        own = [post for post in self.disk.log if post.author == self.id]
        own += [opened(self.disk.held[each]) for each in self.disk.pending]
        kinds = [post.kind for post in own if post.author == self.id and post.kind in ("founding", "join", "leave")]
        return bool(kinds) and kinds[-1] != "leave"

    @property
    def texts(self) -> list[str]:
        """The ids of all talk in its log, in order."""
        return [post.id for post in self.disk.log if post.kind == "text"]
