"""Files that are there whole or not at all, after a kill or a power loss too. May import errors only."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from academics_jupyter.errors import StoreError

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Flags for opening what may have been exchanged for a link, a FIFO or a device. Python adds O_CLOEXEC itself."""

SPARE_BYTES = 8 << 20
_SEEKING = threading.Lock()
"""For Windows, which can only read and write where a file stands."""

_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL, errno.EACCES}


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can (Windows cannot)."""
    with suppress(PermissionError, NotImplementedError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def place_new(temporary: Path, target: Path) -> None:
    """Give a whole, synced file its final name, in one step. Raises FileExistsError and never replaces anything."""
    try:
        os.link(temporary, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_HARD_LINKS:
            raise
        _rename_new(temporary, target)
    else:
        temporary.unlink()
    sync_folder(target.parent)


def _rename_new(temporary: Path, target: Path) -> None:
    """The same where the file system knows no hard links; a name taken in between would be lost."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    temporary.rename(target)


def place_new_folder(temporary: Path, target: Path) -> None:
    """Give a whole, synced folder its final name, in one step. Raises FileExistsError and never replaces anything."""
    target.mkdir(mode=0o700)
    # An empty folder is what a rename may take the place of: nobody else's can be lost, and nobody can come before us.
    if os.name == "nt":
        target.rmdir()
    try:
        temporary.rename(target)
    except BaseException:
        with suppress(OSError):
            target.rmdir()
        raise
    sync_folder(target.parent)


def sync_below(folder: Path) -> None:
    """Make all files and names below a folder durable, at once where the system can: a sync for each file is slow."""
    if not _sync_file_system(folder):
        for path, _folders, names in os.walk(folder, topdown=False):
            for name in names:
                with open(os.path.join(path, name), "r+b") as file:  # noqa: PTH118, PTH123  there may be many
                    os.fsync(file.fileno())
            sync_folder(Path(path))


def _sync_file_system(folder: Path) -> bool:
    """Linux's syncfs, which Python does not have; whether it could be asked. Raises OSError where it failed."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return False
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor) == 0:
            return True
        error = ctypes.get_errno()
    finally:
        os.close(descriptor)
    if error in (errno.ENOSYS, errno.EPERM):
        return False
    raise OSError(error, os.strerror(error), str(folder))


@contextmanager
def temporary_file(folder: Path, prefix: str) -> Iterator[tuple[BinaryIO, Path]]:
    """A 0600 file in `folder`, removed at the end unless it has been given another name by then."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=prefix)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def sync_file(file: BinaryIO) -> None:
    """Make a file's bytes durable."""
    file.flush()
    os.fsync(file.fileno())


def write_new(target: Path, content: bytes) -> None:
    """Write a 0600 file that must not be there yet. Raises FileExistsError."""
    with temporary_file(target.parent, ".new-") as (file, temporary):
        file.write(content)
        sync_file(file)
        place_new(temporary, target)


def place_over(target: Path, content: bytes) -> None:
    """Write a 0600 file in one step and for good, in place of what was there."""
    with temporary_file(target.parent, ".new-") as (file, temporary):
        file.write(content)
        sync_file(file)
        temporary.replace(target)
    sync_folder(target.parent)


def write_over(target: Path, content: bytes) -> None:
    """Replace a small 0600 file in one step; not synced, for what does not outlive a process."""
    with temporary_file(target.parent, f".{target.name}-") as (file, temporary):
        file.write(content)
        file.flush()
        temporary.replace(target)


def write_at(descriptor: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    """Write all of `data` to an open file, at `offset`; in any thread. Raises OSError."""
    view = memoryview(data)
    while view:
        if hasattr(os, "pwrite"):
            written = os.pwrite(descriptor, view, offset)
        else:
            with _SEEKING:
                os.lseek(descriptor, offset, os.SEEK_SET)
                written = os.write(descriptor, view)
        view, offset = view[written:], offset + written


def read_at(descriptor: int, length: int, offset: int) -> bytes:
    """`length` bytes of an open file from `offset`, fewer at its end; in any thread. Raises OSError."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, length, offset)
    with _SEEKING:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, length)


def keep_room(descriptor: int) -> None:
    """Refuse to fill the last SPARE_BYTES of the disk of an open file: the store must be able to say what happened.

    Raises OSError.
    """
    if hasattr(os, "fstatvfs"):
        found = os.fstatvfs(descriptor)
        if found.f_bavail * found.f_frsize < SPARE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn an error of the disk into a StoreError of one line; `what` says what could not be done."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StoreError(f"{what}: the disk is full. Make room and try again.") from error
        raise StoreError(f"{what}: {error.strerror or error}.") from error
