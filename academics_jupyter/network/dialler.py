"""Dialling: from a signed presence to a link whose other end has proven itself."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import socketio
from msgspec import to_builtins
from nacl.signing import SigningKey

from academics_jupyter.errors import AcademicsError, PeerRefusedError, PeerUnreachableError, RemoteProtocolError
from academics_jupyter.network.frames import DialledWebSocket
from academics_jupyter.network.library_logs import SOCKET_LOG
from academics_jupyter.network.link import Link, Receive
from academics_jupyter.network.packets import TextPacket
from academics_jupyter.network.server import CHALLENGE_PATH
from academics_jupyter.network.sockets import dialling_socket, slim
from academics_jupyter.protocol.addresses import may_dial
from academics_jupyter.protocol.handshake import (
    NONCE_BYTES,
    VERSION,
    Auth,
    Challenge,
    check_server,
    prove_as_dialler,
)
from academics_jupyter.protocol.identity import peer_id
from academics_jupyter.protocol.records import Presence, decode
from academics_jupyter.protocol.wire import CODES, Hello, Welcome

DIAL_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 3.0
ACCEPT_TIMEOUT_S = 3.0
STAY_S = 0.5
"""Who ends a fresh connection within this time did not mean to take it."""
MAX_EARLY_EVENTS = 64
"""How many events may wait for the server's proof; it has no reason to send any."""
MAX_CHALLENGE_BYTES = 1024
READ_BUFFER_BYTES = 4 << 20

log = logging.getLogger(__name__)


def pinned_session(certificate: str, *, loopback: bool) -> aiohttp.ClientSession:
    """An HTTP session that speaks only to the server whose certificate has this SHA-256 (hex).

    It keeps no cookies, follows no redirect, and connects to no address that `may_connect` warns of.
    """
    connector = aiohttp.TCPConnector(
        ssl=aiohttp.Fingerprint(bytes.fromhex(certificate)),
        socket_factory=partial(dialling_socket, loopback=loopback),
        limit=0,
    )
    return aiohttp.ClientSession(
        connector=connector,
        ws_response_class=DialledWebSocket,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        middlewares=[_refuse_redirects],
        read_bufsize=READ_BUFFER_BYTES,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=DIAL_TIMEOUT_S, sock_read=60),
    )


async def _refuse_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """The websocket's request would follow one, to wherever it leads and without the pin."""
    response = await handler(request)
    if "Location" in response.headers:
        response.close()
        raise aiohttp.ClientPayloadError("answered with a redirect")
    return response


@dataclass(frozen=True, slots=True)
class _DialledChannel:
    """The dialler's end of a link."""

    sio: socketio.AsyncClient
    session: aiohttp.ClientSession

    async def emit(self, event: str, data: Any, answered: Callable[..., None]) -> None:
        try:
            await self.sio.emit(event, data, callback=answered)
        except socketio.exceptions.BadNamespaceError as error:
            raise PeerUnreachableError("The link is down.") from error

    async def close(self) -> None:
        # A server that no longer reads cannot be told; closing the session drops the connection.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self.sio.disconnect()
        await self.session.close()


class Dialler:
    """Makes links to other peers' servers."""

    def __init__(
        self,
        key: SigningKey,
        *,
        hello: Callable[[], Hello],
        receive: Receive,
        lost: Callable[[Link], Any],
        loopback: bool,
    ) -> None:
        self._key = key
        self._hello, self._receive, self._lost = hello, receive, lost
        self._loopback = loopback

    async def dial(self, presence: Presence) -> tuple[Link, Welcome]:
        """Try a peer's addresses in turn; the link is up when its server has proven itself.

        Raises PeerUnreachableError where none answers as that peer, PeerRefusedError where it answers but refuses.
        """
        failure: AcademicsError = PeerUnreachableError(f"{presence.name} announces no address that can be dialled.")
        for url in presence.urls:
            if not may_dial(url, loopback=self._loopback):
                continue
            try:
                async with asyncio.timeout(DIAL_TIMEOUT_S):
                    return await self._dial(presence, url)
            except PeerRefusedError:
                raise
            except (
                TimeoutError,
                OSError,
                ValueError,  # of a host name that cannot be looked up
                aiohttp.ClientError,
                AcademicsError,
                socketio.exceptions.SocketIOError,
            ) as error:
                log.debug("dialling %s at %s failed: %r", presence.name, url, error)
                failure = PeerUnreachableError(f"{presence.name} could not be reached at {url}.")
                failure.__cause__ = error
        raise failure

    async def accepts(self, presence: Presence) -> bool:
        """Whether anything accepts connections where a peer announces itself, if only its operating system.

        A busy peer's port does, however long the peer itself takes to answer. One that ends each connection at once
        does not: so do forwarders, with nothing behind them.
        """
        urls = [url for url in presence.urls if may_dial(url, loopback=self._loopback)]
        return any(await asyncio.gather(*(_accepts(url, loopback=self._loopback) for url in urls)))

    async def _dial(self, presence: Presence, url: str) -> tuple[Link, Welcome]:
        session = pinned_session(presence.certificate, loopback=self._loopback)
        attempt = _Attempt(self._key, presence, url, session, self._receive, self._lost)
        try:
            return await attempt.run(self._hello())
        except BaseException:
            await attempt.give_up()
            raise


async def _accepts(url: str, *, loopback: bool) -> bool:
    loop, parts = asyncio.get_running_loop(), urlsplit(url)
    try:
        async with asyncio.timeout(ACCEPT_TIMEOUT_S):
            for address in await loop.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM):
                with contextlib.suppress(OSError), dialling_socket(address, loopback=loopback) as sock:
                    sock.setblocking(False)
                    await loop.sock_connect(sock, address[4])
                    if await _stays(sock):
                        return True
    except (TimeoutError, OSError, ValueError):
        pass
    return False


async def _stays(sock: socket.socket) -> bool:
    """Whether a fresh connection is left open for a moment. Raises OSError where it is reset."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STAY_S):
            return await asyncio.get_running_loop().sock_recv(sock, 1) != b""
    return True


class _Attempt:
    """One dial of one address. Events that come before the server's proof held wait for it."""

    def __init__(
        self,
        key: SigningKey,
        presence: Presence,
        url: str,
        session: aiohttp.ClientSession,
        receive: Receive,
        lost: Callable[[Link], Any],
    ) -> None:
        self._key, self._presence, self._url, self._session = key, presence, url, session
        self._receive, self._lost = receive, lost
        self._refusal: str | None = None
        self._proven: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._early_events = 0
        self._sio = socketio.AsyncClient(
            reconnection=False,
            handle_sigint=False,
            http_session=session,
            serializer=TextPacket,
            json=TextPacket.json,
            logger=SOCKET_LOG,
            engineio_logger=SOCKET_LOG,
        )
        self._sio.on("connect_error", self._refused)
        self._sio.on("disconnect", self._disconnected)
        self._sio.on("*", self._event)
        self._link = Link(presence.peer, peer_id(key), _DialledChannel(self._sio, session))
        self._link.introduce(presence)

    async def run(self, hello: Hello) -> tuple[Link, Welcome]:
        """Challenge, connect, hello, proof."""
        auth = await self._answer_challenge()
        await self._connect(auth)
        welcome = await self._link.call("hello", hello, Welcome, DIAL_TIMEOUT_S)
        check_server(welcome.proof, auth, self._presence.certificate)
        self._decide(proven=True)
        transport = getattr(getattr(self._sio.eio.ws, "_conn", None), "transport", None)
        slim(transport)
        self._link.socket = transport.get_extra_info("socket") if transport else None
        return self._link, welcome

    async def give_up(self) -> None:
        """Leave nothing of a failed dial."""
        self._decide(proven=False)
        await self._link.close()

    def _decide(self, *, proven: bool) -> None:
        if not self._proven.done():
            self._proven.set_result(proven)

    async def _connect(self, auth: Auth) -> None:
        try:
            await self._sio.connect(
                self._url, auth=to_builtins(auth), transports=["websocket"], wait_timeout=DIAL_TIMEOUT_S
            )
        except socketio.exceptions.ConnectionError as error:
            if self._refusal is None:
                raise
            meaning = CODES.get(self._refusal, self._refusal)
            raise PeerRefusedError(f"{self._presence.name} refused the link: {meaning}.", self._refusal) from error
        except (OSError, aiohttp.ClientError):
            raise
        except Exception as error:
            # Whatever engine.io stumbles over in what the server sent.
            raise RemoteProtocolError("the server does not speak socket.io") from error

    async def _answer_challenge(self) -> Auth:
        async with self._session.get(self._url + CHALLENGE_PATH, allow_redirects=False) as response:
            body = await response.content.read(MAX_CHALLENGE_BYTES)
            if response.status != 200:
                raise RemoteProtocolError(f"the challenge was answered with status {response.status}")
        challenge = decode(body.decode(errors="replace"), Challenge)
        if challenge.version != VERSION:
            raise RemoteProtocolError("the server speaks another version", "unsupported_version")
        nonce = secrets.token_hex(NONCE_BYTES)
        return prove_as_dialler(self._key, self._presence.peer, self._presence.certificate, challenge.nonce, nonce)

    async def _refused(self, *args: Any) -> None:
        data = args[0] if args else None
        code = data.get("message") if isinstance(data, dict) else None
        self._refusal = code if isinstance(code, str) and code in CODES else "failed"

    async def _event(self, event: str, *args: Any) -> dict[str, Any] | bytes:
        if not self._proven.done():
            self._early_events += 1
        if self._early_events > MAX_EARLY_EVENTS or not await asyncio.shield(self._proven):
            return {"error": "not_introduced"}
        return await self._receive(self._link, event, args[0] if args else None)

    async def _disconnected(self, *_reason: Any) -> None:
        self._link.went_down()
        if self._proven.done() and self._proven.result():
            await self._lost(self._link)
            await self._session.close()
