"""The websocket that a server speaks over.

engine.io reads its own JSON from a frame before socket.io sees it, and what it cannot read ends in a traceback and a
session that is never cleaned up. So a connection is ended here, at the first frame that is none of those a dialler
may send: `1` (close), `3` (pong), and `4` with a socket.io packet of one of the types 0 to 3 after it.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from aiohttp import web
from engineio.async_drivers.aiohttp import WebSocket

from academics_jupyter.network.guard import Respond
from academics_jupyter.protocol.wire import FRAMES_AT_ONCE, FRAMES_PER_SECOND, Allowance

SOCKET_PATH = "/socket.io/"
_FRAME = re.compile(r"4[0-3]|[13]\Z", re.ASCII)

log = logging.getLogger(__name__)


class StrictWebSocket(WebSocket):  # type: ignore[misc]
    """Ends the connection at a frame that may not come, or at too many."""

    def __init__(self, handler: Any, server: Any) -> None:
        super().__init__(handler, server)
        self._allowance = Allowance(_now_ms(), FRAMES_AT_ONCE, FRAMES_PER_SECOND)

    async def wait(self) -> str:
        """The next frame. Raises OSError, on which engine.io ends the connection."""
        frame = await super().wait()
        if not isinstance(frame, str) or not _FRAME.match(frame):
            log.info("ended a connection at a frame that is not of the protocol")
            raise OSError("not a frame of the protocol")
        if not self._allowance.take(_now_ms()):
            log.info("ended a connection that sent too fast")
            raise OSError("too many frames")
        return frame


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
