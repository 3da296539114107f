"""Backups: a profile in one file, made while it is in use. What brings it back is `restoring`.

A zip archive, which any system opens, and in it, in this order:

| member | what it is |
| --- | --- |
| README.txt | what to do with it |
| key.json | the identity, as `key_files` exports it; not with `--without-key` |
| store.sqlite3 | a consistent copy of the store: messages sealed as ever, the rest as it is |
| repository/… | with `--with-files`, the files held that are unchanged since they were hashed |
| manifest.json | what this is, whose, and which files are whole |

The copy does not know its place, so whoever opens it begins a new series (see `counters`). May import protocol and
errors only.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO, Literal
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import msgspec
from msgspec import Meta, Struct

from academics_jupyter.errors import NotRegisteredError, UsageError
from academics_jupyter.protocol.identity import PeerId, fingerprint
from academics_jupyter.store.counters import PLACE
from academics_jupyter.store.durable import NO_FOLLOW, disk_errors, place_new, sync_file, temporary_file
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.key_files import key_file, stored_peer
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.opening import database_errors, open_database

VERSION = 1
CHUNK_BYTES = 1 << 20
README, KEY, STORE, FILES, MANIFEST = "README.txt", "key.json", "store.sqlite3", "repository", "manifest.json"
_README = """This is a backup of the Academics profile {name}, fingerprint {fingerprint}, made on {made_at}.

To bring it back, on this machine or another, install academics-jupyter and run:

    academics restore {file}{key}

Messages in it are encrypted. Names of contacts, descriptions and files are not: keep it where nobody else reads it.
"""


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup says of itself; `files` are paths below `repository`, names parted by `/`."""

    format: Literal["academics/backup"] = "academics/backup"
    version: Annotated[int, Meta(ge=1)] = VERSION
    peer: PeerId
    fingerprint: str
    profile: str
    made_at: str
    with_files: bool = False
    files: tuple[str, ...] = ()


def held_files(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """Each file that a store says lies in its repository, as path below it and modification time in nanoseconds."""
    yield from connection.execute("SELECT path, mtime_ns FROM files WHERE tree IS NULL")
    yield from connection.execute(
        "SELECT files.path || '/' || folder_files.path, folder_files.mtime_ns"
        " FROM files JOIN folder_files ON folder = resource"
    )


def write_backup(
    folder: ProfileFolder, target: Path, keys: Keys | None, passphrase: str, *, with_files: bool
) -> Manifest:
    """Write a backup, readable for this user alone, also while the peer runs; `passphrase` seals `keys` if given.

    Raises NotRegisteredError where there is nothing to back up, UsageError if `target` is there, and StoreError; then
    nothing is left of it.
    """
    if not stored_peer(folder.database):
        raise NotRegisteredError(f"The profile {folder.name} has no store yet, so there is nothing to back up.")
    with (
        disk_errors(f"The backup {target} cannot be written"),
        temporary_file(target.parent, ".backup-") as (copied, copy),
        temporary_file(target.parent, ".backup-") as (written, temporary),
    ):
        copied.close()
        _copy_store(folder.database, copy)
        with ZipFile(written, "w") as archive, closing(sqlite3.connect(copy)) as store:
            manifest = _fill(archive, folder, copy, store, keys, passphrase, target.name, with_files=with_files)
        sync_file(written)
        try:
            place_new(temporary, target)
        except FileExistsError as error:
            raise UsageError(f"{target} is there already and was not overwritten: give another name.") from error
    return manifest


def _copy_store(database: Path, copy: Path) -> None:
    """All pages in one step, within which nobody's write comes between; writers do not wait for it."""
    with (
        database_errors(database),
        closing(open_database(database)) as source,
        closing(sqlite3.connect(copy, isolation_level=None)) as target,
    ):
        source.backup(target, pages=-1)
        target.execute("PRAGMA journal_mode=DELETE")
        target.execute("DELETE FROM counters WHERE name = ?", (PLACE,))


def _fill(
    archive: ZipFile,
    folder: ProfileFolder,
    copy: Path,
    store: sqlite3.Connection,
    keys: Keys | None,
    passphrase: str,
    file_name: str,
    *,
    with_files: bool,
) -> Manifest:
    peer = str(store.execute("SELECT peer FROM identity").fetchone()[0])
    manifest = Manifest(
        peer=peer,
        fingerprint=fingerprint(peer),
        profile=folder.name,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        with_files=with_files,
    )
    readme = _README.format(
        name=folder.name,
        fingerprint=manifest.fingerprint,
        made_at=manifest.made_at,
        file=file_name,
        key="" if keys else " --key KEYFILE\n\nwith the key that academics key export has written",
    )
    archive.writestr(_member(README), readme)
    if keys is not None:
        archive.writestr(_member(KEY), key_file(keys, passphrase))
    with copy.open("rb") as source:
        _add(archive, STORE, source, ZIP_DEFLATED)
    files = tuple(_add_files(archive, folder.repository, held_files(store))) if with_files else ()
    manifest = msgspec.structs.replace(manifest, files=files)
    archive.writestr(_member(MANIFEST), msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


def _add_files(archive: ZipFile, repository: Path, held: Iterator[tuple[str, int]]) -> Iterator[str]:
    """Add what is there as it was hashed, and say which; what changes meanwhile stays in the archive unsaid."""
    for path, mtime_ns in held:
        if Path(path).is_absolute():
            continue  # it lies elsewhere, where it is not ours to keep
        with _opened(repository / path) as source:
            if source is None or os.fstat(source.fileno()).st_mtime_ns != mtime_ns:
                continue
            _add(archive, f"{FILES}/{path}", source, ZIP_STORED)
            if os.fstat(source.fileno()).st_mtime_ns == mtime_ns:
                yield path


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO | None]:
    try:
        descriptor = os.open(path, os.O_RDONLY | NO_FOLLOW)
    except OSError:
        yield None
        return
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _add(archive: ZipFile, name: str, source: BinaryIO, compression: int) -> None:
    with archive.open(_member(name, compression), "w", force_zip64=True) as member:
        shutil.copyfileobj(source, member, CHUNK_BYTES)


def _member(name: str, compression: int = ZIP_DEFLATED) -> ZipInfo:
    member = ZipInfo(name)
    member.compress_type = compression
    member.external_attr = 0o600 << 16
    return member
