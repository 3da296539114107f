"""Reading a resource from a holder over the link, where HTTPS does not reach it. What comes is not verified here."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing

from academics_jupyter.errors import PeerRefusedError
from academics_jupyter.network.limiter import Limiter
from academics_jupyter.network.link import Link
from academics_jupyter.protocol.window import Window
from academics_jupyter.protocol.wire import Part, Read

PATIENCE_S = 60.0
"""For how long a holder may leave a read unanswered: one that computes answers when its cell has ended."""
PAUSE_S = 0.1
"""After which a read that came too fast is asked for again."""

Span = tuple[int, int]


class LinkReader:
    """One holder at the other end of a link, for one resource; what is read is read one thing at a time."""

    def __init__(self, link: Link, resource: str, limiter: Limiter, *, patience_s: float = PATIENCE_S) -> None:
        """What comes goes through `limiter`; a holder may leave a read unanswered for `patience_s`."""
        self._link, self._resource, self._limiter, self._patience_s = link, resource, limiter, patience_s
        self._window = Window()

    async def whole(self, part: Part, length: int) -> bytes:
        """What the holder has of the resource under a name of its own, `length` bytes long. Raises as `read`."""
        return b"".join([data async for data in self._chunks(part, _joined([(0, length)]))])

    async def read(self, spans: Iterable[Span]) -> AsyncGenerator[bytes, None]:
        """The bytes of each span (start, end), end excluded, in the order of the spans.

        A few reads are under way ahead of who takes the bytes, and no more until they are taken; closing the iterator
        gives them up. Raises PeerRefusedError (`not_held`, `busy`, `malformed` or `failed`), PeerUnreachableError where
        the link goes down or a read is not answered in time.
        """
        wanted = list(spans)
        async with aclosing(self._chunks("bytes", _joined(wanted))) as chunks:
            rest = memoryview(b"")
            for start, end in wanted:
                got: list[memoryview] = []
                left = end - start
                while left:
                    rest = rest or memoryview(await anext(chunks))
                    got.append(rest[:left])
                    left -= len(got[-1])
                    rest = rest[len(got[-1]) :]
                yield b"".join(got)

    async def _chunks(self, part: Part, spans: Iterable[Span]) -> AsyncGenerator[bytes, None]:
        """The bytes of the spans one after another, as they come."""
        todo = iter(spans)
        span = next(todo, None)
        asked: deque[tuple[asyncio.Task[bytes], int]] = deque()
        try:
            while span is not None or asked:
                while span is not None and (length := self._room(*span)):
                    start, end = span
                    wanted = Read(resource=self._resource, what=part, start=start, length=length)
                    asked.append((asyncio.create_task(self._ask(wanted)), length))
                    span = (start + length, end) if start + length < end else next(todo, None)
                data = await asked[0][0]
                asked.popleft()
                yield data
        finally:
            for task, _ in asked:
                task.cancel()
            await asyncio.gather(*(task for task, _ in asked), return_exceptions=True)
            for task, length in asked:
                if task.cancelled() or task.exception() is not None:
                    self._window.gave_up(length)

    def _room(self, start: int, end: int) -> int:
        return self._window.take(self._limiter.portion(end - start))

    async def _ask(self, wanted: Read) -> bytes:
        await self._limiter.take(wanted.length)
        await self._link.pace_read()
        until_s = time.monotonic() + self._patience_s
        while True:
            asked_s = time.monotonic()
            try:
                data = await self._link.read(wanted, self._patience_s)
            except PeerRefusedError as error:
                if error.code != "too_fast" or asked_s > until_s:
                    raise
                await asyncio.sleep(PAUSE_S)
            else:
                answered_s = time.monotonic()
                self._window.answered(wanted.length, answered_s - asked_s, answered_s)
                return data


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """The same bytes in as few spans as can be: pieces may be short."""
    joined: Span | None = None
    for start, end in spans:
        if joined is not None and joined[1] == start:
            joined = (joined[0], end)
            continue
        if joined is not None and joined[0] < joined[1]:
            yield joined
        joined = (start, end)
    if joined is not None and joined[0] < joined[1]:
        yield joined
