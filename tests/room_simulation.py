"""A room among simulated members: real machines and real signatures, with the network, the disks and the clock made up.

Members are killed and come back with what was on their disk. The links between them are `simulated_links`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from academics_jupyter.protocol.messages import Kind, Message, Terms, room_id, sign_message
from academics_jupyter.protocol.room_effects import (
    Adopt,
    Cut,
    Effect,
    Keep,
    Promise,
    Tell,
    TellEntries,
    TellMessages,
)
from academics_jupyter.protocol.room_log import Post
from academics_jupyter.protocol.rooms import (
    Claim,
    Entries,
    Entry,
    Given,
    Have,
    Invitation,
    Said,
    Submit,
    Term,
    sign_invitation,
)
from tests.simulated_links import SimulatedLinks
from tests.simulated_member import Member, head_of, key, opened, peer, post_from

STEP_MS = 100
TICK_MS = 500


class Simulation(SimulatedLinks):
    """A room that `names` were founded with, all of them joined."""

    def __init__(self, names: Iterable[str], seed: int = 0, *, history: bool = False) -> None:
        super().__init__(seed)
        self.authors: dict[str, str] = {}
        """Of all messages, by their ids, in the order in which they were written."""
        self.written: dict[str, str] = {}
        """Of all talk."""
        self.hosts: dict[int, set[str]] = {}
        """Those that were hosts in each round but the first."""
        self.happened = Counter[str]()
        self.numbers: dict[str, set[int]] = {}
        """Those that each message was given, by whoever hosted."""
        self.secret: dict[str, set[str]] = {}
        """What somebody must never hold, by their name."""
        self.changed = False
        """Whether anybody but those that it was founded with came, or anybody went."""
        self.creator, *others = names
        self.room = ""
        self._found(others, history)
        for name in others:
            self.invite(name)
        self.run(3_000)
        self.changed = False

    def _found(self, others: list[str], history: bool) -> None:
        author = peer(self.creator)
        founding = f"{0:032x}"
        self.room = room_id(author, founding)
        self._enter(self.creator)
        self.terms = Terms(name="reading", history=history, invited=tuple(peer(name) for name in others))
        self._write(self.members[self.creator], "founding", message_id=founding, terms=self.terms)

    def _enter(self, name: str) -> None:
        if name not in self.members:
            claim = Claim(term=Term(1, peer(self.creator)))
            self.members[name] = self.by_id[peer(name)] = Member(name, self.room, claim)
            self.members[name].wake()

    # What people do

    def invite(self, name: str, inviter: str | None = None) -> None:
        """Somebody joins, or joins again, invited by a member."""
        by = self.members[inviter or self.creator]
        if not self.can_act(by.name) or by.machine.log.members.isdisjoint({by.id}):
            return
        known = name in self.members
        if known and (not self.can_act(name) or self.members[name].joins):
            return
        self.changed = True
        self.secret[name] = set()
        if not known:
            if not by.machine.log.terms or not self.terms.history:
                self.secret[name] = {post.id for post in self._everywhere(self.members) if post.kind == "text"}
            self._enter(name)
            # An invitation says who hosts.
            self.members[name].disk.claim = by.machine.claim
            self.members[name].wake()
        member = self.members[name]
        member.stands = member.machine.stands = True
        invitation = Invitation(
            room=self.room,
            inviter=by.id,
            invitee=peer(name),
            creator=peer(self.creator),
            name="reading",
            members=1,
            term=by.machine.term,
            sent_at_ms=self.now_ms,
        )
        self._write(member, "join", invitation=sign_invitation(key(by.name), invitation))

    def say(self, name: str) -> None:
        """Somebody writes a text, where they can."""
        member = self.members.get(name)
        if member is None or not self.can_act(name) or not (member.joins and member.stands):
            return
        if member.machine.log.deleted_at_ms is not None:
            return
        message_id = self._write(member, "text", text=str(len(self.written)))
        self.written[message_id] = member.id
        for name in self.members:
            if self._is_gone(name):
                self.secret[name].add(message_id)

    def _is_gone(self, name: str) -> bool:
        """Whether the others know that somebody has left."""
        gone = self.members[name]
        last = self._last(self.members.keys() - {name})
        return not gone.stands and any((post.kind, post.author) == ("leave", gone.id) for post in last)

    def leave(self, name: str) -> None:
        if self.can_act(name) and self.members[name].joins and self.members[name].stands:
            self.changed = True
            self.secret.setdefault(name, set())
            member = self.members[name]
            member.stands = member.machine.stands = False
            member.has_left = True
            self._write(member, "leave")

    def delete(self) -> None:
        member = self.members[self.creator]
        if self.can_act(self.creator) and member.stands and member.machine.log.deleted_at_ms is None:
            self._write(member, "deletion")

    def open_history(self) -> None:
        """From now on, who comes sees all."""
        member = self.members[self.creator]
        if self.can_act(self.creator) and member.stands:
            self.terms = Terms(name="reading", history=True)
            # Who has come and gone without the others' knowing may be numbered after this, and sees all then.
            self.secret = {name: ids if self._is_gone(name) else set() for name, ids in self.secret.items()}
            self._write(member, "terms", terms=self.terms)

    # What goes wrong

    def kill(self, name: str, *, at_once: bool | None = None) -> None:
        """A process that is killed hangs up `at_once`; a machine that dies does not."""
        if name in self.members and self.members[name].room is not None:
            self.members[name].room = None
            self.busy.discard(name)
            at_once = self.random.random() < 0.5 if at_once is None else at_once
            for other in self.members:
                self.down(name, other, at_once=at_once)

    def kill_host(self) -> None:
        """Whoever hosts in the highest term."""
        if self.host is not None:
            self.kill(self.host.name)

    def wake(self, name: str) -> None:
        if name in self.members and self.members[name].room is None:
            self.members[name].wake()

    def compute(self, name: str) -> None:
        """A cell runs for long: whoever runs it hears nothing, and their system answers for them."""
        if self.can_act(name):
            self.busy.add(name)

    def finish(self, name: str) -> None:
        self.busy.discard(name)

    def heal(self) -> None:
        """All links can come up again, everybody wakes, and nobody is busy."""
        self.reconnect()
        self.busy.clear()
        for name in self.members:
            self.wake(name)

    def run(self, for_ms: int) -> None:
        ends_ms = self.now_ms + for_ms
        while self.now_ms < ends_ms:
            self.now_ms += STEP_MS
            self.notice()
            self.connect()
            self.deliver()
            for place, (name, member) in enumerate(list(self.members.items())):
                if (self.now_ms // STEP_MS + place * 2) % (TICK_MS // STEP_MS) == 0 and self.can_act(name):
                    self.carry_out(member, member.machine.tick(self.now_ms))

    # What is where

    @property
    def host(self) -> Member | None:
        """Who hosts in the highest term that anybody alive knows, if they are alive."""
        terms = [member.room.term for member in self.members.values() if member.room is not None]
        host = self.by_id[max(terms).host] if terms else None
        return host if host and host.room is not None and host.room.hosts else None

    def _everywhere(self, names: Iterable[str]) -> list[Post]:
        """What some members all have, under the same numbers."""
        logs = [self.members[name].disk.log for name in names]
        same = [posts[0] for posts in zip(*logs, strict=False) if len({post.digest for post in posts}) == 1]
        return same if logs and all(log[: len(same)] == same for log in logs) else []

    def _last(self, names: Iterable[str]) -> list[Post]:
        """The last of what each author has among that."""
        return list({post.author: post for post in self._everywhere(names)}.values())

    # How

    def _write(self, member: Member, kind: Kind, *, message_id: str = "", **content: object) -> str:
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
        self.authors[message_id] = member.id
        member.disk.held[message_id] = envelope
        member.disk.pending.append(message_id)
        self.carry_out(member, member.machine.wrote(opened(envelope)))
        return message_id

    def hear(self, member: Member, sender: str, said: Said) -> None:
        posts: list[Post | None] = []
        if isinstance(said, Entries):
            for entry in said.entries:
                if entry.message is None:
                    assert entry.head is not None
                    posts.append(post_from(entry.head))
                else:
                    posts.append(opened(entry.message))
                    member.disk.came[opened(entry.message).id] = entry.message
        elif isinstance(said, Submit | Given):
            posts = [opened(each) for each in said.messages]
            member.disk.came = {opened(each).id: each for each in said.messages}
        self.carry_out(member, member.machine.hear(sender, said, posts, self.now_ms))
        member.disk.came = {}

    def carry_out(self, member: Member, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Tell(to, said):
                    self.send(member, to, said)
                case TellEntries(to, after, end):
                    self.send(member, to, self._entries(member, to, after, end))
                case TellMessages(to, ids, submit):
                    envelopes = tuple(member.disk.held[each] for each in ids if each in member.disk.held)
                    self.send(member, to, Submit(messages=envelopes) if submit else Given(messages=envelopes))
                case _:
                    self._count(member, effect)
                    member.disk.apply(effect)

    def _count(self, member: Member, effect: Effect) -> None:
        match effect:
            case Adopt(claim):
                self.hosts.setdefault(claim.term.round, set()).add(claim.term.host)
                self.happened["elected"] += claim.term.host == member.id
                self.happened["deposed"] += member.disk.claim.term.host == member.id != claim.term.host
                at_once = {each.id for each in self.members.values() if each.room is not None and each.room.hosts}
                self.happened["two hosts"] += claim.term.host == member.id and len(at_once) > 1
            case Promise():
                self.happened["promised"] += 1
            case Keep(first, posts):
                for number, post in enumerate(posts, first):
                    self.numbers.setdefault(post.id, set()).add(number)
            case Cut(number):
                self.happened["displaced"] += len(member.disk.log) - number

    def _entries(self, member: Member, to: str, after: int, end: int) -> Entries:
        room, disk = member.machine, member.disk
        entries = []
        for number in range(after + 1, end + 1):
            post = disk.log[number - 1]
            shown = room.log.shows(to, number) and post.id in disk.held
            entries.append(Entry(message=disk.held[post.id]) if shown else Entry(head=head_of(post)))
        have = Have(after, room.log.chain(after).hex())
        return Entries(term=room.term, after=have, entries=tuple(entries), last=room.log.end_for(to))
