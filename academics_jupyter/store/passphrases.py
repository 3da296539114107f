"""Sealing secrets under a passphrase. Imports nothing of the package.

A SecretBox under Argon2id of the passphrase. What was chosen is kept beside the secret, so that a later version can
choose more and still open it. The same passphrase typed on another system may be other code points: NFC makes them one.
"""

from __future__ import annotations

import secrets
import unicodedata
from typing import Annotated

from msgspec import Meta, Struct
from nacl.pwhash import argon2id
from nacl.secret import SecretBox


class Sealed(Struct, frozen=True, kw_only=True):
    """A sealed secret and its salt, in hex; the limits are Argon2id's, `memlimit` in bytes."""

    secret: str
    salt: str
    opslimit: Annotated[int, Meta(ge=0, le=argon2id.OPSLIMIT_SENSITIVE)]
    memlimit: Annotated[int, Meta(ge=0, le=argon2id.MEMLIMIT_SENSITIVE)]


def seal(secret: bytes, passphrase: str) -> Sealed:
    """Seal a secret; takes half a second and 256 MiB, as opening does."""
    salt = secrets.token_bytes(argon2id.SALTBYTES)
    opslimit, memlimit = argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE
    wrapping = _wrapping(passphrase, salt, opslimit, memlimit)
    return Sealed(
        secret=bytes(SecretBox(wrapping).encrypt(secret)).hex(), salt=salt.hex(), opslimit=opslimit, memlimit=memlimit
    )


def unseal(sealed: Sealed, passphrase: str) -> bytes:
    """The secret again.

    Raises nacl's CryptoError where the passphrase does not open it, or a salt or limit cannot be, and ValueError for
    what is not hex.
    """
    wrapping = _wrapping(passphrase, bytes.fromhex(sealed.salt), sealed.opslimit, sealed.memlimit)
    return SecretBox(wrapping).decrypt(bytes.fromhex(sealed.secret))


def _wrapping(passphrase: str, salt: bytes, opslimit: int, memlimit: int) -> bytes:
    typed = unicodedata.normalize("NFC", passphrase).encode()
    return argon2id.kdf(SecretBox.KEY_SIZE, typed, salt, opslimit, memlimit)
