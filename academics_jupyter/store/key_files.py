"""Exported keys: a profile's identity in one small file, for the day that its folder or keyring is gone. And back.

    {
      "about": what it is and how to use it
      "format": "academics/key", "version": 1
      "peer", "fingerprint", "exported_at"
      "sealed": both secrets under a passphrase (see `passphrases`)
      "check": SHA-256 of all the others, which tells a damaged file from a wrong passphrase
    }

May import protocol and errors only.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from nacl.exceptions import CryptoError

from academics_jupyter.errors import (
    KeysLockedError,
    ProfileDrivenElsewhereError,
    ProfileExistsError,
    StoreDamagedError,
    StoreError,
    UnreadableFileError,
    UsageError,
)
from academics_jupyter.protocol.identity import PeerId, fingerprint
from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.store.durable import disk_errors, place_over, write_new
from academics_jupyter.store.folder import DriverLock, ProfileFolder
from academics_jupyter.store.keys import SECRET_BYTES, Keys, Protection, named_peer, protected
from academics_jupyter.store.opening import database_errors
from academics_jupyter.store.passphrases import Sealed, seal, unseal

VERSION = 1
MAX_BYTES = 1 << 16
ABOUT = (
    "The key to an identity in Academics and to its stored messages, sealed under a passphrase. Keep it apart from the"
    " machine. On a new one: academics key import FILE, or with a backup: academics restore BACKUP --key FILE."
)


class _KeyFile(Struct, frozen=True, kw_only=True):
    about: str = ABOUT
    format: Literal["academics/key"] = "academics/key"
    version: Annotated[int, Meta(ge=1)] = VERSION
    peer: PeerId
    fingerprint: str
    exported_at: str
    sealed: Sealed
    check: str = ""


def key_file(keys: Keys, passphrase: str) -> bytes:
    """What an exported key's file holds."""
    file = _KeyFile(
        peer=keys.peer,
        fingerprint=fingerprint(keys.peer),
        exported_at=datetime.now(UTC).isoformat(timespec="seconds"),
        sealed=seal(keys.secret, passphrase),
    )
    file = msgspec.structs.replace(file, check=_check(file))
    return msgspec.json.format(msgspec.json.encode(file)) + b"\n"


def export_key(keys: Keys, passphrase: str, target: Path) -> None:
    """Write an exported key, readable for this user alone. Raises UsageError if `target` is there, and StoreError."""
    with disk_errors(f"{target} cannot be written"):
        try:
            write_new(target, key_file(keys, passphrase))
        except FileExistsError as error:
            raise UsageError(f"{target} is there already and was not overwritten: give another name.") from error


def read_key_file(path: Path) -> bytes:
    """The bytes of an exported key. Raises UsageError if there is no such file, and StoreError."""
    with disk_errors(f"{path} cannot be read"):
        try:
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise UsageError(f"There is no file {path}.") from error


def open_key_file(content: bytes, passphrase: str, source: Path) -> Keys:
    """The keys in an exported key that was read from `source`.

    Raises UnreadableFileError where it is damaged or none, and KeysLockedError where the passphrase does not open it.
    """
    file = _read(content, source)
    try:
        secret = unseal(file.sealed, passphrase)
    except CryptoError as error:
        raise KeysLockedError(f"The passphrase does not open {source.name}: try it again.") from error
    except ValueError as error:
        raise _unreadable(source) from error
    keys = Keys.of(secret) if len(secret) == SECRET_BYTES else None
    if keys is None or keys.peer != file.peer:
        raise _unreadable(source)
    return keys


def import_keys(folder: ProfileFolder, keys: Keys, passphrase: str | None) -> Protection:
    """Make `keys` those of the profile, protected by the best means at hand, as at registering.

    The profile may be new, lack its keys or have had the same ones. Raises ProfileExistsError where it is another
    identity's, ProfileDrivenElsewhereError while its peer runs, and StoreError; then nothing was changed.
    """
    lock = _undriven(folder)
    try:
        damaged = _check_identity(folder, keys.peer)
        content, protection = protected(keys, folder, passphrase)
        with disk_errors("The profile's keys cannot be written"):
            if damaged:
                write_new(folder.keys.with_name(f"keys.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"), damaged)
            place_over(folder.keys, content)
    finally:
        lock.release()
    return protection


def stored_peer(database: Path) -> str:
    """Whose messages a store holds; empty where there is none, or nobody's yet. Raises StoreError."""
    if not database.exists() or not database.stat().st_size:
        return ""
    with database_errors(database), closing(sqlite3.connect(database)) as connection:
        try:
            rows = connection.execute("SELECT peer FROM identity").fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return ""
            raise
    return str(rows[0][0]) if rows else ""


def _check_identity(folder: ProfileFolder, peer: str) -> bytes:
    """Refuse another identity's profile. The content of a damaged keys file, which is to be kept; else nothing."""
    damaged = b""
    known = {stored_peer(folder.database)}
    if folder.exists:
        try:
            known.add(named_peer(folder))
        except StoreDamagedError:
            damaged = folder.keys.read_bytes()
    others = sorted(known - {"", peer})
    if others:
        raise ProfileExistsError(
            f"The profile {folder.name} is {fingerprint(others[0])[:9]}… and the key is {fingerprint(peer)[:9]}…:"
            " import it into a profile of another name, with --profile NAME."
        )
    if damaged and not known - {""}:
        raise ProfileExistsError(
            f"The keys of the profile {folder.name} are damaged, and nothing else says whose they were: import into a"
            " profile of another name, with --profile NAME."
        )
    return damaged


def _undriven(folder: ProfileFolder) -> DriverLock:
    try:
        return folder.drive("academics key import")
    except ProfileDrivenElsewhereError as error:
        driver = folder.driver()
        who = f"{driver.label}" if driver else "another process"
        raise ProfileDrivenElsewhereError(
            f"The profile's peer runs in {who}: stop it there (%academics stop), then import the key."
        ) from error


def _read(content: bytes, source: Path) -> _KeyFile:
    if len(content) > MAX_BYTES:
        raise _unreadable(source)
    try:
        file = msgspec.json.decode(content, type=prepared(_KeyFile))
    except (msgspec.DecodeError, UnicodeError) as error:
        raise _unreadable(source) from error
    if file.version > VERSION:
        raise StoreError(f"{source.name} was exported by a newer version of this software: update academics-jupyter.")
    if file.check != _check(file):
        raise _unreadable(source)
    return file


def _check(file: _KeyFile) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(file, check=""))).hexdigest()


def _unreadable(source: Path) -> UnreadableFileError:
    return UnreadableFileError(
        f"{source.name} is damaged, or is no exported key; nothing was changed. Use another copy."
    )
