"""The signed records of the network: presence, vote, profile, resource, holding. May import identity and errors only.

A record travels and is kept as the exact bytes that were signed, so nobody ever has to rebuild them:

    payload   = LABEL "\\n" JSON          (UTF-8; LABEL names the kind and version, JSON is one object)
    signature = Ed25519(peer, payload)    (hex)

Invariants
- A payload is read only after its signature held, and only as the kind its label names.
- Of two records with the same key, the one with the higher (epoch, sequence) counts.
- A payload says nothing twice: an object with two members of one name is refused, whichever its readers would take.
- Times are milliseconds since 1970 by the registry's clock; a record is void from `expires_at_ms` on.
- Fields a reader does not know are ignored, so that later versions can add some.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec
from msgspec import Meta, Struct
from nacl.signing import SigningKey

from academics_jupyter.errors import LocalProtocolError, RemoteProtocolError
from academics_jupyter.protocol.identity import Hex32, PeerId, Signature, sign, verifies
from academics_jupyter.protocol.preparing import prepared

MAX_PAYLOAD_BYTES = 64 * 1024
MAX_ENVELOPE_LENGTH = 256 * 1024
"""Of any payload, in characters: messages may be longer than records."""
PRESENCE_LEASE_MS = 90_000
VOTE_LIFETIME_MS = 120_000
RECORD_LIFETIME_MS = 10 * 365 * 86_400_000
MAX_SIZE_BYTES = 1 << 53
MAX_FILES = 100_000

ResourceId = Hex32
"""The BEP 52 root of a file's bytes, or of a folder's file tree, in hex; 64 zeros for the empty file, without one."""

NoResourceId = Annotated[str, Meta(pattern=r"^(?:[0-9a-f]{64})?\Z")]
"""A resource's id, or nothing."""

Counter = Annotated[int, Meta(ge=0, lt=1 << 53)]
TimeMs = Annotated[int, Meta(ge=0, lt=1 << 53)]
Line = Annotated[str, Meta(max_length=1_000)]
Word = Annotated[str, Meta(min_length=1, max_length=100)]


class Record(Struct, frozen=True, kw_only=True):
    """What every record holds. `peer` is its author, whose key signed it."""

    LABEL: ClassVar[str]

    peer: PeerId
    epoch: Counter
    sequence: Counter
    issued_at_ms: TimeMs
    expires_at_ms: TimeMs

    @property
    def key(self) -> str:
        """What a newer record of the same kind replaces."""
        return self.peer

    @property
    def rank(self) -> tuple[int, int]:
        """The higher one counts."""
        return (self.epoch, self.sequence)


class Presence(Record, frozen=True, kw_only=True):
    """A peer is online at `urls` with the certificate whose SHA-256 is `certificate`; or, `online` false, has left."""

    LABEL: ClassVar[str] = "academics/1/presence"

    name: Word
    urls: Annotated[tuple[Line, ...], Meta(max_length=16)]
    certificate: Hex32
    online: bool
    busy: bool = False


class Vote(Record, frozen=True, kw_only=True):
    """A peer cannot reach `target`, which is in its epoch `target_epoch`; or, `failed` false, takes that back."""

    LABEL: ClassVar[str] = "academics/1/vote"

    target: PeerId
    target_epoch: Counter
    failed: bool

    @property
    def key(self) -> str:
        """One vote for each target and voter: a newer one, of whichever epoch of the target, replaces it."""
        return f"{self.target}{self.peer}"


class Profile(Record, frozen=True, kw_only=True):
    """What a person tells of themselves."""

    LABEL: ClassVar[str] = "academics/1/profile"

    name: Word
    email: Line = ""
    affiliation: Line = ""
    interests: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()


class Author(Struct, frozen=True, kw_only=True):
    """A name as in CSL-JSON: `family` and `given`, or `literal` where it cannot be taken apart."""

    family: Line = ""
    given: Line = ""
    literal: Line = ""

    def __str__(self) -> str:
        return self.literal or " ".join(part for part in (self.given, self.family) if part)


class Resource(Record, frozen=True, kw_only=True):
    """A sharer's description of a resource; `withdrawn` when they no longer offer it.

    `kind` is paper, data, notebook, figure, code, text, folder or other; a reader takes one it does not know for other.
    A folder has `files`, is as large as they are together, and its `sha256` is that of its file tree. A changed file
    that is shared again has the next `version`, and the former one's id as `previous`.
    """

    LABEL: ClassVar[str] = "academics/1/resource"

    id: ResourceId
    sha256: Hex32
    size_bytes: Annotated[int, Meta(ge=0, le=MAX_SIZE_BYTES)]
    file_name: Annotated[str, Meta(min_length=1, max_length=255)]
    media_type: Annotated[str, Meta(max_length=127)]
    kind: Annotated[str, Meta(max_length=20, pattern=r"^[a-z_]+\Z")]
    title: Line
    authors: Annotated[tuple[Author, ...], Meta(max_length=300)] = ()
    abstract: Annotated[str, Meta(max_length=10_000)] = ""
    keywords: Annotated[tuple[Word, ...], Meta(max_length=32)] = ()
    license: Line = ""
    doi: Line = ""
    year: Annotated[int, Meta(ge=0, le=9999)] | None = None
    created_at_ms: TimeMs = 0
    withdrawn: bool = False
    files: Annotated[int, Meta(ge=0, le=MAX_FILES)] = 0
    version: Annotated[int, Meta(ge=1, le=1_000_000)] = 1
    previous: NoResourceId = ""

    @property
    def key(self) -> str:
        """One description for each resource and sharer."""
        return f"{self.id}{self.peer}"


class Holding(Record, frozen=True, kw_only=True):
    """A peer has a resource's bytes; or, `held` false, no longer has them."""

    LABEL: ClassVar[str] = "academics/1/holding"

    resource: ResourceId
    held: bool

    @property
    def key(self) -> str:
        """One holding for each resource and holder."""
        return f"{self.resource}{self.peer}"


KINDS: dict[str, type[Record]] = {kind.LABEL: kind for kind in (Presence, Vote, Profile, Resource, Holding)}

R_co = TypeVar("R_co", bound=Record, covariant=True)
R = TypeVar("R", bound=Record)


class Envelope(Struct, frozen=True, kw_only=True):
    """A signed record as it travels: nothing in it has been checked yet."""

    payload: Annotated[str, Meta(max_length=MAX_ENVELOPE_LENGTH)]
    signature: Signature


@dataclass(frozen=True, slots=True)
class Signed(Generic[R_co]):
    """A record whose signature held, beside the bytes that were signed; made by `sign_record` and `open_record`."""

    record: R_co
    payload: str
    signature: str

    @property
    def envelope(self) -> Envelope:
        """As it travels."""
        return Envelope(payload=self.payload, signature=self.signature)


def sign_record(key: SigningKey, record: R) -> Signed[R]:
    """Sign a record of our own.

    Raises LocalProtocolError if it breaks its own schema or is too long.
    """
    try:
        payload = f"{record.LABEL}\n{msgspec.json.encode(record).decode()}"
        signature = sign(key, payload.encode())
        open_record(Envelope(payload=payload, signature=signature))
    except (RemoteProtocolError, UnicodeError) as error:
        raise LocalProtocolError(f"The record cannot be published: {error}") from error
    return Signed(record, payload, signature)


def open_record(envelope: Envelope) -> Signed[Record]:
    """Check an envelope and read the record in it, of whichever kind its label names.

    Raises RemoteProtocolError, code `malformed`, `unknown_kind` or `bad_signature`. Expiry is the reader's to check.
    """
    signed = signed_bytes(envelope)
    if len(signed) > MAX_PAYLOAD_BYTES:
        raise RemoteProtocolError("a record is too long")
    label, _, text = envelope.payload.partition("\n")
    kind = KINDS.get(label)
    if kind is None:
        raise RemoteProtocolError("a record of a kind we do not know", "unknown_kind")
    record = decode(text, kind)
    if not verifies(record.peer, signed, envelope.signature):
        raise RemoteProtocolError("a record's signature does not hold", "bad_signature")
    return Signed(record, envelope.payload, envelope.signature)


def signed_bytes(envelope: Envelope) -> bytes:
    """The bytes that an envelope's signature covers. Raises RemoteProtocolError where they are no UTF-8."""
    try:
        return envelope.payload.encode()
    except UnicodeError as error:
        raise RemoteProtocolError("a payload that is no UTF-8") from error


def is_known(envelope: Envelope) -> bool:
    """Whether the envelope's label names a kind of record that we know."""
    return envelope.payload.partition("\n")[0] in KINDS


def open_as(kind: type[R], envelope: Envelope) -> Signed[R]:
    """Check an envelope that must hold a record of `kind`. Raises as `open_record` does."""
    signed = open_record(envelope)
    if not isinstance(signed.record, kind):
        raise RemoteProtocolError("a record of another kind than asked for")
    return Signed(signed.record, signed.payload, signed.signature)


T = TypeVar("T")


def decode(text: str, kind: type[T]) -> T:
    """Read JSON from a peer as `kind`, strictly. Raises RemoteProtocolError."""
    try:
        json.loads(text, object_pairs_hook=unique_members)
        return msgspec.json.decode(text, type=prepared(kind))
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RemoteProtocolError(f"not a valid {kind.__name__}: {error}") from error


def unique_members(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, for `json.loads`. Raises ValueError where it has two members of one name."""
    unique = dict(members)
    if len(unique) != len(members):
        raise ValueError("an object has two members of one name")
    return unique


def convert(data: Any, kind: type[T]) -> T:
    """Read what a socket.io event carried as `kind`, strictly. Raises RemoteProtocolError."""
    try:
        return msgspec.convert(data, type=prepared(kind))
    except (msgspec.ValidationError, RecursionError) as error:
        raise RemoteProtocolError(f"not a valid {kind.__name__}: {error}") from error


def newer(candidate: Record, known: Record | None) -> bool:
    """Whether `candidate` counts over `known`, a record with the same key."""
    return known is None or candidate.rank > known.rank
