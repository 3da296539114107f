"""A room's machine and those who are not in it, or not yet, or who host it and lie."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from academics_jupyter.protocol.claims import MOST_MISSED, claim_of
from academics_jupyter.protocol.messages import Message, Terms, room_id, sign_message
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room import Room
from academics_jupyter.protocol.room_copy import RoomCopy
from academics_jupyter.protocol.room_effects import Adopt, Hold, Keep, Reject, Tell, TellMessages
from academics_jupyter.protocol.room_log import KNOWN, Post, RoomLog
from academics_jupyter.protocol.rooms import (
    MAX_MEMBERS,
    Ballot,
    Claim,
    Entries,
    Entry,
    Have,
    Invitation,
    Mark,
    Marks,
    Progress,
    Refused,
    Submit,
    Term,
    sign_ballot,
    sign_invitation,
)
from tests.room_simulation import Simulation
from tests.simulated_member import head_of, key, opened, peer

FOUNDING = "00" * 16
ROOM = room_id(peer("ada"), FOUNDING)
FIRST = Term(1, peer("ada"))


@dataclass
class Author:
    """Somebody who writes, with numbers of their own."""

    name: str
    written: int = field(default=0)

    def write(self, kind: str, **content: Any) -> Envelope:
        self.written += 1
        fields = {"id": f"{self.name.encode().hex():0>28}{self.written:04x}"} | content
        message = Message(
            author=peer(self.name),
            recipient=ROOM,
            series=1,
            sequence=self.written,
            sent_at_ms=self.written,
            kind=kind,  # type: ignore[arg-type]
            **fields,
        )
        return sign_message(key(self.name), message)

    def join(self, inviter: str) -> Envelope:
        invitation = Invitation(
            room=ROOM,
            inviter=peer(inviter),
            invitee=peer(self.name),
            creator=peer("ada"),
            name="reading",
            members=1,
            term=FIRST,
            sent_at_ms=0,
        )
        return self.write("join", invitation=sign_invitation(key(inviter), invitation))


def log_of(*messages: Envelope) -> RoomLog:
    log = RoomLog(ROOM)
    for message in messages:
        assert log.refusal(opened(message)) == ""
        log.append(opened(message))
    return log


def beginning() -> tuple[Author, Author, list[Envelope]]:
    """Ada and Grace, and the log in which they are members."""
    ada, grace = Author("ada"), Author("grace")
    founding = ada.write("founding", id=FOUNDING, terms=Terms(name="reading"))
    return ada, grace, [founding, grace.join("ada")]


def machine(name: str, log: RoomLog, term: Term = FIRST, pending: tuple[Post, ...] = ()) -> Room:
    return Room(key(name), RoomCopy(log, pending=pending), Claim(term=term))


def claim_by(term: Term, *voters: str) -> Claim:
    ballots = {
        peer(each): sign_ballot(key(each), Ballot(room=ROOM, voter=peer(each), round=term.round, host=term.host))
        for each in voters
    }
    return claim_of(term, ballots, ballots, ballots)


def posts(*messages: Envelope) -> list[Post | None]:
    return [opened(message) for message in messages]


def entries(log: RoomLog, *told: Entry) -> Entries:
    return Entries(term=FIRST, after=Have(len(log), log.chain(len(log)).hex()), entries=told, last=len(log) + len(told))


def test_what_decides_who_is_in_is_not_taken_as_a_head() -> None:
    ada, grace, messages = beginning()
    for forged in (ada.write("deletion"), grace.write("leave")):
        room = machine("grace", log_of(*messages))
        room.link_up(peer("ada"), 1)
        head = head_of(opened(forged))
        effects = room.hear(peer("ada"), entries(room.log, Entry(head=head)), [opened(forged)], 0)
        assert not [each for each in effects if isinstance(each, Keep)]
        assert room.log.members == {peer("ada"), peer("grace")}
        assert room.log.deleted_at_ms is None
        # With its message it is.
        room.hear(peer("ada"), entries(room.log, Entry(message=forged)), [opened(forged)], 0)
        assert len(room.log) == 3


def test_a_host_keeps_nothing_of_who_was_never_in() -> None:
    _, _, messages = beginning()
    room, mallory = machine("ada", log_of(*messages)), Author("mallory")
    room.link_up(peer("mallory"), 1)
    uninvited = mallory.join("mallory")
    said = [uninvited, mallory.write("text", text="1"), mallory.write("text", text="2")]
    effects = room.hear(peer("mallory"), Submit(messages=tuple(said)), posts(*said), 0)
    assert effects == [Hold(())]
    assert not room.copy.pending


def test_who_was_invited_is_let_in_and_what_they_said_meanwhile_comes_later() -> None:
    _, _, messages = beginning()
    room, lin = machine("ada", log_of(*messages)), Author("lin")
    room.link_up(peer("lin"), 1)
    said = [lin.join("grace"), lin.write("text", text="hello")]
    effects = room.hear(peer("lin"), Submit(messages=tuple(said)), posts(*said), 0)
    join = opened(said[0])
    assert effects == [Hold((join.id,)), Keep(3, (join,)), Tell(peer("lin"), room.claim)]
    effects = room.hear(peer("lin"), Submit(messages=tuple(said)), posts(*said), 0)
    assert [post.id for each in effects if isinstance(each, Keep) for post in each.posts] == [opened(said[1]).id]


def test_who_joins_with_an_old_invitation_hears_of_the_new_host_from_the_inviter_only() -> None:
    _, _, messages = beginning()
    lin = Author("lin")
    join = lin.join("grace")
    joiner = machine("lin", RoomLog(ROOM), pending=(opened(join),))
    for name in ("grace", "mallory"):
        assert [each.said for each in joiner.link_up(peer(name), 1) if isinstance(each, Tell)] == (
            [Claim(term=FIRST)] if name == "grace" else []
        )
    submitted = joiner.tick(0)
    assert submitted == [TellMessages(peer("grace"), (opened(join).id,), submit=True)]

    second = claim_by(Term(2, peer("grace")), "grace")
    inviter = Room(key("grace"), RoomCopy(log_of(*messages, Author("bob").join("ada"))), second)
    inviter.link_up(peer("lin"), 1)
    other = Room(key("bob"), RoomCopy(log_of(*messages, Author("bob").join("ada"))), second)
    assert other.hear(peer("lin"), Submit(messages=(join,)), posts(join), 0) == [Tell(peer("lin"), second)]
    assert other.hear(peer("lin"), Claim(term=FIRST), [], 0) == []

    usurped = claim_by(Term(9, peer("mallory")), "mallory")
    assert joiner.hear(peer("mallory"), usurped, [], 0) == []
    assert joiner.hear(peer("grace"), Claim(term=Term(9, peer("grace"))), [], 0) == []
    effects = joiner.hear(peer("grace"), second, [], 0)
    assert effects[0] == Adopt(second)
    assert Tell(peer("grace"), Progress(term=second.term, haves=(Have(0, "0" * 64),))) in effects
    assert inviter.hear(peer("lin"), Submit(messages=(join,)), posts(join), 0)[1] == Keep(4, (opened(join),))


def test_a_claim_that_uses_the_rounds_up_is_not_believed() -> None:
    _, _, messages = beginning()
    for ahead, is_believed in ((MOST_MISSED, True), (MOST_MISSED + 1, False)):
        room = machine("ada", log_of(*messages))
        room.link_up(peer("grace"), 1)
        claim = claim_by(Term(1 + ahead, peer("grace")), "grace")
        room.hear(peer("grace"), claim, [], 0)
        assert (room.claim == claim) == is_believed


def test_a_second_message_under_an_id_of_the_log_is_not_numbered_nor_taken() -> None:
    ada, grace, messages = beginning()
    text = ada.write("text", text="the first")
    log = log_of(*messages, text)
    again = [author.write("text", text="another", id=opened(text).id) for author in (ada, grace)]
    for message in again:
        assert log.refusal(opened(message)) == KNOWN
        room = machine("ada", log_of(*messages, text))
        effects = room.hear(peer("grace"), Submit(messages=(message,)), posts(message), 0)
        assert (effects, dict(room.copy.pending)) == ([Hold(())], {})
        member = machine("grace", log_of(*messages, text))
        member.hear(peer("ada"), entries(member.log, Entry(message=message)), posts(message), 0)
        assert len(member.log) == 3
    log.cut(2)
    assert log.refusal(opened(again[0])) == "out_of_order"
    assert log.refusal(opened(again[1])) == ""


def test_a_full_room_takes_nobody_more_until_somebody_leaves() -> None:
    _, grace, messages = beginning()
    log = log_of(*messages)
    one = opened(Author("lin").join("ada"))
    for number in range(MAX_MEMBERS - 2):
        log.append(replace(one, id=f"{number:032x}", author=f"{number:064x}"))
    late = Author("bob").join("ada")
    room = machine("ada", log)
    room.link_up(peer("bob"), 1)
    effects = room.hear(peer("bob"), Submit(messages=(late,)), posts(late), 0)
    assert effects[1:] == [
        Reject(opened(late).id, "too_many"),
        Tell(peer("bob"), Refused(message=opened(late).id, code="too_many")),
    ]
    room.log.append(opened(grace.write("leave")))
    assert room.log.refusal(opened(late)) == ""


def test_marks_are_kept_of_members_only() -> None:
    _, _, messages = beginning()
    room = machine("grace", log_of(*messages))
    marks = [Mark(peer(name), 2, 0) for name in ("ada", "mallory")]
    room.hear(peer("ada"), Marks(term=FIRST, marks=tuple(marks)), [], 0)
    assert room.hosting.marks == {peer("ada"): marks[0]}


def test_who_is_in_by_a_log_that_ours_has_parted_from_cuts_theirs_and_joins_again() -> None:
    simulation = Simulation(["ada", "bob"], 1)
    simulation.sever("ada", "bob")
    simulation.invite("fay", "ada")
    simulation.run(2_500)
    fay, bob = simulation.members["fay"], simulation.members["bob"]
    assert fay.room is not None
    assert bob.room is not None
    assert fay.id in fay.room.log.members
    assert fay.id not in bob.room.log.members
    simulation.kill("ada")
    simulation.run(20_000)
    assert bob.room.hosts
    assert fay.room.term == bob.room.term
    assert fay.room.log.members == bob.room.log.members >= {fay.id}
    assert fay.disk.log == bob.disk.log
