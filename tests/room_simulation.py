"""A room among simulated members: real machines and real signatures, with the network, the disks and the clock made up.

Links are cut and healed, members are killed and come back with what was on their disk; what was on its way is lost.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache

from nacl.signing import SigningKey

from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.messages import Kind, Message, Terms, digest, open_message, room_id, sign_message
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room import Room
from academics_jupyter.protocol.room_copy import RoomCopy
from academics_jupyter.protocol.room_effects import (
    Adopt,
    Cut,
    Effect,
    Fill,
    Hold,
    Keep,
    Promise,
    Reject,
    Tell,
    TellEntries,
    TellMessages,
)
from academics_jupyter.protocol.room_log import Post, RoomLog, post_of
from academics_jupyter.protocol.rooms import (
    Claim,
    Entries,
    Entry,
    Given,
    Have,
    Head,
    Invitation,
    Said,
    Submit,
    Term,
    open_invitation,
    sign_invitation,
)

TICK_MS = 500


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

    claim: Claim
    log: list[Post] = field(default_factory=list)
    held: dict[str, Envelope] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    promised: int = 0
    sequence: int = 0
    rejected: dict[str, str] = field(default_factory=dict)

    def apply(self, effect: Effect) -> None:
        match effect:
            case Keep(number, posts, _heads, _void):
                assert number == len(self.log) + 1, "a gap in the log"
                self.log += posts
                ids = {post.id for post in posts}
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
                self.pending = [each for each in self.pending if each != message]


class Member:
    """One member; `room` is None while it is dead."""

    def __init__(self, name: str, room: str, claim: Claim) -> None:
        self.name, self.id, self.room_id = name, peer(name), room
        self.disk = Disk(claim)
        self.room: Room | None = None
        self.stands = True

    def wake(self) -> None:
        disk = self.disk
        heads = [post.id for post in disk.log if post.id not in disk.held]
        copy = RoomCopy(
            RoomLog(self.room_id, disk.log), heads=heads, pending=[opened(disk.held[each]) for each in disk.pending]
        )
        self.room = Room(key(self.name), copy, disk.claim, promised=disk.promised, stands=self.stands)

    @property
    def texts(self) -> list[str]:
        """The ids of all talk in its log, in order."""
        return [post.id for post in self.disk.log if post.kind == "text"]


class Simulation:
    """A room that `names` were founded with, all of them joined unless `join` is false."""

    def __init__(self, names: Iterable[str], seed: int = 0) -> None:
        self.random = random.Random(seed)
        self.now_ms = 0
        self.members: dict[str, Member] = {}
        self.by_id: dict[str, Member] = {}
        self.cut: set[frozenset[str]] = set()
        self.up: set[frozenset[str]] = set()
        self.queues: dict[tuple[str, str], deque[tuple[int, Said]]] = {}
        self.latency_ms: dict[frozenset[str], int] = {}
        self.written: list[tuple[str, str]] = []
        self.hosts: dict[int, set[str]] = {}
        self.refused: list[tuple[str, str]] = []
        self.texts = 0
        self.on_the_way: dict[str, Envelope] = {}
        self.creator, *others = names
        self.room = ""
        self._found(others)
        for name in others:
            self.invite(name)
        self.run(3_000)

    def _found(self, others: list[str]) -> None:
        author = peer(self.creator)
        founding = f"{0:032x}"
        self.room = room_id(author, founding)
        member = self._enter(self.creator)
        terms = Terms(name="reading", invited=tuple(peer(name) for name in others))
        self._write(member, "founding", message_id=founding, terms=terms)

    def _enter(self, name: str) -> Member:
        claim = Claim(term=Term(1, peer(self.creator)))
        if name not in self.members:
            member = self.members[name] = self.by_id[peer(name)] = Member(name, self.room, claim)
            member.wake()
        return self.members[name]

    # What people do

    def invite(self, name: str, inviter: str | None = None) -> None:
        """Somebody joins, or joins again, invited by a member."""
        by = self.members[inviter or self.creator]
        if by.room is None or by.id not in by.room.log.members:
            return
        invitation = Invitation(
            room=self.room,
            inviter=by.id,
            invitee=peer(name),
            creator=peer(self.creator),
            name="reading",
            members=1,
            term=by.room.term,
            sent_at_ms=self.now_ms,
        )
        known = name in self.members
        member = self._enter(name)
        if member.room is None or (known and member.id in member.room.log.members):
            return
        if not known:
            # An invitation says who hosts.
            member.disk.claim = by.room.claim
            member.wake()
        self._write(member, "join", invitation=sign_invitation(key(by.name), invitation))

    def say(self, name: str) -> str | None:
        """Write a text; its id, or None where the person cannot."""
        member = self.members[name]
        log = member.room and member.room.log
        joined = log and (member.id in log.members or any(opened(e).kind == "join" for e in self._pending(member)))
        if member.room is None or not joined or not member.stands or log.deleted_at_ms is not None:
            return None
        self.texts += 1
        message_id = self._write(member, "text", text=str(self.texts))
        self.written.append((member.id, message_id))
        return message_id

    def leave(self, name: str) -> None:
        member = self.members[name]
        if member.room is not None and member.id in member.room.log.members and member.stands:
            member.stands = member.room.stands = False
            self._write(member, "leave")

    def delete(self) -> None:
        member = self.members[self.creator]
        if member.room is not None and member.stands and member.room.log.deleted_at_ms is None:
            self._write(member, "deletion")

    def kill(self, name: str) -> None:
        self.members[name].room = None
        for other in self.members:
            self._down(name, other)

    def wake(self, name: str) -> None:
        if self.members[name].room is None:
            self.members[name].wake()

    def sever(self, one: str, other: str) -> None:
        if one != other:
            self.cut.add(frozenset((one, other)))
            self._down(one, other)

    def mend(self, one: str, other: str) -> None:
        self.cut.discard(frozenset((one, other)))

    def part(self, side: set[str]) -> None:
        """Cut the members in two."""
        for one in side & self.members.keys():
            for other in self.members.keys() - side:
                self.sever(one, other)

    def heal(self) -> None:
        """All links can come up again, and everybody wakes."""
        self.cut.clear()
        for name in self.members:
            self.wake(name)

    def run(self, for_ms: int) -> None:
        ends_ms = self.now_ms + for_ms
        while self.now_ms < ends_ms:
            self.now_ms += TICK_MS // 5
            self._connect()
            self._deliver()
            if self.now_ms % TICK_MS == 0:
                for member in list(self.members.values()):
                    if member.room is not None:
                        self._carry_out(member, member.room.tick(self.now_ms))

    # How

    def _pending(self, member: Member) -> list[Envelope]:
        return [member.disk.held[each] for each in member.disk.pending]

    def _write(self, member: Member, kind: Kind, *, message_id: str = "", **content: object) -> str:
        assert member.room is not None
        member.disk.sequence += 1
        message_id = message_id or f"{self.random.getrandbits(128):032x}"
        message = Message(
            id=message_id,
            author=member.id,
            recipient=self.room,
            series=1,
            sequence=member.disk.sequence,
            sent_at_ms=self.now_ms,
            kind=kind,
            **content,  # type: ignore[arg-type]
        )
        envelope = sign_message(key(member.name), message)
        member.disk.held[message_id] = envelope
        member.disk.pending.append(message_id)
        self._carry_out(member, member.room.wrote(opened(envelope)))
        return message_id

    def _connect(self) -> None:
        names = [name for name, member in self.members.items() if member.room is not None]
        for place, one in enumerate(names):
            for other in names[place + 1 :]:
                pair = frozenset((one, other))
                if pair not in self.up and pair not in self.cut:
                    self.up.add(pair)
                    rtt_ms = self.latency_ms.setdefault(pair, self.random.randrange(1, 60))
                    for here, there in ((one, other), (other, one)):
                        self.queues[here, there] = deque()
                    for here, there in ((one, other), (other, one)):
                        room = self.members[here].room
                        assert room is not None
                        self._carry_out(self.members[here], room.link_up(peer(there), rtt_ms))

    def _down(self, one: str, other: str) -> None:
        pair = frozenset((one, other))
        if pair in self.up:
            self.up.discard(pair)
            for here, there in ((one, other), (other, one)):
                self.queues.pop((here, there), None)
                if (room := self.members[here].room) is not None:
                    room.link_down(peer(there))

    def _deliver(self) -> None:
        for (sender, receiver), queue in list(self.queues.items()):
            while (sender, receiver) in self.queues and queue and queue[0][0] <= self.now_ms:
                _, said = queue.popleft()
                member = self.members[receiver]
                if member.room is not None:
                    self._hear(member, peer(sender), said)

    def _hear(self, member: Member, sender: str, said: Said) -> None:
        assert member.room is not None
        posts: list[Post | None] = []
        disk = member.disk
        if isinstance(said, Entries):
            for entry in said.entries:
                if entry.message is None:
                    assert entry.head is not None
                    posts.append(post_from(entry.head))
                else:
                    post = opened(entry.message)
                    posts.append(post)
                    disk.held[post.id] = entry.message
        elif isinstance(said, Submit | Given):
            posts = [opened(each) for each in said.messages]
            self.on_the_way = {opened(each).id: each for each in said.messages}
        self._carry_out(member, member.room.hear(sender, said, posts, self.now_ms))

    def _carry_out(self, member: Member, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Tell(to, said):
                    self._send(member, to, said)
                case TellEntries(to, after, end):
                    self._send(member, to, self._entries(member, to, after, end))
                case TellMessages(to, ids, submit):
                    envelopes = tuple(member.disk.held[each] for each in ids if each in member.disk.held)
                    self._send(member, to, Submit(messages=envelopes) if submit else Given(messages=envelopes))
                case Fill(ids):
                    member.disk.held |= {each: self.on_the_way[each] for each in ids}
                case Hold(ids):
                    member.disk.held |= {each: self.on_the_way[each] for each in ids}
                    member.disk.pending += ids
                case _:
                    member.disk.apply(effect)
                    if isinstance(effect, Adopt):
                        self.hosts.setdefault(effect.claim.term.round, set()).add(effect.claim.term.host)

    def _entries(self, member: Member, to: str, after: int, end: int) -> Entries:
        room, disk = member.room, member.disk
        assert room is not None
        entries = []
        for number in range(after + 1, end + 1):
            post = disk.log[number - 1]
            shown = room.log.shows(to, number) and post.id in disk.held
            entries.append(Entry(message=disk.held[post.id]) if shown else Entry(head=head_of(post)))
        have = Have(after, room.log.chain(after).hex())
        return Entries(term=room.term, after=have, entries=tuple(entries), last=room.log.end_for(to))

    def _send(self, member: Member, to: str, said: Said) -> None:
        receiver = self.by_id.get(to)
        pair = frozenset((member.name, receiver.name)) if receiver else frozenset()
        if receiver is not None and pair in self.up:
            delay_ms = self.latency_ms[pair] // 2 + self.random.randrange(0, 20)
            queue = self.queues[member.name, receiver.name]
            due_ms = max(self.now_ms + delay_ms, queue[-1][0] if queue else 0)
            queue.append((due_ms, said))


def with_digest(post: Post, value: bytes) -> Post:
    """Another message that calls itself the same."""
    return replace(post, digest=value)
