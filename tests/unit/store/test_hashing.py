"""Both hashes of a file, however large, and whatever happens to it meanwhile."""

from __future__ import annotations

import io
import random
import threading

import pytest

from academics_jupyter.errors import NotVerifiedError
from academics_jupyter.protocol import merkle
from academics_jupyter.protocol.merkle import FileHasher, FileHashes
from academics_jupyter.store.hashing import CHUNKS_IN_MEMORY, LARGE_BYTES, hash_file

MIB = 1 << 20
SIZES = [
    0,
    1,
    MIB,
    LARGE_BYTES - 1,
    LARGE_BYTES,
    LARGE_BYTES + 1,
    LARGE_BYTES + MIB,
    3 * CHUNKS_IN_MEMORY * MIB + 16_385,
]


def content(size_bytes: int) -> bytes:
    return random.Random(size_bytes).randbytes(size_bytes)


def expected(data: bytes) -> FileHashes:
    hasher = FileHasher(len(data))
    hasher.update(data)
    return hasher.finish()


@pytest.mark.parametrize("size_bytes", SIZES)
def test_hashes_are_those_of_one_pass(size_bytes: int) -> None:
    data, taken = content(size_bytes), bytearray()
    assert hash_file(io.BytesIO(data), size_bytes, taken.extend) == expected(data)
    assert taken == data
    assert hash_file(io.BytesIO(data), size_bytes) == expected(data)


@pytest.mark.parametrize("size_bytes", [LARGE_BYTES, 9 * MIB + 5, 19 * MIB])
def test_pieces_of_several_chunks(size_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if the file were large enough for pieces of 4 MiB.
    monkeypatch.setattr(merkle, "MAX_PIECES", 5)
    data = content(size_bytes)
    assert merkle.piece_bytes(size_bytes) > MIB
    assert hash_file(io.BytesIO(data), size_bytes) == expected(data)


@pytest.mark.parametrize("size_bytes", [5, LARGE_BYTES, LARGE_BYTES + 5])
@pytest.mark.parametrize("more", [-1, 1, -5, 2 * MIB])
def test_a_file_of_another_length_is_noticed(size_bytes: int, more: int) -> None:
    with pytest.raises(NotVerifiedError):
        hash_file(io.BytesIO(content(size_bytes + more)), size_bytes)


@pytest.mark.parametrize("size_bytes", [5, 2 * LARGE_BYTES])
def test_an_error_of_who_takes_the_bytes_ends_it_and_its_threads(size_bytes: int) -> None:
    def refuse(_data: memoryview) -> None:
        raise OSError("the disk is full")

    before = threading.active_count()
    with pytest.raises(OSError, match="full"):
        hash_file(io.BytesIO(content(size_bytes)), size_bytes, refuse)
    assert threading.active_count() == before
