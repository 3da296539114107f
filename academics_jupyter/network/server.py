"""The server of a peer: aiohttp and socket.io over TLS 1.3 on one port. It turns proven dials into links."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import socketio
from aiohttp import web
from nacl.signing import SigningKey

from academics_jupyter.errors import AcademicsError, RemoteProtocolError
from academics_jupyter.network.certificate import make_certificate
from academics_jupyter.network.frames import StrictWebSocket, refuse_odd_openings
from academics_jupyter.network.guard import Guard, refuse_browsers
from academics_jupyter.network.library_logs import HTTP_LOG, SOCKET_LOG
from academics_jupyter.network.link import Link, Receive
from academics_jupyter.network.packets import TextPacket
from academics_jupyter.network.sockets import listening_socket, slim
from academics_jupyter.protocol.handshake import NONCE_BYTES, Auth, Challenges, check_dialler, prove_as_server
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import convert
from academics_jupyter.protocol.wire import MAX_EVENT_BYTES, Hello, Welcome

CHALLENGE_PATH = "/academics/challenge"
PING_INTERVAL_S = 25
PING_TIMEOUT_S = 900
"""A kernel whose cell computes answers no ping; TCP keepalive tells it from a dead host long before this."""
CONNECTIONS_PER_LINK = 4
SESSIONS_PER_PEER = 4
"""A link, the one that replaces it, and two that have not been noticed to be dead."""
TLS_TIMEOUT_S = 10

log = logging.getLogger(__name__)

Greet = Callable[[Link, Hello], Awaitable[Hello]]
"""Admits a new link on the other side's hello, and returns ours. Raises RemoteProtocolError to refuse it."""


@dataclass(slots=True)
class _Session:
    """A dialler whose proof held; a link once it has said hello."""

    auth: Auth
    request: web.Request
    link: Link | None = None
    introduced: bool = False


@dataclass(frozen=True, slots=True)
class _ServedChannel:
    """The server's end of a link."""

    sio: socketio.AsyncServer
    sid: str

    async def emit(self, event: str, data: Any, answered: Callable[..., None]) -> None:
        await self.sio.emit(event, data, to=self.sid, callback=answered)

    async def close(self) -> None:
        await self.sio.disconnect(self.sid)


class LinkServer:
    """Listens, challenges, authenticates and hands links over."""

    def __init__(
        self,
        key: SigningKey,
        *,
        greet: Greet,
        receive: Receive,
        accepts: Callable[[str], bool],
        lost: Callable[[Link], Awaitable[None]],
        dialled: Callable[[], int],
        routes: web.RouteTableDef | list[web.RouteDef],
        max_links: int,
    ) -> None:
        """`dialled` is how many of the peer's links it has dialled itself: `max_links` is for both kinds."""
        self._key = key
        self._me = peer_id(key)
        self._greet, self._receive, self._accepts, self._lost = greet, receive, accepts, lost
        self._dialled = dialled
        self._certificate = make_certificate()
        self._challenges = Challenges()
        self._sessions: dict[str, _Session] = {}
        self._max_links = max_links
        self.guard = Guard(max_links * CONNECTIONS_PER_LINK)
        self._sio = self._make_sio()
        self._runner = self._make_runner(routes)
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self.port = 0

    @property
    def certificate(self) -> str:
        """The SHA-256 of the server's DER certificate, in hex: what diallers pin."""
        return self._certificate.sha256

    async def listen(self, host: str, port: int) -> None:
        """Begin to serve. Raises OSError where the address cannot be bound."""
        sock = listening_socket(host, port)
        self.port = sock.getsockname()[1]
        await self._runner.setup()
        assert self._runner.server is not None  # noqa: S101  setup has just made it
        self._server = await asyncio.get_running_loop().create_server(
            self.guard.protocol_factory(self._runner.server),
            sock=sock,
            ssl=self._certificate.context,
            ssl_handshake_timeout=TLS_TIMEOUT_S,
            ssl_shutdown_timeout=1,
        )
        self._sweeper = asyncio.create_task(self.guard.sweep(), name="academics-guard")

    async def close(self) -> None:
        """Stop serving and end every connection."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._server is not None:
            self._server.close()
        for sid in list(self._sessions):
            await self._sio.disconnect(sid)
        await self._sio.shutdown()
        await self._runner.cleanup()

    def _make_sio(self) -> socketio.AsyncServer:
        sio = socketio.AsyncServer(
            async_mode="aiohttp",
            cors_allowed_origins=[],  # off: refuse_browsers refuses every Origin
            transports=["websocket"],
            max_http_buffer_size=MAX_EVENT_BYTES,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_TIMEOUT_S,
            serializer=TextPacket,
            json=TextPacket.json,
            logger=SOCKET_LOG,
            engineio_logger=SOCKET_LOG,
        )
        # The only way to have engine.io take another websocket than its own.
        sio.eio._async = sio.eio._async | {"websocket": StrictWebSocket}
        sio.on("connect", self._connected)
        sio.on("disconnect", self._disconnected)
        sio.on("*", self._event)
        return sio

    def _make_runner(self, routes: web.RouteTableDef | list[web.RouteDef]) -> web.AppRunner:
        app = web.Application(middlewares=[refuse_browsers, refuse_odd_openings], client_max_size=1024)
        self._sio.attach(app)
        app.router.add_get(CHALLENGE_PATH, self._challenge)
        app.add_routes(routes)
        return web.AppRunner(app, access_log=None, logger=HTTP_LOG, keepalive_timeout=15, shutdown_timeout=1)

    async def _challenge(self, _request: web.Request) -> web.Response:
        challenge = self._challenges.offer(secrets.token_hex(NONCE_BYTES), _monotonic_ms())
        return web.json_response(msgspec.to_builtins(challenge))

    async def _connected(self, sid: str, environ: dict[str, Any], payload: Any) -> None:
        try:
            auth = convert(payload, Auth)
            self._challenges.spend(auth.nonce_server, _monotonic_ms())
            check_dialler(auth, self._me, self.certificate)
            self._check_welcome(auth.dialler)
        except RemoteProtocolError as error:
            log.info("refused a dial: %s", error)
            raise socketio.exceptions.ConnectionRefusedError(error.code) from error
        self._sessions[sid] = _Session(auth, environ["aiohttp.request"])

    def _check_welcome(self, dialler: str) -> None:
        if not self._accepts(dialler):
            raise RemoteProtocolError("the dialler is not welcome", "wrong_peer" if dialler == self._me else "blocked")
        if len(self._sessions) + self._dialled() >= self._max_links:
            raise RemoteProtocolError("there are as many links as we take", "too_many")
        if sum(session.auth.dialler == dialler for session in self._sessions.values()) >= SESSIONS_PER_PEER:
            raise RemoteProtocolError("the dialler has as many sessions as a peer may", "too_many")

    async def _event(self, event: str, sid: str, *args: Any) -> dict[str, Any] | bytes:
        session = self._sessions.get(sid)
        if session is None:
            return {"error": "not_introduced"}
        data = args[0] if args else None
        if session.link is not None and session.introduced:
            return await self._receive(session.link, event, data)
        if session.link is not None:
            return {"error": "not_introduced"}
        # Made before anything is awaited: there is one hello, and a loss meanwhile must find it.
        session.link = Link(session.auth.dialler, session.auth.dialler, _ServedChannel(self._sio, sid))
        try:
            if event != "hello":
                raise RemoteProtocolError(f"{event!r} before hello", "not_introduced")
            return await self._hello(session, session.link, convert(data, Hello))
        except RemoteProtocolError as error:
            log.info("refused a link: %s", error)
            code = error.code
        except AcademicsError as error:
            log.warning("could not take a link: %s", error)
            code = "failed"
        except Exception:
            log.exception("a fault of this program on a hello")
            code = "failed"
        # Hang up only once the refusal is on its way.
        asyncio.get_running_loop().call_later(1, self._hang_up, sid)
        return {"error": code}

    async def _hello(self, session: _Session, link: Link, hello: Hello) -> dict[str, Any]:
        ours = await self._greet(link, hello)
        session.introduced = True
        if not link.down.is_set():
            self.guard.trust(session.request)
            slim(session.request.transport)
            link.socket = session.request.get_extra_info("socket")
        proof = prove_as_server(self._key, session.auth, self.certificate)
        welcome = Welcome(version=ours.version, agent=ours.agent, records=ours.records, proof=proof)
        answer: dict[str, Any] = msgspec.to_builtins(welcome)
        return answer

    def _hang_up(self, sid: str) -> None:
        if sid in self._sessions:
            task = asyncio.ensure_future(self._sio.disconnect(sid))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _disconnected(self, sid: str, _reason: str) -> None:
        session = self._sessions.pop(sid, None)
        if session is None:
            return
        self.guard.distrust(session.request)
        if session.link is not None:
            session.link.went_down()
            with contextlib.suppress(asyncio.CancelledError):
                await self._lost(session.link)


def _monotonic_ms() -> int:
    return int(time.monotonic() * 1000)
