"""Fetching one resource's bytes into its part file: from one holder after another, each piece verified as it comes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import BinaryIO

from academics_jupyter.errors import NotVerifiedError, PeerRefusedError
from academics_jupyter.network.link import Link
from academics_jupyter.network.range_client import Holder
from academics_jupyter.protocol.merkle import check_pieces, piece_bytes, piece_count, piece_holds, piece_span
from academics_jupyter.protocol.records import Presence
from academics_jupyter.protocol.wire import Ask, Token
from academics_jupyter.store.repository import Repository

RUN_PIECES = 64
"""Pieces asked for at once: long enough to stream, short enough that a token does not run out within it."""

log = logging.getLogger(__name__)


class PartFile:
    """A resource on its way, and which pieces are missing. Its hashes come from the first holder that answers."""

    def __init__(self, repository: Repository, resource: str, size_bytes: int) -> None:
        self.resource, self.size_bytes = resource, size_bytes
        self._repository = repository
        self.pieces = b""
        self.missing: set[int] = set(range(piece_count(size_bytes)))
        self._file: BinaryIO | None = None

    @property
    def done_bytes(self) -> int:
        """How much is there and verified."""
        return self.size_bytes - sum(end - start for start, end in map(self._span, self.missing))

    def open(self) -> None:
        """Make or reopen the part file. Raises StoreError where the disk has no room."""
        self._file = self._repository.open_part(self.resource, self.size_bytes)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def learn_pieces(self, pieces: bytes) -> None:
        """Take a holder's piece hashes, if they are the resource's, and see which pieces a former run has left.

        Raises NotVerifiedError where they are not.
        """
        check_pieces(self.resource, self.size_bytes, pieces)
        self.pieces = pieces
        self.missing = {index for index in self.missing if not self._is_there(index)}

    def write(self, index: int, data: bytes) -> None:
        """Verify a piece and write it. Raises NotVerifiedError; nothing is written then."""
        if not piece_holds(data, self.size_bytes, index, self.pieces):
            raise NotVerifiedError("A piece that came is not the resource's.")
        file = self._opened()
        file.seek(self._span(index)[0])
        file.write(data)
        file.flush()
        self.missing.discard(index)

    def runs(self) -> Iterator[tuple[int, int]]:
        """The missing pieces as (first, last + 1), at most RUN_PIECES long."""
        missing = sorted(self.missing)
        while missing:
            first = last = missing[0]
            for index in missing[1:RUN_PIECES]:
                if index != last + 1:
                    break
                last = index
            missing = missing[last - first + 1 :]
            yield first, last + 1

    def _span(self, index: int) -> tuple[int, int]:
        return piece_span(self.size_bytes, index)

    def _is_there(self, index: int) -> bool:
        start, end = self._span(index)
        file = self._opened()
        file.seek(start)
        return piece_holds(file.read(end - start), self.size_bytes, index, self.pieces)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            raise ValueError("the part file is not open")
        return self._file


async def fetch_from(
    link: Link,
    presence: Presence,
    part: PartFile,
    tick: Callable[[], Awaitable[None]],
    *,
    loopback: bool,
    patience_s: float,
) -> None:
    """Fetch what is missing from the holder at the other end of `link`; `tick` is called after each piece.

    The holder is given up once it has sent nothing for `patience_s`. Raises PeerRefusedError (`not_held` where it has
    the resource no more), PeerUnreachableError or NotVerifiedError; what was verified stays.
    """
    token = await link.call("token", Ask(resource=part.resource), Token, patience_s)
    if token.size_bytes != part.size_bytes:
        raise PeerRefusedError(f"{link.name} holds something of another length.", "malformed")
    async with Holder(presence, part.resource, token.token, loopback=loopback, patience_s=patience_s) as holder:
        pieces = await holder.pieces(piece_count(part.size_bytes))
        if not part.pieces:
            await asyncio.to_thread(part.learn_pieces, pieces)
        for first, last in list(part.runs()):
            start, end = piece_span(part.size_bytes, first)[0], piece_span(part.size_bytes, last - 1)[1]
            index = first
            async for data in holder.read(start, end, piece_bytes(part.size_bytes)):
                await asyncio.to_thread(part.write, index, data)
                index += 1
                await tick()
