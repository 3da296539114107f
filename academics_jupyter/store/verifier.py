"""The process beside a large download: it holds chunks against their hashes and writes them. Started by `verifying`.

    python -m academics_jupyter.store.verifier MEMORY SLOTS

MEMORY is the number of an open file, shared with the downloading process, of SLOTS chunks. Orders come over standard
input, answers go over standard output, each with its length before it.
"""

from __future__ import annotations

import errno
import mmap
import os
import signal
import struct
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import msgspec
from msgspec import Struct

from academics_jupyter.protocol.merkle import CHUNK_BYTES, Data, PieceHasher
from academics_jupyter.protocol.preparing import prepared
from academics_jupyter.store.durable import NO_FOLLOW, keep_room, write_at

SYNC_BYTES = 64 << 20
"""Written bytes are sent to the disk in lots, so that the end of a large file does not wait for all of it."""
THREADS = 2
"""One hashes while the disk takes what the other has hashed."""
ALIGNED_BYTES = 4096
_NOT_DIRECT = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}
LENGTH = struct.Struct("<I")


class Order(Struct, frozen=True, array_like=True):
    """A chunk in a slot: of which piece of which file it is, and where that lies on the disk.

    A piece of one chunk is written only if it hashes to `expected`.
    """

    slot: int
    length: int
    path: str
    offset: int
    size_bytes: int
    index: int
    chunk: int
    expected: bytes


class Answer(Struct, frozen=True, array_like=True):
    """What the chunk hashes to; or the number of the error that kept it from being written."""

    slot: int
    root: bytes
    errno: int = 0


class _Writer:
    """Writes chunks, past the system's cache where file and chunk allow that.

    So what a machine has in memory is not pushed out by what nobody has asked to read yet, and no sync has to wait.
    """

    def __init__(self) -> None:
        self._direct = getattr(os, "O_DIRECT", 0)
        self._unsynced_bytes = 0

    def write(self, path: str, data: Data, offset: int) -> None:
        """Raises OSError."""
        if self._direct and offset % ALIGNED_BYTES == 0 and len(data) % ALIGNED_BYTES == 0:
            try:
                self._write(path, data, offset, self._direct)
            except OSError as error:
                if error.errno not in _NOT_DIRECT:
                    raise
                # The file system has no such way.
                self._direct = 0
            else:
                return
        self._write(path, data, offset, 0)

    def _write(self, path: str, data: Data, offset: int, direct: int) -> None:
        # Opened each time: a part that was deleted and begun anew has the same path.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | NO_FOLLOW | direct, 0o600)
        try:
            keep_room(descriptor)
            write_at(descriptor, data, offset)
            if not direct:
                self._sync_some(descriptor, len(data))
        finally:
            os.close(descriptor)

    def _sync_some(self, descriptor: int, count: int) -> None:
        self._unsynced_bytes += count
        if self._unsynced_bytes >= SYNC_BYTES:
            self._unsynced_bytes = 0
            os.fsync(descriptor)


def _carry_out(order: Order, data: Data, writer: _Writer) -> bytes:
    """The chunk's hash. Raises OSError where it cannot be written."""
    hasher = PieceHasher(order.size_bytes, order.index)
    root = hasher.hash_of(order.chunk, data)
    if hasher.chunk_count > 1 or root == order.expected:
        writer.write(order.path, data, order.offset)
    return root


def read_message(file: IO[bytes]) -> bytes:
    """The next message; empty at the end."""
    head = file.read(LENGTH.size)
    return file.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else b""


def write_message(file: IO[bytes], message: bytes) -> None:
    """Raises OSError where nobody reads any more."""
    file.write(LENGTH.pack(len(message)) + message)
    file.flush()


def main(memory: int, slots: int) -> None:
    """Carry out orders until standard input ends."""
    # A cell that is interrupted is no reason to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    writer, answering = _Writer(), threading.Lock()

    def carry_out(order: Order) -> None:
        start = order.slot * CHUNK_BYTES
        try:
            with chunks[start : start + order.length] as data:
                answer = Answer(order.slot, _carry_out(order, data, writer))
        except OSError as error:
            answer = Answer(order.slot, b"", error.errno or 1)
        with answering:
            write_message(sys.stdout.buffer, msgspec.msgpack.encode(answer))

    with (
        mmap.mmap(memory, slots * CHUNK_BYTES) as mapped,
        memoryview(mapped) as chunks,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        while message := read_message(sys.stdin.buffer):
            threads.submit(carry_out, msgspec.msgpack.decode(message, type=prepared(Order)))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
