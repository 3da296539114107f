"""Answering reads: the bytes of a held resource over a link, in turn, a few at a time for each link.

Of each link, no more than AHEAD answers are in memory before the connection has taken them, however many were asked for
and however slowly the other side takes them. What else goes over the link is behind those few at most.

A link that reads has one of the slots for what is served at once, as a range has over HTTPS: for as long as it goes on
reading, but no longer than a range may take. Then it has to get one anew, so that others have their turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from academics_jupyter.errors import PeerUnreachableError, RemoteProtocolError
from academics_jupyter.network.attachments import Outgoing
from academics_jupyter.network.link import Link
from academics_jupyter.network.range_server import RangeServer
from academics_jupyter.network.served import Served
from academics_jupyter.protocol.wire import READS_UNDER_WAY, Read

AHEAD = 2
"""One is read from disk while the one before it goes out."""
FIND_AGAIN_S = 2.0
"""To look up a large folder takes longer than to send a part of it."""
MAX_FOUND = 8
SLOT_BYTES = 64 << 20
SLOT_IDLE_S = 1.0
"""A link that has read nothing for so long gives its slot back."""


class ReadServer:
    """Answers `read` events from what a RangeServer serves."""

    def __init__(self, ranges: RangeServer) -> None:
        self._ranges = ranges
        self._outlets: WeakKeyDictionary[Link, _Outlet] = WeakKeyDictionary()
        self._slots: dict[Link, _Slot] = {}
        self._found: dict[str, tuple[Served, float]] = {}
        """What was read last, and until when it need not be looked up again."""

    async def answer(self, link: Link, read: Read) -> Outgoing:
        """The bytes that were asked for, when it is their turn.

        Raises RemoteProtocolError with what the asker is told: `not_held`, `malformed` for bytes beyond the end, `busy`
        where others have all slots, `too_fast`, `failed` where the link goes down before.
        """
        self._count(link, read.length)
        outlet = self._outlets.setdefault(link, _Outlet())
        await outlet.turn(link)
        try:
            answer = Outgoing(await self._read(read))
        except BaseException:
            outlet.leave()
            raise
        answer.gone = outlet.leave
        return answer

    async def _read(self, read: Read) -> bytes:
        served = await self._held(read.resource)
        try:
            return await self._ranges.part(served, read)
        except RemoteProtocolError:
            self._found.pop(read.resource, None)
            raise

    async def _held(self, resource: str) -> Served:
        now_s = time.monotonic()
        served, until_s = self._found.get(resource, (None, now_s))
        if served is None or until_s <= now_s:
            self._found.pop(resource, None)
            served = await self._ranges.held(resource)
            self._found[resource] = served, now_s + FIND_AGAIN_S
            if len(self._found) > MAX_FOUND:
                del self._found[next(iter(self._found))]
        return served

    def _count(self, link: Link, length: int) -> None:
        slot = self._slots.get(link)
        if slot is None or slot.is_used_up:
            if slot is not None:
                self._give_back(link, slot)
            if not self._ranges.begin(link.peer):
                raise RemoteProtocolError("others are served", "busy")
            slot = self._slots[link] = _Slot()
            slot.task = asyncio.create_task(self._keep(link, slot), name=f"academics-slot-{link.name}")
        slot.asked_bytes += length

    async def _keep(self, link: Link, slot: _Slot) -> None:
        """Give a slot back once nothing is read any more."""
        before = -1
        while slot.asked_bytes > before and not link.down.is_set():
            before = slot.asked_bytes
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SLOT_IDLE_S):
                    await link.down.wait()
        self._give_back(link, slot)

    def _give_back(self, link: Link, slot: _Slot) -> None:
        if self._slots.get(link) is slot:
            del self._slots[link]
            self._ranges.end(link.peer)


@dataclass(eq=False, slots=True)
class _Slot:
    """A link's slot: how much was asked for with it, and the task that gives it back."""

    asked_bytes: int = 0
    task: asyncio.Task[None] | None = None

    @property
    def is_used_up(self) -> bool:
        return self.asked_bytes >= SLOT_BYTES


class _Outlet:
    """What one link has asked for: AHEAD reads are at work, the others wait in order."""

    def __init__(self) -> None:
        self._at_work = 0
        self._waiting: deque[asyncio.Future[Any]] = deque()

    async def turn(self, link: Link) -> None:
        """Wait until a read of the link may be worked at; `leave` is to follow."""
        if self._at_work < AHEAD:
            self._at_work += 1
            return
        if len(self._waiting) + AHEAD >= READS_UNDER_WAY:
            raise RemoteProtocolError("more reads than may be under way", "too_fast")
        with link.promised() as turn:
            self._waiting.append(turn)
            try:
                await turn
            except PeerUnreachableError as error:
                raise RemoteProtocolError("the link went down before its turn", "failed") from error

    def leave(self) -> None:
        """A read has gone out, or will not: it is the next one's turn."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._at_work -= 1
