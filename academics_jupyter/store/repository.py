"""The profile's files: taken in, on their way, held. May import protocol and errors only.

Invariants
- A file under its final name is whole: it is written under a temporary one, synced, and then named in one step.
- No name replaces another file, and no link, FIFO or device is ever opened as a resource.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from academics_jupyter.errors import NotVerifiedError, StoreError, UnknownTargetError, UsageError
from academics_jupyter.protocol.merkle import FileHashes
from academics_jupyter.protocol.names import safe_file_name, unlike
from academics_jupyter.store.durable import (
    NO_FOLLOW,
    SPARE_BYTES,
    disk_errors,
    place_new,
    sync_file,
    sync_folder,
    temporary_file,
)
from academics_jupyter.store.files import HeldFile
from academics_jupyter.store.hashing import hash_file

CHUNK_BYTES = 1 << 20
LEFTOVER_S = 86_400
"""A temporary file as old as this is one that a killed process left."""

TEMPORARY = ".taking-"
_RESOURCE = re.compile(r"[0-9a-f]{64}")

OnProgress = Callable[[int], None]
"""Told how many bytes are done so far."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A file that now lies at `path`; `copied` is false where its bytes were held there before.

    `recorded` is the path as a HeldFile has it.
    """

    path: Path
    recorded: str
    hashes: FileHashes
    mtime_ns: int
    copied: bool = True

    def held(self, added_at_ms: int) -> HeldFile:
        """The row that says so."""
        hashes = self.hashes
        return HeldFile(hashes.root, self.recorded, hashes.size_bytes, hashes.pieces, added_at_ms, self.mtime_ns)


class Repository:
    """The folder of whole files and the folder of parts; both on one file system."""

    def __init__(self, folder: Path, parts: Path) -> None:
        self.folder = folder
        self.parts = parts

    def take_in(
        self,
        source: Path,
        name: str,
        on_progress: OnProgress | None = None,
        held: Callable[[str], HeldFile | None] | None = None,
    ) -> TakenIn:
        """Copy a file into the repository under a name like `name`, hashing it on the way.

        `held` (such as `Files.get`) says which file has a resource's bytes already: then the copy is dropped. Raises
        UnknownTargetError if there is no such file, UsageError if it cannot be read or changes meanwhile, StoreError
        if the disk fails or is full.
        """
        what = f"{source.name} cannot be taken into the repository"
        with (
            _open_source(source) as file,
            disk_errors(what),
            temporary_file(self.parts, TEMPORARY) as (copy, temporary),
        ):
            hashes = _copy(file, copy, source, on_progress)
            known = held(hashes.root) if held else None
            if known is not None and self.still_held(known):
                return TakenIn(self.path_of(known), known.path, hashes, known.mtime_ns, copied=False)
            sync_file(copy)
            path = place(temporary, self.folder, name)
            return TakenIn(path, path.name, hashes, path.lstat().st_mtime_ns)

    def part_path(self, resource: str) -> Path:
        """Where a resource's bytes are gathered. Raises UsageError for what is not a resource's id."""
        if not _RESOURCE.fullmatch(resource):
            raise UsageError(f"{resource[:80]!r} is not a resource's id.")
        return self.parts / f"{resource}.part"

    def open_part(self, resource: str, size_bytes: int, reserved_bytes: int = 0) -> BinaryIO:
        """The part file, open for reading and writing, of the resource's full size; what was written before is there.

        Something else planted under its name is taken away first. Raises StoreError where it does not fit on the disk
        beside `reserved_bytes` of others.
        """
        path = self.part_path(resource)
        with disk_errors("The download cannot be written"):
            file = _open_own(path)
            try:
                check_room(path.parent, size_bytes - os.fstat(file.fileno()).st_blocks * 512, reserved_bytes)
                os.ftruncate(file.fileno(), size_bytes)
            except BaseException:
                file.close()
                raise
            return file

    def finish_part(self, resource: str, name: str) -> Path:
        """Give a whole and verified part its final place, under a name like `name`; the path. Raises StoreError."""
        path = self.part_path(resource)
        with disk_errors("The download cannot be put into the repository"):
            with _open_regular(path) as file:
                os.fsync(file.fileno())
            return place(path, self.folder, name)

    def copy_out(self, source: Path, folder: Path, name: str) -> Path:
        """Copy a held file to where the person asked for it, under a name like `name`, whole or not at all; the path.

        Raises StoreError.
        """
        with disk_errors(f"{name} cannot be written to {folder}"):
            folder.mkdir(parents=True, exist_ok=True)
            with _open_regular(source) as file, temporary_file(folder, TEMPORARY) as (copy, temporary):
                shutil.copyfileobj(file, copy, CHUNK_BYTES)
                sync_file(copy)
                return place(temporary, folder, name)

    def path_of(self, held: HeldFile) -> Path:
        """Where a held file lies."""
        return self.folder / held.path

    def still_held(self, held: HeldFile) -> bool:
        """Whether the file is there as it was recorded: a regular file of that size and modification time."""
        try:
            return _is_as_recorded(self.path_of(held).lstat(), held)
        except OSError:
            return False

    def remove(self, held: HeldFile) -> None:
        """Delete a held file from the disk, if it is there. Raises StoreError."""
        path = self.path_of(held)
        with disk_errors(f"{held.path} cannot be deleted"):
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                sync_folder(path.parent)

    def sweep(self) -> None:
        """Take away what killed processes left while taking files in; called by the driver when it starts."""
        with disk_errors("The folder of parts cannot be tidied"):
            for path in self.parts.glob(f"{TEMPORARY}*"):
                found = path.lstat()
                if found.st_mtime > time.time() - LEFTOVER_S:
                    continue
                if stat.S_ISDIR(found.st_mode):
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)


def identify(source: Path, on_progress: OnProgress | None = None) -> str:
    """The id that a file would have as a resource. Raises UnknownTargetError or UsageError, as `take_in`."""
    done_bytes = 0

    def count(data: memoryview) -> None:
        nonlocal done_bytes
        done_bytes += len(data)
        if on_progress is not None:
            on_progress(done_bytes)

    with _open_source(source) as file:
        try:
            return hash_file(file, os.fstat(file.fileno()).st_size, count).root
        except NotVerifiedError as error:
            raise _changed(source) from error


def _is_as_recorded(found: os.stat_result, held: HeldFile) -> bool:
    regular = stat.S_ISREG(found.st_mode)
    return regular and (found.st_size, found.st_mtime_ns) == (held.size_bytes, held.mtime_ns)


def _open_source(source: Path) -> BinaryIO:
    """A link that the person names is followed, once; one that takes its place meanwhile is not."""
    try:
        return _open_regular(source.expanduser().resolve(strict=True))
    except FileNotFoundError as error:
        raise UnknownTargetError(f"There is no file {source}.") from error
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{source} cannot be shared: {reason}.") from error


def _open_regular(path: Path) -> BinaryIO:
    """Open for reading what must be a regular file, without waiting on a FIFO or following a link. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | NO_FOLLOW)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return os.fdopen(descriptor, "rb")


def _copy(source: BinaryIO, copy: BinaryIO, path: Path, on_progress: OnProgress | None) -> FileHashes:
    """Copy and hash in one pass. Raises UsageError if the source is changed meanwhile."""
    before = os.fstat(source.fileno())

    def write(data: memoryview) -> None:
        copy.write(data)
        if on_progress is not None:
            on_progress(copy.tell())

    try:
        hashes = hash_file(source, before.st_size, write)
    except NotVerifiedError as error:
        raise _changed(path) from error
    after = os.fstat(source.fileno())
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise _changed(path)
    return hashes


def _changed(path: Path) -> UsageError:
    return UsageError(f"{path.name} was being changed while it was read: share it again once it is finished.")


def place(temporary: Path, folder: Path, name: str, step: Callable[[Path, Path], None] = place_new) -> Path:
    """Name what is whole and synced like `name` and unlike everything in the folder, in one `step`; the new path.

    Raises OSError.
    """
    refused: set[str] = set()
    while True:
        target = folder / unlike(safe_file_name(name), refused | {path.name for path in folder.iterdir()})
        try:
            step(temporary, target)
        except FileExistsError:
            # Another process took the name just now.
            refused.add(target.name)
        else:
            return target


def _open_own(path: Path) -> BinaryIO:
    """Open or make a file that only we can have made: regular, ours, with one name. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDWR | NO_FOLLOW)
    except OSError as error:
        if path.is_symlink():
            path.unlink()
        elif not isinstance(error, FileNotFoundError):
            raise
    else:
        found = os.fstat(descriptor)
        if stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == _user(found):
            return os.fdopen(descriptor, "r+b")
        os.close(descriptor)
        path.unlink()
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o600), "r+b")


def _user(found: os.stat_result) -> int:
    """Who we are, where the system tells users apart."""
    return os.geteuid() if hasattr(os, "geteuid") else found.st_uid


def check_room(folder: Path, more_bytes: int, reserved_bytes: int = 0) -> None:
    """Refuse what cannot fit before anything is fetched. Raises StoreError."""
    free_bytes = max(0, shutil.disk_usage(folder).free - reserved_bytes - SPARE_BYTES)
    if more_bytes > free_bytes:
        raise StoreError(
            f"The download needs {more_bytes:,} bytes more than it has, and the disk has {free_bytes:,} left: make"
            " room, then download again."
        )
