"""A holder's ranges, fetched in a thread so that a test's loop can serve them meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from academics_jupyter.network.limiter import Limiter
from academics_jupyter.network.range_client import RangeReader
from academics_jupyter.protocol.merkle import HASH_BYTES
from academics_jupyter.protocol.records import Presence


class Holder:
    """One holder's server, for one resource. An asynchronous context manager, which interrupts what still runs."""

    def __init__(self, presence: Presence, resource: str, token: str, *, loopback: bool) -> None:
        self.reader = RangeReader(presence, resource, token, Limiter(), loopback=loopback)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.reader.interrupt()
        self.reader.hang_up()

    async def pieces(self, count: int) -> bytes:
        """The hashes of `count` pieces."""
        return await asyncio.to_thread(self.reader.whole, "pieces", HASH_BYTES * count)

    async def read(self, start: int, end: int, after: int = 0, then: Callable[[], None] = lambda: None) -> bytes:
        """The bytes from `start` up to `end`; once `after` of them are here, `then` is called."""
        return await asyncio.to_thread(self._read, start, end, after, then)

    async def read_some(self, start: int, end: int, count: int) -> bytes:
        """The first `count` bytes of a range of which the others are left."""
        return await asyncio.to_thread(self._read_some, start, end, count)

    def _read(self, start: int, end: int, after: int, then: Callable[[], None]) -> bytes:
        data = bytearray(end - start)
        with self.reader.read(start, end) as body:
            body.read_into(memoryview(data)[:after])
            then()
            body.read_into(memoryview(data)[after:])
        return bytes(data)

    def _read_some(self, start: int, end: int, count: int) -> bytes:
        data = bytearray(count)
        with self.reader.read(start, end) as body:
            body.read_into(memoryview(data))
        return bytes(data)
