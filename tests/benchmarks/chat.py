"""How soon a message is with its reader: `python -m tests.benchmarks.chat [MESSAGES] [ROUNDS]`.

From the call that writes a message until its author knows that it is on its reader's disk, held against a bare
python-socketio echo over TLS 1.3 between two processes, which signs, checks and keeps nothing; and against the same
echo where its sender first signs and writes a page to disk, and its server checks and writes one before it answers,
both in a thread: no promise to keep messages costs less. Beside it a link's own round trip, and what the disk takes for
a single write that lasts.
"""

from __future__ import annotations

import asyncio
import ssl
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measuring import LONG_S
from tests.guarded import GuardedProcess, free_port
from tests.lab import Lab, meet
from tests.mongod import running_mongod
from tests.waiting import wait_until

BREATH_S = 0.02
"""Between two messages: a link takes no more than a hundred events a second for long."""

ECHO, FLOOR, LINK, WRITE, OURS = (
    "a bare echo",
    "a bare echo that keeps",
    "a link's ping",
    "one write that lasts",
    "academics",
)

SERVER = """
import asyncio, sys
import socketio
from aiohttp import web
from academics_jupyter.network.certificate import make_certificate
from tests.benchmarks.keeping import check_and_write, opened
sio = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"])
sio.on("echo", lambda sid, data: data)
kept = opened(sys.argv[2])
@sio.event
async def keep(sid, data):
    await asyncio.to_thread(check_and_write, kept, data)
    return data["text"]
app = web.Application()
sio.attach(app)
certificate = make_certificate()
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), ssl_context=certificate.context, print=None)
"""

BARE = """
import ssl, aiohttp, socketio
from nacl.signing import SigningKey
from tests.benchmarks.chat import BREATH_S
from tests.benchmarks.keeping import opened, sign_and_write, write
key, written = SigningKey.generate(), opened(peer._context.folder.path / "written")
async def bare(port, event, count):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    took_ms = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        sio = socketio.AsyncClient(http_session=session, handle_sigint=False)
        await sio.connect(f"https://127.0.0.1:{port}", transports=["websocket"])
        for number in range(count):
            begun = time.perf_counter()
            data = {"text": f"message {number}, a sentence of an ordinary length for a chat"}
            if event == "keep":
                data = await asyncio.to_thread(sign_and_write, key, written, data["text"])
            await sio.call(event, data)
            took_ms.append((time.perf_counter() - begun) * 1000)
            await asyncio.sleep(BREATH_S)
        await sio.disconnect()
    return took_ms
"""

ONE_TO_ONE = """
from academics_jupyter.peer.events import MessageDelivered
from academics_jupyter.protocol.wire import Done, Ping
async def pings(to, count):
    took_ms = []
    for _ in range(count):
        begun = time.perf_counter()
        await peer._engine.mesh.links[to].call("ping", Ping(), Done)
        took_ms.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(BREATH_S)
    return took_ms

def writes(count):
    took_ms = []
    for _ in range(count):
        begun = time.perf_counter()
        write(written)
        took_ms.append((time.perf_counter() - begun) * 1000)
    return took_ms

async def talk(to, count):
    took_ms = []
    events = peer.events()
    for number in range(count):
        begun = time.perf_counter()
        sent = await peer.chatting.send(to, f"message {number}, a sentence of an ordinary length for a chat")
        async for event in events:
            if isinstance(event, MessageDelivered) and event.id == sent.id:
                break
        took_ms.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(BREATH_S)
    return took_ms
"""


@dataclass(frozen=True, slots=True)
class Chat:
    """Round trips in ms: of each contender for one message, the medians of its rounds."""

    messages: int
    ms: dict[str, list[float]]

    def ratio(self, name: str) -> float:
        """How many times as long as the bare echo's, the median of the rounds."""
        return statistics.median(one / echo for one, echo in zip(self.ms[name], self.ms[ECHO], strict=True))

    def __str__(self) -> str:
        return "\n".join(
            f"{name:22} p50 {statistics.median(rounds):6.2f} ms, {self.ratio(name):5.2f} times a bare echo's"
            for name, rounds in self.ms.items()
        )


def measure(messages: int = 100, rounds: int = 9) -> Chat:
    """Run all contenders, in turns."""
    with tempfile.TemporaryDirectory(prefix="academics-benchmark-") as name, ExitStack() as stack:
        lab = Lab(Path(name), stack.enter_context(running_mongod()).uri, stack)
        return Chat(messages, _one_to_one(lab, Path(name), messages, rounds))


def _one_to_one(lab: Lab, folder: Path, messages: int, rounds: int) -> dict[str, list[float]]:
    ada, grace = lab.enter("ada"), lab.enter("grace")
    meet(ada, grace)
    ada.value(BARE)
    ada.value(ONE_TO_ONE)
    port, to = free_port(), grace.ids["grace"]
    contenders = {
        ECHO: f"bare({port}, 'echo', {messages})",
        FLOOR: f"bare({port}, 'keep', {messages})",
        LINK: f"pings({to!r}, {min(messages, 50)})",
        WRITE: f"writes({messages})",
        OURS: f"talk({to!r}, {messages})",
    }
    medians_ms: dict[str, list[float]] = {name: [] for name in contenders}
    server = GuardedProcess([sys.executable, "-c", SERVER, str(port), str(folder / "kept")])
    try:
        wait_until(lambda: asyncio.run(_accepts(port)), what="the echo server")
        ada.ask(contenders[OURS]).result(LONG_S)
        for _ in range(rounds):
            for name, code in contenders.items():
                medians_ms[name].append(statistics.median(ada.ask(code).result(LONG_S)))
    finally:
        server.kill()
    return medians_ms


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=ssl._create_unverified_context())
    except OSError:
        return False
    writer.close()
    return True


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
