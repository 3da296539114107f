"""Bringing a profile back from its backup: all of it or nothing. May import protocol and errors only.

It is put together in a folder beside its place, looked over, and takes its name in one step, so that a kill leaves no
half of it. What the archive holds is taken for no more than it says: known members only, under names made here.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO
from zipfile import BadZipFile, ZipFile

import msgspec

from academics_jupyter.errors import ProfileExistsError, StoreDamagedError, StoreError, UnreadableFileError, UsageError
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.store.backup import CHUNK_BYTES, FILES, KEY, MANIFEST, STORE, VERSION, Manifest, held_files
from academics_jupyter.store.durable import disk_errors, place_new_folder, sync_below
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.key_files import MAX_BYTES, open_key_file, read_key_file, stored_peer
from academics_jupyter.store.keys import Keys, Protection, protected
from academics_jupyter.store.opening import open_database
from academics_jupyter.store.repository import LEFTOVER_S

STAGED = ".restoring-"
MAX_MANIFEST_BYTES = 256 << 20
_DAMAGE = (BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, RuntimeError)
"""What `zipfile` raises for an archive that is cut, changed or none."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that has been looked at; `key` is its exported key, empty where it has none."""

    path: Path
    manifest: Manifest
    key: bytes

    def open_key(self, passphrase: str, key: Path | None = None) -> Keys:
        """Its keys, from the file `key` if one is given.

        Raises UsageError without any, KeysLockedError, UnreadableFileError, and ProfileExistsError where the key is
        another identity's.
        """
        content = read_key_file(key) if key is not None else self.key
        keys = open_key_file(content, passphrase, key or self.path)
        if keys.peer != self.manifest.peer:
            raise ProfileExistsError(
                f"The backup is of {self.manifest.fingerprint[:9]}… and the key is {fingerprint(keys.peer)[:9]}…: give"
                " the key of the same identity."
            )
        return keys


def read_backup(path: Path) -> Backup:
    """Look at a backup. Raises UsageError if there is no such file, UnreadableFileError and StoreError."""
    with _archive(path) as archive:
        manifest = msgspec.json.decode(_content(archive, MANIFEST, MAX_MANIFEST_BYTES))
        if isinstance(manifest, dict) and isinstance(version := manifest.get("version"), int) and version > VERSION:
            raise StoreError(f"{path.name} was made by a newer version of this software: update academics-jupyter.")
        key = _content(archive, KEY, MAX_BYTES) if KEY in archive.namelist() else b""
        return Backup(path, msgspec.convert(manifest, type=prepared(Manifest)), key)


def restore_backup(backup: Backup, keys: Keys, folder: ProfileFolder, passphrase: str | None) -> Protection:
    """Make the profile of a backup anew, its keys protected by the best means at hand, as at registering.

    Raises ProfileExistsError where there is a profile, UnreadableFileError and StoreError; then nothing is left of it.
    """
    check_free(folder)
    with disk_errors(f"The profile's folder {folder.path} cannot be made"):
        for parent in (folder.home, folder.path.parent):
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(folder.path.parent)
        staged = Path(tempfile.mkdtemp(dir=folder.path.parent, prefix=STAGED))
    try:
        with disk_errors(f"{backup.path.name} cannot be restored"):
            content, protection = protected(keys, folder, passphrase)
            _write(staged / folder.keys.name, content)
            with _archive(backup.path) as archive:
                _restore_store(archive, staged / folder.database.name, keys.peer)
                _restore_files(archive, backup.manifest, staged / folder.repository.name)
            _set_times(staged / folder.database.name, staged / folder.repository.name)
            sync_below(staged)
            with suppress(OSError):
                folder.path.rmdir()  # an empty one, which a kill at the next step has left
            try:
                place_new_folder(staged, folder.path)
            except FileExistsError:
                check_free(folder)
                raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return protection


def _sweep(profiles: Path) -> None:
    """Take away what killed processes left: each is a copy of somebody's profile."""
    for staged in profiles.glob(f"{STAGED}*"):
        if staged.lstat().st_mtime < time.time() - LEFTOVER_S:
            shutil.rmtree(staged)


def check_free(folder: ProfileFolder) -> None:
    """Raise ProfileExistsError unless there is nothing yet where the profile is to be."""
    path = folder.path
    if os.path.lexists(path) and (path.is_symlink() or not path.is_dir() or any(path.iterdir())):
        raise ProfileExistsError(
            f"There is a profile {folder.name} already, in {folder.path}: restore under another name, with"
            " --profile NAME, or move that folder away first."
        )


def _restore_store(archive: ZipFile, store: Path, peer: str) -> None:
    with archive.open(STORE) as source:
        _copy(source, store)
    try:
        open_database(store).close()
        whose = stored_peer(store)
    except StoreDamagedError as error:
        raise BadZipFile("the store is damaged") from error
    if whose != peer:
        raise BadZipFile("the store is somebody else's")


def _restore_files(archive: ZipFile, manifest: Manifest, repository: Path) -> None:
    repository.mkdir(mode=0o700)
    for path in manifest.files:
        if not _is_below(path):
            raise BadZipFile(f"a file outside of the repository, {path!r}")
        target = repository / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with archive.open(f"{FILES}/{path}") as source:
            _copy(source, target)


def _is_below(path: str) -> bool:
    parts = path.split("/")
    return not (set(parts) & {"", ".", ".."} or "\0" in path or (os.name == "nt" and set(path) & set("\\:")))


def _set_times(store: Path, repository: Path) -> None:
    """Each file as the store knows it: one that has another modification time counts as changed."""
    with closing(sqlite3.connect(store)) as connection:
        for path, mtime_ns in held_files(connection):
            if _is_below(path) and (repository / path).is_file():
                os.utime(repository / path, ns=(mtime_ns, mtime_ns))


def _copy(source: IO[bytes], target: Path) -> None:
    with _new(target) as file:
        shutil.copyfileobj(source, file, CHUNK_BYTES)


def _write(target: Path, content: bytes) -> None:
    with _new(target) as file:
        file.write(content)


def _new(target: Path) -> BinaryIO:
    return os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _content(archive: ZipFile, name: str, most_bytes: int) -> bytes:
    with archive.open(name) as member:
        content = member.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise BadZipFile(f"{name} is too large")
    return content


@contextmanager
def _archive(path: Path) -> Iterator[ZipFile]:
    try:
        with disk_errors(f"{path} cannot be read"), path.open("rb") as file, ZipFile(file) as archive:
            yield archive
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError) and not path.exists():
            raise UsageError(f"There is no file {path}.") from error
        raise
    except (*_DAMAGE, msgspec.MsgspecError, UnicodeError) as error:
        raise UnreadableFileError(
            f"{path.name} is damaged, or is no backup of a profile ({error}); nothing was changed. Use another one."
        ) from error
