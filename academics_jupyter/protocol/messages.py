"""Chat messages: signed by their author, ordered by the author's own numbers. May import errors, identity, records.

A message is signed like a record: payload = "academics/1/message\\n" JSON. It goes to one peer, or to a room (see
`rooms`). The author numbers what they write to each conversation 1, 2, 3 … within a `series`; a new series (a higher
number) begins only when the author's store was lost.

| kind         | says                                                  | `about`              | where |
| ------------ | ----------------------------------------------------- | -------------------- | ----- |
| `text`       | something to read                                     | what it replies to   | both  |
| `edit`       | how a text of the same author reads now               | that text            | both  |
| `withdrawal` | that a text of the same author is not to be shown     | that text            | both  |
| `reaction`   | `text` to another message; an empty one takes it back | that message         | both  |
| `founding`   | that there is a room, and its terms                   |                      | rooms |
| `join`       | that its author takes an invitation up                |                      | rooms |
| `leave`      | that its author is a member no more                   |                      | rooms |
| `terms`      | new terms of the room                                 |                      | rooms |
| `deletion`   | that nothing more is to be written                    |                      | rooms |

Invariants
- (author, conversation, series, sequence) names one message; a second one with the same name is a repetition.
- A conversation shows each author's messages in the order of (series, sequence), whatever order they came in.
- In a one-to-one conversation the author must be the peer at the other end of the link it came over.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct
from nacl.signing import SigningKey

from academics_jupyter.errors import LocalProtocolError, RemoteProtocolError
from academics_jupyter.protocol.identity import PeerId, peer_id, sign, verifies
from academics_jupyter.protocol.records import (
    MAX_ENVELOPE_LENGTH,
    Counter,
    Envelope,
    ResourceId,
    TimeMs,
    decode,
    signed_bytes,
)

MAX_TEXT_LENGTH = 32_000
"""In characters."""
MAX_CELL_LENGTH = 150_000
"""Of a cell's JSON, in characters."""
MAX_WRITTEN_BYTES = 900_000
"""Of a payload as a string in JSON: what can be sent at all can be passed on, in an event that says more."""
MAX_REACTION_LENGTH = 32
MAX_MENTIONS = 50
MAX_RESOURCES = 20
MAX_INVITED = 200

MessageId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
NoMessageId = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{32})?\Z")]
RoomId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
"""16 bytes in lower-case hex: half as long as a peer's id, so neither is taken for the other."""
Recipient = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{32}|[0-9a-f]{64})\Z")]
"""A room's id or a peer's."""

Kind: TypeAlias = Literal["text", "edit", "withdrawal", "reaction", "founding", "join", "leave", "terms", "deletion"]
ROOM_KINDS = frozenset({"founding", "join", "leave", "terms", "deletion"})
"""What only rooms have; the others are talk."""
_WITH_TEXT = frozenset({"text", "edit"})
_ABOUT_ANOTHER = frozenset({"edit", "withdrawal", "reaction"})


class Terms(Struct, frozen=True, kw_only=True):
    """What a room is called, and whether those who join later see what was said before."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    history: bool = False
    invited: Annotated[tuple[PeerId, ...], Meta(max_length=MAX_INVITED)] = ()
    """Whom the room was founded with: they see all of it, however late they join."""


class Message(Struct, frozen=True, kw_only=True):
    """One message to one peer or room; `text` is Markdown, `cell` a notebook cell with its output, as nbformat JSON."""

    LABEL: ClassVar[str] = "academics/1/message"

    id: MessageId
    author: PeerId
    recipient: Recipient
    series: Counter
    sequence: Counter
    sent_at_ms: TimeMs
    kind: Kind = "text"
    text: Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)] = ""
    about: NoMessageId = ""
    mentions: Annotated[tuple[PeerId, ...], Meta(max_length=MAX_MENTIONS)] = ()
    resources: Annotated[tuple[ResourceId, ...], Meta(max_length=MAX_RESOURCES)] = ()
    cell: Annotated[str, Meta(max_length=MAX_CELL_LENGTH)] = ""
    terms: Terms | None = None
    invitation: Envelope | None = None


def sign_message(key: SigningKey, message: Message) -> Envelope:
    """A message of our own as it travels. Raises LocalProtocolError if it breaks its own schema."""
    try:
        payload = f"{message.LABEL}\n{msgspec.json.encode(message).decode()}"
        envelope = Envelope(payload=payload, signature=sign(key, payload.encode()))
        if message.author != peer_id(key):
            raise RemoteProtocolError("a message in somebody else's name", "bad_signature")
        _check_kind(_read(envelope))
    except (RemoteProtocolError, UnicodeError) as error:
        raise LocalProtocolError(f"The message cannot be sent: {error}") from error
    return envelope


def open_message(envelope: Envelope) -> Message:
    """Check an envelope and read the message in it. Raises RemoteProtocolError."""
    signed = signed_bytes(envelope)
    message = _read(envelope)
    if not verifies(message.author, signed, envelope.signature):
        raise RemoteProtocolError("a message's signature does not hold", "bad_signature")
    _check_kind(message)
    return message


def _read(envelope: Envelope) -> Message:
    """What an envelope claims to say. Raises RemoteProtocolError."""
    if len(envelope.payload) > MAX_ENVELOPE_LENGTH or written_bytes(envelope) > MAX_WRITTEN_BYTES:
        raise RemoteProtocolError("a message is too long")
    label, _, text = envelope.payload.partition("\n")
    if label != Message.LABEL:
        raise RemoteProtocolError("not a message", "unknown_kind")
    return decode(text, Message)


def written_bytes(envelope: Envelope) -> int:
    """How long an envelope's payload is as a string in JSON, in bytes. Raises UnicodeError where it is none."""
    return len(msgspec.json.encode(envelope.payload))


def digest(envelope: Envelope) -> bytes:
    """The SHA-256 of a signed message: 32 bytes that no other message has."""
    return hashlib.sha256(f"{envelope.signature}{envelope.payload}".encode()).digest()


def room_id(creator: str, founding: str) -> str:
    """The id of the room that `creator` founds with the message of id `founding`: nobody else can have founded it."""
    return hashlib.sha256(f"academics/1/room\n{creator}{founding}".encode()).hexdigest()[:32]


def is_room(conversation: str) -> bool:
    """Whether a conversation's id is a room's, not a peer's."""
    return len(conversation) == 32


def check_delivery(message: Message, sender: str, me: str) -> None:
    """Whether a message may come one to one from `sender` to `me`. Raises RemoteProtocolError, code `wrong_peer`."""
    if message.author != sender or message.recipient != me:
        raise RemoteProtocolError("a message by or for someone else", "wrong_peer")


def _check_kind(message: Message) -> None:
    """What the schema cannot say. Raises RemoteProtocolError."""
    kind = message.kind
    if kind in ROOM_KINDS and not is_room(message.recipient):
        raise RemoteProtocolError("a message of rooms outside one")
    if kind in _WITH_TEXT and not (message.text or message.resources or message.cell):
        raise RemoteProtocolError("an empty message")
    if kind in _ABOUT_ANOTHER and not message.about:
        raise RemoteProtocolError("a message about nothing")
    if kind == "reaction" and len(message.text) > MAX_REACTION_LENGTH:
        raise RemoteProtocolError("a reaction is too long")
    if (kind in ("founding", "terms")) != (message.terms is not None):
        raise RemoteProtocolError("terms where none belong, or none where some do")
    if (kind == "join") != (message.invitation is not None):
        raise RemoteProtocolError("an invitation where none belongs, or a join without one")
    if kind == "founding" and message.recipient != room_id(message.author, message.id):
        raise RemoteProtocolError("a founding of somebody else's room", "wrong_peer")
