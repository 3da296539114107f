"""A profile's folder, and the lock of the one process that drives its peer. May import errors only.

    home/profiles/NAME/            0700
        keys.json                  the identity (see `keys`)
        store.sqlite3              the database (see `schema`)
        store.sqlite3.closed       how it was left (see `closed_mark`)
        search.sealed              the search index (see `search_snapshot`)
        repository/  parts/        whole files, files on their way
        driver.lock  driver.json   held by the driver; who it is
        serve.log                  what a detached driver has to say

The lock is the operating system's, so it ends with its holder however that ends. The sidecar only tells people who
holds it and counts for nothing by itself.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from academics_jupyter.errors import ProfileDrivenElsewhereError, StoreError, UsageError
from academics_jupyter.store.durable import disk_errors, write_over

NAME_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
PROBE_PATIENCE_S = 0.03
"""Whoever asks for the driver holds the lock for an instant; a driver that starts then must not take it for one."""


@dataclass(frozen=True, slots=True)
class Driver:
    """The process that runs a profile's peer; `pid` is 0 where it could not be told."""

    pid: int
    label: str
    started_at_ms: int


class DriverLock:
    """The right to drive a profile, kept until `release` or the end of the process. Made by `ProfileFolder.drive`."""

    def __init__(self, lock: FileLock, sidecar: Path) -> None:
        self._lock = lock
        self._sidecar = sidecar
        self._pid = os.getpid()

    def release(self) -> None:
        """Let another process drive. Safe to repeat; does nothing in a forked child, whose parent holds the lock."""
        if self._pid != os.getpid() or not self._lock.is_locked:
            return
        with suppress(OSError):
            self._sidecar.unlink(missing_ok=True)
        self._lock.release()


class ProfileFolder:
    """Where a profile lives on disk. Raises UsageError for a name that is not letters, digits, `-` and `_`."""

    def __init__(self, home: Path, name: str) -> None:
        if not NAME_PATTERN.fullmatch(name):
            raise UsageError(f"{name!r} cannot name a profile: use up to 64 letters, digits, - and _.")
        self.home = home
        self.name = name
        self.path = home / "profiles" / name
        self.database = self.path / "store.sqlite3"
        self.search = self.path / "search.sealed"
        self.repository = self.path / "repository"
        self.parts = self.path / "parts"
        self.keys = self.path / "keys.json"
        self.lock = self.path / "driver.lock"
        self.sidecar = self.path / "driver.json"
        self.serve_log = self.path / "serve.log"

    @property
    def exists(self) -> bool:
        """Whether the profile has been registered: it has keys."""
        return self.keys.exists()

    def create(self) -> None:
        """Make the folders, for this user's eyes only. Safe to repeat. Raises StoreError."""
        with disk_errors(f"The profile's folder {self.path} cannot be made"):
            for folder in (self.home, self.path.parent, self.path, self.repository, self.parts):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.path, self.repository, self.parts):
                folder.chmod(0o700)

    def drive(self, label: str = "a notebook kernel") -> DriverLock:
        """Become the driver; `label` tells others what drives. Raises ProfileDrivenElsewhereError."""
        self.create()
        lock = self._new_lock()
        if not self._acquire(lock):
            raise ProfileDrivenElsewhereError(_driven_by(self._told()))
        driver = {"pid": os.getpid(), "label": label, "started_at_ms": time.time_ns() // 1_000_000}
        with suppress(OSError):
            write_over(self.sidecar, json.dumps(driver).encode())
        return DriverLock(lock, self.sidecar)

    def driver(self) -> Driver | None:
        """Who drives the profile now; None when nobody does."""
        if not self.lock.exists():
            return None
        lock = self._new_lock()
        if self._acquire(lock):
            lock.release()
            return None
        return self._told()

    def _new_lock(self) -> FileLock:
        # Not thread-local: the loop's thread may take it and another one release it.
        return FileLock(str(self.lock), thread_local=False, mode=0o600)

    def _acquire(self, lock: FileLock) -> bool:
        try:
            lock.acquire(timeout=PROBE_PATIENCE_S, poll_interval=PROBE_PATIENCE_S / 10)
        except Timeout:
            return False
        except OSError as error:
            raise StoreError(f"The profile's lock {self.lock} cannot be used: {error.strerror or error}.") from error
        return True

    def _told(self) -> Driver:
        """What the sidecar says."""
        try:
            told = json.loads(self.sidecar.read_bytes())
            return Driver(int(told["pid"]), str(told["label"]), int(told["started_at_ms"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Driver(0, "another process", 0)


def _driven_by(driver: Driver) -> str:
    who = f"{driver.label} (process {driver.pid})" if driver.pid else driver.label
    return f"The profile is driven by {who}; this kernel can still explore, share and read as a passenger."
