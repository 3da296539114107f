"""A file on its way: its bytes so far under the parts folder, and which of its pieces a former run has left there.

May import protocol and errors only. Bytes are written before or after they are verified, as the caller likes: what is
there counts only once its hash held, and after a kill everything is held against the hashes again.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

from academics_jupyter.errors import NotVerifiedError, StoreError
from academics_jupyter.protocol.contents import Contents, hash_of, one_file
from academics_jupyter.protocol.merkle import CHUNK_BYTES, Data
from academics_jupyter.store.durable import disk_errors, keep_room, read_at, write_at
from academics_jupyter.store.files import HeldFile
from academics_jupyter.store.repository import Repository

SYNC_BYTES = 64 << 20
"""Written bytes are sent to the disk in lots, so that the end of a large file does not wait for all of it."""

_WRITING = "The download cannot be written"


class PartPieces(ABC):
    """Which pieces of a part are missing, once its hashes are known."""

    def __init__(self, contents: Contents) -> None:
        self.contents = contents
        self.hashes = b""
        self.missing = set(range(contents.piece_count))

    def learn_hashes(self, hashes: bytes, executor: Executor) -> None:
        """Take a holder's hashes of the pieces, if they are the resource's, and see what a former run has left.

        Raises NotVerifiedError or RemoteProtocolError where they are not.
        """
        self.contents.check(hashes)
        self.hashes = hashes
        written = list(self._written())
        there = executor.map(self._holds, written)
        self.missing -= {number for number, is_there in zip(written, there, strict=True) if is_there}

    @abstractmethod
    def _written(self) -> Iterator[int]:
        """The pieces of which something is there."""

    @abstractmethod
    def _holds(self, number: int) -> bool:
        """Whether a piece is there, and what its hash says."""


class FilePart(PartPieces):
    """A resource that is one file. Made for one download at a time; `write` and `read` may be called in any thread."""

    def __init__(self, repository: Repository, resource: str, size_bytes: int) -> None:
        super().__init__(one_file(resource, size_bytes))
        self._repository, self._resource, self._size_bytes = repository, resource, size_bytes
        self._descriptor = -1
        self._users = 0
        self._is_closing = False
        self._using = threading.Lock()
        self._unsynced_bytes = 0
        self._syncing = threading.Lock()

    def open(self, reserved_bytes: int = 0) -> None:
        """Make or reopen the part file.

        Raises StoreError where the disk has no room for it beside the `reserved_bytes` that others are to fill.
        """
        file = self._repository.open_part(self._resource, self._size_bytes, reserved_bytes)
        self._descriptor = os.dup(file.fileno())
        file.close()
        self._users = 1

    def close(self) -> None:
        """Let go of the file, once nobody writes any more. Safe to repeat."""
        if not self._is_closing:
            self._is_closing = True
            self._release()

    def write(self, number: int, offset: int, data: Data) -> None:
        """Write bytes of a piece, `offset` from its start. Raises StoreError."""
        with self._using:
            if self._is_closing:
                raise StoreError("The download was ended.")
            self._users += 1
        try:
            with disk_errors(_WRITING):
                keep_room(self._descriptor)
                write_at(self._descriptor, data, self.contents.span(number)[0] + offset)
                self._sync_some(len(data))
        finally:
            self._release()

    def place(self, number: int) -> tuple[Path, int]:
        """The file in which a piece's bytes belong, and where in it."""
        return self._repository.part_path(self._resource), self.contents.span(number)[0]

    def finish(self, name: str, added_at_ms: int) -> HeldFile:
        """Put the whole and verified file into the repository, under a name like `name`. Raises StoreError."""
        path = self._repository.finish_part(self._resource, name)
        return HeldFile(
            resource=self._resource,
            path=path.name,
            size_bytes=self._size_bytes,
            pieces=self.hashes,
            added_at_ms=added_at_ms,
            mtime_ns=path.stat().st_mtime_ns,
        )

    def _release(self) -> None:
        """One user less: the number of an open file must not be another's while somebody writes to it."""
        with self._using:
            self._users -= 1
            if self._users == 0:
                os.close(self._descriptor)

    def _sync_some(self, count: int) -> None:
        self._unsynced_bytes += count
        if self._unsynced_bytes >= SYNC_BYTES and self._syncing.acquire(blocking=False):
            try:
                self._unsynced_bytes = 0
                os.fsync(self._descriptor)
            finally:
                self._syncing.release()

    def _written(self) -> Iterator[int]:
        """The pieces of which something has been written; where the system cannot tell, all."""
        for number in range(self.contents.piece_count):
            start, end = self.contents.span(number)
            try:
                if os.lseek(self._descriptor, start, os.SEEK_DATA) < end:
                    yield number
            except AttributeError:
                yield number
            except OSError:
                # There is nothing from here on.
                return

    def _holds(self, number: int) -> bool:
        start = self.contents.span(number)[0]
        hasher = self.contents.hasher(number)
        try:
            for chunk in range(hasher.chunk_count):
                data = read_at(self._descriptor, hasher.chunk_length(chunk), start + chunk * CHUNK_BYTES)
                hasher.add(chunk, data)
        except (OSError, NotVerifiedError):
            return False
        return hasher.finish() == hash_of(number, self.hashes)
