"""Hashing a file, under both of its names in one pass. Blocking; may import protocol and errors only.

A plain SHA-256 goes byte by byte, but the pieces of the hash tree are independent of it and of each other. So a large
file is read in chunks, and while one thread brings the plain hash on, others hash the pieces: hashlib leaves the other
threads alone meanwhile.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from academics_jupyter.errors import NotVerifiedError
from academics_jupyter.protocol.merkle import (
    CHUNK_BYTES,
    FileHasher,
    FileHashes,
    PieceHasher,
    file_root,
    piece_bytes,
)

LARGE_BYTES = 8 << 20
"""A smaller file is hashed sooner than threads are started."""
CHUNKS_IN_MEMORY = 8

Take = Callable[[memoryview], None]
"""Given each chunk of a file in order, which is there only until it returns."""


def hash_file(file: BinaryIO, size_bytes: int, take: Take | None = None) -> FileHashes:
    """The hashes of an open file, read from where it stands; `take` is given its bytes on the way, to copy them.

    Raises NotVerifiedError where the file does not have `size_bytes` more, OSError, and what `take` raises.
    """
    if size_bytes < LARGE_BYTES:
        return _hash_small(file, size_bytes, take)
    with ThreadPoolExecutor(1) as in_order, ThreadPoolExecutor(os.cpu_count()) as in_any_order:
        return _LargeFile(size_bytes, in_order, in_any_order).hash(file, take)


def _hash_small(file: BinaryIO, size_bytes: int, take: Take | None) -> FileHashes:
    hasher = FileHasher(size_bytes)
    while data := file.read(CHUNK_BYTES):
        hasher.update(data)
        if take is not None:
            take(memoryview(data))
    return hasher.finish()


class _LargeFile:
    """A file on its way through the threads; no more than CHUNKS_IN_MEMORY of it at once."""

    def __init__(self, size_bytes: int, in_order: ThreadPoolExecutor, in_any_order: ThreadPoolExecutor) -> None:
        self._size_bytes, self._in_order, self._in_any_order = size_bytes, in_order, in_any_order
        self._chunks_in_piece = piece_bytes(size_bytes) // CHUNK_BYTES
        self._plain, self._pieces = hashlib.sha256(), bytearray()
        self._free = [bytearray(CHUNK_BYTES) for _ in range(CHUNKS_IN_MEMORY)]
        self._under_way: deque[tuple[bytearray, PieceHasher, bool, list[Future[None]]]] = deque()

    def hash(self, file: BinaryIO, take: Take | None) -> FileHashes:
        for number in range(-(-self._size_bytes // CHUNK_BYTES)):
            index, chunk = divmod(number, self._chunks_in_piece)
            if chunk == 0:
                piece = PieceHasher(self._size_bytes, index)
            if not self._free:
                self._settle()
            buffer = self._free.pop()
            data = memoryview(buffer)[: file.readinto(buffer)]  # type: ignore[attr-defined]
            self._hash(buffer, data, piece, chunk)
            if take is not None:
                take(data)
        if file.read(1):
            raise NotVerifiedError("There are more bytes than the file has: it is being changed.")
        while self._under_way:
            self._settle()
        pieces = bytes(self._pieces)
        return FileHashes(file_root(self._size_bytes, pieces), self._plain.hexdigest(), self._size_bytes, pieces)

    def _hash(self, buffer: bytearray, data: memoryview, piece: PieceHasher, chunk: int) -> None:
        work = [
            self._in_any_order.submit(piece.add, chunk, data),
            self._in_order.submit(self._plain.update, data),
        ]
        self._under_way.append((buffer, piece, chunk == piece.chunk_count - 1, work))

    def _settle(self) -> None:
        """Wait for the oldest chunk. Raises NotVerifiedError where it is not as long as it should be."""
        buffer, piece, is_last, work = self._under_way.popleft()
        for each in work:
            each.result()
        self._free.append(buffer)
        if is_last:
            self._pieces += piece.finish() or b""
