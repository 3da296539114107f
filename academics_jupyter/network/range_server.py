"""Serving resources: HTTPS ranges of held files, opened with a short-lived token that was given over the link."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from aiohttp import web

from academics_jupyter.errors import RemoteProtocolError
from academics_jupyter.network.limiter import Limiter
from academics_jupyter.network.served import Served, ServedReader
from academics_jupyter.protocol.merkle import Data
from academics_jupyter.protocol.turns import RETRY_S, Turns
from academics_jupyter.protocol.wire import TOKEN_LIFETIME_MS, Read, Token

RESOURCES_PATH = "/academics/resources"
READ_BYTES = 1 << 20
WRITE_BYTES = 1 << 18
"""What TLS encrypts without a pause: the loop is held up by one such write of each transfer that is served."""
MAX_TOKENS = 10_000
_RANGE = re.compile(r"bytes=(\d{1,16})-(\d{1,16})", re.ASCII)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Grant:
    peer: str
    resource: str
    until_s: float


Find = Callable[[str], Awaitable[Served | None]]
Gone = Callable[[str], Awaitable[None]]


class RangeServer:
    """Gives tokens and serves what they open. `find` looks a resource up; `gone` is told of one whose file changed."""

    def __init__(
        self, find: Find, gone: Gone, trust: Callable[[web.Request], None], limiter: Limiter, at_once: int
    ) -> None:
        """What is sent goes through `limiter`; `at_once` is how many ranges are served at the same time."""
        self._find, self._gone, self._trust = find, gone, trust
        self._limiter, self._turns = limiter, Turns(at_once)
        self._grants: dict[str, _Grant] = {}
        self.sent_bytes = 0

    def routes(self) -> list[web.RouteDef]:
        """The HTTP routes to serve beside socket.io."""
        return [
            web.get(RESOURCES_PATH + "/{resource:[0-9a-f]{64}}", self._bytes),
            web.get(RESOURCES_PATH + "/{resource:[0-9a-f]{64}}/pieces", self._pieces),
            web.get(RESOURCES_PATH + "/{resource:[0-9a-f]{64}}/tree", self._tree),
        ]

    def grant(self, peer: str, resource: str, size_bytes: int, tree_bytes: int = 0) -> Token:
        """A fresh token for one peer and one resource."""
        self._expire()
        token = secrets.token_hex(32)
        self._grants[token] = _Grant(peer, resource, time.monotonic() + TOKEN_LIFETIME_MS / 1000)
        return Token(token=token, size_bytes=size_bytes, tree_bytes=tree_bytes, lifetime_ms=TOKEN_LIFETIME_MS)

    def revoke(self, peer: str) -> None:
        """Take back what a peer was given."""
        self._grants = {token: grant for token, grant in self._grants.items() if grant.peer != peer}

    def _expire(self) -> None:
        now = time.monotonic()
        for token, grant in list(self._grants.items()):
            if grant.until_s > now and len(self._grants) < MAX_TOKENS:
                break
            del self._grants[token]

    async def held(self, resource: str) -> Served:
        """A resource as it is served now. Raises RemoteProtocolError (`not_held`)."""
        served = await self._find(resource)
        if served is None:
            raise RemoteProtocolError("asked for something not held", "not_held")
        return served

    async def part(self, served: Served, read: Read) -> bytes:
        """What a read over a link asks for. Raises RemoteProtocolError with the code that it is answered with."""
        end = read.start + read.length
        whole = {"pieces": served.pieces, "tree": served.tree}.get(read.what)
        if end > (served.size_bytes if whole is None else len(whole)):
            raise RemoteProtocolError("asked for bytes beyond the end")
        await self._limiter.take(read.length)
        if whole is not None:
            return whole[read.start : end]
        with closing(ServedReader(served)) as reader:
            data = await self._read(reader, read.resource, read.start, end)
        if data is None:
            raise RemoteProtocolError("asked for a file that has changed", "not_held")
        self.sent_bytes += len(data)
        return bytes(data)

    async def _opened(self, request: web.Request) -> tuple[str, Served]:
        """Who asks, and what their token opens. Raises the HTTP error it is answered with."""
        resource = request.match_info["resource"]
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._grants.get(token) if scheme == "Bearer" else None
        if grant is None or grant.resource != resource or grant.until_s < time.monotonic():
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        self._trust(request)
        served = await self._find(resource)
        if served is None:
            raise web.HTTPNotFound
        return grant.peer, served

    def begin(self, peer: str) -> bool:
        """Whether the peer gets one of the slots for what is served at once, to be given back with `end`."""
        return self._turns.begin(peer, time.monotonic())

    def end(self, peer: str) -> None:
        """Give a slot back."""
        self._turns.end(peer)

    @contextmanager
    def _turn(self, peer: str) -> Iterator[None]:
        """One of the slots for what is served at once. Raises the HTTP error where there is none for this peer now."""
        if not self.begin(peer):
            raise web.HTTPServiceUnavailable(headers={"Retry-After": str(RETRY_S)})
        try:
            yield
        finally:
            self.end(peer)

    async def _pieces(self, request: web.Request) -> web.StreamResponse:
        _, served = await self._opened(request)
        return await self._send_whole(request, served.pieces)

    async def _tree(self, request: web.Request) -> web.StreamResponse:
        _, served = await self._opened(request)
        if not served.tree:
            raise web.HTTPNotFound
        return await self._send_whole(request, served.tree)

    async def _send_whole(self, request: web.Request, data: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/octet-stream"
        response.content_length = len(data)
        await response.prepare(request)
        await self._write(response, data)
        await response.write_eof()
        return response

    async def _bytes(self, request: web.Request) -> web.StreamResponse:
        peer, served = await self._opened(request)
        start, end = _requested(request, served.size_bytes)
        with self._turn(peer):
            return await self._serve(request, served, start, end)

    async def _serve(self, request: web.Request, served: Served, start: int, end: int) -> web.StreamResponse:
        resource = request.match_info["resource"]
        with closing(ServedReader(served)) as reader:
            data = await self._read(reader, resource, start, min(start + READ_BYTES, end))
            if data is None:
                raise web.HTTPNotFound
            response = web.StreamResponse(status=206)
            response.content_type = "application/octet-stream"
            response.content_length = end - start
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{served.size_bytes}"
            await response.prepare(request)
            while data:
                await self._write(response, data)
                self.sent_bytes += len(data)
                start += len(data)
                data = await self._read(reader, resource, start, min(start + READ_BYTES, end))
            if start < end:
                # End the connection, so that nobody takes what came for the whole.
                raise ConnectionResetError("a file changed while it was served")
        await response.write_eof()
        return response

    async def _read(self, reader: ServedReader, resource: str, start: int, end: int) -> Data | None:
        """Bytes of a resource; None, and the resource is given up, where a file is not the one that was hashed."""
        if start == end:
            return b""
        if (data := reader.read_at_hand(start, end)) is not None:
            return data
        try:
            return await asyncio.to_thread(reader.read, start, end)
        except OSError as error:
            log.info("a file is no longer what it was: %s", error)
            await self._gone(resource)
            return None

    async def _write(self, response: web.StreamResponse, data: Data) -> None:
        """Send as the limit lets, in portions, so that neither it nor TLS holds others up; then others have a turn."""
        left = memoryview(data)
        while left:
            portion = left[: self._limiter.portion(min(WRITE_BYTES, len(left)))]
            await self._limiter.take(len(portion))
            await response.write(portion)
            left = left[len(portion) :]
        # A connection that takes all at once never waits by itself.
        await asyncio.sleep(0)


def _requested(request: web.Request, size_bytes: int) -> tuple[int, int]:
    """The asked range as (start, end), end excluded. Raises the HTTP error for one that cannot be served."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    start, end = (int(match[1]), int(match[2]) + 1) if match else (0, 0)
    if not 0 <= start < end <= size_bytes:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size_bytes}"})
    return start, end
