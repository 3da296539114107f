"""The websockets that the two ends of a link speak over.

engine.io reads its own JSON from a frame before socket.io sees it, and what it cannot read ends in a traceback and a
session that is never cleaned up. So the server ends a connection here, at the first frame that is none of those a
dialler may send: `1` (close), `3` (pong), and `4` with a socket.io packet of one of the types 0 to 3 after it. Either
end does so at a binary frame that does not answer a read (see `attachments`).
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

import aiohttp
from aiohttp import web
from engineio.async_drivers.aiohttp import WebSocket

from academics_jupyter.network.attachments import Answer, Attachments, Outgoing
from academics_jupyter.network.guard import Respond
from academics_jupyter.protocol.wire import FRAMES_AT_ONCE, FRAMES_PER_SECOND, Allowance

SOCKET_PATH = "/socket.io/"
_FRAME = re.compile(r"4[0-3]|[13]\Z", re.ASCII)

log = logging.getLogger(__name__)


class StrictWebSocket(WebSocket):  # type: ignore[misc]
    """The server's. Ends the connection at a frame that may not come, or at too many."""

    def __init__(self, handler: Any, server: Any) -> None:
        super().__init__(handler, server)
        self._allowance = Allowance(_now_ms(), FRAMES_AT_ONCE, FRAMES_PER_SECOND)
        self._attachments = Attachments()

    async def send(self, message: str | bytes) -> None:
        """Send a frame, once the connection takes it."""
        if isinstance(message, str):
            self._attachments.sending(message)
        await super().send(message)
        if isinstance(message, Outgoing):
            message.gone()

    async def wait(self) -> str | bytes:
        """The next frame. Raises OSError, on which engine.io ends the connection."""
        while (frame := self._checked(await super().wait())) is None:
            pass
        return frame

    def _checked(self, came: str | bytes) -> str | bytes | None:
        try:
            frame = self._attachments.received(came)
        except ValueError as error:
            log.info("ended a connection at %s", error)
            raise OSError("not a frame that may come") from error
        if frame is None or isinstance(frame, Answer):
            return frame  # as many as were asked for
        if not _FRAME.match(frame):
            log.info("ended a connection at a frame that is not of the protocol")
            raise OSError("not a frame of the protocol")
        if not self._allowance.take(_now_ms()):
            log.info("ended a connection that sent too fast")
            raise OSError("too many frames")
        return frame


class DialledWebSocket(aiohttp.ClientWebSocketResponse):
    """The dialler's. Ends the connection at bytes that may not come."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._attachments = Attachments()

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send a text frame, once the connection takes it."""
        self._attachments.sending(data)
        await super().send_str(data, compress)

    async def send_bytes(self, data: bytes, compress: int | None = None) -> None:
        """Send a binary frame, once the connection takes it."""
        await super().send_bytes(data, compress)
        if isinstance(data, Outgoing):
            data.gone()

    async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage:  # noqa: ASYNC109  aiohttp's signature
        """The next message. Raises ValueError, on which engine.io ends the connection."""
        while True:
            message = await super().receive(timeout)
            if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                return message
            if (frame := self._attachments.received(message.data)) is not None:
                return message._replace(data=frame)


@web.middleware
async def refuse_odd_openings(request: web.Request, handler: Respond) -> web.StreamResponse:
    """Lets nothing reach engine.io but the opening of a websocket."""
    if request.path.startswith(SOCKET_PATH) and not _opens_websocket(request):
        return web.Response(status=400, text="a websocket is wanted\n")
    return await handler(request)


def _opens_websocket(request: web.Request) -> bool:
    query = request.query
    if request.method != "GET" or query.getall("EIO", []) != ["4"] or query.getall("transport", []) != ["websocket"]:
        return False
    # A session cannot be taken up again, and JSONP is for browsers.
    return "sid" not in query and "j" not in query and web.WebSocketResponse().can_prepare(request).ok


def _now_ms() -> int:
    return int(time.monotonic() * 1000)
