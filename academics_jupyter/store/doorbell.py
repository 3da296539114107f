"""Wakes the other processes of a profile when one has changed the store. Imports nothing of the package.

Each process binds a datagram socket of its own in a 0700 folder of the user; whoever commits sends the names of the
topics to all the others. Nothing else travels, so a lost ring costs a late panel and never data. The folder lies under
a fixed path, since a socket's path has 108 bytes at most and kernels may differ in TMPDIR and XDG_RUNTIME_DIR.

Without AF_UNIX, or when the folder is not ours alone, `fileno` is -1: poll `Database.version` instead.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import stat
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TOPICS = frozenset(
    {
        "profile",
        "resources",
        "holdings",
        "profiles",
        "presences",
        "outbox",
        "queued",
        "registry",
        "messages",
        "rooms",
        "files",
        "downloads",
        "trees",
        "peers",
        "events",
        "driving",
    }
)
"""Everything that a change notice can name."""

MAX_RING_BYTES = 4096
SETTLED_NS = 2_000_000_000
QUEUE_RINGS = 10
"""Some systems keep no more than about this many rings for a process that does not look; the next ones are lost."""


class Doorbell:
    """This process's bell for the profile at `profile`; listens from its making until `close`."""

    def __init__(self, profile: Path) -> None:
        self._pid = os.getpid()
        self._socket: socket.socket | None = None
        self._path = Path()
        self._known: list[Path] = []
        self._known_ns: int | None = None
        # Twice, as another process may take the empty folder away just between its making and its use.
        for _ in range(2 if hasattr(socket, "AF_UNIX") else 0):
            with suppress(OSError):
                self._listen(_private_folder(profile))
                break

    def _listen(self, folder: Path) -> None:
        self._path = folder / f"{secrets.token_hex(8)}.sock"
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            bell.setblocking(False)
            bell.bind(str(self._path))
        except OSError:
            bell.close()
            raise
        self._socket = bell

    def fileno(self) -> int:
        """What a loop can watch for reading; -1 where there is no bell."""
        return -1 if self._socket is None else self._socket.fileno()

    def ring(self, topics: Iterable[str]) -> None:
        """Tell all other processes of the profile, at once; those that have ended are forgotten."""
        if self._socket is None:
            return
        ring = "\n".join(sorted(topics)).encode()
        for other in self._others():
            _ring_at(other, ring)

    def has_others(self) -> bool:
        """Whether there may be another process of the profile."""
        return self._socket is None or bool(self._others())

    def _others(self) -> list[Path]:
        """The bells of the other processes, some of which may have ended."""
        # Asked with every change, and the same nearly each time: then the folder is as old as it was.
        with suppress(OSError):
            changed_ns = self._path.parent.stat().st_mtime_ns
            if changed_ns != self._known_ns:
                # What has just changed may change again within what the system counts as one moment.
                self._known_ns = changed_ns if time.time_ns() - changed_ns > SETTLED_NS else None
                self._known = [path for path in self._path.parent.glob("*.sock") if path != self._path]
            return self._known
        return []

    def receive(self) -> frozenset[str]:
        """The topics rung since the last call; all of them when so many rings waited that some may be lost."""
        topics: set[str] = set()
        rings = 0
        with suppress(BlockingIOError):
            while self._socket is not None:
                topics.update(self._socket.recv(MAX_RING_BYTES).decode("ascii", "ignore").split("\n"))
                rings += 1
        return TOPICS if rings >= QUEUE_RINGS else frozenset(topics) & TOPICS

    def close(self) -> None:
        """Stop listening. Safe to repeat."""
        bell, self._socket = self._socket, None
        if bell is None:
            return
        bell.close()
        # A forked child holds a copy of its parent's bell, whose name is not the child's to take away.
        if self._pid == os.getpid():
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
                self._path.parent.rmdir()


def _ring_at(other: Path, ring: bytes) -> None:
    # With a socket for each ring: what lies unread at a process that computes counts against the socket that sent it,
    # and would soon leave no room in it for rings at the others.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            sender.sendto(ring, str(other))
        except ConnectionRefusedError:
            other.unlink(missing_ok=True)
        except OSError:
            # Its queue is full, so it wakes anyway and then looks at everything; or it left just now.
            return


def _private_folder(profile: Path) -> Path:
    """The folder of the profile's bells, made if needed. Raises PermissionError where another user could reach it."""
    fixed = Path("/tmp")  # noqa: S108 - all kernels must find the same folder; who owns it is checked below
    user = (fixed if os.access(fixed, os.W_OK) else Path(tempfile.gettempdir())) / f"academics-{os.getuid()}"
    folder = user / hashlib.sha256(os.fsencode(profile.resolve())).hexdigest()[:24]
    for part in (user, folder):
        with suppress(FileExistsError):
            part.mkdir(mode=0o700)
        found = part.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise PermissionError(f"{part} is not this user's alone")
    return folder
