"""The process beside a large download: it holds chunks against their hashes and writes them. Started by `verifying`.

    python -m academics_jupyter.store.verifier MEMORY SLOTS

MEMORY is the number of an open file, shared with the downloading process, of SLOTS chunks. Orders come over standard
input, answers go over standard output, each with its length before it.
"""

from __future__ import annotations

import mmap
import os
import signal
import struct
import sys
import threading
from typing import IO

import msgspec
from msgspec import Struct

from academics_jupyter.protocol.merkle import CHUNK_BYTES, Data, PieceHasher
from academics_jupyter.store.durable import NO_FOLLOW, keep_room, write_at

SYNC_BYTES = 64 << 20
"""Written bytes are sent to the disk in lots, so that the end of a large file does not wait for all of it."""
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
    def __init__(self) -> None:
        self._unsynced_bytes = 0
        self._syncing: threading.Thread | None = None

    def write(self, path: str, data: Data, offset: int) -> None:
        """Raises OSError."""
        # Opened each time: a part that was deleted and begun anew has the same path.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | NO_FOLLOW, 0o600)
        try:
            keep_room(descriptor)
            write_at(descriptor, data, offset)
            self._unsynced_bytes += len(data)
            if self._unsynced_bytes >= SYNC_BYTES and not (self._syncing and self._syncing.is_alive()):
                self._unsynced_bytes = 0
                self._syncing = threading.Thread(target=_sync, args=(os.dup(descriptor),), daemon=True)
                self._syncing.start()
        finally:
            os.close(descriptor)


def _sync(descriptor: int) -> None:
    """What fails here fails again when the whole file is synced, and is told then."""
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)


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
    writer = _Writer()
    with mmap.mmap(memory, slots * CHUNK_BYTES) as mapped, memoryview(mapped) as chunks:
        while message := read_message(sys.stdin.buffer):
            order = msgspec.msgpack.decode(message, type=Order)
            start = order.slot * CHUNK_BYTES
            try:
                with chunks[start : start + order.length] as data:
                    answer = Answer(order.slot, _carry_out(order, data, writer))
            except OSError as error:
                answer = Answer(order.slot, b"", error.errno or 1)
            write_message(sys.stdout.buffer, msgspec.msgpack.encode(answer))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
