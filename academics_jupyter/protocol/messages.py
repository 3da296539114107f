"""Chat messages: signed by their author, ordered by the author's own numbers. May import errors, identity, records.

A message is signed like a record: payload = "academics/1/message\\n" JSON. The author numbers what they write to each
conversation 1, 2, 3 … within a `series`; a new series (a higher number) begins only when the author's store was lost.

Invariants
- (author, conversation, series, sequence) names one message; a second one with the same name is a repetition.
- A conversation shows each author's messages in the order of (series, sequence), whatever order they came in.
- In a one-to-one conversation the author must be the peer at the other end of the link it came over.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta, Struct
from nacl.signing import SigningKey

from academics_jupyter.errors import LocalProtocolError, RemoteProtocolError
from academics_jupyter.protocol.identity import PeerId, sign, verifies
from academics_jupyter.protocol.records import MAX_PAYLOAD_BYTES, Counter, Envelope, TimeMs, decode, signed_bytes

MAX_TEXT_LENGTH = 32_000
"""In characters."""


class Message(Struct, frozen=True, kw_only=True):
    """One message to one peer; `text` is Markdown."""

    LABEL: ClassVar[str] = "academics/1/message"

    id: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    author: PeerId
    recipient: PeerId
    series: Counter
    sequence: Counter
    sent_at_ms: TimeMs
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_LENGTH)]


def sign_message(key: SigningKey, message: Message) -> Envelope:
    """A message of our own as it travels. Raises LocalProtocolError if it breaks its own schema."""
    try:
        payload = f"{message.LABEL}\n{msgspec.json.encode(message).decode()}"
        envelope = Envelope(payload=payload, signature=sign(key, payload.encode()))
        open_message(envelope)
    except (RemoteProtocolError, UnicodeError) as error:
        raise LocalProtocolError(f"The message cannot be sent: {error}") from error
    return envelope


def open_message(envelope: Envelope) -> Message:
    """Check an envelope and read the message in it. Raises RemoteProtocolError."""
    signed = signed_bytes(envelope)
    if len(envelope.payload) > MAX_PAYLOAD_BYTES:
        raise RemoteProtocolError("a message is too long")
    label, _, text = envelope.payload.partition("\n")
    if label != Message.LABEL:
        raise RemoteProtocolError("not a message", "unknown_kind")
    message = decode(text, Message)
    if not verifies(message.author, signed, envelope.signature):
        raise RemoteProtocolError("a message's signature does not hold", "bad_signature")
    return message


def check_delivery(message: Message, sender: str, me: str) -> None:
    """Whether a message may come one to one from `sender` to `me`. Raises RemoteProtocolError, code `wrong_peer`."""
    if message.author != sender or message.recipient != me:
        raise RemoteProtocolError("a message by or for someone else", "wrong_peer")
