"""The events that travel over a link, their fields and limits. May import file_tree, handshake, identity and records.

Each event is answered by a socket.io acknowledgement: an object with the fields of its answer (for `read`, one binary
attachment), or `{"error": CODE}`. docs/PROTOCOL.md is the page for writers of other clients.

| event   | from    | carries | answered by | handled                                                            |
| ------- | ------- | ------- | ----------- | ------------------------------------------------------------------ |
| `hello` | dialler | Hello   | Welcome     | once and first of all; nothing else is handled before it           |
| `news`  | both    | News    | Done        | each record on its own; those that do not hold are dropped         |
| `chat`  | both    | Chat    | Done        | answered once the message is committed to the store                |
| `seen`  | both    | Seen    | Done        | messages up to there, that the receiver wrote, are read            |
| `typing` | both   | nothing | Done        | shown for a while, and kept nowhere                                |
| `token` | both    | Ask     | Token       | if the resource is held                                            |
| `read`  | both    | Read    | its bytes   | the same bytes over the link, where HTTPS cannot reach the holder  |
| `ping`  | both    | nothing | Done        | at once; for the round trip                                        |
| `invite`, `decline`, `room` | both | see `rooms` | Done | once it is committed to the store                         |
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from academics_jupyter.protocol.file_tree import MAX_TREE_BYTES
from academics_jupyter.protocol.handshake import Version
from academics_jupyter.protocol.identity import Hex32, Signature
from academics_jupyter.protocol.records import MAX_SIZE_BYTES, Counter, Envelope, ResourceId

MAX_EVENT_BYTES = 1_000_000
"""A socket.io packet over this ends the connection."""

MAX_RECORDS = 64
TOKEN_LIFETIME_MS = 600_000

EVENTS_PER_SECOND = 100
EVENTS_AT_ONCE = 500
"""The rate each link may send at and the burst it may send; above it the answer is `too_fast`."""

MAX_READ_BYTES = 256 << 10
"""What one read may ask for: a message that is behind it on the link is not held up for long."""

READS_PER_SECOND = 1_000
READS_AT_ONCE = 1_000
"""Reads have an allowance of their own, for a transfer takes many; above it, too, the answer is `too_fast`."""

READS_UNDER_WAY = 64
"""How many reads each link may have unanswered; one more is `too_fast`."""

TYPING_INTERVAL_S = 3.0
"""How often a peer says at most that its person is writing."""

TYPING_SHOWN_S = 6.0
"""For how long that is shown."""

FRAMES_PER_SECOND = 1_000
FRAMES_AT_ONCE = 10_000
"""The rate of frames of all kinds above which a connection is ended."""

Code = Annotated[str, Meta(max_length=40, pattern=r"^[a-z_]+\Z")]

CODES = {
    "malformed": "the message does not follow its schema",
    "unknown_event": "there is no such event",
    "unknown_kind": "a record of a kind that is not known",
    "bad_signature": "a signature does not hold",
    "unsupported_version": "the version is not spoken here",
    "wrong_peer": "the message was meant for, or is from, another peer",
    "bad_proof": "the proof of identity does not hold",
    "stale_challenge": "the challenge is unknown, spent or too old",
    "too_fast": "more messages than a link may send",
    "too_many": "this peer has all the connections it takes",
    "already_linked": "the two peers have another link, which is kept",
    "blocked": "this peer does not talk to you",
    "not_held": "the resource is not held here",
    "busy": "this peer serves as many as it may; try again soon",
    "not_member": "a room, or something in one, that is for its members only",
    "out_of_order": "a message whose author's earlier ones are not there yet",
    "not_entitled": "only who founded the room may do that",
    "not_introduced": "hello comes first",
    "failed": "it failed on this side; try again later",
}
"""Every error code and what it means."""


Part: TypeAlias = Literal["bytes", "pieces", "tree"]
"""What can be read of a resource."""


class Hello(Struct, frozen=True, kw_only=True):
    """Who is on this end: its software, and its signed presence and profile."""

    version: Version
    agent: Annotated[str, Meta(max_length=100)]
    records: Annotated[tuple[Envelope, ...], Meta(max_length=4)]


class Welcome(Hello, frozen=True, kw_only=True):
    """The server's answer to `hello`: the same of itself, and its proof of identity (see `handshake`)."""

    proof: Signature


class News(Struct, frozen=True, kw_only=True):
    """Signed records that changed."""

    records: Annotated[tuple[Envelope, ...], Meta(max_length=MAX_RECORDS)]


class Chat(Struct, frozen=True, kw_only=True):
    """One signed message (see `messages`)."""

    message: Envelope


class Seen(Struct, frozen=True, kw_only=True):
    """The person here has read what the receiver wrote up to this message of it, and that."""

    series: Counter
    sequence: Counter


class Typing(Struct, frozen=True, kw_only=True):
    """The person here is writing to the receiver."""


class Ask(Struct, frozen=True, kw_only=True):
    """Asks for a token with which a resource's bytes can be fetched over HTTPS."""

    resource: ResourceId


class Token(Struct, frozen=True, kw_only=True):
    """Opens `GET /academics/resources/ID`, `…/ID/pieces` and `…/ID/tree` for ten minutes, to the asker."""

    token: Hex32
    size_bytes: Annotated[int, Meta(ge=0, le=MAX_SIZE_BYTES)]
    lifetime_ms: Annotated[int, Meta(ge=0, le=86_400_000)]
    tree_bytes: Annotated[int, Meta(ge=0, le=MAX_TREE_BYTES)] = 0


class Read(Struct, frozen=True, kw_only=True):
    """Asks for bytes of a resource, of the hashes of its pieces, or of its file tree if it is a folder.

    The answer is one attachment of that length.
    """

    resource: ResourceId
    what: Part
    start: Annotated[int, Meta(ge=0, le=MAX_SIZE_BYTES)]
    length: Annotated[int, Meta(ge=1, le=MAX_READ_BYTES)]


class Ping(Struct, frozen=True, kw_only=True):
    """Asks for nothing but an answer."""


class Done(Struct, frozen=True, kw_only=True):
    """It is done, and on disk where the event says so."""

    done: bool = True


class Refusal(Struct, frozen=True, kw_only=True):
    """It is not done; `error` is one of CODES."""

    error: Code


class Allowance:
    """How many more may come: a bucket of `at_once`, refilled at `per_second`."""

    def __init__(self, now_ms: int, at_once: int = EVENTS_AT_ONCE, per_second: int = EVENTS_PER_SECOND) -> None:
        self._at_once, self._per_second = at_once, per_second
        self._left = float(at_once)
        self._at_ms = now_ms

    def take(self, now_ms: int) -> bool:
        """Count one; false if it is one too many."""
        refill = max(0, now_ms - self._at_ms) * self._per_second / 1000
        self._left = min(self._at_once, self._left + refill)
        self._at_ms = now_ms
        if self._left < 1:
            return False
        self._left -= 1
        return True
