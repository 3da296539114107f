"""Clients and servers that do not follow the protocol, for the tests of what becomes of them."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec
from nacl.signing import SigningKey

from academics_jupyter.network.certificate import make_certificate
from academics_jupyter.protocol.handshake import Auth, prove_as_dialler
from academics_jupyter.protocol.records import Envelope, sign_record
from tests.meshes import presence

ENDS_WITHIN_S = 20
OPEN = "/socket.io/?EIO=4&transport=websocket"


def trusting() -> ssl.SSLContext:
    """Takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def until_ended(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the other side ends the connection."""
    got = b""
    try:
        async with asyncio.timeout(ENDS_WITHIN_S):
            while data := await reader.read(1 << 16):
                got += data
    except ConnectionError:
        pass
    return got


class Attacker:
    """A websocket to a server, and a key; it says what it is told to."""

    def __init__(self, signer: SigningKey, url: str, server: str, certificate: str) -> None:
        self.key, self.url, self.server, self.certificate = signer, url, server, certificate
        self.presence = presence(signer, "https://127.0.0.1:9", "ab" * 32)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False))
        self.socket: aiohttp.ClientWebSocketResponse

    async def challenge(self) -> str:
        async with self._session.get(f"{self.url}/academics/challenge") as response:
            return str((await response.json())["nonce"])

    async def auth(self) -> dict[str, Any]:
        return self.proof_with(await self.challenge())

    def proof_with(self, nonce: str) -> dict[str, Any]:
        auth: Auth = prove_as_dialler(self.key, self.server, self.certificate, nonce, "0d" * 32)
        built: dict[str, Any] = msgspec.to_builtins(auth)
        return built

    async def open(self, **options: Any) -> None:
        self.socket = await self._session.ws_connect(self.url + OPEN, max_msg_size=0, **options)
        assert (await self.receive()).startswith("0{")

    async def send(self, *frames: str | bytes) -> None:
        """Send frames for as long as the server takes them."""
        for frame in frames:
            try:
                if isinstance(frame, bytes):
                    await self.socket.send_bytes(frame)
                else:
                    await self.socket.send_str(frame)
            except (ConnectionError, aiohttp.ClientError):
                return

    async def receive(self) -> str:
        message = await self.socket.receive(ENDS_WITHIN_S)
        assert isinstance(message.data, str), f"the connection ended: {message}"
        return message.data

    async def connect(self, auth: Any) -> dict[str, Any]:
        """The answer to CONNECT: `sid`, or the refusal's `message`."""
        await self.send("40" + json.dumps(auth))
        answer = await self.receive()
        assert answer[:2] in ("40", "44"), answer
        data: dict[str, Any] = json.loads(answer[2:])
        return data

    async def ask(self, event: str, data: Any, number: int = 7) -> Any:
        """The answer to an event."""
        await self.send(f"42{number}" + json.dumps([event, data]))
        while not (answer := await self.receive()).startswith(f"43{number}"):
            # Its pings, and what it asks of a peer that is linked.
            assert answer == "2" or answer.startswith("42"), answer
        return json.loads(answer[len(f"43{number}") :])[0]

    def envelope(self) -> Envelope:
        return sign_record(self.key, self.presence).envelope

    async def hello(self, *records: Envelope) -> Any:
        hello = {"version": 1, "agent": "attacker", "records": msgspec.to_builtins(records or (self.envelope(),))}
        return await self.ask("hello", hello)

    async def link(self) -> None:
        """All that an honest peer does to be linked."""
        await self.open()
        assert "sid" in await self.connect(await self.auth())
        assert "proof" in await self.hello()

    async def until_ended(self) -> list[str]:
        """The frames that still come until the server ends the connection."""
        async with asyncio.timeout(ENDS_WITHIN_S):
            return [message.data async for message in self.socket]

    async def until_ended_or_disconnected(self) -> None:
        """Until the server hangs up, politely or not."""
        async with asyncio.timeout(ENDS_WITHIN_S):
            async for message in self.socket:
                if message.data == "41":
                    return

    async def close(self) -> None:
        await self._session.close()


Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@asynccontextmanager
async def fake_server(respond: Respond) -> AsyncIterator[tuple[str, str]]:
    """A TLS server with a certificate of its own, whose every connection is `respond`'s: its address and pin."""
    certificate = make_certificate()
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await respond(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate.context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", certificate.sha256
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
