"""Who may hold a connection to the server: at most so many, and nobody unauthenticated for long.

aiohttp keeps silent and dripping connections for minutes, and engine.io holds a websocket that never authenticates,
so the guard looks at all connections each second and aborts those that have had their ten seconds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

AUTHENTICATION_DEADLINE_S = 10.0
SWEEP_INTERVAL_S = 1.0

log = logging.getLogger(__name__)
Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def refuse_browsers(request: web.Request, handler: Respond) -> web.StreamResponse:
    """A request with an `Origin` comes from a web page, which has no business here."""
    if "Origin" in request.headers:
        return web.Response(status=403, text="not for browsers\n")
    return await handler(request)


class Guard:
    """Caps and sweeps the connections of one aiohttp server."""

    def __init__(self, max_connections: int) -> None:
        self._max_connections = max_connections
        self._server: web.Server | None = None
        self._seen: dict[Any, float] = {}
        self._trusted: set[Any] = set()
        self.refused = 0

    def protocol_factory(self, server: web.Server) -> Callable[[], asyncio.BaseProtocol]:
        """What `create_server` calls for each new connection."""
        self._server = server

        def make() -> asyncio.BaseProtocol:
            if len(server.connections) >= self._max_connections:
                self.refused += 1
                return _HangUp()
            return server()

        return make

    def trust(self, request: web.Request) -> None:
        """The connection of this request has authenticated."""
        self._trusted.add(request.protocol)

    def distrust(self, request: web.Request) -> None:
        """The session of this connection has ended: so does the connection, at the next sweep."""
        self._trusted.discard(request.protocol)

    async def sweep(self) -> None:
        """Abort, for ever, what has not authenticated in time."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL_S)
            self._sweep_once(time.monotonic())

    def _sweep_once(self, now_s: float) -> None:
        connections = self._server.connections if self._server else []
        self._seen = {protocol: self._seen.get(protocol, now_s) for protocol in connections}
        self._trusted.intersection_update(connections)
        for protocol, since_s in self._seen.items():
            if protocol not in self._trusted and now_s - since_s > AUTHENTICATION_DEADLINE_S:
                self._abort(protocol)

    def _abort(self, protocol: Any) -> None:
        self.refused += 1
        log.info("ended a connection that did not authenticate within %.0f s", AUTHENTICATION_DEADLINE_S)
        if protocol.transport is not None:
            protocol.transport.abort()


class _HangUp(asyncio.Protocol):
    """For a connection over the cap."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
