"""The process that holds chunks against their hashes and writes them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from academics_jupyter.protocol.merkle import CHUNK_BYTES, PieceHasher, piece_root
from academics_jupyter.store.verifier import Order
from academics_jupyter.store.verifying import SLOTS, Slot, VerifierGoneError, Verifying

ANSWER_TIMEOUT_S = 30.0
DATA = os.urandom(CHUNK_BYTES)


@pytest.fixture
def verifying() -> Iterator[Verifying]:
    if not hasattr(os, "memfd_create"):
        pytest.skip("only where the system has memory without a name")
    verifying = Verifying()
    yield verifying
    verifying.close()


def filled(verifying: Verifying, data: bytes = DATA) -> Slot:
    slot = verifying.take()
    assert slot is not None
    slot.memory[: len(data)] = data
    return slot


def order(slot: Slot, path: Path, expected: bytes, *, size_bytes: int = 3 * CHUNK_BYTES, chunk: int = 0) -> Order:
    return Order(slot.number, CHUNK_BYTES, str(path), CHUNK_BYTES, size_bytes, 1, chunk, expected)


def test_a_piece_that_holds_is_written_where_it_belongs(verifying: Verifying, tmp_path: Path) -> None:
    expected = piece_root(DATA, 3 * CHUNK_BYTES, 1)
    answer = verifying.submit(order(filled(verifying), tmp_path / "part", expected))
    assert answer.result(ANSWER_TIMEOUT_S) == expected
    assert (tmp_path / "part").read_bytes() == bytes(CHUNK_BYTES) + DATA
    assert (tmp_path / "part").stat().st_mode & 0o777 == 0o600


def test_a_piece_that_does_not_hold_is_not_written(verifying: Verifying, tmp_path: Path) -> None:
    answer = verifying.submit(order(filled(verifying), tmp_path / "part", b"\x00" * 32))
    assert answer.result(ANSWER_TIMEOUT_S) == piece_root(DATA, 3 * CHUNK_BYTES, 1)
    assert not (tmp_path / "part").exists()


def test_a_chunk_of_a_long_piece_is_written_and_hashed(verifying: Verifying, tmp_path: Path) -> None:
    size_bytes = 64 << 30
    answer = verifying.submit(order(filled(verifying), tmp_path / "part", b"", size_bytes=size_bytes, chunk=2))
    assert answer.result(ANSWER_TIMEOUT_S) == PieceHasher(size_bytes, 1).hash_of(2, DATA)
    assert (tmp_path / "part").stat().st_size == 2 * CHUNK_BYTES


def test_a_link_in_the_place_of_the_part_is_not_followed(verifying: Verifying, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"kept")
    (tmp_path / "part").symlink_to(tmp_path / "secret")
    expected = piece_root(DATA, 3 * CHUNK_BYTES, 1)
    answer = verifying.submit(order(filled(verifying), tmp_path / "part", expected))
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        answer.result(ANSWER_TIMEOUT_S)
    assert (tmp_path / "secret").read_bytes() == b"kept"


def test_slots_run_out_and_come_back(verifying: Verifying) -> None:
    slots = [verifying.take() for _ in range(SLOTS)]
    assert len({slot.number for slot in slots if slot}) == SLOTS
    assert verifying.take() is None
    assert slots[0] is not None
    verifying.give_back(slots[0])
    assert verifying.take() == slots[0]


def test_whoever_waits_for_a_process_that_ends_is_told(verifying: Verifying, tmp_path: Path) -> None:
    slot = filled(verifying)
    verifying._process.kill()
    verifying._process.wait()
    answer = verifying.submit(order(slot, tmp_path / "part", b""))
    assert isinstance(answer.exception(ANSWER_TIMEOUT_S), VerifierGoneError)
    assert slot.memory[:CHUNK_BYTES] == DATA
