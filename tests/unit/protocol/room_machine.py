"""A room's machine with a short log, and what it is told, for tests of single steps."""

from __future__ import annotations

from academics_jupyter.protocol.messages import Kind, Message, Terms, room_id, sign_message
from academics_jupyter.protocol.records import Envelope
from academics_jupyter.protocol.room import Room
from academics_jupyter.protocol.room_copy import RoomCopy
from academics_jupyter.protocol.room_effects import (
    Effect,
)
from academics_jupyter.protocol.room_log import Post, RoomLog
from academics_jupyter.protocol.rooms import (
    Ballot,
    Claim,
    Entries,
    Entry,
    Have,
    Invitation,
    Progress,
    Submit,
    Term,
    sign_ballot,
    sign_invitation,
)
from tests.simulated_member import head_of, key, opened, peer

FOUNDING = f"{0:032x}"
ROOM = room_id(peer("ada"), FOUNDING)
TERM = Term(1, peer("ada"))
CLAIM = Claim(term=TERM)
FORGED = None
"""As a message comes to the machine whose signature does not hold."""


def signed(author: str, sequence: int, kind: Kind = "text", *, inviter: str = "ada", variant: int = 0) -> Envelope:
    """A message; another one under the same number where `variant` is another."""
    invitation = Invitation(
        room=ROOM, inviter=peer(inviter), invitee=peer(author), creator=peer("ada"), name="r", members=1, term=TERM,
        sent_at_ms=0,
    )  # fmt: skip
    content = {
        "founding": {"terms": Terms(name="reading")},
        "terms": {"terms": Terms(name="writing")},
        "join": {"invitation": sign_invitation(key(inviter), invitation)},
        "text": {"text": f"{author} {sequence}"},
    }.get(kind, {})
    number = int(peer(author)[:8], 16) * 1_000 + sequence * 10 + variant
    message = Message(
        id=FOUNDING if kind == "founding" else f"{number:032x}",
        author=peer(author),
        recipient=ROOM,
        series=1,
        sequence=sequence,
        sent_at_ms=0,
        kind=kind,
        **content,  # type: ignore[arg-type]
    )
    return sign_message(key(author), message)


def post(author: str, sequence: int, kind: Kind = "text", *, inviter: str = "ada", variant: int = 0) -> Post:
    return opened(signed(author, sequence, kind, inviter=inviter, variant=variant))


LOG = (
    post("ada", 1, "founding"),
    post("bob", 1, "join"),
    post("cyd", 1, "join"),
    post("dan", 1, "join"),
    post("dan", 2, "leave"),
    post("ada", 2),
)
END = len(LOG)


def room(
    me: str, *, log: tuple[Post, ...] = LOG, pending: tuple[Post, ...] = (), heads: tuple[Post, ...] = (),
    claim: Claim = CLAIM, reaches: tuple[str, ...] = ("ada", "bob", "cyd", "dan", "eve"),
) -> Room:  # fmt: skip
    """A member with links to `reaches`, which have been told who hosts."""
    copy = RoomCopy(RoomLog(ROOM, log), heads=[each.id for each in heads], pending=pending)
    machine = Room(key(me), copy, claim)
    for other in reaches:
        if other != me:
            machine.link_up(peer(other), 10)
    return machine


def chain(number: int, log: tuple[Post, ...] = LOG) -> str:
    return RoomLog(ROOM, log).chain(number).hex()


def progress(log: tuple[Post, ...] = LOG, *, term: Term = TERM, again: bool = False, read: int = 0) -> Progress:
    haves = tuple(Have(number, value) for number, value in RoomLog(ROOM, log).haves())
    return Progress(term=term, haves=haves, read=read, again=again)


def hears(machine: Room, sender: str, said: object, *posts: Post | None) -> list[Effect]:
    return machine.hear(peer(sender), said, posts, 0)  # type: ignore[arg-type]


def submit(machine: Room, sender: str, *posts: Post | None) -> list[Effect]:
    return hears(machine, sender, Submit(messages=()), *posts)


def hosting(*, reaches: tuple[str, ...] = ("bob", "cyd", "dan", "eve")) -> Room:
    """Ada, whom those members that she reaches have told that they have the whole log."""
    machine = room("ada", reaches=reaches)
    for member in sorted({"bob", "cyd"} & {*reaches}):
        hears(machine, member, progress())
    return machine


def entries(after: int, *posts: Post, last: int | None = None, term: Term = TERM, value: str | None = None) -> Entries:
    told = tuple(Entry(head=head_of(each)) for each in posts)
    have = Have(after, chain(after) if value is None else value)
    return Entries(term=term, after=have, entries=told, last=after + len(posts) if last is None else last)


def whole(said: Entries, *envelopes: Envelope) -> Entries:
    return Entries(
        term=said.term, after=said.after, entries=tuple(Entry(message=each) for each in envelopes), last=said.last
    )


def claim_of(host: str, *voters: str, round_: int = 2, members: tuple[str, ...] = ("bob", "cyd")) -> Claim:
    ballots = (
        sign_ballot(key(voter), Ballot(room=ROOM, voter=peer(voter), round=round_, host=peer(host))) for voter in voters
    )
    return Claim(term=Term(round_, peer(host)), members=tuple(map(peer, members)), ballots=tuple(ballots))
