"""The hash tree against roots that libtorrent made, and against a naive reading of BEP 52."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from academics_jupyter.errors import NotVerifiedError, RemoteProtocolError
from academics_jupyter.protocol import merkle
from academics_jupyter.protocol.merkle import (
    BLOCK_BYTES,
    EMPTY_ROOT,
    HASH_BYTES,
    Data,
    FileHasher,
    FileHashes,
    PieceHasher,
    TreeHasher,
    check_pieces,
    piece_bytes,
    piece_count,
    piece_root,
    piece_span,
)

MIB = 1 << 20

# Size, root, and SHA-256 of the piece layer ("" where a torrent holds none), from libtorrent 2.1's v2-only torrents
# with pieces of 1 MiB over `content(size)`.
VECTORS = [
    (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", ""),
    (16383, "f3f6f3cc45a01c47ce3005b5e18a34ba7881817e5a855086335fc1e11084d4b5", ""),
    (16384, "de211248dff7bc4def1192a5c96710e55692e2672b7ebb7df864c325bacc7e49", ""),
    (16385, "7e40fa9dda2684d438e1b3d5ce6ecd00317d850c5d652a56e0ca13e6188f2d7e", ""),
    (49152, "f6c1d2b355ac3efaec407006339d61802cf49c688debd75f81cedc997597816e", ""),
    (MIB - 1, "f1657c68493da5c9178e24e4014265a9eb1ede42f11e52c281f91465a29ef223", ""),
    (MIB, "353a2fed3ef59a53eefaf47be7884ebaa20ea0672c3d156cf01d3f8b5518b7a7", ""),
    (
        MIB + 1,
        "15dfa89796120bdc862a437d0c0f0a5dd2813381fbabde44ce58eae7e380a567",
        "15dfa89796120bdc862a437d0c0f0a5dd2813381fbabde44ce58eae7e380a567",
    ),
    (
        2 * MIB,
        "f322c19505bc6da904899d09831fb8e52b285f88376a9c9dd4b41c735f82f4cc",
        "f322c19505bc6da904899d09831fb8e52b285f88376a9c9dd4b41c735f82f4cc",
    ),
    (
        3 * MIB + 5,
        "5ad17d27e571771d20348a02621f58975d0a4f975b9f6b35d341d0dc65c08c39",
        "4aa348c0ee634ce46eab6c51cf6a8eb7daed46771330aeeb94b8b3be10d89465",
    ),
    (
        5 * MIB,
        "852050de5ac088874fb10cd5610f68e11b8e86a1a43e4650b1981de3a5663476",
        "a8d713b4e7a5594e06247fcacf8977df963763ba976273d0f35d8d0d76b964d6",
    ),
    (
        7 * MIB + 16385,
        "83b71172016f7804daa710990ce8f7b8dd1e2905c460860762039ffd7d7d19d9",
        "aa1b6cbf063757e788ef29b918605c1197f4c2f80783a7b59ae16a54866dc56d",
    ),
]


def content(size_bytes: int) -> bytes:
    pattern = bytes(i * 7 % 251 for i in range(251))
    return (pattern * (size_bytes // 251 + 1))[:size_bytes]


def hashes(data: bytes, chunk_bytes: int = MIB) -> FileHashes:
    hasher = FileHasher(len(data))
    for start in range(0, len(data), chunk_bytes):
        hasher.update(data[start : start + chunk_bytes])
    return hasher.finish()


def naive_root(nodes: list[bytes], padding: bytes) -> bytes:
    while len(nodes) & (len(nodes) - 1):
        nodes = [*nodes, padding]
    while len(nodes) > 1:
        nodes = [hashlib.sha256(nodes[i] + nodes[i + 1]).digest() for i in range(0, len(nodes), 2)]
    return nodes[0]


def naive(data: bytes, piece: int) -> tuple[str, bytes]:
    """Root and piece layer as BEP 52 words them, all leaves in memory at once."""
    zero = bytes(HASH_BYTES)
    leaves = [hashlib.sha256(data[i : i + BLOCK_BYTES]).digest() for i in range(0, len(data), BLOCK_BYTES)]
    if not leaves:
        return EMPTY_ROOT, b""
    if len(data) <= piece:
        root = naive_root(leaves, zero)
        return root.hex(), root
    width = piece // BLOCK_BYTES
    leaves += [zero] * (-len(leaves) % width)
    layer = [naive_root(leaves[i : i + width], zero) for i in range(0, len(leaves), width)]
    return naive_root(layer, naive_root([zero] * width, zero)).hex(), b"".join(layer)


@pytest.mark.parametrize(("size_bytes", "root", "layer"), VECTORS, ids=[str(vector[0]) for vector in VECTORS])
def test_roots_and_layers_are_those_of_libtorrent(size_bytes: int, root: str, layer: str) -> None:
    found = hashes(content(size_bytes))
    assert found.root == root
    assert found.sha256 == hashlib.sha256(content(size_bytes)).hexdigest()
    assert found.size_bytes == size_bytes
    if layer:
        assert hashlib.sha256(found.pieces).hexdigest() == layer
    else:
        assert found.pieces.hex() == root


def test_empty_file_has_no_tree() -> None:
    found = hashes(b"")
    assert found == FileHashes(EMPTY_ROOT, hashlib.sha256(b"").hexdigest(), 0, b"")
    check_pieces(EMPTY_ROOT, 0, b"")
    assert piece_count(0) == 0
    with pytest.raises(NotVerifiedError):
        check_pieces("1" * 64, 0, b"")
    with pytest.raises(RemoteProtocolError):
        piece_span(0, 0)


sizes = st.one_of(
    st.integers(0, 3 * MIB),
    st.builds(lambda blocks, off: max(0, blocks * BLOCK_BYTES + off), st.integers(0, 140), st.sampled_from([-1, 0, 1])),
)


@settings(max_examples=60)
@given(size_bytes=sizes, chunk_bytes=st.integers(5_000, 2 * MIB))
def test_chunks_of_any_size_give_what_the_naive_tree_gives(size_bytes: int, chunk_bytes: int) -> None:
    data = content(size_bytes)
    found = hashes(data, chunk_bytes)
    assert (found.root, found.pieces) == naive(data, MIB)
    check_pieces(found.root, size_bytes, found.pieces)
    for index in range(piece_count(size_bytes)):
        start, end = piece_span(size_bytes, index)
        assert piece_root(data[start:end], size_bytes, index) == found.pieces[index * 32 : index * 32 + 32]


@pytest.mark.parametrize("blocks", range(1, 40))
def test_pieces_that_grew_with_the_file(blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merkle, "SMALLEST_PIECE_BYTES", BLOCK_BYTES)
    monkeypatch.setattr(merkle, "MAX_PIECES", 4)
    data = content(blocks * BLOCK_BYTES - 3)
    found = hashes(data)
    assert piece_count(len(data)) <= 4
    assert (found.root, found.pieces) == naive(data, piece_bytes(len(data)))


@pytest.mark.parametrize(
    ("size_bytes", "piece"),
    [
        (0, MIB),
        (1, MIB),
        (16 << 30, MIB),
        ((16 << 30) + 1, 2 * MIB),
        (32 << 30, 2 * MIB),
        ((32 << 30) + 1, 4 * MIB),
        (1 << 53, 1 << 39),
    ],
)
def test_piece_size_follows_from_the_file_size(size_bytes: int, piece: int) -> None:
    assert piece_bytes(size_bytes) == piece


@given(st.integers(0, 1 << 53))
def test_never_more_pieces_than_the_limit(size_bytes: int) -> None:
    count = piece_count(size_bytes)
    assert count <= merkle.MAX_PIECES
    if count:
        assert piece_span(size_bytes, count - 1)[1] == size_bytes


@pytest.mark.parametrize("index", [-1, 3, 1 << 60])
def test_a_piece_outside_the_file_is_refused(index: int) -> None:
    with pytest.raises(RemoteProtocolError):
        piece_span(3 * MIB, index)


def test_a_forged_layer_is_found_out() -> None:
    found = hashes(content(3 * MIB + 5))
    for at in range(0, len(found.pieces), 31):
        forged = bytearray(found.pieces)
        forged[at] ^= 1
        with pytest.raises(NotVerifiedError):
            check_pieces(found.root, found.size_bytes, bytes(forged))


@pytest.mark.parametrize("pieces", [b"", bytes(31), bytes(32 * 3), bytes(32 * 5), bytes(1000)])
def test_a_layer_of_the_wrong_length_is_refused(pieces: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        check_pieces("0" * 64, 3 * MIB + 5, pieces)


def test_a_layer_does_not_fit_a_file_of_another_size() -> None:
    found = hashes(content(3 * MIB + 5))
    with pytest.raises(RemoteProtocolError):
        check_pieces(found.root, 2 * MIB, found.pieces)


def piece_holds(data: Data, size_bytes: int, index: int, pieces: bytes) -> bool:
    """Whether a piece is the one that a layer says, by its whole and by its chunks."""
    hasher = PieceHasher(size_bytes, index)
    try:
        hasher.add(0, data)
        found = piece_root(data, size_bytes, index)
    except NotVerifiedError:
        return False
    assert hasher.finish() == found
    return found == pieces[index * HASH_BYTES : (index + 1) * HASH_BYTES]


@pytest.mark.parametrize("index", [0, 16_383])
def test_long_pieces_are_hashed_by_chunks_in_any_order(index: int) -> None:
    """Of a file too long to be made here: what its pieces hash to follows from its length."""
    size_bytes = (64 << 30) - 3 * MIB + 5
    start, end = piece_span(size_bytes, index)
    data = content(end - start)
    hasher = PieceHasher(size_bytes, index)
    assert (hasher.chunk_count, hasher.length) == (-(-len(data) // MIB), len(data))
    for chunk in reversed(range(hasher.chunk_count)):
        assert hasher.finish() is None
        hasher.add(chunk, data[chunk * MIB : chunk * MIB + hasher.chunk_length(chunk)])
    assert hasher.finish() == piece_root(data, size_bytes, index)
    with pytest.raises(NotVerifiedError):
        hasher.add(0, data[: MIB - 1])


@pytest.mark.parametrize("flipped", [0, BLOCK_BYTES - 1, BLOCK_BYTES, MIB - 1])
def test_one_wrong_bit_in_a_piece_is_found_out(flipped: int) -> None:
    data = bytearray(content(2 * MIB + 7))
    found = hashes(bytes(data))
    assert piece_holds(data[:MIB], len(data), 0, found.pieces)
    data[flipped] ^= 1
    assert not piece_holds(data[:MIB], len(data), 0, found.pieces)


def test_a_piece_of_another_length_or_place_does_not_hold() -> None:
    data = content(2 * MIB + 7)
    found = hashes(data)
    assert not piece_holds(data[: MIB - 1], len(data), 0, found.pieces)
    assert not piece_holds(data[: MIB + 1], len(data), 0, found.pieces)
    assert not piece_holds(data[:MIB], len(data), 1, found.pieces)
    assert not piece_holds(b"", len(data), 2, found.pieces)
    assert piece_holds(memoryview(data)[2 * MIB :], len(data), 2, found.pieces)


def test_a_short_piece_padded_with_zero_bytes_does_not_hold() -> None:
    data = content(BLOCK_BYTES + 1)
    padded = data + bytes(BLOCK_BYTES - 1)
    assert hashes(data).root != hashes(padded).root


@pytest.mark.parametrize("hasher", [TreeHasher(10), FileHasher(10)])
def test_bytes_beyond_the_size_are_refused(hasher: TreeHasher | FileHasher) -> None:
    hasher.update(bytes(9))
    with pytest.raises(NotVerifiedError):
        hasher.finish()
    with pytest.raises(NotVerifiedError):
        hasher.update(bytes(2))
    hasher.update(bytes(1))
    hasher.finish()


def test_buffers_of_other_item_sizes_are_taken_as_bytes() -> None:
    data = content(MIB)
    hasher = FileHasher(MIB)
    hasher.update(memoryview(data).cast("Q"))
    assert hasher.finish() == hashes(data)
