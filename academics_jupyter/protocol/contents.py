"""What a resource is made of: one file, or all files of a folder, as one run of bytes that is cut into pieces.

A folder's files follow each other in the order of its file tree. Each is cut as it would be by itself, so a piece never
holds bytes of two files, and hashes that hold for a file hold for it inside a folder too. May import merkle and errors
only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.protocol.merkle import (
    HASH_BYTES,
    PieceHasher,
    check_pieces,
    piece_count,
    piece_span,
)


@dataclass(frozen=True, slots=True)
class File:
    """A file in a resource: its names from the folder down (none where the resource is the file), root and length."""

    path: tuple[str, ...]
    root: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece: its file's place in the resource, its own place in that file, and its bytes' `start` and `end` there."""

    file: int
    index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive bytes of one file."""

    file: int
    start: int
    end: int


class Contents:
    """The files of a resource, and where their bytes and pieces lie in the whole."""

    def __init__(self, files: Sequence[File]) -> None:
        self.files = tuple(files)
        self._starts = [0, *accumulate(file.size_bytes for file in self.files)]
        self._firsts = [0, *accumulate(piece_count(file.size_bytes) for file in self.files)]

    @property
    def size_bytes(self) -> int:
        """The length of all files together."""
        return self._starts[-1]

    @property
    def piece_count(self) -> int:
        """How many pieces all files have together."""
        return self._firsts[-1]

    @property
    def hashes_bytes(self) -> int:
        """The length of the hashes of all pieces."""
        return HASH_BYTES * self.piece_count

    def piece(self, number: int) -> Piece:
        """The piece of that number in the whole. Raises RemoteProtocolError where there is none."""
        if not 0 <= number < self.piece_count:
            raise RemoteProtocolError("there is no such piece in the resource")
        file = bisect_right(self._firsts, number) - 1
        index = number - self._firsts[file]
        return Piece(file, index, *piece_span(self.files[file].size_bytes, index))

    def span(self, number: int) -> tuple[int, int]:
        """Where a piece's bytes begin and end in the whole. Raises as `piece`."""
        piece = self.piece(number)
        return self._starts[piece.file] + piece.start, self._starts[piece.file] + piece.end

    def length(self, number: int) -> int:
        """The length of a piece. Raises as `piece`."""
        piece = self.piece(number)
        return piece.end - piece.start

    def stretches(self, start: int, end: int) -> Iterator[Stretch]:
        """The bytes of the whole from `start` up to `end`, file by file."""
        file = bisect_right(self._starts, start) - 1
        while start < end:
            until = min(end, self._starts[file + 1])
            if start < until:
                yield Stretch(file, start - self._starts[file], until - self._starts[file])
            start, file = until, file + 1

    def implied_hashes(self) -> bytes | None:
        """The hashes of all pieces, where the files' roots say them: no file has more than one piece."""
        if any(piece_count(file.size_bytes) > 1 for file in self.files):
            return None
        return b"".join(bytes.fromhex(file.root) for file in self.files if file.size_bytes)

    def check(self, hashes: bytes) -> None:
        """Hold the hashes of all pieces, as a peer says they are, against the files' roots.

        Raises RemoteProtocolError for a wrong length, NotVerifiedError where they are not those of a file.
        """
        if len(hashes) != self.hashes_bytes:
            raise RemoteProtocolError("the hashes of the pieces have the wrong length for the resource")
        for number, file in enumerate(self.files):
            check_pieces(file.root, file.size_bytes, self.hashes_of(number, hashes))

    def hashes_of(self, file: int, hashes: bytes) -> bytes:
        """The hashes of the pieces of one file among those of all pieces: its piece layer."""
        return hashes[HASH_BYTES * self._firsts[file] : HASH_BYTES * self._firsts[file + 1]]

    def hasher(self, number: int) -> PieceHasher:
        """What hashes a piece. Raises as `piece`."""
        piece = self.piece(number)
        return PieceHasher(self.files[piece.file].size_bytes, piece.index)


def hash_of(number: int, hashes: bytes) -> bytes:
    """A piece's hash among those of all pieces."""
    return hashes[HASH_BYTES * number : HASH_BYTES * (number + 1)]


def one_file(resource: str, size_bytes: int) -> Contents:
    """The contents of a resource that is a file."""
    return Contents([File((), resource, size_bytes)])
