"""A held resource as it is served: its files, read as one run of bytes. Blocking; may import protocol only.

A file counts only as it was when it was hashed: each is looked at again when it is opened, and no other is touched, so
that a range of a large folder costs no more than the files it lies in.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from academics_jupyter.protocol.contents import Contents, Stretch

_NO_WAIT: int = getattr(os, "RWF_NOWAIT", 0)
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Served:
    """What a resource is made of, where each of its files lies and when it last changed, the hashes of its pieces.

    `tree` is the file tree of a folder; a file has none.
    """

    contents: Contents
    paths: Sequence[str | Path]
    mtimes_ns: Sequence[int]
    pieces: bytes
    tree: bytes = b""

    @property
    def size_bytes(self) -> int:
        """The length of all files together."""
        return self.contents.size_bytes


class ServedReader:
    """Reads a resource's bytes, in any thread; the file that was read last stays open until `close`."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._file, self._descriptor = -1, -1
        self._closed = False
        self._lock = threading.Lock()

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` up to `end`. Raises OSError where a file of theirs is not the one that was hashed."""
        with self._lock:
            parts = [self._read(stretch) for stretch in self._served.contents.stretches(start, end)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read_at_hand(self, start: int, end: int) -> bytearray | None:
        """The same, where that need not wait for the disk; None where it must, or the system cannot tell.

        What others download is mostly in memory, and to copy it costs less than to have a thread do so.
        """
        stretch, *others = self._served.contents.stretches(start, end)
        if others or stretch.file != self._file or not _NO_WAIT or not self._lock.acquire(blocking=False):
            return None
        try:
            data = bytearray(end - start)
            if self._closed or os.preadv(self._descriptor, [data], stretch.start, _NO_WAIT) != len(data):
                return None
        except OSError:
            return None
        finally:
            self._lock.release()
        return data

    def close(self) -> None:
        """Let go of the file, once nobody reads any more."""
        with self._lock:
            self._closed = True
            self._let_go()

    def _let_go(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._file, self._descriptor = -1, -1

    def _read(self, stretch: Stretch) -> bytes:
        if self._closed:
            raise OSError("the reader was closed")
        if stretch.file != self._file:
            self._let_go()
            self._descriptor = self._open(stretch.file)
            self._file = stretch.file
        os.lseek(self._descriptor, stretch.start, os.SEEK_SET)
        data = os.read(self._descriptor, stretch.end - stretch.start)
        if len(data) != stretch.end - stretch.start:
            raise OSError("the file became shorter")
        return data

    def _open(self, file: int) -> int:
        served = self._served
        descriptor = os.open(served.paths[file], _FLAGS)
        found = os.fstat(descriptor)
        expected = (served.contents.files[file].size_bytes, served.mtimes_ns[file])
        if not stat.S_ISREG(found.st_mode) or (found.st_size, found.st_mtime_ns) != expected:
            os.close(descriptor)
            raise OSError("the file was changed")
        return descriptor
