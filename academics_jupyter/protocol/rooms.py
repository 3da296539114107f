"""What the members of a room say to each other, and what they sign. May import errors, identity, messages and records.

All of it travels as one event, `room`, which is answered when it has been dealt with. What is said is one of these,
told apart by `type`; nobody waits for another message as an answer, so a link may go down at any moment.

| type       | from             | to      | says                                                                  |
| ---------- | ---------------- | ------- | --------------------------------------------------------------------- |
| `claim`    | anybody          | members | who hosts in the highest term that is known, and whose ballots say so |
| `progress` | a member         | host    | how far its log goes, and how far it has been read                    |
| `entries`  | the host         | members | what comes next in the log                                            |
| `submit`   | a member         | host    | messages that are not in the log                                      |
| `refused`  | the host         | member  | that a message cannot be numbered                                     |
| `marks`    | the host         | members | how far each member has the log, and has read it                      |
| `wanted`   | a member         | members | whose messages it has only the heads of                               |
| `given`    | a member         | members | those messages                                                        |
| `standing` | a member         | members | that it cannot reach the host, and its round trips to the others      |
| `canvass`  | a candidate      | members | that it asks for ballots in a round                                   |
| `ballot`   | a member         | candidate | its ballot, signed                                                  |
| `typing`   | a member         | members | that it is writing                                                    |

A term is one host's reign: a round and the host that was elected in it. Terms are ordered by round, then by host.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct
from nacl.signing import SigningKey

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.identity import Hex32, PeerId, sign, verifies
from academics_jupyter.protocol.messages import Kind, MessageId, RoomId
from academics_jupyter.protocol.records import Counter, Envelope, TimeMs, decode, signed_bytes

MAX_ENTRIES = 500
MAX_SUBMITTED = 100
MAX_WANTED = 100
MAX_MEMBERS = 1_000
MAX_LATENCY_MS = 1_000_000

T = TypeVar("T", bound="Invitation | Ballot")

Number = Counter
Latency = Annotated[int, Meta(ge=0, le=MAX_LATENCY_MS)]
"""A round trip in whole milliseconds."""


class Term(Struct, frozen=True, order=True):
    """One host's reign. Round 1 is the creator's, and needs no ballots."""

    round: Annotated[int, Meta(ge=1, lt=1 << 53)]
    host: PeerId


class Invitation(Struct, frozen=True, kw_only=True):
    """Signed by a member: `invitee` may join `room`. `name` is for people; the log's terms count."""

    LABEL: ClassVar[str] = "academics/1/invitation"

    room: RoomId
    inviter: PeerId
    invitee: PeerId
    creator: PeerId
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    members: Annotated[int, Meta(ge=1, le=MAX_MEMBERS)]
    term: Term
    sent_at_ms: TimeMs


class Ballot(Struct, frozen=True, kw_only=True):
    """Signed by a member: `host` is to host in `round`. Nobody gives two for one room and round."""

    LABEL: ClassVar[str] = "academics/1/ballot"

    room: RoomId
    voter: PeerId
    round: Annotated[int, Meta(ge=2, lt=1 << 53)]
    host: PeerId


class Claim(Struct, frozen=True, kw_only=True, tag="claim"):
    """Who hosts. `members` are those who could vote, without the former host; `ballots` come from most of them."""

    term: Term
    members: Annotated[tuple[PeerId, ...], Meta(max_length=MAX_MEMBERS)] = ()
    ballots: Annotated[tuple[Envelope, ...], Meta(max_length=MAX_MEMBERS)] = ()


class Have(Struct, frozen=True, array_like=True):
    """The chain value (hex) of a log at a number."""

    number: Number
    chain: Hex32


class Progress(Struct, frozen=True, kw_only=True, tag="progress"):
    """How far a member's log goes: the first of `haves` is its end. `read` is the last number that was read, or 0."""

    term: Term
    haves: Annotated[tuple[Have, ...], Meta(min_length=1, max_length=64)]
    read: Number = 0
    again: bool = False
    """What was sent beyond did not fit, and is to come again from here."""


class Head(Struct, frozen=True, kw_only=True):
    """What a message is, without what it says."""

    id: MessageId
    author: PeerId
    series: Counter
    sequence: Counter
    sent_at_ms: TimeMs
    kind: Kind
    digest: Hex32


class Entry(Struct, frozen=True, kw_only=True):
    """A message; or its head, for who may not read it, or where the host has no more itself."""

    message: Envelope | None = None
    head: Head | None = None


class Entries(Struct, frozen=True, kw_only=True, tag="entries"):
    """The log after the number and chain value of `after`; `last` is how long the host's log is."""

    term: Term
    after: Have
    entries: Annotated[tuple[Entry, ...], Meta(max_length=MAX_ENTRIES)]
    last: Number


class Submit(Struct, frozen=True, kw_only=True, tag="submit"):
    """Messages for the log, of whichever authors, each author's in order."""

    messages: Annotated[tuple[Envelope, ...], Meta(max_length=MAX_SUBMITTED)]


class Refused(Struct, frozen=True, kw_only=True, tag="refused"):
    """Why a message cannot be numbered: one of the error codes."""

    message: MessageId
    code: Annotated[str, Meta(max_length=40, pattern=r"^[a-z_]+\Z")]


class Mark(Struct, frozen=True, array_like=True):
    """How far a member's log goes, and how far they have read it."""

    member: PeerId
    number: Number
    read: Number


class Marks(Struct, frozen=True, kw_only=True, tag="marks"):
    """The marks that have changed, or all of them."""

    term: Term
    marks: Annotated[tuple[Mark, ...], Meta(max_length=MAX_MEMBERS)]


class Wanted(Struct, frozen=True, kw_only=True, tag="wanted"):
    """Asks for messages."""

    messages: Annotated[tuple[MessageId, ...], Meta(max_length=MAX_WANTED)]


class Given(Struct, frozen=True, kw_only=True, tag="given"):
    """Messages that were asked for."""

    messages: Annotated[tuple[Envelope, ...], Meta(max_length=MAX_WANTED)]


class RoundTrip(Struct, frozen=True, array_like=True):
    """The round trip to a member."""

    member: PeerId
    rtt_ms: Latency


class Standing(Struct, frozen=True, kw_only=True, tag="standing"):
    """How things look where the host is not reached. `promised` is the highest round that a ballot was given in."""

    term: Term
    promised: Counter
    stands: bool
    """Whether it would host."""
    round_trips: Annotated[tuple[RoundTrip, ...], Meta(max_length=MAX_MEMBERS)] = ()


class Canvass(Struct, frozen=True, kw_only=True, tag="canvass"):
    """Asks for ballots in a round, in place of the host of `term`."""

    term: Term
    round: Annotated[int, Meta(ge=2, lt=1 << 53)]


class Cast(Struct, frozen=True, kw_only=True, tag="ballot"):
    """A signed ballot, for the candidate."""

    ballot: Envelope


class Typing(Struct, frozen=True, kw_only=True, tag="typing"):
    """Its sender is writing."""


Said: TypeAlias = (
    Claim | Progress | Entries | Submit | Refused | Marks | Wanted | Given | Standing | Canvass | Cast | Typing
)


class RoomEvent(Struct, frozen=True, kw_only=True):
    """One thing said in a room."""

    room: RoomId
    said: Said


class Invite(Struct, frozen=True, kw_only=True):
    """An invitation, from its inviter to its invitee."""

    invitation: Envelope


class Decline(Struct, frozen=True, kw_only=True):
    """That an invitation of the reader's is not taken up."""

    room: RoomId


def sign_invitation(key: SigningKey, invitation: Invitation) -> Envelope:
    """An invitation as it travels."""
    return _signed(key, invitation, invitation.LABEL)


def open_invitation(envelope: Envelope) -> Invitation:
    """Check an envelope and read the invitation in it. Raises RemoteProtocolError."""
    invitation = _opened(envelope, Invitation)
    _check_signer(envelope, invitation.inviter)
    return invitation


def sign_ballot(key: SigningKey, ballot: Ballot) -> Envelope:
    """A ballot as it travels."""
    return _signed(key, ballot, ballot.LABEL)


def open_ballot(envelope: Envelope) -> Ballot:
    """Check an envelope and read the ballot in it. Raises RemoteProtocolError."""
    ballot = _opened(envelope, Ballot)
    _check_signer(envelope, ballot.voter)
    return ballot


def _signed(key: SigningKey, said: Invitation | Ballot, label: str) -> Envelope:
    payload = f"{label}\n{msgspec.json.encode(said).decode()}"
    return Envelope(payload=payload, signature=sign(key, payload.encode()))


def _opened(envelope: Envelope, kind: type[T]) -> T:
    label, _, text = envelope.payload.partition("\n")
    if label != kind.LABEL:
        raise RemoteProtocolError(f"not a valid {kind.__name__}", "unknown_kind")
    return decode(text, kind)


def _check_signer(envelope: Envelope, signer: str) -> None:
    if not verifies(signer, signed_bytes(envelope), envelope.signature):
        raise RemoteProtocolError("a signature does not hold", "bad_signature")
