"""One live connection between two peers, whichever of them dialled: ask the other side, answer what it asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct

from academics_jupyter.errors import PeerRefusedError, PeerUnreachableError, RemoteProtocolError
from academics_jupyter.protocol.identity import fingerprint
from academics_jupyter.protocol.limits import Bucket
from academics_jupyter.protocol.mesh import LinkFacts
from academics_jupyter.protocol.records import Presence, convert
from academics_jupyter.protocol.wire import CODES, READS_AT_ONCE, READS_PER_SECOND, Allowance, Read, Refusal

CALL_TIMEOUT_S = 30.0
READS_SHARE = 0.75
"""Of the reads that a link may send: with all else that it sends, they stay within what a connection may."""
UPKEEP = frozenset({"hello", "ping", "news"})
"""Events that go over every link, whether or not anybody needs it."""

T = TypeVar("T", bound=Struct)


class Channel(Protocol):
    """The socket.io connection under a link: a server's `sid` or a client."""

    async def emit(self, event: str, data: Any, answered: Callable[..., None]) -> None:
        """Send an event; `answered` is called with what the other side acknowledges it with."""

    async def close(self) -> None:
        """End the connection."""


class Link:
    """A link with `peer`, dialled by `dialler` (one of the two). Up from its making until `down` is set."""

    def __init__(self, peer: str, dialler: str, channel: Channel) -> None:
        self.peer = peer
        self.facts = LinkFacts(dialler, remote_epoch=0)
        self.name = fingerprint(peer)[:9]
        self.since_ms = int(time.time() * 1000)
        self.rtt_ms: float | None = None
        self.silent = False
        """The last ping has not been answered: the other side computes, or is gone and the system has not found out."""
        now_ms = int(time.monotonic() * 1000)
        self.allowance = Allowance(now_ms)
        self.read_allowance = Allowance(now_ms, READS_AT_ONCE, READS_PER_SECOND)
        self.down = asyncio.Event()
        self.socket: Any = None
        """What asyncio shows of the connection's socket, once it is up."""
        self._pace = Bucket(READS_PER_SECOND * READS_SHARE)
        self._channel = channel
        self._used_s = time.monotonic()
        self._waiting: set[asyncio.Future[Any]] = set()

    def note_use(self, event: str) -> None:
        """Something was sent over it, either way."""
        if event not in UPKEEP:
            self._used_s = time.monotonic()

    def idle_s(self) -> float:
        """For how long nothing has gone over it but its own upkeep and news."""
        return time.monotonic() - self._used_s

    @property
    def direction(self) -> str:
        """`in` if the other side dialled, else `out`."""
        return "in" if self.facts.dialler == self.peer else "out"

    def introduce(self, presence: Presence) -> None:
        """The other side has said who it is."""
        self.facts = LinkFacts(self.facts.dialler, presence.epoch)
        self.name = presence.name

    async def call(self, event: str, message: Struct, answer: type[T], timeout_s: float = CALL_TIMEOUT_S) -> T:
        """Send an event and return its answer.

        Raises PeerRefusedError where the answer is an error code, PeerUnreachableError where none came in `timeout_s`
        or before the link went down, RemoteProtocolError where the answer breaks its schema.
        """
        return convert(await self._ask(event, message, timeout_s), answer)

    async def read(self, read: Read, timeout_s: float = CALL_TIMEOUT_S) -> bytes:
        """Ask for bytes and return them, as many as were asked for.

        Raises PeerRefusedError where the answer is anything else, PeerUnreachableError as `call`.
        """
        try:
            data = await self._ask("read", read, timeout_s)
        except RemoteProtocolError:
            data = None
        if not isinstance(data, bytes) or len(data) != read.length:
            raise PeerRefusedError(f"{self.name} sent something other than the bytes that were asked for.", "malformed")
        return data

    async def pace_read(self) -> None:
        """Wait until one more read will not be too fast for the other side."""
        await asyncio.sleep(self._pace.reserve(1, time.monotonic()))

    async def _ask(self, event: str, message: Struct, timeout_s: float) -> Any:
        if self.down.is_set():
            raise PeerUnreachableError(f"The link with {self.name} is down.")
        self.note_use(event)
        data = await self._exchange(event, msgspec.to_builtins(message), timeout_s)
        if isinstance(data, dict) and "error" in data:
            code = convert(data, Refusal).error
            raise PeerRefusedError(f"{self.name} refused: {CODES.get(code, code)}.", code)
        return data

    async def _exchange(self, event: str, data: Any, timeout_s: float) -> Any:
        with self.promised() as future:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._channel.emit(event, data, lambda *args: _settle(future, args))
                    return await future
            except TimeoutError as error:
                raise PeerUnreachableError(f"{self.name} did not answer within {timeout_s:.0f} s.") from error

    @contextmanager
    def promised(self) -> Iterator[asyncio.Future[Any]]:
        """A future to wait for, which raises PeerUnreachableError if the link goes down first."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            yield future
        finally:
            self._waiting.discard(future)
            if future.done() and not future.cancelled():
                future.exception()  # seen, where sending failed before anyone waited for it

    async def close(self) -> None:
        """Hang up. Safe to repeat."""
        self.went_down()
        await self._channel.close()

    def went_down(self) -> None:
        """The connection has ended: whoever still waits for an answer is told."""
        self.down.set()
        for future in self._waiting:
            if not future.done():
                future.set_exception(PeerUnreachableError(f"The link with {self.name} went down."))

    def __repr__(self) -> str:
        return f"<Link {self.direction} {self.name} {fingerprint(self.peer)[:9]}>"


def _settle(future: asyncio.Future[Any], args: tuple[Any, ...]) -> None:
    if not future.done():
        future.set_result(args[0] if args else None)


Receive = Callable[[Link, str, Any], Awaitable[dict[str, Any] | bytes]]
"""Handles an event that came over a link and returns what it is acknowledged with, bytes as an attachment."""
