"""Advisory file locks and private folders on POSIX, for the embedded registry. May import errors only."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from academics_jupyter.errors import RegistryError

POLL_S = 0.02


def private_folder(folder: Path) -> Path:
    """Make a folder that is ours alone, mode 0700. Raises RegistryError where something else is in its place."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise RegistryError(f"{folder} is not a folder of your own; remove it, or set ACADEMICS_REGISTRY.")
        if stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
    except OSError as error:
        raise RegistryError(f"The folder {folder} cannot be used ({error.strerror}).") from error
    return folder


def lock_file(path: Path) -> int:
    """Open a lock file, which programs started from here do not inherit. Raises RegistryError."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RegistryError(f"The file {path} cannot be used ({error.strerror}).") from error


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take a lock if it is free now. Raises RegistryError where the file system has no locks."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}:
            return False
        raise RegistryError(
            f"The embedded registry's folder is on a file system without locks ({error.strerror}); "
            "set ACADEMICS_REGISTRY to a MongoDB address."
        ) from error
    return True


def lock_until(descriptor: int, ends: float, *, shared: bool = False) -> bool:
    """Take a lock by `ends` on the monotonic clock; whether that came about."""
    while not try_lock(descriptor, shared=shared):
        if time.monotonic() > ends:
            return False
        time.sleep(POLL_S)
    return True


@contextmanager
def locked(path: Path, ends: float) -> Iterator[None]:
    """Hold a lock of our own for a while. Raises RegistryError if it is not to be had by `ends`."""
    descriptor = lock_file(path)
    try:
        if not lock_until(descriptor, ends):
            raise RegistryError("Another notebook has been starting the embedded registry for too long; try again.")
        yield
    finally:
        os.close(descriptor)
