"""Who a peer is: an Ed25519 key (RFC 8032), its fingerprint, and signatures. May import errors only."""

from __future__ import annotations

import base64
import hashlib
from typing import Annotated

from msgspec import Meta
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

# `\Z`, as `$` lets a line feed through at the end: the same key under a second name.
PeerId = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""A peer's Ed25519 public key in lower-case hex, 64 characters."""

Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
"""32 bytes in lower-case hex."""

Signature = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]
"""An Ed25519 signature in lower-case hex, 128 characters."""

FINGERPRINT_LENGTH = 32


def peer_id(key: SigningKey) -> str:
    """The name of the peer that signs with `key`."""
    return key.verify_key.encode().hex()


def fingerprint(peer: str) -> str:
    """What people read to each other: 160 bits of the key's SHA-256 in base 32, in eight groups of four."""
    digest = hashlib.sha256(bytes.fromhex(peer)).digest()
    text = base64.b32encode(digest).decode().lower()[:FINGERPRINT_LENGTH]
    return "-".join(text[start : start + 4] for start in range(0, FINGERPRINT_LENGTH, 4))


def fingerprint_matches(peer: str, start: str) -> bool:
    """Whether a fingerprint begins as a person typed it: groups and case do not matter."""
    typed = start.replace("-", "").replace(" ", "").lower()
    return fingerprint(peer).replace("-", "").startswith(typed)


def sign(key: SigningKey, message: bytes) -> str:
    """The signature of `message`, in hex."""
    return key.sign(message).signature.hex()


def verifies(peer: str, message: bytes, signature: str) -> bool:
    """Whether `signature` (hex) is the peer's over `message`; false too for anything that is not a key or signature."""
    try:
        VerifyKey(bytes.fromhex(peer)).verify(message, bytes.fromhex(signature))
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True
