"""The part file: what is verified is kept, what is not never counts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from academics_jupyter.errors import NotVerifiedError
from academics_jupyter.peer.fetching import RUN_PIECES, PartFile
from academics_jupyter.protocol.merkle import FileHasher, FileHashes, piece_span
from academics_jupyter.store.repository import Repository

SIZE_BYTES = (3 << 20) + 5
CONTENT = os.urandom(SIZE_BYTES)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    for name in ("repository", "parts"):
        (tmp_path / name).mkdir()
    return Repository(tmp_path / "repository", tmp_path / "parts")


@pytest.fixture
def hashes() -> FileHashes:
    hasher = FileHasher(SIZE_BYTES)
    hasher.update(CONTENT)
    return hasher.finish()


def piece(index: int) -> bytes:
    start, end = piece_span(SIZE_BYTES, index)
    return CONTENT[start:end]


def test_pieces_add_up_to_the_file(repository: Repository, hashes: FileHashes) -> None:
    part = PartFile(repository, hashes.root, SIZE_BYTES)
    part.open()
    part.learn_pieces(hashes.pieces)
    assert (part.missing, part.done_bytes) == ({0, 1, 2, 3}, 0)
    for index in (3, 0, 2, 1):
        part.write(index, piece(index))
    assert (part.missing, part.done_bytes) == (set(), SIZE_BYTES)
    part.close()
    assert repository.finish_part(hashes.root, "whole.bin").read_bytes() == CONTENT


def test_a_wrong_piece_is_not_written(repository: Repository, hashes: FileHashes) -> None:
    part = PartFile(repository, hashes.root, SIZE_BYTES)
    part.open()
    part.learn_pieces(hashes.pieces)
    for wrong in (piece(1), piece(0)[:-1], piece(0) + b"x", b""):
        with pytest.raises(NotVerifiedError):
            part.write(0, wrong)
    assert part.missing == {0, 1, 2, 3}
    part.close()


def test_hashes_of_another_file_are_refused(repository: Repository, hashes: FileHashes) -> None:
    part = PartFile(repository, hashes.root, SIZE_BYTES)
    part.open()
    with pytest.raises(NotVerifiedError):
        part.learn_pieces(hashes.pieces[32:] + hashes.pieces[:32])
    assert part.pieces == b""
    part.close()


def test_a_second_run_goes_on_where_the_first_was_killed(repository: Repository, hashes: FileHashes) -> None:
    first = PartFile(repository, hashes.root, SIZE_BYTES)
    first.open()
    first.learn_pieces(hashes.pieces)
    first.write(1, piece(1))
    first.write(3, piece(3))
    # No close: a killed process closes nothing.
    again = PartFile(repository, hashes.root, SIZE_BYTES)
    again.open()
    again.learn_pieces(hashes.pieces)
    assert again.missing == {0, 2}
    assert list(again.runs()) == [(0, 1), (2, 3)]
    again.close()
    first.close()


def test_runs_are_of_bounded_length(repository: Repository) -> None:
    part = PartFile(repository, "ab" * 32, (RUN_PIECES * 2 + 3) << 20)
    assert list(part.runs()) == [
        (0, RUN_PIECES),
        (RUN_PIECES, 2 * RUN_PIECES),
        (2 * RUN_PIECES, 2 * RUN_PIECES + 3),
    ]
