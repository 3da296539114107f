"""The hash tree of a file, as in BitTorrent v2 (BEP 52, "pieces root" and "piece layers"). May import errors only.

    root                                    names the resource
     ├── ... layer padded to a power of two with roots of all-zero pieces
     ├── piece layer: one hash for each piece; what a downloader asks for first
     │    └── ... each piece's tree has full height, short of leaves only in the last piece
     └── leaves: SHA-256 of each 16 KiB block, the last one unpadded; missing leaves are 32 zero bytes

Invariants
- A file no longer than one piece has a tree just high enough for its blocks; its one piece hash is the root.
- The empty file has no tree: its root is `EMPTY_ROOT` and its piece layer is empty.
- The piece size follows from the file size alone, so root and size say all there is to know of the layer's shape.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from academics_jupyter.errors import NotVerifiedError, RemoteProtocolError

BLOCK_BYTES = 16 * 1024
HASH_BYTES = 32
SMALLEST_PIECE_BYTES = 1 << 20
CHUNK_BYTES = SMALLEST_PIECE_BYTES
_CHUNK_HEIGHT = (CHUNK_BYTES // BLOCK_BYTES).bit_length() - 1
MAX_PIECES = 16_384
EMPTY_ROOT = "0" * 64

Data: TypeAlias = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class FileHashes:
    """What one pass over a file tells: both names in hex, and the piece layer as hashes of 32 bytes in a row."""

    root: str
    sha256: str
    size_bytes: int
    pieces: bytes


def piece_bytes(size_bytes: int) -> int:
    """The piece size of a file: 1 MiB up to 16 GiB, then doubled until there are no more than 16,384 pieces."""
    piece = SMALLEST_PIECE_BYTES
    while piece * MAX_PIECES < size_bytes:
        piece *= 2
    return piece


def piece_count(size_bytes: int) -> int:
    """How many pieces a file has; none for the empty file."""
    return -(-size_bytes // piece_bytes(size_bytes))


def piece_span(size_bytes: int, index: int) -> tuple[int, int]:
    """The first byte of a piece and the one after its last.

    Raises RemoteProtocolError if the file has no such piece.
    """
    if not 0 <= index < piece_count(size_bytes):
        raise RemoteProtocolError("there is no such piece in the file")
    start = index * piece_bytes(size_bytes)
    return start, min(start + piece_bytes(size_bytes), size_bytes)


def _height(leaves: int) -> int:
    """The levels above the leaves of the smallest tree that holds them."""
    return (leaves - 1).bit_length()


def _piece_height(size_bytes: int) -> int:
    """The height of a piece's tree: full, but no higher than the whole of a file of one piece."""
    return _height(-(-min(size_bytes, piece_bytes(size_bytes)) // BLOCK_BYTES))


def _parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(left + right).digest()


@cache
def _empty(level: int) -> bytes:
    """The root of a tree of missing leaves only."""
    return bytes(HASH_BYTES) if level == 0 else _parent(_empty(level - 1), _empty(level - 1))


class _Tree:
    """A tree that grows from the left and keeps one hash a level, as a binary counter does.

    Its nodes stand `bottom` levels above the leaves of the file, which settles what missing ones are.
    """

    def __init__(self, bottom: int = 0) -> None:
        self._bottom = bottom
        self._waiting: list[bytes | None] = []

    def push(self, node: bytes) -> None:
        """Add the next node from the left."""
        for level, left in enumerate(self._waiting):
            if left is None:
                self._waiting[level] = node
                return
            node, self._waiting[level] = _parent(left, node), None
        self._waiting.append(node)

    def root(self, height: int) -> bytes:
        """The root when the tree is filled up to 2**height nodes with missing ones."""
        waiting = self._waiting + [None] * (height + 1 - len(self._waiting))
        node: bytes | None = None
        for level, left in enumerate(waiting[:height]):
            missing = _empty(self._bottom + level)
            if node is not None:
                node = _parent(node, missing) if left is None else _parent(left, node)
            elif left is not None:
                node = _parent(left, missing)
        return node or waiting[height] or _empty(self._bottom + height)


class TreeHasher:
    """The piece layer and root of a file of known size, from its bytes in order, in chunks of any size.

    Works in constant memory beside the layer itself.
    """

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._piece_bytes = piece_bytes(size_bytes)
        self._height = _piece_height(size_bytes)
        self._seen_bytes = 0
        self._block = hashlib.sha256()
        self._piece = _Tree()
        self._layer = bytearray()

    def update(self, data: Data) -> None:
        """Take the next bytes of the file. Raises NotVerifiedError when there are more than its size."""
        view = memoryview(data).cast("B")
        if self._seen_bytes + len(view) > self._size_bytes:
            raise NotVerifiedError("There are more bytes than the file has: it changed, or its sender is wrong.")
        start = 0
        while start < len(view):
            part = view[start : start + BLOCK_BYTES - self._seen_bytes % BLOCK_BYTES]
            self._block.update(part)
            self._seen_bytes += len(part)
            start += len(part)
            self._close()

    def _close(self) -> None:
        """End the block and the piece that end at the last byte seen."""
        whole = self._seen_bytes == self._size_bytes
        if whole or self._seen_bytes % BLOCK_BYTES == 0:
            self._piece.push(self._block.digest())
            self._block = hashlib.sha256()
        if whole or self._seen_bytes % self._piece_bytes == 0:
            self._layer += self._piece.root(self._height)
            self._piece = _Tree()

    def finish(self) -> tuple[str, bytes]:
        """The root in hex and the piece layer. Raises NotVerifiedError if bytes are missing."""
        if self._seen_bytes != self._size_bytes:
            raise NotVerifiedError("There are fewer bytes than the file has: it changed, or was cut short.")
        pieces = bytes(self._layer)
        return file_root(self._size_bytes, pieces), pieces


class FileHasher:
    """All that names a file of known size, in one pass: the tree and the plain SHA-256."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._tree = TreeHasher(size_bytes)
        self._plain = hashlib.sha256()

    def update(self, data: Data) -> None:
        """Take the next bytes of the file. Raises NotVerifiedError when there are more than its size."""
        self._tree.update(data)
        self._plain.update(data)

    def finish(self) -> FileHashes:
        """The hashes of the file. Raises NotVerifiedError if bytes are missing."""
        root, pieces = self._tree.finish()
        return FileHashes(root, self._plain.hexdigest(), self._size_bytes, pieces)


def file_root(size_bytes: int, pieces: bytes) -> str:
    """The root of a file, in hex, over its piece layer, which must have the right length."""
    if size_bytes == 0:
        return EMPTY_ROOT
    layer = _Tree(bottom=_piece_height(size_bytes))
    for start in range(0, len(pieces), HASH_BYTES):
        layer.push(pieces[start : start + HASH_BYTES])
    return layer.root(_height(piece_count(size_bytes))).hex()


def coarser_layer(size_bytes: int, pieces: bytes, wanted_bytes: int) -> bytes:
    """The piece layer of a file for longer pieces, from its own; `wanted_bytes` is its piece size times a power of two.

    Empty where one such piece holds the whole file: its hash would be the root (BEP 52, "piece layers").
    """
    if size_bytes <= wanted_bytes:
        return b""
    height = _height(wanted_bytes // piece_bytes(size_bytes))
    layer = bytearray()
    for start in range(0, len(pieces), HASH_BYTES << height):
        tree = _Tree(bottom=_piece_height(size_bytes))
        for at in range(start, min(start + (HASH_BYTES << height), len(pieces)), HASH_BYTES):
            tree.push(pieces[at : at + HASH_BYTES])
        layer += tree.root(height)
    return bytes(layer)


def check_pieces(root: str, size_bytes: int, pieces: bytes) -> None:
    """Hold a piece layer from a peer against the root (lower-case hex) of the file.

    Raises RemoteProtocolError if it has the wrong length, NotVerifiedError if it is not this root's.
    """
    if len(pieces) != piece_count(size_bytes) * HASH_BYTES:
        raise RemoteProtocolError("a piece layer has the wrong length for its file")
    if file_root(size_bytes, pieces) != root:
        raise NotVerifiedError("The list of pieces is not that of the resource; another holder may have the right one.")


def piece_root(data: Data, size_bytes: int, index: int) -> bytes:
    """The hash of one piece, 32 bytes, as it stands in the piece layer of a file of `size_bytes`.

    Raises NotVerifiedError if `data` has another length than the piece, RemoteProtocolError if there is no such piece.
    """
    start, end = piece_span(size_bytes, index)
    if len(data) != end - start:
        raise NotVerifiedError("A piece came with the wrong length; it will be fetched again.")
    return _blocks(data).root(_piece_height(size_bytes))


class PieceHasher:
    """The hash of one piece from its chunks, which come in any order and may be hashed in several threads at once.

    A chunk is CHUNK_BYTES long, but for the last of a file; most pieces have one.
    """

    def __init__(self, size_bytes: int, index: int) -> None:
        """The piece `index` of a file of `size_bytes`. Raises RemoteProtocolError if there is no such piece."""
        self._size_bytes, self._index = size_bytes, index
        start, end = piece_span(size_bytes, index)
        self.length = end - start
        self._roots: list[bytes | None] = [None] * -(-self.length // CHUNK_BYTES)

    @property
    def chunk_count(self) -> int:
        """How many chunks the piece has."""
        return len(self._roots)

    def chunk_length(self, chunk: int) -> int:
        """The length of a chunk."""
        return min(CHUNK_BYTES, self.length - chunk * CHUNK_BYTES)

    def hash_of(self, chunk: int, data: Data) -> bytes:
        """What a chunk hashes to. Raises NotVerifiedError if it has the wrong length."""
        if self.chunk_count == 1:
            return piece_root(data, self._size_bytes, self._index)
        if len(data) != self.chunk_length(chunk):
            raise NotVerifiedError("A piece came with the wrong length; it will be fetched again.")
        return _blocks(data).root(_CHUNK_HEIGHT)

    def put(self, chunk: int, root: bytes) -> None:
        """Note what a chunk hashes to."""
        self._roots[chunk] = root

    def add(self, chunk: int, data: Data) -> None:
        """Hash a chunk, and note it. Raises as `hash_of`."""
        self.put(chunk, self.hash_of(chunk, data))

    def finish(self) -> bytes | None:
        """The hash of the piece; None while chunks are missing."""
        roots = [root for root in self._roots if root is not None]
        if len(roots) < self.chunk_count:
            return None
        if self.chunk_count == 1:
            return roots[0]
        tree = _Tree(bottom=_CHUNK_HEIGHT)
        for root in roots:
            tree.push(root)
        return tree.root(_piece_height(self._size_bytes) - _CHUNK_HEIGHT)


def _blocks(data: Data) -> _Tree:
    view = memoryview(data).cast("B")
    tree = _Tree()
    for block in range(0, len(view), BLOCK_BYTES):
        tree.push(hashlib.sha256(view[block : block + BLOCK_BYTES]).digest())
    return tree
