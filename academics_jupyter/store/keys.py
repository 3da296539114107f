"""The profile's keys, and how they lie on disk. May import protocol and errors only.

`keys.json` (0600) holds two secrets of 32 bytes, the seed of the Ed25519 key and the data key, in one of three ways:

| protection | the secrets are | opened with |
| --- | --- | --- |
| passphrase | in a SecretBox under Argon2id (moderate) of the passphrase | the passphrase |
| keyring | in a SecretBox under a random key | that key, from the system keyring |
| file | as they are | nothing: FILE_WARNING is shown |

The file is written whole, and is never repaired. Only the same identity, brought back from an exported key, may take
its place (`key_files`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from nacl.exceptions import CryptoError
from nacl.pwhash import argon2id
from nacl.secret import SecretBox
from nacl.signing import SigningKey

from academics_jupyter.errors import KeysLockedError, NotRegisteredError, StoreDamagedError, StoreError
from academics_jupyter.protocol.identity import PeerId, peer_id
from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.store import system_keyring
from academics_jupyter.store.durable import disk_errors, write_new
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.passphrases import Sealed, seal, unseal
from academics_jupyter.store.system_keyring import KeyringUnavailableError

FILE_WARNING = (
    "No system keyring was found and no passphrase was given: the profile's keys lie unencrypted in a file that only"
    " your account can read. Set ACADEMICS_PASSPHRASE before registering to protect them."
)
VERSION = 1
SECRET_BYTES = 64


class Protection(Enum):
    """What the keys on disk are protected by."""

    KEYRING = "keyring"
    PASSPHRASE = "passphrase"  # noqa: S105 - the name of a means, not a secret
    FILE = "file"


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The profile's secrets: the key it signs with, and the 32 bytes that its messages are sealed with."""

    signing: SigningKey
    data: bytes

    @classmethod
    def generate(cls) -> Keys:
        """New random keys."""
        return cls(SigningKey.generate(), secrets.token_bytes(32))

    @classmethod
    def of(cls, secret: bytes) -> Keys:
        """The keys whose `secret` that is, SECRET_BYTES long."""
        return cls(SigningKey(secret[:32]), secret[32:])

    @property
    def secret(self) -> bytes:
        """Both secrets in a row, as they are to be sealed."""
        return bytes(self.signing) + self.data

    @property
    def peer(self) -> str:
        """The peer's id: its public key in hex."""
        return peer_id(self.signing)

    def __repr__(self) -> str:
        return f"Keys(peer={self.peer!r})"


class _KeysFile(Struct, frozen=True, kw_only=True):
    """What `keys.json` holds; `secret` is the two secrets, sealed unless `protection` is file, in hex."""

    version: Annotated[int, Meta(ge=1, le=VERSION)]
    peer: PeerId
    protection: Protection
    secret: str
    salt: str = ""
    opslimit: Annotated[int, Meta(ge=0, le=argon2id.OPSLIMIT_SENSITIVE)] = 0
    memlimit: Annotated[int, Meta(ge=0, le=argon2id.MEMLIMIT_SENSITIVE)] = 0
    account: str = ""


def create_keys(folder: ProfileFolder, passphrase: str | None) -> tuple[Keys, Protection]:
    """Make the keys of a new profile and write them, protected by the best means at hand.

    Raises StoreError, also if the profile has keys already.
    """
    folder.create()
    if folder.exists:
        raise StoreError(f"The profile {folder.name} has keys already; they are never replaced.")
    keys = Keys.generate()
    content, protection = protected(keys, folder, passphrase)
    with disk_errors("The profile's keys cannot be written"):
        try:
            write_new(folder.keys, content)
        except FileExistsError:
            raise StoreError(f"The profile {folder.name} has just been registered by another process.") from None
    return keys, protection


def load_keys(folder: ProfileFolder, passphrase: str | None) -> tuple[Keys, Protection]:
    """Open the keys with the means they were protected by.

    Raises NotRegisteredError if there are none, KeysLockedError if the passphrase or keyring does not open them, and
    StoreDamagedError if the file is damaged.
    """
    file = _read(folder.keys)
    secret = _opened(file, folder.keys, passphrase)
    keys = Keys.of(secret) if len(secret) == SECRET_BYTES else None
    if keys is None or keys.peer != file.peer:
        raise _damaged(folder.keys)
    return keys, file.protection


def protected(keys: Keys, folder: ProfileFolder, passphrase: str | None) -> tuple[bytes, Protection]:
    """What `keys.json` of a profile in `folder` is to hold, and how it is protected: by the best means at hand."""
    file = _protected(keys, folder, passphrase)
    return msgspec.json.format(msgspec.json.encode(file)), file.protection


def named_peer(folder: ProfileFolder) -> str:
    """Whose keys they are, which needs no opening. Raises NotRegisteredError, StoreDamagedError and StoreError."""
    return _read(folder.keys).peer


def protection_of(folder: ProfileFolder) -> Protection:
    """What a profile's keys are protected by. Raises NotRegisteredError, StoreDamagedError and StoreError."""
    return _read(folder.keys).protection


def _protected(keys: Keys, folder: ProfileFolder, passphrase: str | None) -> _KeysFile:
    if passphrase:
        sealed = msgspec.structs.asdict(seal(keys.secret, passphrase))
        return _KeysFile(version=VERSION, peer=keys.peer, protection=Protection.PASSPHRASE, **sealed)
    account = f"{folder.path}/{keys.peer}"
    wrapping = secrets.token_bytes(SecretBox.KEY_SIZE)
    try:
        system_keyring.keep(account, wrapping.hex())
    except KeyringUnavailableError:
        return _KeysFile(version=VERSION, peer=keys.peer, protection=Protection.FILE, secret=keys.secret.hex())
    boxed = bytes(SecretBox(wrapping).encrypt(keys.secret)).hex()
    return _KeysFile(version=VERSION, peer=keys.peer, protection=Protection.KEYRING, secret=boxed, account=account)


def _read(path: Path) -> _KeysFile:
    try:
        with disk_errors(f"The profile's keys {path} cannot be read"):
            return msgspec.json.decode(path.read_bytes(), type=prepared(_KeysFile))
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise NotRegisteredError("There is no profile yet: `%register --name NAME` makes it.") from None
        raise
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _damaged(path) from error


def _opened(file: _KeysFile, path: Path, passphrase: str | None) -> bytes:
    try:
        if file.protection is Protection.FILE:
            return bytes.fromhex(file.secret)
        if file.protection is Protection.KEYRING:
            return SecretBox(_from_keyring(file.account)).decrypt(bytes.fromhex(file.secret))
        if not passphrase:
            raise KeysLockedError("The profile is protected by a passphrase: set ACADEMICS_PASSPHRASE.")
        sealed = Sealed(secret=file.secret, salt=file.salt, opslimit=file.opslimit, memlimit=file.memlimit)
        return unseal(sealed, passphrase)
    except CryptoError as error:
        # nacl's own type and value errors, of a salt or limit that cannot be, are CryptoErrors too.
        raise _does_not_open(file, path) from error
    except ValueError as error:
        raise _damaged(path) from error


def _from_keyring(account: str) -> bytes:
    try:
        kept = system_keyring.look_up(account)
    except KeyringUnavailableError as error:
        raise KeysLockedError(
            f"The system keyring, which opens the profile's keys, cannot be used ({error}): unlock it and try again."
        ) from error
    if kept is None:
        raise KeysLockedError(
            "The system keyring no longer has what opens the profile's keys: bring them back from an exported key, with"
            " academics key import FILE."
        )
    return bytes.fromhex(kept)


def _does_not_open(file: _KeysFile, path: Path) -> StoreError:
    if file.protection is Protection.PASSPHRASE:
        return KeysLockedError("The passphrase does not open the profile's keys.")
    return _damaged(path)


def _damaged(path: Path) -> StoreDamagedError:
    return StoreDamagedError(
        f"The profile's keys file {path} is damaged; it was left as it is. Bring it back from an exported key, with"
        " academics key import FILE, or from a copy."
    )
