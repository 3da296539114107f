"""The part file: what is verified is kept, what is not never counts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from academics_jupyter.errors import NotVerifiedError, StoreError
from academics_jupyter.protocol.merkle import FileHasher, FileHashes, piece_span
from academics_jupyter.store.parts import FilePart
from academics_jupyter.store.repository import Repository

SIZE_BYTES = (3 << 20) + 5
CONTENT = os.urandom(SIZE_BYTES)
NOW_MS = 1_700_000_000_000


@pytest.fixture
def hashes() -> FileHashes:
    hasher = FileHasher(SIZE_BYTES)
    hasher.update(CONTENT)
    return hasher.finish()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def piece(index: int) -> bytes:
    start, end = piece_span(SIZE_BYTES, index)
    return CONTENT[start:end]


def test_pieces_add_up_to_the_file(repository: Repository, hashes: FileHashes, threads: ThreadPoolExecutor) -> None:
    part = FilePart(repository, hashes.root, SIZE_BYTES)
    part.open()
    part.learn_hashes(hashes.pieces, threads)
    assert part.missing == {0, 1, 2, 3}
    for index in (3, 0, 2, 1):
        part.write(index, 0, piece(index))
    part.close()
    held = part.finish("whole.bin", NOW_MS)
    assert (held.resource, held.size_bytes, held.pieces) == (hashes.root, SIZE_BYTES, hashes.pieces)
    assert repository.path_of(held).read_bytes() == CONTENT
    assert repository.still_held(held)


def test_hashes_of_another_file_are_refused(
    repository: Repository, hashes: FileHashes, threads: ThreadPoolExecutor
) -> None:
    part = FilePart(repository, hashes.root, SIZE_BYTES)
    part.open()
    with pytest.raises(NotVerifiedError):
        part.learn_hashes(hashes.pieces[32:] + hashes.pieces[:32], threads)
    assert part.hashes == b""
    part.close()


def test_a_second_run_goes_on_where_the_first_was_killed(
    repository: Repository, hashes: FileHashes, threads: ThreadPoolExecutor
) -> None:
    first = FilePart(repository, hashes.root, SIZE_BYTES)
    first.open()
    first.learn_hashes(hashes.pieces, threads)
    first.write(1, 0, piece(1))
    first.write(2, 0, piece(2)[:-1] + b"!")
    first.write(3, 0, piece(3))
    # No close: a killed process closes nothing.
    again = FilePart(repository, hashes.root, SIZE_BYTES)
    again.open()
    again.learn_hashes(hashes.pieces, threads)
    assert again.missing == {0, 2}
    again.close()
    first.close()


def test_nothing_is_written_once_it_is_closed(repository: Repository, hashes: FileHashes) -> None:
    part = FilePart(repository, hashes.root, SIZE_BYTES)
    part.open()
    part.close()
    part.close()
    with pytest.raises(StoreError):
        part.write(0, 0, piece(0))


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(repository: Repository) -> None:
    for size_bytes, reserved_bytes in ((1 << 52, 0), (1, 1 << 52)):
        with pytest.raises(StoreError, match="make room"):
            FilePart(repository, "ab" * 32, size_bytes).open(reserved_bytes)
