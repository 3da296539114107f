"""Serving resources: HTTPS ranges of a held file, opened with a short-lived token that was given over the link."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import stat
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from academics_jupyter.protocol.wire import TOKEN_LIFETIME_MS, Token

RESOURCES_PATH = "/academics/resources"
WRITE_BYTES = 1 << 20
MAX_TOKENS = 10_000
_RANGE = re.compile(r"bytes=(\d{1,16})-(\d{1,16})", re.ASCII)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """A held file: where it is, how long, when last changed, and the hashes of its pieces."""

    path: Path
    size_bytes: int
    mtime_ns: int
    pieces: bytes


@dataclass(frozen=True, slots=True)
class _Grant:
    peer: str
    resource: str
    until_s: float


Find = Callable[[str], Awaitable[Served | None]]
Gone = Callable[[str], Awaitable[None]]


class RangeServer:
    """Gives tokens and serves what they open. `find` looks a resource up; `gone` is told of one whose file changed."""

    def __init__(self, find: Find, gone: Gone, trust: Callable[[web.Request], None]) -> None:
        self._find, self._gone, self._trust = find, gone, trust
        self._grants: dict[str, _Grant] = {}
        self.sent_bytes = 0

    def routes(self) -> list[web.RouteDef]:
        """The HTTP routes to serve beside socket.io."""
        return [
            web.get(RESOURCES_PATH + "/{resource:[0-9a-f]{64}}", self._bytes),
            web.get(RESOURCES_PATH + "/{resource:[0-9a-f]{64}}/pieces", self._pieces),
        ]

    def grant(self, peer: str, resource: str, size_bytes: int) -> Token:
        """A fresh token for one peer and one resource."""
        self._expire()
        token = secrets.token_hex(32)
        self._grants[token] = _Grant(peer, resource, time.monotonic() + TOKEN_LIFETIME_MS / 1000)
        return Token(token=token, size_bytes=size_bytes, lifetime_ms=TOKEN_LIFETIME_MS)

    def revoke(self, peer: str) -> None:
        """Take back what a peer was given."""
        self._grants = {token: grant for token, grant in self._grants.items() if grant.peer != peer}

    def _expire(self) -> None:
        now = time.monotonic()
        for token, grant in list(self._grants.items()):
            if grant.until_s > now and len(self._grants) < MAX_TOKENS:
                break
            del self._grants[token]

    async def _opened(self, request: web.Request) -> Served:
        """What the request's token opens. Raises the HTTP error it is answered with."""
        resource = request.match_info["resource"]
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._grants.get(token) if scheme == "Bearer" else None
        if grant is None or grant.resource != resource or grant.until_s < time.monotonic():
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
        self._trust(request)
        served = await self._find(resource)
        if served is None:
            raise web.HTTPNotFound
        return served

    async def _pieces(self, request: web.Request) -> web.Response:
        served = await self._opened(request)
        return web.Response(body=served.pieces, content_type="application/octet-stream")

    async def _bytes(self, request: web.Request) -> web.StreamResponse:
        served = await self._opened(request)
        start, end = _requested(request, served.size_bytes)
        try:
            descriptor = await asyncio.to_thread(_open_unchanged, served)
        except OSError:
            await self._gone(request.match_info["resource"])
            raise web.HTTPNotFound from None
        try:
            return await self._send(request, descriptor, start, end, served.size_bytes)
        finally:
            os.close(descriptor)

    async def _send(
        self, request: web.Request, descriptor: int, start: int, end: int, size_bytes: int
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=206)
        response.content_type = "application/octet-stream"
        response.content_length = end - start
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
        await response.prepare(request)
        while start < end:
            data = await asyncio.to_thread(_read_at, descriptor, start, min(WRITE_BYTES, end - start))
            if not data:
                # The file was cut short while it was served: end the connection, so that nobody takes it for whole.
                log.info("a file became shorter while it was served")
                raise ConnectionResetError("the file became shorter")
            await response.write(data)
            start += len(data)
            self.sent_bytes += len(data)
        await response.write_eof()
        return response


def _requested(request: web.Request, size_bytes: int) -> tuple[int, int]:
    """The asked range as (start, end), end excluded. Raises the HTTP error for one that cannot be served."""
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    start, end = (int(match[1]), int(match[2]) + 1) if match else (0, 0)
    if not 0 <= start < end <= size_bytes:
        raise web.HTTPRequestRangeNotSatisfiable(headers={"Content-Range": f"bytes */{size_bytes}"})
    return start, end


def _read_at(descriptor: int, start: int, length: int) -> bytes:
    os.lseek(descriptor, start, os.SEEK_SET)
    return os.read(descriptor, length)


def _open_unchanged(served: Served) -> int:
    """A descriptor of the file, which must be the one that was hashed. Raises OSError."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(served.path, flags)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or (found.st_size, found.st_mtime_ns) != (served.size_bytes, served.mtime_ns):
        os.close(descriptor)
        raise FileNotFoundError(served.path)
    return descriptor
