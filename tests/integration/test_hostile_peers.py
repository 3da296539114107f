"""Peers that misbehave: each is ended or refused, while the server lives, logs no error and serves the others."""

from __future__ import annotations

import asyncio
import json
import resource as limits
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web

from academics_jupyter.errors import AcademicsError, NetworkError, PeerRefusedError, PeerUnreachableError
from academics_jupyter.network import dialler, guard, server
from academics_jupyter.network.certificate import make_certificate
from academics_jupyter.network.mesh import measure
from academics_jupyter.peer.chatting import ChattingService
from academics_jupyter.peer.context import Context
from academics_jupyter.peer.engine import Engine
from academics_jupyter.peer.exploring import ExploringService
from academics_jupyter.peer.settings import Settings
from academics_jupyter.peer.sharing import SharingService
from academics_jupyter.protocol.handshake import Auth, Challenge, prove_as_server
from academics_jupyter.protocol.identity import peer_id, sign
from academics_jupyter.protocol.messages import Message, sign_message
from academics_jupyter.protocol.records import Envelope, Profile, sign_record
from academics_jupyter.protocol.wire import EVENTS_AT_ONCE, FRAMES_AT_ONCE
from academics_jupyter.store.folder import ProfileFolder
from academics_jupyter.store.keys import Keys
from academics_jupyter.store.profile import ProfileDetails
from tests.hostile import ENDS_WITHIN_S, OPEN, Attacker, fake_server, trusting, until_ended
from tests.meshes import RESOURCE, Node, key, nodes, presence
from tests.ranges import Holder
from tests.waiting import wait_until_async

ADA, GRACE, MALLORY = key(1), key(2), key(3)
DEADLINE_S = 0.5


@pytest.fixture
def hasten(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Shortens the deadline of the unauthenticated once it is called: when those have done what they need time for."""
    monkeypatch.setattr(guard, "SWEEP_INTERVAL_S", 0.02)
    return lambda: monkeypatch.setattr(guard, "AUTHENTICATION_DEADLINE_S", DEADLINE_S)


@pytest.fixture
def hasty_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of TLS handshakes, shortened for servers that begin to listen."""
    monkeypatch.setattr(server, "TLS_TIMEOUT_S", DEADLINE_S)


@pytest.fixture
async def grace() -> AsyncIterator[Node]:
    async with nodes(2, max_links=128) as (node,):
        yield node


@asynccontextmanager
async def attacking(target: Node | Engine, signer: Any = MALLORY) -> AsyncIterator[Attacker]:
    mesh = target.mesh
    url = f"https://127.0.0.1:{mesh.server.port}"
    attacker = Attacker(signer, url, mesh.server._me, mesh.server.certificate)
    try:
        yield attacker
    finally:
        await attacker.close()


@pytest.fixture
async def mallory(grace: Node) -> AsyncIterator[Attacker]:
    async with attacking(grace) as attacker:
        yield attacker


async def still_serves(node: Node) -> None:
    """A good peer dials and is answered, in the time that good peers have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "AUTHENTICATION_DEADLINE_S", ENDS_WITHIN_S)
        async with nodes(1) as (ada,):
            await measure(await ada.mesh.dial(node.presence))


def connections(node: Node) -> int:
    runner = node.mesh.server._runner
    return len(runner.server.connections) if runner.server else 0


# Connections that do not authenticate


async def connected(node: Node, *, tls: bool = True) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", node.mesh.server.port, ssl=trusting() if tls else None)


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    """A byte at a time, for ever or until the connection ends."""
    with suppress(ConnectionError):
        for byte in data:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def ended_at_the_deadline(began_s: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What came until the end of a connection, which was begun not before `began_s`."""
    got = await until_ended(reader)
    assert now_s() - began_s > DEADLINE_S / 2
    writer.close()
    return got


@pytest.mark.usefixtures("hasty_tls")
async def test_a_connection_that_never_begins_tls_is_ended(grace: Node) -> None:
    assert await ended_at_the_deadline(now_s(), *await connected(grace, tls=False)) == b""


async def test_a_connection_that_never_speaks_is_ended(grace: Node, hasten: Callable[[], None]) -> None:
    began_s, silent = now_s(), await connected(grace)
    hasten()
    assert await ended_at_the_deadline(began_s, *silent) == b""
    assert grace.mesh.server.guard.refused == 1
    await still_serves(grace)


@pytest.mark.usefixtures("hasty_tls")
async def test_a_tls_handshake_that_drips_is_ended(grace: Node) -> None:
    outgoing = ssl.MemoryBIO()
    hello = trusting().wrap_bio(ssl.MemoryBIO(), outgoing)
    with suppress(ssl.SSLWantReadError):
        hello.do_handshake()
    began_s, (reader, writer) = now_s(), await connected(grace, tls=False)
    dripping = asyncio.create_task(drip(writer, outgoing.read()))
    await ended_at_the_deadline(began_s, reader, writer)
    assert not dripping.done()
    dripping.cancel()


REQUESTS = {
    "its head": b"GET /academics/challenge HTTP/1.1\r\nHost: x\r\n" + b"X-A: b\r\n" * 10_000,
    "its body": b"POST /academics/challenge HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000,
    "requests": b"GET /academics/challenge HTTP/1.1\r\nHost: x\r\n\r\n" * 10_000,
}


@pytest.mark.parametrize("request_bytes", REQUESTS.values(), ids=REQUESTS.keys())
async def test_a_request_that_drips_is_ended(grace: Node, hasten: Callable[[], None], request_bytes: bytes) -> None:
    began_s, (reader, writer) = now_s(), await connected(grace)
    hasten()
    dripping = asyncio.create_task(drip(writer, request_bytes))
    await ended_at_the_deadline(began_s, reader, writer)
    dripping.cancel()
    await still_serves(grace)


async def test_a_websocket_that_never_authenticates_is_ended(
    grace: Node, mallory: Attacker, hasten: Callable[[], None]
) -> None:
    await mallory.open()
    hasten()
    assert await mallory.until_ended() == []
    await wait_until_async(lambda: connections(grace) == 0, what="the connection's end")
    await wait_until_async(lambda: not grace.mesh.server._sio.environ, what="the session's end")


async def test_one_that_authenticates_and_never_says_hello_is_ended(
    grace: Node, mallory: Attacker, hasten: Callable[[], None]
) -> None:
    await mallory.open()
    await mallory.connect(await mallory.auth())
    assert len(grace.mesh.server._sessions) == 1
    hasten()
    await mallory.until_ended()
    await wait_until_async(lambda: not grace.mesh.server._sessions, what="the session's end")
    await wait_until_async(lambda: connections(grace) == 0, what="the connection's end")
    assert (grace.up, grace.mesh.links) == ([], {})


async def test_a_link_is_not_ended_at_the_deadline(grace: Node, mallory: Attacker, hasten: Callable[[], None]) -> None:
    await mallory.link()
    began_s, silent = now_s(), await connected(grace)
    hasten()
    assert await ended_at_the_deadline(began_s, *silent) == b""
    assert await mallory.ask("ping", {}) == {"done": True}


async def test_three_hundred_silent_connections_keep_nobody_out(grace: Node) -> None:
    silent = await asyncio.gather(*(connected(grace) for _ in range(300)))
    await wait_until_async(lambda: connections(grace) == 300, what="all of them at the server")
    await still_serves(grace)
    for _, writer in silent:
        writer.transport.abort()


async def test_connections_over_the_cap_are_ended_at_once_and_room_comes_back(hasten: Callable[[], None]) -> None:
    async with nodes(2, max_links=2) as (host,):
        silent = [await connected(host) for _ in range(8)]
        reader, _ = await connected(host)
        assert await until_ended(reader) == b""
        assert host.mesh.server.guard.refused >= 1
        hasten()
        await asyncio.gather(*(until_ended(each) for each, _ in silent))
        await still_serves(host)


async def test_what_is_no_tls_or_no_http_is_ended_without_a_word_in_the_log(grace: Node) -> None:
    for garbage, tls in (
        (b"GET / HTTP/1.1\r\n\r\n", False),
        (b"\x16\x03\x01" + b"\xff" * 500, False),
        (b"\x00" * 5_000, True),
        (b"GET / HTTP/9.9\r\n\r\n", True),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (b"GET /academics/challenge HTTP/1.1\r\nA: " + b"x" * 100_000 + b"\r\n\r\n", True),
        (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + b"\xff\xfe" * 100, True),
    ):
        reader, writer = await connected(grace, tls=tls)
        writer.write(garbage)
        got = await until_ended(reader)
        assert b" 200 " not in got
        writer.close()
    await still_serves(grace)


async def requested(node: Node, method: str, path: str, **headers: str) -> int:
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
        session.request(method, node.url + path, headers=headers) as response,
    ):
        return response.status


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@pytest.mark.parametrize("path", ["/academics/challenge", OPEN, f"/academics/resources/{RESOURCE}"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://127.0.0.1"])
async def test_a_request_of_a_web_page_is_refused(grace: Node, path: str, origin: str) -> None:
    assert await requested(grace, "GET", path, Origin=origin, **UPGRADE) == 403


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/socket.io/", {}),
        ("GET", "/socket.io/?EIO=4&transport=polling", {}),
        ("GET", "/socket.io/?EIO=3&transport=websocket", UPGRADE),
        ("GET", "/socket.io/?EIO=4&transport=carrier-pigeon", UPGRADE),
        ("GET", OPEN, {}),
        ("GET", OPEN, UPGRADE | {"Sec-WebSocket-Key": "short"}),
        ("GET", OPEN, UPGRADE | {"Sec-WebSocket-Version": "99"}),
        ("GET", OPEN, {"Connection": "Upgrade", "Upgrade": "websocket"}),
        ("GET", OPEN + "&sid=made%0aup", UPGRADE),
        ("GET", OPEN + "&j=0", UPGRADE),
        ("GET", OPEN + "&transport=polling", UPGRADE),
        ("POST", OPEN, {}),
        ("POST", OPEN + "&sid=x", {}),
        ("OPTIONS", OPEN, {}),
    ],
)
async def test_nothing_but_the_opening_of_a_websocket_reaches_socketio(
    grace: Node, method: str, path: str, headers: dict[str, str]
) -> None:
    assert await requested(grace, method, path, **headers) == 400
    assert grace.mesh.server._sio.eio.sockets == {}


# Proofs


async def test_a_handshake_cannot_be_replayed(grace: Node, mallory: Attacker) -> None:
    auth = await mallory.auth()
    await mallory.open()
    assert "sid" in await mallory.connect(auth)
    async with attacking(grace) as again:
        await again.open()
        assert await again.connect(auth) == {"message": "stale_challenge"}
        assert "sid" in await again.connect(await again.auth())


async def test_a_nonce_that_the_server_did_not_give_is_refused(mallory: Attacker) -> None:
    await mallory.open()
    assert await mallory.connect(mallory.proof_with("ab" * 32)) == {"message": "stale_challenge"}


async def test_a_wrong_proof_spends_its_nonce(mallory: Attacker) -> None:
    nonce = await mallory.challenge()
    await mallory.open()
    assert await mallory.connect(mallory.proof_with(nonce) | {"proof": "0" * 128}) == {"message": "bad_proof"}
    assert await mallory.connect(mallory.proof_with(nonce)) == {"message": "stale_challenge"}


async def test_a_proof_given_to_one_server_is_not_taken_by_another(grace: Node) -> None:
    """Ada dials Mallory, who passes on Grace's nonce and then Ada's proof."""
    async with nodes(3) as (evil,), attacking(evil, ADA) as ada, attacking(grace, MALLORY) as relay:
        for member, code in ((evil.peer, "wrong_peer"), (grace.peer, "bad_proof")):
            proof = ada.proof_with(await relay.challenge())
            await relay.open()
            assert await relay.connect(proof | {"server": member}) == {"message": code}
        # The same server, seen through a certificate that is not its own.
        ada.server, ada.certificate = grace.peer, evil.mesh.server.certificate
        assert await relay.connect(ada.proof_with(await relay.challenge())) == {"message": "bad_proof"}
    assert grace.up == []


@pytest.mark.parametrize(
    "change",
    [
        {"dialler": {"$ne": None}},
        {"dialler": peer_id(MALLORY) + "\n"},
        {"dialler": peer_id(MALLORY).upper()},
        {"version": 10**4_000},
        {"nonce_server": None},
        {"proof": "x"},
    ],
)
async def test_a_malformed_auth_is_refused(mallory: Attacker, change: dict[str, Any]) -> None:
    await mallory.open()
    assert await mallory.connect(await mallory.auth() | change) == {"message": "malformed"}


async def test_no_auth_at_all_is_refused(mallory: Attacker) -> None:
    await mallory.open()
    assert await mallory.connect(None) == {"message": "malformed"}
    assert await mallory.connect({}) == {"message": "malformed"}


async def test_a_blocked_peer_cannot_come_under_another_spelling_of_its_key(grace: Node, mallory: Attacker) -> None:
    grace.blocked.add(peer_id(MALLORY))
    await mallory.open()
    assert await mallory.connect(await mallory.auth()) == {"message": "blocked"}
    for spelling in (peer_id(MALLORY) + "\n", peer_id(MALLORY).upper(), " ".join(peer_id(MALLORY))):
        assert await mallory.connect(await mallory.auth() | {"dialler": spelling}) == {"message": "malformed"}


async def test_nothing_is_handled_before_the_proof(grace: Node, mallory: Attacker) -> None:
    await mallory.open()
    await mallory.send('421["hello",{}]', '422["ping",{}]', '423["token",{}]', "431[]", "41")
    assert await mallory.connect({}) == {"message": "malformed"}
    assert grace.mesh.server._sessions == {}


async def test_a_second_connect_on_a_connection_is_refused(mallory: Attacker) -> None:
    await mallory.link()
    await mallory.send("40" + json.dumps(await mallory.auth()))
    assert await mallory.receive() == '44"Unable to connect"'
    assert await mallory.ask("ping", {}) == {"done": True}


async def test_another_namespace_is_refused(mallory: Attacker) -> None:
    await mallory.open()
    await mallory.send("40/admin,{}")
    assert (await mallory.receive()).startswith("44/admin,")


async def test_one_identity_cannot_take_all_the_room(grace: Node) -> None:
    answers, held = [], []
    for _ in range(server.SESSIONS_PER_PEER + 1):
        attacker = Attacker(MALLORY, grace.url, grace.peer, grace.mesh.server.certificate)
        held.append(attacker)
        await attacker.open()
        answers.append(await attacker.connect(await attacker.auth()))
    assert ["sid" in answer for answer in answers] == [True] * server.SESSIONS_PER_PEER + [False]
    assert answers[-1] == {"message": "too_many"}
    await still_serves(grace)
    for attacker in held:
        await attacker.close()


# Hello


async def test_a_hello_must_come_first(grace: Node, mallory: Attacker) -> None:
    await mallory.open()
    await mallory.connect(await mallory.auth())
    assert await mallory.ask("ping", {}) == {"error": "not_introduced"}
    assert await mallory.hello() == {"error": "not_introduced"}
    await mallory.until_ended_or_disconnected()
    assert (grace.up, grace.mesh.links) == ([], {})


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([], "wrong_peer"),
        (["ada"], "wrong_peer"),
        (["mallory", "ada"], "wrong_peer"),
        (["forged"], "bad_signature"),
        (["garbage"], "wrong_peer"),
    ],
)
async def test_a_hello_with_what_is_not_ones_own_is_refused(
    grace: Node, mallory: Attacker, records: list[str], code: str
) -> None:
    ada = sign_record(ADA, presence(ADA, "https://127.0.0.1:9", "ab" * 32)).envelope
    known = {
        "ada": ada,
        "mallory": mallory.envelope(),
        "forged": Envelope(payload=ada.payload, signature=sign(MALLORY, ada.payload.encode())),
        "garbage": Envelope(payload="garbage", signature="0" * 128),
    }
    await mallory.open()
    await mallory.connect(await mallory.auth())
    chosen = msgspec.to_builtins([known[name] for name in records])
    assert await mallory.ask("hello", {"version": 1, "agent": "", "records": chosen}) == {"error": code}
    await mallory.until_ended_or_disconnected()
    assert (grace.up, grace.mesh.links) == ([], {})


async def test_a_hello_of_a_later_version_is_refused_and_its_records_are_not(grace: Node, mallory: Attacker) -> None:
    later = Envelope(payload="academics/1/sabbatical\n{}", signature="0" * 128)
    records = msgspec.to_builtins([mallory.envelope(), later])
    await mallory.open()
    await mallory.connect(await mallory.auth())
    welcome = await mallory.ask("hello", {"version": 1, "agent": "", "records": records})
    assert "proof" in welcome
    async with attacking(grace) as another:
        await another.open()
        await another.connect(await another.auth())
        answer = await another.ask("hello", {"version": 2, "agent": "", "records": records})
        assert answer == {"error": "unsupported_version"}


async def test_two_hellos_at_once_are_one_link(grace: Node, mallory: Attacker) -> None:
    await mallory.open()
    await mallory.connect(await mallory.auth())
    hello = json.dumps(["hello", {"version": 1, "agent": "", "records": [msgspec.to_builtins(mallory.envelope())]}])
    await mallory.send(f"421{hello}", f"422{hello}", f"423{hello}")
    answers = sorted([await mallory.receive() for _ in range(3)], key=lambda frame: frame[:3])
    assert "proof" in answers[0]
    assert {answer[3:] for answer in answers[1:]} <= {'[{"error":"not_introduced"}]', '[{"error":"unknown_event"}]'}
    assert len(grace.up) == 1
    assert await mallory.ask("ping", {}) == {"done": True}


# Frames on an authenticated link

ENDING: dict[str, list[str | bytes]] = {
    "an attachment announced": ['451-["chat",{"_placeholder":true,"num":0}]'],
    "attachments without end": ['45999999999-["chat",{"_placeholder":true,"num":0}]'] * 10,
    "more digits than that": ['459999999999999-["chat"]'],
    "an announced answer": ["461-3[]"],
    "bytes": [b"\x00" * 100],
    "bytes in base 64": ["bAAAA"],
    "no bytes": [b""],
    "nothing": [""],
    "an empty message": ["4"],
    "a frame of two megabytes": ['42["ping","' + "x" * 2_000_000 + '"]'],
    "ten thousand garbage frames": [f"garbage {number}" for number in range(10_000)],
    "ten thousand garbage messages": [f"4{number}" for number in range(10_000)],
    "ten thousand garbage events": ['42[{"a":1}]'] * 10_000,
    "an opening": ['0{"sid":"x"}'],
    "a ping of the wrong side": ["2"],
    "an upgrade": ["5"] * 1_000,
    "a pong that is a bomb": ["3" + "[" * 400_000],
    "JSON where none belongs": ["4" + "[" * 400_000],
    "a refusal": ['44{"message":"x"}'],
    "deep lists": ['42["ping",' + "[" * 400_000 + "]" * 400_000 + "]"],
    "deep objects": ['42["ping",' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "]"],
    "a long integer": ['42["ping",{"a":' + "9" * 900_000 + "}]"],
    "NaN": ['42["ping",{"a":NaN}]'],
    "a thing said twice": ['42["ping",{"a":1,"a":2}]'],
    "an event without a name": ["42[]"],
    "null for a name": ["42[null]"],
    "an answer without data": ["431"],
    "an answer that is no list": ['431{"a":1}'],
    "a close": ["1"],
    "a goodbye": ["41"],
    "the library's connect": ['421["connect",{"aiohttp.request":{}},{}]'],
    "the library's disconnect": ['42["disconnect"]'],
    "the library's catch-all": ['42["*",{"$ne":null}]'],
}


@pytest.mark.parametrize("frames", ENDING.values(), ids=ENDING.keys())
async def test_what_breaks_the_protocol_ends_the_link_and_its_connection(
    grace: Node, mallory: Attacker, hasten: Callable[[], None], frames: list[str | bytes]
) -> None:
    async with nodes(1) as (ada,):
        other = await ada.mesh.dial(grace.presence)
        await mallory.link()
        assert peer_id(MALLORY) in grace.mesh.links
        hasten()
        await mallory.send(*frames)
        await mallory.until_ended()
        await wait_until_async(lambda: set(grace.mesh.links) == {ada.peer}, what="the link's end")
        await wait_until_async(lambda: connections(grace) == 1, what="the connection's end")
        await wait_until_async(lambda: len(grace.mesh.server._sio.eio.sockets) == 1, what="the session's end")
        assert len(grace.mesh.server._sessions) == len(grace.mesh.server._sio.environ) == 1
        await measure(other)


REFUSED: dict[str, tuple[str, Any, str]] = {
    "an unknown event": ("no_such_event", {}, "unknown_event"),
    "a second hello": ("hello", {}, "unknown_event"),
    "an operator for an id": ("token", {"resource": {"$ne": None}}, "malformed"),
    "an id with a line feed": ("token", {"resource": RESOURCE + "\n"}, "malformed"),
    "an unpaired surrogate": ("token", {"resource": "\ud800" * 64}, "malformed"),
    "an integer of 4,000 digits": ("token", {"resource": 10**4_000}, "malformed"),
    "nested 500 deep": ("token", json.loads("[" * 500 + "]" * 500), "malformed"),
    "markup for an event": ("<img src=x onerror=alert(1)>", {}, "unknown_event"),
    "an event of a thousand letters": ("x" * 1_000, {}, "unknown_event"),
}


@pytest.mark.parametrize(("event", "data", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_what_breaks_a_schema_is_refused_and_the_link_goes_on(
    mallory: Attacker, event: str, data: Any, code: str
) -> None:
    await mallory.link()
    assert await mallory.ask(event, data) == {"error": code}
    assert await mallory.ask("ping", {}) == {"done": True}


async def test_a_compressed_bomb_ends_the_connection(grace: Node, mallory: Attacker) -> None:
    await mallory.open(compress=15)
    await mallory.send('42["ping","' + "x" * 200_000_000 + '"]')
    await mallory.until_ended()
    await still_serves(grace)


async def test_answers_to_nothing_are_ignored(mallory: Attacker) -> None:
    await mallory.link()
    await mallory.send(*(f"43{number}[]" for number in range(500)))
    assert await mallory.ask("ping", {}) == {"done": True}


async def test_who_floods_is_refused_and_then_ended(grace: Node, mallory: Attacker) -> None:
    async with nodes(1) as (ada,):
        other = await ada.mesh.dial(grace.presence)
        await mallory.link()
        answers: list[str] = []

        async def listen() -> None:
            answers.extend(await mallory.until_ended())

        listening = asyncio.create_task(listen())
        sending = asyncio.create_task(
            mallory.send(*(f'42{number}["ping",{{}}]' for number in range(10 * FRAMES_AT_ONCE)))
        )
        await listening
        sending.cancel()
        assert sum("done" in answer for answer in answers) >= EVENTS_AT_ONCE
        assert any("too_fast" in answer for answer in answers)
        await wait_until_async(lambda: set(grace.mesh.links) == {ada.peer}, what="the link's end")
        await measure(other)


# Above the mesh: chat and news


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """Grace's peer, with its services, on no registry."""
    keys = Keys.generate()
    context = Context(Settings(home=tmp_path, registry="mongodb://127.0.0.1:9"), ProfileFolder(tmp_path, "grace"), keys)
    engine = Engine(context, ExploringService(context), SharingService(context), ChattingService(context))
    await engine.mesh.server.listen("127.0.0.1", 0)
    context.store.profile.put(ProfileDetails("Grace"))
    engine.presence.sign(online=True)
    yield engine
    tasks = list(engine._tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await engine.mesh.close()
    await context.close()


def message(author: Any, recipient: str, text: str = "hello", sequence: int = 1) -> Message:
    return Message(
        id=f"{sequence:032x}",
        author=peer_id(author),
        recipient=recipient,
        series=0,
        sequence=sequence,
        sent_at_ms=4_070_908_800_000,
        text=text,
    )


async def test_chat_in_someone_elses_name_is_refused(engine: Engine) -> None:
    me = engine.mesh.server._me
    async with attacking(engine) as mallory:
        await mallory.link()
        honest = sign_message(MALLORY, message(MALLORY, me))
        payload = f"{Message.LABEL}\n{msgspec.json.encode(message(ADA, me)).decode()}"
        cases = {
            "Ada's own, passed on": (sign_message(ADA, message(ADA, me)), {"error": "wrong_peer"}),
            "in Ada's name": (
                Envelope(payload=payload, signature=sign(MALLORY, payload.encode())),
                {"error": "bad_signature"},
            ),
            "for someone else": (sign_message(MALLORY, message(MALLORY, peer_id(ADA))), {"error": "wrong_peer"}),
            "a record": (mallory.envelope(), {"error": "unknown_kind"}),
            "no text at all": (Envelope(payload="\ud800", signature="0" * 128), {"error": "malformed"}),
            "changed": (
                msgspec.structs.replace(honest, payload=honest.payload.replace("hello", "hullo")),
                {"error": "bad_signature"},
            ),
            "honest": (honest, {"done": True}),
            "honest, again": (honest, {"done": True}),
        }
        answers = {
            name: await mallory.ask("chat", {"message": msgspec.to_builtins(envelope)})
            for name, (envelope, _) in cases.items()
        }
        assert answers == {name: answer for name, (_, answer) in cases.items()}
        stored = engine._context.store.messages.history(peer_id(MALLORY))
        assert [each.text for each in stored] == ["hello"]
        assert engine._context.store.messages.history(peer_id(ADA)) == []


async def test_of_news_the_good_is_kept_and_the_forged_dropped(engine: Engine) -> None:
    now_ms = engine._context.clock.now_ms()
    header = {"epoch": 1, "sequence": 1, "issued_at_ms": now_ms, "expires_at_ms": now_ms + 90_000}

    def profile(signer: Any, name: str, **changes: Any) -> Envelope:
        return sign_record(signer, Profile(**header | {"peer": peer_id(signer), "name": name} | changes)).envelope

    good = profile(ADA, "Ada")
    payload = good.payload.replace('"Ada"', '"Not Ada"')
    records = [
        profile(ADA, "Ada of old", expires_at_ms=1),
        Envelope(payload=payload, signature=good.signature),
        Envelope(payload=payload, signature=sign(MALLORY, payload.encode())),
        Envelope(payload="garbage", signature="0" * 128),
        Envelope(payload="\ud800", signature="0" * 128),
        Envelope(payload=f"{Profile.LABEL}\n" + "[" * 60_000, signature="0" * 128),
        good,
        profile(key(5), "Emmy"),
        profile(key(5), "Emmy of old", sequence=0),
    ]
    async with attacking(engine) as mallory:
        await mallory.link()
        assert await mallory.ask("news", {"records": msgspec.to_builtins(records)}) == {"done": True}
        kept = {signed.record.name for signed in engine._context.store.records.profiles()}
        assert kept == {"Ada", "Emmy"}
        one_bad = [*msgspec.to_builtins(records), {"payload": "x" * 300_000, "signature": "0" * 128}]
        assert await mallory.ask("news", {"records": one_bad}) == {"error": "malformed"}


# Servers that misbehave


async def head(reader: asyncio.StreamReader) -> str:
    return (await reader.readuntil(b"\r\n\r\n")).decode()


def answering(response: bytes, *, endless: bytes = b"", ended: asyncio.Event | None = None) -> Any:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(response)
        try:
            while endless:
                writer.write(endless)
                await writer.drain()
                # What has been reset is only told to a loop that turns.
                await asyncio.sleep(0)
            await writer.drain()
            await reader.read()
        finally:
            if ended is not None:
                ended.set()

    return respond


OK = b"HTTP/1.1 200 OK\r\n"
DOWNLOADS = {
    "another length": (OK + b"Content-Length: 10\r\n\r\n" + b"x" * 10, PeerRefusedError),
    "2^63 bytes": (OK + b"Content-Length: 9223372036854775808\r\n\r\n", PeerRefusedError),
    "no length": (OK + b"\r\n", PeerRefusedError),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n20\r\n", PeerRefusedError),
    "gzip": (OK + b"Content-Encoding: gzip\r\nContent-Length: 32\r\n\r\n", PeerRefusedError),
    "a redirect": (b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", NetworkError),
    "not held": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", PeerRefusedError),
    "a range that was not asked for": (b"HTTP/1.1 206 Partial Content\r\nContent-Length: 32\r\n\r\n", PeerRefusedError),
    "no HTTP": (b"\xff" * 100 + b"\r\n", PeerUnreachableError),
    "a head without end": (OK + b"X-A: " + b"x" * 1_000_000, PeerUnreachableError),
}


@pytest.mark.parametrize("endless", [b"", b"x" * 65_536], ids=["", "and sends without end"])
@pytest.mark.parametrize(("response", "error"), DOWNLOADS.values(), ids=DOWNLOADS.keys())
async def test_a_holder_that_answers_something_else_is_refused(
    response: bytes, error: type[Exception], endless: bytes
) -> None:
    error = NetworkError if endless else error
    ended = asyncio.Event()
    async with fake_server(answering(response, endless=endless, ended=ended)) as (url, pin):
        async with (
            asyncio.timeout(ENDS_WITHIN_S),
            Holder(presence(GRACE, url, pin), RESOURCE, "0" * 64, loopback=True) as holder,
        ):
            with pytest.raises(error):
                await holder.pieces(1)
        await asyncio.wait_for(ended.wait(), ENDS_WITHIN_S)


async def test_of_a_body_without_end_no_more_is_taken_than_was_declared() -> None:
    ended = asyncio.Event()
    before_kib = limits.getrusage(limits.RUSAGE_SELF).ru_maxrss
    response = OK + b"Content-Length: 32\r\n\r\n"
    async with fake_server(answering(response, endless=b"x" * 65_536, ended=ended)) as (url, pin):
        async with Holder(presence(GRACE, url, pin), RESOURCE, "0" * 64, loopback=True) as holder:
            with suppress(PeerUnreachableError):
                assert await holder.pieces(1) == b"x" * 32
        await asyncio.wait_for(ended.wait(), ENDS_WITHIN_S)
    if sys.platform == "linux":
        assert limits.getrusage(limits.RUSAGE_SELF).ru_maxrss - before_kib < 256 * 1024


async def test_a_holder_that_ignores_ranges_is_refused() -> None:
    async with (
        fake_server(answering(OK + b"Content-Length: 10\r\n\r\n" + b"x" * 10)) as (url, pin),
        Holder(presence(GRACE, url, pin), RESOURCE, "0" * 64, loopback=True) as holder,
    ):
        with pytest.raises(PeerRefusedError):
            await holder.read(0, 10)


async def test_a_holder_that_stops_in_the_middle_is_unreachable() -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(OK + b"Content-Length: 32\r\n\r\n" + b"x" * 31)
        await writer.drain()
        writer.close()

    async with (
        fake_server(respond) as (url, pin),
        Holder(presence(GRACE, url, pin), RESOURCE, "0" * 64, loopback=True) as holder,
    ):
        with pytest.raises(PeerUnreachableError):
            await holder.pieces(1)


CHALLENGE = msgspec.json.encode(Challenge(version=1, nonce="5a" * 32))


def challenge_response(body: bytes = CHALLENGE) -> bytes:
    return OK + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[" * 1_000,
        b"\xff\xfe",
        b'{"version":1,"nonce":{"$ne":null}}',
        b'{"version":1,"nonce":"' + b"5a" * 32 + b'\\n"}',
        b'{"version":2,"nonce":"' + b"5a" * 32 + b'"}',
        b'{"version":1,"version":1,"nonce":"' + b"5a" * 32 + b'"}',
        b" " * 100_000 + CHALLENGE,
    ],
)
async def test_a_challenge_that_is_none_ends_the_dial(body: bytes) -> None:
    async with nodes(1) as (ada,), fake_server(answering(challenge_response(body))) as (url, pin):
        with pytest.raises(PeerUnreachableError):
            await ada.mesh.dial(presence(GRACE, url, pin))


@pytest.mark.parametrize("where", ["the challenge", "the websocket"])
async def test_a_dial_follows_no_redirect(where: str) -> None:
    reached = asyncio.Event()
    inner = await asyncio.start_server(lambda *_: reached.set(), "127.0.0.1", 0)
    location = f"http://127.0.0.1:{inner.sockets[0].getsockname()[1]}/latest/meta-data"
    redirect = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked = await head(reader)
            writer.write(challenge_response() if "challenge" in asked and where == "the websocket" else redirect)
            await writer.drain()

    async with nodes(1) as (ada,), fake_server(respond) as (url, pin):
        with pytest.raises(PeerUnreachableError):
            await ada.mesh.dial(presence(GRACE, url, pin))
    inner.close()
    assert not reached.is_set()


@asynccontextmanager
async def fake_peer(*, opening: Any, welcome: Any = None) -> AsyncIterator[tuple[str, str]]:
    """Speaks socket.io by hand: `opening` are its first frames; `welcome` makes the frames after a hello."""

    async def challenge(_request: web.Request) -> web.Response:
        return web.Response(body=CHALLENGE)

    async def talk(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(max_msg_size=0)
        await websocket.prepare(request)
        auth: Any = None
        with suppress(ConnectionError):
            for frame in opening:
                await (websocket.send_bytes(frame) if isinstance(frame, bytes) else websocket.send_str(frame))
            async for got in websocket:
                if got.data.startswith("40"):
                    auth = json.loads(got.data[2:])
                    await websocket.send_str('40{"sid":"s"}')
                elif got.data.startswith("42") and '"hello"' in got.data and welcome is not None:
                    number = got.data[2 : got.data.index("[")]
                    for frame in welcome(number, auth):
                        await websocket.send_str(frame)
        return websocket

    app = web.Application()
    app.add_routes([web.get("/academics/challenge", challenge), web.get("/socket.io/", talk)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    certificate = make_certificate()
    listener = socket.create_server(("127.0.0.1", 0))
    site = web.SockSite(runner, listener, ssl_context=certificate.context)
    await site.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", certificate.sha256
    finally:
        await runner.cleanup()


HONEST_OPENING = ('0{"sid":"x","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}',)
OPENINGS: dict[str, tuple[str | bytes, ...]] = {
    "no name": ("0{}",),
    "a list": ("0[]",),
    "text": ("0text",),
    "strange times": ('0{"sid":"x","upgrades":[],"pingTimeout":"soon","pingInterval":NaN}',),
    "a bomb": ("0" + "[" * 400_000,),
    "another packet": ("6",),
    "no packet": ("x",),
    "nothing": ("",),
    "bytes": (b"\x00",),
    "five megabytes": ("0" + "x" * 5_000_000,),
    "a stream of unknown packets": (*HONEST_OPENING, "5", "9", '0{"again":1}', "44[1,2,3,4,5]"),
}


@pytest.mark.parametrize("opening", OPENINGS.values(), ids=OPENINGS.keys())
async def test_a_server_that_opens_strangely_is_not_linked_with(
    opening: tuple[str | bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialler, "DIAL_TIMEOUT_S", 1.0)
    async with nodes(1) as (ada,), fake_peer(opening=opening) as (url, pin):
        with pytest.raises(NetworkError):
            await ada.mesh.dial(presence(GRACE, url, pin))
        assert (ada.up, ada.mesh.links) == ([], {})


def welcome_of(signer: Any, pin: str, url: str, **changes: Any) -> Any:
    """Frames of a server that does all right but for `changes`, and sends events before and after."""

    def frames(number: str, auth: dict[str, Any]) -> list[str]:
        proof = prove_as_server(signer, msgspec.convert(auth, Auth), pin)
        records = [msgspec.to_builtins(sign_record(signer, presence(signer, url, pin)).envelope)]
        answer = {"version": 1, "agent": "", "records": records, "proof": proof} | changes
        early = ['42["note",{}]'] * 3
        return [*early, f"43{number}" + json.dumps([answer]), '42["note",{}]']

    return frames


@pytest.mark.parametrize(
    "changes",
    [
        {"proof": "0" * 128},
        {"proof": None},
        {"proof": {"$ne": None}},
        {"records": []},
        {"records": [msgspec.to_builtins(sign_record(ADA, presence(ADA, "https://127.0.0.1:9", "ab" * 32)).envelope)]},
        {"error": "blocked"},
        {"error": {"$ne": None}},
    ],
)
async def test_a_server_that_does_not_prove_itself_reaches_no_handler(changes: dict[str, Any]) -> None:
    handled: list[str] = []
    frames: list[Any] = []
    async with (
        nodes(1) as (ada,),
        fake_peer(opening=HONEST_OPENING, welcome=lambda number, auth: frames[0](number, auth)) as (url, pin),
    ):
        frames.append(welcome_of(GRACE, pin, url, **changes))

        async def note(link: Any, _note: Any) -> Any:
            handled.append(link.peer)

        ada.mesh.on("note", msgspec.Struct, note)
        with pytest.raises(AcademicsError):
            await ada.mesh.dial(presence(GRACE, url, pin))
        assert (ada.up, ada.mesh.links) == ([], {})
    if "records" not in changes:
        assert handled == []


async def test_a_server_in_anothers_name_is_not_linked_with() -> None:
    """Mallory's server, under Grace's id, with Mallory's certificate in a presence that somebody forged."""
    frames: list[Any] = []
    async with (
        nodes(1) as (ada,),
        fake_peer(opening=HONEST_OPENING, welcome=lambda number, auth: frames[0](number, auth)) as (url, pin),
    ):
        frames.append(welcome_of(MALLORY, pin, url))
        with pytest.raises(PeerUnreachableError):
            await ada.mesh.dial(presence(GRACE, url, pin))
        assert ada.mesh.links == {}
        # And the same server under its own name is taken: nothing else was wrong with it.
        link = await ada.mesh.dial(presence(MALLORY, url, pin))
        assert link.peer == peer_id(MALLORY)


async def test_events_before_the_proof_are_neither_handled_nor_hoarded() -> None:
    flood = (*HONEST_OPENING, '40{"sid":"s"}', *['42["note",{}]'] * 2_000)
    before = len(asyncio.all_tasks())
    async with nodes(1) as (ada,), fake_peer(opening=flood, welcome=lambda *_: ["41"]) as (url, pin):
        with pytest.raises(NetworkError):
            await ada.mesh.dial(presence(GRACE, url, pin))
        assert (ada.up, ada.mesh.links) == ([], {})
    await wait_until_async(lambda: len(asyncio.all_tasks()) <= before, what="the end of all tasks")
