"""Encryption at rest: what a message says is one sealed blob, bound to its id. May import protocol and errors only.

XChaCha20-Poly1305 under the profile's data key with a random nonce, the message's id as associated data: a blob moved
to another row does not open.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct
from nacl.exceptions import CryptoError
from nacl.secret import Aead

from academics_jupyter.errors import RemoteProtocolError, StoreDamagedError
from academics_jupyter.protocol.messages import Message
from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.protocol.records import Envelope, decode

S = TypeVar("S", bound=Struct)


class Sealing:
    """Seals and opens messages with the data key, 32 bytes."""

    def __init__(self, data_key: bytes) -> None:
        self._aead = Aead(data_key)

    def seal(self, message_id: str, envelope: Envelope) -> bytes:
        """The signed message as it lies on disk."""
        return self.seal_struct(message_id, envelope)

    def open(self, message_id: str, sealed: bytes) -> Envelope:
        """The signed message again. Raises StoreDamagedError."""
        try:
            return self.open_struct(message_id, sealed, Envelope)
        except StoreDamagedError as error:
            raise StoreDamagedError(f"The message {message_id[:8]} is damaged on disk and cannot be read.") from error

    def seal_struct(self, name: str, said: Struct) -> bytes:
        """Something else that is nobody else's to read, bound to what it is called."""
        return bytes(self._aead.encrypt(msgspec.json.encode(said), name.encode()))

    def open_struct(self, name: str, sealed: bytes, kind: type[S]) -> S:
        """The same again. Raises StoreDamagedError."""
        try:
            return msgspec.json.decode(self._aead.decrypt(sealed, name.encode()), type=prepared(kind))
        except (CryptoError, msgspec.DecodeError, ValueError) as error:
            raise StoreDamagedError(f"{name} is damaged on disk and cannot be read.") from error

    def read(self, message_id: str, sealed: bytes) -> Message:
        """What the message says; its signature held when it came in. Raises StoreDamagedError."""
        try:
            return decode(self.open(message_id, sealed).payload.partition("\n")[2], Message)
        except RemoteProtocolError as error:
            raise StoreDamagedError(f"The message {message_id[:8]} is damaged on disk and cannot be read.") from error
